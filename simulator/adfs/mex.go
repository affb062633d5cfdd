package adfs

import (
	"io"
	"net/http"
	"strings"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// mex answers a request for the metadata document.
func (s *STS) mex(b Behaviour, _ *http.Request) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host := s.host(r)
		foreign := b.Elsewhere
		if foreign == "" {
			foreign = "sts.example.net"
		}
		plain := b.Elsewhere
		if plain == "" {
			plain = host
		}
		p13 := wstrust.Port{Version: wstrust.Trust13, URL: "https://" + host + Path13, Policy: wstrust.UserNameMixed}
		p2005 := wstrust.Port{Version: wstrust.Trust2005, URL: "https://" + host + Path2005, Policy: wstrust.UserNameMixed}
		ports := allPorts(host)
		switch b.MEX {
		case MEXMissing:
			http.NotFound(w, r)
			return
		case MEXBroken:
			http.Error(w, "The server encountered an internal error.", http.StatusInternalServerError)
			return
		case MEXRedirect:
			http.Redirect(w, r, "https://"+foreign+PathMEX, http.StatusFound)
			return
		case MEXStalled:
			begin(w, "text/xml; charset=UTF-8", `<?xml version="1.0"?><wsdl:definitions`)
			s.hold(r)
		case MEX2005Only:
			ports = []wstrust.Port{p2005}
		case MEX13Only:
			ports = []wstrust.Port{p13}
		case MEXPlainFirst, MEXPlain:
			p13.URL = "http://" + plain + Path13
			ports = []wstrust.Port{p13, p2005}
			if b.MEX == MEXPlain {
				ports[1].URL = "http://" + plain + Path2005
			}
		case MEXForeign, MEXForeignFirst:
			p13.URL = "https://" + foreign + Path13
			ports = []wstrust.Port{p13, p2005}
			if b.MEX == MEXForeign {
				ports[1].URL = "https://" + foreign + Path2005
			}
		}
		doc := `<?xml version="1.0" encoding="utf-8"?>` + string(wstrust.EncodeMEX(ports))
		switch b.MEX {
		case MEXWrapped:
			doc = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><m:Metadata xmlns:m="http://schemas.xmlsoap.org/ws/2004/09/mex"><m:MetadataSection>` +
				string(wstrust.EncodeMEX(ports)) + `</m:MetadataSection></m:Metadata></s:Body></s:Envelope>`
		case MEXMarked:
			doc = "\ufeff" + doc
		case MEXHuge:
			doc += strings.Repeat(" ", 5<<20)
		}
		w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
		_, _ = io.WriteString(w, doc)
	}
}

// allPorts is what a farm publishes by default.
func allPorts(host string) []wstrust.Port {
	const root = "/adfs/services/trust/"
	name, _, _ := strings.Cut(host, ":")
	at := func(v wstrust.Version, policy wstrust.Policy, path string) wstrust.Port {
		return wstrust.Port{Version: v, URL: "https://" + host + root + path, Policy: policy}
	}
	return []wstrust.Port{
		at(wstrust.Trust2005, wstrust.Windows, "2005/windowstransport"),
		at(wstrust.Trust2005, wstrust.Certificate, "2005/certificatemixed"),
		{Version: wstrust.Trust2005, URL: "https://" + name + ":49443" + root + "2005/certificatetransport", Policy: wstrust.Certificate},
		at(wstrust.Trust2005, wstrust.UserNameMixed, "2005/usernamemixed"),
		at(wstrust.Trust2005, wstrust.Kerberos, "2005/kerberosmixed"),
		at(wstrust.Trust2005, wstrust.IssuedToken, "2005/issuedtokenmixedasymmetricbasic256"),
		at(wstrust.Trust2005, wstrust.IssuedToken, "2005/issuedtokenmixedsymmetricbasic256"),
		at(wstrust.Trust13, wstrust.Kerberos, "13/kerberosmixed"),
		at(wstrust.Trust13, wstrust.Certificate, "13/certificatemixed"),
		{Version: wstrust.Trust13, URL: "http://" + name + root + "13/username", Policy: wstrust.UserNameMessage},
		at(wstrust.Trust13, wstrust.UserNameMixed, "13/usernamemixed"),
		at(wstrust.Trust13, wstrust.IssuedToken, "13/issuedtokenmixedasymmetricbasic256"),
		at(wstrust.Trust13, wstrust.IssuedToken, "13/issuedtokenmixedsymmetricbasic256"),
	}
}

// begin sends the start of an answer that will not end by itself.
func begin(w http.ResponseWriter, contentType, start string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = io.WriteString(w, start)
	_ = http.NewResponseController(w).Flush()
}

// hold waits until the client leaves or the farm closes, and then cuts the
// connection, so that the answer never ends in order.
func (s *STS) hold(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closed:
	}
	panic(http.ErrAbortHandler)
}
