package signin_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

const (
	annPassword = "correct horse Ann"
	annCode     = "492017"
	annPIN      = "4711"
)

var (
	ann = job.Person{ID: "ann@contoso.example", Name: "Ann Roy", Email: "ann@contoso.example"}
	bob = job.Person{ID: "bob@contoso.example", Name: "Bob Lee", Email: "bob@contoso.example"}
)

// desk is one visit at a reception whose every side the test plays. It lives in
// a synctest bubble, so that time passes when the test says so.
type desk struct {
	t    *testing.T
	opt  signin.Options
	log  bytes.Buffer
	auth *signintest.Authority

	password, company, brokered *signintest.Typed
	phone, companyPhone         *signintest.Paired
	badges                      *badges

	r     *signin.Reception
	visit signin.Visit
	view  signin.View
}

// at runs fn at a desk where everything is switched on for an account without
// single sign-on; set changes that before.
func at(t *testing.T, set func(*desk), fn func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, auth: &signintest.Authority{ServiceID: "main"}}
		d.password = signintest.Password(ann, annPassword, d.auth)
		d.company = signintest.Password(ann, annPassword, d.auth)
		d.brokered = signintest.Password(ann, annPassword, d.auth)
		shown := signin.Shown{Code: "WDJB-MJHT", Expires: time.Now().Add(5 * time.Minute)}
		d.phone, d.companyPhone = &signintest.Paired{Shown: shown}, &signintest.Paired{Shown: shown}
		d.badges = &badges{pin: annPIN}
		d.opt = signin.Options{
			Discover: discovered(signin.Discovery{Account: signin.AccountOwn}),
			Typed: map[signin.Way]signin.Typed{
				signin.WayPassword: d.password, signin.WayCompany: d.company, signin.WayBrokered: d.brokered,
			},
			Paired: map[signin.Way]signin.Paired{signin.WayPhone: d.phone, signin.WayCompanyPhone: d.companyPhone},
			Badges: d.badges,
			Log:    slog.New(slog.NewTextHandler(&d.log, nil)),
		}
		d.visit = signin.Visit{ID: "v1", Terminal: signin.Terminal{ID: "front"}, Lang: "en", Private: true}
		if set != nil {
			set(d)
		}
		d.r = signintest.NewReception(t, d.opt)
		fn(d)
		d.r.Close()
		for _, secret := range []string{annPassword, annCode, "wrong", "contoso"} {
			if strings.Contains(d.log.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, d.log.String())
			}
		}
	})
}

func discovered(d signin.Discovery) signintest.Discover {
	return func(context.Context, string) (signin.Discovery, error) { return d, nil }
}

func refusing(p signin.Problem) signintest.Discover {
	return func(context.Context, string) (signin.Discovery, error) {
		return signin.Discovery{}, &signin.Refused{Problem: p}
	}
}

// always makes a method refuse everybody.
func always(m *signintest.Typed, r signin.Refused) {
	m.Do = func(context.Context, signin.Attempt) (signin.Identity, error) { return signin.Identity{}, &r }
}

// begin begins and expects a stage and problem.
func (d *desk) begin(stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	v, err := d.r.Begin(d.t.Context(), d.visit)
	if err != nil {
		d.t.Fatalf("Begin = %v", err)
	}
	d.expect(v, stage, problem)
}

// answer answers the present view and expects a stage and problem. It fails when
// a secret is left unwiped.
func (d *desk) answer(a signin.Answer, stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	a.Rev = d.view.Rev
	v, err := d.r.Answer(d.t.Context(), d.visit.ID, a)
	if err != nil {
		d.t.Fatalf("Answer = %v", err)
	}
	for _, b := range a.Secret {
		if b != 0 {
			d.t.Fatalf("the secret is still %q after Answer", a.Secret)
		}
	}
	if v.Rev <= a.Rev {
		d.t.Errorf("rev %d after %d", v.Rev, a.Rev)
	}
	d.expect(v, stage, problem)
}

func (d *desk) name(s string, stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	d.answer(signin.Answer{Email: s}, stage, problem)
}

func (d *desk) secret(s string, stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	d.answer(signin.Answer{Secret: []byte(s)}, stage, problem)
}

func (d *desk) code(s string, stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	d.answer(signin.Answer{Code: s}, stage, problem)
}

// look waits until nothing moves and expects what stands there.
func (d *desk) look(stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	synctest.Wait()
	v, ok := d.r.Look(d.visit.ID)
	if !ok {
		d.t.Fatal("Look finds no sign-in")
	}
	d.expect(v, stage, problem)
}

func (d *desk) expect(v signin.View, stage signin.Stage, problem signin.Problem) {
	d.t.Helper()
	d.view = v
	var got signin.Problem
	if v.Problem != nil {
		got = v.Problem.Problem
		if v.Problem.Err != nil {
			d.t.Errorf("the view shows the cause %v", v.Problem.Err)
		}
	}
	if v.Stage != stage || got != problem {
		d.t.Fatalf("stage %q, problem %q; want %q, %q", v.Stage, got, stage, problem)
	}
}

// taken takes the identity and expects a person and way.
func (d *desk) taken(p job.Person, w signin.Way) signin.Identity {
	d.t.Helper()
	id, err := d.r.Take(d.visit.ID)
	if err != nil || id.Person != p || id.Way != w {
		d.t.Fatalf("Take = %+v, %v; want %v by %s", id, err, p, w)
	}
	if again, err := d.r.Take(d.visit.ID); err == nil {
		d.t.Errorf("a second Take = %+v", again)
	}
	return id
}

// ended waits until nothing moves and expects how often the credential was given
// back.
func (d *desk) ended(want int) {
	d.t.Helper()
	synctest.Wait()
	if _, n := d.auth.Counts(); n != want {
		d.t.Errorf("the credential was given back %d times, want %d", n, want)
	}
}

// badges is a badge directory with one PIN for everybody.
type badges struct {
	pin     string // "": nobody has one
	ask     bool
	linkErr error
	pinErr  error // of CheckPIN, in place of an answer
	checks  int
	linked  map[string]string
}

func (b *badges) CheckPIN(_ context.Context, _ job.Person, pin []byte) error {
	b.checks++
	switch {
	case b.pinErr != nil:
		return b.pinErr
	case b.pin == "":
		return &signin.Refused{Problem: signin.PINNeeded}
	case string(pin) != b.pin:
		return &signin.Refused{Problem: signin.BadPIN}
	}
	return nil
}

func (b *badges) SetPIN(_ context.Context, _ job.Person, pin []byte) error {
	if string(pin) == "1111" {
		return &signin.Refused{Problem: signin.BadInput}
	}
	b.pin = string(pin)
	return nil
}

func (b *badges) NeedsPIN(context.Context, job.Person) (ask, set bool, err error) {
	return b.ask, b.pin != "", nil
}

func (b *badges) Link(_ context.Context, link string, p job.Person) error {
	if b.linkErr != nil {
		return b.linkErr
	}
	b.linked = map[string]string{link: p.ID}
	return nil
}

// people is a directory that knows some.
type people map[string]error

func (p people) Allowed(_ context.Context, who job.Person) (job.Person, error) {
	err, known := p[who.ID]
	if !known {
		err = &signin.Refused{Problem: signin.PersonUnknown}
	}
	who.Name += " (directory)"
	return who, err
}
