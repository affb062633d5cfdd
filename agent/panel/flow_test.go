package panel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// TestWholeWayWithoutScripts is the acceptance test: keys, scan, add pages,
// check, send, take the paper, follow the fax by its number.
func TestWholeWayWithoutScripts(t *testing.T) {
	r := newRig(t, 3)
	b := r.browse("front-desk").want("Put your pages in the feeder", "Front desk", "Main office")
	b.tap("Send a fax").want("1 of 3", "Who gets it?")
	for _, key := range "5145550198" {
		b.tap(string(key))
	}
	b.tap("Delete").tap("9")
	if got := b.value("number"); got != "5145550199" {
		t.Fatalf("the keys typed %q, want 5145550199", got)
	}
	b.want("Canada").tap("Next").want("2 of 3", "Scan")
	b.tap("Scan").scanned().want("3 pages stored safely")
	r.front.Load(1)
	b.tap("Add pages").scanned().want("4 pages stored safely")
	b.tap("Next").want("3 of 3", "+1 514-555-0199", "Canada", "4", "Letter", "fine", "now")
	b.tap("Send").want("Stored safely", "You may take your pages.", "4 pages", "to …0199", "Done ( 10 s)")

	j := r.jobs("front-desk")[0]
	if !j.State.Promised() || len(j.Pages) != 4 || j.Deliveries[0].Recipient.Number != "+15145550199" || !j.Shared {
		t.Fatalf("job is %+v; want a promised one of 4 pages to +15145550199", j)
	}
	if g, ok := j.GrantFor("main"); !ok || g.Kind != job.GrantAccount {
		t.Errorf("grant is %+v, %v; want the account of main", g, ok)
	}
	b.want(j.Number).tap("Done").want("Put your pages in the feeder")

	b.tap("My faxes").want("…0199", "4 p").tap("Find a fax").fill("n", strings.ToLower(j.Number)).enter("n")
	b.want("Fax "+j.Number, "…0199", "being prepared").not("5550199")
}

// TestDoubleTapOnSend is the same promise, also when the second tap comes after
// the answer to the first.
func TestDoubleTapOnSend(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned().tap("Next")
	form := b.values(find(b.doc, isForm("send")), nil)
	at := "/panel/front-desk/send"
	b.post(at, form).want("Stored safely")
	first := b.at.Path
	b.post(at, form).want("Stored safely")
	if b.at.Path != first || len(r.jobs("front-desk")) != 1 {
		t.Errorf("the second tap led to %s with %d jobs; want %s and one", b.at.Path, len(r.jobs("front-desk")), first)
	}
}

// TestUnsureIsRepeated shows that an unknown answer of the disk is asked again,
// and that the person may tap once more.
func TestUnsureIsRepeated(t *testing.T) {
	r := newRig(t, 1)
	r.spool.set(func(s *testSpool) { s.unsure = 2 })
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned().tap("Next").tap("Send")
	if r.spool.calls() != 2 || b.status != 503 {
		t.Fatalf("Accept was asked %d times, status %d; want 2 and 503", r.spool.calls(), b.status)
	}
	b.want("code A-703", "goes only once").tap("Ask again").want("Stored safely")
	if n := len(r.jobs("front-desk")); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

func TestJamKeepsPages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		taps   []string
		pages  int
		landed string
	}{
		{"continue", []string{"Continue"}, 5, "5 pages stored safely"},
		{"use what is there", []string{"Send 2 pages", "Back"}, 2, "2 pages stored safely"},
		{"discard asks once", []string{"Discard", "Keep and go on"}, 2, "2 pages stored safely"},
		{"discard", []string{"Discard", "Erase"}, 0, "Put your pages in the feeder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, 5)
			r.front.JamAfter(2)
			b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned()
			b.want("Feeder jam", "The feeder stopped at page 3.", "Pages 1 to 2 are stored safely.", "Open the cover", "code D-204")
			for _, label := range tt.taps {
				b.tap(label).scanned()
			}
			b.want(tt.landed)
			j := r.jobs("front-desk")[0]
			if tt.pages == 0 {
				if j.State != job.Discarded {
					t.Errorf("the draft is %s, want discarded", j.State)
				}
				return
			}
			if len(j.Pages) != tt.pages {
				t.Errorf("%d pages, want %d", len(j.Pages), tt.pages)
			}
			b.tap("Next").tap("Send").want("Stored safely")
		})
	}
}

