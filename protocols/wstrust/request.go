package wstrust

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// maxInput is the most that a person may have typed, in bytes.
const maxInput = 1024

// window is how long a request stays good; every Microsoft client writes the
// same.
const window = 10 * time.Minute

// Request asks for a token in the name of a person. Printing it shows neither
// name nor password.
type Request struct {
	// Username as it was typed: a UPN, an e-mail address, or DOMAIN\user.
	Username string `json:"-"`
	// Password belongs to the callee from the call on and is wiped by it.
	Password []byte `json:"-"`
	// AppliesTo is the identifier of the relying party, to the letter.
	AppliesTo string
	// TokenType is empty for the server's choice (SAML 1.1 on most farms), else
	// one of the TokenType constants.
	TokenType string
}

// String implements fmt.Stringer without the secrets.
func (r Request) String() string { return "wstrust.Request{AppliesTo:" + r.AppliesTo + "}" }

// GoString implements fmt.GoStringer without the secrets.
func (r Request) GoString() string { return r.String() }

// Envelope is what the message around a request says.
type Envelope struct {
	To        string    // the endpoint's address, to the letter
	MessageID string    // "urn:uuid:…", fresh
	Created   time.Time // now
}

// EncodeRequest writes the SOAP message of a request. The result holds the
// password: the caller wipes it with [Wipe] after use. r.Password is left as it
// is. The error is [ErrInput] for what cannot be written in XML 1.0.
func EncodeRequest(v Version, r Request, env Envelope) ([]byte, error) {
	for _, s := range []string{r.Username, r.AppliesTo, env.To, env.MessageID} {
		if s == "" || len(s) > maxInput || !xmlText(s) {
			return nil, fmt.Errorf("request: %w", ErrInput)
		}
	}
	if len(r.Password) == 0 || len(r.Password) > maxInput || !xmlText(r.Password) || !xmlText(r.TokenType) {
		return nil, fmt.Errorf("request: %w", ErrInput)
	}
	d := v.dialect()
	// Grown once to the greatest possible size: a slice that grows leaves copies
	// of the password behind that nobody can wipe.
	w := make(writer, 0, 4096+6*(len(r.Username)+len(r.Password)+len(r.AppliesTo)+len(env.To)+len(env.MessageID)+len(r.TokenType)))
	w.raw(`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddr + `" xmlns:u="` + nsUtil + `"><s:Header><a:Action s:mustUnderstand="1">`)
	w.raw(d.action)
	w.raw(`</a:Action><a:MessageID>`)
	w.text(env.MessageID)
	w.raw(`</a:MessageID><a:ReplyTo><a:Address>` + anonymous + `</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">`)
	w.text(env.To)
	w.raw(`</a:To><o:Security s:mustUnderstand="1" xmlns:o="` + nsSec + `">`)
	w.timestamp(env.Created, window)
	w.raw(`<o:UsernameToken u:Id="ut1"><o:Username>`)
	w.text(r.Username)
	w.raw(`</o:Username><o:Password>`)
	w.bytes(r.Password)
	w.raw(`</o:Password></o:UsernameToken></o:Security></s:Header><s:Body><t:RequestSecurityToken xmlns:t="`)
	w.raw(d.ns)
	w.raw(`"><p:AppliesTo xmlns:p="` + nsPolicy + `"><a:EndpointReference><a:Address>`)
	w.text(r.AppliesTo)
	w.raw(`</a:Address></a:EndpointReference></p:AppliesTo><t:KeyType>`)
	w.raw(d.keyType)
	w.raw(`</t:KeyType><t:RequestType>`)
	w.raw(d.requestType)
	w.raw(`</t:RequestType>`)
	if r.TokenType != "" {
		w.raw(`<t:TokenType>`)
		w.text(r.TokenType)
		w.raw(`</t:TokenType>`)
	}
	w.raw(`</t:RequestSecurityToken></s:Body></s:Envelope>`)
	return w, nil
}

// Wipe overwrites a secret.
func Wipe(b []byte) { clear(b) }

// writer appends XML to a slice.
type writer []byte

func (w *writer) raw(s string)   { *w = append(*w, s...) }
func (w *writer) text(s string)  { escape(w, s) }
func (w *writer) bytes(b []byte) { escape(w, b) }

// timestamp writes the time element both sides put into their security header.
func (w *writer) timestamp(created time.Time, life time.Duration) {
	w.raw(`<u:Timestamp u:Id="_0"><u:Created>` + stamp(created) + `</u:Created><u:Expires>` + stamp(created.Add(life)) + `</u:Expires></u:Timestamp>`)
}

// stamp writes a time as WCF does, in UTC with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// escape appends character data. Tabs and line ends are written as references
// because a parser would normalise them.
func escape[S string | []byte](w *writer, s S) {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			w.raw("&amp;")
		case '<':
			w.raw("&lt;")
		case '>':
			w.raw("&gt;")
		case '"':
			w.raw("&#34;")
		case '\'':
			w.raw("&#39;")
		case '\t':
			w.raw("&#x9;")
		case '\n':
			w.raw("&#xA;")
		case '\r':
			w.raw("&#xD;")
		default:
			*w = append(*w, c)
		}
	}
}

// xmlText reports whether s is UTF-8 made of characters XML 1.0 allows.
func xmlText[S string | []byte](s S) bool {
	b := []byte(s) // for a password this is the same memory, not a copy
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		b = b[n:]
	}
	return true
}
