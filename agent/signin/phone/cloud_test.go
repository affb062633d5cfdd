package phone_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/phone"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

var ann = job.Person{ID: "ann@acme.example", Name: "Ann Lee", Email: "Ann@Acme.example"}

// TestPhoneApprove: Ann signs in at her company on her phone, compares the
// number, and is at the device with an authority of her own.
func TestPhoneApprove(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	s := p.Shown()
	if s.Address != w.base+"/device" || s.QR != w.base+"/d/"+s.Code || len(s.Match) != 2 || s.Expires.Sub(begin) != 4*time.Minute {
		t.Errorf("shown %+v", s)
	}
	w.clock.onWait = func(n int) {
		if n != 2 {
			return
		}
		b := w.arrive(t, s)
		if !strings.Contains(b.page, s.Match) || !strings.Contains(b.page, frontDesk.Name) {
			t.Errorf("the question on the phone names neither number nor device:\n%s", b.page)
		}
		w.decide(b, s, "yes")
	}
	id, err := p.Wait(t.Context())
	if err != nil || id.Person != ann || id.Way != signin.WayPhone || id.Ask || id.Authority == nil || id.Authority.Service() != "main" {
		t.Fatalf("Wait = %+v, %v; want Ann", id, err)
	}
	if len(w.polls) != 2 {
		t.Errorf("%d polls; want 2", len(w.polls))
	}
	apart(t, w.polls, begin, 5*time.Second)
}

// TestSAMLAccountSignsInWithoutTheFaxServiceSeeingAPassword: the phone types it
// at the company, and neither panel nor fax service ever has it.
func TestSAMLAccountSignsInWithoutTheFaxServiceSeeingAPassword(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	w.clock.onWait = func(n int) {
		if n == 1 {
			w.decide(w.arrive(t, p.Shown()), p.Shown(), "yes")
		}
	}
	if id, err := p.Wait(t.Context()); err != nil || id.Person != ann {
		t.Fatalf("Wait = %+v, %v; want Ann", id, err)
	}
	attempts := w.idp.Attempts()
	if len(attempts) != 1 || !attempts[0].OK {
		t.Errorf("attempts at the company: %+v; want one", attempts)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen.String()
	if !strings.Contains(seen, "SAMLResponse=") {
		t.Fatal("the record is not of this sign-in")
	}
	for _, form := range []string{companyWord, url.QueryEscape(companyWord), url.PathEscape(companyWord)} {
		if strings.Contains(seen, form) {
			t.Errorf("the fax service was sent the password as %q", form)
		}
	}
}

// TestPhoneDeny: "that is not me" ends it.
func TestPhoneDeny(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	w.clock.onWait = func(n int) {
		if n == 1 {
			w.decide(w.arrive(t, p.Shown()), p.Shown(), "no")
		}
	}
	_, err := p.Wait(t.Context())
	problem(t, "denied", err, signin.Declined)
	if n := w.XM().Sessions(); n != 0 {
		t.Errorf("%d sessions at the fax service; want none", n)
	}
}

// TestPhoneExpire: nobody comes. The last question is before the end, and
// whoever comes too late is told so on the phone.
func TestPhoneExpire(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	s := p.Shown()
	_, err := p.Wait(t.Context())
	problem(t, "expired", err, signin.CodeExpired)
	if got, want := len(w.polls), 47; got != want { // every 5 s of 4 min, not at the end
		t.Errorf("%d polls; want %d", got, want)
	}
	if last := w.polls[len(w.polls)-1]; !last.Before(s.Expires) {
		t.Errorf("a poll at %v, after the end at %v", last, s.Expires)
	}
	if now := w.clock.now(); now.Before(s.Expires) {
		t.Errorf("gave up %v before the end", s.Expires.Sub(now))
	}
	apart(t, w.polls, begin, 5*time.Second)
	if b := newBrowser(t, w.web).open(s.QR); b.code == 200 {
		t.Errorf("the code still opens a page after its end:\n%s", b.page)
	}
}

// TestPhoneSlowDown: the service is asked behind the method's back, says slow
// down, and is asked less often from then on.
func TestPhoneSlowDown(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	w.clock.onWait = func(n int) {
		switch n {
		case 2, 3:
			if _, _, _, err := w.in.PollDevice(t.Context(), w.code.Device, frontDesk); err != nil {
				t.Errorf("the poll in between: %v", err)
			}
		case 6:
			w.decide(w.arrive(t, p.Shown()), p.Shown(), "yes")
		}
	}
	id, err := p.Wait(t.Context())
	if err != nil || id.Person != ann {
		t.Fatalf("Wait = %+v, %v; want Ann", id, err)
	}
	s := time.Second
	if want := []time.Duration{5 * s, 5 * s, 10 * s, 15 * s, 15 * s, 15 * s}; !slices.Equal(w.clock.waits, want) {
		t.Errorf("waits %v; want %v", w.clock.waits, want)
	}
}

// TestPhoneServiceDownBacksOff: a service that is away is asked less and less,
// and as before once it answers.
func TestPhoneServiceDownBacksOff(t *testing.T) {
	for _, f := range []faxcloud.Fault{
		{Action: faxcloud.Answer, Code: 503, Times: 3},
		{Action: faxcloud.Answer, Code: 429, Times: 3},
		{Action: faxcloud.Cut, Times: 3},
	} {
		w := newCloudWorld(t, nil)
		p := w.start(t)
		f.Service, f.Op = faxcloud.XMCloud, faxcloud.OpLogin
		if err := w.Inject(f); err != nil {
			t.Fatal(err)
		}
		w.clock.onWait = func(n int) {
			if n == 5 {
				w.decide(w.arrive(t, p.Shown()), p.Shown(), "yes")
			}
		}
		id, err := p.Wait(t.Context())
		if err != nil || id.Person != ann {
			t.Errorf("%+v: Wait = %+v, %v; want Ann", f, id, err)
		}
		s := time.Second
		if want := []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 5 * s}; !slices.Equal(w.clock.waits, want) {
			t.Errorf("%+v: waits %v; want %v", f, w.clock.waits, want)
		}
	}
}

