package panelmsg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/panelmsg"
)

// full uses every field.
var full = panelmsg.State{
	V: 1, Rev: "a1", Left: 12, Ended: true, Go: "/panel/front-desk/?r=1",
	Draft: &panelmsg.Draft{
		Pages: 2, Scanning: true, Status: "Scanning page 3", Stored: "2 pages kept",
		Error:  &panelmsg.Error{Code: "D-204", Text: "The feeder stopped."},
		Thumbs: []panelmsg.Thumb{{N: 1, Src: "/panel/front-desk/preview/x/0001"}, {N: 2}},
	},
	Lines: []panelmsg.Line{{Recipient: 1, Tone: "safe", Text: "arrived 14:05"}},
}

// TestWireForm pins the bytes, because a page that was loaded before an upgrade
// of the agent still reads them.
func TestWireForm(t *testing.T) {
	const want = `{"v":1,"rev":"a1","left":12,"ended":true,"go":"/panel/front-desk/?r=1","draft":{"pages":2,"scanning":true,"status":"Scanning page 3",` +
		`"stored":"2 pages kept","error":{"code":"D-204","text":"The feeder stopped."},` +
		`"thumbs":[{"n":1,"src":"/panel/front-desk/preview/x/0001"},{"n":2}]},"lines":[{"r":1,"tone":"safe","text":"arrived 14:05"}]}`
	got, err := panelmsg.Encode(full)
	if err != nil || string(got) != want {
		t.Fatalf("Encode = %s, %v; want %s", got, err, want)
	}
	back, err := panelmsg.Decode(got)
	if err != nil {
		t.Fatalf("Decode(%s) = %v", got, err)
	}
	if d := cmp.Diff(full, back); d != "" {
		t.Errorf("Decode(Encode) differs (-want +got):\n%s", d)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"empty", ""},
		{"no object", `"hello"`},
		{"wrong type", `{"v":1,"left":"soon"}`},
		{"no version", `{"rev":"a"}`},
		{"later version", `{"v":2,"rev":"a"}`},
		{"two objects", `{"v":1} {"v":1}`},
		{"negative time", `{"v":1,"left":-1}`},
		{"negative pages", `{"v":1,"draft":{"pages":-1}}`},
		{"too many lines", `{"v":1,"lines":[` + strings.Repeat(`{"r":1},`, panelmsg.MaxLines) + `{"r":1}]}`},
		{"too many pictures", `{"v":1,"draft":{"pages":1,"thumbs":[` + strings.Repeat(`{"n":1},`, panelmsg.MaxThumbs) + `{"n":1}]}}`},
		{"too long", `{"v":1,"rev":"` + strings.Repeat("a", panelmsg.MaxSize) + `"}`},
		{"not UTF-8", "{\"v\":1,\"rev\":\"\xff\"}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := panelmsg.Decode([]byte(tt.in)); !errors.Is(err, panelmsg.ErrMessage) {
				t.Errorf("Decode(%.60q) = %+v, %v; want ErrMessage", tt.in, s, err)
			}
		})
	}
}

func TestDecodeTakesLaterFields(t *testing.T) {
	s, err := panelmsg.Decode([]byte(`{"v":1,"rev":"a","left":3,"news":[1]}`))
	if err != nil || s.Rev != "a" || s.Left != 3 {
		t.Errorf("Decode with an unknown field = %+v, %v; want rev a and 3 s", s, err)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := panelmsg.Encode(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"v":1,"rev":"","left":0}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := panelmsg.Decode(in)
		if err != nil {
			if !errors.Is(err, panelmsg.ErrMessage) {
				t.Fatalf("Decode(%q) = %v; want ErrMessage", in, err)
			}
			return
		}
		out, err := panelmsg.Encode(s)
		if err != nil {
			t.Fatalf("Encode(%+v) = %v", s, err)
		}
		if len(out) > panelmsg.MaxSize {
			return // escaping made it longer than what was read
		}
		again, err := panelmsg.Decode(out)
		if err != nil || again.Rev != s.Rev || again.Left != s.Left || len(again.Lines) != len(s.Lines) {
			t.Fatalf("round trip of %q = %+v, %v", in, again, err)
		}
	})
}
