package escl

// Encode returns the document as XML.
func (c *Capabilities) Encode() []byte {
	var w writer
	w.document("scan:ScannerCapabilities", func() {
		w.text("pwg:Version", c.Version)
		w.text("pwg:MakeAndModel", c.MakeAndModel)
		w.text("pwg:SerialNumber", c.SerialNumber)
		w.text("scan:Manufacturer", c.Manufacturer)
		w.text("scan:UUID", c.UUID)
		w.text("scan:AdminURI", c.AdminURI)
		w.text("scan:IconURI", c.IconURI)
		if c.Platen != nil {
			w.element("scan:Platen", func() { c.Platen.encode(&w, "scan:PlatenInputCaps") })
		}
		if c.HasFeeder() || c.FeederCapacity != 0 || len(c.AdfOptions) > 0 {
			w.element("scan:Adf", func() {
				c.AdfSimplex.encode(&w, "scan:AdfSimplexInputCaps")
				c.AdfDuplex.encode(&w, "scan:AdfDuplexInputCaps")
				w.number("scan:FeederCapacity", c.FeederCapacity)
				w.list("scan:AdfOptions", "scan:AdfOption", c.AdfOptions)
			})
		}
		c.Compression.encode(&w, "scan:CompressionFactorSupport")
	})
	return w.buf.Bytes()
}

func (c *InputCaps) encode(w *writer, name string) {
	if c == nil {
		return
	}
	w.element(name, func() {
		w.number("scan:MinWidth", c.MinWidth)
		w.number("scan:MaxWidth", c.MaxWidth)
		w.number("scan:MinHeight", c.MinHeight)
		w.number("scan:MaxHeight", c.MaxHeight)
		w.number("scan:MaxScanRegions", c.MaxScanRegions)
		if len(c.Profiles) > 0 {
			w.element("scan:SettingProfiles", func() {
				for _, p := range c.Profiles {
					p.encode(w)
				}
			})
		}
		w.list("scan:SupportedIntents", "scan:Intent", c.Intents)
		w.number("scan:MaxOpticalXResolution", c.MaxOpticalX)
		w.number("scan:MaxOpticalYResolution", c.MaxOpticalY)
	})
}

func (p SettingProfile) encode(w *writer) {
	w.element("scan:SettingProfile", func() {
		w.list("scan:ColorModes", "scan:ColorMode", p.ColorModes)
		if len(p.Formats)+len(p.FormatsExt) > 0 {
			w.element("scan:DocumentFormats", func() {
				for _, f := range p.Formats {
					w.text("pwg:DocumentFormat", f)
				}
				for _, f := range p.FormatsExt {
					w.text("scan:DocumentFormatExt", f)
				}
			})
		}
		for _, r := range p.Resolutions {
			r.encode(w)
		}
	})
}

func (r Resolutions) encode(w *writer) {
	w.element("scan:SupportedResolutions", func() {
		w.text("scan:ColorMode", r.ColorMode)
		if len(r.Discrete) > 0 {
			w.element("scan:DiscreteResolutions", func() {
				for _, d := range r.Discrete {
					w.element("scan:DiscreteResolution", func() {
						w.number("scan:XResolution", d.X)
						w.number("scan:YResolution", d.Y)
					})
				}
			})
		}
		if r.X != nil || r.Y != nil {
			w.element("scan:ResolutionRange", func() {
				r.X.encode(w, "scan:XResolution")
				r.Y.encode(w, "scan:YResolution")
			})
		}
	})
}

func (r *Range) encode(w *writer, name string) {
	if r == nil {
		return
	}
	w.element(name, func() {
		w.number("scan:Min", r.Min)
		w.number("scan:Max", r.Max)
		w.number("scan:Normal", r.Normal)
		w.number("scan:Step", r.Step)
	})
}
