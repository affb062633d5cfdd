package xmcloud_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/password"
	"github.com/platen-fax/platen/agent/signin/xmcloud"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

func (w *world) terms(to ...string) signin.Terms {
	t := signin.Terms{Job: "j7", Device: frontDesk.ID, Until: w.clock.Now().Add(time.Hour)}
	for _, n := range to {
		t.Recipients = append(t.Recipients, job.Recipient{Number: n})
	}
	return t
}

// grant is what Ann's session gives to job j7.
func (w *world) grant(t *testing.T, to ...string) (job.Grant, wire.Ticket) {
	t.Helper()
	g, err := w.ann(t, frontDesk).Authority.Grant(t.Context(), w.terms(to...))
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := wire.ParseTicket(g.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	return g, ticket
}

// announce creates a fax with a ticket, as deliver does.
func (w *world) announce(t *testing.T, reference, to string, ticket wire.Ticket) (wire.Fax, error) {
	t.Helper()
	sum := sha256.Sum256([]byte("page"))
	return w.wire.Create(t.Context(), wire.CreateRequest{
		Reference: reference, DeviceID: ticket.DeviceID, To: to, Resolution: "fine", Ticket: ticket.Ticket, Job: ticket.Job,
		Document: wire.Document{Name: "fax.tif", Type: wire.TypeTIFF, Size: 4, SHA256: hex.EncodeToString(sum[:])},
	})
}

func wantRefusal(t *testing.T, what string, err error, want wire.Code) {
	t.Helper()
	if got := wire.CodeOf(err); got != want {
		t.Errorf("%s: %v; want %s", what, err, want)
	}
}

// TestTicketMakesTheFaxThePersons: the grant is Ann's, and so is the fax.
func TestTicketMakesTheFaxThePersons(t *testing.T) {
	w := open(t, nil)
	g, ticket := w.grant(t, toN)
	want := job.Grant{
		Kind: job.GrantTicket, Service: "main", Account: "main", Person: "ann@acme.example", Ticket: g.Ticket, Until: begin.Add(time.Hour),
	}
	if fmt.Sprint(g) != fmt.Sprint(want) || ticket.DeviceID != frontDesk.ID || ticket.Job != "j7" {
		t.Errorf("grant %+v of ticket for %s at %s; want %+v", g, ticket.Job, ticket.DeviceID, want)
	}
	f, err := w.announce(t, "r1", toN, ticket)
	if err != nil || f.Owner != "u-ann" {
		t.Errorf("fax of %q, %v; want Ann's", f.Owner, err)
	}
}

func TestTicketBoundToJob(t *testing.T) {
	w := open(t, nil)
	_, ticket := w.grant(t, toN)
	ticket.Job = "j8"
	_, err := w.announce(t, "r1", toN, ticket)
	wantRefusal(t, "another job", err, wire.TicketInvalid)
}

// TestTicketBoundToDevice: neither the ticket nor the session is good at another
// device.
func TestTicketBoundToDevice(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	terms := w.terms(toN)
	terms.Device = second.ID
	before := len(w.bodies())
	_, err := id.Authority.Grant(t.Context(), terms)
	w.want(t, "terms of another device", err, signin.Broken, false)
	if len(w.bodies()) != before {
		t.Error("a ticket was asked for")
	}
	_, ticket := w.grant(t, toN)
	ticket.DeviceID = second.ID
	_, err = w.announce(t, "r1", toN, ticket)
	wantRefusal(t, "another device", err, wire.TicketInvalid)
}

func TestTicketBoundToRecipients(t *testing.T) {
	w := open(t, nil)
	_, ticket := w.grant(t, toN, toN)
	_, err := w.announce(t, "r1", otherN, ticket)
	wantRefusal(t, "another recipient", err, wire.TicketInvalid)
	if _, err := w.announce(t, "r2", toN, ticket); err != nil {
		t.Errorf("the recipient: %v", err)
	}
}

// TestTicketForTooManyRecipients is not asked for.
func TestTicketForTooManyRecipients(t *testing.T) {
	w := open(t, nil)
	a := w.ann(t, frontDesk).Authority
	var many []string
	for i := range wire.MaxRecipients + 1 {
		many = append(many, fmt.Sprintf("+1514555%04d", i))
	}
	for _, to := range [][]string{nil, many} {
		_, err := a.Grant(t.Context(), w.terms(to...))
		w.want(t, fmt.Sprintf("%d recipients", len(to)), err, signin.BadInput, false)
	}
	if _, err := a.Grant(t.Context(), w.terms(many[1:]...)); err != nil {
		t.Errorf("%d recipients: %v", wire.MaxRecipients, err)
	}
}

// TestTicketShorterThanAsked: the grant ends when the service says.
func TestTicketShorterThanAsked(t *testing.T) {
	w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.TicketMax = 20 * time.Minute })
	id := w.ann(t, frontDesk)
	for _, until := range []time.Time{begin.Add(time.Hour), {}} {
		terms := w.terms(toN)
		terms.Until = until
		g, err := id.Authority.Grant(t.Context(), terms)
		if err != nil || !g.Until.Equal(begin.Add(20*time.Minute)) {
			t.Errorf("asked until %v: granted until %v, %v; want 20 min", until, g.Until, err)
		}
	}
	g, err := id.Authority.Grant(t.Context(), w.terms(toN))
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Pass(20 * time.Minute)
	ticket, err := wire.ParseTicket(g.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.announce(t, "r1", toN, ticket)
	wantRefusal(t, "after its end", err, wire.TicketExpired)
	if g.Valid(w.clock.Now()) {
		t.Error("the grant is valid after its end")
	}
}

