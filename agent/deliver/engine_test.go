package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// oneJob is the part of a spool that an engine uses, holding one job.
type oneJob struct {
	spool.Work
	t     *testing.T
	job   *job.Job
	freed bool
	due   time.Time
	moves []string
	fence error
}

func newOneJob(t *testing.T) (*oneJob, *spool.Claim) {
	now := time.Now()
	j := &job.Job{
		ID: "j", State: job.Ready, Accepted: now,
		Grants: []job.Grant{{Kind: job.GrantAccount, Service: "main", Account: "main"}},
		Deliveries: []job.Delivery{{
			Recipient: job.Recipient{Number: "+15145550199"}, State: job.Waiting, Since: now, Try: 1,
			Route: []string{"main"}, Service: "main",
		}},
	}
	s := &oneJob{t: t, job: j}
	return s, s.claim()
}

func (s *oneJob) claim() *spool.Claim {
	s.freed = false
	return &spool.Claim{Ref: spool.Ref{Job: "j", Recipient: 1}, Job: s.job, Expires: time.Now().Add(time.Hour)}
}

func (s *oneJob) step(st job.Step) error {
	if s.fence != nil {
		return s.fence
	}
	d, err := s.job.Deliveries[0].Step(st)
	if err != nil {
		s.t.Errorf("engine made an illegal move: %v", err)
		return err
	}
	s.job.Deliveries[0] = d
	s.moves = append(s.moves, string(st.To))
	return nil
}

func (s *oneJob) Advance(_ context.Context, _ *spool.Claim, st job.Step) error { return s.step(st) }

func (s *oneJob) Outcome(_ context.Context, _ *spool.Claim, st job.Step) error {
	s.freed, s.due = true, st.Due
	return s.step(st)
}

func (s *oneJob) Release(_ context.Context, _ *spool.Claim, due time.Time) error {
	s.freed, s.due = true, due
	s.job.Deliveries[0].Due = due
	return nil
}

func (s *oneJob) Extend(context.Context, *spool.Claim, time.Duration) error { return s.fence }

func (s *oneJob) Progress(_ context.Context, _ *spool.Claim, refs map[string]string, off int64) error {
	s.job.Deliveries[0].Refs, s.job.Deliveries[0].Offset = refs, off
	return s.fence
}

func (s *oneJob) Searched(_ context.Context, _ *spool.Claim, n job.Searches) error {
	s.job.Deliveries[0].Searches = n
	return nil
}

func (s *oneJob) BeginSubmit(_ context.Context, _ *spool.Claim, doc string, _ time.Duration) error {
	return s.step(job.Step{To: job.Submitting, Cause: job.CauseIntent, Document: doc, At: time.Now()})
}

// script is a service that answers as told and counts.
type script struct {
	caps     Capabilities
	upload   error
	submit   func() (string, error)
	search   func() ([]string, error)
	status   map[string]Status
	track    error
	cancel   error
	probe    error
	submits  int
	searches int
	probes   int
	keys     []string
	onSubmit func(ctx context.Context)
}

func (s *script) Capabilities() Capabilities {
	if len(s.caps.Formats) == 0 {
		s.caps.Formats = []Format{FormatTIFF}
	}
	return s.caps
}
func (s *script) Probe(context.Context) error { s.probes++; return s.probe }

func (s *script) Upload(_ context.Context, _ Fax, _ map[string]string, _ int64, save func(map[string]string, int64) error) (map[string]string, error) {
	if s.upload != nil {
		return nil, s.upload
	}
	refs := map[string]string{"file": "f1"}
	return refs, save(refs, 10)
}

func (s *script) Submit(ctx context.Context, f Fax, _ map[string]string) (string, error) {
	s.submits++
	s.keys = append(s.keys, f.Key)
	if s.onSubmit != nil {
		s.onSubmit(ctx)
	}
	return s.submit()
}

func (s *script) Search(_ context.Context, f Fax) ([]string, error) {
	s.searches++
	return s.search()
}

func (s *script) Track(context.Context, []string) (map[string]Status, error) {
	return s.status, s.track
}
func (s *script) Cancel(context.Context, string) error { return s.cancel }

type oneDocument struct{ err error }