// TestEveryTroubleHasItsWords goes through what a device can say.
func TestEveryTroubleHasItsWords(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code string
	}{
		{devices.ErrBusy, "D-201"},
		{devices.ErrUnreachable, "D-202"},
		{devices.ErrFeederEmpty, "D-206"},
		{devices.ErrJam, "D-204"},
		{devices.ErrCoverOpen, "D-203"},
		{devices.ErrDoubleFeed, "D-205"},
		{devices.ErrAccess, "D-207"},
		{devices.ErrCancelledAtDevice, "D-208"},
		{devices.ErrPage, "D-209"},
		{devices.ErrUnsupported, "D-210"},
		{devices.ErrStopped, "D-211"},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			r := newRig(t, 2)
			r.front.FailAfter(1, &devices.OpError{Device: "front-desk", Op: "page 2", Err: tt.err})
			b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned()
			b.want("code "+tt.code, "Page 1 is stored safely.", "Continue", "Send 1 page", "Discard")
		})
	}
}

func TestDeviceInUseSaysSo(t *testing.T) {
	r := newRig(t, 2)
	reached, release := r.front.Hold(1)
	defer release()
	r.browse("front-desk").dial("+15145550199").tap("Scan").want("Scanning page 1", "If you walk away now")
	<-reached
	b := r.browse("front-desk").dial("+15145550100").want("This device is busy.").tap("Scan")
	b.want("The device is busy", "No page is stored yet", "code D-201", "Try again")
	release()
	until(t, "the device to be free", func() bool { return b.tap("Try again").scanned().has("stored safely") })
}

func TestFullSpoolSaysSo(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199")
	r.spool.set(func(s *testSpool) { s.full = true })
	b.tap("Scan").want("No room for more pages", "code A-701")
	b = r.browse("front-desk").tap("Send a fax").want("No room for more pages", "stored already is safe", "code A-701")
	if b.status != 507 {
		t.Errorf("status %d, want 507", b.status)
	}
}

func TestNumberIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name, typed string
		want        []string
	}{
		{"nothing", "", []string{"Please type a number."}},
		{"too short", "555", []string{"too short for Canada"}},
		{"letters", "call me", []string{"digits"}},
		{"extension", "5145550199,,12", []string{"Digits after a pause"}},
		{"unknown is asked about once", "+15555550199", []string{"Is this number right?", "+1 555-555-0199"}},
		{"other country", "+33 1 99 00 27 41", []string{"2 of 3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, 1)
			r.browse("front-desk").tap("Send a fax").fill("number", tt.typed).tap("Next").want(tt.want...)
		})
	}
}

func TestUnknownNumberCanBeUsed(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk").tap("Send a fax").fill("number", "+15555550199").tap("Next")
	b.tap("Change it").want("Who gets it?")
	if b.value("number") != "+15555550199" {
		t.Errorf("the field holds %q; want the number still", b.value("number"))
	}
	b.tap("Next").tap("Yes, use it").want("2 of 3").tap("Scan").scanned().tap("Next").want("+1 555-555-0199")
}

func TestSeveralRecipients(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk").tap("Send a fax")
	for _, n := range []string{"5145550101", "5145550102", "5145550103", "514 555-0103", "5145550104", "5145550105"} {
		b.fill("number", n).tap("+ another")
	}
	b.want("See all 5").tap("See all 5").want("1 to 4 of 5", "+1 514-555-0101").tap("×")
	b.want("+1 514-555-0105").not("0101")
	b.tap("Next").tap("Scan").scanned().tap("Next").want("+1 514-555-0102", "and 2 more").tap("Send")
	if j := r.jobs("front-desk")[0]; len(j.Deliveries) != 4 {
		t.Errorf("%d deliveries, want 4", len(j.Deliveries))
	}
}

func TestPagesCanBeRemoved(t *testing.T) {
	r := newRig(t, 7)
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned().want("7 pages stored", "6 to 7 of 7")
	b.tap("7").want("Page 7 of 7").tap("Remove this page").want("6 pages stored safely")
	r.convert()
	b.get("/panel/front-desk/scan?from=0&view=pages")
	for _, n := range []string{"0001", "0005"} {
		if !strings.Contains(b.body, "/preview/") || !strings.Contains(b.body, n) {
			t.Fatalf("no picture of page %s:\n%s", n, b.body)
		}
	}
	id := string(r.jobs("front-desk")[0].ID)
	b.get("/panel/front-desk/preview/" + id + "/0001")
	if b.status != 200 || b.head.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(b.body, "\xff\xd8") {
		t.Errorf("preview is %d %s; want a JPEG", b.status, b.head.Get("Content-Type"))
	}
}

