package app

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestDropProgramPages sees fewer pages of files mapped, and a program that goes
// on.
func TestDropProgramPages(t *testing.T) {
	mapped := func() int {
		t.Helper()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			if v, ok := strings.CutPrefix(line, "RssFile:"); ok {
				kib, err := strconv.Atoi(strings.Fields(v)[0])
				if err != nil {
					t.Fatal(err)
				}
				return kib
			}
		}
		t.Fatal("no RssFile in /proc/self/status")
		return 0
	}
	before := mapped()
	dropProgramPages()
	if after := mapped(); after > before/2 {
		t.Errorf("%d KiB of files mapped, %d before; want less than half", after, before)
	}
}
