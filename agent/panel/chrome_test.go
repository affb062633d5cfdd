package panel_test

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var drawTo = flag.String("screens", "", "write a PNG of every screen into this directory")

// sizes are the panels' own.
var sizes = []struct{ w, h int64 }{{800, 480}, {1024, 600}}

// chrome is a real browser with one tab.
type chrome struct {
	t    *testing.T
	ctx  context.Context // of the tab
	mu   sync.Mutex
	said []string // what went wrong in it
}

// newChrome starts a browser for a whole test.
func newChrome(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("these tests need a browser: apt-get install chromium")
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", false),
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	// The first call starts it and must have no time limit of its own.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium = %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("stopping chromium: %v", err)
		}
		cancel()
		stop()
	})
	return ctx
}

// prepare changes a fresh tab before its first page.
type prepare = func(ctx context.Context) error

// tab opens a fresh one, with cookies of its own.
func tab(t *testing.T, parent context.Context, w, h int64, first prepare) *chrome { //nolint:revive // the test comes first here
	t.Helper()
	c := &chrome{t: t}
	var cancel context.CancelFunc
	c.ctx, cancel = chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(c.listen))
	t.Cleanup(cancel)
	if err := chromedp.Do(c.ctx, chromedp.EmulateViewport(w, h)); err != nil {
		t.Fatalf("opening a tab = %v", err)
	}
	if _, err := chromedp.Call(c.ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("Log.enable = %v", err)
	}
	if first != nil {
		if err := first(c.ctx); err != nil {
			t.Fatalf("preparing the tab = %v", err)
		}
	}
	return c
}

// listen notes what the browser complains about.
func (c *chrome) listen(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		c.note("exception: " + ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" {
			c.note("console error")
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" && !strings.HasSuffix(ev.Entry.URL, "/favicon.ico") {
			c.note(ev.Entry.Text + " " + ev.Entry.URL)
		}
	}
}

func (c *chrome) note(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, s)
}

// quiet fails if the browser complained.
func (c *chrome) quiet() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.said {
		c.t.Errorf("browser: %s", s)
	}
	c.said = nil
}

func (c *chrome) run(actions ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, bound)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		c.t.Fatalf("browser = %v", err)
	}
}

// eval asks the page; ok is false while there is none to ask.
func eval[T any](c *chrome, js string) (v T, ok bool) {
	ctx, cancel := context.WithTimeout(c.ctx, bound)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	return v, err == nil
}

func (c *chrome) text() string {
	s, _ := eval[string](c, `document.body ? document.body.innerText.replace(/\s+/g, ' ') : ''`)
	return s
}

// want waits until the page shows a text.
func (c *chrome) want(s string) *chrome {
	c.t.Helper()
	for end := time.Now().Add(bound); !strings.Contains(c.text(), s); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("the browser does not show %q; it shows: %s", s, c.text())
		}
	}
	return c
}

const findTarget = `(function (label) {
  var all = document.querySelectorAll('a, button'), i, r, t;
  for (i = 0; i < all.length; i += 1) {
    r = all[i].getBoundingClientRect();
    t = all[i].innerText.replace(/\s+/g, ' ').trim();
    if (r.width > 0 && r.height > 0 && t.indexOf(label) === 0) { return [r.left + r.width / 2, r.top + r.height / 2]; }
  }
  return [];
}(%q))`

// tap touches what reads label, once it is there.
func (c *chrome) tap(label string) *chrome {
	c.t.Helper()
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		at, ok := eval[[]float64](c, fmt.Sprintf(findTarget, label))
		if ok && len(at) == 2 {
			c.run(chromedp.MouseClickXY(at[0], at[1]))
			return c
		}
		if time.Now().After(end) {
			c.t.Fatalf("the browser shows nothing to tap that reads %q; it shows: %s", label, c.text())
		}
	}
}

