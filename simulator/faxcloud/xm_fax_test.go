package faxcloud_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

// ticketFor asks for a ticket of job j7 at the front desk.
func ticketFor(w *xmWorld, to ...string) xmcloud.TicketRequest {
	return xmcloud.TicketRequest{DeviceID: frontDesk.ID, Job: "j7", Recipients: to, Until: w.clock.now().Add(24 * time.Hour)}
}

// announce is a fax of the small document.
func announce(t *testing.T, reference, to string) xmcloud.CreateRequest {
	data := fixture(t, "small.tif")
	return xmcloud.CreateRequest{
		Reference: reference, DeviceID: frontDesk.ID, To: to, Resolution: "fine",
		Document: xmcloud.Document{Name: "fax.tif", Type: xmcloud.TypeTIFF, Size: int64(len(data)), SHA256: sum(data)},
	}
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func commitOf(r xmcloud.CreateRequest) xmcloud.CommitRequest {
	return xmcloud.CommitRequest{Reference: r.Reference, To: r.To, SHA256: r.Document.SHA256, Size: r.Document.Size}
}

// put announces and uploads.
func (w *xmWorld) put(t *testing.T, r xmcloud.CreateRequest) (xmcloud.Fax, error) {
	t.Helper()
	f, err := w.api.Create(t.Context(), r)
	if err != nil || f.Offset == r.Document.Size {
		return f, err
	}
	data := fixture(t, "small.tif")
	return w.api.Chunk(t.Context(), f.ID, bytes.NewReader(data[f.Offset:]), f.Offset, r.Document.Size-f.Offset, r.Document.Size)
}

// send announces, uploads and commits.
func (w *xmWorld) send(t *testing.T, r xmcloud.CreateRequest) (xmcloud.Fax, error) {
	t.Helper()
	f, err := w.put(t, r)
	if err != nil {
		return f, err
	}
	return w.api.Commit(t.Context(), f.ID, commitOf(r))
}

func (w *xmWorld) fax(t *testing.T, reference, to string) xmcloud.Fax {
	t.Helper()
	f, err := w.send(t, announce(t, reference, to))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestXMOneFaxPerReference(t *testing.T) {
	w := openXM(t, nil)
	first := w.fax(t, "j/1/1", toN)
	if first.State != xmcloud.Queued || w.Committed("j/1/1") != 1 {
		t.Fatalf("%+v, %d committed", first, w.Committed("j/1/1"))
	}
	for range 2 {
		if again := w.fax(t, "j/1/1", toN); again.ID != first.ID {
			t.Errorf("the same again is %s; want %s", again.ID, first.ID)
		}
	}
	if w.Committed("j/1/1") != 1 || w.Doubled() != 0 {
		t.Errorf("%d committed, %d doubled; want 1 and 0", w.Committed("j/1/1"), w.Doubled())
	}
	_, err := w.api.Create(t.Context(), announce(t, "j/1/1", "+15145550199"))
	wantCode(t, "the reference for another number", err, xmcloud.ReferenceConflict)
	e := w.Ledger()[0]
	if e.Service != faxcloud.XMCloud || e.User != "acme" || e.Owner != "" || e.To != toN || len(e.Pages) != 2 {
		t.Errorf("ledger %+v", e)
	}
	w.clock.pass(10 * time.Second)
	l, err := w.api.Status(t.Context(), []string{first.ID, "unknown"})
	if err != nil || len(l) != 1 || l[0].State != xmcloud.Sent || l[0].Pages != 2 {
		t.Errorf("status %+v, %v; want one sent with two pages", l, err)
	}
}

// TestXMForgetful shows that a service that breaks its promise is found out.
func TestXMForgetful(t *testing.T) {
	w := openXM(t, func(o *faxcloud.XMOptions, _ *faxcloud.XMAccount) { o.Forgetful = true })
	first, again := w.fax(t, "j/1/1", toN), w.fax(t, "j/1/1", toN)
	if first.ID == again.ID || w.Committed("j/1/1") != 2 || w.Doubled() != 1 {
		t.Errorf("%s and %s, %d committed, %d doubled; want two faxes, one doubled", first.ID, again.ID, w.Committed("j/1/1"), w.Doubled())
	}
}

// TestXMLedgerCountsPieces: a piece that came twice is in the count, and the
// ledger knows the service's own word for a confirmed fax.
func TestXMLedgerCountsPieces(t *testing.T) {
	w := openXM(t, nil)
	w.fax(t, "once", toN)
	r := announce(t, "twice", toN)
	f, err := w.api.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpUpload, Action: faxcloud.Cut}); err != nil {
		t.Fatal(err)
	}
	data := fixture(t, "small.tif")
	if _, err := w.api.Chunk(t.Context(), f.ID, bytes.NewReader(data), 0, 100, r.Document.Size); err == nil {
		t.Fatal("a piece that was cut off went up")
	}
	w.fax(t, "twice", toN)
	for i, e := range w.Ledger() {
		if want := e.Bytes + int64(i)*100; e.Uploaded != want || e.Delivered() {
			t.Errorf("%s: %d bytes for %d, delivered %v; want %d and not yet", e.Key, e.Uploaded, e.Bytes, e.Delivered(), want)
		}
	}
	w.clock.pass(10 * time.Second)
	for _, e := range w.Ledger() {
		if !e.Delivered() {
			t.Errorf("%s: status %q does not count as delivered", e.Key, e.Status)
		}
	}
}