func (d oneDocument) Document(context.Context, *job.Job, Format) (Document, error) {
	if d.err != nil {
		return Document{}, d.err
	}
	return Document{Name: "fax.tif", Size: 10, SHA256: "abc", Pages: 1, Open: func(int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("0123456789")), nil
	}}, nil
}

// memoryStops keeps stops in a map.
type memoryStops map[string]Stop

func (m memoryStops) LoadStop(s string) (Stop, bool, error) { v, ok := m[s]; return v, ok, nil }
func (m memoryStops) SaveStop(s string, v Stop) error       { m[s] = v; return nil }
func (m memoryStops) ClearStop(s string) error              { delete(m, s); return nil }

func newEngine(t *testing.T, w spool.Work, svc Service, docs Documents) *Engine {
	t.Helper()
	a, err := NewAccount("main", memoryStops{}, func() string { return "v1" })
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Spool: w, Documents: docs, Service: svc, ID: "main", Account: a,
		Breaker: NewBreaker(3, time.Minute, time.Now),
		Policy:  Policy{Settle: time.Minute, SubmitTimeout: 30 * time.Second},
	})
}

func refuse(v Verdict, r job.Reason, code string) error {
	return &Error{Op: "test", Verdict: v, Reason: r, Code: code}
}

// TestSend walks every answer of a service to the state it must lead to.
func TestSend(t *testing.T) {
	searchable := Capabilities{Dedupe: DedupeSearchable, Settle: time.Minute}
	for _, tt := range []struct {
		name    string
		from    job.DeliveryState
		svc     script
		doc     error
		change  func(*oneJob)
		want    job.DeliveryState
		reason  job.Reason
		submits int
		stopped bool
	}{
		{name: "accepted", svc: script{submit: func() (string, error) { return "F1", nil }}, want: job.Submitted, submits: 1},
		{name: "upload broken", svc: script{upload: errors.New("reset")}, want: job.Waiting, reason: job.ReasonService},
		{name: "upload 413", svc: script{upload: refuse(Refused, job.ReasonTooLarge, "413")}, want: job.DeliveryFailed, reason: job.ReasonTooLarge},
		{name: "upload 401", svc: script{upload: refuse(Unauthorized, job.ReasonAuth, "401")}, want: job.Waiting, reason: job.ReasonAuth, stopped: true},
		{
			name: "submit not taken", want: job.Waiting, reason: job.ReasonService, submits: 1,
			svc: script{submit: func() (string, error) { return "", fmt.Errorf("dial: %w", ErrNotWritten) }},
		},
		{
			name: "submit refused", want: job.DeliveryFailed, reason: job.ReasonBadNumber, submits: 1,
			svc: script{submit: func() (string, error) { return "", refuse(Refused, job.ReasonBadNumber, "bad") }},
		},
		{
			name: "submit 403", want: job.Waiting, reason: job.ReasonAuth, submits: 1, stopped: true,
			svc: script{submit: func() (string, error) { return "", refuse(Unauthorized, job.ReasonAuth, "403") }},
		},
		{
			name: "submit ambiguous", want: job.InDoubt, reason: job.ReasonUnknown, submits: 1,
			svc: script{caps: searchable, submit: func() (string, error) { return "", io.ErrUnexpectedEOF }},
		},
		{
			name: "submit said nothing documented", want: job.InDoubt, reason: job.ReasonUnknown, submits: 1,
			svc: script{caps: searchable, submit: func() (string, error) { return "", refuse(Ambiguous, "", "502") }},
		},
		{name: "worker died in the request", from: job.Submitting, svc: script{caps: searchable}, want: job.InDoubt, reason: job.ReasonUnknown},
		{
			name: "ticket refused", want: job.NeedsSignIn, reason: job.ReasonAuth, submits: 1,
			change: func(s *oneJob) { s.job.Grants[0].Kind = job.GrantTicket },
			svc:    script{submit: func() (string, error) { return "", refuse(Unauthorized, job.ReasonAuth, "ticket_expired") }},
		},
		{
			name: "stored credential refused beside a ticket", want: job.Waiting, reason: job.ReasonAuth, submits: 1, stopped: true,
			change: func(s *oneJob) { s.job.Grants[0].Kind = job.GrantTicket },
			svc: script{submit: func() (string, error) {
				return "", &Error{Op: "test", Verdict: Unauthorized, Reason: job.ReasonAuth, Stored: true}
			}},
		},
		{name: "no document", doc: ErrDocument, want: job.DeliveryFailed, reason: job.ReasonDocumentRejected},
		{name: "document not readable now", doc: errors.New("i/o error"), want: job.Waiting, reason: job.ReasonService},
		{name: "too large", svc: script{caps: Capabilities{MaxBytes: 9}}, want: job.DeliveryFailed, reason: job.ReasonTooLarge},
		{name: "cancelled before", change: func(s *oneJob) { s.job.Deliveries[0].Cancel = true }, want: job.DeliveryCancelled},
		{name: "no grant", change: func(s *oneJob) { s.job.Grants = nil }, want: job.DeliveryFailed, reason: job.ReasonAuth},
		{name: "grant expired", change: func(s *oneJob) { s.job.Grants[0].Until = time.Now().Add(-time.Second) }, want: job.NeedsSignIn, reason: job.ReasonAuth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newOneJob(t)
				if tt.from != "" {
					s.job.Deliveries[0].State = tt.from
				}
				if tt.change != nil {
					tt.change(s)
				}
				e := newEngine(t, s, &tt.svc, oneDocument{tt.doc})
				e.Send(t.Context(), c)
				d := s.job.Deliveries[0]
				if d.State != tt.want || d.Reason != tt.reason || !s.freed {
					t.Errorf("delivery is %s (%s), given back %v; want %s (%s); moves %v", d.State, d.Reason, s.freed, tt.want, tt.reason, s.moves)
				}
				if tt.svc.submits != tt.submits {
					t.Errorf("%d committing requests, want %d", tt.svc.submits, tt.submits)
				}
				if stopped := e.account.Stopped(t.Context()) != nil; stopped != tt.stopped {
					t.Errorf("account stopped = %v, want %v", stopped, tt.stopped)
				}
			})
		})
	}
}

