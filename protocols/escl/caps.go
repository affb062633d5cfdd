package escl

import (
	"io"
	"slices"
)

// Capabilities is a ScannerCapabilities document. Lengths are in 1/300 inch,
// resolutions in dots per inch.
type Capabilities struct {
	Version      string // "2.5"
	MakeAndModel string
	Manufacturer string
	SerialNumber string
	UUID         string
	AdminURI     string
	IconURI      string

	Platen     *InputCaps // nil without a platen
	AdfSimplex *InputCaps // nil without a feeder
	AdfDuplex  *InputCaps // nil if the feeder takes one side only

	FeederCapacity int      // sheets, 0 if not told
	AdfOptions     []string // DetectPaperLoaded, SelectSinglePage, Duplex

	Compression *Range // nil if scan:CompressionFactor is not supported
}

// HasFeeder reports whether there is a document feeder.
func (c *Capabilities) HasFeeder() bool { return c.AdfSimplex != nil || c.AdfDuplex != nil }

// CanDuplex reports whether the feeder is announced to scan both sides.
func (c *Capabilities) CanDuplex() bool {
	return c.AdfDuplex != nil || c.HasFeeder() && slices.Contains(c.AdfOptions, "Duplex")
}

// Input returns what applies to a scan from the source (SourcePlaten or
// SourceFeeder), nil if the device lacks it.
func (c *Capabilities) Input(source string, duplex bool) *InputCaps {
	switch {
	case source == SourcePlaten:
		return c.Platen
	case source != SourceFeeder:
		return nil
	case c.AdfDuplex != nil && (duplex || c.AdfSimplex == nil):
		return c.AdfDuplex
	default:
		return c.AdfSimplex
	}
}

// InputCaps is what one source can do.
type InputCaps struct {
	MinWidth, MaxWidth   int // 1/300 inch
	MinHeight, MaxHeight int // 1/300 inch
	MaxScanRegions       int
	MaxOpticalX          int // dots per inch
	MaxOpticalY          int
	Intents              []string
	Profiles             []SettingProfile
}

// SettingProfile is one combination of settings.
type SettingProfile struct {
	ColorModes  []string
	Formats     []string // pwg:DocumentFormat
	FormatsExt  []string // scan:DocumentFormatExt, from version 2.1 on
	Resolutions []Resolutions
}

// Resolutions is a set of resolutions, of all colour modes if ColorMode is "".
type Resolutions struct {
	ColorMode string
	Discrete  []Resolution
	X, Y      *Range // range of resolutions, nil if not announced
}

// Resolution in dots per inch. Fax-like pairs with X other than Y exist.
type Resolution struct{ X, Y int }

// Range of a numeric setting.
type Range struct{ Min, Max, Normal, Step int }

// maxProfiles bounds what shared profiles can multiply to.
const maxProfiles = 64

