package mfp_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
)

// scanimage runs the independent client of these tests, scanimage with the
// airscan backend, with a configuration of its own that knows the machine by
// the name "Sim" and looks for no other.
func scanimage(t *testing.T, r rig, args ...string) (output string, err error) {
	t.Helper()
	bin, err := exec.LookPath("scanimage")
	if err != nil {
		t.Fatal("scanimage is not installed: apt-get install sane-utils sane-airscan")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dll.conf":     "airscan\n",
		"airscan.conf": fmt.Sprintf("[devices]\n\"Sim\" = %s, eSCL\n[options]\ndiscovery = disable\nws-discovery = off\n", r.srv.URL()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), "SANE_CONFIG_DIR="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// readScan decodes a PNG that scanimage wrote and reads its mark.
func readScan(t *testing.T, path string, dpi int) paper.Mark {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	m, err := paper.ReadMark(img, dpi, dpi)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func TestScanimageFindsTheMachine(t *testing.T) {
	r := open(t, mfp.Options{ID: "a"})
	out, err := scanimage(t, r, "-L")
	if err != nil || !strings.Contains(out, "airscan:e0:Sim") {
		t.Fatalf("scanimage -L = %v:\n%s\nwant airscan:e0:Sim; if the backend is missing: apt-get install sane-airscan", err, out)
	}
}

func TestScanimageFlatbed(t *testing.T) {
	r := open(t, mfp.Options{})
	r.LoadPlaten(mfp.Stack{Batch: 21, Class: paper.Form})
	file := filepath.Join(t.TempDir(), "page.png")
	out, err := scanimage(t, r, "-d", "airscan:e0:Sim", "--source", "Flatbed", "--mode", "Gray", "--resolution", "150",
		"-x", "210", "-y", "297", "--format=png", "-o", file)
	if err != nil {
		t.Fatalf("scanimage = %v:\n%s", err, out)
	}
	if got, want := readScan(t, file, 150), (paper.Mark{Batch: 21, Page: 1, Whole: true}); got != want {
		t.Fatalf("page = %+v; want %+v", got, want)
	}
	if s := r.State(); s.Created != 1 || s.Active != 0 || s.Scanned != 1 {
		t.Fatalf("State = %+v; want one job and one page", s)
	}
}

func TestScanimageFeeder(t *testing.T) {
	for _, tt := range []struct {
		profile string
		sheets  int
	}{{"office", 10}, {"kyocera-m2040dn", 2}, {"xerox-b235", 2}} {
		t.Run(tt.profile, func(t *testing.T) {
			caps, err := mfp.Profile(tt.profile, "a")
			if err != nil {
				t.Fatal(err)
			}
			r := open(t, mfp.Options{Caps: caps})
			r.Load(22, tt.sheets)
			dir := t.TempDir()
			// After the batch the exit status tells of the empty feeder, so the
			// pages are what counts.
			out, _ := scanimage(t, r, "-d", "airscan:e0:Sim", "--source", "ADF", "--mode", "Gray", "--resolution", "200",
				"-x", "210", "-y", "297", "--format=png", "--batch="+filepath.Join(dir, "p%02d.png"))
			files, err := filepath.Glob(filepath.Join(dir, "*.png"))
			if err != nil || len(files) != tt.sheets {
				t.Fatalf("scanimage wrote %d pages, %v; want %d:\n%s", len(files), err, tt.sheets, out)
			}
			for i, file := range files {
				if got, want := readScan(t, file, 200), (paper.Mark{Batch: 22, Page: i + 1, Whole: true}); got != want {
					t.Errorf("%s = %+v; want %+v", filepath.Base(file), got, want)
				}
			}
			if s := r.State(); s.Loaded != 0 || s.Scanned != tt.sheets || s.Active != 0 {
				t.Fatalf("State = %+v; want %d pages and no job", s, tt.sheets)
			}
		})
	}
}

func TestScanimageDuplexInColour(t *testing.T) {
	r := open(t, mfp.Options{})
	r.LoadStack(mfp.Stack{Batch: 23, Pages: 2, TwoSided: true})
	dir := t.TempDir()
	out, _ := scanimage(t, r, "-d", "airscan:e0:Sim", "--source", "ADF Duplex", "--mode", "Color", "--resolution", "100",
		"-x", "210", "-y", "297", "--format=png", "--batch="+filepath.Join(dir, "p%02d.png"))
	files, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil || len(files) != 4 {
		t.Fatalf("scanimage wrote %d pages, %v; want 4:\n%s", len(files), err, out)
	}
	for i, file := range files {
		if got, want := readScan(t, file, 100), (paper.Mark{Batch: 23, Page: i/2 + 1, Side: i % 2, Whole: true}); got != want {
			t.Errorf("%s = %+v; want %+v", filepath.Base(file), got, want)
		}
	}
}

// TestScanimageMeetsFaults shows that the independent client gets over what it
// is known to get over, and sees what it cannot.
func TestScanimageMeetsFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults mfp.Faults
		want   int // pages
		says   string
	}{
		{"absolute location", mfp.Faults{Location: mfp.LocationAbsolute}, 3, "out of documents"},
		{"colons in the location", mfp.Faults{Location: mfp.LocationColons}, 3, "out of documents"},
		{"feeder always loaded", mfp.Faults{AdfState: escl.AdfLoaded}, 3, ""},
		{"jam after one page", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam}}, 1, "jammed"},
		{"cover open after two", mfp.Faults{Stop: &mfp.Stop{After: 2, Why: mfp.WhyDoor}}, 2, "open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, mfp.Options{})
			r.Load(1, 3)
			if err := r.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			out, _ := scanimage(t, r, "-d", "airscan:e0:Sim", "--source", "ADF", "--mode", "Gray", "--resolution", "100",
				"--format=png", "--batch="+filepath.Join(dir, "p%02d.png"))
			files, err := filepath.Glob(filepath.Join(dir, "*.png"))
			if err != nil || len(files) != tt.want || !strings.Contains(out, tt.says) {
				t.Fatalf("scanimage wrote %d pages, %v; want %d and %q:\n%s", len(files), err, tt.want, tt.says, out)
			}
		})
	}
}
