package serialbadge

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
)

func TestSentinels(t *testing.T) {
	for _, tt := range []struct {
		err, want error
	}{
		{&fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, devices.ErrAccess},
		{&fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}, devices.ErrUnreachable},
		{fmt.Errorf("x: %w", errInUse), devices.ErrBusy},
		{errNotSerial, devices.ErrUnsupported},
		{errors.New("input/output error"), devices.ErrUnreachable},
	} {
		if got := sentinel(tt.err); !errors.Is(got, tt.want) || !errors.Is(got, tt.err) {
			t.Errorf("sentinel(%v) = %v; want %v", tt.err, got, tt.want)
		}
	}
}

func TestMailboxForgets(t *testing.T) {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	m := newMailbox("d", func() time.Time { return now })
	m.ready()
	m.tap(devices.Badge{ID: "OLD", At: now})
	now = now.Add(fresh)
	m.tap(devices.Badge{ID: "NEW", At: now})
	if b, err := m.read(t.Context()); err != nil || b.ID != "NEW" {
		t.Errorf("read = %q, %v; want NEW, the other is stale", b.ID, err)
	}
	for i := range queueMax + 3 {
		m.tap(devices.Badge{ID: fmt.Sprint(i), At: now})
	}
	if b, err := m.read(t.Context()); err != nil || b.ID != "3" {
		t.Errorf("read after a flood = %q, %v; want 3, the oldest kept", b.ID, err)
	}
}

func TestMailboxTellsATroubleOnce(t *testing.T) {
	m := newMailbox("d", time.Now)
	if c := m.condition(); c != devices.Unknown {
		t.Errorf("condition at first %q; want unknown", c)
	}
	tell := func(want error) {
		t.Helper()
		if e, ok, _ := m.take(); !ok || !errors.Is(e.err, want) {
			t.Errorf("take = %v, %v; want %v", e.err, ok, want)
		}
	}
	quiet := func() {
		t.Helper()
		if e, ok, _ := m.take(); ok {
			t.Errorf("take = %v; want nothing", e.err)
		}
	}
	m.fail(devices.ErrUnreachable)
	tell(devices.ErrUnreachable)
	m.fail(devices.ErrUnreachable)
	quiet()
	m.fail(devices.ErrAccess) // another kind is news
	tell(devices.ErrAccess)
	m.ready()
	m.fail(devices.ErrAccess) // and so is the same one after it was over
	m.ready()
	quiet() // too late to matter
}
