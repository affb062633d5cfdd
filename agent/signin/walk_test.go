package signin_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

// walk taps at random at three panels and knows what must always hold.
type walk struct {
	t   *testing.T
	rnd *rand.Rand
	r   *signin.Reception

	views   map[string]signin.View // what each panel shows
	private map[string]bool
	tried   int // attempts that reached a typed method
	handed  [][]byte
	failed  map[string][]time.Time // by person, since the last success
	issued  []*signintest.Authority
	taken   map[signin.Authority]bool
	phones  []*signintest.Paired
	reached map[string]int
}

const walkers = 3

// TestWalk answers at random, with old forms, wrong secrets and forged fields,
// and checks after each step that nothing happened which never may.
func TestWalk(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &walk{
					t: t, rnd: rand.New(rand.NewPCG(seed, 7)), views: map[string]signin.View{}, private: map[string]bool{},
					failed: map[string][]time.Time{}, taken: map[signin.Authority]bool{}, reached: reached,
				}
				w.open()
				for range 250 {
					w.step()
				}
				w.close()
			})
		})
	}
	for _, what := range []string{"email", "password", "code", "phone", "confirm", "pin", "new-pin", "link", "stuck", "done", "taken", "claimed", "tries", "old form"} {
		if reached[what] == 0 {
			t.Errorf("the walks never came to %q: %v", what, reached)
		}
	}
}

func (w *walk) open() {
	shown := signin.Shown{Code: "X", Expires: time.Now().Add(20000 * time.Hour)}
	w.phones = []*signintest.Paired{{Shown: shown}, {Shown: shown}}
	w.r = signintest.NewReception(w.t, signin.Options{
		Discover: signintest.Discover(func(_ context.Context, email string) (signin.Discovery, error) {
			if w.rnd.IntN(10) == 0 {
				return signin.Discovery{}, &signin.Refused{Problem: signin.ServiceDown}
			}
			account, _, _ := strings.Cut(email, "@")
			return signin.Discovery{Account: signin.Account(account), Email: true}, nil
		}),
		Typed: map[signin.Way]signin.Typed{
			signin.WayPassword: w.typed("none"), signin.WayCompany: w.typed("wstrust"), signin.WayBrokered: w.typed("wstrust"),
		},
		Paired: map[signin.Way]signin.Paired{signin.WayPhone: w.phones[0], signin.WayCompanyPhone: w.phones[1]},
		Badges: &badges{ask: true},
		People: people{"none@contoso.example": nil, "wstrust@contoso.example": nil, "phone@contoso.example": nil},
		Queue:  true,
	})
}

// typed is a method for accounts of one kind with a random outcome.
func (w *walk) typed(kind string) *signintest.Typed {
	return &signintest.Typed{Do: func(_ context.Context, a signin.Attempt) (signin.Identity, error) {
		w.tried++
		w.handed = append(w.handed, a.Secret)
		if a.Name != kind+"@contoso.example" || string(a.Discovery.Account) != kind || len(a.Secret) == 0 || slices.Contains(a.Secret, 0) {
			w.t.Errorf("a method for %s was asked for %q of %q with secret %q", kind, a.Name, a.Discovery.Account, a.Secret)
		}
		now := time.Now()
		switch n := w.rnd.IntN(20); {
		case n == 0:
			w.failed[kind] = nil
			return signin.Identity{Person: person(kind), Authority: w.authority(), Ask: w.rnd.IntN(3) == 0}, nil
		case n < 4:
			return signin.Identity{}, &signin.Refused{Problem: signin.CompanyDown}
		case n < 10 && a.Code == "":
			return signin.Identity{}, &signin.Refused{Problem: signin.CodeNeeded}
		}
		fails := append(w.failed[kind], now)
		w.failed[kind] = fails
		if n := len(fails); n > 4 && fails[n-1].Sub(fails[n-5]) < 30*time.Minute || n > 2 && fails[n-1].Sub(fails[n-3]) < time.Minute {
			w.t.Errorf("too many failures of one person: %v", fails)
		}
		problem := signin.BadCredentials
		if a.Code != "" {
			problem = signin.CodeWrong
		}
		return signin.Identity{}, &signin.Refused{Problem: problem, Spent: true}
	}}
}

func person(name string) job.Person {
	return job.Person{ID: name + "@contoso.example", Email: name + "@contoso.example"}
}

func (w *walk) authority() *signintest.Authority {
	a := &signintest.Authority{ServiceID: "main"}
	w.issued = append(w.issued, a)
	return a
}

func (w *walk) step() {
	id := fmt.Sprint("v", w.rnd.IntN(walkers))
	switch n := w.rnd.IntN(40); {
	case n == 0:
		w.r.Drop(id)
	case n == 1:
		time.Sleep(time.Duration(w.rnd.IntN(900)) * time.Second)
	case n < 4:
		time.Sleep(time.Duration(w.rnd.IntN(40)) * time.Second)
	case n < 7:
		w.act()
	case n < 10:
		w.begin(id)
	case n < 12:
		w.take(id)
	default:
		if _, ok := w.r.Look(id); !ok {
			w.begin(id)
		}
		w.answer(id)
	}
	synctest.Wait()
}