func TestXMUploadContinues(t *testing.T) {
	w := openXM(t, func(o *faxcloud.XMOptions, _ *faxcloud.XMAccount) { o.ChunkMax = 1000 })
	r := announce(t, "j/1/1", toN)
	data := fixture(t, "small.tif")
	_, err := w.put(t, r)
	wantCode(t, "a piece too large", err, xmcloud.TooLarge)
	f, err := w.api.Create(t.Context(), r)
	if err != nil || f.State != xmcloud.Created || f.ChunkMax != 1000 || f.Offset != 0 {
		t.Fatalf("create: %+v, %v", f, err)
	}
	put := func(off, n int64) error {
		_, err := w.api.Chunk(t.Context(), f.ID, bytes.NewReader(data[off:]), off, n, r.Document.Size)
		return err
	}
	if err := put(0, 1000); err != nil {
		t.Fatal(err)
	}
	if e := wantCode(t, "the same piece", put(0, 1000), xmcloud.WrongOffset); e.Offset != 1000 {
		t.Errorf("offset %d; want 1000", e.Offset)
	}
	wantCode(t, "a piece too far on", put(1200, 100), xmcloud.WrongOffset)
	if err := put(1000, r.Document.Size-1000); err != nil {
		t.Fatal(err)
	}
	again, err := w.api.Create(t.Context(), r)
	if err != nil || again.ID != f.ID || again.Offset != r.Document.Size {
		t.Errorf("asked again: %+v, %v; want the same fax, whole", again, err)
	}
}

func TestXMIncompleteOrChangedDocumentsAreNotSent(t *testing.T) {
	w := openXM(t, nil)
	r := announce(t, "j/1/1", toN)
	f, err := w.api.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.api.Commit(t.Context(), f.ID, commitOf(r))
	wantCode(t, "nothing uploaded", err, xmcloud.Incomplete)
	wrong := slices.Clone(fixture(t, "small.tif"))
	wrong[len(wrong)-1] ^= 1
	_, err = w.api.Chunk(t.Context(), f.ID, bytes.NewReader(wrong), 0, r.Document.Size, r.Document.Size)
	wantCode(t, "another document", err, xmcloud.BadDocument)
	if _, err := w.put(t, r); err != nil {
		t.Fatalf("the right one afterwards: %v", err)
	}
	c := commitOf(r)
	c.To = "+15145550199"
	_, err = w.api.Commit(t.Context(), f.ID, c)
	wantCode(t, "commit to another number", err, xmcloud.ReferenceConflict)
	if n := len(w.Ledger()); n != 0 {
		t.Errorf("%d faxes", n)
	}
}

