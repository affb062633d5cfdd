package fleet

import (
	"encoding/json"
	"fmt"
)

// Encode returns the payload of a [Status], [JobEvent] or [DeliveryEvent], or
// an error wrapping [ErrPayload] for one that its decoder would refuse.
func Encode[T Status | JobEvent | DeliveryEvent](v T) ([]byte, error) {
	if err := any(v).(checker).check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if len(b) > MaxPayload {
		return nil, fmt.Errorf("%w: %d bytes", ErrPayload, len(b))
	}
	return b, nil
}

// DecodeStatus reads the payload of a status topic. Errors wrap [ErrPayload].
func DecodeStatus(b []byte) (Status, error) { return decode[Status](b) }

// DecodeJob reads the payload of a job event. Errors wrap [ErrPayload].
func DecodeJob(b []byte) (JobEvent, error) { return decode[JobEvent](b) }

// DecodeDelivery reads the payload of a delivery event. Errors wrap
// [ErrPayload].
func DecodeDelivery(b []byte) (DeliveryEvent, error) { return decode[DeliveryEvent](b) }

type checker interface{ check() error }

func decode[T checker](b []byte) (T, error) {
	var v, none T
	if len(b) > MaxPayload {
		return none, fmt.Errorf("%w: %d bytes", ErrPayload, len(b))
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return none, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if err := v.check(); err != nil {
		return none, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return v, nil
}
