package escl

import "io"

// Region is the part of the source to scan, in 1/300 inch.
type Region struct{ X, Y, Width, Height int }

// ScanSettings is the document that starts a job. Empty optional fields are
// left out of it.
type ScanSettings struct {
	Version     string // "" is sent as 2.0
	Intent      string // Document, TextAndGraphic, Photo …; optional
	Region      Region // optional: zero scans what the device likes
	InputSource string // SourcePlaten or SourceFeeder
	Compression *int   // optional, in the range of the capabilities
	ColorMode   string
	Format      string // pwg:DocumentFormat
	FormatExt   string // scan:DocumentFormatExt, optional
	XResolution int    // dots per inch
	YResolution int    // dots per inch
	Duplex      bool   // sent only when InputSource is SourceFeeder
}

type settingsXML struct {
	Version text `xml:"http://www.pwg.org/schemas/2010/12/sm Version"`
	Intent  text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Intent"`
	Regions []struct {
		X number `xml:"http://www.pwg.org/schemas/2010/12/sm XOffset"`
		Y number `xml:"http://www.pwg.org/schemas/2010/12/sm YOffset"`
		W number `xml:"http://www.pwg.org/schemas/2010/12/sm Width"`
		H number `xml:"http://www.pwg.org/schemas/2010/12/sm Height"`
	} `xml:"http://www.pwg.org/schemas/2010/12/sm ScanRegions>ScanRegion"`
	Source      text    `xml:"http://www.pwg.org/schemas/2010/12/sm InputSource"`
	OldSource   text    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 InputSource"`
	Compression *number `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 CompressionFactor"`
	Mode        text    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 ColorMode"`
	Format      text    `xml:"http://www.pwg.org/schemas/2010/12/sm DocumentFormat"`
	FormatExt   text    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 DocumentFormatExt"`
	XResolution number  `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 XResolution"`
	YResolution number  `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 YResolution"`
	Duplex      text    `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Duplex"`
}

// DecodeScanSettings reads a ScanSettings document. Old clients name the input
// source under scan instead of pwg; both are taken. Of several regions the
// first counts. Errors wrap [ErrXML], [ErrTooLarge] or what r returned.
func DecodeScanSettings(r io.Reader) (*ScanSettings, error) {
	var x settingsXML
	if err := decode(r, "ScanSettings", &x); err != nil {
		return nil, err
	}
	s := &ScanSettings{
		Version:     string(x.Version),
		Intent:      string(x.Intent),
		InputSource: string(x.Source),
		ColorMode:   string(x.Mode),
		Format:      string(x.Format),
		FormatExt:   string(x.FormatExt),
		XResolution: int(x.XResolution),
		YResolution: int(x.YResolution),
		Duplex:      x.Duplex == "true" || x.Duplex == "1",
	}
	if s.InputSource == "" {
		s.InputSource = string(x.OldSource)
	}
	if x.Compression != nil {
		c := int(*x.Compression)
		s.Compression = &c
	}
	if len(x.Regions) > 0 {
		r := x.Regions[0]
		s.Region = Region{X: int(r.X), Y: int(r.Y), Width: int(r.W), Height: int(r.H)}
	}
	return s, nil
}

// Encode returns the document as compact XML without byte order mark, its
// elements in the order that devices in the field are used to.
func (s *ScanSettings) Encode() []byte {
	version := s.Version
	if version == "" {
		version = "2.0"
	}
	var w writer
	w.document("scan:ScanSettings", func() {
		w.text("pwg:Version", version)
		w.text("scan:Intent", s.Intent)
		if s.Region != (Region{}) {
			w.element("pwg:ScanRegions", func() {
				w.element("pwg:ScanRegion", func() {
					w.text("pwg:ContentRegionUnits", "escl:ThreeHundredthsOfInches")
					w.number("pwg:XOffset", s.Region.X)
					w.number("pwg:YOffset", s.Region.Y)
					w.number("pwg:Width", s.Region.Width)
					w.number("pwg:Height", s.Region.Height)
				})
			})
		}
		w.text("pwg:InputSource", s.InputSource)
		if s.Compression != nil {
			w.number("scan:CompressionFactor", *s.Compression)
		}
		w.text("scan:ColorMode", s.ColorMode)
		w.text("pwg:DocumentFormat", s.Format)
		w.text("scan:DocumentFormatExt", s.FormatExt)
		w.number("scan:XResolution", s.XResolution)
		w.number("scan:YResolution", s.YResolution)
		if s.InputSource == SourceFeeder {
			duplex := "false"
			if s.Duplex {
				duplex = "true"
			}
			w.text("scan:Duplex", duplex)
		}
	})
	return w.buf.Bytes()
}
