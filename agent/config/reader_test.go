package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/protocols/badge"
)

// TestReaderProfiles keeps the names in step with what the badge reader knows.
func TestReaderProfiles(t *testing.T) {
	var want []string
	for _, p := range badge.Profiles() {
		want = append(want, p.Name)
	}
	if diff := cmp.Diff(want, config.ReaderProfiles()); diff != "" {
		t.Errorf("ReaderProfiles() against protocols/badge (-want +got):\n%s", diff)
	}
}
