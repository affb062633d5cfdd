package signin

import (
	"context"
	"errors"

	"github.com/platen-fax/platen/agent/job"
)

// Grants makes the authority that a visit gives to a job for each of the named
// fax services. a is the person's own authority and may be nil.
//
// Where nobody signed in, or only claims to be somebody, it is the service's
// account. A person's fax goes with the ticket of a where a is good for that
// service, else through the service's account in the person's name. A service
// whose authority refuses is left out; with none left the error is its
// *[Refused]: [SignInAgain] when the credential has ended. It makes at most one
// request for each service.
func Grants(ctx context.Context, s Session, a Authority, services []string, t Terms) ([]job.Grant, error) {
	claimed := s.Shared || s.Claimed != ""
	if !claimed && s.Person.ID == "" {
		return nil, &Refused{Problem: SignInAgain, Err: errors.New("nobody is signed in at this visit")}
	}
	grants := make([]job.Grant, 0, len(services))
	var refused error
	for _, service := range services {
		switch {
		case claimed:
			grants = append(grants, job.Grant{Kind: job.GrantAccount, Service: service, Account: service})
		case a == nil || a.Service() != service:
			grants = append(grants, job.Grant{Kind: job.GrantOnBehalfOf, Service: service, Account: service, Person: s.Person.ID})
		default:
			g, err := a.Grant(ctx, t)
			if err != nil {
				refused = err
				continue
			}
			grants = append(grants, g)
		}
	}
	if len(grants) == 0 && refused != nil {
		return nil, asRefused(refused)
	}
	return grants, nil
}
