package spooltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/iotest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var draftTests = []test{
	{name: "a second Draft returns the stored job", run: func(w *world) {
		j := w.drafted(1)
		again, err := w.Draft(w.Context(), &job.Job{ID: j.ID, Device: "other"})
		w.ok(err, "Draft")
		if again.Device != "front-desk" || again.Number != j.Number || len(again.Pages) != 1 {
			w.Errorf("Draft again = %s %s with %d pages; want the stored job", again.Device, again.Number, len(again.Pages))
		}
	}},
	{name: "an id that is no UUID is refused", run: func(w *world) {
		for _, id := range []job.ID{"", "../../etc/passwd", job.ID(strings.Repeat("x", 36))} {
			_, err := w.Draft(w.Context(), &job.Job{ID: id})
			w.is(err, spool.ErrConflict, fmt.Sprintf("Draft(%q)", id))
		}
	}},
	{name: "job numbers are readable and unique", run: func(w *world) {
		seen := map[string]bool{}
		for range 50 {
			n := w.drafted(0).Number
			if len(n) != 4 || strings.ContainsAny(n, "0O1IL") || strings.ToUpper(n) != n || seen[n] {
				w.Fatalf("number %q: want four unambiguous characters, unique", n)
			}
			seen[n] = true
		}
	}},
	{name: "pages are durable and read back at any offset", run: func(w *world) {
		id := w.newID()
		_, err := w.Draft(w.Context(), &job.Job{ID: id, Device: "front-desk"})
		w.ok(err, "Draft")
		want := pageBytes("big", 200_001)
		_, err = w.AddPage(w.Context(), id, job.Page{MIME: "application/pdf", DPI: 200}, iotest.OneByteReader(bytes.NewReader(want)))
		w.ok(err, "AddPage")
		w.crash()
		p := w.get(id).Pages[0]
		if p.MIME != "application/pdf" || p.DPI != 200 || p.Bytes != int64(len(want)) || p.ScanSHA != shaOf(want) || p.StoredAt.IsZero() {
			w.Errorf("page = %+v", p)
		}
		r, size, err := w.OpenPart(w.Context(), id, p.Part)
		w.ok(err, "OpenPart")
		defer r.Close()
		if size != int64(len(want)) {
			w.Errorf("OpenPart size = %d; want %d", size, len(want))
		}
		for _, off := range []int64{150_000, 0, 65_535, size - 1} {
			_, err := r.Seek(off, io.SeekStart)
			w.ok(err, "Seek")
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want[off:]) {
				w.Errorf("read from %d: %d bytes, %v; want the rest of the page", off, len(got), err)
			}
		}
	}},
	{name: "an error of the scanner leaves the draft as it was", run: func(w *world) {
		j := w.drafted(1)
		boom := errors.New("paper jam")
		_, err := w.AddPage(w.Context(), j.ID, job.Page{}, io.MultiReader(strings.NewReader("half a page"), iotest.ErrReader(boom)))
		w.is(err, boom, "AddPage")
		if got := w.get(j.ID); len(got.Pages) != 1 {
			w.Errorf("draft has %d pages; want 1", len(got.Pages))
		}
		u, err := w.Usage(w.Context())
		w.ok(err, "Usage")
		if u.Used > 6000 {
			w.Errorf("Usage = %d; the broken page still counts", u.Used)
		}
	}},
	{name: "an ended context ends AddPage", run: func(w *world) {
		j := w.drafted(0)
		ctx, cancel := context.WithCancel(w.Context())
		pr, pw := io.Pipe()
		done := make(chan error, 1)
		go func() {
			_, err := w.AddPage(ctx, j.ID, job.Page{}, pr)
			done <- err
		}()
		_, err := pw.Write([]byte("first bytes"))
		w.ok(err, "Write")
		cancel()
		// AddPage looks at its context between two reads, and can do so only when
		// one returns.
		go func() { _, _ = pw.Write([]byte("more bytes")) }()
		w.is(<-done, context.Canceled, "AddPage")
		pr.Close()
	}},
	{name: "two scans into one draft both arrive", run: func(w *world) {
		j := w.drafted(0)
		done := make(chan error)
		for i := range 6 {
			go func() {
				_, err := w.AddPage(w.Context(), j.ID, job.Page{}, bytes.NewReader(pageBytes(fmt.Sprint(i), 70_000)))
				done <- err
			}()
		}
		for range 6 {
			w.ok(<-done, "AddPage")
		}
		seen := map[string]bool{}
		for _, p := range w.get(j.ID).Pages {
			b, err := w.part(j.ID, p.Part)
			w.ok(err, "OpenPart")
			if shaOf(b) != p.ScanSHA || seen[p.ScanSHA] {
				w.Errorf("%s is not what was stored, or twice the same", p.Part)
			}
			seen[p.ScanSHA] = true
		}
		if len(seen) != 6 {
			w.Errorf("%d pages; want 6", len(seen))
		}
	}},
	{name: "reorder and drop", run: func(w *world) {
		j := w.drafted(3)
		a, b, c := j.Pages[0].Part, j.Pages[1].Part, j.Pages[2].Part
		w.ok(w.Reorder(w.Context(), j.ID, []string{c, a, b}), "Reorder")
		w.is(w.Reorder(w.Context(), j.ID, []string{c, a}), spool.ErrConflict, "Reorder with a page missing")
		w.is(w.Reorder(w.Context(), j.ID, []string{c, a, a}), spool.ErrConflict, "Reorder with a page twice")
		w.ok(w.Drop(w.Context(), j.ID, b), "Drop")
		w.is(w.Drop(w.Context(), j.ID, b), spool.ErrNotFound, "Drop again")
		w.crash()
		got := w.get(j.ID).Pages
		if len(got) != 2 || got[0].Part != c || got[1].Part != a {
			w.Errorf("pages = %v; want %s, %s", got, c, a)
		}
		if _, err := w.part(j.ID, b); !errors.Is(err, spool.ErrNotFound) {
			w.Errorf("dropped page opens: %v", err)
		}
		j, err := w.AddPage(w.Context(), j.ID, job.Page{}, strings.NewReader("new"))
		w.ok(err, "AddPage")
		if p := j.Pages[2].Part; p == a || p == b || p == c {
			w.Errorf("new page took the used name %s", p)
		}
	}},
	{name: "other options convert again, and void the converter's claim", run: func(w *world) {
		j := w.drafted(1)
		w.convert(j.ID)
		if got := w.claims(job.LaneConvert); len(got) != 0 {
			w.Fatalf("%d claims on a converted draft", len(got))
		}
		w.ok(w.SetOptions(w.Context(), j.ID, job.Options{Resolution: job.Standard}), "SetOptions")
		if p := w.get(j.ID).Pages[0]; p.Converted || p.Fax != "" {
			w.Errorf("page is still converted: %+v", p)
		}
		c := w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
		w.ok(w.SetOptions(w.Context(), j.ID, job.Options{Resolution: job.Superfine}), "SetOptions")
		w.is(w.Commit(w.Context(), c, nil), spool.ErrFenced, "Commit for old options")
	}},
	{name: "touch puts the end of a draft off", run: func(w *world) {
		j := w.drafted(0)
		w.clock.Advance(w.limits.DraftKeep - time.Second)
		w.ok(w.Touch(w.Context(), j.ID), "Touch")
		w.clock.Advance(2 * time.Second)
		if got := w.claims(job.LaneDeadline); len(got) != 0 {
			w.Fatalf("a touched draft is past its deadline")
		}
		w.clock.Advance(w.limits.DraftKeep)
		c := w.claim(job.LaneDeadline, spool.Ref{Job: j.ID})
		w.ok(w.Expire(w.Context(), c, job.ExpireDiscard), "Expire")
		if got := w.get(j.ID); got.State != job.Discarded || got.Erased.IsZero() {
			w.Errorf("draft is %s, erased %v; want discarded and erased", got.State, got.Erased)
		}
		w.is(w.Touch(w.Context(), j.ID), spool.ErrConflict, "Touch after the end")
	}},
	{name: "parts replace and unknown ones are not found", run: func(w *world) {
		j := w.drafted(1)
		for _, text := range []string{"one", "two, longer"} {
			info, err := w.PutPart(w.Context(), j.ID, "preview/0001", strings.NewReader(text))
			w.ok(err, "PutPart")
			if info.Size != int64(len(text)) || info.SHA256 != shaOf([]byte(text)) {
				w.Errorf("PutPart = %+v", info)
			}
			got, err := w.part(j.ID, "preview/0001")
			if err != nil || string(got) != text {
				w.Errorf("part = %q, %v; want %q", got, err, text)
			}
		}
		_, _, err := w.OpenPart(w.Context(), j.ID, "fax/0009")
		w.is(err, spool.ErrNotFound, "OpenPart")
		for _, name := range []string{"", "key", "../key", "page/../key", "PAGE/1", "page/0001/2"} {
			_, err := w.PutPart(w.Context(), j.ID, name, strings.NewReader("x"))
			w.is(err, spool.ErrConflict, fmt.Sprintf("PutPart(%q)", name))
		}
	}},
	{name: "a full spool refuses pages and nothing else", quota: 40_000, run: func(w *world) {
		j := w.drafted(6)
		_, err := w.AddPage(w.Context(), j.ID, job.Page{}, bytes.NewReader(pageBytes("too much", 20_000)))
		w.is(err, spool.ErrFull, "AddPage")
		u, err := w.Usage(w.Context())
		w.ok(err, "Usage")
		if u.Used > u.Quota || u.Used > 32_000 || u.Quota != 40_000 {
			w.Errorf("Usage = %+v after a refused page", u)
		}
		_, err = w.Accept(w.Context(), j.ID, terms("+14165550100"))
		w.ok(err, "Accept in a full spool")
		w.convert(j.ID)
		w.state(j.ID, 1, job.Waiting)
		w.to(w.get(j.ID), job.Sent)
		w.ok(w.Purge(w.Context(), j.ID), "Purge")
		if u, err := w.Usage(w.Context()); err != nil || u.Used != 0 {
			w.Errorf("Usage after Purge = %+v, %v; want 0 used", u, err)
		}
		w.drafted(1)
	}},
}
