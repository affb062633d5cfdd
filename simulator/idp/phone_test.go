package idp_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/simulator/idp"
)

// phone is a real browser with the screen of a phone.
type phone struct {
	t   *testing.T
	ctx context.Context
}

// newPhone starts chromium; it trusts the keys of these servers and no others.
func newPhone(t *testing.T, servers ...*httptest.Server) *phone {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test needs a browser: apt-get install chromium")
	}
	var pins []string
	for _, s := range servers {
		sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
		pins = append(pins, base64.StdEncoding.EncodeToString(sum[:]))
	}
	alloc, stop := chromedp.NewExecAllocator(
		context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(pins, ",")),
	)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("stopping chromium: %v", err)
		}
		cancel()
		stop()
	})
	// The first call starts it and must have no time limit of its own.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	p := &phone{t, ctx}
	p.do(chromedp.EmulateViewport(390, 844))
	return p
}

func (p *phone) do(a ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		p.t.Fatalf("phone: %v", err)
	}
}

func (p *phone) js(code string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](code))
	if err != nil {
		p.t.Fatalf("phone: %s: %v", code, err)
	}
	return v
}

// sees waits for a page with that heading and element, and wants that nothing
// runs off the screen. A page that is going away counts as not there yet.
func (p *phone) sees(title, selector string) {
	p.t.Helper()
	code := fmt.Sprintf(`(() => {
		const h = document.querySelector("h1");
		return h && document.querySelector(%q) ? h.textContent + "|" + document.documentElement.scrollWidth : "";
	})()`, selector)
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](code))
		if shown, width, _ := strings.Cut(got, "|"); err == nil && shown == title {
			if width != "390" {
				p.t.Errorf("%q is %s wide on a screen of 390", title, width)
			}
			break
		}
		if ctx.Err() != nil {
			p.t.Fatalf("the phone shows %q (%v), not %q with %s", got, err, title, selector)
		}
		time.Sleep(20 * time.Millisecond) // between looks, until the deadline
	}
	if dir := os.Getenv("PLATEN_SCREENS"); dir != "" {
		png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			p.t.Fatal(err)
		}
		name := strings.ReplaceAll(p.t.Name()+"-"+title, "/", "-") + ".png"
		if err := os.WriteFile(filepath.Join(dir, name), png, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// types fills fields by name and presses the button with that text. The press
// comes after the script ended, since it takes the page away.
func (p *phone) types(button string, values ...string) {
	p.t.Helper()
	for i := 0; i < len(values); i += 2 {
		p.js(fmt.Sprintf(`document.querySelector('[name=%s]').value = %q`, values[i], values[i+1]))
	}
	if got := p.js(fmt.Sprintf(`(() => {
		const b = [...document.querySelectorAll("button")].find(b => b.textContent === %q);
		if (!b) return "none";
		setTimeout(() => b.click());
		return "";
	})()`, button)); got != "" {
		p.t.Fatalf("no button %q", button)
	}
}

// TestPhoneSAML signs in with a real browser on a phone's screen, through the
// provider's page and back to the service provider.
func TestPhoneSAML(t *testing.T) {
	s := newSite(t, idp.Entra)
	got := make(chan error, 1)
	sp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.NotFound(w, r) // the browser asks for an icon
			return
		}
		post, err := saml.ReadPost(w, r)
		if err == nil {
			post.Session = "phone"
			var id *saml.Identity
			if id, err = s.v.Response(r.Context(), post); err == nil && id.Email != ann {
				err = fmt.Errorf("signed in as %q", id.Email)
			}
		}
		got <- err
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<meta name="viewport" content="width=device-width"><h1>Done</h1>`)
	}))
	defer sp.Close()
	// The provider learns the address of this service provider.
	here := sp.URL + "/acs"
	var h http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	defer srv.Close()
	p, err := idp.NewSAML(idp.SAMLOptions{
		Profile: idp.Entra, Base: srv.URL, Users: people(), Services: map[string][]string{entity: {here}}, Now: func() time.Time { return s.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, s.idp, s.v.ACS = p.Handler(), p, here
	s.conf = s.metadata()
	q := s.ask()
	q.ACS = here
	at, err := q.URL(saml.Redirect{LoginHint: "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ph := newPhone(t, srv, sp)
	ph.do(chromedp.Navigate(at))
	ph.sees("Sign in", "[name=password]")
	if hint := ph.js(`document.querySelector("[name=user]").value`); hint != "ann@example.com" {
		t.Errorf("the hint became %q", hint)
	}
	ph.types("Sign in", "password", "right horse")
	ph.sees("Done", "h1")
	select {
	case err := <-got:
		if err != nil {
			t.Errorf("the response: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("no response came")
	}
}

// TestPhoneDeviceGrant confirms a code with a real browser on a phone's screen.
func TestPhoneDeviceGrant(t *testing.T) {
	for _, shape := range []idp.Profile{idp.Entra, idp.Okta} {
		t.Run(string(shape), func(t *testing.T) {
			o := newOffice(t, shape, nil)
			a, err := o.client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ph := newPhone(t, o.srv)
			ph.do(chromedp.Navigate(a.QR()))
			if a.Complete == "" {
				ph.sees("Enter the code", "[name=user_code]")
				ph.types("Next", "user_code", a.UserCode)
			}
			ph.sees("Sign in", "[name=password]")
			ph.types("Sign in", "user", "gil@example.com", "password", "g")
			ph.sees("Sign in", "[name=code]")
			ph.types("Sign in", "password", "g", "code", "246810")
			ph.sees("Are you trying to sign in?", ".code")
			if code := ph.js(`document.querySelector(".code").textContent`); code != a.UserCode {
				t.Errorf("the phone shows the code %q, the panel %q", code, a.UserCode)
			}
			ph.types("Continue")
			ph.sees("You have signed in", "main")
			token, err := o.client.Poll(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if who, err := o.client.Verify(t.Context(), token); err != nil || who.Email != "gil@example.com" {
				t.Errorf("Verify = %+v, %v", who, err)
			}
		})
	}
}
