package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// DNS checks that a name resolves. A nil resolver is the system's.
func DNS(host string, r *net.Resolver) Check {
	if r == nil {
		r = net.DefaultResolver
	}
	return Check{Leg: LegDNS, Subject: host, Run: func(ctx context.Context) Result {
		addrs, err := r.LookupHost(ctx, host)
		var dns *net.DNSError
		switch {
		case err == nil:
			return okay("%s", strings.Join(addrs[:min(len(addrs), 3)], ", "))
		case errors.As(err, &dns) && dns.IsNotFound:
			return fail("correct the name in the configuration, or add it to this network's name server", "no such name")
		}
		return fail("check the name servers of this machine (/etc/resolv.conf)", "the name server does not answer: %v", err)
	}}
}

// How early a certificate is worth a word, and from when on it cannot be left
// over a weekend.
const (
	expirySoon = 30 * 24 * time.Hour
	expiryNow  = 3 * 24 * time.Hour
)

// expiry judges what is left of a certificate's life.
func expiry(left time.Duration, do, good string) Result {
	switch {
	case left <= 0:
		return fail(do, "certificate expired or not valid yet")
	case left < expiryNow:
		return fail(do, "certificate ends in %d hours", int(left.Hours()))
	case left < expirySoon:
		return warn(do, "certificate ends in %d days", days(left))
	}
	return okay("%s", good)
}

func days(d time.Duration) int { return int(d.Hours() / 24) }

// TLS checks that an https address is trusted as the agent would trust it, and
// for how long it will be. The client decides about proxy and authorities.
func TLS(address string, client *http.Client, now func() time.Time) Check {
	return Check{Leg: LegTLS, Subject: hostOf(address), Run: func(ctx context.Context) Result {
		_, state, err := head(ctx, client, address)
		if err != nil {
			return tlsTrouble(err)
		}
		if state == nil || len(state.PeerCertificates) == 0 {
			return fail("write an https:// address", "answered without TLS")
		}
		left := state.PeerCertificates[0].NotAfter.Sub(now())
		for _, c := range state.PeerCertificates[1:] {
			left = min(left, c.NotAfter.Sub(now()))
		}
		version := tls.VersionName(state.Version)
		return expiry(left, "tell whoever runs it to renew the certificate", fmt.Sprintf("%s, certificate good for %d days", version, days(left)))
	}}
}

// tlsTrouble tells the ways of a broken chain apart.
func tlsTrouble(err error) Result {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		return fail("if a company proxy or a private authority signs here, put its certificate into ca_file", "signed by an unknown authority")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail("check the clock of this machine; if it is right, the certificate has to be renewed", "certificate expired or not valid yet")
	case errors.As(err, &name):
		return fail("write the name that the certificate is for, or have it made for this one", "%v", name)
	case errors.As(err, &invalid):
		return fail("tell whoever runs it", "certificate not valid: %v", invalid)
	case errors.As(err, &alert), strings.Contains(err.Error(), "tls: "):
		// What the library refuses by itself, such as an old version, has no type.
		return fail("it must speak TLS 1.2 or newer", "%s", tlsText(err))
	}
	return fail("check network, firewall and proxy", "not reached: %v", cause(err))
}

func tlsText(err error) string {
	s := cause(err).Error()
	if i := strings.Index(s, "tls: "); i >= 0 {
		return s[i:]
	}
	return s
}

// Skew beyond which a clock is worth a word, and from which signed requests and
// certificates begin to fail.
const (
	skewWarn = 30 * time.Second
	skewFail = 5 * time.Minute
)

// Clock compares this machine's clock with the Date that a server answers.
func Clock(address string, client *http.Client, now func() time.Time) Check {
	return Check{Leg: LegClock, Subject: hostOf(address), Run: func(ctx context.Context) Result {
		began := now()
		// Counted from the connection on: the server dates its answer after that.
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { began = now() }})
		date, _, err := head(ctx, client, address)
		if err != nil {
			var invalid x509.CertificateInvalidError
			if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
				return warn("see tls; a wrong clock looks like this", "cannot be compared: certificate out of its time")
			}
			return warn("see tls and fax-service", "cannot be compared: no answer")
		}
		theirs, err := http.ParseTime(date)
		if err != nil {
			return warn("compare the clock by hand", "cannot be compared: the answer has no date")
		}
		// The answer was dated somewhere between; Date has whole seconds.
		took := now().Sub(began)
		skew := began.Add(took / 2).Sub(theirs.Add(time.Second / 2)).Round(time.Second)
		way := "ahead"
		if skew < 0 {
			skew, way = -skew, "behind"
		}
		const do = "set the clock, and turn time synchronisation on (timedatectl set-ntp true)"
		switch {
		case skew-took/2 >= skewFail:
			return fail(do, "this machine's clock is %s %s", skew, way)
		case skew-took/2 >= skewWarn:
			return warn(do, "this machine's clock is %s %s", skew, way)
		}
		return okay("within %s", skewWarn)
	}}
}

// head asks for nothing but an answer, without credentials, and returns its
// date and the connection it came on.
func head(ctx context.Context, client *http.Client, address string) (date string, state *tls.ConnectionState, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return "", nil, err
	}
	req.Close = true // each check looks at a connection of its own and leaves none behind
	resp, err := client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	return resp.Header.Get("Date"), resp.TLS, nil
}

// cause strips the address and method that net/http puts around an error.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Sprintf("%q", address)
	}
	return u.Host
}

// Port checks that the panel's address can be listened on, or is by the agent
// that answers at the admin socket. running may be nil.
func Port(listen string, running func(context.Context) (string, error)) Check {
	return Check{Leg: LegPort, Subject: listen, Run: func(ctx context.Context) Result {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
		if err == nil {
			ln.Close()
			return okay("free")
		}
		switch why := listenTrouble(err); why {
		case inUse:
			if running != nil {
				if _, err := running(ctx); err == nil {
					return okay("the running agent listens")
				}
			}
			return fail("stop the other program (ss -ltnp names it) or choose another panel.listen", "taken by another program")
		case noRight:
			return fail("choose a port above 1023, or give the service CAP_NET_BIND_SERVICE", "this user may not listen there")
		case noAddress:
			return fail("write an address of this machine into panel.listen", "not an address of this machine")
		}
		return fail("correct panel.listen", "cannot listen: %v", err)
	}}
}
