package adfs

import (
	"slices"
	"time"
)

// Request is one HTTP request that reached the farm, by whatever way.
type Request struct {
	At     time.Time
	Method string
	Host   string // as the client named it
	Path   string
	TLS    bool
	Proto  string
	// Username and Password are what the message held; "" where it held none or
	// was not understood.
	Username string
	Password string
	// Result is what became of it: "issued", "wrong password", "locked", …
	Result string
}

// Requests returns every request so far, oldest first.
func (s *STS) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Passwords returns the requests that brought a password, oldest first.
func (s *STS) Passwords() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.Password == "" })
}

// Forget empties the record.
func (s *STS) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}
