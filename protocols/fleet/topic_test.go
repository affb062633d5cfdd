package fleet_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/fleet"
)

func TestTopics(t *testing.T) {
	tests := []struct {
		name                string
		prefix, site, agent string
		status              string
	}{
		{"plain", "", "Main office", "Box-1", "platen/v1/main-office/agent/box-1/status"},
		{"deep prefix", "/acme/fax/", "hq", "a_b", "acme/fax/v1/hq/agent/a_b/status"},
		{"foreign letters keep apart", "", "Büro", "1", "platen/v1/b-ro-96eecebc/agent/1/status"},
		{"wildcards are no topics", "", "a+b#", "1", "platen/v1/a-b-f7b4443d/agent/1/status"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := fleet.NewTopics(tt.prefix, tt.site, tt.agent)
			if got := top.Topic(fleet.KindStatus); got != tt.status {
				t.Errorf("status topic %q; want %q", got, tt.status)
			}
			for _, k := range []fleet.Kind{fleet.KindStatus, fleet.KindJob, fleet.KindDelivery} {
				got, kind, err := fleet.ParseTopic(top.Topic(k))
				if err != nil || got != top || kind != k {
					t.Errorf("ParseTopic(%q) = %+v, %q, %v; want %+v, %q", top.Topic(k), got, kind, err, top, k)
				}
			}
		})
	}
}

var (
	goodLevel    = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	goodClientID = regexp.MustCompile(`^[A-Za-z0-9_-]{23}$`)
)

func TestLevelKeepsNamesApart(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"", " ", "東京", "大阪", "a/b", "a+b", "a b", "ab", strings.Repeat("x", 65), strings.Repeat("x", 66)} {
		l := fleet.Level(name)
		if !goodLevel.MatchString(l) {
			t.Errorf("Level(%q) = %q", name, l)
		}
		if other, ok := seen[l]; ok && strings.TrimSpace(other) != strings.TrimSpace(name) {
			t.Errorf("Level(%q) = Level(%q) = %q", name, other, l)
		}
		seen[l] = name
	}
}

func TestClientID(t *testing.T) {
	a, b := fleet.NewTopics("", "hq", "1").ClientID(), fleet.NewTopics("", "hq", "2").ClientID()
	if !goodClientID.MatchString(a) || a == b || a != fleet.NewTopics("platen", "HQ", "1").ClientID() {
		t.Errorf("client ids %q and %q", a, b)
	}
}

func TestParseTopicRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "platen", "platen/v1/hq/agent/1", "platen/v2/hq/agent/1/status", "v1/hq/agent/1/status",
		"platen/v1/hq/device/1/status", "platen/v1/HQ/agent/1/status", "platen/v1/+/agent/1/status",
		"platen/v1//agent/1/status", "platen/v1/hq/agent/1/event/other", strings.Repeat("a/", 600) + "v1/hq/agent/1/status",
	} {
		if got, k, err := fleet.ParseTopic(in); !errors.Is(err, fleet.ErrTopic) {
			t.Errorf("ParseTopic(%.60q) = %+v, %q, %v; want ErrTopic", in, got, k, err)
		}
	}
}