// TestPhoneServiceDownToTheEnd: that the code ran out is not the news then.
func TestPhoneServiceDownToTheEnd(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Answer, Code: 500, Times: -1}); err != nil {
		t.Fatal(err)
	}
	_, err := p.Wait(t.Context())
	problem(t, "down", err, signin.ServiceDown)
	if got := slices.Max(w.clock.waits); got > time.Minute {
		t.Errorf("a pause of %v; want a minute at the most", got)
	}
}

// TestPhoneCancel: the person goes back; nobody asks any more, and the next
// code ends the one before.
func TestPhoneCancel(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.clock.onWait = func(n int) {
		if n == 3 {
			cancel()
		}
	}
	if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v; want cancelled", err)
	}
	if len(w.polls) != 2 {
		t.Errorf("%d polls; want the 2 before", len(w.polls))
	}
	w.start(t)
	if b := newBrowser(t, w.web).open(p.Shown().QR); b.code == 200 {
		t.Errorf("the code before still opens a page:\n%s", b.page)
	}
}

// TestPhoneCancelledTooLate: the service signed Ann in as she went away; what it
// gave is given back.
func TestPhoneCancelledTooLate(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.clock.onWait = func(n int) {
		if n == 1 {
			w.decide(w.arrive(t, p.Shown()), p.Shown(), "yes")
		}
	}
	given := 0
	w.after = func() {
		given = w.XM().Sessions()
		cancel()
	}
	if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v; want cancelled", err)
	}
	if now := w.XM().Sessions(); given != 1 || now != 0 {
		t.Errorf("%d sessions given, %d alive; want 1 and 0", given, now)
	}
}

// TestUsedCodeRefused: neither a second scan nor a second question gets anything
// out of a code that was used.
func TestUsedCodeRefused(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	w.clock.onWait = func(n int) {
		if n == 1 {
			w.decide(w.arrive(t, p.Shown()), p.Shown(), "yes")
		}
	}
	if _, err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b := newBrowser(t, w.web).open(p.Shown().QR); b.code == 200 || !strings.Contains(b.page, "has been used") {
		t.Errorf("a second scan: %d\n%s", b.code, b.page)
	}
	_, err := p.Wait(t.Context())
	problem(t, "a second question", err, signin.CodeExpired)
	if n := w.XM().Sessions(); n != 1 {
		t.Errorf("%d sessions; want 1", n)
	}
}

// TestRelayedApprovalOfAnotherTenant: somebody sends the QR code to a person of
// another company, who signs in there. It is refused on the phone, and nobody is
// signed in at the device.
func TestRelayedApprovalOfAnotherTenant(t *testing.T) {
	w := newCloudWorld(t, nil)
	p := w.start(t)
	if err := w.idp.SetAttack(idp.OtherProvider, "bob@acme.example"); err != nil {
		t.Fatal(err)
	}
	w.clock.onWait = func(n int) {
		if n != 1 {
			return
		}
		b := w.arrive(t, p.Shown())
		if strings.Contains(b.page, `id="yes"`) {
			t.Errorf("the other company's person may confirm:\n%s", b.page)
		}
		w.decide(b, p.Shown(), "yes")
	}
	id, err := p.Wait(t.Context())
	problem(t, "another tenant", err, signin.CodeExpired)
	if id.Person.ID != "" || w.XM().Sessions() != 0 {
		t.Errorf("signed in all the same: %+v, %d sessions", id, w.XM().Sessions())
	}
}

