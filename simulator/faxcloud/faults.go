package faxcloud

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Op is an operation that can be made to go wrong.
type Op string

// The operations. List is outbox and history; Get is one fax of either. The last
// five are of the XM-style cloud, whose list is status and search and whose
// login is everything that gives out a user's token.
const (
	OpUpload  Op = "upload"
	OpSend    Op = "send"
	OpList    Op = "list"
	OpGet     Op = "get"
	OpDelete  Op = "delete"
	OpAccount Op = "account"

	OpCreate   Op = "create"
	OpDiscover Op = "discover"
	OpLogin    Op = "login"
	OpDevice   Op = "device"
	OpTicket   Op = "ticket"
)

// Ops lists the operations of a service, or of all with "".
func Ops(name string) []Op {
	switch name {
	case FaxPlus:
		return []Op{OpUpload, OpSend, OpList, OpGet, OpDelete, OpAccount}
	case XMCloud:
		return []Op{OpUpload, OpSend, OpList, OpDelete, OpAccount, OpCreate, OpDiscover, OpLogin, OpDevice, OpTicket}
	}
	return []Op{OpUpload, OpSend, OpList, OpGet, OpDelete, OpAccount, OpCreate, OpDiscover, OpLogin, OpDevice, OpTicket}
}

// Action is what goes wrong.
type Action string

// The actions.
const (
	// Answer answers with Code (and Retry-After) instead.
	Answer Action = "answer"
	// Cut closes the connection without an answer.
	Cut Action = "cut"
	// Slow waits for Delay, or until released when Delay is 0, and goes on.
	Slow Action = "slow"
	// Stall waits until released or given up, and then cuts.
	Stall Action = "stall"
)

// Stage is the moment in a request at which an action strikes.
type Stage string

// The stages: before the body is read; after it was read; after the request has
// taken effect and before its answer.
const (
	Head   Stage = "head"
	Body   Stage = "body"
	Effect Stage = "effect"
)

// Fault makes some calls of one operation go wrong.
type Fault struct {
	// Service limits the fault to one; empty strikes whichever comes.
	Service string `json:"service,omitempty"`
	Op      Op     `json:"op"`
	Action  Action `json:"action"`
	// Stage defaults to Head for Answer and to Body for the others.
	Stage Stage `json:"stage,omitempty"`
	// Nth is the first call that goes wrong, counted from 1 from now on;
	// 0 means the next.
	Nth int `json:"nth,omitempty"`
	// Times is how many calls go wrong; 0 means one, negative for ever.
	Times int `json:"times,omitempty"`
	// Code and RetryAfter (rounded up to seconds, 0 for none) are for Answer.
	Code       int           `json:"code,omitempty"`
	RetryAfter time.Duration `json:"-"`
	// Delay is for Slow.
	Delay time.Duration `json:"-"`
}

// service is an operation of a service.
type service struct {
	name string
	op   Op
}

type faults struct {
	mu      sync.Mutex
	list    []*Fault
	calls   map[service]int
	release chan struct{}
	closed  bool
}

func (f *faults) init() {
	f.calls = make(map[service]int)
	f.release = make(chan struct{})
}

func (f *faults) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.release)
	}
}

// Inject adds a fault. Of several for one call, the first added strikes.
func (c *Cloud) Inject(f Fault) error {
	if !slices.Contains(Ops(""), f.Op) {
		return fmt.Errorf("fault: unknown operation %q", f.Op)
	}
	if f.Service != "" && !slices.Contains(Services(), f.Service) {
		return fmt.Errorf("fault: unknown service %q", f.Service)
	}
	switch f.Action {
	case Answer, Cut, Slow, Stall:
	default:
		return fmt.Errorf("fault: unknown action %q", f.Action)
	}
	switch f.Stage {
	case "":
		f.Stage = Body
		if f.Action == Answer {
			f.Stage = Head
		}
	case Head, Body, Effect:
	default:
		return fmt.Errorf("fault: unknown stage %q", f.Stage)
	}
	if f.Action == Answer && (f.Code < 300 || f.Code > 599) {
		return fmt.Errorf("fault: answer with code %d", f.Code)
	}
	f.Nth = max(f.Nth, 1)
	if f.Times == 0 {
		f.Times = 1
	}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.list = append(c.faults.list, &f)
	return nil
}

// ClearFaults removes every fault and releases held requests.
func (c *Cloud) ClearFaults() {
	c.faults.mu.Lock()
	c.faults.list = nil
	c.faults.mu.Unlock()
	c.Release()
}

// Release lets every request go on that is held now.
func (c *Cloud) Release() {
	f := &c.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		close(f.release)
		f.release = make(chan struct{})
	}
}

// Calls returns how many requests of an operation have arrived at any service
// with a good token, whatever became of them.
func (c *Cloud) Calls(op Op) int { return c.CallsOf(FaxPlus, op) + c.CallsOf(XMCloud, op) }

// CallsOf is Calls of one service.
func (c *Cloud) CallsOf(name string, op Op) int {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	return c.faults.calls[service{name, op}]
}

// pick counts a call and returns the fault that strikes it, or nil.
func (f *faults) pick(name string, op Op) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[service{name, op}]++
	var hit *Fault
	for i := 0; i < len(f.list); i++ {
		x := f.list[i]
		switch {
		case x.Op != op || (x.Service != "" && x.Service != name):
		case x.Nth > 1:
			x.Nth--
		case hit == nil:
			hit = x
			if x.Times > 0 {
				if x.Times--; x.Times == 0 {
					f.list = append(f.list[:i], f.list[i+1:]...)
					i--
				}
			}
		}
	}
	return hit
}

// strike carries out fault x if this is its stage. It reports whether the
// request has been answered. A cut ends the handler by panic, which is how
// net/http closes a connection without an answer.
func (c *Cloud) strike(x *Fault, stage Stage, w http.ResponseWriter, r *http.Request) bool {
	return c.strikeFor(FaxPlus, x, stage, w, r)
}

func (c *Cloud) strikeFor(name string, x *Fault, stage Stage, w http.ResponseWriter, r *http.Request) bool {
	if x == nil || x.Stage != stage {
		return false
	}
	switch x.Action {
	case Answer:
		if x.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((x.RetryAfter+time.Second-1)/time.Second)))
		}
		c.refuseFor(name, w, r, x.Code, "fault", "made to fail")
		return true
	case Slow:
		c.hold(r, x.Delay)
		return false
	case Stall:
		c.hold(r, 0)
	}
	panic(http.ErrAbortHandler)
}

// hold waits for d, or without d until released; never longer than the client.
func (c *Cloud) hold(r *http.Request, d time.Duration) {
	c.faults.mu.Lock()
	release := c.faults.release
	c.faults.mu.Unlock()
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-after:
	case <-release:
	case <-r.Context().Done():
	}
}
