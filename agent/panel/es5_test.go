package panel_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/robertkrimen/otto/parser"
)

// Embedded engines are of unknown age, so the script is ECMAScript 5 and the
// style sheet has nothing that came after. The parser refuses newer syntax;
// the lists below what it lets pass.
var (
	newScript = regexp.MustCompile(`\b(fetch|Promise|const|let|async|await|EventSource|classList|dataset|closest|matches|includes|startsWith|padStart|assign|Symbol|Map|Set)\b\s*[.(]|=>|,\s*\)|` + "`" + `|\.(remove|append|prepend|replaceWith|forEach)\(`)
	newStyle  = regexp.MustCompile(`grid|var\(|gap\s*:|sticky|calc\(|min\(|max\(|clamp\(|flex|object-fit|aspect-ratio|vh\b|vw\b|rem\b|@import|@font-face|url\(|:is\(|:where\(|:has\(|inset|opacity|rgba|animation|transition`)
)

func TestScriptIsES5(t *testing.T) {
	src, err := os.ReadFile("ui/panel.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(nil, "panel.js", src, 0); err != nil {
		t.Errorf("panel.js is not ECMAScript 5: %v", err)
	}
	for i, line := range strings.Split(string(src), "\n") {
		if bad := newScript.FindString(line); bad != "" {
			t.Errorf("panel.js:%d: %q is newer than the panels", i+1, bad)
		}
	}
	if n := strings.Count(string(src), "\n"); n > 300 {
		t.Errorf("panel.js has %d lines; at most 300", n)
	}
}

// TestES5GateCanRefuse shows that the gate is one.
func TestES5GateCanRefuse(t *testing.T) {
	for _, src := range []string{"const a = 1;", "let a = 1;", "var f = () => 1;", "var s = `x`;", "class A {}", "fetch('/x');", "f(a,);", "new Promise(f);", "for (var x of y) {}"} {
		_, err := parser.ParseFile(nil, "x.js", src, 0)
		if err == nil && newScript.FindString(src) == "" {
			t.Errorf("%q passes", src)
		}
	}
	for _, src := range []string{"display: grid", "display:flex", "gap: 8px", "color: var(--x)", "position: sticky", "background: url(x.png)"} {
		if newStyle.FindString(src) == "" {
			t.Errorf("%q passes", src)
		}
	}
}

func TestStyleIsOld(t *testing.T) {
	src, err := os.ReadFile("ui/panel.css")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(src), "")
	for i, line := range strings.Split(code, "\n") {
		if bad := newStyle.FindString(line); bad != "" {
			t.Errorf("panel.css:%d: %q is newer than the panels", i+1, bad)
		}
	}
	for _, m := range regexp.MustCompile(`font-size:\s*(\d+)px`).FindAllStringSubmatch(code, -1) {
		if len(m[1]) < 2 || m[1] < "20" {
			t.Errorf("text of %s px; at least 20", m[1])
		}
	}
}

// TestWeight keeps a first load, page and all, under 60 KB.
func TestWeight(t *testing.T) {
	r := newRig(t, 0)
	b := r.browse("front-desk")
	total := len(b.body)
	for _, m := range regexp.MustCompile(`(?:href|src)="(/panel/-/[^"]+)"`).FindAllStringSubmatch(b.body, -1) {
		a := r.browse("front-desk").get(m[1])
		if a.status != 200 || a.head.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s is %d, %q", m[1], a.status, a.head.Get("Cache-Control"))
		}
		total += len(a.body)
	}
	if total > 60_000 || total < 10_000 {
		t.Errorf("the first screen weighs %d bytes; want at most 60000 and the assets counted", total)
	}
	t.Logf("first load %d bytes", total)
}
