package wstrust

import (
	"context"
	"errors"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/wstrust"
)

// Look finds the farm as an attempt would whose discovery says nothing, and
// compares the clocks. It sends no secret and judges no clock. Failures are
// *[signin.Refused].
func (m *Method) Look(ctx context.Context) (wstrust.Route, error) {
	site := wstrust.Site{MEX: first(m.o.MEX, m.conventional()), Fallback: m.o.Fallback}
	if site.MEX == "" {
		return wstrust.Route{}, &signin.Refused{Problem: signin.CompanyConfig, Err: errors.New("the configuration names no metadata")}
	}
	route, err := m.find(ctx, site)
	if err != nil {
		return wstrust.Route{}, refused(err)
	}
	return route, nil
}
