package faxcloud_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

const (
	connector = "SERVICE|acme-connector"
	secret    = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	annsWord  = "Correct horse 1"
)

var frontDesk = xmcloud.Terminal{ID: "front-desk", Name: "Front desk", Location: "2nd floor"}

// xmWorld is one region on loopback, asked through the product's own client.
type xmWorld struct {
	*faxcloud.Cloud
	clock *clock
	srv   *httptest.Server
	api   *xmcloud.Client
}

// acme is an account without SSO and with one person of each kind.
func acme() faxcloud.XMAccount {
	return faxcloud.XMAccount{
		Region: "eu", ID: "acme", Domains: []string{"acme.example", "Bücher.example"}, Numbers: []string{fromN},
		Users: []faxcloud.XMUser{
			{ID: "u-ann", Name: "ann", Display: "Ann Lee", Email: "Ann@Acme.example", Password: annsWord, Admin: true},
			{ID: "u-bob", Name: "bob", Email: "bob@acme.example", Password: "Correct horse 2"},
			{ID: "u-sso", Name: "sso", Email: "sso@acme.example"},
			{ID: "u-new", Name: "new", Email: "new@acme.example", Password: "Correct horse 3", Pending: true},
			{ID: "u-off", Name: "off", Email: "off@acme.example", Password: "Correct horse 4", Disabled: true},
			{ID: "u-mute", Name: "mute", Email: "mute@acme.example", Password: "Correct horse 5", NoSend: true},
		},
		Connectors: []faxcloud.XMConnector{
			{
				Token: connector, Devices: []string{frontDesk.ID, "second"},
				Permissions: []string{xmcloud.MaySend, xmcloud.MaySendFor, xmcloud.MayTakeTicket},
			},
			{Token: "SERVICE|plain", Devices: []string{"copy-room"}, Permissions: []string{xmcloud.MaySend}},
		},
	}
}

// openXM starts a region with acme as edited.
func openXM(t *testing.T, edit func(*faxcloud.XMOptions, *faxcloud.XMAccount)) *xmWorld {
	t.Helper()
	w := &xmWorld{clock: &clock{t: time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC)}}
	o := faxcloud.Options{Dir: t.TempDir(), Now: w.clock.now, SendTime: 10 * time.Second, MaxUpload: 64 << 10}
	a := acme()
	if edit != nil {
		edit(&o.XM, &a)
	}
	o.XM.Accounts = append(o.XM.Accounts, a)
	var err error
	if w.Cloud, err = faxcloud.New(o); err != nil {
		t.Fatal(err)
	}
	w.srv = httptest.NewTLSServer(w.XM().RegionHandler("eu"))
	t.Cleanup(func() { w.Close(); w.srv.Close() })
	w.api = w.as(t, "acme", connector)
	return w
}

func (w *xmWorld) as(t *testing.T, account, token string) *xmcloud.Client {
	t.Helper()
	hc := w.srv.Client()
	hc.Transport.(*http.Transport).DisableKeepAlives = true
	c, err := xmcloud.New(xmcloud.Config{
		HTTP: hc, Commit: hc, Endpoint: w.srv.URL, Account: account,
		Token: func(context.Context) (string, error) { return token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// login is one attempt at the front desk.
func (w *xmWorld) login(t *testing.T, user, password, code string) (xmcloud.UserToken, error) {
	t.Helper()
	return w.api.Login(t.Context(), xmcloud.Login{
		Username: user, Password: []byte(password), Application: "mfp", Terminal: frontDesk, OTP: code,
	})
}

// token signs Ann in.
func (w *xmWorld) token(t *testing.T) string {
	t.Helper()
	u, err := w.login(t, "ann", annsWord, "")
	if err != nil {
		t.Fatal(err)
	}
	return u.Token
}

// wantCode checks the code of a refusal and returns it.
func wantCode(t *testing.T, what string, err error, want xmcloud.Code) xmcloud.Error {
	t.Helper()
	var e *xmcloud.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: %v; want code %q", what, err, want)
		return xmcloud.Error{}
	}
	return *e
}

// codeAt is what an authenticator app shows.
func (w *xmWorld) codeAt(t *testing.T, after time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCodeCustom(secret, w.clock.now().Add(after), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// mails counts what was sent of a kind.
func (w *xmWorld) mailsOf(k faxcloud.MailKind) (out []faxcloud.Mail) {
	for _, m := range w.XM().Mails() {
		if m.Kind == k {
			out = append(out, m)
		}
	}
	return out
}
