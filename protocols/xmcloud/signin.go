package xmcloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// SSO is how the people of an account sign in.
type SSO string

// The kinds of account.
const (
	SSONone    SSO = "none"
	SSOWSTrust SSO = "wstrust"
	SSOSAML2   SSO = "saml2"
	SSOOIDC    SSO = "oidc"
)

// Method is a way to sign in at a device.
type Method string

// The methods, in the account's order of preference.
const (
	MethodPassword Method = "password" // typed, to user_token
	MethodWSTrust  Method = "wstrust"  // typed, to the company's AD FS; then the assertion grant
	MethodBrokered Method = "brokered" // typed, to user_token, which asks AD FS
	MethodDevice   Method = "device"   // by phone
)

// SignIn answers discovery. It depends on the domain of the address alone, so it
// is the same for people who exist and people who do not.
type SignIn struct {
	Account       string   `json:"account"`
	Region        string   `json:"region"`
	SSO           SSO      `json:"sso"`
	Methods       []Method `json:"methods"`
	EmailRequired bool     `json:"email_login_required"`
	WSTrust       *WSTrust `json:"wstrust,omitempty"`
	Device        *Device  `json:"device,omitempty"`
}

// WSTrust is what the service claims about the company's AD FS. A client accepts
// hosts of it only if they are configured.
type WSTrust struct {
	MEXURL       string   `json:"mex_url"`
	RPIdentifier string   `json:"rp_identifier"`
	AllowedHosts []string `json:"allowed_hosts"`
}

// Device names the endpoints of the sign-in by phone.
type Device struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Verification  string `json:"verification_uri"`
}

// Terminal is the device somebody stands at.
type Terminal struct {
	ID       string // enrolled id; letters, digits, dot, dash and underscore
	Name     string // as people call it
	Location string // may be empty
}

// Login is the request of a token with a password. Password is not kept; the
// caller may overwrite it after the call.
type Login struct {
	Account     string
	Username    string // user name, or e-mail address where the account demands it
	Password    []byte
	Application string // kind of program
	Terminal    Terminal
	OTP         string // empty unless asked for
}

// loginWire is the documented body of user_token.
type loginWire struct {
	Permalink   string `json:"permalink"`
	Username    string `json:"username"`
	Password    string `json:"password"`
	Application string `json:"application_type"`
	DeviceID    string `json:"device_id"`
	DeviceName  string `json:"device_name"`
	OTP         string `json:"otp,omitempty"`
}

// appendLogin writes the body of user_token without making a string of the
// password.
func appendLogin(dst []byte, l Login) ([]byte, error) {
	if !utf8.Valid(l.Password) {
		return nil, fmt.Errorf("password is not UTF-8: %w", ErrWire)
	}
	rest, err := json.Marshal(struct {
		Permalink   string `json:"permalink"`
		Username    string `json:"username"`
		Application string `json:"application_type"`
		DeviceID    string `json:"device_id"`
		DeviceName  string `json:"device_name"`
		OTP         string `json:"otp,omitempty"`
	}{l.Account, l.Username, l.Application, l.Terminal.ID, l.Terminal.Name, l.OTP})
	if err != nil {
		return nil, err
	}
	dst = append(dst, `{"password":"`...)
	const hex = "0123456789abcdef"
	for _, b := range l.Password {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	dst = append(dst, `",`...)
	return append(dst, rest[1:]...), nil
}

// UserToken answers a sign-in by password.
type UserToken struct {
	Result bool   `json:"result"`
	Token  string `json:"token"`
	UserID string `json:"user_id"`
	User   *User  `json:"user,omitempty"`
}

// User is who signed in, for the panel to show before paper is scanned.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// AccessToken answers the token endpoint.
type AccessToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // TokenType
	ExpiresIn   int64  `json:"expires_in"` // seconds without use
	User        User   `json:"user"`
}

// TokenType says that a token goes into [HeaderToken].
const TokenType = "authorization_token"

// DeviceCode answers the device authorization endpoint (RFC 8628 §3.2). Match is
// an addition: two digits that the page on the phone shows too.
type DeviceCode struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	Complete        string `json:"verification_uri_complete"`
	ExpiresIn       int64  `json:"expires_in"` // seconds
	Interval        int64  `json:"interval"`   // seconds; 0 means 5
	Match           string `json:"match_number"`
}

// CodeLetters are the letters of user codes (RFC 8628 §6.1).
const CodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// FoldCode brings a typed user code into the form XXXX-XXXX: case and
// punctuation do not matter. ok is false for anything that is no code.
func FoldCode(s string) (code string, ok bool) {
	if len(s) > 64 {
		return "", false
	}
	var out []byte
	for _, r := range strings.ToUpper(s) {
		switch {
		case strings.ContainsRune(CodeLetters, r):
			out = append(out, byte(r))
		case r == '-' || r == ' ' || r == '.' || r == '_':
		default:
			return "", false
		}
	}
	if len(out) != 8 {
		return "", false
	}
	return string(out[:4]) + "-" + string(out[4:]), true
}
