package escl

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func square(dpi ...int) []Resolution {
	var rs []Resolution
	for _, d := range dpi {
		rs = append(rs, Resolution{d, d})
	}
	return rs
}

func one(p SettingProfile) []SettingProfile { return []SettingProfile{p} }

func TestDecodeCapabilities(t *testing.T) {
	jpegPDF := []string{"image/jpeg", "application/pdf"}
	hpIntents := []string{"Document", "Photo", "Preview", "TextAndGraphic"}
	hpAdf := &InputCaps{
		MinWidth: 576, MaxWidth: 2550, MinHeight: 576, MaxHeight: 4500, MaxScanRegions: 1,
		MaxOpticalX: 300, MaxOpticalY: 300, Intents: hpIntents,
		Profiles: one(SettingProfile{
			ColorModes: []string{RGB24, Grayscale8}, Formats: jpegPDF, FormatsExt: jpegPDF,
			Resolutions: []Resolutions{{Discrete: square(75, 200, 300)}},
		}),
	}
	kyocera := one(SettingProfile{
		ColorModes: []string{BlackAndWhite1, Grayscale8, RGB24}, Formats: jpegPDF,
		Resolutions: []Resolutions{{Discrete: []Resolution{{200, 100}, {200, 200}, {200, 400}, {300, 300}, {400, 400}, {600, 600}}}},
	})
	kyoceraAdf := &InputCaps{
		MinWidth: 591, MaxWidth: 2551, MinHeight: 591, MaxHeight: 4205, MaxScanRegions: 1,
		MaxOpticalX: 600, MaxOpticalY: 600, Intents: []string{"Document", "TextAndGraphic", "Photo"}, Profiles: kyocera,
	}
	xeroxFormats := []string{"application/pdf", "image/jpeg", "image/tiff"}
	var perMode []Resolutions
	for _, m := range []string{RGB24, Grayscale8, BlackAndWhite1} {
		perMode = append(perMode, Resolutions{ColorMode: m, Discrete: square(75, 150, 200, 300, 400, 600)})
	}
	xerox := one(SettingProfile{
		ColorModes: []string{RGB24, Grayscale8, BlackAndWhite1},
		Formats:    xeroxFormats, FormatsExt: xeroxFormats, Resolutions: perMode,
	})
	xeroxIntents := []string{"Document", "Photo"}
	for _, tt := range []struct {
		file string
		want *Capabilities
	}{
		{"hp-m426fdn-caps.xml", &Capabilities{
			Version: "2.5", MakeAndModel: "HP LaserJet MFP M426fdn", SerialNumber: "PHB0000001",
			UUID: "564e4238-3000-4d34-3236-f43000000001", AdminURI: "http://printer.example/#hId-pgAirPrint",
			Platen: &InputCaps{
				MinWidth: 576, MaxWidth: 2550, MinHeight: 576, MaxHeight: 3508, MaxScanRegions: 1,
				MaxOpticalX: 1200, MaxOpticalY: 1200, Intents: hpIntents,
				Profiles: one(SettingProfile{
					ColorModes: []string{RGB24, Grayscale8}, Formats: jpegPDF, FormatsExt: jpegPDF,
					Resolutions: []Resolutions{{Discrete: square(75, 200, 300, 600, 1200)}},
				}),
			},
			AdfSimplex: hpAdf, AdfDuplex: hpAdf, FeederCapacity: 50,
			AdfOptions:  []string{"DetectPaperLoaded", "Duplex"},
			Compression: &Range{0, 100, 25, 1},
		}},
		{"kyocera-m2040dn-caps.xml", &Capabilities{
			Version: "2.62", MakeAndModel: "Kyocera ECOSYS M2040dn", SerialNumber: "VCF0000001",
			UUID: "4509a320-00a0-008f-00b6-002500000001",
			Platen: &InputCaps{
				MinWidth: 118, MaxWidth: 2551, MinHeight: 118, MaxHeight: 3508, MaxScanRegions: 1,
				MaxOpticalX: 600, MaxOpticalY: 600, Intents: kyoceraAdf.Intents, Profiles: kyocera,
			},
			AdfSimplex: kyoceraAdf, AdfDuplex: kyoceraAdf, FeederCapacity: 75,
			AdfOptions: []string{"DetectPaperLoaded", "SelectSinglePage", "Duplex"},
		}},
		{"xerox-b235-caps.xml", &Capabilities{
			Version: "2.9", MakeAndModel: "Xerox(R) B235 MFP", Manufacturer: "Xerox", SerialNumber: "00000000000001",
			UUID: "67bbb526-3a17-474f-a567-000000000001",
			Platen: &InputCaps{
				MinWidth: 300, MaxWidth: 2550, MinHeight: 300, MaxHeight: 3508, MaxScanRegions: 1,
				MaxOpticalX: 600, MaxOpticalY: 600, Intents: xeroxIntents, Profiles: xerox,
			},
			AdfSimplex: &InputCaps{
				MinWidth: 1230, MaxWidth: 2550, MinHeight: 1740, MaxHeight: 4200, MaxScanRegions: 1,
				MaxOpticalX: 600, MaxOpticalY: 600, Intents: xeroxIntents, Profiles: xerox,
			},
			AdfOptions:  []string{"DetectPaperLoaded"},
			Compression: &Range{5, 95, 25, 1}, // children without a namespace
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got, err := DecodeCapabilities(bytes.NewReader(read(t, tt.file)))
			if err != nil {
				t.Fatalf("DecodeCapabilities = %v", err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("DecodeCapabilities (-want +got):\n%s", d)
			}
			again, err := DecodeCapabilities(bytes.NewReader(got.Encode()))
			if err != nil {
				t.Fatalf("decoding Encode = %v", err)
			}
			if d := cmp.Diff(got, again); d != "" {
				t.Fatalf("Encode lost something (-want +got):\n%s", d)
			}
		})
	}
}

func TestCapabilitiesInput(t *testing.T) {
	simplex, duplex, platen := &InputCaps{MaxWidth: 1}, &InputCaps{MaxWidth: 2}, &InputCaps{MaxWidth: 3}
	for _, tt := range []struct {
		name   string
		caps   Capabilities
		source string
		duplex bool
		want   *InputCaps
		can    bool
	}{
		{"platen", Capabilities{Platen: platen, AdfSimplex: simplex}, SourcePlaten, false, platen, false},
		{"no platen", Capabilities{AdfSimplex: simplex}, SourcePlaten, false, nil, false},
		{"simplex", Capabilities{AdfSimplex: simplex, AdfDuplex: duplex}, SourceFeeder, false, simplex, true},
		{"duplex", Capabilities{AdfSimplex: simplex, AdfDuplex: duplex}, SourceFeeder, true, duplex, true},
		{"duplex by option only", Capabilities{AdfSimplex: simplex, AdfOptions: []string{"Duplex"}}, SourceFeeder, true, simplex, true},
		{"duplex caps only", Capabilities{AdfDuplex: duplex}, SourceFeeder, false, duplex, true},
		{"option without a feeder", Capabilities{AdfOptions: []string{"Duplex"}}, SourceFeeder, true, nil, false},
		{"unknown source", Capabilities{Platen: platen, AdfSimplex: simplex}, "Camera", false, nil, false},
	} {
		if got, can := tt.caps.Input(tt.source, tt.duplex), tt.caps.CanDuplex(); got != tt.want || can != tt.can {
			t.Errorf("%s: Input(%q, %v) = %+v, CanDuplex %v; want %+v, %v", tt.name, tt.source, tt.duplex, got, can, tt.want, tt.can)
		}
	}
}

func TestDecodeStatus(t *testing.T) {
	for _, tt := range []struct {
		file string
		want *Status
	}{
		{"hp-status.xml", &Status{
			Version: "2.5", State: StateIdle, AdfState: AdfEmpty,
			Jobs: []JobInfo{
				{JobURI: "/eSCL/ScanJobs/1006", JobUUID: "166-1006", Age: 31, ImagesCompleted: 2, ImagesToTransfer: 1, State: JobProcessing, Reasons: []string{ReasonScanning}},
				{JobURI: "/eSCL/ScanJobs/1005", JobUUID: "166-1005", Age: 1230, ImagesCompleted: 1, State: JobCompleted, Reasons: []string{ReasonCompleted}},
			},
		}},
		{"kyocera-status.xml", &Status{
			Version: "2.62", State: StateIdle, AdfState: AdfProcessing,
			Jobs: []JobInfo{{
				JobURI:  "/eSCL/ScanJobs/urn:uuid:4509a320-00a0-008f-00b6-00255d510001",
				JobUUID: "urn:uuid:4509a320-00a0-008f-00b6-00255d510001",
				State:   JobAborted, Reasons: []string{ReasonAborted, "SomethingVendorsAdd"},
			}},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got, err := DecodeStatus(bytes.NewReader(read(t, tt.file)))
			if err != nil {
				t.Fatalf("DecodeStatus = %v", err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("DecodeStatus (-want +got):\n%s", d)
			}
			again, err := DecodeStatus(bytes.NewReader(got.Encode()))
			if err != nil || !cmp.Equal(got, again) {
				t.Fatalf("decoding Encode = %+v, %v; want %+v", again, err, got)
			}
		})
	}
}

func TestStatusJob(t *testing.T) {
	s := Status{Jobs: []JobInfo{{JobURI: "/eSCL/ScanJobs/urn:uuid:1"}, {JobURI: "http://host/other/2/"}, {}}}
	for _, tt := range []struct {
		path string
		want string
		ok   bool
	}{
		{"/eSCL/ScanJobs/urn:uuid:1", "/eSCL/ScanJobs/urn:uuid:1", true},
		{"/eSCL/ScanJobs/urn%3Auuid%3A1", "/eSCL/ScanJobs/urn:uuid:1", true},
		{"/eSCL/ScanJobs/2", "http://host/other/2/", true},
		{"/eSCL/ScanJobs/3", "", false},
		{"/", "", false},
	} {
		if got, ok := s.Job(tt.path); got.JobURI != tt.want || ok != tt.ok {
			t.Errorf("Job(%q) = %q, %v; want %q, %v", tt.path, got.JobURI, ok, tt.want, tt.ok)
		}
	}
}

func TestScanSettingsWire(t *testing.T) {
	five := 5
	s := &ScanSettings{
		Intent: "Document", Region: Region{Width: 2480, Height: 3508}, InputSource: SourceFeeder, Compression: &five,
		ColorMode: Grayscale8, Format: "image/jpeg", FormatExt: "image/jpeg", XResolution: 200, YResolution: 200, Duplex: true,
	}
	want := read(t, "settings-feeder.xml")
	if got := s.Encode(); !bytes.Equal(got, want) {
		t.Fatalf("Encode =\n%s\nwant\n%s", got, want)
	}
	got, err := DecodeScanSettings(bytes.NewReader(want))
	s.Version = "2.0"
	if err != nil || !cmp.Equal(got, s) {
		t.Fatalf("DecodeScanSettings = %+v, %v; want %+v", got, err, s)
	}
	// The duplex element means nothing on the platen, and no device expects it.
	s.InputSource = SourcePlaten
	if doc := string(s.Encode()); strings.Contains(doc, "Duplex") {
		t.Fatalf("a platen request carries Duplex: %s", doc)
	}
}

func TestTolerance(t *testing.T) {
	const open = `<s:ScannerStatus xmlns:s="` + nsScan + `" xmlns:p="` + nsPWG + `">`
	for _, tt := range []struct {
		name, doc string
		want      string // State
		err       error
	}{
		{"foreign prefixes", open + `<p:State> Idle </p:State></s:ScannerStatus>`, "Idle", nil},
		{"default namespace", `<ScannerStatus xmlns="` + nsScan + `"><State xmlns="` + nsPWG + `">Idle</State></ScannerStatus>`, "Idle", nil},
		{"byte order mark", "\xEF\xBB\xBF" + open + `<p:State>Idle</p:State></s:ScannerStatus>`, "Idle", nil},
		{"latin 1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + open + "<p:State>\xE9</p:State></s:ScannerStatus>", "é", nil},
		{"bare ampersand", open + `<p:State>A & B</p:State></s:ScannerStatus>`, "A & B", nil},
		{"number that is none", open + `<p:State>Idle</p:State><s:Jobs><s:JobInfo><s:Age>soon</s:Age></s:JobInfo></s:Jobs></s:ScannerStatus>`, "Idle", nil},
		{"right name, wrong namespace", open + `<s:State>Idle</s:State></s:ScannerStatus>`, "", nil},
		{"right prefix, wrong namespace", `<scan:ScannerStatus xmlns:scan="urn:other"/>`, "", ErrXML},
		{"another document", `<s:ScanSettings xmlns:s="` + nsScan + `"/>`, "", ErrXML},
		{"empty", "", "", ErrXML},
		{"text", "junk", "", ErrXML},
		{"html", "<html><body>login<br></body></html>", "", ErrXML},
		{"cut", open + `<p:State>Idle</p:State>`, "", ErrXML},
		{"unknown encoding", `<?xml version="1.0" encoding="KOI8-R"?>` + open + `</s:ScannerStatus>`, "", ErrXML},
		{"too large", open + strings.Repeat(" ", MaxXML) + `</s:ScannerStatus>`, "", ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeStatus(strings.NewReader(tt.doc))
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || err == nil && got.State != tt.want {
				t.Fatalf("DecodeStatus = %+v, %v; want state %q, error %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestSettingsOldInputSource(t *testing.T) {
	doc := `<s:ScanSettings xmlns:s="` + nsScan + `"><s:InputSource>Feeder</s:InputSource></s:ScanSettings>`
	if got, err := DecodeScanSettings(strings.NewReader(doc)); err != nil || got.InputSource != SourceFeeder {
		t.Fatalf("DecodeScanSettings = %+v, %v; want the feeder", got, err)
	}
}

func TestSharedProfiles(t *testing.T) {
	profile := `<s:SettingProfile name="A"><s:ColorModes><s:ColorMode>Grayscale8</s:ColorMode></s:ColorModes></s:SettingProfile>`
	doc := `<s:ScannerCapabilities xmlns:s="` + nsScan + `"><s:Platen><s:PlatenInputCaps><s:SettingProfiles>` + profile +
		`</s:SettingProfiles></s:PlatenInputCaps></s:Platen><s:Adf><s:AdfSimplexInputCaps><s:SettingProfiles>` +
		strings.Repeat(`<s:SettingProfile ref="A"/>`, 1000) + `<s:SettingProfile ref="B"/>` +
		`</s:SettingProfiles></s:AdfSimplexInputCaps></s:Adf></s:ScannerCapabilities>`
	got, err := DecodeCapabilities(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	ps := got.AdfSimplex.Profiles
	if len(ps) != maxProfiles || !cmp.Equal(ps[0].ColorModes, []string{Grayscale8}) {
		t.Fatalf("feeder has %d profiles, first %+v; want %d like A", len(ps), ps[:1], maxProfiles)
	}
}
