package person

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"
)

// Screens of the panel, as they name themselves.
const (
	ScreenHome     = "home"
	ScreenLeave    = "leave"
	ScreenNumber   = "number"
	ScreenSure     = "sure"
	ScreenScan     = "scan"
	ScreenScanning = "scanning"
	ScreenPages    = "pages"
	ScreenTrouble  = "trouble"
	ScreenCheck    = "check"
	ScreenSent     = "sent"
)

// glance is how often a person without scripts looks whether the screen changed.
const glance = 40 * time.Millisecond

// Promise is what the panel said when it took a fax.
type Promise struct {
	Job    string // id, as it travels to the fax service
	Number string // job number for people
	Device string
	At     time.Time
}

// TroubleError is a screen on the way that says why it does not go on.
type TroubleError struct {
	Screen, Text string
}

// Error quotes the screen.
func (t *TroubleError) Error() string { return fmt.Sprintf("panel shows %q: %.300s", t.Screen, t.Text) }

// Wait reloads the screen until ok says so.
func (b *Browser) Wait(ctx context.Context, ok func(*Page) bool) (*Page, error) {
	for {
		if b.page != nil && ok(b.page) {
			return b.page, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait at the panel: %w: %w", ctx.Err(), b.trouble())
		case <-time.After(glance):
		}
		if _, err := b.Reload(ctx); err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
}

func (b *Browser) trouble() error {
	if b.page == nil {
		return errors.New("no screen yet")
	}
	return &TroubleError{Screen: b.page.Screen(), Text: b.page.Text()}
}

// on fails with a TroubleError unless one of the screens is shown.
func (b *Browser) on(screens ...string) error {
	for _, s := range screens {
		if b.page.Screen() == s {
			return nil
		}
	}
	return b.trouble()
}

// Begin goes to the first screen of a device's panel and starts a fax; where
// people sign in, this person has. What
// somebody left behind is discarded first.
func (b *Browser) Begin(ctx context.Context, panel string) error {
	if _, err := b.Open(ctx, panel); err != nil {
		return err
	}
	if b.page.Screen() == ScreenLeave {
		if _, err := b.Tap(ctx, nil, "discard=yes"); err != nil {
			return err
		}
	}
	if err := b.on(ScreenHome, ScreenHello); err != nil {
		return err
	}
	if _, err := b.Tap(ctx, nil, "Send a fax"); err != nil {
		return err
	}
	return b.on(ScreenNumber)
}

// Dial types a number and goes on, confirming it where the panel asks.
func (b *Browser) Dial(ctx context.Context, to string) error {
	if err := b.on(ScreenNumber); err != nil {
		return err
	}
	if _, err := b.Tap(ctx, map[string]string{"number": to}, "Next"); err != nil {
		return err
	}
	if b.page.Screen() == ScreenSure {
		if _, err := b.Tap(ctx, nil, "do=sure"); err != nil {
			return err
		}
	}
	return b.on(ScreenScan)
}

// Scan starts a scan, or one more, and waits until it has ended well.
func (b *Browser) Scan(ctx context.Context) error {
	if _, err := b.Tap(ctx, nil, "do=start"); err != nil {
		return err
	}
	return b.Scanned(ctx)
}

// Scanned waits until a running scan has ended well.
func (b *Browser) Scanned(ctx context.Context) error {
	if _, err := b.Wait(ctx, func(p *Page) bool { return p.Screen() != ScreenScanning }); err != nil {
		return err
	}
	return b.on(ScreenPages)
}

// Check goes from the pages to the last screen before sending.
func (b *Browser) Check(ctx context.Context) error {
	if _, err := b.Tap(ctx, nil, "Next"); err != nil {
		return err
	}
	return b.on(ScreenCheck)
}

// Draft returns the id of the document on the last screen before sending; it
// is the id of the job that Send makes of it.
func (b *Browser) Draft() (string, error) {
	if err := b.on(ScreenCheck); err != nil {
		return "", err
	}
	if id := b.page.Hidden("draft"); id != "" {
		return id, nil
	}
	return "", errors.New("the panel's last screen names no document")
}

// Send taps the last button and returns the panel's promise. Without one, the
// fax may have been taken all the same.
func (b *Browser) Send(ctx context.Context) (Promise, error) {
	if err := b.on(ScreenCheck); err != nil {
		return Promise{}, err
	}
	if _, err := b.Tap(ctx, nil, "Send"); err != nil {
		return Promise{}, err
	}
	return b.Promised()
}

// Promised reads the promise from the present screen.
func (b *Browser) Promised() (Promise, error) {
	if err := b.on(ScreenSent); err != nil {
		return Promise{}, err
	}
	if !b.page.Has("Stored safely") {
		return Promise{}, fmt.Errorf("the panel does not say that the fax is stored safely: %w", b.trouble())
	}
	p := Promise{Job: path.Base(b.page.URL.Path), Number: b.page.JobNumber(), At: time.Now()}
	if p.Number == "" {
		return p, fmt.Errorf("the panel gives no job number: %w", b.trouble())
	}
	return p, nil
}

// LookUp finds a fax by its job number and shows it.
func (b *Browser) LookUp(ctx context.Context, panel, number string) error {
	if _, err := b.Open(ctx, panel); err != nil {
		return err
	}
	if _, err := b.Tap(ctx, nil, "@faxes"); err != nil {
		return err
	}
	if _, err := b.Tap(ctx, nil, "@find", "then=find"); err != nil {
		return err
	}
	if _, err := b.Tap(ctx, map[string]string{"n": number}, "do=find"); err != nil {
		return err
	}
	return b.on("fax")
}
