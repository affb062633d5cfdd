package mfp

import (
	"fmt"

	"github.com/platen-fax/platen/protocols/escl"
)

// Profiles are the names that [Profile] knows. The last three mirror what
// public captures of the real machines announce.
func Profiles() []string {
	return []string{"office", "simplex", "platen-only", "feeder-only", "hp-m426fdn", "kyocera-m2040dn", "xerox-b235"}
}

// Profile returns the capabilities of a kind of machine; id goes into its
// serial number. Callers may change the result.
func Profile(name, id string) (*escl.Capabilities, error) {
	const jpeg, pdf, tiff = "image/jpeg", "application/pdf", "image/tiff"
	c := &escl.Capabilities{
		Version:      "2.63",
		MakeAndModel: "Platen Office MFP",
		SerialNumber: "SIM-" + id,
		UUID:         "5f0c5e2e-0000-4000-8000-" + fmt.Sprintf("%012x", sum(id)),
		AdfOptions:   []string{"DetectPaperLoaded", "Duplex"},
		Compression:  &escl.Range{Min: 0, Max: 100, Normal: 25, Step: 1},
	}
	office := escl.SettingProfile{
		ColorModes:  []string{escl.BlackAndWhite1, escl.Grayscale8, escl.RGB24},
		Formats:     []string{jpeg, pdf},
		FormatsExt:  []string{jpeg, pdf},
		Resolutions: discrete(75, 100, 150, 200, 300, 600),
	}
	c.Platen = input(100, 2550, 100, 3508, office)
	c.AdfSimplex = input(300, 2550, 300, 4200, office)
	c.AdfDuplex = input(300, 2550, 300, 4200, office)
	c.FeederCapacity = 50
	switch name {
	case "office":
	case "simplex":
		c.AdfDuplex, c.AdfOptions = nil, []string{"DetectPaperLoaded"}
	case "platen-only":
		c.AdfSimplex, c.AdfDuplex, c.AdfOptions, c.FeederCapacity = nil, nil, nil, 0
	case "feeder-only":
		c.Platen = nil
	case "hp-m426fdn":
		c.Version, c.MakeAndModel = "2.5", "HP LaserJet MFP M426fdn"
		p := escl.SettingProfile{ColorModes: []string{escl.RGB24, escl.Grayscale8}, Formats: []string{jpeg, pdf}, FormatsExt: []string{jpeg, pdf}}
		p.Resolutions = discrete(75, 200, 300, 600)
		c.Platen = input(576, 2550, 576, 3508, p)
		p.Resolutions = discrete(75, 200, 300)
		c.AdfSimplex, c.AdfDuplex = input(576, 2550, 576, 4500, p), input(576, 2550, 576, 4500, p)
	case "kyocera-m2040dn":
		c.Version, c.MakeAndModel, c.Compression = "2.62", "Kyocera ECOSYS M2040dn", nil
		c.FeederCapacity, c.AdfOptions = 75, []string{"DetectPaperLoaded", "SelectSinglePage", "Duplex"}
		p := office
		p.FormatsExt = nil
		p.Resolutions = []escl.Resolutions{{Discrete: []escl.Resolution{
			{X: 200, Y: 100}, {X: 200, Y: 200}, {X: 200, Y: 400}, {X: 300, Y: 300}, {X: 400, Y: 400}, {X: 600, Y: 600},
		}}}
		c.Platen = input(118, 2551, 118, 3508, p)
		c.AdfSimplex, c.AdfDuplex = input(591, 2551, 591, 4205, p), input(591, 2551, 591, 4205, p)
	case "xerox-b235":
		c.Version, c.MakeAndModel, c.Manufacturer = "2.9", "Xerox(R) B235 MFP", "Xerox"
		c.Compression = &escl.Range{Min: 5, Max: 95, Normal: 25, Step: 1}
		p := escl.SettingProfile{ColorModes: []string{escl.RGB24, escl.Grayscale8, escl.BlackAndWhite1}, Formats: []string{pdf, jpeg, tiff}, FormatsExt: []string{pdf, jpeg, tiff}}
		for _, mode := range p.ColorModes {
			r := discrete(75, 150, 200, 300, 400, 600)[0]
			r.ColorMode = mode
			p.Resolutions = append(p.Resolutions, r)
		}
		c.Platen = input(300, 2550, 300, 3508, p)
		c.AdfSimplex, c.AdfDuplex = input(1230, 2550, 1740, 4200, p), nil
		c.FeederCapacity, c.AdfOptions = 0, []string{"DetectPaperLoaded"}
	default:
		return nil, fmt.Errorf("mfp: no profile %q; there are %q", name, Profiles())
	}
	return c, nil
}

func input(minW, maxW, minH, maxH int, p escl.SettingProfile) *escl.InputCaps {
	return &escl.InputCaps{
		MinWidth: minW, MaxWidth: maxW, MinHeight: minH, MaxHeight: maxH,
		MaxScanRegions: 1, MaxOpticalX: 600, MaxOpticalY: 600,
		Intents:  []string{"Document", "TextAndGraphic", "Photo", "Preview"},
		Profiles: []escl.SettingProfile{p},
	}
}

func discrete(dpi ...int) []escl.Resolutions {
	var r escl.Resolutions
	for _, d := range dpi {
		r.Discrete = append(r.Discrete, escl.Resolution{X: d, Y: d})
	}
	return []escl.Resolutions{r}
}

// sum turns an id into 48 stable bits.
func sum(id string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(id) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h & (1<<48 - 1)
}
