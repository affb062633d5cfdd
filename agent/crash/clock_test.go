//go:build crashpoints

package crash_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/crash"
)

func TestClockOffset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offset")
	t.Setenv(crash.EnvClock, path)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	now := crash.Clock(func() time.Time { return at })
	for _, tt := range []struct {
		text string
		want time.Duration
	}{{"", 0}, {"90m\n", 90 * time.Minute}, {"-2h", -2 * time.Hour}, {"soon", 0}} {
		if tt.text != "" {
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := now(); !got.Equal(at.Add(tt.want)) {
			t.Errorf("with %q Clock = %v; want %v", tt.text, got, at.Add(tt.want))
		}
	}
}
