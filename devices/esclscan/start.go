package esclscan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

const (
	wakeTries = 2 // more attempts to reach a device that may sleep
	wakePause = 3 * time.Second
)

// Scan implements [devices.Scanner]. A device that is busy is asked again for
// up to Options.BusyWait; one that does not answer at all, twice within 6 s,
// since machines asleep refuse the first connections. With source Auto the feeder is
// tried first and the platen if the feeder turns out empty.
func (s *Scanner) Scan(ctx context.Context, w devices.Settings) (devices.Pages, error) {
	if ctx.Err() != nil {
		return nil, s.fault(ctx, "scan", ctx.Err())
	}
	if !s.begin() {
		return nil, s.fault(ctx, "scan", devices.ErrBusy)
	}
	p, err := s.scan(ctx, w)
	if err != nil {
		s.end()
		return nil, s.fault(ctx, "scan", err)
	}
	return p, nil
}

func (s *Scanner) scan(ctx context.Context, w devices.Settings) (*pages, error) {
	caps := s.knownCaps()
	if caps == nil {
		err := s.patiently(ctx, "", func() (err error) {
			caps, err = s.fetchCaps(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var before *escl.Status
	err := s.patiently(ctx, "", func() (err error) {
		before, err = s.status(ctx)
		return err
	})
	if err != nil && codeOf(err) == 0 && !errors.Is(err, escl.ErrXML) {
		return nil, err // a device without status may still scan
	}
	source, fallback, err := s.source(caps, before, w)
	if err != nil {
		return nil, err
	}
	want, err := settings(caps, source, w, s.opt.Quirks)
	if err != nil {
		return nil, err
	}
	job, err := s.create(ctx, want, before)
	if fallback && errors.Is(err, devices.ErrFeederEmpty) {
		w.Duplex, fallback, source = false, false, escl.SourcePlaten
		if want, err = settings(caps, source, w, s.opt.Quirks); err == nil {
			job, err = s.create(ctx, want, before)
		}
	}
	if err != nil {
		return nil, err
	}
	return newPages(s, caps, w, want, job, fallback), nil
}

// source chooses where to scan from; fallback allows the platen for a feeder
// that turns out empty.
func (s *Scanner) source(caps *escl.Capabilities, status *escl.Status, w devices.Settings) (source string, fallback bool, err error) {
	empty := s.opt.Quirks.CheckFeederFirst && status != nil && status.AdfState == escl.AdfEmpty
	switch w.Source {
	case devices.Platen:
		return escl.SourcePlaten, false, nil
	case devices.Feeder:
		if empty {
			return "", false, devices.ErrFeederEmpty
		}
		return escl.SourceFeeder, false, nil
	case devices.Auto:
		if caps.HasFeeder() && (!empty || caps.Platen == nil) {
			if empty {
				return "", false, devices.ErrFeederEmpty
			}
			return escl.SourceFeeder, caps.Platen != nil, nil
		}
		return escl.SourcePlaten, false, nil
	default:
		return "", false, fmt.Errorf("%w: source %q", devices.ErrUnsupported, w.Source)
	}
}

// create starts a job. before is the status from just before, nil if unknown.
func (s *Scanner) create(ctx context.Context, want *escl.ScanSettings, before *escl.Status) (job string, err error) {
	conflicts := false
	err = s.patiently(ctx, want.InputSource, func() error {
		job, err = s.post(ctx, want, before)
		if codeOf(err) == http.StatusConflict && !conflicts {
			conflicts = true
			if less, ok := plain(want); ok {
				job, err = s.post(ctx, less, before)
			}
		}
		return err
	})
	if err == nil {
		return job, nil
	}
	code := codeOf(err)
	if code == 0 || code == http.StatusUnauthorized || code == http.StatusForbidden {
		return "", err
	}
	if code == http.StatusConflict {
		s.forgetCaps() // perhaps they have changed
	}
	if now, statusErr := s.status(ctx); statusErr == nil {
		why := refusal(now, want.InputSource)
		// 503 means busy, whatever the sensor of the feeder says.
		if why != nil && (code != http.StatusServiceUnavailable || !errors.Is(why, devices.ErrFeederEmpty)) {
			return "", fmt.Errorf("%w: %w", why, err)
		}
	}
	return "", err
}

// refusal is what a status gives as the reason for refusing a job, nil if
// nothing.
func refusal(s *escl.Status, source string) error {
	if source == escl.SourceFeeder {
		if why := trouble(s.AdfState); why != nil {
			return why
		}
	}
	switch {
	case s.State == escl.StateStopped, s.State == escl.StateDown:
		return devices.ErrStopped
	case s.State == escl.StateProcessing, s.State == escl.StateTesting:
		return devices.ErrBusy
	case source == escl.SourceFeeder && s.AdfState == escl.AdfEmpty:
		return devices.ErrFeederEmpty
	default:
		return nil
	}
}

// post sends one job request. When it stays open whether the device made a
// job, the one that appeared since before is taken, or deleted if nobody can
// use it any more.
func (s *Scanner) post(ctx context.Context, want *escl.ScanSettings, before *escl.Status) (string, error) {
	postCtx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	job, err := s.client.CreateJob(postCtx, want)
	if err == nil || codeOf(err) != 0 || unsent(err) || before == nil {
		return job, err
	}
	lookCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	now, statusErr := s.client.Status(lookCtx)
	if statusErr != nil {
		return "", err
	}
	lost := appeared(before, now)
	if lost == "" {
		return "", err
	}
	if errors.Is(err, escl.ErrLocation) {
		return lost, nil
	}
	_ = s.client.Delete(lookCtx, lost) // best effort; err tells the story
	return "", err
}

// appeared returns the path of the only job alive that was not there before.
func appeared(before, now *escl.Status) string {
	var paths []string
	for _, j := range now.Jobs {
		if _, old := before.Job(j.JobURI); old || j.State != escl.JobProcessing && j.State != escl.JobPending {
			continue
		}
		if p, err := escl.JobPath("", j.JobURI); err == nil {
			paths = append(paths, p)
		}
	}
	if len(paths) != 1 {
		return ""
	}
	return paths[0]
}

// hopeless returns why waiting for a device that is busy will not help, nil if
// it may. An empty feeder does not count: its sensor may lie.
func (s *Scanner) hopeless(ctx context.Context, source string) error {
	now, err := s.status(ctx)
	if err != nil {
		return nil // the request that failed has told what counts
	}
	why := refusal(now, source)
	if errors.Is(why, devices.ErrBusy) || errors.Is(why, devices.ErrFeederEmpty) {
		return nil
	}
	return why
}

// patiently repeats a request that a busy device answers by 503, or that a
// sleeping one does not take. source is where a job is to scan from, if any.
func (s *Scanner) patiently(ctx context.Context, source string, request func() error) error {
	pause, waited, woken := time.Second, time.Duration(0), 0
	for {
		err := request()
		var d time.Duration
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case codeOf(err) == http.StatusServiceUnavailable && waited < s.opt.BusyWait:
			if why := s.hopeless(ctx, source); why != nil {
				return fmt.Errorf("%w: %w", why, err)
			}
			d = min(pause, s.opt.BusyWait-waited)
			pause, waited = 2*pause, waited+d
		case unsent(err) && woken < wakeTries:
			d = wakePause
			woken++
		default:
			return err
		}
		if err := s.opt.Wait(ctx, d); err != nil {
			return err
		}
	}
}