// TestTicketAskedForLess is not stretched.
func TestTicketAskedForLess(t *testing.T) {
	w := open(t, nil)
	terms := w.terms(toN)
	terms.Until = begin.Add(90 * time.Second)
	g, err := w.ann(t, frontDesk).Authority.Grant(t.Context(), terms)
	if err != nil || !g.Until.Equal(terms.Until) {
		t.Errorf("granted until %v, %v; want %v", g.Until, err, terms.Until)
	}
}

// TestTicketOutlivesTheSession: a fax may wait after the sign-out.
func TestTicketOutlivesTheSession(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	g, err := id.Authority.Grant(t.Context(), w.terms(toN))
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Authority.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	ticket, err := wire.ParseTicket(g.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.announce(t, "r1", toN, ticket); err != nil {
		t.Errorf("after the sign-out: %v", err)
	}
}

// TestEndTokenAtSignOut: the token ends at the service, with one request, and
// nothing is granted afterwards.
func TestEndTokenAtSignOut(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	if n := w.XM().Sessions(); n != 1 {
		t.Fatalf("%d sessions; want 1", n)
	}
	for range 3 {
		if err := id.Authority.End(t.Context()); err != nil {
			t.Errorf("End: %v", err)
		}
	}
	if n, s := w.asked(endLine), w.XM().Sessions(); n != 1 || s != 0 {
		t.Errorf("%d requests, %d sessions left; want 1 and none", n, s)
	}
	_, err := id.Authority.Grant(t.Context(), w.terms(toN))
	w.want(t, "after the sign-out", err, signin.SignInAgain, false)
	if n := w.asked("POST /" + wire.PathTickets); n != 0 {
		t.Errorf("%d tickets were asked for", n)
	}
}

// TestSecondSessionSurvivesTheFirst: the service gives Ann the same token again,
// so her old session must not take it with it.
func TestSecondSessionSurvivesTheFirst(t *testing.T) {
	w := open(t, nil)
	first, again := w.ann(t, frontDesk), w.ann(t, frontDesk)
	if err := first.Authority.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.asked(endLine); n != 0 {
		t.Errorf("%d requests to end a token in use", n)
	}
	if _, err := again.Authority.Grant(t.Context(), w.terms(toN)); err != nil {
		t.Errorf("the second session: %v", err)
	}
	if err := again.Authority.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, s := w.asked(endLine), w.XM().Sessions(); n != 1 || s != 0 {
		t.Errorf("%d requests, %d sessions left; want 1 and none", n, s)
	}
}

// TestSecondSessionAtANewCloud: a Cloud that took the place of another knows who
// holds the token that both were given.
func TestSecondSessionAtANewCloud(t *testing.T) {
	w := open(t, nil)
	first := w.ann(t, frontDesk)
	w.in = xmcloud.New(xmcloud.Options{Service: "main", Client: w.wire, Tokens: w.tokens, Now: w.clock.Now})
	w.typed = password.New(password.Options{Way: signin.WayPassword, Cloud: w.in})
	again := w.ann(t, frontDesk)
	if err := first.Authority.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Authority.Grant(t.Context(), w.terms(toN)); err != nil {
		t.Errorf("the second session: %v", err)
	}
	if err := again.Authority.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, s := w.asked(endLine), w.XM().Sessions(); n != 1 || s != 0 {
		t.Errorf("%d requests, %d sessions left; want 1 and none", n, s)
	}
}

// TestSignInWaitsForTheSignOut: while a sign-out is on its way, nobody at that
// device is given the token that is about to end. Elsewhere people go on.
func TestSignInWaitsForTheSignOut(t *testing.T) {
	w := open(t, nil)
	first := w.ann(t, frontDesk)
	logins := w.asked(loginLine)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Slow, Stage: faxcloud.Head}); err != nil {
		t.Fatal(err)
	}
	before := w.CallsOf(faxcloud.XMCloud, faxcloud.OpLogin)
	ended := make(chan error, 1)
	go func() { ended <- first.Authority.End(context.WithoutCancel(t.Context())) }()
	for deadline := time.Now().Add(10 * time.Second); w.CallsOf(faxcloud.XMCloud, faxcloud.OpLogin) == before; {
		if time.Now().After(deadline) {
			t.Fatal("the sign-out did not reach the service")
		}
		time.Sleep(time.Millisecond)
	}
	w.ann(t, second)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := w.in.Login(short, signin.Attempt{Terminal: frontDesk, Name: "ann", Secret: []byte(annsWord), Discovery: own})
	w.want(t, "a sign-in while the sign-out is on its way", err, signin.ServiceDown, false)
	if n := w.asked(loginLine) - logins; n != 1 {
		t.Errorf("%d sign-ins reached the service; want the one elsewhere", n)
	}
	w.Release()
	if err := <-ended; err != nil {
		t.Errorf("End: %v", err)
	}
	if _, err := w.ann(t, frontDesk).Authority.Grant(t.Context(), w.terms(toN)); err != nil {
		t.Errorf("the new session: %v", err)
	}
}

