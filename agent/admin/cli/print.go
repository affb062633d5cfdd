package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/job"
)

// stamp writes a time as people read it here.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// state is the outcome once there is one, and what a ready job does before.
func state(j admin.Job) string {
	if j.Outcome != job.OutcomeNone {
		return string(j.Outcome)
	}
	if j.State == job.Ready && len(j.Deliveries) == 1 {
		return string(j.Deliveries[0].State)
	}
	return string(j.State)
}

// to names the recipients, masked: the first and how many more.
func to(j admin.Job) string {
	switch n := len(j.Deliveries); n {
	case 0:
		return "-"
	case 1:
		return j.Deliveries[0].To
	default:
		return fmt.Sprintf("%s +%d", j.Deliveries[0].To, n-1)
	}
}

func table(jobs []admin.Job) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAX\tDEVICE\tPAGES\tTO\tSTATE\tACCEPTED")
	for _, j := range jobs {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", j.Number, j.Device, j.Pages, to(j), state(j), stamp(j.Accepted))
	}
	w.Flush()
	return b.String()
}

// after says what a wish led to.
func after(verb string, j admin.Job) string {
	switch verb {
	case "cancel":
		for _, d := range j.Deliveries {
			if d.Cancel {
				return fmt.Sprintf("Fax %s: the wish to cancel is noted. The fax service has the fax, its answer decides.\n\n", j.Number)
			}
		}
		return fmt.Sprintf("Fax %s is cancelled where it was not sent yet.\n\n", j.Number)
	case "retry":
		return fmt.Sprintf("Fax %s is tried again.\n\n", j.Number)
	case "decide":
		return fmt.Sprintf("Fax %s: your word is recorded.\n\n", j.Number)
	}
	return ""
}

func describe(j admin.Job) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	line("fax", "%s", j.Number)
	line("id", "%s", j.ID)
	line("device", "%s", j.Device)
	if j.Owner != "" {
		line("owner", "%s", j.Owner)
	}
	line("state", "%s", state(j))
	if j.Reason != job.ReasonNone {
		line("reason", "%s", j.Reason)
	}
	if j.Detail != "" {
		line("detail", "%s", j.Detail)
	}
	pages := "kept"
	if !j.Erased.IsZero() {
		pages = "erased " + stamp(j.Erased)
	}
	line("pages", "%d, %s", j.Pages, pages)
	line("created", "%s", stamp(j.Created))
	line("accepted", "%s", stamp(j.Accepted))
	if !j.NotBefore.IsZero() {
		line("not before", "%s", stamp(j.NotBefore))
	}
	if !j.Ended.IsZero() {
		line("ended", "%s", stamp(j.Ended))
	}
	for _, d := range j.Deliveries {
		line(fmt.Sprintf("recipient %d", d.Recipient), "%s  %s since %s", d.To, d.State, stamp(d.Since))
		line("", "try %d through %s%s", d.Try, d.Service, more(d))
		for _, t := range d.Tries {
			line("", "try %d through %s ended %s: %s", t.N, t.Service, stamp(t.Ended), because(t.Reason, t.Code))
		}
	}
	w.Flush()
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// more is what else is known of a delivery.
func more(d admin.Delivery) string {
	var s string
	if d.Reason != job.ReasonNone {
		s += ", " + because(d.Reason, d.Code)
	}
	if d.Pages > 0 {
		s += fmt.Sprintf(", %d pages confirmed", d.Pages)
	}
	if d.FaxID != "" {
		s += ", fax id " + d.FaxID
	}
	if !d.State.Final() && !d.Due.IsZero() {
		s += ", next at " + stamp(d.Due)
	}
	if d.Cancel {
		s += ", to be cancelled"
	}
	if d.DecidedBy != "" {
		s += ", decided by " + d.DecidedBy
	}
	return s
}

func because(r job.Reason, code string) string {
	if code == "" {
		return string(r)
	}
	return fmt.Sprintf("%s (%s)", r, code)
}
