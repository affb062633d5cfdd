// Package phonetest drives a real browser with the screen of a phone, for tests
// of the pages that people open there. It knows no page.
package phonetest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Phone is a real browser with the screen of a phone. Its methods are for the
// goroutine of the test.
type Phone struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // the browser itself, by chromedp's design
}

// New starts chromium, which ends with the test; it trusts the keys of these
// servers and no others. Without chromium the test fails.
func New(t *testing.T, servers ...*httptest.Server) *Phone {
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
	p := &Phone{t, ctx}
	p.do(chromedp.EmulateViewport(390, 844))
	return p
}

func (p *Phone) do(a ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		p.t.Fatalf("phone: %v", err)
	}
}

// JS runs a script and returns its text.
func (p *Phone) JS(code string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](code))
	if err != nil {
		p.t.Fatalf("phone: %s: %v", code, err)
	}
	return v
}

// Open goes to an address.
func (p *Phone) Open(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
}

// Sees waits for a page with that heading and element, and wants that nothing
// runs off the screen and that every field and button is large enough for a
// finger. A page that is going away counts as not there yet. With PLATEN_SCREENS
// set, a picture goes into that directory.
func (p *Phone) Sees(title, selector string) {
	p.t.Helper()
	code := fmt.Sprintf(`(() => {
		const h = document.querySelector("h1");
		return h && document.querySelector(%q) ? h.textContent + "|" + document.documentElement.scrollWidth + "|" +
			[...document.querySelectorAll("button, .button, input:not([type=hidden])")].filter(e => e.getBoundingClientRect().height < 44).length : "";
	})()`, selector)
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](code))
		if shown, size, _ := strings.Cut(got, "|"); err == nil && shown == title {
			if size != "390|0" {
				p.t.Errorf("%q: wide|small targets are %s; want 390|0", title, size)
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

// Types fills fields by name and presses the button with that text. The press
// comes after the script ended, since it takes the page away.
func (p *Phone) Types(button string, values ...string) {
	p.t.Helper()
	for i := 0; i < len(values); i += 2 {
		p.JS(fmt.Sprintf(`document.querySelector('[name=%s]').value = %q`, values[i], values[i+1]))
	}
	if got := p.JS(fmt.Sprintf(`(() => {
		const b = [...document.querySelectorAll("button")].find(b => b.textContent === %q);
		if (!b) return "none";
		setTimeout(() => b.click());
		return "";
	})()`, button)); got != "" {
		p.t.Fatalf("no button %q", button)
	}
}
