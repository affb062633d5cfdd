package play

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/broker"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/scenario"
	"github.com/platen-fax/platen/simulator/world"
)

// step does one step, within its time.
func (p *player) step(ctx context.Context, s *scenario.Step) error {
	if s.Within > 0 {
		var cancel context.CancelFunc
		within := time.Duration(s.Within)
		ctx, cancel = context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %v", within))
		defer cancel()
	}
	if ok, err := p.signing(ctx, s); ok {
		return err
	}
	switch {
	case s.Load != nil:
		return p.load(s.Load)
	case s.TakePaper != nil:
		p.w.Station(p.device(s.TakePaper.Device)).MFP.Clear()
	case s.ClearJam != nil:
		p.w.Station(p.device(s.ClearJam.Device)).MFP.ClearJam()
	case s.StopKey != nil:
		p.w.Station(p.device(s.StopKey.Device)).MFP.CancelAtDevice()
	case s.Device != nil:
		return p.setDevice(s.Device)
	case s.Service != nil:
		return p.setService(s.Service)
	case s.Fax != nil:
		return p.walk(ctx, s.Fax)
	case s.Open != nil:
		_, err := p.who.Open(ctx, p.home.PanelURL(p.device(s.Open.Device)))
		return err
	case s.Tap != nil:
		return p.tap(ctx, s.Tap)
	case s.LookUp != nil:
		f, err := p.fax(s.LookUp.Fax)
		if err != nil {
			return err
		}
		return p.who.LookUp(ctx, p.home.PanelURL(f.promise.Device), f.promise.Number)
	case s.Away != 0:
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(s.Away)):
		}
	case s.Agent != "":
		return p.setAgent(ctx, s.Agent)
	case s.LoseState != nil:
		return os.RemoveAll(p.home.State)
	case s.Calls != nil:
		return until(ctx, func() (bool, string, error) {
			n := p.w.Fax.Calls(faxcloud.Op(s.Calls.Op))
			return n >= max(1, s.Calls.Least), fmt.Sprintf("the service was asked to %s %d times", s.Calls.Op, n), nil
		})
	case s.ExpectJob != nil:
		return p.expectJob(ctx, s.ExpectJob)
	case s.ExpectRead != nil:
		return p.expectRead(ctx, s.ExpectRead)
	case s.Committed != nil:
		return until(ctx, func() (bool, string, error) {
			n := len(p.w.Fax.Ledger())
			return n == s.Committed.Faxes, fmt.Sprintf("the service took %d faxes, want %d", n, s.Committed.Faxes), nil
		})
	case s.ExpectSeen != nil:
		return p.expectSeen(ctx, s.ExpectSeen)
	case s.ExpectMQTT != nil:
		return p.expectMQTT(ctx, s.ExpectMQTT)
	}
	return nil
}

func (p *player) load(l *scenario.Stack) error {
	class := l.Class
	if class == "" {
		class = mfp.ClassMixed
	}
	batch, err := p.w.Load(p.device(l.Device), world.LoadRequest{
		Stack:  mfp.Stack{Pages: l.Pages, Class: class, Size: l.Size, TwoSided: l.TwoSided},
		Platen: l.Glass,
	})
	p.stacks = append(p.stacks, stack{name: l.As, batch: batch, pages: l.Pages, twoSided: l.TwoSided})
	return err
}

// setDevice lays faults over those the device has from the start.
func (p *player) setDevice(k *scenario.DeviceKnob) error {
	id := p.device(k.Device)
	i := slices.IndexFunc(p.s.Devices, func(d scenario.Device) bool { return d.ID == id })
	faults, err := scenario.MFPFaults(&p.s.Devices[i].Faults, &k.Faults)
	if err != nil {
		return err
	}
	return p.w.Station(id).MFP.SetFaults(faults)
}