// TestIdleTokenWantsASignIn: the service ends sessions by itself.
func TestIdleTokenWantsASignIn(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	w.clock.Pass(15 * time.Minute)
	for range 2 {
		_, err := id.Authority.Grant(t.Context(), w.terms(toN))
		w.want(t, "after 15 min", err, signin.SignInAgain, false)
	}
	if n := w.asked("POST /" + wire.PathTickets); n != 1 {
		t.Errorf("%d tickets were asked for with an ended token; want 1", n)
	}
	if err := id.Authority.End(t.Context()); err != nil || w.asked(endLine) != 0 {
		t.Errorf("End: %v, %d requests; want none", err, w.asked(endLine))
	}
	if _, err := w.ann(t, frontDesk).Authority.Grant(t.Context(), w.terms(toN)); err != nil {
		t.Errorf("signed in again: %v", err)
	}
}

// TestDeactivatedTokenRefused: who was disabled after the sign-in gets nothing.
func TestDeactivatedTokenRefused(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	edit := func(f func(*faxcloud.XMUser)) {
		if err := w.XM().EditUser("eu", "acme", "ann", f); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(u *faxcloud.XMUser) { u.Disabled = true })
	_, err := id.Authority.Grant(t.Context(), w.terms(toN))
	w.want(t, "a disabled person", err, signin.PersonDisabled, false)
	if err := id.Authority.End(t.Context()); err != nil {
		t.Errorf("End: %v", err)
	}

	edit(func(u *faxcloud.XMUser) { u.Disabled = false })
	id = w.ann(t, frontDesk)
	edit(func(u *faxcloud.XMUser) { u.NoSend = true })
	_, err = id.Authority.Grant(t.Context(), w.terms(toN))
	w.want(t, "a person without the right to send", err, signin.NotAllowed, false)
}

