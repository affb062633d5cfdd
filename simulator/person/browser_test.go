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

// panel is a few screens as the agent's panel makes them.
func panel(t *testing.T) *httptest.Server {
	t.Helper()
	looks := 0
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, class, body string) {
		fmt.Fprintf(w, `<!DOCTYPE html><body class="%s"><script>var x = "Send a fax"</script>%s</body>`, class, body)
	}
	mux.HandleFunc("GET /panel/d/{$}", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "visit", Value: "v1", HttpOnly: true})
		page(w, "home", `<form method="post" action="/panel/d/begin"><input type="hidden" name="csrf" value="t1">
			<button disabled>Send a fax</button><button type="submit">Send <b>a</b>
			fax</button></form><p hidden>secret</p>`)
	})
	mux.HandleFunc("POST /panel/d/begin", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("visit")
		if r.PostFormValue("csrf") != "t1" || err != nil || c.Value != "v1" || r.Header.Get("Origin") != "http://"+r.Host {
			http.Error(w, "form refused", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, "/panel/d/number", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /panel/d/number", func(w http.ResponseWriter, _ *http.Request) {
		page(w, "s-number sharp", `<form id="f" method="post" action="/panel/d/number"><input name="number" value="old">
			<select name="lang"><option value="en">English</option><option selected>fr</option></select>
			<input type="checkbox" name="mail" checked><input type="checkbox" name="paper">
			<button name="do" value="another">+ another</button></form>
			<button form="f" name="do" value="next">Next</button>`)
	})
	mux.HandleFunc("POST /panel/d/number", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		page(w, "scan", `<p>`+r.PostForm.Encode()+`</p><a href="wait">On</a>`)
	})
	mux.HandleFunc("GET /panel/d/wait", func(w http.ResponseWriter, _ *http.Request) {
		if looks++; looks < 3 {
			page(w, "scanning", `<p>page `+fmt.Sprint(looks)+`</p>`)
			return
		}
		page(w, "pages", `<p>3 pages stored safely</p>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestWalk(t *testing.T) {
	s := panel(t)
	b := person.New(5*time.Second, nil)
	ctx := t.Context()
	if err := b.Begin(ctx, s.URL+"/panel/d/"); err != nil {
		t.Fatal(err)
	}
	if err := b.Dial(ctx, "514"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.Page().Line("number"), "do=next&lang=fr&mail=on&number=514"; got != want {
		t.Errorf("the form sent %q, want %q", got, want)
	}
	if _, err := b.Tap(ctx, nil, "@wait"); err != nil {
		t.Fatal(err)
	}
	if err := b.Scanned(ctx); err != nil {
		t.Fatal(err)
	}
	if got := b.Page().Line("stored"); got != "3 pages stored safely" {
		t.Errorf("Line = %q", got)
	}
}

func TestTapRefuses(t *testing.T) {
	s := panel(t)
	b := person.New(5*time.Second, nil)
	if _, err := b.Open(t.Context(), s.URL+"/panel/d/"); err != nil {
		t.Fatal(err)
	}
	if b.Page().Has("secret") {
		t.Error("hidden text is read")
	}
	if _, err := b.Tap(t.Context(), nil, "Fax now"); !errors.Is(err, person.ErrNoTap) {
		t.Errorf("Tap of words that are not there = %v; want ErrNoTap", err)
	}
	_, err := b.Tap(t.Context(), map[string]string{"numbre": "1"}, "Send a fax")
	if err == nil || !strings.Contains(err.Error(), "numbre") {
		t.Errorf("Tap with a field the form lacks = %v", err)
	}
	b.Forget()
	if _, err := b.Tap(t.Context(), nil, "Send a fax"); err == nil {
		t.Error("Tap without a screen works")
	}
}

// TestTrouble shows what a person reports who is not where they should be.
func TestTrouble(t *testing.T) {
	s := panel(t)
	b := person.New(5*time.Second, nil)
	if _, err := b.Open(t.Context(), s.URL+"/panel/d/"); err != nil {
		t.Fatal(err)
	}
	_, err := b.Send(t.Context())
	var trouble *person.TroubleError
	if !errors.As(err, &trouble) || trouble.Screen != person.ScreenHome || trouble.Text != "Send a fax Send a fax" {
		t.Errorf("Send on the first screen = %v", err)
	}
}
