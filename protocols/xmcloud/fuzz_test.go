package xmcloud_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// wraps reports a parser's error that wraps neither sentinel.
func wraps(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, xmcloud.ErrWire) && !errors.Is(err, xmcloud.ErrTooLarge) {
		t.Errorf("error %v wraps no sentinel", err)
	}
}

// FuzzLogin: what a client writes is what the server reads, whatever people type.
func FuzzLogin(f *testing.F) {
	f.Add("ann@acme.example", []byte(`p"\é<&`), "123456")
	f.Add("", []byte("\x00\x1f\u2028\x7f"), "")
	f.Add("a", []byte{0xff}, "")
	f.Fuzz(func(t *testing.T, user string, password []byte, otp string) {
		l := xmcloud.Login{Account: "acme", Username: user, Password: password, Application: "mfp", Terminal: desk, OTP: otp}
		body, err := xmcloud.AppendLogin(l)
		if err != nil {
			wraps(t, err)
			return
		}
		if len(body) > xmcloud.MaxRequest {
			return
		}
		got, err := xmcloud.ParseLogin("application/json", bytes.NewReader(body))
		if user == "" {
			wraps(t, err)
			return
		}
		if err != nil || !bytes.Equal(got.Password, password) {
			t.Errorf("password %q became %q, %v", password, got.Password, err)
		}
		if want := strings.ToValidUTF8(user, "\ufffd"); got.Username != want && !strings.Contains(user, "\xff") && want == user {
			t.Errorf("user %q became %q", user, got.Username)
		}
	})
}

// FuzzParse: foreign bytes are read, or refused with a sentinel.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"reference":"j7/1/1","to":"+15145550123","sha256":"00","size":4}`), "bytes 0-3/4")
	f.Add([]byte(`permalink=acme&username=ann&password=x&application_type=mfp&device_id=d`), "bytes 3-2/4")
	f.Add([]byte(`{"ticket":"t","device_id":"d","job":"j"}`), "bytes 0-0/1")
	f.Fuzz(func(t *testing.T, data []byte, span string) {
		_, err := xmcloud.ParseJSON[xmcloud.CommitRequest](bytes.NewReader(data), xmcloud.MaxCommit)
		wraps(t, err)
		_, err = xmcloud.ParseJSON[xmcloud.CreateRequest](bytes.NewReader(data), xmcloud.MaxRequest)
		wraps(t, err)
		_, err = xmcloud.ParseJSON[xmcloud.TicketRequest](bytes.NewReader(data), xmcloud.MaxRequest)
		wraps(t, err)
		for _, media := range []string{"application/json", "application/x-www-form-urlencoded", span} {
			_, err = xmcloud.ParseLogin(media, bytes.NewReader(data))
			wraps(t, err)
		}
		if ticket, err := xmcloud.ParseTicket(data); err == nil {
			if again, err := xmcloud.ParseTicket(ticket.Encode()); err != nil || again != ticket {
				t.Errorf("ticket %+v became %+v, %v", ticket, again, err)
			}
		} else {
			wraps(t, err)
		}
		off, n, total, err := xmcloud.ParseRange(span)
		wraps(t, err)
		if err == nil && (off < 0 || n <= 0 || off+n > total) {
			t.Errorf("ParseRange(%q) = %d, %d, %d", span, off, n, total)
		}
		if code, ok := xmcloud.FoldCode(string(data)); ok {
			if again, ok := xmcloud.FoldCode(code); !ok || again != code {
				t.Errorf("FoldCode(%q) = %q, and of that %q", data, code, again)
			}
		}
	})
}

// FuzzAnswer: whatever a server answers, a refusal's waits and offsets stay in
// bounds and a success has what it promises.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"result":true,"fax":{"id":"8c1f0a77"}}`))
	f.Add(403, []byte(`{"result":false,"code":"locked","retry_after":-1,"offset":-5}`))
	f.Add(400, []byte(`{"error":"slow_down"}`))
	f.Add(200, []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var out xmcloud.FaxAnswer
		err := xmcloud.SettleAnswer("commit", status, http.Header{"Retry-After": {string(body)}}, body, &out)
		var e *xmcloud.Error
		if err == nil {
			if status < 200 || status > 299 || !bytes.Contains(body, []byte("{")) {
				t.Errorf("%d %q was taken as a success", status, body)
			}
			return
		}
		if !errors.As(err, &e) || e.RetryAfter < 0 || e.RetryAfter.Hours() > 24 || e.Offset < 0 {
			t.Errorf("error %#v", err)
		}
	})
}