func TestXMRefusedAnnouncements(t *testing.T) {
	w := openXM(t, nil)
	for name, tt := range map[string]struct {
		edit func(*xmcloud.CreateRequest)
		want xmcloud.Code
	}{
		"number":      {func(r *xmcloud.CreateRequest) { r.To = "5145550123" }, xmcloud.BadNumber},
		"sender":      {func(r *xmcloud.CreateRequest) { r.From = "+15145559999" }, xmcloud.ForeignNumber},
		"type":        {func(r *xmcloud.CreateRequest) { r.Document.Type = "application/pdf" }, xmcloud.BadDocument},
		"size":        {func(r *xmcloud.CreateRequest) { r.Document.Size = 1 << 20 }, xmcloud.TooLarge},
		"hash":        {func(r *xmcloud.CreateRequest) { r.Document.SHA256 = "x" }, xmcloud.BadRequest},
		"reference":   {func(r *xmcloud.CreateRequest) { r.Reference = "two words" }, xmcloud.BadRequest},
		"device":      {func(r *xmcloud.CreateRequest) { r.DeviceID = "copy-room" }, xmcloud.DeviceNotListed},
		"two persons": {func(r *xmcloud.CreateRequest) { r.OnBehalfOf, r.Ticket = "u-ann", "TICKET|x" }, xmcloud.BadRequest},
	} {
		r := announce(t, "j/1/1", toN)
		tt.edit(&r)
		_, err := w.api.Create(t.Context(), r)
		wantCode(t, name, err, tt.want)
	}
}

func TestXMOnBehalfOf(t *testing.T) {
	w := openXM(t, nil)
	for i, tt := range []struct {
		person string
		owner  string
		want   xmcloud.Code
	}{
		{"u-ann", "u-ann", ""},
		{"ANN@acme.example", "u-ann", ""},
		{"ann", "", xmcloud.UserUnknown},
		{"nobody@acme.example", "", xmcloud.UserUnknown},
		{"u-off", "", xmcloud.UserInactive},
		{"u-new", "", xmcloud.NotActivated},
		{"u-mute", "", xmcloud.UserNotAllowed},
	} {
		r := announce(t, "j/1/"+string(rune('1'+i)), toN)
		r.OnBehalfOf = tt.person
		f, err := w.send(t, r)
		if tt.want != "" {
			wantCode(t, tt.person, err, tt.want)
		} else if err != nil || f.Owner != tt.owner {
			t.Errorf("%s: %+v, %v; want a fax of %s", tt.person, f, err, tt.owner)
		}
	}
	plain := w.as(t, "acme", "SERVICE|plain")
	r := announce(t, "k/1/1", toN)
	r.DeviceID, r.OnBehalfOf = "copy-room", "u-ann"
	_, err := plain.Create(t.Context(), r)
	wantCode(t, "a connector that may not", err, xmcloud.NotPermitted)
	r.OnBehalfOf = ""
	if _, err := plain.Create(t.Context(), r); err != nil {
		t.Errorf("in its own name: %v", err)
	}
}

