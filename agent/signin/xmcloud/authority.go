package xmcloud

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// longest is asked for where terms name no end: as long as services grant by
// themselves.
const longest = 7 * 24 * time.Hour

// authority is a person's session at the service.
type authority struct {
	c        *Cloud
	user     string // the service's id of the person
	person   job.Person
	terminal signin.Terminal

	mu    sync.Mutex
	token string // "" once it has ended
	over  bool   // End was called
}

var _ signin.Authority = (*authority)(nil)

// errEnded says that there is no token any more.
var errEnded = errors.New("session at the fax service has ended")

// Service implements [signin.Authority].
func (a *authority) Service() string { return a.c.service }

// Grant implements [signin.Authority]: a ticket for the job, its recipients and
// the device where the person signed in, and for no other device. Where the
// service grants less time than asked the grant ends then.
func (a *authority) Grant(ctx context.Context, t signin.Terms) (job.Grant, error) {
	to := numbers(t.Recipients)
	switch {
	case t.Job == "" || t.Device != a.terminal.ID:
		return job.Grant{}, &signin.Refused{Problem: signin.Broken, Err: errors.New("terms of another device, or of no job")}
	case len(to) == 0 || len(to) > xmcloud.MaxRecipients:
		return job.Grant{}, &signin.Refused{
			Problem: signin.BadInput, Err: fmt.Errorf("ticket for %d recipients: 1 to %d", len(to), xmcloud.MaxRecipients),
		}
	}
	if t.Until.IsZero() {
		t.Until = a.c.now().Add(longest)
	}
	a.mu.Lock()
	token := a.token
	a.mu.Unlock()
	if token == "" {
		return job.Grant{}, &signin.Refused{Problem: signin.SignInAgain, Err: errEnded}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := a.c.client.Ticket(ctx, token, xmcloud.TicketRequest{
		DeviceID: a.terminal.ID, Job: string(t.Job), Recipients: to, NotBefore: t.NotBefore, Until: t.Until,
	})
	if err != nil {
		r := a.c.refused(ctx, err)
		if r.Problem == signin.SignInAgain {
			a.forget()
		}
		return job.Grant{}, r
	}
	if answer.User.ID != a.user {
		return job.Grant{}, &signin.Refused{Problem: signin.Broken, Err: errors.New("ticket of somebody else")}
	}
	until := t.Until
	if answer.Until.Before(until) {
		until = answer.Until
	}
	if !a.c.now().Before(until) {
		return job.Grant{}, &signin.Refused{Problem: signin.Clock, Err: errors.New("ticket that has ended already")}
	}
	return job.Grant{
		Kind: job.GrantTicket, Service: a.c.service, Account: a.c.service, Person: a.person.ID, Until: until,
		Ticket: xmcloud.Ticket{Ticket: answer.Ticket, DeviceID: a.terminal.ID, Job: string(t.Job)}.Encode(),
	}, nil
}

// forget drops a token that the service knows no more.
func (a *authority) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == "" {
		return
	}
	a.c.tokens.drop(a.token)
	a.token = ""
}

// End implements [signin.Authority]. The token ends at the service unless the same
// person has a second session at the device, which has the same token. It waits at
// most 5 s; a token that could not be given back ends by itself without use.
func (a *authority) End(ctx context.Context) error {
	a.mu.Lock()
	token, again := a.token, a.over
	a.token, a.over = "", true
	a.mu.Unlock()
	if again || token == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	leave, err := a.c.tokens.enter(ctx, a.terminal)
	if err != nil {
		a.c.tokens.drop(token)
		return fmt.Errorf("end session at fax service %s: %w", a.c.service, err)
	}
	defer leave()
	if !a.c.tokens.drop(token) {
		return nil
	}
	if err := a.c.client.EndToken(ctx, token); err != nil {
		return fmt.Errorf("end session at fax service %s: %w", a.c.service, a.c.refused(ctx, err))
	}
	return nil
}
