package signin

import "slices"

// Order returns the ways that fit an account, the one to offer first in front;
// on says which are switched on. It is the whole table of what is offered when,
// and above all of what never is:
//
//   - without single sign-on: the service's own password, then the phone;
//   - WS-Trust: the phone, else the password checked by the company's AD FS
//     itself, and through the service only after that;
//   - SAML 2.0 and OpenID Connect: the phone, through the fax service before the
//     company's own provider, whose rules often forbid that flow. Never a typed
//     password: it could only go to somebody who may not have it;
//   - an account of unknown kind: the phone, for the same reason.
//
// A way that the service does not offer is left out. private says that secrets
// may be typed here.
func Order(d Discovery, on func(Way) bool, private bool) []Way {
	var ways []Way
	switch d.Account {
	case AccountOwn:
		ways = []Way{WayPassword, WayPhone, WayCompanyPhone}
	case AccountWSTrust:
		ways = []Way{WayPhone, WayCompanyPhone, WayCompany, WayBrokered}
	default:
		ways = []Way{WayPhone, WayCompanyPhone}
	}
	return slices.DeleteFunc(ways, func(w Way) bool {
		return !on(w) || w.Typed() && !private || w == WayPhone && d.NoPhone || w == WayBrokered && d.NoBrokered
	})
}
