package panel_test

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/devices"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// screen is one thing a person can see and how one gets there. last is a tap
// whose answer is the screen itself and cannot be loaded again.
type screen struct {
	name  string
	pages int
	reach func(r *rig, b *browser)
	last  func(r *rig, b *browser)
	how   func(*panel.Options) // the device's mode
}

const someJob = "0190a000-0000-7000-8000-00000000000"

// sentJob makes a fax of this visit and moves it on.
func sentJob(r *rig, b *browser, numbers []string, steps ...job.Step) job.ID {
	b.tap("Send a fax")
	for _, n := range numbers {
		b.fill("number", n).tap("+ another")
	}
	b.tap("Next").tap("Scan").scanned().tap("Next").tap("Send").tap("Follow it")
	id := r.jobs("front-desk")[0].ID
	if len(steps) > 0 {
		r.convert()
		r.steps(id, 1, steps...)
		b.get("/panel/front-desk/fax/" + string(id))
	}
	return id
}

func scanTrouble(n int, err error) func(r *rig, b *browser) {
	return func(r *rig, b *browser) {
		r.front.FailAfter(n, &devices.OpError{Device: "front-desk", Op: "scan", Err: err})
		b.dial("+15145550199").tap("Scan").scanned()
	}
}

// screens lists everything there is to see.
func screens() []screen {
	all := []screen{
		{name: "home", reach: func(*rig, *browser) {}},
		{name: "home-ended", reach: func(r *rig, b *browser) {
			b.tap("Send a fax")
			r.clock.forward(2 * time.Minute)
			b.tap("Next")
		}},
		{name: "number", reach: func(_ *rig, b *browser) { b.tap("Send a fax") }},
		{name: "number-typed", reach: func(_ *rig, b *browser) { b.tap("Send a fax").fill("number", "+151455501").tap("9").tap("9") }},
		{name: "number-problem", reach: func(_ *rig, b *browser) { b.tap("Send a fax").fill("number", "555").tap("Next") }},
		{name: "number-two", reach: func(_ *rig, b *browser) {
			b.tap("Send a fax").fill("number", "5145550199").tap("+ another").fill("number", "+33199002741").tap("+ another")
		}},
		{name: "number-many", reach: func(_ *rig, b *browser) { five(b).fill("number", "12").tap("+ another") }},
		{name: "number-warn", reach: func(r *rig, b *browser) {
			b.tap("Send a fax")
			r.clock.forward(48 * time.Second)
			b.refresh()
		}},
		{name: "sure", reach: func(_ *rig, b *browser) { b.tap("Send a fax").fill("number", "+15555550199").tap("Next") }},
		{name: "people", reach: func(_ *rig, b *browser) { five(b).tap("See all 5") }},
		{name: "scan", pages: 3, reach: func(_ *rig, b *browser) { b.dial("+15145550199") }},
		{name: "scan-busy", pages: 3, reach: func(r *rig, b *browser) {
			r.front.SetBusy(true)
			b.dial("+15145550199")
		}},
		{name: "scanning", pages: 3, reach: func(r *rig, b *browser) {
			reached, release := r.front.Hold(3)
			r.t.Cleanup(release)
			b.dial("+15145550199").tap("Scan")
			<-reached
			r.convert()
			b.refresh()
		}},
		{name: "pages", pages: 3, reach: func(r *rig, b *browser) {
			b.dial("+15145550199").tap("Scan").scanned()
			r.convert()
			b.get("/panel/front-desk/scan?view=pages")
		}},
		{name: "pages-many", pages: 12, reach: func(r *rig, b *browser) {
			b.dial("+15145550199").tap("Scan").scanned()
			r.convert()
			b.get("/panel/front-desk/scan?from=5&view=pages")
		}},
		{name: "page", pages: 3, reach: func(r *rig, b *browser) {
			b.dial("+15145550199").tap("Scan").scanned()
			r.convert()
			b.tap("2")
		}},
		{name: "page-soon", pages: 3, reach: func(_ *rig, b *browser) { b.dial("+15145550199").tap("Scan").scanned().tap("2") }},
		{name: "trouble-jam", pages: 5, reach: scanTrouble(2, devices.ErrJam)},
		{name: "trouble-cover", pages: 5, reach: scanTrouble(1, devices.ErrCoverOpen)},
		{name: "trouble-cancelled", pages: 5, reach: scanTrouble(2, devices.ErrCancelledAtDevice)},
		{name: "trouble-unreachable", pages: 5, reach: scanTrouble(2, devices.ErrUnreachable)},
		{name: "trouble-empty", pages: 5, reach: scanTrouble(0, devices.ErrFeederEmpty)},
		{name: "trouble-access", pages: 5, reach: scanTrouble(0, devices.ErrAccess)},
		{name: "trouble-full", pages: 5, reach: func(r *rig, b *browser) {
			b.dial("+15145550199").tap("Scan").scanned()
			r.spool.set(func(s *testSpool) { s.full = true })
			b.tap("Add pages")
		}},
		{name: "check", pages: 3, reach: func(_ *rig, b *browser) { b.dial("+15145550199").tap("Scan").scanned().tap("Next") }},
		{name: "check-many", pages: 3, reach: func(_ *rig, b *browser) { five(b).tap("Next").tap("Scan").scanned().tap("Next") }},
		{name: "sent", pages: 3, reach: func(_ *rig, b *browser) { b.sendFax("5145550199") }},
		{name: "faxes-none", reach: func(_ *rig, b *browser) { b.tap("My faxes") }},
		{name: "faxes", pages: 3, reach: func(r *rig, b *browser) {
			some(r)
			sentJob(r, b, []string{"5145550123"}, toUploading, toIntent, toSubmitted, toSent)
			b.get("/panel/front-desk/faxes")
		}},
		{name: "find", reach: func(_ *rig, b *browser) { b.tap("My faxes").tap("Find a fax") }},
		{name: "find-none", reach: func(_ *rig, b *browser) { b.tap("My faxes").tap("Find a fax").fill("n", "4F7K").tap("Show") }},
		{name: "fax-new", pages: 1, reach: func(r *rig, b *browser) { sentJob(r, b, []string{"5145550199"}) }},
		{name: "fax-sent", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199"}, toUploading, toIntent, toSubmitted, toSent)
		}},
		{name: "fax-failed", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199"}, toUploading, toIntent, toSubmitted, toFailed)
		}},
		{name: "fax-decide", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199", "5145550100"}, toUploading, toIntent, toDoubt, toDecision)
		}},
		{name: "fax-many", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199", "5145550100", "+33199002741", "5145550101"}, toUploading, toIntent, toSubmitted)
		}},
		{name: "cancel", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199"})
			b.tap("Cancel it")
		}},
		{name: "decide", pages: 1, reach: func(r *rig, b *browser) {
			sentJob(r, b, []string{"5145550199"}, toUploading, toIntent, toDoubt, toDecision)
			b.tap("Decide")
		}},
		{name: "leave", pages: 3, reach: func(_ *rig, b *browser) { b.dial("+15145550199").tap("Scan").scanned().tap("Leave") }},
		{name: "no-such-fax", reach: func(_ *rig, b *browser) { b.tap("Send a fax") }, last: func(_ *rig, b *browser) { b.get("/panel/front-desk/fax/none") }},
		{name: "old-page", reach: func(_ *rig, b *browser) { b.tap("Send a fax") }, last: func(_ *rig, b *browser) {
			b.post("/panel/front-desk/number", url.Values{"csrf": {"old"}})
		}},
		{name: "spool-full", reach: func(r *rig, b *browser) {
			b.tap("Send a fax").get("/panel/front-desk/")
			r.spool.set(func(s *testSpool) { s.full = true })
		}, last: func(_ *rig, b *browser) {
			b.post("/panel/front-desk/begin", url.Values{"csrf": {b.value("csrf")}})
		}},
		{name: "unsure", pages: 1, reach: func(r *rig, b *browser) {
			b.dial("+15145550199").tap("Scan").scanned().tap("Next")
			r.spool.set(func(s *testSpool) { s.unsure = 2 })
		}, last: func(_ *rig, b *browser) {
			b.post("/panel/front-desk/send", b.values(find(b.doc, isForm("send")), nil))
		}},
	}
	return append(all, signinScreens()...)
}

