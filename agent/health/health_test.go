package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/health"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// source is a spool whose events are fixed and end.
type source struct {
	events []spool.Event
	job    *job.Job
	usage  spool.Usage
	totals spool.Totals
	err    error
}

func (s *source) Get(context.Context, job.ID) (*job.Job, error) {
	if s.job == nil {
		return nil, spool.ErrNotFound
	}
	return s.job, nil
}

func (s *source) Watch(context.Context, uint64) iter.Seq2[spool.Event, error] {
	return func(yield func(spool.Event, error) bool) {
		for _, e := range s.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *source) Last(context.Context) (uint64, error)         { return 0, nil }
func (s *source) Usage(context.Context) (spool.Usage, error)   { return s.usage, s.err }
func (s *source) Totals(context.Context) (spool.Totals, error) { return s.totals, s.err }
func page(t *testing.T, h *health.Health, path string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	h.Routes(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w.Code, w.Body.String()
}

// room is a spool that takes pages.
var room = spool.Usage{Used: 1 << 20, Quota: 2 << 30, Free: 1 << 30}

func TestAlive(t *testing.T) {
	h := health.New(health.Options{Version: "1.2.0", Spool: &source{err: errors.New("locked up")}})
	code, body := page(t, h, "/healthz")
	if want := `{"name":"platen","version":"1.2.0"}`; code != 200 || strings.TrimSpace(body) != want {
		t.Errorf("/healthz = %d %s; want 200 %s", code, body, want)
	}
}

func TestReady(t *testing.T) {
	up, down, stopped := health.Service{ID: "a"}, health.Service{ID: "b", Open: noon}, health.Service{ID: "c", Stopped: true}
	full := spool.Usage{Used: 2 << 30, Quota: 2 << 30, Free: 1 << 30}
	tests := []struct {
		name     string
		usage    spool.Usage
		err      error
		services []health.Service
		code     int
		bad      []string // parts that are not ok
	}{
		{"all well", room, nil, []health.Service{up}, 200, nil},
		{"no service answers, paper is safe", room, nil, []health.Service{down, stopped}, 200, []string{"b", "c"}},
		{"spool full, one service sends", full, nil, []health.Service{up, down}, 200, []string{"spool", "b"}},
		{"spool full and no service", full, nil, []health.Service{down}, 503, []string{"spool", "b"}},
		{"page room used up and no service", spool.Usage{Used: 7 << 28, Quota: 2 << 30, Free: 1 << 30}, nil, nil, 503, []string{"spool"}},
		{"disk full and account stopped", spool.Usage{Quota: 2 << 30}, nil, []health.Service{stopped}, 503, []string{"spool", "c"}},
		{"spool dead and no service", room, errors.New("gone"), nil, 503, []string{"spool"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := health.New(health.Options{
				Spool: &source{usage: tt.usage, err: tt.err}, Services: func() []health.Service { return tt.services },
			})
			code, body := page(t, h, "/readyz")
			var r health.Ready
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatal(err)
			}
			var bad []string
			for _, p := range r.Parts {
				if !p.OK {
					if p.Detail == "" {
						t.Errorf("%+v says nothing", p)
					}
					bad = append(bad, max(p.ID, ""))
					if p.ID == "" {
						bad[len(bad)-1] = p.Part
					}
				}
			}
			if code != tt.code || r.Ready != (code == 200) || !slices.Equal(bad, tt.bad) || len(r.Parts) != 1+len(tt.services) {
				t.Errorf("/readyz = %d %s; want %d with %v not ok", code, body, tt.code, tt.bad)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	ref, to := spool.Ref{Job: "1"}, spool.Ref{Job: "1", Recipient: 1}
	s := &source{
		usage: room,
		totals: spool.Totals{
			Jobs: map[job.State]int{job.Ready: 2}, Deliveries: map[job.DeliveryState]int{job.InDoubt: 1}, Oldest: noon.Add(-time.Minute),
		},
		job: &job.Job{
			ID: "1", State: job.Closed, Accepted: noon, Ended: noon.Add(time.Minute),
			Deliveries: []job.Delivery{{State: job.Sent, Try: 1, Recipient: job.Recipient{Number: "+15145550199"}}},
		},
		events: []spool.Event{
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Draft},
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Draft, Pages: 1},
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Draft, Pages: 2},
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Draft, Pages: 2}, // converted
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Draft, Pages: 1}, // dropped
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Draft, Pages: 2},
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Captured, Pages: 2},
			{Kind: spool.EventPage, Ref: ref, Device: "d", State: job.Captured, Pages: 2}, // converted
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Ready, Pages: 2},
			{Kind: spool.EventDelivery, Ref: to, Delivery: job.Waiting, Try: 1, Service: "main"},
			{Kind: spool.EventDelivery, Ref: to, Delivery: job.Waiting, Try: 2, Service: "main", Reason: job.ReasonBusy},
			{Kind: spool.EventDelivery, Ref: to, Delivery: job.DeliveryFailed, Try: 2, Service: "main", Reason: job.ReasonNoAnswer},
			{Kind: spool.EventDelivery, Ref: to, Delivery: job.Sent, Try: 2, Service: "main"},
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Closed, Pages: 2},
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Failed},
			{Kind: spool.EventJob, Ref: ref, Device: "d", State: job.Discarded},
		},
	}
	h := health.New(health.Options{
		Version: "1.2.0", Spool: s, Now: func() time.Time { return noon },
		Services:   func() []health.Service { return []health.Service{{ID: "main", Kind: "faxplus", Open: noon}} },
		MQTT:       func() bool { return true },
		Reloaded:   func() bool { return false },
		ClockJumps: func() int { return 3 },
		Visits:     func() int { return 2 },
	})
	h.SignIn("password", "ok")
	h.SignIn("password", "ok")
	h.SignIn("phone", "ran-out")
	if err := h.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{200, 200, 503} {
		next := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Body: http.NoBody}, nil
		})
		resp, err := h.RoundTripper("main", next).RoundTrip(httptest.NewRequest("GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	broken := roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.EOF })
	resp, err := h.RoundTripper("main", broken).RoundTrip(httptest.NewRequest("GET", "/", nil))
	if resp != nil {
		resp.Body.Close()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("RoundTrip = %v; want the error of next", err)
	}

	code, body := page(t, h, "/metrics")
	if code != 200 {
		t.Fatalf("/metrics = %d", code)
	}
	lines := strings.Split(strings.TrimSpace(body), "\n")
	for _, want := range []string{
		`platen_pages_scanned_total{device="d"} 3`,
		`platen_pages_accepted_total 2`,
		`platen_jobs_accepted_total{device="d"} 1`,
		`platen_conversions_total{result="ok"} 1`,
		`platen_conversions_total{result="failed"} 1`,
		`platen_jobs_final_total{result="sent"} 1`,
		`platen_jobs_final_total{result="failed"} 1`,
		`platen_jobs_final_total{result="discarded"} 1`,
		`platen_job_seconds_sum 60`,
		`platen_delivery_moves_total{service="main",state="waiting"} 2`,
		`platen_delivery_retries_total{service="main",reason="busy"} 1`,
		`platen_delivery_failures_total{service="main",reason="no-answer"} 1`,
		`platen_service_requests_total{service="main",result="2xx"} 2`,
		`platen_service_requests_total{service="main",result="5xx"} 1`,
		`platen_service_requests_total{service="main",result="error"} 1`,
		`platen_service_request_seconds_count{service="main"} 4`,
		`platen_jobs{state="ready"} 2`,
		`platen_jobs{state="draft"} 0`,
		`platen_deliveries{state="in-doubt"} 1`,
		`platen_oldest_job_age_seconds 60`,
		`platen_spool_bytes 1.048576e+06`,
		`platen_spool_quota_bytes 2.147483648e+09`,
		`platen_spool_free_bytes 1.073741824e+09`,
		`platen_service_up{service="main",kind="faxplus"} 0`,
		`platen_service_breaker_open{service="main"} 1`,
		`platen_service_account_stopped{service="main"} 0`,
		`platen_sessions 2`,
		`platen_signin_total{way="password",result="ok"} 2`,
		`platen_signin_total{way="phone",result="ran-out"} 1`,
		`platen_mqtt_connected 1`,
		`platen_config_last_reload_successful 0`,
		`platen_clock_jumps_total 3`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "platen_") {
			t.Errorf("line without our prefix: %s", l)
		}
	}
	if strings.Contains(body, "5550199") {
		t.Error("a number is in the metrics")
	}
	if t.Failed() {
		t.Log(body)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRetryIsNoConversion(t *testing.T) {
	h := health.New(health.Options{Spool: &source{
		usage: room, job: &job.Job{Deliveries: []job.Delivery{{State: job.Waiting, Try: 2, Restarted: noon}}},
		events: []spool.Event{{Kind: spool.EventJob, State: job.Ready}},
	}})
	if err := h.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, body := page(t, h, "/metrics"); strings.Contains(body, "platen_conversions_total") {
		t.Errorf("a retry was counted as a conversion:\n%s", body)
	}
}

func TestDeadSpoolLeavesGaps(t *testing.T) {
	h := health.New(health.Options{Spool: &source{err: errors.New("gone")}})
	code, body := page(t, h, "/metrics")
	if code != 200 || !strings.Contains(body, "platen_build_info") || strings.Contains(body, "platen_jobs{") {
		t.Errorf("/metrics = %d\n%s", code, body)
	}
}

func TestScrapeWhileCounting(t *testing.T) {
	events := make([]spool.Event, 1000)
	for i := range events {
		events[i] = spool.Event{Kind: spool.EventDelivery, Delivery: job.Sent, Service: "main"}
	}
	h := health.New(health.Options{Spool: &source{usage: room, events: events}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for range 20 {
		page(t, h, "/metrics")
	}
	wg.Wait()
	if _, body := page(t, h, "/metrics"); !strings.Contains(body, `platen_delivery_moves_total{service="main",state="sent"} 1000`) {
		t.Errorf("count is wrong:\n%s", body)
	}
}