// TestDoubt plays the searches after an ambiguous request.
func TestDoubt(t *testing.T) {
	type answer struct {
		ids []string
		err error
	}
	for _, tt := range []struct {
		name    string
		dedupe  Dedupe
		answers []answer
		want    job.DeliveryState
		left    int // searches not asked for
	}{
		{"found at once", DedupeSearchable, []answer{{ids: []string{"F1"}}}, job.Submitted, 0},
		{"found later", DedupeSearchable, []answer{{}, {ids: []string{"F1"}}}, job.Submitted, 0},
		{"absent twice", DedupeSearchable, []answer{{}, {}}, job.Waiting, 0},
		{"no answer does not count", DedupeSearchable, []answer{{}, {err: io.EOF}, {err: io.EOF}, {ids: []string{"F1"}}}, job.Submitted, 0},
		{"several under one key", DedupeSearchable, []answer{{ids: []string{"F1", "F2"}}, {}, {ids: []string{"F1", "F2"}}}, job.NeedsDecision, 0},
		{"not searchable after all", DedupeSearchable, []answer{{err: ErrNotSearchable}}, job.NeedsDecision, 0},
		{"nothing to search", DedupeNone, []answer{{}}, job.NeedsDecision, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newOneJob(t)
				answers := tt.answers
				svc := &script{
					caps:   Capabilities{Dedupe: tt.dedupe},
					submit: func() (string, error) { return "", io.ErrUnexpectedEOF },
					search: func() ([]string, error) {
						a := answers[0]
						answers = answers[1:]
						return a.ids, a.err
					},
				}
				e := newEngine(t, s, svc, oneDocument{})
				begun := time.Now()
				e.Send(t.Context(), c)
				var asked []time.Time
				for s.job.Deliveries[0].State == job.InDoubt {
					time.Sleep(time.Until(s.due))
					asked = append(asked, time.Now())
					e.Track(t.Context(), []*spool.Claim{s.claim()})
				}
				if got := s.job.Deliveries[0].State; got != tt.want || len(answers) != tt.left {
					t.Errorf("delivery is %s with %d searches left, want %s with %d", got, len(answers), tt.want, tt.left)
				}
				if tt.dedupe == DedupeSearchable {
					if first := asked[0].Sub(begun); first < 90*time.Second {
						t.Errorf("first search %v after the request, want its deadline and one settle (90s)", first)
					}
					for i := 1; i < len(asked); i++ {
						if gap := asked[i].Sub(asked[i-1]); gap < time.Minute {
							t.Errorf("searches %v apart, want one settle", gap)
						}
					}
				}
				if svc.submits != 1 {
					t.Errorf("%d committing requests before the doubt was resolved", svc.submits)
				}
			})
		})
	}
}

