package idp_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/platen-fax/platen/simulator/idp"
)

var loginField = regexp.MustCompile(`name="login" value="([^"]*)"`)

// TestAuthorizationCode signs in with a browser: the code is good once, for the
// application, the address and the verifier it was made for.
func TestAuthorizationCode(t *testing.T) {
	const back = "https://app.example/back"
	var pages http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	defer srv.Close()
	p, err := idp.NewOIDC(idp.OIDCOptions{
		Shape: idp.Okta, Base: srv.URL, Clients: map[string]string{"app": "App", "other": "Other"}, Returns: map[string][]string{"app": {back}},
		Users: []idp.User{{Name: "ann", Password: "word", Email: "ann@acme.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages = p.Handler()
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	do := func(method, path string, form url.Values) (int, string, *url.URL) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(resp.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, html.UnescapeString(string(body)), to
	}
	verifier := oauth2.GenerateVerifier()
	ask := func(change map[string]string) string {
		q := url.Values{
			"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {back}, "state": {"s"}, "nonce": {"n"},
			"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
		}
		for k, v := range change {
			q.Set(k, v)
		}
		return "/authorize?" + q.Encode()
	}
	for name, change := range map[string]map[string]string{
		"another address":         {"redirect_uri": "https://evil.example/"},
		"an unknown application":  {"client_id": "evil"},
		"another's address":       {"client_id": "other"},
		"an address with a twist": {"redirect_uri": back + "/.."},
	} {
		if code, _, to := do("GET", ask(change), nil); code != 400 || to.String() != "" {
			t.Errorf("%s: %d to %s; want 400 and no redirect", name, code, to)
		}
	}
	if _, _, to := do("GET", ask(map[string]string{"code_challenge_method": "plain"}), nil); to.Query().Get("error") != "invalid_request" {
		t.Errorf("without a hashed challenge: back to %s", to)
	}

	login := func() string {
		_, body, _ := do("GET", ask(nil), nil)
		id := loginField.FindStringSubmatch(body)[1]
		if code, body, _ := do("POST", "/authorize", url.Values{"login": {id}, "user": {"ann"}, "password": {"wrong"}}); code != 200 || !strings.Contains(body, "not correct") {
			t.Errorf("a wrong password: %d %s", code, body)
		}
		code, _, to := do("POST", "/authorize", url.Values{"login": {id}, "user": {"ann"}, "password": {"word"}})
		if code != 303 || to.Query().Get("state") != "s" || to.Query().Get("iss") != p.Issuer() {
			t.Fatalf("signed in: %d, back to %s", code, to)
		}
		return to.Query().Get("code")
	}
	redeem := func(code string, change map[string]string) (int, string) {
		f := url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "redirect_uri": {back}, "code": {code}, "code_verifier": {verifier}}
		for k, v := range change {
			f.Set(k, v)
		}
		status, body, _ := do("POST", "/oauth2/v1/token", f)
		return status, body
	}
	code := login()
	if status, body := redeem(code, nil); status != 200 || !strings.Contains(body, "id_token") {
		t.Errorf("the code: %d %s", status, body)
	}
	if status, body := redeem(code, nil); status != 400 || !strings.Contains(body, "invalid_grant") {
		t.Errorf("the code again: %d %s; want invalid_grant", status, body)
	}
	for name, change := range map[string]map[string]string{
		"another application": {"client_id": "other"},
		"another address":     {"redirect_uri": "https://evil.example/"},
		"another verifier":    {"code_verifier": oauth2.GenerateVerifier()},
		"no verifier":         {"code_verifier": ""},
	} {
		code := login()
		if status, _ := redeem(code, change); status != 400 {
			t.Errorf("%s: %d; want 400", name, status)
		}
		if status, _ := redeem(code, nil); status != 400 {
			t.Errorf("after %s the code was still good", name)
		}
	}
}
