package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MinDuration is the shortest duration any key accepts.
const MinDuration = 100 * time.Millisecond

// ParseDuration reads "90s", "1h30m" or, beyond time.ParseDuration, whole days
// in front: "90d", "1d12h". It is at least MinDuration and at most ten years.
func ParseDuration(s string) (time.Duration, error) {
	const limit = 3650 * 24 * time.Hour
	var days time.Duration
	rest := s
	if head, tail, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, notDuration(s)
		}
		days, rest = time.Duration(n)*24*time.Hour, tail
	}
	var d time.Duration
	if rest != "" || days == 0 {
		var err error
		if d, err = time.ParseDuration(rest); err != nil || d < 0 {
			return 0, notDuration(s)
		}
	}
	if days > limit || d > limit || days+d > limit {
		return 0, fmt.Errorf("%s is longer than ten years", quote(s))
	}
	if days+d < MinDuration {
		return 0, fmt.Errorf("%s is too short, want at least 100ms", quote(s))
	}
	return days + d, nil
}

func notDuration(s string) error {
	return fmt.Errorf("%s is no duration, write 90s, 10m, 24h or 90d", quote(s))
}
