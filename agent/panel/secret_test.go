package panel_test

import (
	"net/url"
	"testing"

	"github.com/platen-fax/platen/agent/panel"
)

// FuzzUnescape reads a secret as the library's parser reads any other field.
func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"", "a+b", "%C3%BC%25", "%", "%2", "%zz", "100%", "p%40ss%26word"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := panel.Unescape([]byte(s))
		want, wantErr := url.QueryUnescape(s)
		if (err != nil) != (wantErr != nil) || err == nil && string(got) != want {
			t.Errorf("unescape(%q) = %q, %v; want %q, %v", s, got, err, want, wantErr)
		}
	})
}
