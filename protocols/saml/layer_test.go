package saml

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// TestSignatureLayerAlone takes the counting of assertions away: even then a
// wrapped document must give an error or the part that was signed, never the
// forged one.
func TestSignatureLayerAlone(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := dsig.NewSigningContext(key, [][]byte{der})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	good := etree.NewElement("Assertion")
	good.CreateAttr("xmlns", NSAssertion)
	good.CreateAttr("ID", "good")
	good.SetText("ann")
	sig, err := ctx.ConstructSignature(good, true)
	if err != nil {
		t.Fatal(err)
	}
	text := func(e *etree.Element) string {
		s, err := etree.NewDocumentWithRoot(e.Copy()).WriteToString()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	g, s := text(good), text(sig)
	signed := strings.Replace(g, "ann", s+"ann", 1)
	evil := func(inside string) string {
		return `<Assertion xmlns="` + NSAssertion + `" ID="evil">` + inside + `boss</Assertion>`
	}
	sameID := strings.Replace(evil(s), "evil", "good", 1)
	within := func(x string) string { return strings.Replace(s, "</ds:Signature>", x+"</ds:Signature>", 1) }

	for _, tt := range []struct {
		name, body string
		verifies   int
	}{
		{"honest", signed, 1},
		{"xsw3", evil("") + signed, 1},
		{"xsw4", evil(signed), 1},
		{"xsw5", evil(s) + g, 0},
		{"xsw5 with the same ID", sameID + g, 0},
		{"xsw6", evil(within(g)), 0},
		{"xsw6 with the same ID", strings.Replace(evil(within(g)), "evil", "good", 1), 0},
		{"xsw7", "<Extensions>" + evil("") + "</Extensions>" + signed, 1},
		{"xsw8", evil(within("<ds:Object>" + g + "</ds:Object>")), 0},
		{"two signatures", strings.Replace(signed, "ann", s+"ann", 1), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := etree.NewDocument()
			if err := doc.ReadFromString(`<p:Response xmlns:p="` + NSProtocol + `" ID="r">` + tt.body + `</p:Response>`); err != nil {
				t.Fatal(err)
			}
			verified := 0
			walk(doc.Root(), func(e *etree.Element) {
				out, _, err := verify(e, "ID", &IdentityProvider{Certificates: []*x509.Certificate{cert}}, now)
				if err != nil {
					return
				}
				verified++
				if got := text(out); got != g {
					t.Errorf("counts as verified: %s", got)
				}
			})
			if verified != tt.verifies {
				t.Errorf("%d parts verified, want %d", verified, tt.verifies)
			}
		})
	}
}