// TestSameKeyUntilDefinite sends the same try again under the same key, and a
// new try after a definite failure under the next.
func TestSameKeyUntilDefinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newOneJob(t)
		svc := &script{caps: Capabilities{Dedupe: DedupeSearchable}, submit: func() (string, error) { return "", io.ErrUnexpectedEOF }}
		svc.search = func() ([]string, error) { return nil, nil }
		e := newEngine(t, s, svc, oneDocument{})
		e.Send(t.Context(), c)
		for s.job.Deliveries[0].State == job.InDoubt {
			time.Sleep(time.Until(s.due))
			e.Track(t.Context(), []*spool.Claim{s.claim()})
		}
		svc.submit = func() (string, error) { return "F1", nil }
		e.Send(t.Context(), s.claim())
		svc.status = map[string]Status{"F1": {State: job.DeliveryFailed, Reason: job.ReasonBusy, Code: "failed_busy"}}
		e.Track(t.Context(), []*spool.Claim{s.claim()})
		svc.submit = func() (string, error) { return "F2", nil }
		e.Send(t.Context(), s.claim())
		want := []string{"j/1/1", "j/1/1", "j/1/2"}
		if fmt.Sprint(svc.keys) != fmt.Sprint(want) {
			t.Errorf("keys %v, want %v", svc.keys, want)
		}
		if tries := s.job.Deliveries[0].Tries; len(tries) != 1 || tries[0].Reason != job.ReasonBusy || tries[0].Code != "failed_busy" {
			t.Errorf("the first try was kept as %+v", tries)
		}
	})
}

// TestTrack applies what services say of submitted faxes.
func TestTrack(t *testing.T) {
	for _, tt := range []struct {
		name   string
		from   job.DeliveryState
		status Status
		err    error
		change func(*job.Delivery)
		cancel error
		found  []string
		caps   Capabilities
		want   job.DeliveryState
		try    int
	}{
		{name: "sent", status: Status{State: job.Sent, Pages: 2}, want: job.Sent, try: 1},
		{name: "still going", status: Status{State: job.Submitted}, want: job.Submitted, try: 1},
		{name: "not mentioned", want: job.Submitted, try: 1},
		{name: "no answer", err: io.EOF, want: job.Submitted, try: 1},
		{name: "busy", status: Status{State: job.DeliveryFailed, Reason: job.ReasonBusy}, want: job.Waiting, try: 2},
		{name: "bad number", status: Status{State: job.DeliveryFailed, Reason: job.ReasonBadNumber}, want: job.DeliveryFailed, try: 1},
		{
			name: "busy for the last time", status: Status{State: job.DeliveryFailed, Reason: job.ReasonBusy},
			change: func(d *job.Delivery) { d.Try = 3 }, want: job.DeliveryFailed, try: 3,
		},
		{
			name: "busy but unwanted", status: Status{State: job.DeliveryFailed, Reason: job.ReasonBusy},
			change: func(d *job.Delivery) { d.Cancel, d.CancelNo = true, true }, want: job.DeliveryFailed, try: 1,
		},
		{
			name: "withdrawn", change: func(d *job.Delivery) { d.Cancel = true },
			caps: Capabilities{Cancel: true}, want: job.DeliveryCancelled, try: 1,
		},
		{
			name: "too late to withdraw", change: func(d *job.Delivery) { d.Cancel = true }, cancel: ErrTooLate,
			caps: Capabilities{Cancel: true}, want: job.Submitted, try: 1,
		},
		{name: "looked for again and found", from: job.NeedsDecision, found: []string{"F1"}, want: job.Submitted, try: 1},
		{name: "looked for again in vain", from: job.NeedsDecision, want: job.NeedsDecision, try: 1},
		{name: "looked for again, two found", from: job.NeedsDecision, found: []string{"F1", "F2"}, want: job.NeedsDecision, try: 1},
		{name: "late news", from: job.Unknown, status: Status{State: job.Sent}, want: job.Sent, try: 1},
		{name: "late failure is not dialled again", from: job.Unknown, status: Status{State: job.DeliveryFailed, Reason: job.ReasonBusy}, want: job.DeliveryFailed, try: 1},
		{
			name: "too late for news", from: job.Unknown, status: Status{State: job.Sent},
			change: func(d *job.Delivery) { d.Since = d.Since.Add(-100 * time.Hour) }, want: job.Unknown, try: 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := newOneJob(t)
			d := &s.job.Deliveries[0]
			d.State, d.FaxID, d.Submitted = job.Submitted, "F1", time.Now()
			if tt.from != "" {
				d.State = tt.from
			}
			if tt.change != nil {
				tt.change(d)
			}
			svc := &script{caps: tt.caps, status: map[string]Status{"F1": tt.status}, track: tt.err, cancel: tt.cancel}
			svc.search = func() ([]string, error) { return tt.found, nil }
			if tt.status.State == "" {
				svc.status = nil
			}
			e := newEngine(t, s, svc, oneDocument{})
			e.Track(t.Context(), []*spool.Claim{c})
			if got := s.job.Deliveries[0]; got.State != tt.want || got.Try != tt.try || !s.freed {
				t.Errorf("delivery is %s, try %d, given back %v; want %s, try %d", got.State, got.Try, s.freed, tt.want, tt.try)
			}
		})
	}
}

