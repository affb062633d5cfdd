package idp

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// AttackRequest is the body of POST /_control/attack.
type AttackRequest struct {
	Attack Attack `json:"attack"`
	Victim string `json:"victim,omitempty"`
}

// ClockRequest is the body of POST /_control/clock.
type ClockRequest struct {
	ShiftMS int64 `json:"shift_ms"`
}

// RotateRequest is the body of POST /_control/rotate.
type RotateRequest struct {
	// Keep still publishes the old keys.
	Keep bool `json:"keep"`
}

// ControlHandler lets a scenario look and interfere. It must not be reachable
// by the product under test.
//
//	GET  /_control/attempts
//	POST /_control/attack   one AttackRequest; an empty attack is honest
//	POST /_control/clock    one ClockRequest
//	POST /_control/rotate   one RotateRequest
//	POST /_control/user     one User, added or replaced
func (s *SAML) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_control/attempts", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Attempts()) })
	control(mux, "POST /_control/attack", func(a AttackRequest) error { return s.SetAttack(a.Attack, a.Victim) })
	control(mux, "POST /_control/clock", func(c ClockRequest) error {
		s.SetClock(time.Duration(c.ShiftMS) * time.Millisecond)
		return nil
	})
	control(mux, "POST /_control/rotate", func(r RotateRequest) error {
		if err := s.Rotate(); err != nil {
			return err
		}
		if !r.Keep {
			s.Retire()
		}
		return nil
	})
	control(mux, "POST /_control/user", func(u User) error { s.SetUser(u); return nil })
	return mux
}

// ControlHandler lets a scenario look and interfere. It must not be reachable
// by the product under test.
//
//	GET  /_control/attempts
//	GET  /_control/polls
//	PUT  /_control/knobs    one Knobs, replacing all
//	POST /_control/rotate   one RotateRequest
//	POST /_control/user     one User, added or replaced
func (p *OIDC) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_control/attempts", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, p.Attempts()) })
	mux.HandleFunc("GET /_control/polls", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, p.Polls()) })
	control(mux, "PUT /_control/knobs", func(k Knobs) error { p.SetKnobs(k); return nil })
	control(mux, "POST /_control/rotate", func(r RotateRequest) error { return p.RotateKeys(r.Keep) })
	control(mux, "POST /_control/user", func(u User) error { p.SetUser(u); return nil })
	return mux
}

// control reads one JSON body, known keys only, and hands it to do.
func control[T any](mux *http.ServeMux, pattern string, do func(T) error) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var v T
		d := json.NewDecoder(io.LimitReader(r.Body, 64<<10))
		d.DisallowUnknownFields()
		err := d.Decode(&v)
		if err == nil {
			err = do(v)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
