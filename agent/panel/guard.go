package panel

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// maxBody bounds a form; the largest holds a number, a draft's id and a token.
	maxBody = 16 << 10
	// requestTime bounds the work for one request.
	requestTime = 20 * time.Second

	cookieVisit = "platen_visit"
	cookieFirst = "platen_first" // of a browser without a visit
	fieldCSRF   = "csrf"
)

// protect sets what every answer carries.
func protect(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	connect := "'self'"
	if plainHost(r.Host) {
		// Older engines do not count WebSockets as 'self'.
		connect += " ws://" + r.Host + " wss://" + r.Host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src "+connect+
		"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// "no-referrer" would make browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// plainHost reports whether a Host header can stand in a policy as it is.
func plainHost(host string) bool {
	if host == "" || len(host) > 255 {
		return false
	}
	return strings.IndexFunc(host, func(c rune) bool {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-:[]", c)
		return !ok
	}) < 0
}

// allowed reports whether the peer may open a panel. Only the connection itself
// counts: a header can say anything.
func (p *Panel) allowed(r *http.Request) bool { return Admits(r.RemoteAddr, p.opt.Allow) }

// Admits reports whether a remote address, as host:port, is loopback or lies in
// one of the networks.
func Admits(remote string, allow []netip.Prefix) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(allow, func(n netip.Prefix) bool { return n.Contains(a) })
}

// sameOrigin reports whether a request was made by a page of ours. A browser so
// old that it sends neither header is held by the token alone; a WebSocket,
// which carries no token, must have an Origin.
func sameOrigin(r *http.Request, must bool) bool {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return !must
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) && (u.Scheme == "https") == (r.TLS != nil)
}

// firstToken is the form token of a browser that has no visit yet: bound to its
// cookie and the device, so that nothing has to be kept for it.
func (p *Panel) firstToken(cookie, device string) string {
	m := hmac.New(sha256.New, p.key)
	m.Write([]byte(device + "\x00" + cookie))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// setCookie gives the browser a value for this device's pages only.
func setCookie(w http.ResponseWriter, r *http.Request, device, name, value string) {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/panel/" + device + "/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie returns the value of a cookie, or "".
func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func randomText() string {
	var b [24]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Named reports whether a Host header names this agent: by an address, as
// localhost, or by one of the names it was given. Any other name may be one that
// a foreign page had resolved to this machine, to use the panel in the name of
// somebody who may (DNS rebinding).
func Named(host string, hosts []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	is := func(name string) bool { return strings.EqualFold(strings.TrimSuffix(host, "."), name) }
	return is("localhost") || slices.ContainsFunc(hosts, is)
}
