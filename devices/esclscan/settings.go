package esclscan

import (
	"fmt"
	"slices"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

// wantDPI is the least resolution that a fine fax page of 204 x 196 dots per
// inch is made from without loss anybody sees.
const wantDPI = 200

const (
	formatJPEG = "image/jpeg"
	formatPDF  = "application/pdf"
)

// settings intersects a wish with what the device announces for the source.
// Errors wrap devices.ErrUnsupported.
func settings(caps *escl.Capabilities, source string, w devices.Settings, q Quirks) (*escl.ScanSettings, error) {
	if w.Duplex && (source != escl.SourceFeeder || !caps.CanDuplex()) {
		// Never asked for unannounced: a Canon hangs until it is switched off.
		return nil, fmt.Errorf("%w: duplex", devices.ErrUnsupported)
	}
	in := caps.Input(source, w.Duplex)
	if in == nil {
		return nil, fmt.Errorf("%w: no %s", devices.ErrUnsupported, source)
	}
	region, err := regionOf(w.Paper, in)
	if err != nil {
		return nil, err
	}
	profile, mode, format, ok := choose(in.Profiles, w.Color)
	if !ok {
		return nil, fmt.Errorf("%w: no setting profile with JPEG or PDF", devices.ErrUnsupported)
	}
	want := w.DPI
	if want <= 0 {
		want = wantDPI
	}
	dpi, ok := resolution(profile, mode, want, q.MaxDPI)
	if !ok {
		return nil, fmt.Errorf("%w: no resolution announced", devices.ErrUnsupported)
	}
	s := &escl.ScanSettings{
		Region: region, InputSource: source, ColorMode: mode, Format: format,
		XResolution: dpi.X, YResolution: dpi.Y, Duplex: w.Duplex,
	}
	if slices.Contains(in.Intents, "Document") {
		s.Intent = "Document"
	}
	if slices.Contains(profile.FormatsExt, format) {
		s.FormatExt = format
	}
	if caps.Compression != nil && format == formatJPEG {
		best := caps.Compression.Min
		s.Compression = &best
	}
	return s, nil
}

// plain returns the settings without what a device may object to; ok is false
// if nothing was left out.
func plain(s *escl.ScanSettings) (without *escl.ScanSettings, ok bool) {
	c := *s
	c.Intent, c.Compression, c.FormatExt = "", nil, ""
	return &c, s.Intent != "" || s.Compression != nil || s.FormatExt != ""
}

// regionOf is the paper, cut to what the source can take.
func regionOf(paper string, in *escl.InputCaps) (escl.Region, error) {
	var r escl.Region
	switch paper {
	case "", "a4":
		r.Width, r.Height = 2480, 3508
	case "letter":
		r.Width, r.Height = 2550, 3300
	case "legal":
		r.Width, r.Height = 2550, 4200
	default:
		return r, fmt.Errorf("%w: paper %q", devices.ErrUnsupported, paper)
	}
	if in.MaxWidth > 0 {
		r.Width = min(r.Width, in.MaxWidth)
	}
	if in.MaxHeight > 0 {
		r.Height = min(r.Height, in.MaxHeight)
	}
	return r, nil
}

// choose finds the profile with the best format and colour mode: JPEG before
// PDF, because pages can be taken from it one by one, then the mode nearest to
// the wish. A list that is missing forbids nothing.
func choose(profiles []escl.SettingProfile, wish devices.ColorMode) (p escl.SettingProfile, mode, format string, ok bool) {
	modes := []string{escl.Grayscale8, escl.RGB24, escl.BlackAndWhite1}
	switch wish {
	case devices.Color:
		modes = []string{escl.RGB24, escl.Grayscale8, escl.BlackAndWhite1}
	case devices.Mono:
		modes = []string{escl.BlackAndWhite1, escl.Grayscale8, escl.RGB24}
	}
	for _, format := range []string{formatJPEG, formatPDF} {
		for _, mode := range modes {
			for _, p := range profiles {
				formats := slices.Concat(p.Formats, p.FormatsExt)
				if (len(formats) == 0 || slices.Contains(formats, format)) &&
					(len(p.ColorModes) == 0 || slices.Contains(p.ColorModes, mode)) {
					return p, mode, format, true
				}
			}
		}
	}
	return p, "", "", false
}

// resolution returns the smallest one from want up, else the largest; square
// ones before others, whose smaller side counts.
func resolution(p escl.SettingProfile, mode string, want, limit int) (escl.Resolution, bool) {
	var square, odd []escl.Resolution
	for _, r := range p.Resolutions {
		if r.ColorMode != "" && r.ColorMode != mode {
			continue
		}
		for _, d := range r.Discrete {
			switch {
			case d.X <= 0 || d.Y <= 0:
			case d.X == d.Y:
				square = append(square, d)
			default:
				odd = append(odd, d)
			}
		}
		if d, ok := inRange(r.X, r.Y, want, limit); ok {
			square = append(square, d)
		}
	}
	for _, list := range [][]escl.Resolution{square, odd} {
		if len(list) > 0 {
			return nearest(list, want, limit), true
		}
	}
	return escl.Resolution{}, false
}

// nearest picks from a list that is not empty.
func nearest(list []escl.Resolution, want, limit int) escl.Resolution {
	side := func(r escl.Resolution) int { return min(r.X, r.Y) }
	slices.SortStableFunc(list, func(a, b escl.Resolution) int { return side(a) - side(b) })
	best := list[0]
	for _, r := range list {
		if limit > 0 && max(r.X, r.Y) > limit {
			continue
		}
		best = r
		if side(r) >= want {
			break
		}
	}
	return best
}

// inRange returns the resolution of a range that nearest would pick.
func inRange(x, y *escl.Range, want, limit int) (escl.Resolution, bool) {
	if x == nil {
		x = y
	}
	if x == nil || x.Max <= 0 {
		return escl.Resolution{}, false
	}
	top, low := x.Max, max(1, x.Min)
	if y != nil && y.Max > 0 {
		top, low = min(top, y.Max), max(low, y.Min)
	}
	if limit > 0 {
		top = min(top, limit)
	}
	step := max(1, x.Step)
	d := low
	if want > low {
		d = low + (want-low+step-1)/step*step
	}
	if d > top {
		d = low + max(0, top-low)/step*step
	}
	return escl.Resolution{X: d, Y: d}, d <= x.Max
}