func (p *player) setService(k *scenario.Service) error {
	if k.Healthy {
		p.w.Fax.ClearFaults()
	}
	if k.Rules != nil {
		var rules []faxcloud.Rule
		for _, r := range k.Rules {
			rules = append(rules, r.Cloud())
		}
		if err := p.w.Fax.SetRules(rules); err != nil {
			return err
		}
	}
	if k.ListLag != nil {
		lag := time.Duration(*k.ListLag)
		p.w.Fax.Tune(faxcloud.Tune{ListLag: &lag})
	}
	if k.Fault != nil {
		f, err := k.Fault.Cloud()
		if err != nil {
			return err
		}
		if err := p.w.Fax.Inject(f); err != nil {
			return err
		}
	}
	if k.Down != nil {
		p.w.FaxDown(*k.Down)
	}
	return nil
}

func (p *player) setAgent(ctx context.Context, verb string) error {
	switch verb {
	case scenario.AgentKill:
		return p.agent.Kill()
	case scenario.AgentStop:
		return p.agent.Stop()
	case scenario.AgentAbort:
		return p.agent.Abort()
	case scenario.AgentReload:
		return p.agent.Reload(ctx)
	}
	return p.startAgent(ctx)
}

// walk is a person who sends a fax.
func (p *player) walk(ctx context.Context, f *scenario.FaxWalk) error {
	device := p.device(f.Device)
	if err := p.who.Begin(ctx, p.home.PanelURL(device)); err != nil || f.Until == scenario.UntilNumber {
		return err
	}
	if err := p.who.Dial(ctx, f.To); err != nil || f.Until == scenario.UntilScan {
		return err
	}
	if err := p.who.Scan(ctx); err != nil {
		return err
	}
	if err := p.who.Check(ctx); err != nil || f.Until == scenario.UntilCheck {
		return err
	}
	promise, err := p.who.Send(ctx)
	if err != nil {
		return err
	}
	p.promised(f.As, device, promise)
	return nil
}

func (p *player) promised(name, device string, promise person.Promise) {
	promise.Device = device
	p.faxes = append(p.faxes, fax{name: name, promise: promise})
	p.tracef("the panel promised fax %s", promise.Number)
}

func (p *player) tap(ctx context.Context, t *scenario.Tap) error {
	for name, value := range t.Fields {
		if name == "secret" || name == "again" || name == "code" {
			p.typed(value)
		}
	}
	if _, err := p.who.Tap(ctx, t.Fields, t.Words); err != nil {
		return err
	}
	if t.Sent == "" {
		return nil
	}
	promise, err := p.who.Promised()
	if err != nil {
		return err
	}
	parts := strings.Split(p.who.Page().URL.Path, "/") // /panel/DEVICE/…
	if len(parts) < 3 {
		return fmt.Errorf("the panel's address %s names no device", p.who.Page().URL.Path)
	}
	p.promised(t.Sent, parts[2], promise)
	return nil
}

func (p *player) expectSeen(ctx context.Context, e *scenario.ExpectSeen) error {
	_, err := p.who.Wait(ctx, func(page *person.Page) bool {
		return page.Has(e.Text) && (e.Screen == "" || page.Screen() == e.Screen)
	})
	if err != nil {
		return fmt.Errorf("the panel does not show %s: %w", strings.TrimSpace(e.Screen+" "+fmt.Sprintf("%q", e.Text)), err)
	}
	return nil
}

func (p *player) expectMQTT(ctx context.Context, e *scenario.ExpectMQTT) error {
	if p.w.Broker == nil {
		return errors.New("this world has no broker; write broker: true")
	}
	_, err := p.w.Broker.Wait(ctx, func(m broker.Message) bool {
		return strings.Contains(m.Topic, e.Topic) && strings.Contains(string(m.Payload), e.Holds)
	})
	if err != nil {
		return fmt.Errorf("nothing about %q with %q was said to the broker: %w", e.Topic, e.Holds, err)
	}
	return nil
}
