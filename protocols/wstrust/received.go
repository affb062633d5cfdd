package wstrust

import (
	"fmt"
	"time"
)

// Received is a request as a server reads it. It holds what was sent, right or
// wrong; judging it is the server's part.
type Received struct {
	Version     Version // by the namespace of the body
	Action      string
	MessageID   string // also from the lower-case spelling of older clients
	To          string
	Created     time.Time // zero where missing or malformed
	Expires     time.Time
	Username    string
	Password    []byte
	AppliesTo   string
	TokenType   string
	KeyType     string
	RequestType string
}

// DecodeRequest reads a request for a security token in either dialect. The
// error wraps [ErrWire].
func DecodeRequest(data []byte) (*Received, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if !root.is(nsSOAP, "Envelope") {
		return nil, wire("request: no SOAP 1.2 envelope")
	}
	body, header := root.child(nsSOAP, "Body"), root.child(nsSOAP, "Header")
	r := &Received{Version: Trust13}
	rst := body.child(nsTrust13, "RequestSecurityToken")
	if rst == nil {
		r.Version = Trust2005
		rst = body.child(nsTrust05, "RequestSecurityToken")
	}
	if rst == nil {
		return nil, wire("request: no RequestSecurityToken")
	}
	ns := r.Version.dialect().ns
	r.Action = header.child(nsAddr, "Action").value()
	r.To = header.child(nsAddr, "To").value()
	// ADAL and MSAL Go write a small m, and AD FS lets it pass.
	for _, name := range []string{"messageID", "MessageID"} {
		if id := header.child(nsAddr, name).value(); id != "" {
			r.MessageID = id
		}
	}
	security := header.child(nsSec, "Security")
	times := security.child(nsUtil, "Timestamp")
	r.Created = instant(times.child(nsUtil, "Created").value())
	r.Expires = instant(times.child(nsUtil, "Expires").value())
	token := security.child(nsSec, "UsernameToken")
	r.Username = token.child(nsSec, "Username").value()
	if p := token.child(nsSec, "Password"); p != nil {
		r.Password = p.text // spaces count
	}
	r.AppliesTo = rst.child(nsPolicy, "AppliesTo").child(nsAddr, "EndpointReference").child(nsAddr, "Address").value()
	r.TokenType = rst.child(ns, "TokenType").value()
	r.KeyType = rst.child(ns, "KeyType").value()
	r.RequestType = rst.child(ns, "RequestType").value()
	return r, nil
}

// instant reads an xs:dateTime with a zone; zero where it is not one.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