// TestDeviceMustBeEnrolled: a password is good anywhere, a ticket is not.
func TestDeviceMustBeEnrolled(t *testing.T) {
	w := open(t, nil)
	lab := signin.Terminal{ID: "lab"}
	terms := w.terms(toN)
	terms.Device = lab.ID
	_, err := w.ann(t, lab).Authority.Grant(t.Context(), terms)
	w.want(t, "ticket at a device that is not enrolled", err, signin.ServiceConfig, false)
	_, err = w.in.StartDevice(t.Context(), lab)
	w.want(t, "code at a device that is not enrolled", err, signin.ServiceConfig, false)
}

// TestTicketOfSomebodyElse is not taken, whatever the service did.
func TestTicketOfSomebodyElse(t *testing.T) {
	w := open(t, nil)
	for answer, want := range map[string]signin.Problem{
		`{"result":true,"ticket":"TICKET|1","until":"2026-09-24T07:43:04Z","user":{"id":"u-bob"}}`: signin.Broken,
		`{"result":true,"ticket":"TICKET|1","until":"2026-09-24T06:43:04Z","user":{"id":"u-ann"}}`: signin.Clock,
		`{"result":true,"user":{"id":"u-ann"}}`:                                                    signin.Broken,
	} {
		var ended int
		in := answeringAs(t, map[string]string{
			"/" + wire.PathUserToken: `{"result":true,"token":"USER|1","user_id":"u-ann","user":{"id":"u-ann","name":"Ann","email":"ann@acme.example"}}`,
			"/" + wire.PathTickets:   answer,
		}, &ended)
		id, err := in.Login(t.Context(), signin.Attempt{Terminal: frontDesk, Name: "ann", Secret: []byte("x"), Discovery: own})
		if err != nil {
			t.Fatal(err)
		}
		_, err = id.Authority.Grant(t.Context(), w.terms(toN))
		w.want(t, strings.SplitN(answer, ",", 3)[1], err, want, false)
	}
}

// TestTokenWithoutAPersonIsGivenBack: nobody is signed in without an address.
func TestTokenWithoutAPersonIsGivenBack(t *testing.T) {
	w := open(t, nil)
	for answer, want := range map[string]signin.Problem{
		`{"result":true,"token":"USER|1","user_id":"u-ann","user":{"id":"u-ann","name":"Ann","email":""}}`: signin.NoAddress,
		`{"result":true,"token":"USER|1","user_id":"u-ann"}`:                                               signin.NoAddress,
		`{"result":true,"token":"USER|1","user":{"email":"ann@acme.example"}}`:                             signin.Broken,
	} {
		ended := 0
		in := answeringAs(t, map[string]string{"/" + wire.PathUserToken: answer}, &ended)
		_, err := in.Login(t.Context(), signin.Attempt{Terminal: frontDesk, Name: "ann", Secret: []byte("x"), Discovery: own})
		w.want(t, "no person", err, want, false)
		if ended != 1 {
			t.Errorf("%d tokens were given back; want 1", ended)
		}
	}
}

// TestSignOutWithoutTheService is over for this agent, and says why.
func TestSignOutWithoutTheService(t *testing.T) {
	w := open(t, nil)
	id := w.ann(t, frontDesk)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Stall, Stage: faxcloud.Head}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := id.Authority.End(ctx)
	w.want(t, "no answer", err, signin.ServiceDown, false)
	if err := id.Authority.End(t.Context()); err != nil || w.asked(endLine) != 1 {
		t.Errorf("the second time: %v, %d requests; want one in all", err, w.asked(endLine))
	}
	_, err = id.Authority.Grant(t.Context(), w.terms(toN))
	w.want(t, "afterwards", err, signin.SignInAgain, false)
}
