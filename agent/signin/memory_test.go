package signin_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

func TestMemory(t *testing.T) {
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	m := signin.NewMemory(func() time.Time { return now })
	ctx := t.Context()
	s, err := m.Start(ctx, "front", true, job.Person{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := m.Start(ctx, "front", true, job.Person{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Token) < 43 || s.Token == other.Token || s.CSRF == s.Token || s.CSRF == other.CSRF {
		t.Errorf("tokens %q %q, csrf %q %q: want 256 random bits each, all different", s.Token, other.Token, s.CSRF, other.CSRF)
	}

	// What is handed out is a copy.
	got, err := m.Update(ctx, s.Token, true, func(s *signin.Session) {
		s.Form.Recipients = append(s.Form.Recipients, job.Recipient{Number: "+15145550199"})
		s.Jobs = append(s.Jobs, "j1")
	})
	if err != nil {
		t.Fatal(err)
	}
	got.Form.Recipients[0].Number, got.Jobs[0] = "changed", "changed"
	if again, err := m.Get(ctx, s.Token); err != nil || again.Form.Recipients[0].Number != "+15145550199" || again.Jobs[0] != "j1" {
		t.Errorf("Get = %+v, %v; want what Update stored", again, err)
	}
	if o, err := m.Get(ctx, other.Token); err != nil || len(o.Jobs) != 0 {
		t.Errorf("another visit sees %+v, %v", o, err)
	}

	// Only a tap renews the visit.
	now = now.Add(time.Minute)
	if _, err := m.Update(ctx, s.Token, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Update(ctx, other.Token, true, nil); err != nil {
		t.Fatal(err)
	}
	idle, err := m.Idle(ctx, now)
	if err != nil || len(idle) != 1 || idle[0].Token != s.Token {
		t.Errorf("Idle = %+v, %v; want the visit that was not tapped", idle, err)
	}

	for range 2 {
		if err := m.End(ctx, s.Token); err != nil {
			t.Errorf("End = %v", err)
		}
	}
	for _, token := range []string{s.Token, "", "guess"} {
		if _, err := m.Get(ctx, token); !errors.Is(err, signin.ErrNoSession) {
			t.Errorf("Get(%q) = %v, want ErrNoSession", token, err)
		}
	}
	if _, err := m.Update(ctx, s.Token, true, nil); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("Update of an ended visit = %v, want ErrNoSession", err)
	}
}

// TestMemoryTogether changes one visit from many goroutines.
func TestMemoryTogether(t *testing.T) {
	m := signin.NewMemory(nil)
	s, err := m.Start(t.Context(), "front", true, job.Person{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := m.Update(t.Context(), s.Token, true, func(s *signin.Session) { s.Jobs = append(s.Jobs, "j") }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := m.Get(t.Context(), s.Token); err != nil || len(got.Jobs) != 50 {
		t.Errorf("%d of 50 changes are there, %v", len(got.Jobs), err)
	}
}
