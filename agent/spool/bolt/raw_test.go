package bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/agent/spool/spooltest"
)

// TestRawState reads the state directory as a thief does: byte by byte, free
// pages of the database and all.
func TestRawState(t *testing.T) {
	ctx, dir, clock := t.Context(), t.TempDir(), spooltest.NewClock()
	s := open(t, dir, bolt.Options{Clock: clock.Now, Mono: clock.Mono})
	id, other := loadID(0, 0), loadID(0, 1)
	page, fax := content(id, "page", 100_000), content(id, "fax", 20_000)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var number string
	for _, id := range []job.ID{id, other} {
		j, err := s.Draft(ctx, &job.Job{
			ID: id, Device: "front-desk", Owner: job.Person{ID: "ann.owner", Name: "Ann Privat", Email: "ann@example.test"},
			Options: job.Options{Paper: "letter"},
		})
		ok(err)
		number = j.Number
		_, err = s.AddPage(ctx, id, job.Page{MIME: "image/jpeg"}, bytes.NewReader(page))
		ok(err)
		_, err = s.PutPart(ctx, id, "fax/0001", bytes.NewReader(fax))
		ok(err)
		_, err = s.PutPart(ctx, id, "preview/0001", bytes.NewReader(fax))
		ok(err)
		_, err = s.Accept(ctx, id, spool.Terms{
			Recipients: []job.Recipient{{Number: "+14165550100", Raw: "(416) 555-0100", Name: "Dr. Geheim"}}, Route: []string{"main"},
			Grants: []job.Grant{{Kind: job.GrantTicket, Service: "main", Person: "ann.owner", Ticket: []byte("TICKET-BYTES-1234")}},
		})
		ok(err)
		cs, _, err := s.Claim(ctx, job.LaneConvert, 1, time.Minute)
		ok(err)
		ok(s.Commit(ctx, cs[0], []spool.Converted{{Part: "page/0001", Page: job.Page{Fax: "fax/0001", Preview: "preview/0001"}}}))
		cs, _, err = s.Claim(ctx, job.SendLane("main"), 1, time.Minute)
		ok(err)
		ok(s.Advance(ctx, cs[0], job.Step{To: job.Uploading, Cause: job.CauseStart}))
		ok(s.Progress(ctx, cs[0], map[string]string{"upload": "ref-of-the-service"}, 1))
		ok(s.BeginSubmit(ctx, cs[0], "c0ffee", time.Second))
		ok(s.Outcome(ctx, cs[0], job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "fax-id-of-the-service-" + string(id)}))
	}
	secrets := map[string][]byte{
		"the number": []byte("4165550100"), "the number as typed": []byte("555-0100"), "the recipient": []byte("Geheim"),
		"the owner": []byte("Privat"), "the owner's id": []byte("ann.owner"), "the address": []byte("ann@example"),
		"the ticket": []byte("TICKET-BYTES"), "the fax id": []byte("fax-id-of"), "a reference": []byte("ref-of-the"),
		"the head of the page": page[:24], "the middle of the page": page[50_000:50_024], "the fax page": fax[10_000:10_024],
		"the job number": []byte(`"` + number + `"`),
	}
	clean := func(when string) {
		t.Helper()
		for _, f := range scan(t, dir, secrets) {
			t.Errorf("%s: %s", when, f)
		}
	}
	// What may be read shows that the right bytes are being looked at.
	if got := scan(t, dir, map[string][]byte{"the id": []byte(id), "the lane": []byte("track/main")}); len(got) < 2 {
		t.Fatalf("the scan finds not even what is clear: %v", got)
	}
	clean("before the end")

	pageKey, err := os.ReadFile(filepath.Join(dir, "jobs", string(id), "key"))
	ok(err)
	part, err := os.ReadFile(filepath.Join(dir, "jobs", string(id), "page-0001"))
	ok(err)
	cs, _, err := s.Claim(ctx, job.TrackLane("main"), 1, time.Minute)
	ok(err)
	ok(s.Outcome(ctx, cs[0], job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 1}))
	ok(s.Purge(ctx, id))
	secrets["the page key"], secrets["the encrypted page"] = pageKey[len(pageKey)-24:], part[1000:1024]
	clean("after purge")

	recordKeys, err := filepath.Glob(filepath.Join(dir, "keys", "spool", "*.key"))
	ok(err)
	for i, k := range recordKeys {
		b, err := os.ReadFile(k)
		ok(err)
		secrets[fmt.Sprint("record key ", i)] = b[len(b)-24:]
	}
	clock.Advance(job.DefaultLimits().Records + 32*24*time.Hour)
	cs, _, err = s.Claim(ctx, job.LaneDeadline, 9, time.Minute)
	ok(err)
	i := slices.IndexFunc(cs, func(c *spool.Claim) bool { return c.Ref == spool.Ref{Job: id} })
	if i < 0 || len(recordKeys) == 0 {
		t.Fatalf("the record is not due to be forgotten, or has no key: %v, %v", cs, recordKeys)
	}
	ok(s.Expire(ctx, cs[i], job.ExpireForget))
	ok(s.Sweep(ctx))
	clean("after the record's end")

	// The other job lived on through the end of its month's key.
	ok(s.Close())
	s = open(t, dir, bolt.Options{Clock: clock.Now, Mono: clock.Mono})
	j, err := s.Get(ctx, other)
	if err != nil || j.Delivery(1).Recipient.Number != "+14165550100" {
		t.Errorf("Get of the other job = %v", err)
	}
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
	clean("in the end")
}

// scan returns where the needles lie in the files under dir.
func scan(t *testing.T, dir string, needles map[string][]byte) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, n := range needles {
			if bytes.Contains(b, n) {
				found = append(found, fmt.Sprintf("%s is in %s", name, filepath.Base(path)))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