func TestXMDisabledBetweenUploadAndCommit(t *testing.T) {
	w := openXM(t, nil)
	r := announce(t, "j/1/1", toN)
	r.OnBehalfOf = "u-ann"
	f, err := w.put(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.XM().EditUser("eu", "acme", "ann", func(u *faxcloud.XMUser) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	_, err = w.api.Commit(t.Context(), f.ID, commitOf(r))
	wantCode(t, "commit", err, xmcloud.UserInactive)
	if len(w.Ledger()) != 0 {
		t.Error("a fax of a disabled person was sent")
	}
}

// ticketed announces a fax of job j7 under a ticket.
func ticketed(t *testing.T, ticket, reference, to string) xmcloud.CreateRequest {
	r := announce(t, reference, to)
	r.Ticket, r.Job = ticket, "j7"
	return r
}

func TestXMTicketIsBound(t *testing.T) {
	w := openXM(t, nil)
	a, err := w.api.Ticket(t.Context(), w.token(t), ticketFor(w, toN, "+15145550124"))
	if err != nil || a.User.ID != "u-ann" || !a.Until.Equal(w.clock.now().Add(24*time.Hour)) {
		t.Fatalf("ticket %+v, %v", a, err)
	}
	for name, edit := range map[string]func(*xmcloud.CreateRequest){
		"another recipient": func(r *xmcloud.CreateRequest) { r.To = "+15145550199" },
		"another job":       func(r *xmcloud.CreateRequest) { r.Job = "j8" },
		"another device":    func(r *xmcloud.CreateRequest) { r.DeviceID = "second" },
		"an invented one":   func(r *xmcloud.CreateRequest) { r.Ticket += "0" },
	} {
		r := ticketed(t, a.Ticket, "j7/1/1", toN)
		edit(&r)
		_, err := w.api.Create(t.Context(), r)
		wantCode(t, name, err, xmcloud.TicketInvalid)
	}
	// It outlives the session it was made in.
	w.clock.pass(time.Hour)
	for i, to := range []string{toN, "+15145550124"} {
		f, err := w.send(t, ticketed(t, a.Ticket, "j7/"+string(rune('1'+i))+"/1", to))
		if err != nil || f.Owner != "u-ann" {
			t.Errorf("to recipient %d: %+v, %v", i+1, f, err)
		}
	}
}

func TestXMTicketIsGoodForOneSentFaxPerRecipient(t *testing.T) {
	w := openXM(t, nil)
	if err := w.SetRules([]faxcloud.Rule{{Prefix: toN, Outcome: faxcloud.Busy, Times: 1}}); err != nil {
		t.Fatal(err)
	}
	a, err := w.api.Ticket(t.Context(), w.token(t), ticketFor(w, toN))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.send(t, ticketed(t, a.Ticket, "j7/1/1", toN)); err != nil {
		t.Fatal(err)
	}
	_, err = w.send(t, ticketed(t, a.Ticket, "j7/1/2", toN))
	wantCode(t, "a second while the first is under way", err, xmcloud.TicketUsed)
	w.clock.pass(10 * time.Second) // busy: a definite failure frees the ticket
	if _, err := w.send(t, ticketed(t, a.Ticket, "j7/1/2", toN)); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	w.clock.pass(10 * time.Second) // delivered
	_, err = w.send(t, ticketed(t, a.Ticket, "j7/1/3", toN))
	wantCode(t, "after it was sent", err, xmcloud.TicketUsed)
	if f, err := w.send(t, ticketed(t, a.Ticket, "j7/1/2", toN)); err != nil || f.State != xmcloud.Sent {
		t.Errorf("the sent one asked for again: %+v, %v", f, err)
	}
}

func TestXMTicketEndsAndIsReplaced(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.TicketMax = 2 * time.Hour })
	a, err := w.api.Ticket(t.Context(), w.token(t), ticketFor(w, toN))
	if err != nil || !a.Until.Equal(w.clock.now().Add(2*time.Hour)) {
		t.Fatalf("ticket until %v, %v; want what the account grants", a.Until, err)
	}
	r := ticketed(t, a.Ticket, "j7/1/1", toN)
	f, err := w.put(t, r)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.pass(2 * time.Hour)
	_, err = w.api.Commit(t.Context(), f.ID, commitOf(r))
	wantCode(t, "commit after the end", err, xmcloud.TicketExpired)
	b, err := w.api.Ticket(t.Context(), w.token(t), ticketFor(w, toN))
	if err != nil {
		t.Fatal(err)
	}
	r.Ticket = b.Ticket
	again, err := w.send(t, r)
	if err != nil || again.ID != f.ID || w.Committed("j7/1/1") != 1 {
		t.Errorf("with a new ticket: %+v, %v; want the same fax", again, err)
	}
}

