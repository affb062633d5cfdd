package wstrust_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/wstrust"
)

var update = flag.Bool("update", false, "write the golden requests")

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const base = "https://sts.example.com/adfs/services/trust/"

func TestMEX(t *testing.T) {
	const insecure = "http://sts.example.com/adfs/services/trust/"
	both := []wstrust.Endpoint{{URL: base + "2005/usernamemixed", Version: wstrust.Trust2005}, {URL: base + "13/usernamemixed", Version: wstrust.Trust13}}
	for _, tt := range []struct {
		file    string
		offered []wstrust.Endpoint
		chosen  string // "" for none
		wraps   error
	}{
		{"full.xml", both, base + "13/usernamemixed", nil},
		{"bom.xml", both, base + "13/usernamemixed", nil},
		{"soap-wrapped.xml", both, base + "13/usernamemixed", nil},
		{"message-security.xml", both[:1], base + "2005/usernamemixed", nil},
		{"2005-only.xml", both[:1], base + "2005/usernamemixed", nil},
		{"13-only.xml", both[1:], base + "13/usernamemixed", nil},
		{"broken-nodes.xml", both[1:], base + "13/usernamemixed", nil},
		{"insecure.xml", []wstrust.Endpoint{{URL: insecure + "13/usernamemixed", Version: wstrust.Trust13}, both[0]}, base + "2005/usernamemixed", nil},
		{"insecure-only.xml", []wstrust.Endpoint{{URL: insecure + "13/usernamemixed", Version: wstrust.Trust13}}, "", wstrust.ErrNotHTTPS},
		{"foreign.xml", []wstrust.Endpoint{
			{URL: "https://sts.example.net/adfs/services/trust/13/usernamemixed", Version: wstrust.Trust13},
			{URL: "https://sts.example.com.evil.example/adfs/services/trust/2005/usernamemixed", Version: wstrust.Trust2005},
		}, "", wstrust.ErrHost},
		{"no-password.xml", nil, "", nil},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got, err := wstrust.DecodeMEX(fixture(t, "mex/"+tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.offered, got); d != "" {
				t.Errorf("offered (-want +got):\n%s", d)
			}
			hosts, err := wstrust.ParseHosts([]string{"STS.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			e, err := wstrust.Select(got, hosts)
			if e.URL != tt.chosen || (tt.chosen == "") != errors.Is(err, wstrust.ErrNoEndpoint) || tt.wraps != nil && !errors.Is(err, tt.wraps) {
				t.Errorf("Select = %v, %v; want %q, %v", e, err, tt.chosen, tt.wraps)
			}
		})
	}
}

func TestMEXRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"document type": fixture(t, "mex/doctype.xml"),
		"page":          fixture(t, "mex/page.html"),
		"empty":         nil,
		"other xml":     []byte(`<a/>`),
		"two roots":     []byte(`<a/><b/>`),
		"cut":           fixture(t, "mex/full.xml")[:20000],
		"deep":          []byte(strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)),
		"many":          []byte("<a>" + strings.Repeat("<b/>", 20_000) + "</a>"),
		"twice":         []byte(`<a b="1" b="2"/>`),
		"crossed":       []byte(`<a><b></a></b>`),
		"utf-16":        []byte("\xff\xfe<\x00a\x00/\x00>\x00"),
		"text around":   []byte(`x<a/>`),
	} {
		if got, err := wstrust.DecodeMEX(data); !errors.Is(err, wstrust.ErrWire) || got != nil {
			t.Errorf("%s: DecodeMEX = %v, %v; want ErrWire", name, got, err)
		}
	}
}

func TestEncodedMEXIsRead(t *testing.T) {
	ports := []wstrust.Port{
		{Version: wstrust.Trust2005, URL: base + "2005/windowstransport", Policy: wstrust.Windows},
		{Version: wstrust.Trust13, URL: "http://sts.example.com/13/username", Policy: wstrust.UserNameMessage},
		{Version: wstrust.Trust2005, URL: base + "2005/usernamemixed?a=1&b=2", Policy: wstrust.UserNameMixed},
		{Version: wstrust.Trust13, URL: base + "13/usernamemixed", Policy: wstrust.UserNameMixed},
		{Version: wstrust.Trust13, URL: base + "13/certificatemixed", Policy: wstrust.Certificate},
		{Version: wstrust.Trust13, URL: base + "13/kerberosmixed", Policy: wstrust.Kerberos},
		{Version: wstrust.Trust13, URL: base + "13/issuedtokenmixed", Policy: wstrust.IssuedToken},
	}
	want := []wstrust.Endpoint{{URL: ports[2].URL, Version: wstrust.Trust2005}, {URL: ports[3].URL, Version: wstrust.Trust13}}
	got, err := wstrust.DecodeMEX(wstrust.EncodeMEX(ports))
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("DecodeMEX: %v (-want +got):\n%s", err, d)
	}
}

