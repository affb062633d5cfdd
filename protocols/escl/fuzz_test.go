package escl

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzzXML checks that a decoder of foreign bytes fails with ErrXML or
// ErrTooLarge, and that what it accepts survives being written and read again.
func fuzzXML[T any](f *testing.F, decode func(io.Reader) (*T, error), encode func(*T) []byte, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := decode(bytes.NewReader(doc))
		if err != nil {
			if !errors.Is(err, ErrXML) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error %v wraps no sentinel", err)
			}
			return
		}
		wire := encode(got)
		again, err := decode(bytes.NewReader(wire))
		if errors.Is(err, ErrTooLarge) {
			return // shared profiles are written out
		}
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%s\nreads as %v:\n%s", wire, err, cmp.Diff(got, again))
		}
	})
}

func FuzzDecodeCapabilities(f *testing.F) {
	// The seeds are short because the engine takes long over each byte; the
	// documents of real devices are in the table tests.
	in := &InputCaps{
		MaxWidth: 2550,
		Profiles: []SettingProfile{{
			ColorModes: []string{Grayscale8}, Formats: []string{"a"}, FormatsExt: []string{"b"},
			Resolutions: []Resolutions{{ColorMode: "c", Discrete: []Resolution{{1, 2}}, X: &Range{1, 2, 3, 4}}},
		}},
	}
	fuzzXML(f, DecodeCapabilities, (*Capabilities).Encode,
		(&Capabilities{MakeAndModel: "m", Platen: in}).Encode(),
		(&Capabilities{AdfSimplex: &InputCaps{Intents: []string{"i"}}, AdfOptions: []string{"o"}, Compression: &Range{}}).Encode(),
		[]byte(`<s:ScannerCapabilities xmlns:s="`+nsScan+`"><s:Adf><s:AdfDuplexInputCaps><s:SettingProfiles><s:SettingProfile name="A"/><s:SettingProfile ref="A"/>`+
			`</s:SettingProfiles></s:AdfDuplexInputCaps></s:Adf></s:ScannerCapabilities>`))
}

func FuzzDecodeStatus(f *testing.F) {
	fuzzXML(f, DecodeStatus, (*Status).Encode,
		(&Status{State: StateIdle, AdfState: AdfJam}).Encode(),
		(&Status{Jobs: []JobInfo{{JobURI: "/1", State: JobAborted, Reasons: []string{"r"}}}}).Encode())
}

func FuzzDecodeScanSettings(f *testing.F) {
	fuzzXML(f, DecodeScanSettings, func(s *ScanSettings) []byte {
		// What Encode adds or leaves out on purpose.
		if s.Version == "" {
			s.Version = "2.0"
		}
		s.Duplex = s.Duplex && s.InputSource == SourceFeeder
		return s.Encode()
	}, (&ScanSettings{InputSource: SourceFeeder, Duplex: true, Region: Region{1, 2, 3, 4}}).Encode(),
		[]byte(`<s:ScanSettings xmlns:s="`+nsScan+`"><s:InputSource>Platen</s:InputSource><s:CompressionFactor>1</s:CompressionFactor></s:ScanSettings>`))
}

func FuzzJobPath(f *testing.F) {
	for _, s := range []string{"/eSCL/ScanJobs/1", "http://[fe80/eSCL/ScanJobs/4060", "https://h:1/a%2Fb?x#y", "urn:uuid:1", "//x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, location string) {
		p, err := JobPath("/eSCL", location)
		if err != nil {
			if !errors.Is(err, ErrLocation) || p != "" {
				t.Fatalf("JobPath(%q) = %q, %v; want ErrLocation", location, p, err)
			}
			return
		}
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, "?# \r\n") {
			t.Fatalf("JobPath(%q) = %q; want one slash before, none behind, nothing but a path", location, p)
		}
		u, err := url.Parse("http://device" + p + "/NextDocument")
		if err != nil || u.Host != "device" || u.RawQuery != "" {
			t.Fatalf("JobPath(%q) = %q makes %v, %v; want a URL of the device", location, p, u, err)
		}
		if again, err := JobPath("/eSCL", p); err != nil || again != p {
			t.Fatalf("JobPath(%q) = %q, %v; want it unchanged", p, again, err)
		}
	})
}