func TestXMTicketNeedsTheDeviceOfTheSession(t *testing.T) {
	w := openXM(t, nil)
	r := ticketFor(w, toN)
	r.DeviceID = "second"
	_, err := w.api.Ticket(t.Context(), w.token(t), r)
	wantCode(t, "another device", err, xmcloud.DeviceNotListed)
	_, err = w.api.Ticket(t.Context(), "USER|nobody", ticketFor(w, toN))
	wantCode(t, "no session", err, xmcloud.InvalidToken)
}

func TestXMCancel(t *testing.T) {
	w := openXM(t, nil)
	f := w.fax(t, "j/1/1", toN)
	if c, err := w.api.Cancel(t.Context(), f.ID); err != nil || c.State != xmcloud.Cancelled {
		t.Errorf("waiting: %+v, %v", c, err)
	}
	g := w.fax(t, "j/2/1", toN)
	w.clock.pass(5 * time.Second)
	_, err := w.api.Cancel(t.Context(), g.ID)
	wantCode(t, "being sent", err, xmcloud.TooLate)
	_, err = w.api.Cancel(t.Context(), "unknown")
	wantCode(t, "unknown", err, xmcloud.NotFound)
	_, err = w.as(t, "acme", "SERVICE|plain").Cancel(t.Context(), g.ID)
	wantCode(t, "another connector's", err, xmcloud.NotFound)
	h, err := w.put(t, announce(t, "j/3/1", toN))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := w.api.Cancel(t.Context(), h.ID); err != nil || c.State != xmcloud.Cancelled || len(w.Ledger()) != 2 {
		t.Errorf("announced only: %+v, %v", c, err)
	}
}

func TestXMAnnouncedFaxesExpire(t *testing.T) {
	w := openXM(t, nil)
	r := announce(t, "j/1/1", toN)
	f, err := w.put(t, r)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.pass(24 * time.Hour)
	_, err = w.api.Commit(t.Context(), f.ID, commitOf(r))
	wantCode(t, "after a day", err, xmcloud.NotFound)
	if again, err := w.send(t, r); err != nil || again.ID == f.ID {
		t.Errorf("announced anew: %+v, %v", again, err)
	}
}

func TestXMSearchFindsCommittedFaxesOnly(t *testing.T) {
	w := openXM(t, nil)
	r := announce(t, "j/1/1", toN)
	if _, err := w.put(t, r); err != nil {
		t.Fatal(err)
	}
	if l, err := w.api.Search(t.Context(), "j/1/1"); err != nil || len(l) != 0 {
		t.Errorf("before the commit: %v, %v", l, err)
	}
	lag := time.Minute
	w.Tune(faxcloud.Tune{ListLag: &lag})
	f := w.fax(t, "j/1/1", toN)
	if l, err := w.api.Search(t.Context(), "j/1/1"); err != nil || len(l) != 0 {
		t.Errorf("within the lag: %v, %v", l, err)
	}
	w.clock.pass(lag)
	if l, err := w.api.Search(t.Context(), "j/1/1"); err != nil || len(l) != 1 || l[0].ID != f.ID {
		t.Errorf("after the lag: %v, %v", l, err)
	}
	if l, err := w.as(t, "acme", "SERVICE|plain").Search(t.Context(), "j/1/1"); err != nil || len(l) != 0 {
		t.Errorf("another connector finds %v, %v", l, err)
	}
}

func TestXMConnectorsAreRefusedOnceRevoked(t *testing.T) {
	w := openXM(t, nil)
	if a, err := w.api.Account(t.Context()); err != nil || a.Account != "acme" || a.Region != "eu" {
		t.Errorf("account %+v, %v", a, err)
	}
	w.XM().Revoke(connector)
	_, err := w.api.Account(t.Context())
	wantCode(t, "revoked", err, xmcloud.InvalidToken)
	var e *xmcloud.Error
	if errors.As(err, &e); e == nil || e.Status != 401 {
		t.Errorf("%v; want 401", err)
	}
}
