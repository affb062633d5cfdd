package play

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// tokens are the beginnings of what only memory and sealed records may hold.
var tokens = []string{xmcloud.UserPrefix, "TICKET|"} //nolint:gochecknoglobals // constant

// leaks says where a secret that somebody typed, or a token that was given for
// it, can be read afterwards: in any file of the world but those that the agent
// was given, in what was said to the broker, and in what the agent tells.
func (p *player) leaks(ctx context.Context) []string {
	l := leakage{seen: map[string]bool{}}
	for _, s := range p.secrets {
		l.forms = append(l.forms, formsOf(s)...)
	}
	given := p.w.Given()
	err := filepath.WalkDir(p.w.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || slices.Contains(given, path) {
			return err
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // the running agent tidied up
		}
		name, _ := filepath.Rel(p.w.Dir(), path)
		l.look(filepath.ToSlash(name), data)
		return err
	})
	if err != nil {
		l.reasons = append(l.reasons, fmt.Sprintf("secrets: look for them: %v", err))
	}
	if p.w.Broker != nil {
		for _, m := range p.w.Broker.Messages() {
			l.look("message "+m.Topic, m.Payload)
		}
	}
	if p.agent.PID() != 0 {
		l.look("what the agent tells", []byte(p.metrics(ctx)))
		for _, args := range [][]string{{"jobs", "list", "--json"}, {"services", "--json"}} {
			out, err := p.agent.Command(ctx, args...)
			if err != nil {
				out = append(out, err.Error()...)
			}
			l.look("platen "+strings.Join(args, " "), out)
		}
	}
	return l.reasons
}

// leakage is a search.
type leakage struct {
	forms   []form
	seen    map[string]bool
	reasons []string
}

// form is one way to write a secret.
type form struct {
	text   []byte
	digits bool // digits only count between others
}

// formsOf lists the ways in which a secret might be written.
func formsOf(secret string) []form {
	if strings.Trim(secret, "0123456789") == "" {
		if len(secret) < 6 {
			return nil // any number could be it
		}
		return []form{{text: []byte(secret), digits: true}}
	}
	quoted, _ := json.Marshal(secret) // a string cannot fail
	forms := []form{}
	for _, s := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), strings.Trim(string(quoted), `"`),
		strings.Trim(fmt.Sprintf("%q", secret), `"`), strings.Trim(fmt.Sprintf("%+q", secret), `"`),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
	} {
		if !slices.ContainsFunc(forms, func(f form) bool { return string(f.text) == s }) {
			forms = append(forms, form{text: []byte(s)})
		}
	}
	return forms
}

func (l *leakage) look(where string, data []byte) {
	for _, f := range l.forms {
		if f.in(data) && !l.seen[where] {
			l.seen[where] = true
			l.reasons = append(l.reasons, "secrets: what somebody typed can be read in "+where)
		}
	}
	for _, t := range tokens {
		if bytes.Contains(data, []byte(t)) && !l.seen[where] {
			l.seen[where] = true
			l.reasons = append(l.reasons, "secrets: a token can be read in "+where)
		}
	}
}

func (f form) in(data []byte) bool {
	for {
		i := bytes.Index(data, f.text)
		if i < 0 {
			return false
		}
		end := i + len(f.text)
		if !f.digits || (!digitAt(data, i-1) && !digitAt(data, end)) {
			return true
		}
		data = data[i+1:]
	}
}

func digitAt(data []byte, i int) bool {
	return i >= 0 && i < len(data) && data[i] >= '0' && data[i] <= '9'
}
