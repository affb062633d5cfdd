package xmcloud_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

var csrf = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// phone is a person's browser at the service's pages.
type phone struct {
	http *http.Client
	page string
}

func (p *phone) do(t *testing.T, method, u string, v url.Values) {
	t.Helper()
	if m := csrf.FindStringSubmatch(p.page); m != nil {
		v.Set("csrf", m[1])
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u, strings.NewReader(v.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v\n%s", u, resp.StatusCode, err, page)
	}
	p.page = string(page)
}

// decide signs somebody in on a phone and taps yes or no.
func (w *world) decide(t *testing.T, d signin.DeviceCode, answer string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	hc := *w.srv.Client()
	hc.Jar = jar
	p := &phone{http: &hc}
	p.do(t, http.MethodGet, d.Complete, url.Values{})
	p.do(t, http.MethodPost, d.Complete+"/signin", url.Values{"user": {"ann"}, "password": {annsWord}})
	if !strings.Contains(p.page, d.Match) || !strings.Contains(p.page, frontDesk.Name) {
		t.Errorf("the phone shows neither %s nor where:\n%s", d.Match, p.page)
	}
	p.do(t, http.MethodPost, d.Complete+"/decide", url.Values{"answer": {answer}})
}

func (w *world) start(t *testing.T) signin.DeviceCode {
	t.Helper()
	d, err := w.in.StartDevice(t.Context(), frontDesk)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// poll waits out the interval on the test's clock and asks once.
func (w *world) poll(t *testing.T, d signin.DeviceCode) (id signin.Identity, wait, slower bool, err error) {
	t.Helper()
	w.clock.Pass(d.Interval)
	id, wait, slower, err = w.in.PollDevice(t.Context(), d.Device, frontDesk)
	w.heard(err)
	return id, wait, slower, err
}

// TestDeviceCodeSignsIn is the whole way by phone; no password passes the agent.
func TestDeviceCodeSignsIn(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	want := signin.DeviceCode{
		Device: d.Device, User: d.User, Match: d.Match, Address: w.srv.URL + "/device", Complete: w.srv.URL + "/d/" + d.User,
		Expires: begin.Add(4 * time.Minute), Interval: 5 * time.Second,
	}
	if code, ok := wire.FoldCode(d.User); d != want || !ok || code != d.User || len(d.Match) != 2 || d.Device == "" {
		t.Errorf("code %+v; want %+v", d, want)
	}
	if id, wait, slower, err := w.poll(t, d); id.Authority != nil || !wait || slower || err != nil {
		t.Errorf("before anybody came: wait %v, slower %v, %v", wait, slower, err)
	}
	w.decide(t, d, "yes")
	id, wait, _, err := w.poll(t, d)
	if err != nil || wait || id.Person.ID != "ann@acme.example" || id.Way != signin.WayPhone || id.Ask {
		t.Fatalf("after yes: %+v, wait %v, %v; want Ann", id, wait, err)
	}
	if n := w.asked(loginLine); n != 0 {
		t.Errorf("%d requests with a password by the agent", n)
	}
	if _, err := id.Authority.Grant(t.Context(), w.terms(toN)); err != nil {
		t.Errorf("a ticket: %v", err)
	}
	_, wait, _, err = w.poll(t, d)
	if w.want(t, "the same code again", err, signin.CodeExpired, false); wait {
		t.Error("a used code may be asked about again")
	}
}

func TestDeviceCodeSlowsDown(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	if _, wait, slower, err := w.poll(t, d); !wait || slower || err != nil {
		t.Errorf("in time: wait %v, slower %v, %v", wait, slower, err)
	}
	w.clock.Pass(d.Interval - time.Second)
	if _, wait, slower, err := w.in.PollDevice(t.Context(), d.Device, frontDesk); !wait || !slower || err != nil {
		t.Errorf("too soon: wait %v, slower %v, %v; want both", wait, slower, err)
	}
}

func TestDeviceCodeDeclined(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	w.decide(t, d, "no")
	_, wait, _, err := w.poll(t, d)
	if w.want(t, "after no", err, signin.Declined, false); wait {
		t.Error("a declined code may be asked about again")
	}
}

func TestDeviceCodeRunsOut(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	w.clock.Pass(d.Expires.Sub(w.clock.Now()))
	_, wait, _, err := w.poll(t, d)
	if w.want(t, "after its end", err, signin.CodeExpired, false); wait {
		t.Error("a code that ran out may be asked about again")
	}
}

// TestDeviceCodeEndsTheOneBefore: a device has one code at a time.
func TestDeviceCodeEndsTheOneBefore(t *testing.T) {
	w := open(t, nil)
	first := w.start(t)
	w.start(t)
	_, _, _, err := w.poll(t, first)
	w.want(t, "the first code", err, signin.CodeExpired, false)
}

// TestDeviceCodeOfAnotherDevice is no code.
func TestDeviceCodeOfAnotherDevice(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	w.decide(t, d, "yes")
	_, _, _, err := w.in.PollDevice(t.Context(), d.Device, second)
	w.want(t, "at another device", err, signin.CodeExpired, false)
}

// TestDeviceCodesAreLimited: whoever taps "new code" all day is told until when.
func TestDeviceCodesAreLimited(t *testing.T) {
	w := open(t, nil)
	var err error
	for range 11 {
		_, err = w.in.StartDevice(t.Context(), frontDesk)
	}
	if r := w.want(t, "the eleventh", err, signin.TooManyTries, false); !r.Until.Equal(begin.Add(time.Minute)) {
		t.Errorf("until %v; want in a minute", r.Until)
	}
}

// TestDeviceCodeSurvivesAnOutage: a poll without an answer says that another is
// allowed, more slowly.
func TestDeviceCodeSurvivesAnOutage(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	for _, f := range []faxcloud.Fault{{Action: faxcloud.Cut}, {Action: faxcloud.Answer, Code: 503}, {Action: faxcloud.Answer, Code: 429}} {
		want := signin.ServiceDown
		if f.Code == http.StatusTooManyRequests {
			want = signin.TooManyTries
		}
		f.Service, f.Op = faxcloud.XMCloud, faxcloud.OpLogin
		if err := w.Inject(f); err != nil {
			t.Fatal(err)
		}
		_, wait, slower, err := w.poll(t, d)
		if w.want(t, string(f.Action), err, want, false); !wait || !slower {
			t.Errorf("%s %d: wait %v, slower %v; want both", f.Action, f.Code, wait, slower)
		}
	}
	w.decide(t, d, "yes")
	if id, _, _, err := w.poll(t, d); err != nil || id.Authority == nil {
		t.Errorf("after the outage: %v", err)
	}
}

// TestDeviceCodeForSomebodyDisabled: disabled between the tap and the poll.
func TestDeviceCodeForSomebodyDisabled(t *testing.T) {
	w := open(t, nil)
	d := w.start(t)
	w.decide(t, d, "yes")
	if err := w.XM().EditUser("eu", "acme", "ann", func(u *faxcloud.XMUser) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	_, wait, _, err := w.poll(t, d)
	if w.want(t, "a disabled person", err, signin.PersonDisabled, false); wait {
		t.Error("may be asked about again")
	}
}

// TestVerificationPageElsewhereIsNotShown: a QR code leads to the portal or
// nowhere.
func TestVerificationPageElsewhereIsNotShown(t *testing.T) {
	w := open(t, nil)
	in := answering(t, http.StatusOK, `{"device_code":"c","user_code":"BCDF-GHJK","verification_uri":"https://evil.example/device",`+
		`"verification_uri_complete":"https://evil.example/d/BCDF-GHJK","expires_in":240}`)
	d, err := in.StartDevice(t.Context(), frontDesk)
	if w.want(t, "a page elsewhere", err, signin.ServiceConfig, false); d != (signin.DeviceCode{}) {
		t.Errorf("code %+v", d)
	}
}
