package esclscan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseQuirks reads quirks as a configuration writes them: the keys of quirkKeys
// with true or false, a duration or a number.
func ParseQuirks(m map[string]string) (Quirks, error) {
	var q Quirks
	for _, key := range slices.Sorted(maps.Keys(m)) {
		set, ok := quirkKeys[key]
		if !ok {
			return Quirks{}, fmt.Errorf("quirks.%s: no such quirk, write one of %s", key, strings.Join(slices.Sorted(maps.Keys(quirkKeys)), ", "))
		}
		if err := set(&q, m[key]); err != nil {
			return Quirks{}, fmt.Errorf("quirks.%s: %w", key, err)
		}
	}
	return q, nil
}

// quirkKeys names every quirk and reads its value.
var quirkKeys = map[string]func(*Quirks, string) error{
	"host-localhost":     func(q *Quirks, v string) error { return flag(&q.HostLocalhost, v) },
	"host-port":          func(q *Quirks, v string) error { return flag(&q.HostPort, v) },
	"retry-gone":         func(q *Quirks, v string) error { return flag(&q.RetryGone, v) },
	"skip-cleanup":       func(q *Quirks, v string) error { return flag(&q.SkipCleanup, v) },
	"check-feeder-first": func(q *Quirks, v string) error { return flag(&q.CheckFeederFirst, v) },
	"pause-pages": func(q *Quirks, v string) (err error) {
		if q.PausePages, err = time.ParseDuration(v); err != nil || q.PausePages < 0 {
			return fmt.Errorf("%q is not a duration, write one such as 1s", v)
		}
		return nil
	},
	"max-dpi": func(q *Quirks, v string) (err error) {
		if q.MaxDPI, err = strconv.Atoi(v); err != nil || q.MaxDPI < 75 || q.MaxDPI > 1200 {
			return fmt.Errorf("%q is not a resolution, write a number from 75 to 1200", v)
		}
		return nil
	},
}

func flag(dst *bool, v string) (err error) {
	if *dst, err = strconv.ParseBool(v); err != nil {
		return fmt.Errorf("%q is neither true nor false", v)
	}
	return nil
}
