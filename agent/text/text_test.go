package text_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/text"
)

var places = regexp.MustCompile(`\{[^}]*\}?`)

// TestLanguagesAgree wants every key in every language with the same places.
func TestLanguagesAgree(t *testing.T) {
	en := text.For("en")
	if len(en.Keys()) < 100 {
		t.Fatalf("%d texts; the catalogue is not read", len(en.Keys()))
	}
	for _, lang := range text.Languages() {
		p := text.For(lang)
		if p.Lang() != lang {
			t.Fatalf("For(%s) speaks %s", lang, p.Lang())
		}
		if diff := cmp.Diff(en.Keys(), p.Keys()); diff != "" {
			t.Errorf("keys of %s (-en +%s):\n%s", lang, lang, diff)
		}
		for _, key := range p.Keys() {
			want, got := placesOf(en.T(key)), placesOf(p.T(key))
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s has places %v, English %v", key, lang, got, want)
			}
			for i, place := range got {
				if place != []string{"{1}", "{2}", "{3}"}[min(i, 2)] {
					t.Errorf("%s: %s has place %s; want {1}, {2}, {3} without gaps", key, lang, place)
				}
			}
			if s := p.T(key); s == "" || s != strings.TrimSpace(s) {
				t.Errorf("%s: %s is %q", key, lang, s)
			}
		}
	}
}

// placesOf returns the places of a text, sorted and each once.
func placesOf(s string) []string {
	found := places.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// TestTranslated finds texts that were copied and not translated. Few words are
// the same in both languages.
func TestTranslated(t *testing.T) {
	same := []string{
		"panel.count.many", "panel.count.one", "panel.home.title", "panel.paper.a4", "panel.quality.fine", "panel.sent.number", "panel.faxes.pages",
		"panel.page.title", "panel.fax.title", "panel.code", "panel.check.pages", "panel.decide.title", "panel.signin.phone.type",
	}
	en, fr := text.For("en"), text.For("fr")
	for _, key := range en.Keys() {
		if en.T(key) == fr.T(key) && !slices.Contains(same, key) {
			t.Errorf("%s is %q in both languages", key, en.T(key))
		}
	}
}

// TestPlainWords keeps jargon and blame off the screens.
func TestPlainWords(t *testing.T) {
	bad := regexp.MustCompile(`(?i)\b(backend|spool(ed)?|invalid|error|failed to|ambiguous|commit|timeout|illegal|abort|http|server|carrier|queue|erreur|invalide|serveur|abandonn\w*)\b`)
	for _, lang := range text.Languages() {
		p := text.For(lang)
		for _, key := range p.Keys() {
			if word := bad.FindString(p.T(key)); word != "" {
				t.Errorf("%s in %s says %q: %s", key, lang, word, p.T(key))
			}
		}
	}
}

func TestProblems(t *testing.T) {
	form := regexp.MustCompile(`^([DNLSPAV])-([1-8])[0-9]{2}$`)
	const order = "DNLSPAV"
	seen := map[string]string{}
	legs := map[text.Leg]bool{}
	for _, p := range text.Problems() {
		m := form.FindStringSubmatch(p.Code)
		signIn := strings.HasPrefix(p.Key, "signin-")
		switch {
		case signIn != strings.HasPrefix(p.Code, "S-1") || signIn && p.Leg != text.LegSignIn:
			t.Errorf("%s has code %q, leg %q; want S-1.. and sign-in for a person's sign-in only", p.Key, p.Code, p.Leg)
		case !signIn && (m == nil || strings.Index(order, m[1])+2 != int(m[2][0]-'0') || string(p.Leg) != m[1]):
			t.Errorf("%s has code %q, leg %q; want a letter of %s and its hundreds from 2", p.Key, p.Code, p.Leg, order)
		}
		if other, ok := seen[p.Code]; ok {
			t.Errorf("%s and %s share code %s", p.Key, other, p.Code)
		}
		seen[p.Code] = p.Key
		legs[p.Leg] = true
		if text.Code(p.Key) != p.Code {
			t.Errorf("Code(%s) = %q; want %q", p.Key, text.Code(p.Key), p.Code)
		}
		for _, part := range []string{"title", "what", "safe", "do"} {
			if key := "panel.problem." + p.Key + "." + part; !text.For("en").Has(key) {
				t.Errorf("there is no text %s", key)
			}
		}
	}
	if len(legs) != len(order) {
		t.Errorf("problems of the legs %v; want all of %s", legs, order)
	}
	for _, key := range text.For("en").Keys() {
		rest, ok := strings.CutPrefix(key, "panel.problem.")
		name, part, _ := strings.Cut(rest, ".")
		if ok && part != "" && text.Code(name) == "" {
			t.Errorf("%s has no code", key)
		}
	}
	if got := text.Code("no such problem"); got != "" {
		t.Errorf("Code of nothing = %q; want empty", got)
	}
}

func TestT(t *testing.T) {
	for _, tt := range []struct {
		lang, key string
		args      []any
		want      string
	}{
		{"en", "panel.check.send", nil, "Send"},
		{"fr", "panel.check.send", nil, "Envoyer"},
		{"fr-CA", "panel.check.send", nil, "Envoyer"},
		{"de", "panel.check.send", nil, "Send"},
		{"", "panel.check.send", nil, "Send"},
		{"en", "panel.range", []any{1, 4, 9}, "1 to 4 of 9"},
		{"en", "panel.line.again", []any{"the line is busy", "14:10"}, "the line is busy, trying again at 14:10"},
		{"en", "panel.problem.jam.what", []any{3}, "The feeder stopped at page 3."},
		{"en", "panel.check.send", []any{3}, "Send"},
		{"en", "panel.find.none", []any{"{1}{2}"}, "There is no fax {1}{2} from this device."},
		{"en", "number.too-short", []any{"Canada"}, "This number is too short for Canada."},
		{"en", "no.such.key", []any{1}, "[no.such.key]"},
	} {
		if got := text.For(tt.lang).T(tt.key, tt.args...); got != tt.want {
			t.Errorf("For(%s).T(%s, %v) = %q; want %q", tt.lang, tt.key, tt.args, got, tt.want)
		}
	}
}
