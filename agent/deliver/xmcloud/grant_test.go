package xmcloud_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/xmcloud"
	"github.com/platen-fax/platen/agent/job"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

func open(t *testing.T) (*world, *xmcloud.Service) {
	t.Helper()
	w := openWorld(t)
	return w, w.service(t, w.url, deliver.NewClients(deliver.ClientOptions{Roots: w.roots}))
}

func keep(map[string]string, int64) error { return nil }

// send uploads and submits.
func send(t *testing.T, s deliver.Service, f deliver.Fax) (string, error) {
	t.Helper()
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		return "", err
	}
	return s.Submit(t.Context(), f, refs)
}

// ticket signs Ann in at a device and gets a ticket for job j7.
func (w *world) ticket(t *testing.T, device string, life time.Duration, to ...string) []byte {
	t.Helper()
	clients := deliver.NewClients(deliver.ClientOptions{Roots: w.roots})
	t.Cleanup(clients.CloseIdle)
	c, err := wire.New(wire.Config{HTTP: clients.API, Commit: clients.Commit, Endpoint: w.url, Account: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Login(t.Context(), wire.Login{
		Username: "ann", Password: []byte("Correct-horse-1"), Application: "mfp", Terminal: wire.Terminal{ID: device, Name: "Somewhere"},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Ticket(t.Context(), u.Token, wire.TicketRequest{DeviceID: device, Job: "j7", Recipients: to, Until: w.clock.Now().Add(life)})
	if err != nil {
		t.Fatal(err)
	}
	return wire.Ticket{Ticket: a.Ticket, DeviceID: device, Job: "j7"}.Encode()
}

func TestGrantsDecideWhoseFaxItIs(t *testing.T) {
	w, s := open(t)
	for name, tt := range map[string]struct {
		grant job.Grant
		owner string
	}{
		"account":                {job.Grant{Kind: job.GrantAccount, Person: "u-ann"}, ""},
		"on behalf of":           {job.Grant{Kind: job.GrantOnBehalfOf, Person: "u-bob"}, "u-bob"},
		"on behalf of an e-mail": {job.Grant{Kind: job.GrantOnBehalfOf, Person: "BOB@acme.example"}, "u-bob"},
		"ticket":                 {job.Grant{Kind: job.GrantTicket, Person: "u-ann", Ticket: w.ticket(t, "second", time.Hour, good)}, "u-ann"},
	} {
		f := w.fax(t, "j7/"+strings.ReplaceAll(name, " ", "-")+"/1")
		f.Grant = tt.grant
		if _, err := send(t, s, f); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e := w.entries(f.Key); len(e) != 1 || e[0].Owner != tt.owner || e[0].From != from {
			t.Errorf("%s: %+v; want one of %q", name, e, tt.owner)
		}
	}
}

func TestGrantsThatAreRefused(t *testing.T) {
	w, s := open(t)
	behalf := func(p string) job.Grant { return job.Grant{Kind: job.GrantOnBehalfOf, Person: p} }
	short := w.ticket(t, device, time.Minute, good)
	w.clock.Pass(time.Minute)
	for name, tt := range map[string]struct {
		grant   job.Grant
		verdict deliver.Verdict
		stored  bool
	}{
		"nobody":               {behalf("u-nobody"), deliver.Refused, false},
		"no person":            {behalf(""), deliver.Refused, false},
		"a broken ticket":      {job.Grant{Kind: job.GrantTicket, Ticket: []byte("{")}, deliver.Refused, false},
		"a kind nobody knows":  {job.Grant{Kind: "wish"}, deliver.Refused, false},
		"a ticket of another":  {job.Grant{Kind: job.GrantTicket, Ticket: w.ticket(t, device, time.Hour, "+15145550199")}, deliver.Unauthorized, false},
		"a ticket that is out": {job.Grant{Kind: job.GrantTicket, Ticket: short}, deliver.Unauthorized, false},
	} {
		f := w.fax(t, "j7/1/1")
		f.Grant = tt.grant
		_, err := send(t, s, f)
		var e *deliver.Error
		if !errors.As(err, &e) || e.Verdict != tt.verdict || e.Stored != tt.stored || e.Reason != job.ReasonAuth {
			t.Errorf("%s: %v; want %s", name, err, tt.verdict)
		}
	}
	if n := len(w.cloud.Ledger()); n != 0 {
		t.Errorf("%d faxes", n)
	}
}

// TestDisabledPersonFailsAlone: what is wrong with one person stops neither the
// account nor the others.
func TestDisabledPersonFailsAlone(t *testing.T) {
	w, s := open(t)
	f := w.fax(t, "j7/1/1")
	f.Grant = job.Grant{Kind: job.GrantTicket, Ticket: w.ticket(t, device, time.Hour, good)}
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cloud.XM().EditUser("eu", "acme", "ann", func(u *faxcloud.XMUser) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	_, err = s.Submit(t.Context(), f, refs)
	var e *deliver.Error
	if !errors.As(err, &e) || e.Verdict != deliver.Refused || e.Reason != job.ReasonAuth || e.Code != "403 user_inactive" {
		t.Errorf("Submit: %v; want refused for auth", err)
	}
	g := w.fax(t, "j8/1/1")
	g.Grant = job.Grant{Kind: job.GrantOnBehalfOf, Person: "u-bob"}
	if _, err := send(t, s, g); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// TestRevokedConnectorIsNotThePersonsFault: with a good ticket, a refused stored
// credential says so.
func TestRevokedConnectorIsNotThePersonsFault(t *testing.T) {
	w, s := open(t)
	f := w.fax(t, "j7/1/1")
	f.Grant = job.Grant{Kind: job.GrantTicket, Ticket: w.ticket(t, device, time.Hour, good)}
	w.cloud.XM().Revoke(token)
	_, err := send(t, s, f)
	var e *deliver.Error
	if !errors.As(err, &e) || e.Verdict != deliver.Unauthorized || !e.Stored {
		t.Errorf("send: %v (stored %v); want the stored credential refused", err, e != nil && e.Stored)
	}
}

func TestNewTicketSendsTheSameFax(t *testing.T) {
	w, s := open(t)
	f := w.fax(t, "j7/1/1")
	f.Grant = job.Grant{Kind: job.GrantTicket, Ticket: w.ticket(t, device, time.Minute, good)}
	refs, err := s.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Pass(time.Minute)
	_, err = s.Submit(t.Context(), f, refs)
	var e *deliver.Error
	if !errors.As(err, &e) || e.Verdict != deliver.Unauthorized || e.Stored {
		t.Fatalf("Submit with a ticket that is out: %v", err)
	}
	f.Grant.Ticket = w.ticket(t, device, time.Hour, good)
	uploads := w.cloud.Calls(faxcloud.OpUpload)
	again, err := s.Upload(t.Context(), f, refs, f.Document.Size, keep)
	if err != nil || again["id"] != refs["id"] || w.cloud.Calls(faxcloud.OpUpload) != uploads {
		t.Fatalf("Upload again = %v, %v after %d more pieces; want the same fax and none", again, err, w.cloud.Calls(faxcloud.OpUpload)-uploads)
	}
	if _, err := s.Submit(t.Context(), f, again); err != nil || len(w.entries(f.Key)) != 1 {
		t.Errorf("Submit: %v, %d faxes", err, len(w.entries(f.Key)))
	}
}

func TestSearchIsNotSureOfAFaxWithoutItsKey(t *testing.T) {
	w, s := open(t)
	f := w.fax(t, "j7/1/1")
	if _, err := send(t, s, f); err != nil {
		t.Fatal(err)
	}
	hide := true
	w.cloud.Tune(faxcloud.Tune{HideComments: &hide})
	if ids, err := s.Search(t.Context(), f); !errors.Is(err, deliver.ErrNotSearchable) {
		t.Errorf("Search = %v, %v; want ErrNotSearchable", ids, err)
	}
}

func TestCodesBecomeVerdicts(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   deliver.Verdict
		reason job.Reason
		stored bool
	}{
		"bad number":                {422, "bad_number", deliver.Refused, job.ReasonBadNumber, false},
		"foreign sender":            {422, "foreign_number", deliver.Refused, job.ReasonNotAllowed, false},
		"document":                  {422, "bad_document", deliver.Refused, job.ReasonDocumentRejected, false},
		"incomplete":                {422, "document_incomplete", deliver.NotTaken, job.ReasonService, false},
		"gone":                      {404, "not_found", deliver.NotTaken, job.ReasonService, false},
		"rate":                      {429, "rate_limited", deliver.NotTaken, job.ReasonService, false},
		"credit":                    {402, "insufficient_credit", deliver.Refused, job.ReasonCredit, false},
		"token":                     {401, "invalid_token", deliver.Unauthorized, job.ReasonAuth, true},
		"permission":                {403, "not_permitted", deliver.Unauthorized, job.ReasonAuth, true},
		"device":                    {403, "device_not_enrolled", deliver.Unauthorized, job.ReasonAuth, true},
		"ticket":                    {403, "ticket_used", deliver.Unauthorized, job.ReasonAuth, false},
		"an unknown 401":            {401, "something", deliver.Unauthorized, job.ReasonAuth, false},
		"an unknown 409":            {409, "something", deliver.Ambiguous, job.ReasonUnknown, false},
		"a refusal's word with 500": {500, "bad_number", deliver.Ambiguous, job.ReasonUnknown, false},
		"a refusal's word with 200": {200, "bad_number", deliver.Ambiguous, job.ReasonUnknown, false},
	} {
		clients := deliver.Clients{}
		answer := func(r *http.Request) (*http.Response, error) {
			resp := &http.Response{StatusCode: tt.status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r}
			body := `{"result":false,"code":"` + tt.body + `"}`
			if strings.HasSuffix(r.URL.Path, "/portal/host") {
				resp.StatusCode, body = 200, "https://fax.example/"
			}
			resp.Body = nopCloser{strings.NewReader(body)}
			return resp, nil
		}
		clients.API, clients.Commit = &http.Client{Transport: tripper(answer)}, &http.Client{Transport: tripper(answer)}
		s, err := xmcloud.New(xmcloud.Options{
			ID: "main", Endpoint: "https://fax.example", Account: "acme", Device: device, Clients: clients,
			Token: func(context.Context) (string, error) { return token, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Submit(t.Context(), deliver.Fax{Key: "j7/1/1", To: good}, map[string]string{"id": "8c1f"})
		var e *deliver.Error
		if !errors.As(err, &e) || e.Verdict != tt.want || e.Reason != tt.reason || e.Stored != tt.stored {
			t.Errorf("%s: %+v; want %s, %s", name, err, tt.want, tt.reason)
		}
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		buf := make([]byte, 512)
		for {
			if _, err := r.Body.Read(buf); err != nil {
				break
			}
		}
	}
	return f(r)
}

type nopCloser struct{ *strings.Reader }

func (nopCloser) Close() error { return nil }
