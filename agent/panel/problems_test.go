package panel_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/text"
)

// signinProblems reads the constants, so that a new one cannot be forgotten.
func signinProblems(t *testing.T) []signin.Problem {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../signin/refused.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []signin.Problem
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Problem" {
			s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, signin.Problem(s))
		}
		return true
	})
	if len(all) < 40 {
		t.Fatalf("%d problems found", len(all))
	}
	return all
}

// TestEveryRefusalHasItsWords wants three sentences and a code for each, in
// every language, and on the screen.
func TestEveryRefusalHasItsWords(t *testing.T) {
	code := regexp.MustCompile(`^S-1[0-9]{2}$`)
	f := newReception()
	r := newRig(t, 0, people(f, panel.ModeUserPrompt))
	b := map[string]*browser{}
	for _, lang := range text.Languages() {
		b[lang] = r.browse("front-desk").tap("Send a fax")
		if lang == "fr" {
			b[lang].tap("Français")
		}
	}
	for _, p := range signinProblems(t) {
		c := text.Code("signin-" + string(p))
		if !code.MatchString(c) {
			t.Errorf("%s has code %q, want S-1..", p, c)
		}
		f.change(func(u *underWay) {
			u.View = signin.View{Stage: signin.StageStuck, Rev: u.Rev, Problem: &signin.Refused{Problem: p}}
		})
		for lang, b := range b {
			say := text.For(lang)
			key := "panel.problem.signin-" + string(p)
			for _, part := range []string{".title", ".what", ".safe", ".do"} {
				if !say.Has(key + part) {
					t.Errorf("%s: there is no %s%s", lang, key, part)
				}
			}
			b.get("/panel/front-desk/signin?r=1").want(say.T(key+".title"), say.T(key+".what"), say.T(key+".safe"), say.T(key+".do"), "code "+c)
		}
	}
	f.change(func(u *underWay) {
		u.View = signin.View{Stage: signin.StageStuck, Rev: u.Rev, Problem: &signin.Refused{Problem: "made up"}}
	})
	b["en"].get("/panel/front-desk/signin?r=1").want("code S-132")
}

// TestUntil tells a time only when somebody said one, and never a minute early.
func TestUntil(t *testing.T) {
	f := newReception()
	r := newRig(t, 0, people(f, panel.ModeUserPrompt))
	// Five minutes before midnight the time is one of the next day.
	day := r.clock.now().UTC().Truncate(24 * time.Hour)
	r.clock.forward(day.Add(24*time.Hour - 5*time.Minute).Sub(r.clock.now()))
	b := r.browse("front-desk").tap("Send a fax")
	until := r.clock.now().Add(10 * time.Minute).Truncate(time.Minute).Add(time.Second)
	for _, tt := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"nobody said", time.Time{}, "Wait a few minutes, then try again."},
		{"said", until, "Try again after " + until.UTC().Add(59*time.Second).Format("15:04") + "."},
		{"over", r.clock.now().Add(-time.Second), "Wait a few minutes, then try again."},
	} {
		f.change(func(u *underWay) {
			u.View = signin.View{Stage: signin.StagePassword, Way: signin.WayPassword, Rev: u.Rev, Problem: &signin.Refused{Problem: signin.TooManyTries, Until: tt.at}}
		})
		b.get("/panel/front-desk/signin").want(tt.want)
	}
}