type capsXML struct {
	Version      text         `xml:"http://www.pwg.org/schemas/2010/12/sm Version"`
	MakeAndModel text         `xml:"http://www.pwg.org/schemas/2010/12/sm MakeAndModel"`
	Manufacturer text         `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Manufacturer"`
	SerialNumber text         `xml:"http://www.pwg.org/schemas/2010/12/sm SerialNumber"`
	UUID         text         `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 UUID"`
	AdminURI     text         `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 AdminURI"`
	IconURI      text         `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 IconURI"`
	Shared       []profileXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 SettingProfiles>SettingProfile"`
	Platen       *inputXML    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Platen>PlatenInputCaps"`
	Adf          struct {
		Simplex  *inputXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 AdfSimplexInputCaps"`
		Duplex   *inputXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 AdfDuplexInputCaps"`
		Capacity number    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 FeederCapacity"`
		Options  []text    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 AdfOptions>AdfOption"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Adf"`
	Compression *rangeXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 CompressionFactorSupport"`
}

type inputXML struct {
	MinWidth  number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MinWidth"`
	MaxWidth  number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MaxWidth"`
	MinHeight number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MinHeight"`
	MaxHeight number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MaxHeight"`
	Regions   number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MaxScanRegions"`
	OpticalX  number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MaxOpticalXResolution"`
	OpticalY  number       `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 MaxOpticalYResolution"`
	Profiles  []profileXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 SettingProfiles>SettingProfile"`
	Intents   struct {
		// Both names are in use for the children.
		Intent          []text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Intent"`
		SupportedIntent []text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 SupportedIntent"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 SupportedIntents"`
}

type profileXML struct {
	Name    string `xml:"name,attr"`
	Ref     string `xml:"ref,attr"`
	Modes   []text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 ColorModes>ColorMode"`
	Formats struct {
		Format    []text `xml:"http://www.pwg.org/schemas/2010/12/sm DocumentFormat"`
		FormatExt []text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 DocumentFormatExt"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 DocumentFormats"`
	Resolutions []resolutionsXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 SupportedResolutions"`
}

type resolutionsXML struct {
	Mode     text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 ColorMode"`
	Discrete []struct {
		X number `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 XResolution"`
		Y number `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 YResolution"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 DiscreteResolutions>DiscreteResolution"`
	Range struct {
		X *rangeXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 XResolution"`
		Y *rangeXML `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 YResolution"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 ResolutionRange"`
}

// rangeXML has no namespaces in its tags: Xerox writes the four children of a
// range without any, others under scan.
type rangeXML struct {
	Min    number `xml:"Min"`
	Max    number `xml:"Max"`
	Normal number `xml:"Normal"`
	Step   number `xml:"Step"`
}

// DecodeCapabilities reads a ScannerCapabilities document. Errors wrap
// [ErrXML], [ErrTooLarge] or what r returned.
func DecodeCapabilities(r io.Reader) (*Capabilities, error) {
	var x capsXML
	if err := decode(r, "ScannerCapabilities", &x); err != nil {
		return nil, err
	}
	named := map[string]profileXML{}
	for _, in := range []*inputXML{{Profiles: x.Shared}, x.Platen, x.Adf.Simplex, x.Adf.Duplex} {
		if in == nil {
			continue
		}
		for _, p := range in.Profiles {
			if p.Name != "" && p.Ref == "" {
				named[p.Name] = p
			}
		}
	}
	return &Capabilities{
		Version:        string(x.Version),
		MakeAndModel:   string(x.MakeAndModel),
		Manufacturer:   string(x.Manufacturer),
		SerialNumber:   string(x.SerialNumber),
		UUID:           string(x.UUID),
		AdminURI:       string(x.AdminURI),
		IconURI:        string(x.IconURI),
		Platen:         x.Platen.value(named),
		AdfSimplex:     x.Adf.Simplex.value(named),
		AdfDuplex:      x.Adf.Duplex.value(named),
		FeederCapacity: int(x.Adf.Capacity),
		AdfOptions:     values(x.Adf.Options),
		Compression:    x.Compression.value(),
	}, nil
}

func (x *inputXML) value(named map[string]profileXML) *InputCaps {
	if x == nil {
		return nil
	}
	c := &InputCaps{
		MinWidth: int(x.MinWidth), MaxWidth: int(x.MaxWidth),
		MinHeight: int(x.MinHeight), MaxHeight: int(x.MaxHeight),
		MaxScanRegions: int(x.Regions),
		MaxOpticalX:    int(x.OpticalX), MaxOpticalY: int(x.OpticalY),
		Intents: values(append(x.Intents.Intent, x.Intents.SupportedIntent...)),
	}
	for _, p := range x.Profiles {
		if p.Ref != "" {
			shared, ok := named[p.Ref]
			if !ok {
				continue
			}
			p = shared
		}
		if len(c.Profiles) < maxProfiles {
			c.Profiles = append(c.Profiles, p.value())
		}
	}
	return c
}

func (x profileXML) value() SettingProfile {
	p := SettingProfile{
		ColorModes: values(x.Modes),
		Formats:    values(x.Formats.Format),
		FormatsExt: values(x.Formats.FormatExt),
	}
	for _, rx := range x.Resolutions {
		r := Resolutions{ColorMode: string(rx.Mode), X: rx.Range.X.value(), Y: rx.Range.Y.value()}
		for _, d := range rx.Discrete {
			r.Discrete = append(r.Discrete, Resolution{X: int(d.X), Y: int(d.Y)})
		}
		p.Resolutions = append(p.Resolutions, r)
	}
	return p
}

func (x *rangeXML) value() *Range {
	if x == nil {
		return nil
	}
	return &Range{Min: int(x.Min), Max: int(x.Max), Normal: int(x.Normal), Step: int(x.Step)}
}
