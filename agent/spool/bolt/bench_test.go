package bolt_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
)

// The flushes of each operation are counted by TestPowerCutSees.

func benchID(n int) job.ID { return job.ID(fmt.Sprintf("01a00000-0000-7000-8000-%012x", n)) }

func benchDraft(b *testing.B, s *bolt.Spool, n int, size int) job.ID {
	b.Helper()
	id := benchID(n)
	_, err := s.Draft(b.Context(), &job.Job{ID: id, Device: "front-desk"})
	if err == nil && size > 0 {
		_, err = s.AddPage(b.Context(), id, job.Page{}, bytes.NewReader(make([]byte, size)))
	}
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func benchTerms() spool.Terms {
	return spool.Terms{Recipients: []job.Recipient{{Number: "+14165550100"}}, Route: []string{"main"}}
}

func BenchmarkAddPage300KB(b *testing.B) {
	s := open(b, b.TempDir(), bolt.Options{Quota: 1 << 40})
	page := content("bench", "page", 300<<10)
	id := benchDraft(b, s, 0, 1)
	b.SetBytes(int64(len(page)))
	for n := 1; b.Loop(); n++ {
		if n%20 == 0 {
			id = benchDraft(b, s, n, 1)
		}
		if _, err := s.AddPage(b.Context(), id, job.Page{}, bytes.NewReader(page)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	s := open(b, b.TempDir(), bolt.Options{Quota: 1 << 40})
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		id := benchDraft(b, s, n, 1000)
		b.StartTimer()
		if _, err := s.Accept(b.Context(), id, benchTerms()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchReady(b *testing.B, s *bolt.Spool, n int) *spool.Claim {
	b.Helper()
	id := benchDraft(b, s, n, 10)
	_, err := s.Accept(b.Context(), id, benchTerms())
	if err == nil {
		_, err = s.PutPart(b.Context(), id, "fax/0001", bytes.NewReader([]byte("fax")))
	}
	var cs []*spool.Claim
	for _, lane := range []string{job.LaneConvert, job.SendLane("main")} {
		if err == nil {
			cs, _, err = s.Claim(b.Context(), lane, 1, time.Hour)
		}
		if err == nil && lane == job.LaneConvert {
			err = s.Commit(b.Context(), cs[0], []spool.Converted{{Part: "page/0001", Page: job.Page{Fax: "fax/0001"}}})
		}
	}
	if err != nil || len(cs) != 1 {
		b.Fatalf("%d claims, %v", len(cs), err)
	}
	return cs[0]
}

// BenchmarkStep is one durable step of one delivery at a time.
func BenchmarkStep(b *testing.B) {
	s := open(b, b.TempDir(), bolt.Options{})
	c := benchReady(b, s, 0)
	for n := 0; b.Loop(); n++ {
		st := job.Step{To: job.Uploading, Cause: job.CauseStart}
		if n%2 == 1 {
			st = job.Step{To: job.Waiting, Cause: job.CauseBroken}
		}
		if err := s.Advance(b.Context(), c, st); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStepTogether is the same on 16 jobs at once, which share flushes.
func BenchmarkStepTogether(b *testing.B) {
	s := open(b, b.TempDir(), bolt.Options{})
	claims := make(chan *spool.Claim, 16)
	for n := range 16 {
		claims <- benchReady(b, s, n)
	}
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		c := <-claims
		defer func() { claims <- c }()
		for pb.Next() {
			st := job.Step{To: job.Uploading, Cause: job.CauseStart}
			if c.Delivery().State == job.Uploading {
				st = job.Step{To: job.Waiting, Cause: job.CauseBroken}
			}
			if err := s.Advance(b.Context(), c, st); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkClaim claims and releases a job; nothing is flushed.
func BenchmarkClaim(b *testing.B) {
	s := open(b, b.TempDir(), bolt.Options{})
	benchReady(b, s, 0)
	benchDraft(b, s, 1, 10)
	for b.Loop() {
		cs, _, err := s.Claim(b.Context(), job.LaneConvert, 1, time.Hour)
		if err != nil || len(cs) != 1 {
			b.Fatalf("%d claims, %v", len(cs), err)
		}
		if err := s.Release(b.Context(), cs[0], time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
