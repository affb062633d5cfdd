package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Pages are the panels' own https.
type Pages struct {
	Cert, Key string   // files
	Hosts     []string // names that browsers use
}

// Inbox is the listener of a cloud directory.
type Inbox struct {
	Listen    string
	Cert, Key string         // files
	Path      string         // of the address told to the cloud directory
	Roots     *x509.CertPool // nil: the system's
}

// certificate reads a server's own certificate and says for how long it is good;
// bad is not nil when it cannot be used.
func certificate(certFile, keyFile string, now time.Time) (leaf *x509.Certificate, bad *Result, good string) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		r := fail("put certificate and key there, in PEM form and fitting each other", "%v", err)
		return nil, &r, ""
	}
	left := pair.Leaf.NotAfter.Sub(now)
	if now.Before(pair.Leaf.NotBefore) {
		left = 0
	}
	good = fmt.Sprintf("certificate good for %d days", days(left))
	if r := expiry(left, "renew "+certFile+"; it is read again by itself", good); r.Level != LevelOK {
		bad = &r
	}
	return pair.Leaf, bad, good
}

// checkPages looks at the certificate of the panels.
func checkPages(p Pages, now func() time.Time) Check {
	return Check{Leg: LegPanel, Subject: p.Cert, Run: func(context.Context) Result {
		leaf, bad, good := certificate(p.Cert, p.Key, now())
		if leaf == nil {
			return *bad
		}
		for _, host := range p.Hosts {
			if err := leaf.VerifyHostname(host); err != nil {
				return fail("have it made again with this name among its alternative names (platen setup tls)",
					"panel.hosts has %s, the certificate is not for it", host)
			}
		}
		if bad != nil {
			return *bad
		}
		return okay("%s", good)
	}}
}

// checkInbox looks at the listener of a cloud directory: its certificate, and
// whether it answers there, where the agent runs, and only with the token.
func checkInbox(in Inbox, now func() time.Time, running func(context.Context) (string, error)) Check {
	return Check{Leg: LegInbox, Subject: in.Listen, Run: func(ctx context.Context) Result {
		leaf, bad, good := certificate(in.Cert, in.Key, now())
		if leaf == nil || bad != nil && bad.Level == LevelFail {
			return *bad
		}
		up := false
		if running != nil {
			_, err := running(ctx)
			up = err == nil
		}
		dial, local := loopback(in.Listen)
		if !up {
			if r := Port(in.Listen, nil).Run(ctx); r.Level != LevelOK {
				r.Do = "choose another sign_in.directory.listen, or free this one (ss -ltnp names who has it)"
				return r
			}
		} else if r := knock(ctx, in, dial, leaf); r.Level != LevelOK {
			return r
		}
		switch {
		case bad != nil:
			return *bad
		case local:
			return okay("%s; on this machine only, for a tunnel or proxy in front", good)
		}
		return okay("%s; Test Connection in the cloud directory tells whether it is reached from there", good)
	}}
}

// knock asks the running agent without the token.
func knock(ctx context.Context, in Inbox, dial string, leaf *x509.Certificate) Result {
	name := leaf.Subject.CommonName
	switch {
	case len(leaf.DNSNames) > 0:
		name = leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		name = leaf.IPAddresses[0].String()
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, dial)
		},
		TLSClientConfig: &tls.Config{RootCAs: in.Roots, ServerName: name, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, Timeout: checkTime}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+in.Listen+in.Path+"/ServiceProviderConfig", nil)
	if err != nil {
		return fail("correct sign_in.directory.path", "%v", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		r := tlsTrouble(err)
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
			return warn("have it signed by a public authority, or put a proxy with such a certificate in front",
				"signed by an authority that this machine does not know, and a cloud directory hardly does")
		}
		r.Do += "; the agent runs, so a restart may be due"
		return r
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		return fail("restart the agent; if it stays, another program answers there", "answers %d to somebody without the token", resp.StatusCode)
	}
	return okay("asks for the token")
}
