package person

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// formOf returns the form an element belongs to, by its form attribute or by
// where it stands.
func formOf(n *html.Node) *html.Node {
	root := n
	id := attr(n, "form")
	for p := n.Parent; p != nil; p = p.Parent {
		root = p
		if id == "" && p.Type == html.ElementNode && p.Data == "form" {
			return p
		}
	}
	if id == "" {
		return nil
	}
	for f := range root.Descendants() {
		if f.Type == html.ElementNode && f.Data == "form" && attr(f, "id") == id {
			return f
		}
	}
	return nil
}

// values returns what a browser would send for a form when the button is
// tapped, with the entries of typed in place of what stands in the fields.
// It reports the fields of typed that the form has.
func values(form, button *html.Node, typed map[string]string) (v url.Values, used map[string]bool) {
	v, used = url.Values{}, map[string]bool{}
	root := form
	for root.Parent != nil {
		root = root.Parent
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || formOf(n) != form || hasAttr(n, "disabled") {
			continue
		}
		name := attr(n, "name")
		if name == "" {
			continue
		}
		own, has := typed[name]
		switch n.Data {
		case "input":
			switch strings.ToLower(attr(n, "type")) {
			case "submit", "image", "button", "reset", "file":
				continue
			case "checkbox", "radio":
				value := attr(n, "value")
				if value == "" {
					value = "on"
				}
				checked := hasAttr(n, "checked")
				if has {
					checked, used[name] = own == value, true
				}
				if checked {
					v.Add(name, value)
				}
				continue
			}
			if has {
				used[name] = true
				v.Add(name, own)
			} else {
				v.Add(name, attr(n, "value"))
			}
		case "textarea":
			if has {
				used[name] = true
				v.Add(name, own)
			} else {
				v.Add(name, rawText(n))
			}
		case "select":
			if has {
				used[name] = true
				v.Add(name, own)
			} else if s, ok := selected(n); ok {
				v.Add(name, s)
			}
		}
	}
	if name := attr(button, "name"); name != "" && button.Data != "a" {
		v.Add(name, attr(button, "value"))
	}
	return v, used
}

// selected returns the value of the chosen option, the first if none is marked.
func selected(sel *html.Node) (string, bool) {
	var first, chosen *html.Node
	for n := range sel.Descendants() {
		if n.Type != html.ElementNode || n.Data != "option" {
			continue
		}
		if first == nil {
			first = n
		}
		if hasAttr(n, "selected") {
			chosen = n
		}
	}
	if chosen == nil {
		chosen = first
	}
	if chosen == nil {
		return "", false
	}
	if hasAttr(chosen, "value") {
		return attr(chosen, "value"), true
	}
	return visible(chosen), true
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
