package person

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxPage is the most that is read of one screen, in bytes.
const maxPage = 1 << 20

// Page is one screen as it was answered.
type Page struct {
	URL    *url.URL
	Status int
	root   *html.Node
}

// parsePage reads a screen; HTML cannot be malformed, so only reading fails.
func parsePage(u *url.URL, status int, r io.Reader) (*Page, error) {
	root, err := html.Parse(io.LimitReader(r, maxPage))
	if err != nil {
		return nil, err
	}
	return &Page{URL: u, Status: status, root: root}, nil
}

// Text returns what can be read on the screen, white space collapsed.
func (p *Page) Text() string { return visible(p.root) }

// Line returns the shortest piece of the screen that shows the text, "" if there
// is none.
func (p *Page) Line(text string) string {
	best := ""
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || !shown(n) {
			continue
		}
		s := visible(n)
		if strings.Contains(strings.ToLower(s), strings.ToLower(text)) && (best == "" || len(s) < len(best)) {
			best = s
		}
	}
	return best
}

// Has reports whether the screen shows the text, whatever its case.
func (p *Page) Has(text string) bool {
	return strings.Contains(strings.ToLower(p.Text()), strings.ToLower(strings.Join(strings.Fields(text), " ")))
}

// Screen returns the name the screen gives itself: the first class of <body>,
// which may begin with "s-".
func (p *Page) Screen() string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			name, _, _ := strings.Cut(attr(n, "class"), " ")
			return strings.TrimPrefix(name, "s-")
		}
	}
	return ""
}

// JobNumber returns the number of the fax that the screen promises, or "".
func (p *Page) JobNumber() string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "class") == "job" {
			return visible(n)
		}
	}
	return ""
}

// Taps returns the words on everything that can be tapped, for messages.
func (p *Page) Taps() []string {
	var words []string
	for n := range p.root.Descendants() {
		if tappable(n) {
			words = append(words, label(n))
		}
	}
	return words
}

// find returns what can be tapped and carries one of the words: exactly, else as
// the beginning of its words. A word "name=value" is a field that the tap sends, and
// "@send" is what leads to a path that ends so.
func (p *Page) find(words ...string) *html.Node {
	var taps []*html.Node
	for n := range p.root.Descendants() {
		if tappable(n) {
			taps = append(taps, n)
		}
	}
	matches := []func(n *html.Node, w string) bool{
		func(n *html.Node, w string) bool { return strings.EqualFold(label(n), w) },
		func(n *html.Node, w string) bool {
			return strings.HasPrefix(strings.ToLower(label(n)), strings.ToLower(w))
		},
		sends,
		func(n *html.Node, w string) bool {
			path, ok := strings.CutPrefix(w, "@")
			return ok && leadsTo(n, path)
		},
	}
	for _, match := range matches {
		for _, w := range words {
			if i := slices.IndexFunc(taps, func(n *html.Node) bool { return match(n, w) }); i >= 0 {
				return taps[i]
			}
		}
	}
	return nil
}

// sends reports whether a tap sends a field "name=value".
func sends(n *html.Node, field string) bool {
	name, value, ok := strings.Cut(field, "=")
	form := formOf(n)
	if !ok || form == nil || n.Data == "a" {
		return false
	}
	v, _ := values(form, n, nil)
	return v.Has(name) && slices.Contains(v[name], value)
}

// leadsTo reports whether a tap asks for a path that ends so.
func leadsTo(n *html.Node, path string) bool {
	to := attr(n, "href")
	if f := formOf(n); n.Data != "a" && f != nil {
		to = attr(f, "action")
	}
	to, _, _ = strings.Cut(to, "?")
	return strings.HasSuffix("/"+to, "/"+path)
}

// tappable reports whether a person without scripts could tap the element.
func tappable(n *html.Node) bool {
	if n.Type != html.ElementNode || hasAttr(n, "disabled") || !shown(n) {
		return false
	}
	switch n.Data {
	case "a":
		return hasAttr(n, "href")
	case "button":
		t := strings.ToLower(attr(n, "type"))
		return (t == "" || t == "submit") && formOf(n) != nil
	case "input":
		t := strings.ToLower(attr(n, "type"))
		return (t == "submit" || t == "image") && formOf(n) != nil
	}
	return false
}

// label returns the words of an element, as they are read to a person.
func label(n *html.Node) string {
	if n.Data == "input" {
		return attr(n, "value")
	}
	if s := visible(n); s != "" {
		return s
	}
	return attr(n, "aria-label")
}

// shown reports that neither the element nor one around it is hidden.
func shown(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && (hasAttr(n, "hidden") || n.Data == "template" || n.Data == "head") {
			return false
		}
	}
	return true
}

// visible collects the text below an element.
func visible(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			b.WriteString(n.Data)
			return
		case html.ElementNode:
			switch n.Data {
			case "script", "style", "head", "template":
				return
			}
			if hasAttr(n, "hidden") {
				return
			}
			if !inline(n.Data) {
				b.WriteByte(' ')
				defer b.WriteByte(' ')
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func inline(tag string) bool {
	switch tag {
	case "b", "em", "i", "small", "strong", "u", "abbr", "a":
		return true
	}
	return false
}

func hasAttr(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Hidden returns the value of the first hidden field with a name, or "".
func (p *Page) Hidden(name string) string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "type") == "hidden" && attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	return ""
}

// Field reports whether the page has a field of that name that a person can fill.
func (p *Page) Field(name string) bool {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "type") != "hidden" && attr(n, "name") == name && shown(n) {
			return true
		}
	}
	return false
}

// ByID returns the text of the element with an id, or "".
func (p *Page) ByID(id string) string {
	return p.first(func(n *html.Node) bool { return attr(n, "id") == id })
}

// ByClass returns the text of the first element of a class, or "".
func (p *Page) ByClass(class string) string {
	return p.first(func(n *html.Node) bool { return slices.Contains(strings.Fields(attr(n, "class")), class) })
}

func (p *Page) first(is func(*html.Node) bool) string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && is(n) && shown(n) {
			return visible(n)
		}
	}
	return ""
}
