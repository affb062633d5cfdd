package job

import (
	"log/slog"
	"strings"
)

// LogValue implements [slog.LogValuer]: at most the last four digits of the
// number reach a log, and no name.
func (r Recipient) LogValue() slog.Value {
	digits := strings.TrimPrefix(r.Number, "+")
	keep := min(4, len(digits)/2)
	return slog.StringValue("…" + digits[len(digits)-keep:])
}

// LogValue implements [slog.LogValuer]. Ids of people are often addresses, so
// a log learns no more than whether there is somebody.
func (p Person) LogValue() slog.Value {
	if p == (Person{}) {
		return slog.StringValue("nobody")
	}
	return slog.StringValue("somebody")
}