// TestPhoneCodeLivesFiveMinutesAtMost: whatever the service says.
func TestPhoneCodeLivesFiveMinutesAtMost(t *testing.T) {
	w := newCloudWorld(t, func(o *faxcloud.XMOptions) { o.CodeTTL = 15 * time.Minute })
	p := w.start(t)
	if got := p.Shown().Expires.Sub(begin); got != phone.MaxLife {
		t.Errorf("shown for %v; want %v", got, phone.MaxLife)
	}
	_, err := p.Wait(t.Context())
	problem(t, "five minutes", err, signin.CodeExpired)
	if got := w.clock.now().Sub(begin); got != phone.MaxLife {
		t.Errorf("waited for %v; want %v", got, phone.MaxLife)
	}
}

func TestPhoneStartRefused(t *testing.T) {
	w := newCloudWorld(t, nil)
	start := func(t0 signin.Terminal) error {
		_, err := w.method.Start(t.Context(), t0, "fr")
		return err
	}
	problem(t, "a device not enrolled", start(signin.Terminal{ID: "copy-room", Name: "Copy room"}), signin.ServiceConfig)
	for range 10 {
		w.start(t)
	}
	problem(t, "an eleventh code in a minute", start(frontDesk), signin.TooManyTries)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpDevice, Action: faxcloud.Answer, Code: 502}); err != nil {
		t.Fatal(err)
	}
	problem(t, "down", start(signin.Terminal{ID: "second", Name: "Second"}), signin.ServiceDown)
}

// script is a service that says what it is told.
type script struct {
	code signin.DeviceCode
	err  error
}

func (s script) StartDevice(context.Context, signin.Terminal) (signin.DeviceCode, error) {
	return s.code, s.err
}

func (s script) PollDevice(context.Context, string, signin.Terminal) (signin.Identity, bool, bool, error) {
	return signin.Identity{Person: ann}, false, false, s.err
}

// TestPhoneWithoutANumberAsks: a service without a match number leaves the
// question to the panel.
func TestPhoneWithoutANumberAsks(t *testing.T) {
	for _, match := range []string{"", "42"} {
		c := clock{t: begin}
		m := phone.NewCloud(phone.CloudOptions{Now: c.now, Wait: c.wait, Cloud: script{code: signin.DeviceCode{
			Device: "d", User: "BCDF", Address: "https://fax.example/device", Match: match, Expires: begin.Add(time.Minute),
		}}})
		p, err := m.Start(t.Context(), frontDesk, "en")
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Shown(); s.QR != "https://fax.example/device" {
			t.Errorf("without a complete address the QR code is %q", s.QR)
		}
		if id, err := p.Wait(t.Context()); err != nil || id.Ask != (match == "") {
			t.Errorf("number %q: %+v, %v", match, id, err)
		}
		if want := []time.Duration{5 * time.Second}; !slices.Equal(c.waits, want) {
			t.Errorf("waits %v; want %v where the service names none", c.waits, want)
		}
	}
}

// TestPhoneCodeThatCannotBeShown: what is not https, or empty, or over, is never
// put on a panel.
func TestPhoneCodeThatCannotBeShown(t *testing.T) {
	good := signin.DeviceCode{Device: "d", User: "BCDF", Address: "https://fax.example/device", Complete: "https://fax.example/d/BCDF", Expires: begin.Add(time.Minute)}
	for name, spoil := range map[string]func(*signin.DeviceCode){
		"no device code":     func(c *signin.DeviceCode) { c.Device = "" },
		"no user code":       func(c *signin.DeviceCode) { c.User = "" },
		"plain address":      func(c *signin.DeviceCode) { c.Address = "http://fax.example/device" },
		"plain QR address":   func(c *signin.DeviceCode) { c.Complete = "http://fax.example/d/BCDF" },
		"a script":           func(c *signin.DeviceCode) { c.Complete = "javascript:alert(1)" },
		"somebody's address": func(c *signin.DeviceCode) { c.Address = "https://fax.example@evil.example/" },
		"over":               func(c *signin.DeviceCode) { c.Expires = begin },
	} {
		c := clock{t: begin}
		code := good
		spoil(&code)
		_, err := phone.NewCloud(phone.CloudOptions{Now: c.now, Wait: c.wait, Cloud: script{code: code}}).Start(t.Context(), frontDesk, "en")
		problem(t, name, err, signin.Broken)
	}
	cause := errors.New("something else")
	_, err := phone.NewCloud(phone.CloudOptions{Cloud: script{err: cause}}).Start(t.Context(), frontDesk, "en")
	problem(t, "another error", err, signin.Broken)
	if !errors.Is(err, cause) {
		t.Errorf("%v does not wrap its cause", err)
	}
}
