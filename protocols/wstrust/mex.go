package wstrust

import (
	"fmt"
	"strings"
)

// Endpoint is an address that takes a name and a password.
type Endpoint struct {
	URL     string
	Version Version
}

// DecodeMEX returns the endpoints of a metadata document that take a name and a
// password protected by TLS, in document order. It looks for the WSDL anywhere,
// because some servers wrap it in SOAP, and skips nodes that make no sense. It
// judges policies, not addresses: what an address may be is for [Select]. A
// document without such an endpoint gives none; the error wraps [ErrWire].
func DecodeMEX(data []byte) ([]Endpoint, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("mex: %w", err)
	}
	defs := root.find(nsWSDL, "definitions")
	if defs == nil {
		return nil, wire("mex: no definitions in it")
	}
	policies := make(map[string]bool)
	for _, p := range defs.all(nsPolicy, "Policy") {
		if id := p.attr(nsUtil, "Id"); id != "" && takesPassword(p) {
			policies["#"+id] = true
		}
	}
	bindings := make(map[string]Version)
	for _, b := range defs.all(nsWSDL, "binding") {
		if v := bindingVersion(b, policies); v != 0 {
			bindings[b.attr("", "name")] = v
		}
	}
	var found []Endpoint
	for _, service := range defs.all(nsWSDL, "service") {
		for _, port := range service.all(nsWSDL, "port") {
			_, name, ok := strings.Cut(port.attr("", "binding"), ":")
			if !ok {
				name = port.attr("", "binding")
			}
			address := port.child(nsAddr, "EndpointReference").child(nsAddr, "Address").value()
			if v := bindings[name]; v != 0 && address != "" {
				found = append(found, Endpoint{URL: address, Version: v})
			}
		}
	}
	return found, nil
}

// takesPassword reports whether an alternative of a policy asks for a user name
// token and for TLS. Without the second it would be message security, which AD
// FS offers on plain http.
func takesPassword(policy *element) bool {
	for _, one := range policy.all(nsPolicy, "ExactlyOne") {
		for _, all := range one.all(nsPolicy, "All") {
			tls, name := false, false
			for _, sp := range []string{nsSP13, nsSP2005} {
				tls = tls || all.child(sp, "TransportBinding") != nil
				for _, tokens := range []string{"SignedEncryptedSupportingTokens", "SignedSupportingTokens"} {
					for _, t := range all.all(sp, tokens) {
						token := t.child(nsPolicy, "Policy").child(sp, "UsernameToken")
						name = name || token.child(nsPolicy, "Policy").child(sp, "WssUsernameToken10") != nil
					}
				}
			}
			if tls && name {
				return true
			}
		}
	}
	return false
}

// bindingVersion returns the dialect of a binding under one of the policies, or
// 0. An action nobody knows disqualifies this binding only.
func bindingVersion(b *element, policies map[string]bool) Version {
	known := false
	for _, ref := range b.all(nsPolicy, "PolicyReference") {
		known = known || policies[ref.attr("", "URI")]
	}
	if !known || b.attr("", "name") == "" || b.child(nsSOAP12, "binding").attr("", "transport") != soapHTTP {
		return 0
	}
	for _, op := range b.all(nsWSDL, "operation") {
		switch op.child(nsSOAP12, "operation").attr("", "soapAction") {
		case Trust13.Action():
			return Trust13
		case Trust2005.Action():
			return Trust2005
		}
	}
	return 0
}

// Select returns the endpoint to use: https, on an allowed host, 1.3 before
// 2005, document order otherwise. The error wraps [ErrNoEndpoint] and, where
// one was offered, the reason why the first was refused.
func Select(endpoints []Endpoint, hosts Hosts) (Endpoint, error) {
	var best Endpoint
	var refused error
	for _, e := range endpoints {
		if _, err := hosts.Check(e.URL); err != nil {
			if refused == nil {
				refused = err
			}
			continue
		}
		if best.Version == 0 || best.Version == Trust2005 && e.Version == Trust13 {
			best = e
		}
	}
	switch {
	case best.Version != 0:
		return best, nil
	case refused != nil:
		return Endpoint{}, fmt.Errorf("%w: %d offered, %w", ErrNoEndpoint, len(endpoints), refused)
	}
	return Endpoint{}, fmt.Errorf("%w: none offered", ErrNoEndpoint)
}

// VersionOf returns the dialect that an AD FS address speaks by its path, or 0.
// It is for addresses that came from a configuration instead of metadata.
func VersionOf(address string) Version {
	switch {
	case strings.HasSuffix(strings.ToLower(address), "/trust/13/usernamemixed"):
		return Trust13
	case strings.HasSuffix(strings.ToLower(address), "/trust/2005/usernamemixed"):
		return Trust2005
	}
	return 0
}
