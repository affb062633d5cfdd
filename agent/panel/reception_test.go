package panel_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
)

// People of the tests.
var (
	ann = job.Person{ID: "ann", Name: "Ann Beaulieu", Email: "ann.beaulieu@contoso.example"}
	bob = job.Person{ID: "bob", Name: "Bob Carter", Email: "bob@contoso.example"}
)

// reception is a sign-in whose answers a test knows: the password is "right", a
// code "123456", a PIN "2468". Anything else is refused.
type reception struct {
	mu       sync.Mutex
	open     map[string]*underWay
	begun    []signin.Visit
	dropped  []string
	attempts int    // that cost something
	seen     []byte // the last secret, still held by the panel
	first    *signin.View
	who      job.Person
	auth     signin.Authority
	code     bool // a password is followed by a code
}

type underWay struct {
	signin.View
	visit signin.Visit
	id    signin.Identity
	taken bool
}

func newReception() *reception { return &reception{open: make(map[string]*underWay), who: ann} }

func (f *reception) Begin(_ context.Context, v signin.Visit) (signin.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = append(f.begun, v)
	u := &underWay{visit: v, View: signin.View{Stage: signin.StageEmail, Rev: 1, Ways: []signin.Way{signin.WayPhone}}}
	f.open[v.ID] = u
	switch {
	case f.first != nil:
		u.View = *f.first
	case v.Launch != nil:
		u.done(*v.Launch, signin.WayLaunch, nil)
	case v.Tap != nil && v.Tap.Link != "":
		u.Stage = signin.StageLink
	case v.Tap != nil && v.Tap.Refused != nil:
		u.Stage, u.Problem = signin.StageStuck, v.Tap.Refused
	case v.Tap != nil && v.Tap.PIN:
		u.Stage, u.Person = signin.StagePIN, v.Tap.Person
	case v.Tap != nil:
		u.done(v.Tap.Person, signin.WayBadge, nil)
	}
	return u.View, nil
}

func (u *underWay) done(p job.Person, way signin.Way, a signin.Authority) {
	u.Stage, u.Person, u.Problem = signin.StageDone, p, nil
	u.id = signin.Identity{Person: p, Way: way, Authority: a}
}

func (f *reception) Look(id string) (signin.View, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u := f.open[id]; u != nil {
		return u.View, true
	}
	return signin.View{}, false
}

func (f *reception) Answer(_ context.Context, id string, a signin.Answer) (signin.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.open[id]
	if u == nil {
		return signin.View{}, signin.ErrNoSignIn
	}
	if a.Rev != u.Rev {
		return u.View, nil
	}
	u.Rev++
	f.seen = a.Secret
	u.Problem = nil
	switch {
	case a.Back:
		u.View = signin.View{Stage: signin.StageEmail, Rev: u.Rev, Email: u.Email, Ways: []signin.Way{signin.WayPhone}}
	case a.Queue && u.Queue:
		u.done(job.Person{}, "", nil)
		u.id.Claimed = u.Email
	case a.Way.OnPhone():
		u.Stage, u.Way, u.Shown = signin.StagePhone, a.Way, shown()
	case u.Stage == signin.StageEmail && strings.HasPrefix(a.Email, "down@"):
		u.Stage, u.Email, u.Queue, u.Problem = signin.StageStuck, a.Email, true, &signin.Refused{Problem: signin.ServiceDown}
	case u.Stage == signin.StageEmail && !strings.Contains(a.Email, "@"):
		u.Email, u.Problem = a.Email, &signin.Refused{Problem: signin.EmailNeeded}
	case u.Stage == signin.StageEmail:
		u.Stage, u.Email, u.Way = signin.StagePassword, a.Email, signin.WayCompany
	case u.Stage == signin.StagePassword:
		f.attempts++
		switch {
		case string(a.Secret) != "right & sound+ü%":
			u.Problem = &signin.Refused{Problem: signin.BadCredentials, Support: "MSIS7068"}
		case f.code:
			u.Stage = signin.StageCode
		default:
			u.done(f.who, u.Way, f.auth)
		}
	case u.Stage == signin.StageCode && a.Code == "123456":
		u.done(f.who, u.Way, f.auth)
	case u.Stage == signin.StageCode:
		f.attempts++
		u.Problem = &signin.Refused{Problem: signin.CodeWrong}
	case u.Stage == signin.StagePIN && string(a.Secret) == "2468":
		u.done(u.Person, signin.WayBadge, nil)
	case u.Stage == signin.StagePIN:
		f.attempts++
		u.Problem = &signin.Refused{Problem: signin.BadPIN}
	case u.Stage == signin.StageNewPIN && (a.No || string(a.Secret) == "2468"):
		u.done(u.Person, signin.WayBadge, nil)
	case u.Stage == signin.StageConfirm && a.Yes:
		u.done(u.Person, u.Way, f.auth)
	case u.Stage == signin.StageConfirm:
		u.Stage, u.Problem = signin.StageStuck, &signin.Refused{Problem: signin.Declined}
	case u.Stage == signin.StageLink && a.Yes:
		u.Stage, u.Linking = signin.StageEmail, true
	case u.Stage == signin.StageLink:
		u.Stage, u.Problem = signin.StageStuck, &signin.Refused{Problem: signin.BadgeUnknown}
	case a.Again:
		u.Stage = signin.StageEmail
	}
	v := u.View
	clear(a.Secret)
	return v, nil
}