func TestChoicesReachTheDevice(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199").tap("feeder").tap("both").tap("very fine").tap("Scan").scanned()
	b.want("From: feeder", "Sides: both", "Quality: very fine")
	want := devices.Settings{Source: devices.Feeder, Duplex: true, DPI: 400, Paper: "letter"}
	if got := r.front.Started(); len(got) != 1 || got[0] != want {
		t.Errorf("the device was asked for %+v, want %+v", got, want)
	}
	b.tap("Quality: very fine").want("Quality: standard", "2 pages stored safely")
	if o := r.jobs("front-desk")[0].Options; o.Resolution != job.Standard {
		t.Errorf("the draft is %q, want standard", o.Resolution)
	}
}

func TestStopKeepsPages(t *testing.T) {
	r := newRig(t, 3)
	reached, release := r.front.Hold(2)
	defer release()
	b := r.browse("front-desk").dial("+15145550199").tap("Scan")
	<-reached
	b.refresh().want("Scanning page 2", "1 page stored safely").tap("Stop").want("1 page stored safely", "Add pages")
	if n := r.front.ActiveJobs(); n != 0 {
		t.Errorf("%d jobs alive at the device, want none", n)
	}
}

// TestIdle ends a visit a minute after the last tap and erases its pages; while
// pages move, and at every tap, the minute begins again.
func TestIdle(t *testing.T) {
	r := newRig(t, 2)
	reached, release := r.front.Hold(2)
	defer release()
	b := r.browse("front-desk").dial("+15145550199").tap("Scan")
	<-reached
	r.clock.forward(10 * time.Minute)
	b.refresh().want("Scanning page 2")
	release()
	b.scanned().want("2 pages stored safely")
	r.clock.forward(50 * time.Second)
	b.refresh().want("More time ( 10 s)")
	b.tap("More time").want("2 pages stored safely")
	r.clock.forward(50 * time.Second)
	b.refresh().want("2 pages stored safely", "More time")
	r.clock.forward(11 * time.Second)
	b.refresh().want("Put your pages in the feeder")
	if j := r.jobs("front-desk")[0]; j.State != job.Discarded {
		t.Errorf("the draft is %s, want discarded", j.State)
	}
	if all, err := r.sessions.Idle(t.Context(), r.clock.now().Add(time.Hour)); err != nil || len(all) != 0 {
		t.Errorf("visits still open: %d, %v", len(all), err)
	}
}

// TestRunEndsIdleVisits does it without any request.
func TestRunEndsIdleVisits(t *testing.T) {
	r := newRig(t, 2)
	r.browse("front-desk").dial("+15145550199").tap("Scan").scanned()
	done := make(chan error, 1)
	ctx, cancel := contextOf(t)
	go func() { done <- r.panel.Run(ctx) }()
	r.clock.forward(61 * time.Second)
	until(t, "the draft to be erased", func() bool { return r.jobs("front-desk")[0].State == job.Discarded })
	cancel()
	if err := <-done; err == nil {
		t.Error("Run returned nil, want the context's error")
	}
}

// TestSentEndsByItself gives the next person a fresh panel ten seconds after
// Send, unless somebody taps.
func TestSentEndsByItself(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk")
	b.sendFax("5145550199")
	r.clock.forward(10 * time.Second)
	b.refresh().want("Put your pages in the feeder")
	if all, _ := r.sessions.Idle(t.Context(), r.clock.now().Add(time.Hour)); len(all) != 0 {
		t.Errorf("%d visits open, want none", len(all))
	}
	r.front.Load(1)
	b.sendFax("5145550198")
	b.tap("Follow it").want("+1 514-555-0198")
	r.clock.forward(30 * time.Second)
	b.refresh().want("+1 514-555-0198")
}

func TestLanguageAndContrast(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk").tap("Français").want("Placez vos pages")
	if !strings.Contains(b.body, `<html lang="fr">`) {
		t.Error("the page does not say that it is French")
	}
	b.tap("Envoyer un fax").want("À qui ?").tap("A").want("À qui ?")
	if !strings.Contains(b.body, `class="s-number sharp"`) {
		t.Errorf("the page is not in high contrast:\n%s", b.body)
	}
	b.tap("English").want("Who gets it?").tap("Leave").want("Put your pages").not(` sharp"`)
}

func TestLeavingAsksOnce(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned().tap("Leave")
	b.want("Erase what was scanned?", "2 pages were not sent yet.").tap("Keep and go on").want("2 pages stored safely")
	b.get("/panel/front-desk/").want("Erase what was scanned?") // the way back asks too
	b.tap("Erase").want("Put your pages in the feeder")
	if j := r.jobs("front-desk")[0]; j.State != job.Discarded {
		t.Errorf("the draft is %s, want discarded", j.State)
	}
}

