package serialbadge

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
)

// script is a line whose reads answer one step after the other: bytes, "" for
// an end at once, "…" for the end of a timeout.
type script struct {
	steps []string
	reads int
}

func (s *script) Read(p []byte) (int, error) {
	if s.reads++; s.reads > len(s.steps) {
		return 0, errors.New("read past the end of the script")
	}
	switch step := s.steps[s.reads-1]; step {
	case "":
		return 0, io.EOF
	case "…":
		time.Sleep(200 * time.Millisecond) // what a read of a silent line does
		return 0, io.EOF
	default:
		return copy(p, step), nil
	}
}

func TestReadTellsSilenceFromTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		steps  []string
		reads  int
		worked bool
		badges []string
	}{
		{"gone at once", []string{"", "", "", "1234\r"}, 3, false, nil},
		{"silence is not the end", []string{"", "", "…", "", "", "1234\r", "", "", ""}, 9, true, []string{"1234"}},
		{"silence forgets half a number", []string{"9999", "…", "1234\r", "", "", ""}, 6, true, []string{"1234"}},
		{"pieces without silence", []string{"12", "", "34\r", "", "", ""}, 6, true, []string{"1234"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := Options{Path: "p", ReadTimeout: 200 * time.Millisecond}
			if _, err := config(&opts); err != nil {
				t.Fatal(err)
			}
			d, err := opts.Profile.Compile()
			if err != nil {
				t.Fatal(err)
			}
			r := &Reader{opts: opts, decoder: d, box: newMailbox("d", time.Now)}
			line := &script{steps: tt.steps}
			worked, err := r.read(t.Context(), line)
			if worked != tt.worked || !errors.Is(err, devices.ErrUnreachable) || line.reads != tt.reads {
				t.Errorf("read = %v, %v after %d reads; want %v and unreachable after %d", worked, err, line.reads, tt.worked, tt.reads)
			}
			for _, want := range tt.badges {
				if e, ok, _ := r.box.take(); !ok || e.badge.ID != want {
					t.Errorf("badge %q, %v; want %q", e.badge.ID, e.err, want)
				}
			}
		})
	}
}
