//go:build !linux && !windows

package serialbadge

import (
	"context"
	"fmt"

	"github.com/platen-fax/platen/devices"
)

// Reader is no reader on this system: the library behind it would need cgo.
type Reader struct{}

var _ devices.BadgeReader = (*Reader)(nil)

// Open returns an error wrapping [devices.ErrUnsupported].
func Open(opts Options) (*Reader, error) {
	return nil, &devices.OpError{Device: opts.Device, Op: "open the reader", Err: fmt.Errorf("serial lines on this system: %w", devices.ErrUnsupported)}
}

// ReadBadge implements [devices.BadgeReader].
func (*Reader) ReadBadge(context.Context) (devices.Badge, error) {
	return devices.Badge{}, devices.ErrUnsupported
}

// Condition implements [devices.BadgeReader].
func (*Reader) Condition() devices.Condition { return devices.Stopped }

// Close implements [devices.BadgeReader].
func (*Reader) Close() error { return nil }