// TestOutcomes shows each state of a fax in plain words and what can be done.
func TestOutcomes(t *testing.T) {
	const id = "0190a000-0000-7000-8000-000000000001"
	for _, tt := range []struct {
		name      string
		do        func(r *rig, id job.ID)
		want, not []string
	}{
		{"captured", func(*rig, job.ID) {}, []string{"being prepared", "Cancel it"}, []string{"Try again"}},
		{"waiting", func(r *rig, _ job.ID) { r.convert() }, []string{"waiting for its turn", "Cancel it"}, nil},
		{"submitted", func(r *rig, id job.ID) {
			r.convert()
			r.steps(id, 1, toUploading, toIntent, toSubmitted)
		}, []string{"at the fax service"}, nil},
		{"sent", func(r *rig, id job.ID) {
			r.convert()
			r.steps(id, 1, toUploading, toIntent, toSubmitted, toSent)
		}, []string{"arrived at"}, []string{"Cancel it", "Try again"}},
		{"failed", func(r *rig, id job.ID) {
			r.convert()
			r.steps(id, 1, toUploading, toIntent, toSubmitted, toFailed)
		}, []string{"not sent, this number is not in use", "Try again"}, []string{"Cancel it"}},
		{"in doubt", func(r *rig, id job.ID) {
			r.convert()
			r.steps(id, 1, toUploading, toIntent, toDoubt)
		}, []string{"checking whether it was sent"}, nil},
		{"needs a decision", func(r *rig, id job.ID) {
			r.convert()
			r.steps(id, 1, toUploading, toIntent, toDoubt, toDecision)
		}, []string{"may have been sent", "Decide"}, []string{"Cancel it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, 0)
			j := r.put("front-desk", id, "+15145550199")
			tt.do(r, id)
			b := r.browse("front-desk").tap("My faxes").tap("Find a fax").fill("n", j.Number).enter("n")
			b.want(tt.want...).not(tt.not...)
		})
	}
}

func TestCancelAsksOnce(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk")
	b.sendFax("5145550199")
	b.tap("Follow it").tap("Cancel it").want("Cancel this fax?").tap("Keep sending").want("being prepared")
	b.tap("Cancel it").tap("Cancel the fax").want("cancelled")
	if j := r.jobs("front-desk")[0]; j.State != job.Cancelled {
		t.Errorf("the job is %s, want cancelled", j.State)
	}
}

func TestRetryAndDecide(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk")
	b.sendFax("5145550199")
	b.tap("Follow it")
	id := r.jobs("front-desk")[0].ID
	r.convert()
	r.steps(id, 1, toUploading, toIntent, toSubmitted, toFailed)
	b.refresh().want("not sent, this number is not in use").tap("Try again").want("waiting for its turn")
	if d := r.get(id).Deliveries[0]; d.Try != 2 {
		t.Errorf("try %d, want 2", d.Try)
	}
	r.steps(id, 1, toUploading, toIntent, toDoubt, toDecision)
	b.refresh().tap("Decide").want("may have been sent", "may arrive twice").tap("It arrived").want("arrived at")
	if d := r.get(id).Deliveries[0]; d.State != job.Sent || d.DecidedBy == "" {
		t.Errorf("delivery is %s, decided by %q; want sent and somebody", d.State, d.DecidedBy)
	}
}

// TestSessionKeepsNothingAfterLeave makes sure that a new visit starts empty.
func TestNextPersonStartsEmpty(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk")
	n := b.sendFax("5145550199")
	b.tap("Done").tap("My faxes").not(n)
	b.get("/panel/front-desk/").tap("Send a fax")
	if got := b.value("number"); got != "" || b.has("514-555-0199") {
		t.Errorf("the next person finds %q:\n%s", got, b.text())
	}
}

func TestNewRefuses(t *testing.T) {
	r := newRig(t, 0)
	good := panel.Options{
		Devices: []panel.Device{{ID: "a", Route: []string{"main"}}}, Spool: r.spool, Desk: r.desk, Sessions: signin.NewMemory(nil),
	}
	if _, err := panel.New(good); err != nil {
		t.Fatalf("New(good) = %v", err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(*panel.Options)
	}{
		{"no device", func(o *panel.Options) { o.Devices = nil }},
		{"no route", func(o *panel.Options) { o.Devices = []panel.Device{{ID: "a"}} }},
		{"one id twice", func(o *panel.Options) { o.Devices = append(o.Devices, o.Devices[0]) }},
		{"no spool", func(o *panel.Options) { o.Spool = nil }},
		{"no desk", func(o *panel.Options) { o.Desk = nil }},
		{"no sessions", func(o *panel.Options) { o.Sessions = nil }},
	} {
		o := good
		tt.spoil(&o)
		if _, err := panel.New(o); err == nil {
			t.Errorf("%s: New = nil, want an error", tt.name)
		}
	}
}
