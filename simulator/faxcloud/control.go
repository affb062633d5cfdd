package faxcloud

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// LedgerAnswer is the body of GET /_control/ledger.
type LedgerAnswer struct {
	Entries []Entry `json:"entries"`
	Doubled int     `json:"doubled"`
}

// FaultRequest is the body of POST /_control/faults: a [Fault] with its times in
// milliseconds.
type FaultRequest struct {
	Fault
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
	DelayMS      int64 `json:"delay_ms,omitempty"`
}

// TuneRequest is the body of POST /_control/tune: a [Tune] with its times in
// milliseconds.
type TuneRequest struct {
	SendTimeMS   *int64 `json:"send_time_ms,omitempty"`
	ListLagMS    *int64 `json:"list_lag_ms,omitempty"`
	HideComments *bool  `json:"hide_comments,omitempty"`
	SameIDs      *bool  `json:"same_ids,omitempty"`
}

// ControlHandler lets a scenario look and interfere. It must not be reachable
// by the product under test.
//
//	GET    /_control/ledger
//	POST   /_control/faults   one FaultRequest
//	DELETE /_control/faults   removes all, releases held requests
//	POST   /_control/release  releases held requests
//	PUT    /_control/rules    a list of Rule
//	POST   /_control/tune     one TuneRequest
//	POST   /_control/tokens   one Token, added or replaced (revoked: true revokes)
func (c *Cloud) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_control/ledger", func(w http.ResponseWriter, _ *http.Request) {
		c.answer(w, http.StatusOK, LedgerAnswer{Entries: c.Ledger(), Doubled: c.Doubled()})
	})
	control(mux, "POST /_control/faults", func(f FaultRequest) error {
		f.RetryAfter = time.Duration(f.RetryAfterMS) * time.Millisecond
		f.Delay = time.Duration(f.DelayMS) * time.Millisecond
		return c.Inject(f.Fault)
	})
	mux.HandleFunc("DELETE /_control/faults", func(w http.ResponseWriter, _ *http.Request) {
		c.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_control/release", func(w http.ResponseWriter, _ *http.Request) {
		c.Release()
		w.WriteHeader(http.StatusNoContent)
	})
	control(mux, "PUT /_control/rules", c.SetRules)
	control(mux, "POST /_control/tune", func(t TuneRequest) error {
		c.Tune(Tune{millis(t.SendTimeMS), millis(t.ListLagMS), t.HideComments, t.SameIDs})
		return nil
	})
	control(mux, "POST /_control/tokens", func(t Token) error {
		c.AddToken(t)
		return nil
	})
	return mux
}

func millis(ms *int64) *time.Duration {
	if ms == nil {
		return nil
	}
	d := time.Duration(*ms) * time.Millisecond
	return &d
}

// control registers a handler that decodes one strict JSON value and answers
// 204, or 400 with the error as text.
func control[T any](mux *http.ServeMux, pattern string, do func(T) error) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
		dec.DisallowUnknownFields()
		var v T
		err := dec.Decode(&v)
		if err == nil {
			err = do(v)
		}
		if err != nil {
			http.Error(w, fmt.Sprintf("%s: %v", pattern, err), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
