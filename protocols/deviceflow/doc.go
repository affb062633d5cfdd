// Package deviceflow is a client of the OAuth 2.0 device authorization grant
// (RFC 8628) that asks an OpenID provider who a person is: discovery, the
// authorization request, polling to the letter, and the check of the ID token.
//
// A printer's panel shows the address and the code; the person signs in on a
// phone at their own provider, and no password comes near the printer. Entra,
// AD FS and Okta offer the grant with small differences, all read here: Entra
// has no verification_uri_complete and says authorization_declined where the
// standard says access_denied; older AD FS writes numbers as strings.
//
// A refresh token is never asked for, and one that comes unasked is dropped: a
// shared device must not be able to act for a person who left.
//
// The package also polls a server that is no OpenID provider; then the endpoints
// are configured and no ID token is checked. Pages, QR codes, sessions and the
// time a person is given belong to the caller. Error texts and [Error] hold no
// device code, token or claim.
package deviceflow

import "time"

// GrantType is the grant of RFC 8628 §3.4.
const GrantType = "urn:ietf:params:oauth:grant-type:device_code"

// Bounds of what is read from the other side, in bytes. They are ours.
const (
	MaxDiscovery = 256 << 10 // discovery document and key set
	MaxAnswer    = 128 << 10 // authorization and token answers
)

// Times of RFC 8628, and bounds of ours for what a server may ask.
const (
	// DefaultInterval is the pause between polls when the server names none.
	DefaultInterval = 5 * time.Second
	// SlowDown is added to the interval at each slow_down, for good.
	SlowDown = 5 * time.Second
	// MaxInterval bounds the interval a server asks for and the back-off.
	MaxInterval = 5 * time.Minute
	// MaxLife bounds how long a code is believed to live.
	MaxLife = time.Hour
	// RequestTimeout bounds one request.
	RequestTimeout = 15 * time.Second
)
