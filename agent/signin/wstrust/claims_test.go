package wstrust_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	company "github.com/platen-fax/platen/agent/signin/wstrust"
	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/simulator/adfs"
)

// TestClaimsDecideWithoutAnExchange has a farm that says anything, and accepts
// only an assertion for this service, good now, with exactly one address.
func TestClaimsDecideWithoutAnExchange(t *testing.T) {
	const form = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" MajorVersion="1" MinorVersion="1" AssertionID="_a" Issuer="http://sts.example.com/adfs/services/trust" IssueInstant="%[1]s">` +
		`<saml:Conditions%[2]s>%[3]s</saml:Conditions><saml:AttributeStatement><saml:Subject><saml:NameIdentifier>boss@example.com</saml:NameIdentifier></saml:Subject>%[4]s</saml:AttributeStatement></saml:Assertion>`
	now := time.Now().UTC().Truncate(time.Second)
	stamp := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	times := func(from, to time.Duration) string {
		return fmt.Sprintf(` NotBefore="%s" NotOnOrAfter="%s"`, stamp(from), stamp(to))
	}
	only := func(ids ...string) string {
		s := "<saml:AudienceRestrictionCondition>"
		for _, id := range ids {
			s += "<saml:Audience>" + id + "</saml:Audience>"
		}
		return s + "</saml:AudienceRestrictionCondition>"
	}
	mail := func(values ...string) string {
		s := `<saml:Attribute AttributeName="emailaddress" AttributeNamespace="http://schemas.xmlsoap.org/ws/2005/05/identity/claims">`
		for _, v := range values {
			s += "<saml:AttributeValue>" + v + "</saml:AttributeValue>"
		}
		return s + "</saml:Attribute>"
	}
	good := times(0, time.Hour)
	for _, tt := range []struct {
		name, times, audience, claims string
		want                          signin.Problem // "" is Ann
	}{
		{"as it should be", good, only(rp), mail("Ann.Lee@example.com"), ""},
		{"another audience", good, only("https://other.example/"), mail(annID), signin.CompanyConfig},
		{"an audience too many", good, only(rp, "https://other.example/"), mail(annID), signin.CompanyConfig},
		{"no audience", good, "", mail(annID), signin.CompanyConfig},
		{"almost the audience", good, only(strings.TrimSuffix(rp, "/")), mail(annID), signin.CompanyConfig},
		{"no times", "", only(rp), mail(annID), signin.Broken},
		{"past", times(-2*time.Hour, -time.Hour), only(rp), mail(annID), signin.Clock},
		{"to come", times(time.Hour, 2*time.Hour), only(rp), mail(annID), signin.Clock},
		{"just ended", times(-time.Hour, -4*time.Minute), only(rp), mail(annID), ""},
		{"no address", good, only(rp), "", signin.NoAddress},
		{"two addresses", good, only(rp), mail(annID, "boss@example.com"), signin.NoAddress},
		{"two claims", good, only(rp), mail(annID) + mail("boss@example.com"), signin.NoAddress},
		{"no address in it", good, only(rp), mail("ann"), signin.NoAddress},
		{"a name beside it", good, only(rp), mail("Ann &lt;ann.lee@example.com&gt;"), signin.NoAddress},
		{"a comment inside", good, only(rp), mail("boss@example.com<!-- -->.evil.example"), signin.Broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assertion := fmt.Sprintf(form, stamp(0), tt.times, tt.audience, tt.claims)
			var host string
			srv, host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", wstrust.ContentType)
				if r.Method == http.MethodGet {
					_, _ = w.Write(wstrust.EncodeMEX([]wstrust.Port{{Version: wstrust.Trust13, URL: "https://" + host + adfs.Path13, Policy: wstrust.UserNameMixed}}))
					return
				}
				_, _ = w.Write(wstrust.EncodeResponse(wstrust.Response{
					Version: wstrust.Trust13, AppliesTo: rp, TokenType: wstrust.TokenTypeSAML11, SAML: wstrust.SAML11, TokenID: "_a",
					Assertion: []byte(assertion), Created: now, Expires: now.Add(time.Hour),
				}))
			}))
			m := company.New(company.Options{Client: client(t, srv, host, nil), Hosts: []string{host}, RelyingParty: rp, Now: func() time.Time { return now }})
			id, err := m.Try(t.Context(), signin.Attempt{Name: ann, Secret: []byte(password)})
			if tt.want != "" {
				problem(t, tt.name, err, tt.want, false)
				if id.Person.ID != "" {
					t.Errorf("a person all the same: %+v", id)
				}
				return
			}
			if err != nil || id.Person.ID != annID {
				t.Errorf("Try = %+v, %v; want Ann", id, err)
			}
		})
	}
}

// TestNameIdentifierIsNoAddress: a UPN looks like an address and may be nobody's.
func TestNameIdentifierIsNoAddress(t *testing.T) {
	for _, id := range []adfs.NameID{adfs.NameIDUPN, adfs.NameIDNone} {
		f := newFarm(t, func(o *adfs.Options) {
			o.Users[0].Mail, o.RelyingParties[0].NameID = "", id
		})
		_, err := f.method(t).Try(t.Context(), f.attempt(password))
		problem(t, "only a UPN", err, signin.NoAddress, false)
	}
}
