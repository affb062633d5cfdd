package devicetest_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
)

func TestFakePassesTheSuite(t *testing.T) {
	devicetest.Scanner(t, func(*testing.T) devicetest.Rig {
		f := devicetest.NewFake("front-desk", 0)
		return devicetest.Rig{
			Scanner: f,
			Load:    f.Load,
			Platen:  func() { f.LoadPlaten(devicetest.SamplePage(0)) },
			Jam:     f.JamAfter,
			Cut:     f.CutPage,
			Busy:    func() { f.SetBusy(true) },
			Unplug:  f.Unplug,
			Simplex: func() {
				f.SetInfo(devices.Info{MakeModel: "Fake", Sources: []devices.Source{devices.Feeder, devices.Platen}})
			},
			Active: f.ActiveJobs,
			Hold: func(n int) devicetest.Hold {
				reached, release := f.Hold(n)
				return devicetest.Hold{Reached: reached, Release: release}
			},
		}
	})
}

func TestFakeSecondJobIsBusy(t *testing.T) {
	f := devicetest.NewFake("a", 2)
	p, err := f.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scan(t.Context(), devices.Settings{}); !errors.Is(err, devices.ErrBusy) {
		t.Fatalf("second Scan = %v; want ErrBusy", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scan(t.Context(), devices.Settings{}); err != nil {
		t.Fatalf("Scan after Close = %v", err)
	}
	if got := len(f.Started()); got != 2 {
		t.Fatalf("Started has %d jobs; want 2", got)
	}
}

func TestFakeDeliversWhatWasLoaded(t *testing.T) {
	f := devicetest.NewFake("a", 2)
	pdf := []byte("%PDF-1.4\n%%EOF\n")
	f.LoadPages(pdf)
	p, err := f.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for n := 1; n <= 3; n++ {
		pg, err := p.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(pg.Body)
		if err != nil {
			t.Fatal(err)
		}
		if n == 3 {
			if pg.MIME != "application/pdf" || !bytes.Equal(b, pdf) {
				t.Errorf("page 3 is %s %q; want the PDF", pg.MIME, b)
			}
			continue
		}
		if got := devicetest.SampleNumber(b); got != n || pg.MIME != "image/jpeg" {
			t.Errorf("page %d is %s number %d; want image/jpeg number %d", n, pg.MIME, got, n)
		}
	}
}

func TestFakeBadgesPassesTheSuite(t *testing.T) {
	devicetest.BadgeReader(t, func(*testing.T) devicetest.BadgeRig {
		f := devicetest.NewFakeBadges("front-desk")
		return devicetest.BadgeRig{Reader: f, Tap: f.Tap, Garble: f.Garble, Unplug: f.Unplug, Replug: f.Replug, Advance: f.Advance}
	})
}