// five fills in five recipients.
func five(b *browser) *browser {
	b.tap("Send a fax")
	for _, n := range []string{"5145550101", "+33199002741", "+442079460103", "6135550104", "5145550105"} {
		b.fill("number", n).tap("+ another")
	}
	return b
}

// some puts six faxes of other visits into the list, in different states.
func some(r *rig) {
	for i, steps := range [][]job.Step{
		{toUploading, toIntent, toSubmitted, toSent},
		{toUploading, toIntent, toSubmitted, toFailed},
		{toUploading, toIntent, toDoubt, toDecision},
		{toUploading, toIntent, toSubmitted, {To: job.Waiting, Cause: job.CauseRetry, Reason: job.ReasonNoAnswer, Due: r.clock.now().Add(time.Hour)}},
		{toUploading, toIntent, toSubmitted},
	} {
		id := job.ID(fmt.Sprint(someJob, i))
		r.put("front-desk", id, fmt.Sprintf("+1514555010%d", i), "+15145550150")
		r.convert()
		r.steps(id, 1, steps...)
	}
}

// open goes to a screen in a language.
func (s screen) open(t *testing.T, lang, sharp string) (*rig, *browser) {
	t.Helper()
	how := s.how
	if how == nil {
		how = func(*panel.Options) {}
	}
	r := newRig(t, s.pages, how)
	b := r.browse("front-desk")
	s.reach(r, b)
	if lang == "fr" || sharp != "" {
		form := b.values(find(b.doc, isForm("look")), nil)
		form.Set("lang", lang)
		form.Set("sharp", sharp)
		b.post("/panel/front-desk/look", form)
	}
	if s.last != nil {
		s.last(r, b)
	}
	return r, b
}

