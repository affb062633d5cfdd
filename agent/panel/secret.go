package panel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/platen-fax/platen/agent/signin"
)

// errPlain refuses a secret that came over a connection others can read.
var errPlain = errors.New("secret over a connection that is not private")

// secrets are the typed ones of a form, as bytes that can be overwritten.
type secrets struct{ first, second []byte }

func (s *secrets) wipe() {
	signin.Wipe(s.first)
	signin.Wipe(s.second)
}

// secretsKey finds them in a request's context.
type secretsKey struct{}

func secretsOf(r *http.Request) *secrets {
	if s, ok := r.Context().Value(secretsKey{}).(*secrets); ok {
		return s
	}
	return new(secrets)
}

// readSecrets reads a form by hand, because the library's parser makes strings
// of everything: the fields "secret" and "again" become bytes, all others are
// r.PostForm. The caller has looked where the request comes from.
func readSecrets(r *http.Request) (*http.Request, *secrets, error) {
	body, err := io.ReadAll(r.Body)
	defer clear(body)
	if err != nil {
		return nil, nil, errForm
	}
	s, form := new(secrets), url.Values{}
	for field := range bytes.SplitSeq(body, []byte("&")) {
		name, value, _ := bytes.Cut(field, []byte("="))
		switch string(name) {
		case "secret":
			s.first, err = unescape(value)
		case "again":
			s.second, err = unescape(value)
		default:
			var k, v string
			if k, err = url.QueryUnescape(string(name)); err == nil {
				if v, err = url.QueryUnescape(string(value)); err == nil {
					form.Add(k, v)
				}
			}
		}
		if err != nil {
			s.wipe()
			return nil, nil, errForm
		}
	}
	r.PostForm, r.Form = form, form
	return r.WithContext(context.WithValue(r.Context(), secretsKey{}, s)), s, nil
}

// unescape undoes the escapes of a form field into bytes of its own.
func unescape(in []byte) ([]byte, error) {
	out := make([]byte, 0, len(in)) // never grows, so no copy stays behind
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(in) || !isHex(in[i+1]) || !isHex(in[i+2]) {
				clear(out)
				return nil, errForm
			}
			out = append(out, hexValue(in[i+1])<<4|hexValue(in[i+2]))
			i += 2
		default:
			out = append(out, in[i])
		}
	}
	return out, nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