func (w *walk) begin(id string) {
	v := signin.Visit{ID: id, Terminal: signin.Terminal{ID: id}, Private: w.rnd.IntN(8) > 0}
	w.private[id] = v.Private
	switch w.rnd.IntN(8) {
	case 0:
		v.Tap = &signin.Tap{Person: person("none"), PIN: w.rnd.IntN(2) == 0, NewPIN: w.rnd.IntN(2) == 0}
	case 1:
		v.Tap = &signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeUnknown}, Link: "h"}
	case 2:
		v.Launch = &job.Person{ID: []string{"none", "eve"}[w.rnd.IntN(2)] + "@contoso.example"}
	}
	view, err := w.r.Begin(w.t.Context(), v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.seen(id, view)
}

// act lets a phone act whose code may be of any panel, or of none any more.
func (w *walk) act() {
	p := w.phones[w.rnd.IntN(2)]
	if p.Started() == 0 || p.Acted() {
		return
	}
	if w.rnd.IntN(3) == 0 {
		p.Act(signin.Identity{}, &signin.Refused{Problem: signin.Declined})
		return
	}
	// An approval that nobody waits for hands out nothing.
	p.ActWith(func() (signin.Identity, error) {
		return signin.Identity{Person: person("phone"), Authority: w.authority(), Ask: w.rnd.IntN(2) == 0}, nil
	})
}

func (w *walk) answer(id string) {
	before, ok := w.r.Look(id)
	if !ok {
		return
	}
	w.seen(id, before)
	pick := func(of ...string) string { return of[w.rnd.IntN(len(of))] }
	yes := func(one int) bool { return w.rnd.IntN(one) == 0 }
	a := signin.Answer{
		Rev:    before.Rev,
		Email:  pick("none@contoso.example", "wstrust@contoso.example", "saml2@contoso.example", "oidc@contoso.example", "none", "", "x@"),
		Secret: []byte(pick("some password", "some password", "4711", "4711", "0815", "", "\x00")),
		Code:   pick("123456", "123456", "", "x y"),
		Yes:    yes(2), No: yes(4), Again: yes(2), Back: yes(12), Queue: yes(6),
	}
	if yes(6) {
		a.Way = signin.Way(pick("password", "company", "brokered", "phone", "company-phone", "badge"))
	}
	old := yes(5)
	if old {
		a.Rev -= 1 + w.rnd.IntN(5)
	}
	tried := w.tried
	after, err := w.r.Answer(w.t.Context(), id, a)
	if err != nil {
		w.t.Fatal(err)
	}
	w.seen(id, after)
	typedAt := before.Stage == signin.StagePassword || before.Stage == signin.StageCode
	switch sent := w.tried - tried; {
	case sent > 1, sent == 1 && (old || !typedAt || !w.private[id]):
		w.t.Errorf("%d attempts from stage %s, old form %v, private %v", sent, before.Stage, old, w.private[id])
	case old && after.Rev != before.Rev:
		w.t.Errorf("an old form changed %+v to %+v", before, after)
	}
	if old {
		w.reached["old form"]++
	}
	if slices.ContainsFunc(a.Secret, func(b byte) bool { return b != 0 }) {
		w.t.Errorf("secret %q after Answer", a.Secret)
	}
	if after.Stage != signin.StageCode {
		w.wiped(id)
	}
}

// wiped looks whether the secrets of the methods are gone, while no other panel
// waits for a code.
func (w *walk) wiped(except string) {
	for id := range w.views {
		if v, ok := w.r.Look(id); ok && id != except && v.Stage == signin.StageCode {
			return
		}
	}
	for _, secret := range w.handed {
		if slices.ContainsFunc(secret, func(b byte) bool { return b != 0 }) {
			w.t.Errorf("a method's secret is still %q", secret)
		}
	}
	w.handed = nil
}

// seen checks one view of a panel.
func (w *walk) seen(id string, v signin.View) {
	w.views[id] = v
	w.reached[string(v.Stage)]++
	if v.Problem != nil {
		w.reached[string(v.Problem.Problem)]++
	}
	switch v.Stage {
	case signin.StagePassword, signin.StageCode, signin.StagePIN, signin.StageNewPIN:
		if !w.private[id] {
			w.t.Errorf("a secret is asked for where others read it: %+v", v)
		}
	case signin.StagePhone:
		if (v.Shown == nil) == (v.Problem == nil) && v.Shown == nil {
			w.t.Errorf("neither a code nor a problem: %+v", v)
		}
	case signin.StageStuck:
		if v.Problem == nil {
			w.t.Errorf("stuck for no reason: %+v", v)
		}
	}
}

func (w *walk) take(id string) {
	v, _ := w.r.Look(id)
	got, err := w.r.Take(id)
	if (err == nil) != (v.Stage == signin.StageDone) {
		w.t.Errorf("Take at stage %q = %v", v.Stage, err)
	}
	if err != nil {
		return
	}
	w.reached["taken"]++
	if got.Claimed != "" {
		w.reached["claimed"]++
	}
	if (got.Person.ID == "") == (got.Claimed == "") || got.Claimed != "" && got.Authority != nil || strings.HasPrefix(got.Person.ID, "eve") {
		w.t.Errorf("taken: %+v", got)
	}
	if got.Authority != nil {
		if w.taken[got.Authority] {
			w.t.Errorf("an authority was handed out twice")
		}
		w.taken[got.Authority] = true
	}
}

// close ends the walk: every credential that was issued is with the caller, or
// was given back once.
func (w *walk) close() {
	w.r.Close()
	w.wiped("")
	for _, a := range w.issued {
		if _, ended := a.Counts(); w.taken[a] == (ended == 1) || ended > 1 {
			w.t.Errorf("an authority was taken %v and given back %d times", w.taken[a], ended)
		}
	}
}
