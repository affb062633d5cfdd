package badge_test

import (
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/badge"
)

func wantTap(t *testing.T, what string, tap signin.Tap, person job.Person, problem signin.Problem) {
	t.Helper()
	var got signin.Problem
	if tap.Refused != nil {
		got = tap.Refused.Problem
	}
	if tap.Person != person || got != problem {
		t.Errorf("%s = %+v, %q; want %+v, %q", what, tap.Person, got, person, problem)
	}
}

// TestLink is the life of a link: made, kept over a restart, checked at each
// tap, ended with its person, and free for the next one.
func TestLink(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	tap := w.tapped(b, "55555555")
	wantTap(t, "a new badge", tap, job.Person{}, signin.BadgeUnknown)
	must(t, b.Link(t.Context(), tap.Link, bob))
	w.reopen()
	b = w.badges(nil)
	wantTap(t, "the linked badge", w.tapped(b, "55555555"), bob, "")
	wantTap(t, "another badge", w.tapped(b, "66666666"), job.Person{}, signin.BadgeUnknown)
	wantTap(t, "with linking off since", w.tapped(w.badges(func(o *badge.Options) { o.Link = false }), "55555555"), bob, "")
	if all := w.stored(); strings.Contains(all, "55555555") || strings.Contains(all, bob.ID) {
		t.Error("the state directory names the badge or the person")
	}

	w.people(strings.Replace(people, "bob,yes", "bob,no", 1))
	wantTap(t, "Bob disabled", w.tapped(b, "55555555"), job.Person{}, signin.PersonDisabled)
	w.people(strings.Replace(people, "bob,yes,", "bob,yes,no", 1))
	wantTap(t, "Bob not allowed", w.tapped(b, "55555555"), job.Person{}, signin.NotAllowed)
	w.people(strings.Replace(people, "Bob,bob", "Robert,bob", 1))
	wantTap(t, "Bob renamed", w.tapped(b, "55555555"), job.Person{ID: bob.ID, Name: "Robert", Email: bob.Email}, "")

	w.people(strings.Replace(people, "11223344,bob@example.com,Bob,bob,yes,\n", "", 1))
	gone := w.tapped(b, "55555555")
	wantTap(t, "Bob left", gone, job.Person{}, signin.BadgeUnknown)
	wantProblem(t, "Link by Bob who left", b.Link(t.Context(), gone.Link, bob), signin.PersonUnknown)
	must(t, b.Link(t.Context(), gone.Link, ann))
	w.people(people)
	wantTap(t, "now Ann's", w.tapped(b, "55555555"), ann, "")
	must(t, b.Unlink(t.Context(), bob.ID))
	wantTap(t, "after Bob's links ended", w.tapped(b, "55555555"), ann, "")
	must(t, b.Unlink(t.Context(), ann.ID))
	wantTap(t, "after Ann's links ended", w.tapped(b, "55555555"), job.Person{}, signin.BadgeUnknown)
	must(t, b.Unlink(t.Context(), ann.ID))
}

// TestDirectoryBeforeLinks: what the directory says of a badge wins over a link.
func TestDirectoryBeforeLinks(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	must(t, b.Link(t.Context(), w.tapped(b, "55555555").Link, bob))
	w.people(people + "55555555,ann@example.com,,,,\n")
	wantTap(t, "a badge the directory gave to Ann", w.tapped(b, "55555555"), ann, "")
}

func TestLinkWithoutDirectory(t *testing.T) {
	w := newWorld(t)
	b := w.badges(func(o *badge.Options) { o.Directory = nil })
	must(t, b.Link(t.Context(), w.tapped(b, "946EBD28").Link, bob))
	wantTap(t, "a badge without directory", w.tapped(b, "946EBD28"), bob, "")
}

func TestLinkRefuses(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	link := w.tapped(b, "55555555").Link
	wantProblem(t, "no link", b.Link(t.Context(), "", bob), signin.NoWay)
	wantProblem(t, "nobody", b.Link(t.Context(), link, job.Person{}), signin.Broken)
	wantProblem(t, "disabled", b.Link(t.Context(), link, job.Person{ID: "cy@example.com"}), signin.PersonDisabled)
	off := w.badges(func(o *badge.Options) { o.Link = false })
	wantProblem(t, "off", off.Link(t.Context(), link, bob), signin.NoWay)
	none := w.badges(func(o *badge.Options) { o.Directory = down{} })
	wantProblem(t, "directory down", none.Link(t.Context(), link, bob), signin.DirectoryDown)
	wantTap(t, "after all refusals", w.tapped(b, "55555555"), job.Person{}, signin.BadgeUnknown)
}

// TestOldestLinkEnds bounds how many badges one person links.
func TestOldestLinkEnds(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	const ids = "123456789"
	for _, c := range ids {
		must(t, b.Link(t.Context(), w.tapped(b, "7777777"+string(c)).Link, bob))
	}
	wantTap(t, "the first of nine", w.tapped(b, "77777771"), job.Person{}, signin.BadgeUnknown)
	for _, c := range ids[1:] {
		wantTap(t, "badge "+string(c), w.tapped(b, "7777777"+string(c)), bob, "")
	}
}
