package wstrust_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/wstrust"
)

func TestFaults(t *testing.T) {
	want := map[string]wstrust.Fault{
		"wrong-password":               {Verdict: wstrust.VerdictBadCredentials, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceSecurity, Code: "ID3242"},
		"wrong-password-french":        {Verdict: wstrust.VerdictBadCredentials, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceSecurity, Code: "ID3242"},
		"wrong-password-two-languages": {Verdict: wstrust.VerdictBadCredentials, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceSecurity, Code: "ID3242"},
		"unknown-rp-2005":              {Verdict: wstrust.VerdictUnknownRelyingParty, Subcode: "InvalidScope", Namespace: wstrust.NamespaceTrust2005, Code: "ID3082"},
		"no-prefix":                    {Verdict: wstrust.VerdictBadCredentials, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceSecurity, Code: "ID3242"},
		"denied-13":                    {Verdict: wstrust.VerdictPolicyDenied, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceTrust13, Code: "MSIS7068"},
		"denied-2005":                  {Verdict: wstrust.VerdictPolicyDenied, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceTrust2005, Code: "MSIS7068"},
		"second-factor":                {Verdict: wstrust.VerdictPolicyDenied, Subcode: "FailedAuthentication", Namespace: wstrust.NamespaceTrust2005, Code: "MSIS3126"},
		"no-subcode-number":            {Verdict: wstrust.VerdictPolicyDenied, Code: "MSIS7068"},
		"expired":                      {Verdict: wstrust.VerdictPasswordExpired, Subcode: "FailedAuthentication.ExpiredPassword", Namespace: wstrust.NamespaceIdentity, Code: "MSIS3125"},
		"expired-nested":               {Verdict: wstrust.VerdictPasswordExpired, Subcode: "FailedAuthentication.ExpiredPassword", Namespace: wstrust.NamespaceIdentity, Code: "MSIS3125"},
		"expired-url":                  {Verdict: wstrust.VerdictPasswordExpired, Subcode: "FailedAuthentication.ExpiredPassword", Namespace: wstrust.NamespaceIdentity, Code: "MSIS3125", PasswordURL: "https://sts.example.com/adfs/portal/updatepassword/"},
		"expired-url-insecure":         {Verdict: wstrust.VerdictPasswordExpired, Subcode: "FailedAuthentication.ExpiredPassword", Namespace: wstrust.NamespaceIdentity, Code: "MSIS3125"},
		"not-understood":               {Verdict: wstrust.VerdictConfig, Subcode: "RequestFailed", Namespace: wstrust.NamespaceTrust13, Code: "MSIS3127"},
		"unknown-rp":                   {Verdict: wstrust.VerdictUnknownRelyingParty, Subcode: "InvalidScope", Namespace: wstrust.NamespaceTrust13, Code: "ID3082"},
		"unknown-rp-other-subcode":     {Verdict: wstrust.VerdictUnknownRelyingParty, Subcode: "InvalidRequest", Namespace: wstrust.NamespaceTrust2005, Code: "ID3082"},
		"security":                     {Verdict: wstrust.VerdictClock, Subcode: "InvalidSecurity", Namespace: wstrust.NamespaceSecurity},
		"no-subcode":                   {Verdict: wstrust.VerdictService},
	}
	files, err := os.ReadDir("testdata/fault")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want) {
		t.Errorf("%d fixtures, %d expectations", len(files), len(want))
	}
	for name, w := range want {
		data := fixture(t, "fault/"+name+".xml")
		got, err := wstrust.DecodeFault(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(&w, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		// A fault is a fault wherever a token was expected.
		for _, v := range []wstrust.Version{wstrust.Trust13, wstrust.Trust2005} {
			tok, err := wstrust.DecodeResponse(data, wstrust.Expect{Version: v})
			if f := (*wstrust.Fault)(nil); tok != nil || !errors.As(err, &f) || f.Verdict != w.Verdict {
				t.Errorf("%s as %s answer: %v, %v", name, v, tok, err)
			}
		}
		if s := got.Error(); strings.Contains(s, "ann@") || strings.Contains(s, "password for") || strings.Contains(s, "Access") {
			t.Errorf("%s: Error() = %q quotes the server", name, s)
		}
	}
}

func TestSubcodes(t *testing.T) {
	for sub, want := range map[string]wstrust.Verdict{
		"FailedAuthentication": wstrust.VerdictBadCredentials, "InvalidSecurityToken": wstrust.VerdictService, "FailedCheck": wstrust.VerdictService,
		"SecurityTokenUnavailable": wstrust.VerdictService, "InternalServiceFault": wstrust.VerdictService, "Unknown": wstrust.VerdictService,
		"UnsupportedSecurityToken": wstrust.VerdictUnsupported, "UnsupportedAlgorithm": wstrust.VerdictUnsupported, "InvalidRequest": wstrust.VerdictConfig,
		"AuthenticationBadElements": wstrust.VerdictConfig, "BadRequest": wstrust.VerdictConfig, "ExpiredData": wstrust.VerdictClock,
		"InvalidTimeRange": wstrust.VerdictClock, "InvalidScope": wstrust.VerdictUnknownRelyingParty, "RenewNeeded": wstrust.VerdictService,
		"UnableToRenew": wstrust.VerdictService, "NeverHeardOf": wstrust.VerdictService, "ActionNotSupported": wstrust.VerdictConfig,
	} {
		f, err := wstrust.DecodeFault(wstrust.EncodeFault(wstrust.Refusal{Namespace: wstrust.NamespaceTrust13, Subcode: sub, Reason: "Sentences decide nothing: ID3242: MSIS7068:", Created: when}))
		if err != nil || f.Verdict != want || f.Subcode != sub || f.Code != "" {
			t.Errorf("%s: %+v, %v; want %s", sub, f, err, want)
		}
	}
	odd := wstrust.EncodeFault(wstrust.Refusal{Subcode: "<script>hunter2", Namespace: "urn:x", Reason: "hunter2", Created: when})
	if f, err := wstrust.DecodeFault(odd); err != nil || f.Verdict != wstrust.VerdictService || strings.Contains(f.Error(), "hunter2") {
		t.Errorf("odd subcode: %+v, %v", f, err)
	}
}

func TestEncodedAnswersAreRead(t *testing.T) {
	f, err := wstrust.DecodeFault(wstrust.EncodeFault(wstrust.Refusal{
		Namespace: wstrust.NamespaceIdentity, Subcode: "FailedAuthentication.ExpiredPassword", Reason: "MSIS3125: no", RelatesTo: messageID,
		Created: when, Expired: true, Username: "a&b", PasswordURL: "https://sts.example.com/change?a=1&b=2",
	}))
	if err != nil || f.PasswordURL != "https://sts.example.com/change?a=1&b=2" || f.Verdict != wstrust.VerdictPasswordExpired {
		t.Errorf("fault: %+v, %v", f, err)
	}
	assertion := []byte(`<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1">` + "\n" + `<Issuer >x</Issuer></Assertion>`)
	for _, v := range []wstrust.Version{wstrust.Trust13, wstrust.Trust2005} {
		b := wstrust.EncodeResponse(wstrust.Response{
			Version: v, RelatesTo: messageID, AppliesTo: "urn:a&b", TokenType: wstrust.TokenTypeSAML20, SAML: wstrust.SAML20,
			TokenID: "_1", Assertion: assertion, Created: when, Expires: when.Add(1),
		})
		tok, err := wstrust.DecodeResponse(b, wstrust.Expect{Version: v, RelatesTo: messageID})
		if err != nil || string(tok.Assertion) != string(assertion) || tok.SAML != wstrust.SAML20 {
			t.Errorf("version %s: %v, %v", v, tok, err)
		}
	}
}
