package world

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Where passwords may arrive.
const (
	AtCloud = "cloud"
	AtADFS  = "adfs"
)

// Arrival is a password that reached a server of the world over one of its
// interfaces for programs. What people type into pages on their phones is not
// counted.
type Arrival struct {
	Host string `json:"host"` // as the client named it
	Path string `json:"path"`
	TLS  bool   `json:"tls"`
	// Pinned says that it was the host the agent is told to trust with it.
	Pinned bool `json:"pinned"`
	// Result is what became of it, where the server writes it down.
	Result string `json:"result,omitempty"`
}

// Passwords returns what arrived at AtCloud or AtADFS, oldest first.
func (w *World) Passwords(at string) []Arrival {
	var out []Arrival
	if at == AtADFS && w.ADFS != nil {
		for _, r := range w.ADFS.Passwords() {
			out = append(out, Arrival{Host: r.Host, Path: r.Path, TLS: r.TLS, Pinned: r.TLS && r.Host == w.farm.host, Result: r.Result})
		}
	}
	if at == AtCloud {
		w.mu.Lock()
		defer w.mu.Unlock()
		out = append(out, w.typed...)
	}
	return out
}

// TypeElsewhere types a name and a password at the cloud, at some device that is
// not of this world.
func (w *World) TypeElsewhere(ctx context.Context, name, password string) error {
	c, err := xmcloud.New(xmcloud.Config{HTTP: w.Client(), Commit: w.Client(), Endpoint: w.XMURL(), Account: xmAccount})
	if err != nil {
		return err
	}
	_, err = c.Login(ctx, xmcloud.Login{
		Account: xmAccount, Username: name, Password: []byte(password), Application: "another",
		Terminal: xmcloud.Terminal{ID: "elsewhere", Name: "Elsewhere"},
	})
	return err
}

// watchPasswords writes down which requests to the cloud bring a password:
// those for a token by password, and any for a token that carries one although
// it should not.
func (w *World) watchPasswords(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		login := r.URL.Path == "/"+xmcloud.PathUserToken
		if r.Method != http.MethodPost || (!login && r.URL.Path != "/"+xmcloud.PathToken) {
			next.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxControl))
		if err != nil {
			return // the client is gone, or sends too much
		}
		if login || w.holdsPassword(body) {
			w.mu.Lock()
			w.typed = append(w.typed, Arrival{Host: r.Host, Path: r.URL.Path, TLS: r.TLS != nil, Pinned: r.TLS != nil && r.Host == w.xm.host})
			w.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(rw, r)
	})
}

// holdsPassword looks for the passwords of the world as they are and as a form
// writes them.
func (w *World) holdsPassword(body []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.persons {
		if bytes.Contains(body, []byte(p.Password)) || bytes.Contains(body, []byte(url.QueryEscape(p.Password))) {
			return true
		}
	}
	return false
}
