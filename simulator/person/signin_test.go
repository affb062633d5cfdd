package person_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/simulator/person"
)

// desk is the sign-in of a panel, one question after the other, as the agent
// writes them. It takes one name, password and code.
type desk struct {
	screen string
	said   string
	asked  []string // what was posted, in order
}

const deskForm = `<form method="post" action="/panel/d/signin%s">%s</form>`

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if r.Method == http.MethodPost {
		d.asked = append(d.asked, r.URL.Path+" "+r.PostForm.Encode())
		d.said = ""
		switch f := r.PostForm; {
		case strings.HasSuffix(r.URL.Path, "/begin"):
			d.screen = "signin-email"
		case strings.HasSuffix(r.URL.Path, "/leave"):
			d.screen = "home"
		case f.Get("way") == "phone":
			d.screen = "signin-phone"
		case f.Get("way") == "password", d.screen == "signin-email":
			d.screen = "signin-password"
		case d.screen == "signin-password" && f.Get("secret") == "word":
			d.screen = "signin-code"
		case d.screen == "signin-code" && f.Get("code") == "246810":
			d.screen = "signin-new-pin"
		case d.screen == "signin-new-pin":
			d.screen = "hello"
		default:
			d.said = "That was wrong."
		}
	}
	leave := `<form method="post" action="/panel/d/leave"><button>Leave</button></form>`
	body := map[string]string{
		"home":            `<form method="post" action="/panel/d/begin"><button>Send a fax</button></form>`,
		"signin-email":    fmt.Sprintf(deskForm, "", `<input name="email"><button name="do" value="email">Next</button>`) + fmt.Sprintf(deskForm, "", `<input type="hidden" name="way" value="phone"><button name="do" value="way">Phone</button>`),
		"signin-password": fmt.Sprintf(deskForm, "/secret", `<input type="password" name="secret"><button>Sign in</button>`),
		"signin-code":     fmt.Sprintf(deskForm, "/secret", `<input name="code"><button>Sign in</button>`),
		"signin-phone": `<p>open <span class="address">https://fax.example/d</span> <b class="usercode">BCDF-GHJK</b> <b class="match">47</b></p>` +
			fmt.Sprintf(deskForm, "", `<input type="hidden" name="way" value="password"><button name="do" value="way">Password</button>`),
		"signin-new-pin": fmt.Sprintf(deskForm, "/secret", `<input name="secret"><input name="again"><button>Use</button>`) + fmt.Sprintf(deskForm, "", `<button name="do" value="no">Not now</button>`),
		"hello":          `<p>Hello, Ann</p>`,
	}[d.screen]
	fmt.Fprintf(w, `<body class="s-%s">%s%s<p>%s</p></body>`, d.screen, leave, body, d.said)
}

func atDesk(t *testing.T, screen string) (*desk, *person.Browser, string) {
	t.Helper()
	d := &desk{screen: screen}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d, person.New(5*time.Second, nil), s.URL + "/panel/d/"
}

func TestSignIn(t *testing.T) {
	code := func() (string, error) { return "246810", nil }
	for _, tt := range []struct {
		name   string
		t      person.Typist
		screen string // where it ends
		is     error
		refuse bool
	}{
		{"all of it", person.Typist{Name: "ann", Password: "word", Code: code, PIN: "739154"}, person.ScreenHello, nil, false},
		{"without a PIN", person.Typist{Name: "ann", Password: "word", Code: code}, person.ScreenHello, nil, false},
		{"wrong password", person.Typist{Name: "ann", Password: "nope"}, person.ScreenPassword, nil, true},
		{"no app", person.Typist{Name: "ann", Password: "word"}, person.ScreenCode, person.ErrNothingToType, false},
		{"nothing at all", person.Typist{}, person.ScreenEmail, person.ErrNothingToType, false},
		{"on the phone", person.Typist{Phone: true}, person.ScreenPhone, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, b, panel := atDesk(t, "home")
			if err := b.GoToSignIn(t.Context(), panel); err != nil {
				t.Fatal(err)
			}
			err := b.SignIn(t.Context(), tt.t)
			var trouble *person.TroubleError
			switch {
			case b.Page().Screen() != tt.screen:
				t.Errorf("ends at %q with %v, want %q", b.Page().Screen(), err, tt.screen)
			case tt.is != nil && !errors.Is(err, tt.is):
				t.Errorf("SignIn = %v, want %v", err, tt.is)
			case tt.refuse && (!errors.As(err, &trouble) || !b.Page().Has("That was wrong")):
				t.Errorf("SignIn = %v, want what the panel says", err)
			case tt.is == nil && !tt.refuse && err != nil:
				t.Errorf("SignIn = %v", err)
			}
		})
	}
}

// TestSignInAsksOnce shows that a refused password is posted once.
func TestSignInAsksOnce(t *testing.T) {
	d, b, panel := atDesk(t, "home")
	if err := b.GoToSignIn(t.Context(), panel); err != nil {
		t.Fatal(err)
	}
	if err := b.SignIn(t.Context(), person.Typist{Name: "a b", Password: "x&<"}); err == nil {
		t.Error("a wrong password signs in")
	}
	want := []string{"/panel/d/leave ", "/panel/d/begin ", "/panel/d/signin do=email&email=a+b", "/panel/d/signin/secret secret=x%26%3C"}
	if fmt.Sprint(d.asked) != fmt.Sprint(want) {
		t.Errorf("posted %q, want %q", d.asked, want)
	}
}

// TestGoToSignIn shows that somebody's given-up sign-in is left first, and that a
// panel that knows who it is does not pass for one that asks.
func TestGoToSignIn(t *testing.T) {
	d, b, panel := atDesk(t, "signin-password")
	if err := b.GoToSignIn(t.Context(), panel); err != nil || d.screen != "signin-email" {
		t.Errorf("GoToSignIn = %v at %q", err, d.screen)
	}
	d.screen = "hello"
	if err := b.GoToSignIn(t.Context(), panel); err == nil {
		t.Error("a panel that knows who it is asks")
	}
}

func TestCodeOfThePanel(t *testing.T) {
	_, b, panel := atDesk(t, "signin-phone")
	if _, err := b.Open(t.Context(), panel); err != nil {
		t.Fatal(err)
	}
	want := person.Shown{Address: "https://fax.example/d", Code: "BCDF-GHJK", Match: "47"}
	if got, err := b.Code(); err != nil || got != want {
		t.Errorf("Code = %+v, %v; want %+v", got, err, want)
	}
	_, b, panel = atDesk(t, "home")
	if _, err := b.Open(t.Context(), panel); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Code(); err == nil {
		t.Error("a screen without a code has one")
	}
}
