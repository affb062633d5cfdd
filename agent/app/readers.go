package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/devices"
)

// reader is the badge reader of one device.
type reader struct {
	device string
	open   func() (devices.BadgeReader, error)
}

// newReader checks the badge reader of a device; ok is false where it has none.
func newReader(drivers Drivers, d config.Device) (r reader, ok bool, err error) {
	if d.Reader.Port == "" {
		return r, false, nil
	}
	if drivers.Reader == nil {
		return r, false, errors.New("badge readers are not built in")
	}
	open, err := drivers.Reader(ReaderConfig{Device: d.ID, Reader: d.Reader})
	if err != nil {
		return r, false, fmt.Errorf("reader: %w", err)
	}
	return reader{device: d.ID, open: open}, true, nil
}

// watch opens the reader and tells of its taps until ctx ends. It returns when
// nothing has the line any more, so that the next machine may open it.
func (m *machine) watch(ctx context.Context, r reader) {
	line, err := r.open()
	if err != nil {
		m.app.log.Error("badge reader", "device", r.device, "err", err)
		return
	}
	err = m.entrance.badges.Watch(ctx, r.device, line)
	if err := errors.Join(err, line.Close()); err != nil && ctx.Err() == nil {
		m.app.log.Error("badge reader", "device", r.device, "err", err)
	}
}
