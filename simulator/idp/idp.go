// Package idp plays the identity providers of companies: SAML 2.0 providers in
// the manner of Entra, AD FS, Okta, F5 and one that minds the case of letters,
// and OpenID providers with the device grant and browser sign-in in the
// manner of Entra, AD FS and Okta. Both show a sign-in page that fits a phone, keep users in the states
// that real directories put them in, change keys, and go wrong on demand. A SAML
// provider also forges: it emits the known attacks on service providers.
//
// What lives here: the wire forms of the providers' side, their pages and what
// can be told about them by [SAML.ControlHandler] and [OIDC.ControlHandler].
// What does not: checking responses or tokens, listeners and certificates for
// https (the caller's), and active sign-in over WS-Trust.
//
// Passwords and codes are compared and forgotten; neither the log nor the
// ledgers of attempts hold one.
package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// State is what a provider thinks of a user.
type State string

// The states. The empty one is [OK].
const (
	OK         State = "ok"
	Disabled   State = "disabled"   // refused after the right password
	Locked     State = "locked"     // refused whatever the password
	Expired    State = "expired"    // password ran out
	Unassigned State = "unassigned" // signed in, but not for this application
	NoEmail    State = "no-email"   // signed in, without any address
	MFA        State = "mfa"        // asked for [User.Code] as well
)

// User is a person in the directory of a provider.
type User struct {
	// Name is typed to sign in, usually an address.
	Name     string `json:"name"`
	Password string `json:"password"`
	// Display is the person's name, Email the address as the directory spells it.
	Display string `json:"display,omitempty"`
	Email   string `json:"email,omitempty"`
	// UPN is sent as such; empty means Name.
	UPN   string `json:"upn,omitempty"`
	State State  `json:"state,omitempty"`
	// Code is the second factor of a user in state mfa.
	Code string `json:"code,omitempty"`
}

// Attempt is one try to sign in.
type Attempt struct {
	At   time.Time `json:"at"`
	User string    `json:"user"`
	OK   bool      `json:"ok"`
	Why  string    `json:"why,omitempty"`
}

// What a page says about a refused try.
var (
	errCredentials = errors.New("The user name or password is not correct.") //nolint:revive,staticcheck // shown to people as it stands
	errDisabled    = errors.New("Your account is disabled.")                 //nolint:revive,staticcheck // shown to people as it stands
	errLocked      = errors.New("Your account is locked. Try again later.")  //nolint:revive,staticcheck // shown to people as it stands
	errExpired     = errors.New("Your password has expired.")                //nolint:revive,staticcheck // shown to people as it stands
	errCode        = errors.New("Enter the code of your authenticator.")     //nolint:revive,staticcheck // shown to people as it stands
)

// directory is the users of one provider. Strict minds the case of names.
type directory struct {
	users  []User
	strict bool
}

func (d *directory) find(name string) (User, bool) {
	for _, u := range d.users {
		if u.Name == name || !d.strict && strings.EqualFold(u.Name, name) {
			return u, true
		}
	}
	return User{}, false
}

// signIn says who that is, or why not.
func (d *directory) signIn(name, password, code string) (User, error) {
	u, ok := d.find(strings.TrimSpace(name))
	right := subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1 && password != ""
	switch {
	case ok && u.State == Locked:
		return User{}, errLocked
	case !ok || !right:
		return User{}, errCredentials
	case u.State == Disabled:
		return User{}, errDisabled
	case u.State == Expired:
		return User{}, errExpired
	case u.State == MFA && (code == "" || code != u.Code):
		return User{}, errCode
	}
	if u.UPN == "" {
		u.UPN = u.Name
	}
	if u.State == NoEmail {
		u.Email = ""
	}
	return u, nil
}

// key is a signing key with its self-signed certificate and name.
type key struct {
	id      string
	private *rsa.PrivateKey
	cert    *x509.Certificate
}

func newKey(subject string, now time.Time) (*key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: subject},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &private.PublicKey, private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &key{id: token(8), private: private, cert: cert}, nil
}

// token returns n random bytes in hexadecimal.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
