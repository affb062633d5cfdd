package wstrust_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/wstrust"
)

func seeds(f *testing.F, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(p)))
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds for %s: %v", p, err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
}

// FuzzMEX: an endpoint that is chosen is always https on the allowed host, and
// every failure is one of ours.
func FuzzMEX(f *testing.F) {
	seeds(f, "mex/*")
	hosts, err := wstrust.ParseHosts([]string{"sts.example.com"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		offered, err := wstrust.DecodeMEX(data)
		if err != nil {
			if !errors.Is(err, wstrust.ErrWire) {
				t.Fatalf("error %v does not wrap ErrWire", err)
			}
			return
		}
		e, err := wstrust.Select(offered, hosts)
		if err != nil {
			if !errors.Is(err, wstrust.ErrNoEndpoint) {
				t.Fatalf("error %v does not wrap ErrNoEndpoint", err)
			}
			return
		}
		if s := strings.ToLower(e.URL); !strings.HasPrefix(s, "https://sts.example.com/") && !strings.HasPrefix(s, "https://sts.example.com:443") &&
			!strings.HasPrefix(s, "https://sts.example.com?") && s != "https://sts.example.com" && s != "https://sts.example.com:" && !strings.HasPrefix(s, "https://sts.example.com:/") && !strings.HasPrefix(s, "https://sts.example.com:?") {
			t.Fatalf("chose %q", e.URL)
		}
	})
}

// FuzzResponse: a token is always one well-formed element, taken from the answer
// save for declarations at its head, and reading it again gives the same.
func FuzzResponse(f *testing.F) {
	seeds(f, "rstr/*", "fault/*")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []wstrust.Version{wstrust.Trust13, wstrust.Trust2005} {
			tok, err := wstrust.DecodeResponse(data, wstrust.Expect{Version: v})
			if err != nil {
				var fault *wstrust.Fault
				if !errors.Is(err, wstrust.ErrWire) && !errors.Is(err, wstrust.ErrEncrypted) && !errors.As(err, &fault) {
					t.Fatalf("error %v is not ours", err)
				}
				continue
			}
			tail := tok.Assertion[bytes.LastIndexByte(tok.Assertion, '<'):]
			if !bytes.Contains(data, tail) || len(tok.Assertion) > len(data)*2 {
				t.Fatalf("assertion %q is not from the answer", tok.Assertion)
			}
			if err := single(tok.Assertion); err != nil {
				t.Fatalf("assertion %q: %v", tok.Assertion, err)
			}
			if _, err := wstrust.ReadClaims(tok.Assertion); err != nil && !errors.Is(err, wstrust.ErrWire) {
				t.Fatalf("claims: error %v does not wrap ErrWire", err)
			}
		}
	})
}

// single checks with another reader that b is one element.
func single(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, roots := 0, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
	if roots != 1 || depth != 0 {
		return errors.New("not one element")
	}
	return nil
}

// FuzzFault: every fault has a verdict, and its text stays within our words.
func FuzzFault(f *testing.F) {
	seeds(f, "fault/*")
	f.Fuzz(func(t *testing.T, data []byte) {
		fault, err := wstrust.DecodeFault(data)
		if err != nil {
			if !errors.Is(err, wstrust.ErrWire) {
				t.Fatalf("error %v does not wrap ErrWire", err)
			}
			return
		}
		if fault.Verdict == "" || len(fault.Error()) > 200 || strings.ContainsAny(fault.Error(), "<>\n\x00 @:") && strings.ContainsAny(fault.Subcode+fault.Code, "<>\n\x00 @:") {
			t.Fatalf("fault %+v", fault)
		}
		if fault.PasswordURL != "" && !strings.HasPrefix(strings.ToLower(fault.PasswordURL), "https://") {
			t.Fatalf("password URL %q", fault.PasswordURL)
		}
	})
}

// FuzzRequest: what a server reads wraps ErrWire or is a request.
func FuzzRequest(f *testing.F) {
	seeds(f, "*.golden")
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := wstrust.DecodeRequest(data); err != nil && !errors.Is(err, wstrust.ErrWire) || err == nil && r.Version == 0 {
			t.Fatalf("DecodeRequest = %+v, %v", r, err)
		}
	})
}

// FuzzTyped: what a person types arrives as typed or is refused before it is
// written, and never becomes markup.
func FuzzTyped(f *testing.F) {
	f.Add("ann@example.com", []byte(`p&<>"'é]]>`))
	f.Add(`</o:Username><x/>`, []byte("a\tb\r\nc "))
	f.Fuzz(func(t *testing.T, name string, password []byte) {
		b, err := wstrust.EncodeRequest(wstrust.Trust13, wstrust.Request{Username: name, Password: password, AppliesTo: "urn:fax"}, envelope)
		if err != nil {
			if !errors.Is(err, wstrust.ErrInput) {
				t.Fatalf("error %v does not wrap ErrInput", err)
			}
			return
		}
		r, err := wstrust.DecodeRequest(b)
		if err != nil || r.Username != strings.TrimSpace(name) || !bytes.Equal(r.Password, password) || r.AppliesTo != "urn:fax" {
			t.Fatalf("DecodeRequest = %+v, %v; typed %q, %q", r, err, name, password)
		}
	})
}

// FuzzMetadata: certificates or ErrWire.
func FuzzMetadata(f *testing.F) {
	seeds(f, "metadata.xml")
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := wstrust.DecodeMetadata(data); err != nil && !errors.Is(err, wstrust.ErrWire) || err == nil && len(m.Signing) == 0 {
			t.Fatalf("DecodeMetadata = %+v, %v", m, err)
		}
	})
}
