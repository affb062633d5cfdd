package wstrust

import (
	"errors"
	"fmt"
	"net/mail"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/wstrust"
)

// read returns the person an assertion names: by the e-mail claim alone, since a
// name identifier or UPN may look like an address and be nobody's mailbox. There
// must be exactly one, and the assertion must be for this relying party and
// good now, give or take what clocks may differ by.
func read(assertion []byte, party string, now time.Time) (job.Person, error) {
	c, err := wstrust.ReadClaims(assertion)
	if err != nil {
		return job.Person{}, &signin.Refused{Problem: signin.Broken, Err: err}
	}
	switch {
	case len(c.Audiences) != 1 || c.Audiences[0] != party:
		return job.Person{}, &signin.Refused{Problem: signin.CompanyConfig, Err: fmt.Errorf("assertion for %d audiences, not for the relying party alone", len(c.Audiences))}
	case c.NotBefore.IsZero() || c.NotOnOrAfter.IsZero():
		return job.Person{}, &signin.Refused{Problem: signin.Broken, Err: errors.New("assertion without limits in time")}
	case now.Add(wstrust.MaxSkew).Before(c.NotBefore), !now.Add(-wstrust.MaxSkew).Before(c.NotOnOrAfter):
		return job.Person{}, &signin.Refused{Problem: signin.Clock, Err: errors.New("assertion is not good at this time")}
	}
	values := c.Attributes[wstrust.ClaimEmail]
	if len(values) != 1 {
		return job.Person{}, &signin.Refused{Problem: signin.NoAddress, Err: fmt.Errorf("assertion with %d e-mail claims", len(values))}
	}
	if a, err := mail.ParseAddress(values[0]); err != nil || a.Address != values[0] || a.Name != "" {
		return job.Person{}, &signin.Refused{Problem: signin.NoAddress, Err: errors.New("e-mail claim is no address")}
	}
	p, err := directory.NewPerson(values[0], c.Name)
	if err != nil {
		return job.Person{}, &signin.Refused{Problem: signin.NoAddress, Err: err}
	}
	return p, nil
}
