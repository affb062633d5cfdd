package faxcloud

import (
	"fmt"
	"strings"
	"time"
)

// Outcome is what becomes of a fax.
type Outcome string

// The outcomes. A hanging fax is being sent for ever.
const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
	Hang      Outcome = "hang"
	Busy      Outcome = "busy"
)

// Rule decides what becomes of faxes to some numbers.
type Rule struct {
	// Prefix and Suffix select numbers; an empty one selects all.
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	// Outcome for the selected numbers. Busy fails the first Times faxes to each
	// number as busy and delivers the others.
	Outcome Outcome `json:"outcome"`
	Times   int     `json:"times,omitempty"`
	// Reason is the service's own final state for Failed, such as
	// failed_no_answer; default its plain failure.
	Reason string `json:"reason,omitempty"`
	// SendTime replaces the cloud's for these faxes.
	SendTime time.Duration `json:"send_time_ns,omitempty"`
}

// SetRules replaces all rules; faxes already committed keep theirs.
func (c *Cloud) SetRules(rules []Rule) error {
	for i, r := range rules {
		switch r.Outcome {
		case Delivered, Failed, Hang, Busy:
		default:
			return fmt.Errorf("rule %d: outcome %q is not delivered, failed, hang or busy", i+1, r.Outcome)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = append([]Rule(nil), rules...)
	return nil
}

// rule returns what is to become of a fax committed now to number. c.mu is held.
func (c *Cloud) rule(number string) Rule {
	for _, r := range c.rules {
		if !strings.HasPrefix(number, r.Prefix) || !strings.HasSuffix(number, r.Suffix) {
			continue
		}
		if r.Outcome == Busy && c.busy[number] >= r.Times {
			r.Outcome = Delivered
		} else if r.Outcome == Busy {
			c.busy[number]++
		}
		return r
	}
	return Rule{Outcome: Delivered}
}
