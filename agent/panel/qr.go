package panel

import (
	"fmt"
	"net/http"
	"time"

	"rsc.io/qr"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

// qrEdge is the white edge on every side, in modules (ISO/IEC 18004).
const qrEdge = 4

// shownData is what a panel shows for signing in by phone.
type shownData struct {
	Shown                bool // there is a code
	QR                   bool // and a picture of it
	Size                 int  // of the picture, in pixels
	Scale                int  // pixels of one module
	Address, Code, Match string
	MinutesLeft          string // "4:31"
}

// show fills it in. A module gets 2 to 5 whole pixels, as many as fit the place.
func (d *shownData) show(s *signin.Shown, now time.Time) {
	if s == nil {
		return
	}
	d.Shown, d.Address, d.Code, d.Match = true, s.Address, s.Code, s.Match
	left := max(0, int(s.Expires.Sub(now).Seconds()+0.999))
	d.MinutesLeft = fmt.Sprintf("%d:%02d", left/60, left%60)
	code, err := encodeQR(s.QR)
	if err != nil {
		return // the address and the code can be typed
	}
	const room = 252 // pixels of the smallest panel
	side := code.Size + 2*qrEdge
	d.Scale = min(max(room/side, 2), 5)
	d.QR, d.Size = true, side*d.Scale
}

// encodeQR makes the square of an address, as small as reading it from a screen
// allows.
func encodeQR(address string) (*qr.Code, error) {
	if address == "" {
		return nil, spool.ErrNotFound
	}
	return qr.Encode(address, qr.M)
}

// qrPicture sends the square of the code this visit waits for.
func (p *Panel) qrPicture(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.opt.SignIn == nil {
		return spool.ErrNotFound
	}
	view, ok := p.opt.SignIn.Look(v.s.Token)
	if !ok || view.Shown == nil {
		return spool.ErrNotFound
	}
	var d shownData
	if d.show(view.Shown, p.opt.Clock()); !d.QR {
		return spool.ErrNotFound
	}
	code, err := encodeQR(view.Shown.QR)
	if err != nil {
		return err
	}
	code.Scale = d.Scale
	w.Header().Set("Content-Type", "image/png")
	if _, err := w.Write(code.PNG()); err != nil {
		p.opt.Log.Debug("send the square for a phone", "err", err)
	}
	return nil
}
