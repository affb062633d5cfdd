package scenario

import (
	"time"

	"github.com/platen-fax/platen/simulator/world"
)

// World returns the world a scenario begins in.
func (s *Scenario) World() (world.Options, error) {
	o := world.Options{Broker: s.Broker, Service: s.Service, Mode: s.Mode}
	if s.Company != nil {
		o.Company = s.Company.world()
	}
	for _, d := range s.Devices {
		faults, err := MFPFaults(&d.Faults)
		if err != nil {
			return o, err
		}
		o.Devices = append(o.Devices, world.Device{ID: d.ID, Profile: d.Profile, Refill: d.Refill, Faults: faults})
	}
	f := s.Fax
	o.Fax.SendTime, o.Fax.ListLag = length(f.SendTime), length(f.ListLag)
	o.Fax.Down = f.Down != nil && *f.Down
	o.Fax.HideComments = f.HideComments != nil && *f.HideComments
	o.Fax.Forgetful = f.Forgetful != nil && *f.Forgetful
	if f.Pieces != nil {
		o.Fax.Pieces = *f.Pieces
	}
	for _, r := range f.Rules {
		o.Fax.Rules = append(o.Fax.Rules, r.Cloud())
	}
	return o, nil
}

func length(d *Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}
