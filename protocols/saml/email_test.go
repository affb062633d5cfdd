package saml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/saml"
)

// TestEmailFolding says which spellings are one person.
func TestEmailFolding(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"Ann@X.com", "ann@x.COM", true},
		{"ann@münchen.example", "ANN@xn--mnchen-3ya.example", true},
		{"ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example", true},
		{"ren\u00e9@x.com", "RENE\u0301@x.com", true},
		{"ann@x.com", "ann@x.com.evil.com", false},
		{"ann@x.com", "anna@x.com", false},
		{"ann+fax@x.com", "ann@x.com", false},
	} {
		if got := saml.SameEmail(tt.a, tt.b); got != tt.same {
			t.Errorf("SameEmail(%q, %q) = %t, want %t", tt.a, tt.b, got, tt.same)
		}
	}
	if got, err := saml.FoldEmail("Ann.B+c@Ex.COM"); got != "ann.b+c@ex.com" || err != nil {
		t.Errorf("FoldEmail = %q, %v", got, err)
	}
}

// TestEmailRefused lists what must never become somebody's key.
func TestEmailRefused(t *testing.T) {
	for _, s := range []string{
		"", "ann", "@x.com", "ann@", "ann@@x.com", "ann@x.com@evil.com", "ann @x.com", "ann@x.com\n", "\"ann\"@x.com",
		"Ann <ann@x.com>", "ann(c)@x.com", "ann\u200b@x.com", "ann\u200e@x.com", "an\u0000n@x.com", ".ann@x.com", "a..n@x.com",
		"ann@.x.com", "ann@x..com", "ann@x.com.", "mar\u212a@x.com", "\uff41nn@x.com", "f\ufb01@x.com", "ann@\u212a.com", "ann@x_y .com",
		"ann\xff@x.com", strings.Repeat("a", 400) + "@x.com",
	} {
		if key, err := saml.FoldEmail(s); !errors.Is(err, saml.ErrEmail) {
			t.Errorf("FoldEmail(%q) = %q, %v; want ErrEmail", s, key, err)
		}
	}
}

func FuzzFoldEmail(f *testing.F) {
	for _, s := range []string{"Ann@X.com", "ren\u00e9@xn--mnchen-3ya.example", "mar\u212a@x.com", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := saml.FoldEmail(s)
		if err != nil {
			if !errors.Is(err, saml.ErrEmail) {
				t.Fatalf("FoldEmail(%q): %v does not wrap ErrEmail", s, err)
			}
			return
		}
		again, err := saml.FoldEmail(key)
		if err != nil || again != key {
			t.Fatalf("FoldEmail(%q) = %q, folded again %q, %v", s, key, again, err)
		}
	})
}
