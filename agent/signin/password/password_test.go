package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/password"
)

// service writes down what it was asked and answers with err, or as Ann.
type service struct {
	asked []signin.Attempt
	err   error
}

func (s *service) Login(_ context.Context, a signin.Attempt) (signin.Identity, error) {
	s.asked = append(s.asked, a)
	if s.err != nil {
		return signin.Identity{}, s.err
	}
	return signin.Identity{Way: "the service's word"}, nil
}

var (
	own      = signin.Discovery{Account: signin.AccountOwn}
	ownEmail = signin.Discovery{Account: signin.AccountOwn, Email: true}
	adfs     = signin.Discovery{Account: signin.AccountWSTrust, Email: true}
	saml     = signin.Discovery{Account: signin.AccountSAML, Email: true}
	oidc     = signin.Discovery{Account: signin.AccountOIDC, Email: true}
)

// TestWhatIsSentAndWhatIsNot: an attempt costs one request or none.
func TestWhatIsSentAndWhatIsNot(t *testing.T) {
	for _, tt := range []struct {
		title  string
		way    signin.Way
		d      signin.Discovery
		name   string
		secret string
		code   string
		want   signin.Problem // "" is sent
	}{
		{"a user name", signin.WayPassword, own, "ann", "x", "", ""},
		{"spaces around a name", signin.WayPassword, own, " ann\t", "x", "", ""},
		{"an address", signin.WayPassword, own, "Ann@acme.example", "x", "", ""},
		{"a password with anything in it", signin.WayPassword, own, "ann", " \"\\<ü\x01", "", ""},
		{"a code", signin.WayPassword, own, "ann", "x", " 123 456", ""},
		{"an address where it must be", signin.WayPassword, ownEmail, "ann@acme.example", "x", "", ""},
		{"brokered", signin.WayBrokered, adfs, "ann@acme.example", "x", "", ""},
		{"brokered with a code", signin.WayBrokered, adfs, "ann@acme.example", "x", "123456", ""},
		{"as long as may be", signin.WayPassword, own, strings.Repeat("n", 254), strings.Repeat("x", 1024), "", ""},

		{"a user name where an address must be", signin.WayPassword, ownEmail, "ann", "x", "", signin.EmailNeeded},
		{"a user name, brokered", signin.WayBrokered, adfs, "ann", "x", "", signin.EmailNeeded},
		{"an account of Windows, brokered", signin.WayBrokered, adfs, `CORP\ann`, "x", "", signin.EmailNeeded},
		{"half an address", signin.WayBrokered, adfs, "ann@", "x", "", signin.EmailNeeded},
		{"the other half", signin.WayBrokered, adfs, "@acme.example", "x", "", signin.EmailNeeded},
		{"an address with a gap", signin.WayBrokered, adfs, "ann lee@acme.example", "x", "", signin.EmailNeeded},

		{"no name", signin.WayPassword, own, " ", "x", "", signin.BadInput},
		{"no password", signin.WayPassword, own, "ann", "", "", signin.BadInput},
		{"a name too long", signin.WayPassword, own, strings.Repeat("n", 255), "x", "", signin.BadInput},
		{"a password too long", signin.WayPassword, own, "ann", strings.Repeat("x", 1025), "", signin.BadInput},
		{"a name of two lines", signin.WayPassword, own, "ann\nlee", "x", "", signin.BadInput},
		{"a name that is no text", signin.WayPassword, own, "ann\xff", "x", "", signin.BadInput},
		{"a password that is no text", signin.WayPassword, own, "ann", "\xff", "", signin.BadInput},
		{"five digits", signin.WayPassword, own, "ann", "x", "12345", signin.BadInput},
		{"letters for digits", signin.WayPassword, own, "ann", "x", "12345a", signin.BadInput},
		{"other digits", signin.WayPassword, own, "ann", "x", "१२", signin.BadInput},

		{"SAML", signin.WayPassword, saml, "ann@acme.example", "x", "", signin.PhoneOnly},
		{"SAML, brokered", signin.WayBrokered, saml, "ann@acme.example", "x", "", signin.PhoneOnly},
		{"OpenID", signin.WayPassword, oidc, "ann@acme.example", "x", "", signin.PhoneOnly},
		{"OpenID, brokered", signin.WayBrokered, oidc, "ann@acme.example", "x", "", signin.PhoneOnly},
		{"the service's password at a company's account", signin.WayPassword, adfs, "ann@acme.example", "x", "", signin.NoWay},
		{"the company's password at the service's account", signin.WayBrokered, ownEmail, "ann@acme.example", "x", "", signin.NoWay},
		{"an account nobody found out about", signin.WayPassword, signin.Discovery{}, "ann", "x", "", signin.NoWay},
	} {
		t.Run(tt.title, func(t *testing.T) {
			s := &service{}
			secret := []byte(tt.secret)
			id, err := password.New(password.Options{Way: tt.way, Cloud: s}).Try(t.Context(), signin.Attempt{
				Terminal: signin.Terminal{ID: "front-desk"}, Name: tt.name, Secret: secret, Code: tt.code, Discovery: tt.d,
			})
			if tt.want != "" {
				r, ok := errors.AsType[*signin.Refused](err)
				if !ok || r.Problem != tt.want || r.Spent || len(s.asked) != 0 {
					t.Errorf("%v, %d requests; want %s and none", err, len(s.asked), tt.want)
				}
				if tt.secret != "x" && tt.secret != "" && strings.Contains(err.Error(), tt.secret) {
					t.Errorf("%q holds the password", err)
				}
				return
			}
			if err != nil || len(s.asked) != 1 || id.Way != tt.way {
				t.Fatalf("%+v, %v, %d requests; want one, by %s", id, err, len(s.asked), tt.way)
			}
			got := s.asked[0]
			code := strings.ReplaceAll(tt.code, " ", "")
			if tt.way == signin.WayBrokered {
				code = ""
			}
			if got.Name != strings.TrimSpace(tt.name) || string(got.Secret) != tt.secret || got.Code != code || got.Terminal.ID != "front-desk" {
				t.Errorf("sent %q with code %q; want %q and %q", got.Name, got.Code, strings.TrimSpace(tt.name), code)
			}
		})
	}
}

// TestNothingIsRepeated: what the service says is handed on after one attempt.
func TestNothingIsRepeated(t *testing.T) {
	for _, r := range []*signin.Refused{
		{Problem: signin.BadCredentials, Spent: true}, {Problem: signin.ServiceDown}, {Problem: signin.CodeNeeded},
	} {
		s := &service{err: r}
		id, err := password.New(password.Options{Way: signin.WayPassword, Cloud: s}).Try(t.Context(), signin.Attempt{
			Name: "ann", Secret: []byte("x"), Discovery: own,
		})
		if !errors.Is(err, r) || len(s.asked) != 1 || id != (signin.Identity{}) {
			t.Errorf("%s: %+v, %v after %d requests; want it unchanged after one", r.Problem, id, err, len(s.asked))
		}
	}
}
