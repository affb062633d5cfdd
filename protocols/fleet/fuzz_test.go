package fleet_test

import (
	"errors"
	"testing"

	"github.com/platen-fax/platen/protocols/fleet"
)

// trip checks that what decodes can be encoded again and means the same.
func trip[T fleet.Status | fleet.JobEvent | fleet.DeliveryEvent](t *testing.T, b []byte, decode func([]byte) (T, error)) {
	t.Helper()
	v, err := decode(b)
	if err != nil {
		if !errors.Is(err, fleet.ErrPayload) {
			t.Fatalf("error %v does not wrap ErrPayload", err)
		}
		return
	}
	enc, err := fleet.Encode(v)
	if err != nil {
		// The same text can take more room when it is escaped.
		if !errors.Is(err, fleet.ErrPayload) {
			t.Fatalf("encode: %v", err)
		}
		return
	}
	again, err := decode(enc)
	if err != nil {
		t.Fatalf("decode(%q): %v", enc, err)
	}
	if enc2, err := fleet.Encode(again); err != nil || string(enc2) != string(enc) {
		t.Fatalf("%s became %s, %v", enc, enc2, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"state":"online","boot":"b","seq":1,"seen":"2026-03-04T09:05:06Z","version":"1"}`))
	f.Add([]byte(`{"job":"a","seq":1,"at":"2026-03-04T09:05:06Z","device":"d","state":"closed","outcome":"sent","pages":3}`))
	f.Add([]byte(`{"job":"a","seq":1,"state":"failed","recipient":1,"try":2,"reason":"busy","service":"main"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		trip(t, b, fleet.DecodeStatus)
		trip(t, b, fleet.DecodeJob)
		trip(t, b, fleet.DecodeDelivery)
	})
}

func FuzzTopic(f *testing.F) {
	f.Add("platen/v1/hq/agent/1/event/job")
	f.Add("Main office")
	f.Fuzz(func(t *testing.T, s string) {
		if l := fleet.Level(s); !goodLevel.MatchString(l) || fleet.Level(l) != l {
			t.Fatalf("Level(%q) = %q, again %q", s, l, fleet.Level(l))
		}
		top, k, err := fleet.ParseTopic(s)
		if err != nil {
			if !errors.Is(err, fleet.ErrTopic) {
				t.Fatalf("error %v does not wrap ErrTopic", err)
			}
			return
		}
		if top.Topic(k) != s {
			t.Fatalf("%q became %q", s, top.Topic(k))
		}
		if id := top.ClientID(); !goodClientID.MatchString(id) {
			t.Fatalf("client id %q", id)
		}
	})
}
