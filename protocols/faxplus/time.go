package faxplus

import (
	"encoding/json"
	"fmt"
	"time"
)

// Layouts of dates on the wire.
const (
	layoutPlain = "2006-01-02 15:04:05"
	layoutZone  = "2006-01-02 15:04:05 -0700"
)

// Time is a date of the service. Without a zone it is read as UTC. The zero
// value stands for null and for an empty string, both of which are documented
// for dates that do not apply.
type Time struct{ time.Time }

// ParseTime reads a date in one of the two documented layouts. The error wraps
// [ErrWire].
func ParseTime(s string) (Time, error) {
	if s == "" {
		return Time{}, nil
	}
	for _, layout := range []string{layoutPlain, layoutZone} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return Time{t.UTC()}, nil
		}
	}
	return Time{}, fmt.Errorf("date %.40q: %w", s, ErrWire)
}

// String writes the date in UTC without a zone, as the service does.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layoutPlain)
}

// MarshalJSON writes the date as [Time.String] does, and null for zero.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.String())
}

// UnmarshalJSON reads what [ParseTime] reads, or null.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("date: %w", ErrWire)
	}
	if s == nil {
		*t = Time{}
		return nil
	}
	var err error
	*t, err = ParseTime(*s)
	return err
}