// audit returns what on the page breaks the rules that hold on every screen.
const audit = `(function () {
  var bad = [], i, j, r, s, all, boxes = [], n, e, style;
  var main = document.getElementById('main'), doc = document.documentElement, h1 = document.querySelector('#bar h1');
  function name(e) { return (e.innerText || e.name || e.id || e.className || e.tagName).replace(/\s+/g, ' ').trim().slice(0, 40); }
  function rgb(c) { var m = c.match(/[\d.]+/g); return m && (m.length < 4 || Number(m[3]) > 0) ? m.slice(0, 3).map(Number) : null; }
  function lum(c) { return c.map(function (v) { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); })
    .reduce(function (a, v, k) { return a + v * [0.2126, 0.7152, 0.0722][k]; }, 0); }
  function ground(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c) { return c; } } return [255, 255, 255]; }
  if (doc.scrollWidth > innerWidth) { bad.push('scrolls sideways: ' + doc.scrollWidth); }
  if (doc.scrollHeight > innerHeight) { bad.push('scrolls down: ' + doc.scrollHeight); }
  if (main.scrollWidth > main.clientWidth) { bad.push('main scrolls sideways by ' + (main.scrollWidth - main.clientWidth)); }
  if (main.scrollHeight > main.clientHeight) { bad.push('main scrolls down by ' + (main.scrollHeight - main.clientHeight)); }
  all = document.querySelectorAll('a, button, input, select');
  for (i = 0; i < all.length; i += 1) {
    e = all[i]; r = e.getBoundingClientRect();
    if (e.type === 'hidden' || r.width === 0 || r.height === 0 || getComputedStyle(e).display === 'none') { continue; }
    if (r.width < 56 || r.height < 56) { bad.push('target ' + name(e) + ' is ' + r.width + 'x' + r.height); }
    if (e.className.indexOf('key') === 0 && (r.width < 64 || r.height < 64)) { bad.push('key ' + name(e) + ' is ' + r.width + 'x' + r.height); }
    if (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight) { bad.push('target ' + name(e) + ' lies outside'); }
    if (e.scrollWidth > e.clientWidth + 1 && e.tagName !== 'INPUT') { bad.push('target ' + name(e) + ' cuts its text'); }
    boxes.push([r, name(e)]);
  }
  for (i = 0; i < boxes.length; i += 1) {
    for (j = i + 1; j < boxes.length; j += 1) {
      r = boxes[i][0]; s = boxes[j][0];
      if (Math.max(r.left - s.right, s.left - r.right) < 7.5 && Math.max(r.top - s.bottom, s.top - r.bottom) < 7.5) {
        bad.push('less than 8 px between ' + boxes[i][1] + ' and ' + boxes[j][1]);
      }
    }
  }
  all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while ((n = all.nextNode())) {
    e = n.parentElement;
    if (!n.nodeValue.trim() || /^(SCRIPT|NOSCRIPT)$/.test(e.tagName) || e.className === 'hide') { continue; }
    style = document.createRange(); style.selectNodeContents(n); r = style.getBoundingClientRect();
    if (r.width === 0) { continue; }
    style = getComputedStyle(e);
    if (parseFloat(style.fontSize) < 20) { bad.push('text ' + style.fontSize + ': ' + n.nodeValue.trim()); }
    if (r.right > innerWidth + 1 || r.bottom > innerHeight + 1 || r.left < -1) { bad.push('text outside: ' + n.nodeValue.trim()); }
    i = lum(rgb(style.color)); j = lum(ground(e));
    s = (Math.max(i, j) + 0.05) / (Math.min(i, j) + 0.05);
    if (s < 7 && !/\boff\b/.test(e.className)) { bad.push('contrast ' + s.toFixed(1) + ': ' + n.nodeValue.trim()); }
    for (s = e; s && s !== document.body; s = s.parentElement) {
      if (getComputedStyle(s).overflow !== 'visible' && (r.right > s.getBoundingClientRect().right + 1 || r.bottom > s.getBoundingClientRect().bottom + 1)) {
        bad.push('text cut: ' + n.nodeValue.trim()); break;
      }
    }
  }
  r = document.createRange(); r.selectNodeContents(h1);
  if (r.getBoundingClientRect().right > document.getElementById('tools').getBoundingClientRect().left) { bad.push('the title runs under the tools'); }
  return bad;
}())`

// check audits the page that is open.
func (c *chrome) check(what string) {
	c.t.Helper()
	bad, ok := eval[[]string](c, audit)
	if !ok {
		c.t.Errorf("%s: the page could not be looked at", what)
	}
	for _, s := range bad {
		c.t.Errorf("%s: %s", what, s)
	}
}

// TestScreens audits every screen in both languages and sizes, and the high
// contrast, in a real browser. With -screens it also draws them.
func TestScreens(t *testing.T) {
	browserCtx := newChrome(t)
	tabs := make([]*chrome, len(sizes))
	for i, size := range sizes {
		tabs[i] = tab(t, browserCtx, size.w, size.h, nil)
	}
	// Two looks need not be audited at both sizes, only drawn.
	for _, look := range []struct {
		name, lang, sharp string
		sizes             int
	}{
		{"en", "en", "", 2}, {"fr", "fr", "", 1}, {"sharp", "en", "on", 1},
	} {
		for _, s := range screens() {
			t.Run(look.name+"/"+s.name, func(t *testing.T) {
				r, b := s.open(t, look.lang, look.sharp)
				at := b.at.String()
				if s.last != nil {
					r.held.Store(&b.body)
					at = r.srv.URL + "/held"
				} else if u := *b.at; true {
					u.RawQuery = strings.TrimPrefix(u.RawQuery+"&r=1", "&") // looking is no tap
					at = u.String()
				}
				for i, size := range sizes {
					if i >= look.sizes && *drawTo == "" {
						continue
					}
					c := tabs[i]
					c.t = t
					if err := setCookies(b, r.srv.URL)(c.ctx); err != nil {
						t.Fatal(err)
					}
					c.run(chromedp.Navigate(at))
					if s.last != nil {
						c.mu.Lock()
						c.said = nil // the held page's status is not its own
						c.mu.Unlock()
					}
					what := fmt.Sprintf("%s at %dx%d", s.name, size.w, size.h)
					c.check(what)
					c.quiet()
					if *drawTo != "" {
						c.picture(filepath.Join(*drawTo, fmt.Sprintf("%dx%d", size.w, size.h), look.name), s.name)
					}
					c.run(chromedp.Navigate("about:blank")) // before the server goes
				}
			})
		}
	}
}

