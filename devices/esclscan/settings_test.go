package esclscan

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

// capture reads capabilities as a real model announces them.
func capture(t *testing.T, name string) *escl.Capabilities {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "protocols", "escl", "testdata", name+"-caps.xml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := escl.DecodeCapabilities(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ptr(n int) *int { return &n }

func TestSettingsOfRealModels(t *testing.T) {
	a4 := escl.Region{Width: 2480, Height: 3508}
	jpeg := "image/jpeg"
	for _, tt := range []struct {
		name, model, source string
		wish                devices.Settings
		quirks              Quirks
		want                escl.ScanSettings
	}{
		{
			"feeder", "hp-m426fdn", escl.SourceFeeder,
			devices.Settings{},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: a4, InputSource: "Feeder", Compression: ptr(0), ColorMode: "Grayscale8", Format: jpeg, FormatExt: jpeg, XResolution: 200, YResolution: 200},
		},
		{
			"one bit is missing", "hp-m426fdn", escl.SourcePlaten,
			devices.Settings{Color: devices.Mono, DPI: 601},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: a4, InputSource: "Platen", Compression: ptr(0), ColorMode: "Grayscale8", Format: jpeg, FormatExt: jpeg, XResolution: 1200, YResolution: 1200},
		},
		{
			"feeder has less than was asked for", "hp-m426fdn", escl.SourceFeeder,
			devices.Settings{Color: devices.Color, DPI: 400, Paper: "legal", Duplex: true},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: escl.Region{Width: 2550, Height: 4200}, InputSource: "Feeder", Compression: ptr(0), ColorMode: "RGB24", Format: jpeg, FormatExt: jpeg, XResolution: 300, YResolution: 300, Duplex: true},
		},
		{
			"square before fax-like", "kyocera-m2040dn", escl.SourceFeeder,
			devices.Settings{DPI: 100},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: a4, InputSource: "Feeder", ColorMode: "Grayscale8", Format: jpeg, XResolution: 200, YResolution: 200},
		},
		{
			"legal is cut to the glass", "kyocera-m2040dn", escl.SourcePlaten,
			devices.Settings{Paper: "legal", Color: devices.Mono},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: escl.Region{Width: 2550, Height: 3508}, InputSource: "Platen", ColorMode: "BlackAndWhite1", Format: jpeg, XResolution: 200, YResolution: 200},
		},
		{
			"resolutions per mode, JPEG behind PDF", "xerox-b235", escl.SourceFeeder,
			devices.Settings{Paper: "letter"},
			Quirks{},
			escl.ScanSettings{Intent: "Document", Region: escl.Region{Width: 2550, Height: 3300}, InputSource: "Feeder", Compression: ptr(5), ColorMode: "Grayscale8", Format: jpeg, FormatExt: jpeg, XResolution: 200, YResolution: 200},
		},
		{
			"limit by quirk", "xerox-b235", escl.SourcePlaten,
			devices.Settings{DPI: 600},
			Quirks{MaxDPI: 300},
			escl.ScanSettings{Intent: "Document", Region: a4, InputSource: "Platen", Compression: ptr(5), ColorMode: "Grayscale8", Format: jpeg, FormatExt: jpeg, XResolution: 300, YResolution: 300},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := settings(capture(t, tt.model), tt.source, tt.wish, tt.quirks)
			if err != nil {
				t.Fatalf("settings = %v", err)
			}
			if d := cmp.Diff(tt.want, *got); d != "" {
				t.Fatalf("settings (-want +got):\n%s", d)
			}
		})
	}
}

func TestSettingsRefused(t *testing.T) {
	bare := &escl.Capabilities{Platen: &escl.InputCaps{}}
	tiff := &escl.Capabilities{Platen: &escl.InputCaps{Profiles: []escl.SettingProfile{{Formats: []string{"image/tiff"}}}}}
	blind := &escl.Capabilities{Platen: &escl.InputCaps{Profiles: []escl.SettingProfile{{Formats: []string{formatJPEG}}}}}
	for _, tt := range []struct {
		name   string
		caps   *escl.Capabilities
		source string
		wish   devices.Settings
	}{
		{"duplex on a simplex feeder", capture(t, "xerox-b235"), escl.SourceFeeder, devices.Settings{Duplex: true}},
		{"duplex on the platen", capture(t, "hp-m426fdn"), escl.SourcePlaten, devices.Settings{Duplex: true}},
		{"no feeder", bare, escl.SourceFeeder, devices.Settings{}},
		{"no profile", bare, escl.SourcePlaten, devices.Settings{}},
		{"neither JPEG nor PDF", tiff, escl.SourcePlaten, devices.Settings{}},
		{"no resolution", blind, escl.SourcePlaten, devices.Settings{}},
		{"paper", capture(t, "hp-m426fdn"), escl.SourcePlaten, devices.Settings{Paper: "a3"}},
	} {
		if got, err := settings(tt.caps, tt.source, tt.wish, Quirks{}); !errors.Is(err, devices.ErrUnsupported) {
			t.Errorf("%s: settings = %+v, %v; want ErrUnsupported", tt.name, got, err)
		}
	}
}

