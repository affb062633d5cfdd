// Package devices says what a scanning device must do for the agent: the
// [Scanner] contract, the [Condition] of a device and the errors that every
// driver maps its own troubles to.
//
// Drivers live in sub-packages, one per protocol; the executable form of the
// promises made here is devices/devicetest. Nothing in this package talks to a
// device.
package devices

import (
	"context"
	"io"
)

// Scanner pulls pages from one device. Methods may be called from several
// goroutines; a device runs one job at a time, so a second Scan while one is
// open may fail with [ErrBusy]. Errors are *[OpError]s wrapping one of the
// sentinels of this package, or the error of a context that ended.
type Scanner interface {
	// Probe asks the device who it is, what it can do and how it feels. It
	// takes no lease on the device and starts nothing.
	Probe(ctx context.Context) (Info, error)

	// Scan starts one scan job on the device. ctx covers only the starting;
	// each Next brings its own. A caller that got Pages must Close them. After
	// an error no job is left behind at the device.
	//
	// Settings the device cannot meet without losing content (duplex on a
	// simplex feeder, a source it lacks) are refused with [ErrUnsupported];
	// colour, resolution and paper are met as closely as the device can.
	Scan(ctx context.Context, s Settings) (Pages, error)
}

// Pages is one running scan job. It is used by one goroutine at a time, except
// that Close may be called while Next blocks.
type Pages interface {
	// Next waits for the next page. It returns io.EOF after the last page, and
	// again after that; no other error wraps io.EOF. It ends the previous page: what was not read of its
	// Body is checked and thrown away. ctx covers reading the returned Body too.
	//
	// When something stops the device after page n, pages 1 to n were already
	// delivered and Next returns the reason, the same one on every later call.
	// A page that failed its check is followed by an error, never by a page,
	// so that a batch cannot lose a page unnoticed.
	Next(ctx context.Context) (*Page, error)

	// Close ends the job and always cleans it up at the device, also after an
	// error or a cancelled context, in bounded time. It may be called twice.
	// Next after Close returns an error other than io.EOF, unless the job had
	// ended with io.EOF before.
	Close() error
}

// Page is one scanned side of paper.
type Page struct {
	// MIME is the type found in the bytes themselves: "image/jpeg",
	// "application/pdf" (which may hold more than one side), "image/tiff" or
	// "image/png".
	MIME string

	// DPI is the resolution in dots per inch, 0 if unknown.
	DPI int

	// Body is the page, checked while it is read: in place of io.EOF its Read
	// returns an error wrapping [ErrPage] if the page is empty, cut or not what
	// MIME says. It is valid until the next call of Next or Close.
	Body io.Reader
}

// Settings is what to ask of the device. The zero value scans gray, from the
// feeder when paper is in it and else from the platen.
type Settings struct {
	Source Source
	Duplex bool      // both sides; feeder only
	Color  ColorMode // zero value is gray
	DPI    int       // dots per inch; 0 leaves the choice to the driver: the smallest the device has from 200 up
	Paper  string    // "a4", "letter" or "legal"; "" is "a4"
}

// Source is where the paper lies.
type Source string

// Sources of paper.
const (
	Auto   Source = ""       // the feeder when it is loaded, else the platen
	Feeder Source = "feeder" // automatic document feeder
	Platen Source = "platen" // the glass
)

// ColorMode is the depth asked of the device. A device that lacks the mode
// sends the nearest richer one.
type ColorMode string

// Colour modes.
const (
	Gray  ColorMode = ""      // 8 bit gray
	Color ColorMode = "color" // 24 bit RGB
	Mono  ColorMode = "mono"  // 1 bit black and white
)

// Info is what a device says about itself.
type Info struct {
	MakeModel string // "HP LaserJet MFP M426fdn"
	Serial    string // best identity; "" if the device keeps it to itself
	UUID      string // without "urn:uuid:"; some devices share one between equal models
	Sources   []Source
	Duplex    bool // the feeder scans both sides
	Condition Condition
}

// Has reports whether the device has the source.
func (i Info) Has(s Source) bool {
	for _, have := range i.Sources {
		if have == s {
			return true
		}
	}
	return false
}