// scrub replaces what differs from run to run.
var scrub = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "JOB"},
	{regexp.MustCompile(`name="csrf" value="[^"]*"`), `name="csrf" value="TOKEN"`},
	{regexp.MustCompile(`/panel/-/panel\.[0-9a-f]+\.`), "/panel/-/panel.HASH."},
	{regexp.MustCompile(`\b([0-9]{2}-[0-9]{2} )?[0-9]{2}:[0-9]{2}\b`), "HH:MM"},
	{regexp.MustCompile(`data-rev="[^"]*"`), `data-rev="REV"`},
	{regexp.MustCompile(`data-left="[0-9]+"`), `data-left="N"`},
	{regexp.MustCompile(`data-refresh="[0-9]+"`), `data-refresh="N"`},
	{regexp.MustCompile(`content="[0-9]+;url`), `content="N;url`},
	{regexp.MustCompile(`(<span id="(?:left|count)">)[0-9]+`), "${1}N"},
	{regexp.MustCompile(`(<span id="until">)[0-9:]+`), "${1}M:SS"},
	{regexp.MustCompile(`name="rev" value="[0-9]+"`), `name="rev" value="N"`},
	{regexp.MustCompile(`class="job">[0-9A-Z]{4}`), `class="job">4F7K`},
	{regexp.MustCompile(`[Ff]ax [0-9A-Z]{4}\b`), `Fax 4F7K`},
}

// TestPagesAreAsGolden compares every screen in both languages with its golden
// page, and checks what holds for all: nothing missing in the catalogue, no
// script or style inside, a title, and that it is small.
func TestPagesAreAsGolden(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		for _, s := range screens() {
			t.Run(lang+"/"+s.name, func(t *testing.T) {
				_, b := s.open(t, lang, "")
				got := b.body
				if i := strings.Index(got, "[panel."); i >= 0 || strings.Contains(got, "[number.") || strings.Contains(got, "{1}") {
					t.Errorf("a text is missing: %.80q", got[max(i, 0):])
				}
				b.not("style=", "<style", "onclick", "javascript:")
				if words(find(b.doc, func(n *html.Node) bool { return n.Data == "h1" })) == "" {
					t.Error("the screen does not say what it is")
				}
				if n := len(got); n > 12<<10 {
					t.Errorf("%d bytes of page; the budget is 12 KiB", n)
				}
				for _, sc := range scrub {
					got = sc.re.ReplaceAllString(got, sc.to)
				}
				file := filepath.Join("testdata", "screens", lang, s.name+".html")
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatalf("%v (write it with -update)", err)
				}
				if d := cmp.Diff(string(want), got); d != "" {
					t.Errorf("page differs from %s (-want +got):\n%s", file, d)
				}
			})
		}
	}
}