func TestChoose(t *testing.T) {
	gray := escl.SettingProfile{ColorModes: []string{escl.Grayscale8}, Formats: []string{formatPDF}}
	color := escl.SettingProfile{ColorModes: []string{escl.RGB24}, FormatsExt: []string{formatJPEG}}
	for _, tt := range []struct {
		name         string
		profiles     []escl.SettingProfile
		wish         devices.ColorMode
		mode, format string
	}{
		{"JPEG in colour before PDF in gray", []escl.SettingProfile{gray, color}, devices.Gray, escl.RGB24, formatJPEG},
		{"PDF if there is nothing else", []escl.SettingProfile{gray}, devices.Gray, escl.Grayscale8, formatPDF},
		{"nearest to colour", []escl.SettingProfile{gray}, devices.Color, escl.Grayscale8, formatPDF},
		{"nothing listed", []escl.SettingProfile{{}}, devices.Mono, escl.BlackAndWhite1, formatJPEG},
	} {
		_, mode, format, ok := choose(tt.profiles, tt.wish)
		if !ok || mode != tt.mode || format != tt.format {
			t.Errorf("%s: choose = %q, %q, %v; want %q, %q", tt.name, mode, format, ok, tt.mode, tt.format)
		}
	}
}

func TestResolution(t *testing.T) {
	list := func(rs ...escl.Resolution) escl.SettingProfile {
		return escl.SettingProfile{Resolutions: []escl.Resolutions{{Discrete: rs}}}
	}
	square := func(ds ...int) escl.SettingProfile {
		var rs []escl.Resolution
		for _, d := range ds {
			rs = append(rs, escl.Resolution{X: d, Y: d})
		}
		return list(rs...)
	}
	span := func(x, y *escl.Range) escl.SettingProfile {
		return escl.SettingProfile{Resolutions: []escl.Resolutions{{X: x, Y: y}}}
	}
	for _, tt := range []struct {
		name        string
		profile     escl.SettingProfile
		want, limit int
		x, y        int
	}{
		{"exact", square(75, 200, 300), 200, 0, 200, 200},
		{"200 is missing", square(1, 75, 150, 300, 600, 1200), 200, 0, 300, 300},
		{"all are small", square(75, 150, 100), 200, 0, 150, 150},
		{"unsorted", square(600, 200, 300), 250, 0, 300, 300},
		{"limit", square(150, 300, 600), 600, 300, 300, 300},
		{"limit below all", square(300, 600), 200, 100, 300, 300},
		{"only fax-like", list(escl.Resolution{X: 200, Y: 100}, escl.Resolution{X: 200, Y: 400}), 200, 0, 200, 400},
		{"zero is none", list(escl.Resolution{X: 0, Y: 0}, escl.Resolution{X: 300, Y: 300}), 200, 0, 300, 300},
		{"range", span(&escl.Range{Min: 50, Max: 600, Step: 1}, nil), 200, 0, 200, 200},
		{"range in steps", span(&escl.Range{Min: 50, Max: 600, Step: 100}, &escl.Range{Min: 50, Max: 600, Step: 100}), 200, 0, 250, 250},
		{"range below", span(&escl.Range{Min: 50, Max: 175, Step: 50}, nil), 200, 0, 150, 150},
		{"range above", span(&escl.Range{Min: 300, Max: 600}, nil), 200, 0, 300, 300},
		{"range with limit", span(&escl.Range{Min: 50, Max: 600}, nil), 600, 300, 300, 300},
		{"narrower range of Y", span(&escl.Range{Min: 50, Max: 600}, &escl.Range{Min: 50, Max: 150}), 200, 0, 150, 150},
		{"range of Y only", span(nil, &escl.Range{Min: 50, Max: 600}), 200, 0, 200, 200},
	} {
		got, ok := resolution(tt.profile, escl.Grayscale8, tt.want, tt.limit)
		if !ok || got != (escl.Resolution{X: tt.x, Y: tt.y}) {
			t.Errorf("%s: resolution(%d, limit %d) = %v, %v; want %dx%d", tt.name, tt.want, tt.limit, got, ok, tt.x, tt.y)
		}
	}
	other := square(200)
	other.Resolutions[0].ColorMode = escl.RGB24
	for _, p := range []escl.SettingProfile{{}, other, span(&escl.Range{}, nil)} {
		if got, ok := resolution(p, escl.Grayscale8, 200, 0); ok {
			t.Errorf("resolution(%+v) = %v; want none", p, got)
		}
	}
}
