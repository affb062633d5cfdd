package esclscan

import (
	"strings"
	"testing"
	"time"
)

func TestParseQuirks(t *testing.T) {
	all := map[string]string{
		"host-localhost": "true", "host-port": "true", "retry-gone": "true", "skip-cleanup": "true",
		"check-feeder-first": "true", "pause-pages": "1s", "max-dpi": "300",
	}
	want := Quirks{HostLocalhost: true, HostPort: true, PausePages: time.Second, RetryGone: true, SkipCleanup: true, CheckFeederFirst: true, MaxDPI: 300}
	if got, err := ParseQuirks(all); err != nil || got != want {
		t.Errorf("ParseQuirks(%v) = %+v, %v; want %+v", all, got, err, want)
	}
	for _, tt := range []struct{ key, value, want string }{
		{"ignore-jams", "true", "write one of check-feeder-first, host-localhost"},
		{"retry-gone", "often", "neither true nor false"},
		{"pause-pages", "1", "such as 1s"},
		{"max-dpi", "9600", "from 75 to 1200"},
	} {
		if _, err := ParseQuirks(map[string]string{tt.key: tt.value}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseQuirks(%s: %s) = %v, want an error with %q", tt.key, tt.value, err, tt.want)
		}
	}
}
