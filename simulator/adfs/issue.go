package adfs

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// skew is what WCF lets pass in either direction.
const skew = 5 * time.Minute

// post reads what a POST brought, wherever it went, and decides on the answer.
func (s *STS) post(b Behaviour, r *http.Request, rec *Request) http.HandlerFunc {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	msg, bad := wstrust.DecodeRequest(body)
	if bad == nil {
		rec.Username, rec.Password = msg.Username, string(msg.Password)
	}
	v := endpoint(r.URL.Path)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.TLS == nil:
		return finish(rec, "plain http", http.NotFound)
	case v == 0:
		return finish(rec, "not found", http.NotFound)
	case v == wstrust.Trust13 && b.Off13 || v == wstrust.Trust2005 && b.Off2005:
		return finish(rec, "disabled endpoint", unavailable(0))
	case b.Busy > 0:
		return finish(rec, "busy", unavailable(b.Busy))
	case b.Redirect != "":
		return finish(rec, "redirected", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, b.Redirect, http.StatusTemporaryRedirect)
		})
	case media != "application/soap+xml":
		return finish(rec, "media type", status(http.StatusUnsupportedMediaType))
	case err != nil || bad != nil:
		return finish(rec, "malformed", status(http.StatusBadRequest))
	}
	return s.issue(b, r, rec, v, msg)
}

// issue judges an understood message in the order AD FS does: the message, the
// person, the request.
func (s *STS) issue(b Behaviour, r *http.Request, rec *Request, v wstrust.Version, msg *wstrust.Received) http.HandlerFunc {
	now := s.now(b)
	refuse := func(result, ns, subcode, reason string) http.HandlerFunc {
		return finish(rec, result, s.fault(b, wstrust.Refusal{
			Namespace: ns, Subcode: subcode, Reason: reason, Lang: b.FaultLang, RelatesTo: msg.MessageID, Created: now,
			Expired: strings.HasSuffix(subcode, ".ExpiredPassword"), Username: msg.Username, PasswordURL: b.PasswordURL,
		}))
	}
	trust := wstrust.NamespaceTrust13
	if v == wstrust.Trust2005 {
		trust = wstrust.NamespaceTrust2005
	}
	const security = "An error occurred when verifying security for the message."
	switch {
	case msg.Action != v.Action() || msg.Version != v:
		return refuse("action", wstrust.NamespaceAddress, "ActionNotSupported", "The message cannot be processed at the receiver.")
	case msg.To != "https://"+s.host(r)+r.URL.Path:
		return refuse("to", wstrust.NamespaceSecurity, "InvalidSecurity", security)
	case msg.Created.IsZero(), msg.Created.After(now.Add(skew)), !msg.Expires.After(now.Add(-skew)), msg.Expires.Before(msg.Created):
		return refuse("timestamp", wstrust.NamespaceSecurity, "InvalidSecurity", security)
	}
	const failed, id3242 = "FailedAuthentication", "ID3242: The security token could not be authenticated or authorized."
	u, result := s.authenticate(msg.Username, msg.Password, now)
	if result != "" {
		return refuse(result, wstrust.NamespaceSecurity, failed, id3242)
	}
	switch u.State {
	case Expired, MustChange:
		return refuse(string(u.State), wstrust.NamespaceIdentity, failed+".ExpiredPassword", "MSIS3125: The password for "+msg.Username+" has expired.")
	case Refused:
		return refuse(string(u.State), wstrust.NamespaceSecurity, failed, id3242)
	case Denied:
		return refuse(string(u.State), trust, failed, "MSIS7068: Access denied.")
	case NeedsMFA:
		return refuse(string(u.State), trust, failed, "MSIS3126: Access denied.")
	}
	s.mu.Lock()
	party, known := s.parties[msg.AppliesTo]
	k := s.signing
	s.mu.Unlock()
	switch {
	case b.NotUnderstood, msg.KeyType != "" && msg.KeyType != v.KeyType(), msg.RequestType != v.RequestType(), msg.MessageID == "":
		return refuse("not understood", wstrust.NamespaceTrust13, "RequestFailed", "MSIS3127: The specified request failed.")
	case !known:
		return refuse("unknown relying party", trust, "InvalidScope", "ID3082: The request scope is not valid or is unsupported.")
	}
	saml, tokenType := wstrust.SAML11, wstrust.TokenTypeSAML11
	switch {
	case msg.TokenType == wstrust.TokenTypeSAML20, msg.TokenType == wstrust.TokenTypeSAML20Profile, msg.TokenType == "" && party.SAML == wstrust.SAML20:
		saml, tokenType = wstrust.SAML20, wstrust.TokenTypeSAML20
	}
	id := newID()
	assertion, err := k.assertion(claims{id: id, issuer: s.issuer(r), audience: party.ID, user: u, nameID: party.NameID, now: now, sha1: b.SHA1}, saml)
	if err != nil {
		return refuse("signing failed", wstrust.NamespaceTrust13, "RequestFailed", "MSIS3127: The specified request failed.")
	}
	answer := wstrust.EncodeResponse(wstrust.Response{
		Version: v, RelatesTo: relates(b.Answer, msg.MessageID), AppliesTo: party.ID, TokenType: tokenType, SAML: saml, TokenID: id,
		Assertion: assertion, Created: now, Expires: now.Add(time.Hour),
	})
	return finish(rec, "issued", s.answer(b, bend(b.Answer, v, answer)))
}