// setCookies hands a visit to the browser.
func setCookies(b *browser, site string) prepare {
	return func(ctx context.Context) error {
		if _, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			return err
		}
		u, err := url.Parse(site + "/panel/front-desk/")
		if err != nil {
			return err
		}
		for _, ck := range b.client.Jar.Cookies(u) {
			set := network.SetCookieParams{Name: ck.Name, Value: ck.Value, URL: u.String(), Path: "/panel/front-desk/"}
			if _, err := chromedp.Call(ctx, network.SetCookie, set); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *chrome) picture(dir, name string) {
	c.t.Helper()
	png, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		c.t.Fatalf("picture of %s = %v", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// TestWholeWayInTheBrowser goes from the first screen to the outcome in a real
// browser: with everything, without WebSockets, and without scripts.
func TestWholeWayInTheBrowser(t *testing.T) {
	browserCtx := newChrome(t)
	for _, way := range []struct {
		name, live string
		first      prepare
	}{
		{"full", "socket", nil},
		{"no WebSocket", "poll", func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
				Source: `delete window.WebSocket; delete window.EventSource; delete window.fetch; delete window.Promise;`,
			})
			return err
		}},
		{"no scripts", "", func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		}},
	} {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s/%dx%d", way.name, size.w, size.h), func(t *testing.T) {
				wholeWay(t, tab(t, browserCtx, size.w, size.h, way.first), way.live)
			})
		}
	}
}

func wholeWay(t *testing.T, c *chrome, live string) {
	r := newRig(t, 3)
	reached1, release1 := r.front.Hold(1)
	reached3, release3 := r.front.Hold(3)
	defer release1()
	defer release3()
	step := func(what string) {
		t.Helper()
		c.check(what)
		c.quiet()
	}
	c.run(chromedp.Navigate(r.srv.URL + "/panel/front-desk/"))
	c.want("Put your pages in the feeder")
	step("home")
	c.tap("Send a fax").want("1 of 3")
	for i, key := range "5145550199" {
		c.tap(string(key))
		until(t, "the key to be typed", func() bool {
			v, _ := eval[string](c, `document.getElementById('number') ? document.getElementById('number').value : ''`)
			return len(v) == i+1
		})
	}
	step("number")
	c.tap("Next").want("2 of 3")
	step("scan")
	c.tap("Scan").want("Scanning page 1")
	<-reached1
	if live != "" {
		c.liveIs(live)
		eval[int](c, `window.kept = 1`)
	}
	release1()
	<-reached3
	c.want("Scanning page 3").want("2 pages stored safely")
	step("scanning")
	if live != "" {
		// Two pages came in and the page was not loaded again: it was told.
		if kept, _ := eval[int](c, `window.kept || 0`); kept != 1 {
			t.Errorf("the page was loaded again while pages moved")
		}
		if n, _ := eval[string](c, `document.body.getAttribute('data-news')`); n == "" || n < "2" && len(n) == 1 {
			t.Errorf("%q messages came; want at least 2", n)
		}
		if n, _ := eval[int](c, `document.getElementsByClassName('thumb').length`); n != 2 {
			t.Errorf("%d pages in the strip, want 2", n)
		}
	}
	release3()
	c.want("3 pages stored safely").want("Add pages")
	r.convert()
	until(t, "the pictures", func() bool {
		n, _ := eval[int](c, `document.querySelectorAll('.thumb img').length`)
		return n == 3
	})
	step("pages")
	c.tap("Next").want("3 of 3").want("+1 514-555-0199")
	step("check")
	c.tap("Send").want("Stored safely").want("You may take your pages.")
	step("sent")
	c.tap("Follow it").want("being prepared")
	r.convert()
	c.want("waiting for its turn")
	if live != "" {
		c.liveIs(live)
	}
	r.steps(r.jobs("front-desk")[0].ID, 1, toUploading, toIntent, toSubmitted, toSent)
	c.want("arrived at")
	step("fax")
	c.tap("Leave").want("Put your pages in the feeder")
	c.quiet()
	if jobs := r.jobs("front-desk"); len(jobs) != 1 || len(jobs[0].Pages) != 3 {
		t.Errorf("%d jobs; want one of 3 pages", len(jobs))
	}
}

// liveIs waits until the page is told by the wanted means.
func (c *chrome) liveIs(live string) {
	c.t.Helper()
	until(c.t, "live progress by "+live, func() bool {
		by, _ := eval[string](c, `document.body.getAttribute('data-live') || ''`)
		return by == live
	})
}
