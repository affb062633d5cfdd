package panel_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a person's browser with scripts off: it sees the page, fills in
// fields and taps what it can read.
type browser struct {
	t      *testing.T
	client *http.Client
	site   string
	at     *url.URL
	status int
	head   http.Header
	body   string
	doc    *html.Node
	filled map[string]string
}

// browse opens a device's first screen.
func (r *rig) browse(device string) *browser {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	b := &browser{t: r.t, client: &http.Client{Jar: jar, Timeout: bound}, site: r.srv.URL}
	b.get("/panel/" + device + "/")
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	if b.at != nil && !strings.HasPrefix(path, "/") {
		path = b.at.ResolveReference(&url.URL{Path: path}).Path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.site+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) *browser {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s = %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.at, b.status, b.head, b.body, b.filled = resp.Request.URL, resp.StatusCode, resp.Header, string(raw), map[string]string{}
	if b.doc, err = html.Parse(strings.NewReader(b.body)); err != nil {
		b.t.Fatal(err)
	}
	return b
}

// fill types into a field.
func (b *browser) fill(name, value string) *browser {
	b.t.Helper()
	if find(b.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == name }) == nil {
		b.t.Fatalf("%s has no field %q", b.at, name)
	}
	b.filled[name] = value
	return b
}

// tap taps the link or button with this text.
func (b *browser) tap(label string) *browser {
	b.t.Helper()
	n := find(b.doc, func(n *html.Node) bool {
		return (n.Data == "a" || n.Data == "button") && strings.HasPrefix(words(n), label)
	})
	if n == nil {
		b.t.Fatalf("%s has nothing to tap that reads %q:\n%s", b.at, label, b.text())
	}
	return b.press(n)
}

// enter is the Enter key in a field of the form that begins with the button.
func (b *browser) enter(field string) *browser {
	b.t.Helper()
	in := find(b.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == field })
	if in == nil {
		b.t.Fatalf("%s has no field %q", b.at, field)
	}
	form := in
	for form.Data != "form" {
		form = form.Parent
	}
	return b.press(find(form, func(n *html.Node) bool { return n.Data == "button" }))
}

func (b *browser) press(n *html.Node) *browser {
	b.t.Helper()
	if n.Data == "a" {
		return b.get(attr(n, "href"))
	}
	form := n
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		b.t.Fatalf("button %q is in no form", words(n))
	}
	return b.post(attr(form, "action"), b.values(form, n))
}

// values is what a form sends when a button is tapped.
func (b *browser) values(form, button *html.Node) url.Values {
	v := url.Values{}
	find(form, func(n *html.Node) bool {
		if n.Data == "input" && attr(n, "name") != "" {
			value := attr(n, "value")
			if typed, ok := b.filled[attr(n, "name")]; ok {
				value = typed
			}
			v.Set(attr(n, "name"), value)
		}
		return false
	})
	if button != nil && attr(button, "name") != "" {
		v.Set(attr(button, "name"), attr(button, "value"))
	}
	return v
}

func (b *browser) post(path string, v url.Values) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.site+path, strings.NewReader(v.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

// refresh does what the page asks for without scripts.
func (b *browser) refresh() *browser {
	b.t.Helper()
	meta := find(b.doc, func(n *html.Node) bool { return n.Data == "noscript" })
	if meta == nil {
		b.t.Fatalf("%s asks for no refresh", b.at)
	}
	_, to, _ := strings.Cut(html.UnescapeString(b.body), ";url=")
	to, _, _ = strings.Cut(to, `"`)
	return b.get(to)
}

// want fails unless the page shows every text.
func (b *browser) want(texts ...string) *browser {
	b.t.Helper()
	shown := b.text()
	for _, s := range texts {
		if !strings.Contains(shown, s) {
			b.t.Fatalf("%s (%d) does not show %q; it shows:\n%s", b.at, b.status, s, shown)
		}
	}
	return b
}

// not fails if the page, read as source, holds any of the texts.
func (b *browser) not(texts ...string) *browser {
	b.t.Helper()
	for _, s := range texts {
		if strings.Contains(b.body, s) {
			b.t.Fatalf("%s holds %q:\n%s", b.at, s, b.body)
		}
	}
	return b
}

// has reports whether the page shows a text.
func (b *browser) has(s string) bool { return strings.Contains(b.text(), s) }

func (b *browser) text() string {
	if body := find(b.doc, func(n *html.Node) bool { return n.Data == "body" }); body != nil {
		return words(body)
	}
	return b.body
}

// value returns the hidden or typed value of a field.
func (b *browser) value(name string) string {
	n := find(b.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == name })
	if n == nil {
		b.t.Fatalf("%s has no field %q", b.at, name)
	}
	return attr(n, "value")
}

// find returns the first element for which ok holds, in the order of the text.
func find(n *html.Node, ok func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && ok(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if m := find(c, ok); m != nil {
			return m
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words returns the text of an element with single spaces.
func words(n *html.Node) string {
	var out []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			out = append(out, n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.Join(out, " "), "\u00a0", " ")), " ")
}

// scan waits out a scan the way a page without scripts does.
func (b *browser) scanned() *browser {
	b.t.Helper()
	until(b.t, "the end of the scan", func() bool { return !b.refreshed().has("Scanning page") })
	return b
}

func (b *browser) refreshed() *browser {
	if b.has("Scanning page") {
		b.refresh()
	}
	return b
}

// dial goes from the first screen to the scan screen.
func (b *browser) dial(number string) *browser {
	b.t.Helper()
	return b.tap("Send a fax").fill("number", number).tap("Next")
}

// sendFax goes all the way and returns the job number.
func (b *browser) sendFax(number string) string {
	b.t.Helper()
	b.dial(number).tap("Scan").scanned().tap("Next").tap("Send").want("Stored safely")
	n := words(find(b.doc, func(n *html.Node) bool { return attr(n, "class") == "job" }))
	if len(n) < 4 {
		b.t.Fatalf("no job number in %q", b.text())
	}
	return n
}

// isValue finds the button with a value.
func isValue(value string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == "button" && attr(n, "value") == value }
}

// lang is the language of the page.
func (b *browser) lang() string {
	return attr(find(b.doc, func(n *html.Node) bool { return n.Data == "html" }), "lang")
}
