package faxplus_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/faxplus"
	"github.com/platen-fax/platen/agent/deliver/servicetest"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

func fax(t *testing.T, w *world, key string) deliver.Fax {
	return deliver.Fax{Key: key, To: "+15145550123", Document: document(t), Since: w.clock.Now()}
}

func open(t *testing.T) (*world, *faxplus.Service) {
	w := openWorld(t)
	return w, w.service(t, w.url, deliver.NewClients(deliver.ClientOptions{Roots: w.roots}))
}

func keep(map[string]string, int64) error { return nil }

func TestUploadIsUsedAgainForAShortWhile(t *testing.T) {
	w, s := open(t)
	f := fax(t, w, "j/1/1")
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatal(err)
	}
	other := f
	other.Document.SHA256 = strings.Repeat("0", 64)
	for _, tt := range []struct {
		name    string
		pass    time.Duration
		fax     deliver.Fax
		uploads int
	}{
		{"soon", 9 * time.Minute, f, 1},
		{"another document", 0, other, 2},
		{"late", 2 * time.Minute, f, 3},
	} {
		w.clock.Pass(tt.pass)
		if _, err := s.Upload(t.Context(), tt.fax, refs, f.Document.Size, keep); err != nil {
			t.Fatal(err)
		}
		if n := w.cloud.Calls(faxcloud.OpUpload); n != tt.uploads {
			t.Errorf("%s: %d uploads; want %d", tt.name, n, tt.uploads)
		}
	}
}

func TestUploadWhoseReferencesCannotBeSavedFails(t *testing.T) {
	w, s := open(t)
	full := errors.New("disk full")
	_, err := s.Upload(t.Context(), fax(t, w, "j/1/1"), nil, 0, func(map[string]string, int64) error { return full })
	var e *deliver.Error
	if !errors.As(err, &e) || e.Verdict != deliver.NotTaken || !errors.Is(err, full) {
		t.Errorf("Upload = %v; want not taken because of %v", err, full)
	}
}

func TestUploadRefusesWithoutAsking(t *testing.T) {
	w, s := open(t)
	for name, edit := range map[string]func(*deliver.Fax){
		"ticket": func(f *deliver.Fax) { f.Grant.Kind = job.GrantTicket },
		"PDF":    func(f *deliver.Fax) { f.Document.MIME = "application/pdf" },
	} {
		f := fax(t, w, "j/1/1")
		edit(&f)
		_, err := s.Upload(t.Context(), f, nil, 0, keep)
		var e *deliver.Error
		if !errors.As(err, &e) || e.Verdict != deliver.Refused || w.cloud.Calls(faxcloud.OpUpload) != 0 {
			t.Errorf("%s: Upload = %v after %d requests; want refused after none", name, err, w.cloud.Calls(faxcloud.OpUpload))
		}
	}
}