// TestStopFinishesTheRequest shows that stopping the agent does not cut the
// committing request, nor lose its answer.
func TestStopFinishesTheRequest(t *testing.T) {
	s, c := newOneJob(t)
	ctx, stop := context.WithCancel(t.Context())
	svc := &script{submit: func() (string, error) { return "F1", nil }}
	svc.onSubmit = func(post context.Context) {
		stop()
		if post.Err() != nil {
			t.Error("the request's context ended with the agent's")
		}
	}
	e := newEngine(t, s, svc, oneDocument{})
	e.Send(ctx, c)
	if got := s.job.Deliveries[0]; got.State != job.Submitted || got.FaxID != "F1" {
		t.Errorf("delivery is %s %q, want submitted F1", got.State, got.FaxID)
	}
}

// TestFencedStops shows that a worker whose claim was taken over sends nothing.
func TestFencedStops(t *testing.T) {
	s, c := newOneJob(t)
	s.job.Deliveries[0].State = job.Uploading
	s.fence = spool.ErrFenced
	svc := &script{submit: func() (string, error) { return "F1", nil }}
	newEngine(t, s, svc, oneDocument{}).Send(t.Context(), c)
	if svc.submits != 0 || len(s.moves) != 0 {
		t.Errorf("%d requests and moves %v after the claim was lost", svc.submits, s.moves)
	}
}

// TestBreakerAsksOncePerInterval counts probes over an outage of ten minutes.
func TestBreakerAsksOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newOneJob(t)
		svc := &script{upload: io.EOF, probe: io.EOF}
		e := newEngine(t, s, svc, oneDocument{})
		for range 3 {
			s.job.Deliveries[0].State = job.Waiting
			e.Send(t.Context(), s.claim())
		}
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			ok, wait := e.Ready(t.Context())
			if ok {
				t.Fatal("ready during the outage")
			}
			time.Sleep(max(wait, time.Millisecond))
		}
		if svc.probes < 9 || svc.probes > 10 {
			t.Errorf("%d probes in ten minutes, want one a minute", svc.probes)
		}
		svc.probe = nil
		time.Sleep(time.Minute)
		if ok, _ := e.Ready(t.Context()); !ok {
			t.Error("not ready after the service came back")
		}
	})
}

// TestStoppedAccount rests after one refusal, over a restart, until the
// credential changes or it is resumed.
func TestStoppedAccount(t *testing.T) {
	store, cred := memoryStops{}, "v1"
	open := func() *Account {
		a, err := NewAccount("main", store, func() string { return cred })
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	if err := a.Refused(time.Now(), "401"); err != nil {
		t.Fatal(err)
	}
	if a = open(); a.Stopped(t.Context()) == nil {
		t.Error("a restart forgot the stop")
	}
	cred = "v2"
	if a.Stopped(t.Context()) != nil {
		t.Error("a new credential did not end the stop")
	}
	if err := a.Refused(time.Now(), "401"); err != nil {
		t.Fatal(err)
	}
	if err := a.Resume(t.Context()); err != nil || a.Stopped(t.Context()) != nil {
		t.Errorf("Resume = %v, stopped %v", err, a.Stopped(t.Context()))
	}
}