func TestHosts(t *testing.T) {
	hosts, err := wstrust.ParseHosts([]string{"sts.example.com", "adfs.example.com:8443", "[2001:db8::1]"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]error{
		"https://sts.example.com/x":                 nil,
		"https://STS.Example.COM:443/x":             nil,
		"HTTPS://sts.example.com/x":                 nil,
		"https://adfs.example.com:8443/x":           nil,
		"https://[2001:db8::1]/x":                   nil,
		"https://adfs.example.com/x":                wstrust.ErrHost,
		"https://sts.example.com:49443/x":           wstrust.ErrHost,
		"https://sts.example.com./x":                wstrust.ErrHost,
		"https://sts.example.com.evil.example/x":    wstrust.ErrHost,
		"https://evil.example/sts.example.com":      wstrust.ErrHost,
		"https://evil.example#@sts.example.com/x":   wstrust.ErrWire,
		"https://sts.example.com@evil.example/x":    wstrust.ErrWire,
		"https://evil.example\\@sts.example.com/":   wstrust.ErrWire,
		"http://sts.example.com/x":                  wstrust.ErrNotHTTPS,
		"ftp://sts.example.com/x":                   wstrust.ErrNotHTTPS,
		"//sts.example.com/x":                       wstrust.ErrNotHTTPS,
		"":                                          wstrust.ErrNotHTTPS,
		"https:sts.example.com":                     wstrust.ErrWire,
		"https:///x":                                wstrust.ErrHost,
		"https://sts.example.com\r\nHost: evil/":    wstrust.ErrWire,
		"https://sts.ex\u0430mple.com/cyrillic":     wstrust.ErrHost,
		"https://user:secret@sts.example.com/trust": wstrust.ErrWire,
	} {
		if _, err := hosts.Check(address); !errors.Is(err, want) {
			t.Errorf("Check(%q) = %v; want %v", address, err, want)
		}
	}
	for _, bad := range []string{"", "*.example.com", "https://sts.example.com", "sts.example.com/", "sts.example.com:port", "a b", "st\u00e4.example", "u@sts.example.com", "sts.example.com?x"} {
		if _, err := wstrust.ParseHosts([]string{bad}); err == nil {
			t.Errorf("ParseHosts(%q) succeeded", bad)
		}
	}
	var none wstrust.Hosts
	if _, err := none.Check("https://sts.example.com/"); !errors.Is(err, wstrust.ErrHost) {
		t.Errorf("zero Hosts: %v; want ErrHost", err)
	}
}

var (
	when     = time.Date(2026, 10, 5, 10, 15, 30, 125e6, time.FixedZone("CEST", 7200))
	envelope = wstrust.Envelope{To: base + "13/usernamemixed", MessageID: "urn:uuid:11111111-2222-4333-8444-555555555555", Created: when}
)

func TestGoldenRequests(t *testing.T) {
	for _, v := range []wstrust.Version{wstrust.Trust13, wstrust.Trust2005} {
		r := wstrust.Request{Username: `CORP\ann&<o>`, Password: []byte(`p&<>"'é]]>`), AppliesTo: "https://login.fax.example/"}
		env := envelope
		if v == wstrust.Trust2005 {
			r.TokenType = wstrust.TokenTypeSAML20
			env.To = base + "2005/usernamemixed"
		}
		got, err := wstrust.EncodeRequest(v, r, env)
		if err != nil {
			t.Fatal(err)
		}
		file := "request-" + v.String() + ".golden"
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", file), got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(string(fixture(t, file)), string(got)); d != "" {
			t.Errorf("version %s (-want +got):\n%s", v, d)
		}
		back, err := wstrust.DecodeRequest(got)
		if err != nil {
			t.Fatal(err)
		}
		want := &wstrust.Received{
			Version: v, Action: v.Action(), MessageID: env.MessageID, To: env.To, Created: when.UTC(), Expires: when.Add(10 * time.Minute).UTC(),
			Username: r.Username, Password: r.Password, AppliesTo: r.AppliesTo, TokenType: r.TokenType, KeyType: v.KeyType(), RequestType: v.RequestType(),
		}
		if d := cmp.Diff(want, back); d != "" {
			t.Errorf("version %s read back (-want +got):\n%s", v, d)
		}
	}
}

func TestRequestInput(t *testing.T) {
	good := wstrust.Request{Username: "ann@example.com", Password: []byte("p"), AppliesTo: "urn:fax"}
	for name, change := range map[string]func(*wstrust.Request){
		"no name":          func(r *wstrust.Request) { r.Username = "" },
		"no password":      func(r *wstrust.Request) { r.Password = nil },
		"no relying party": func(r *wstrust.Request) { r.AppliesTo = "" },
		"control":          func(r *wstrust.Request) { r.Password = []byte("a\x00b") },
		"escape":           func(r *wstrust.Request) { r.Username = "a\x1bb" },
		"not utf-8":        func(r *wstrust.Request) { r.Password = []byte("\xe9") },
		"surrogate":        func(r *wstrust.Request) { r.Password = []byte("\xed\xa0\x80") },
		"non-character":    func(r *wstrust.Request) { r.Username = "a\uffff" },
		"long":             func(r *wstrust.Request) { r.Password = []byte(strings.Repeat("x", 1025)) },
	} {
		r := good
		change(&r)
		if b, err := wstrust.EncodeRequest(wstrust.Trust13, r, envelope); !errors.Is(err, wstrust.ErrInput) || b != nil {
			t.Errorf("%s: EncodeRequest = %q, %v; want ErrInput", name, b, err)
		}
	}
	if b, err := wstrust.EncodeRequest(wstrust.Trust13, good, envelope); err != nil || len(b) == 0 {
		t.Errorf("good input: %v", err)
	}
}

func TestRequestOfOlderClients(t *testing.T) {
	r := strings.NewReplacer("a:MessageID", "a:messageID").Replace(string(fixture(t, "request-1.3.golden")))
	got, err := wstrust.DecodeRequest([]byte(r))
	if err != nil || got.MessageID != envelope.MessageID {
		t.Errorf("DecodeRequest = %+v, %v; want the message id", got, err)
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	r := wstrust.Request{Username: "ann@example.com", Password: []byte("hunter2"), AppliesTo: "urn:fax"}
	tok := wstrust.Token{SAML: wstrust.SAML11, Assertion: []byte("hunter2")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{r, &r, tok, &tok} {
			if s := fmt.Sprintf(format, v); strings.Contains(s, "hunter2") || strings.Contains(s, "ann@") || strings.Contains(s, "104") {
				t.Errorf("Sprintf(%q, %T) = %q", format, v, s)
			}
		}
	}
}