// TestFaxThatMovesBetweenTheListsIsFoundOnce lets a fax end after the outbox was
// read and before the history is.
func TestFaxThatMovesBetweenTheListsIsFoundOnce(t *testing.T) {
	w, s := open(t)
	f := fax(t, w, "j/1/1")
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Submit(t.Context(), f, refs)
	if err != nil {
		t.Fatal(err)
	}
	between := func(call func() error) {
		t.Helper()
		calls := w.cloud.Calls(faxcloud.OpList)
		if err := w.cloud.Inject(faxcloud.Fault{Op: faxcloud.OpList, Action: faxcloud.Slow, Nth: 2}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- call() }()
		for passed := false; ; {
			if !passed && w.cloud.Calls(faxcloud.OpList) == calls+2 {
				w.clock.Pass(sendTime)
				passed = true
			}
			if passed {
				w.cloud.Release() // again and again: the call is counted before it is held
			}
			select {
			case err := <-done:
				if err != nil || !passed {
					t.Fatalf("call: %v, moved %v", err, passed)
				}
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	between(func() error {
		ids, err := s.Search(t.Context(), f)
		if len(ids) != 1 {
			t.Errorf("Search = %v; want one", ids)
		}
		return err
	})
	st, err := s.Track(t.Context(), []string{id})
	if err != nil || st[id].State != job.Sent {
		t.Errorf("Track = %+v, %v; want sent", st[id], err)
	}
}

// TestAnswersNobodyDocumented meets a service that says new things.
func TestAnswersNobodyDocumented(t *testing.T) {
	history := `{"data":{"records":[{"id":"h1","status":"failed_by_moonlight","comment":"j/1/1","to":"+15145550123"}]}}`
	outbox := `{"records":[{"id":"o2","status":"napping","comment":{"tags":["j/2/1"],"text":""},"to":["+15145550124"]}]}`
	var deleted string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			deleted = r.URL.Path
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{}`)
		case strings.HasSuffix(r.URL.Path, "/faxes"):
			_, _ = io.WriteString(w, history)
		default:
			_, _ = io.WriteString(w, outbox)
		}
	}))
	defer srv.Close()
	w := &world{clock: servicetest.NewClock(time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC))}
	s := w.service(t, srv.URL, deliver.Clients{API: srv.Client(), Commit: srv.Client()})
	refs := map[string]string{"path": "/p"}
	one, err1 := s.Submit(t.Context(), fax(t, w, "j/1/1"), refs)
	two, err2 := s.Submit(t.Context(), fax(t, w, "j/2/1"), refs)
	if err1 != nil || err2 != nil || one == two {
		t.Fatalf("Submit answered without ids = %q, %v and %q, %v; want two names", one, err1, two, err2)
	}
	st, err := s.Track(t.Context(), []string{one, two})
	if err != nil || st[one] != (deliver.Status{State: job.Unknown, Code: "failed_by_moonlight"}) || st[two] != (deliver.Status{State: job.Submitted, Code: "napping"}) {
		t.Errorf("Track = %+v, %v", st, err)
	}
	if err := s.Cancel(t.Context(), two); err != nil || deleted != "/accounts/self/outbox/o2" {
		t.Errorf("Cancel by key = %v, deleted %q", err, deleted)
	}
	if err := s.Cancel(t.Context(), one); !errors.Is(err, deliver.ErrTooLate) {
		t.Errorf("Cancel of a fax no longer in the outbox = %v; want ErrTooLate", err)
	}
	outbox = `{"records":[{"id":"o2","status":7}]}`
	if st, err := s.Track(t.Context(), []string{one}); err == nil {
		t.Errorf("Track of an unreadable list = %+v, nil", st)
	}
}

func TestSearchComesBackWhenKeysAreShownAgain(t *testing.T) {
	w, s := open(t)
	f := fax(t, w, "j/1/1")
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Submit(t.Context(), f, refs)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		hide bool
		want deliver.Dedupe
	}{{false, deliver.DedupeSearchable}, {true, deliver.DedupeNone}, {false, deliver.DedupeSearchable}} {
		w.cloud.Tune(faxcloud.Tune{HideComments: &tt.hide})
		if _, err := s.Track(t.Context(), []string{id}); err != nil {
			t.Fatal(err)
		}
		if got := s.Capabilities().Dedupe; got != tt.want {
			t.Errorf("keys hidden %v: Dedupe = %q; want %q", tt.hide, got, tt.want)
		}
	}
}

func TestErrorsNameNoNumber(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"bad number +15145550123","description":"+15145550123"}`)
	}))
	defer srv.Close()
	w := &world{clock: servicetest.NewClock(time.Time{})}
	s := w.service(t, srv.URL, deliver.Clients{API: srv.Client(), Commit: srv.Client()})
	_, err := s.Submit(t.Context(), fax(t, w, "j/1/1"), map[string]string{"path": "/p"})
	var e *deliver.Error
	if !errors.As(err, &e) || e.Code != "400" {
		t.Fatalf("Submit = %v; want code 400 alone", err)
	}
	if strings.Contains(err.Error(), "5550123") {
		t.Errorf("error names the number: %v", err)
	}
}
