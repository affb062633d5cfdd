//go:build !crashpoints

package crash_test

import (
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/crash"
)

// TestOff proves that a build without the tag cannot be steered from outside.
func TestOff(t *testing.T) {
	t.Setenv(crash.EnvPoint, "spool/claimed")
	t.Setenv(crash.EnvClock, t.TempDir()+"/offset")
	if crash.Enabled {
		t.Fatal("kill points are compiled in without the tag")
	}
	crash.Point("spool/claimed") // would end this process
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	if got := crash.Clock(func() time.Time { return at })(); !got.Equal(at) {
		t.Errorf("Clock = %v; want %v", got, at)
	}
}