func (f *reception) Drop(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[id] != nil {
		f.dropped = append(f.dropped, id)
	}
	delete(f.open, id)
}

func (f *reception) Take(id string) (signin.Identity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.open[id]
	if u == nil || u.Stage != signin.StageDone || u.taken {
		return signin.Identity{}, signin.ErrNoSignIn
	}
	u.taken = true
	return u.id, nil
}

// change moves every sign-in under way, as a phone does.
func (f *reception) change(fn func(*underWay)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.open {
		u.Rev++
		fn(u)
	}
}

func shown() *signin.Shown {
	return &signin.Shown{
		Address: "https://fax.contoso.example/device", Code: "K7QF-2MXD", Match: "47",
		QR: "https://fax.contoso.example/device?user_code=K7QF-2MXD", Expires: time.Now().Add(5 * time.Minute),
	}
}

// authority is a person's own at fax service "main".
type authority struct {
	mu     sync.Mutex
	ended  int
	asked  []signin.Terms
	refuse *signin.Refused
}

func (*authority) Service() string { return "main" }

func (a *authority) Grant(_ context.Context, t signin.Terms) (job.Grant, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, t)
	if a.refuse != nil {
		return job.Grant{}, a.refuse
	}
	return job.Grant{Kind: job.GrantTicket, Service: "main", Account: "main", Person: "ann", Ticket: []byte("ticket"), Until: t.Until}, nil
}

func (a *authority) End(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended++
	return nil
}

func (a *authority) ends() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}

// people makes the front desk a device where people sign in.
func people(f *reception, mode string, more ...func(*panel.Options)) func(*panel.Options) {
	return func(o *panel.Options) {
		o.SignIn, o.Authorities = f, signin.NewAuthorities()
		o.Devices[0].Mode, o.Devices[0].Reader = mode, mode == panel.ModeDeviceLogin
		for _, fn := range more {
			fn(o)
		}
	}
}

// login signs in with a password.
func (b *browser) login(email string) *browser {
	b.t.Helper()
	return b.tap("Send a fax").fill("email", email).tap("Next").fill("secret", "right & sound+ü%").tap("Sign in")
}

// tokens returns the tokens of all visits.
func (r *rig) tokens() []string {
	all, err := r.sessions.Idle(r.t.Context(), r.clock.now().Add(time.Hour))
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, s := range all {
		out = append(out, s.Token)
	}
	slices.Sort(out)
	return out
}

// running runs the panel's loop until the test ends.
func (r *rig) running() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.panel.Run(ctx) // ends with ctx
	}()
	r.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// send hands an event to the panel, which runs.
func send(t *testing.T, ev *signin.Events, e signin.Event) {
	t.Helper()
	if err := ev.Send(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}
