package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind is the part of a topic that says which payload it carries.
type Kind string

// The kinds of topics.
const (
	KindStatus   Kind = "status"
	KindJob      Kind = "event/job"
	KindDelivery Kind = "event/delivery"
)

// Topics names the topics of one agent. The fields hold topic levels as
// [Level] makes them; Prefix may have several, joined by "/".
type Topics struct {
	Prefix string
	Site   string
	Agent  string
}

// NewTopics makes the topics of an agent from names as people write them. An
// empty prefix is "platen".
func NewTopics(prefix, site, agent string) Topics {
	var levels []string
	for p := range strings.SplitSeq(prefix, "/") {
		if p != "" {
			levels = append(levels, Level(p))
		}
	}
	if len(levels) == 0 {
		levels = []string{"platen"}
	}
	return Topics{Prefix: strings.Join(levels, "/"), Site: Level(site), Agent: Level(agent)}
}

// Topic returns the topic of a kind.
func (t Topics) Topic(k Kind) string {
	return fmt.Sprintf("%s/v%d/%s/agent/%s/%s", t.Prefix, Version, t.Site, t.Agent, k)
}

// ParseTopic takes a topic apart. Errors wrap [ErrTopic].
func ParseTopic(topic string) (Topics, Kind, error) {
	refuse := func(why string) (Topics, Kind, error) {
		return Topics{}, "", fmt.Errorf("%w: %s", ErrTopic, why)
	}
	if len(topic) > 1024 {
		return refuse("too long")
	}
	for _, k := range []Kind{KindStatus, KindJob, KindDelivery} {
		rest, ok := strings.CutSuffix(topic, "/"+string(k))
		if !ok {
			continue
		}
		levels := strings.Split(rest, "/")
		n := len(levels)
		if n < 5 || levels[n-2] != "agent" || levels[n-4] != fmt.Sprintf("v%d", Version) {
			return refuse("levels")
		}
		for _, l := range levels {
			if !level(l) {
				return refuse("level outside [a-z0-9_-]")
			}
		}
		return Topics{Prefix: strings.Join(levels[:n-4], "/"), Site: levels[n-3], Agent: levels[n-1]}, k, nil
	}
	return refuse("kind")
}

// Level makes a name into one topic level of 1 to 64 bytes of [a-z0-9_-].
// Capitals become small and spaces "-"; whatever else has to be replaced is
// made up for by eight digits of the name's hash, so that two names which
// differ in it stay apart. A level is its own level.
func Level(name string) string {
	var b strings.Builder
	exact := true
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch {
		case r < 0x80 && wordByte(byte(r)):
			b.WriteByte(byte(r))
		case r == ' ':
			b.WriteByte('-')
		default:
			exact = false
			b.WriteByte('-')
		}
	}
	s := b.String()
	if exact && level(s) {
		return s
	}
	const digits = 8
	s = strings.Trim(s[:min(len(s), maxWord-digits-1)], "-")
	return strings.TrimPrefix(s+"-"+digest(name, digits), "-")
}

// level reports whether s may stand between two slashes as it is.
func level(s string) bool { return word(s) && s == strings.ToLower(s) }

// ClientID returns the MQTT client id of an agent: 23 characters, the most
// that every broker of MQTT 3.1.1 must take (3.1.3.1). It is the same at every
// start, so that a new connection of an agent replaces its dead one, and
// differs between agents, because two clients of one id throw each other out
// for ever.
func (t Topics) ClientID() string {
	return "platen-" + digest(t.Prefix+"/"+t.Site+"/"+t.Agent, 16)
}

func digest(s string, digits int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:digits]
}