// finish notes the result.
func finish(rec *Request, result string, h http.HandlerFunc) http.HandlerFunc {
	rec.Result = result
	return h
}

// probe answers a GET of an endpoint.
func (s *STS) probe(b Behaviour, r *http.Request) http.HandlerFunc {
	v := endpoint(r.URL.Path)
	switch {
	case v == wstrust.Trust13 && b.Off13 || v == wstrust.Trust2005 && b.Off2005:
		return unavailable(0)
	case b.Busy > 0:
		return unavailable(b.Busy)
	}
	return status(http.StatusMethodNotAllowed)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// unavailable answers as HTTP.sys does for a path nobody serves, or as a proxy
// that has too much to do.
func unavailable(retry time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(max(retry.Round(time.Second), time.Second)/time.Second)))
		}
		w.Header().Set("Content-Type", "text/html; charset=us-ascii")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<HTML><BODY><h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p></BODY></HTML>\r\n")
	}
}

func (s *STS) fault(b Behaviour, f wstrust.Refusal) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		code := b.FaultStatus
		if code == 0 {
			code = http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", wstrust.ContentType)
		w.WriteHeader(code)
		_, _ = w.Write(wstrust.EncodeFault(f))
	}
}

func (s *STS) answer(b Behaviour, message []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch b.Answer {
		case AnswerCut:
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
			return
		case AnswerStalled:
			begin(w, wstrust.ContentType, string(message[:len(message)/2]))
			s.hold(r)
		}
		w.Header().Set("Content-Type", wstrust.ContentType)
		_, _ = w.Write(message)
	}
}

// relates returns the message id an answer names.
func relates(a Answer, id string) string {
	switch a {
	case AnswerNoID:
		return ""
	case AnswerWrongID:
		return "urn:uuid:00000000-0000-4000-8000-000000000000"
	}
	return id
}

// bend makes a variant of a good answer.
func bend(a Answer, v wstrust.Version, message []byte) []byte {
	const open, shut = `<trust:RequestSecurityTokenResponseCollection xmlns:trust="`, `</trust:RequestSecurityTokenResponseCollection>`
	const single = `<trust:RequestSecurityTokenResponse`
	swap := func(from, to string) { message = bytes.Replace(message, []byte(from), []byte(to), 1) }
	switch a {
	case AnswerOuter:
		const declaration = ` xmlns:saml="` + wstrust.TokenTypeSAML11 + `"`
		swap(declaration, "")
		swap(`<trust:RequestedSecurityToken>`, `<trust:RequestedSecurityToken`+declaration+`>`)
	case AnswerBare:
		if v == wstrust.Trust13 {
			swap(open+wstrust.NamespaceTrust13+`">`+single, single+` xmlns:trust="`+wstrust.NamespaceTrust13+`"`)
			swap(shut, "")
		} else {
			swap(single, open+wstrust.NamespaceTrust2005+`">`+single)
			swap(`</s:Body>`, shut+`</s:Body>`)
		}
	case AnswerHuge:
		message = append(message, bytes.Repeat([]byte(" "), 5<<20)...)
	case AnswerTampered:
		swap("emailaddress", "emailaddresz")
	}
	return message
}

// newID returns an id for an assertion: no digit may come first.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "_" + hex.EncodeToString(b[:])
}
