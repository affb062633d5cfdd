package fleet_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/fleet"
)

const boot = "9f8e7d6c5b4a3921"

var at = time.Date(2026, 3, 4, 9, 5, 6, 0, time.UTC)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

// both checks one fixture in both directions, byte for byte.
func both[T fleet.Status | fleet.JobEvent | fleet.DeliveryEvent](t *testing.T, name string, want T, decode func([]byte) (T, error)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		b := fixture(t, name)
		got, err := decode(b)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("decoded differs (-want +got):\n%s", d)
		}
		enc, err := fleet.Encode(want)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if !bytes.Equal(enc, b) {
			t.Errorf("encoded\n%s\nwant\n%s", enc, b)
		}
	})
}

func TestFixtures(t *testing.T) {
	both(t, "status_online.json", fleet.Status{
		State: fleet.Online, Boot: boot, Seq: 3, Seen: at, Version: "1.2.0", Name: "Main office",
	}, fleet.DecodeStatus)
	both(t, "status_will.json", fleet.Status{State: fleet.Offline, Boot: boot, Seq: 3, Version: "1.2.0"}, fleet.DecodeStatus)
	both(t, "job.json", fleet.JobEvent{
		Job: "0195f0e2-7c1a-7abc-8def-001122334455", Seq: 41, At: at.Add(250 * time.Millisecond), Device: "front-desk",
		State: "closed", Outcome: "partly-sent", Pages: 3,
	}, fleet.DecodeJob)
	both(t, "delivery.json", fleet.DeliveryEvent{
		Job: "0195f0e2-7c1a-7abc-8def-001122334455", Seq: 40, At: at.Add(125 * time.Millisecond), Device: "front-desk",
		Recipient: 2, Try: 1, State: "failed", Reason: "no-answer", Service: "main",
	}, fleet.DecodeDelivery)
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		decode   func([]byte) error
	}{
		{"empty", "", status},
		{"not json", "online", status},
		{"array", "[]", status},
		{"unknown state", `{"state":"lost","boot":"a","seq":1}`, status},
		{"no boot", `{"state":"online","seq":1}`, status},
		{"negative seq", `{"state":"online","boot":"a","seq":-1}`, status},
		{"too long", `{"state":"online","boot":"a","seq":1,"version":"` + strings.Repeat("x", fleet.MaxPayload) + `"}`, status},
		{"job without id", `{"seq":1,"state":"ready"}`, job},
		{"job with a phone number for a state", `{"job":"a","seq":1,"state":"+15145550199"}`, job},
		{"negative pages", `{"job":"a","seq":1,"state":"ready","pages":-1}`, job},
		{"recipient 0", `{"job":"a","seq":1,"state":"sent","recipient":0,"try":1}`, delivery},
		{"recipient as text", `{"job":"a","seq":1,"state":"sent","recipient":"Dr. Roy","try":1}`, delivery},
		{"reason in words", `{"job":"a","seq":1,"state":"failed","recipient":1,"try":1,"reason":"Dr. Roy is busy"}`, delivery},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.decode([]byte(tt.in)); !errors.Is(err, fleet.ErrPayload) {
				t.Errorf("decode(%.60q) = %v; want ErrPayload", tt.in, err)
			}
		})
	}
}

func status(b []byte) error   { _, err := fleet.DecodeStatus(b); return err }
func job(b []byte) error      { _, err := fleet.DecodeJob(b); return err }
func delivery(b []byte) error { _, err := fleet.DecodeDelivery(b); return err }

func TestDecodeIgnoresNewFields(t *testing.T) {
	got, err := fleet.DecodeStatus([]byte(`{"state":"online","boot":"a","seq":1,"version":"9","mood":"good"}`))
	if err != nil || got.Version != "9" {
		t.Errorf("DecodeStatus = %+v, %v; want version 9", got, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := fleet.Encode(fleet.DeliveryEvent{Job: "a", State: "sent", Recipient: 1, Reason: "called +15145550199"}); !errors.Is(err, fleet.ErrPayload) {
		t.Errorf("Encode with words in the reason = %v; want ErrPayload", err)
	}
}

func TestSupersedes(t *testing.T) {
	online := fleet.Status{State: fleet.Online, Boot: "b", Seq: 2}
	tests := []struct {
		name string
		next fleet.Status
		want bool
	}{
		{"the will of this connection", fleet.Status{State: fleet.Offline, Boot: "b", Seq: 2}, true},
		{"a late will of an earlier connection", fleet.Status{State: fleet.Offline, Boot: "b", Seq: 1}, false},
		{"a late will of an earlier boot", fleet.Status{State: fleet.Offline, Boot: "a", Seq: 9}, false},
		{"heartbeat", fleet.Status{State: fleet.Online, Boot: "b", Seq: 2}, true},
		{"reconnected", fleet.Status{State: fleet.Online, Boot: "b", Seq: 3}, true},
		{"restarted", fleet.Status{State: fleet.Online, Boot: "c", Seq: 1}, true},
		{"an old online again", fleet.Status{State: fleet.Online, Boot: "b", Seq: 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.next.Supersedes(online); got != tt.want {
				t.Errorf("Supersedes = %v; want %v", got, tt.want)
			}
		})
	}
}
