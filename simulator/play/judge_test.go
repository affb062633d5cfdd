package play

import (
	"strings"
	"testing"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/paper"
)

// received is a document in which pages with these marks were read.
func received(marks ...paper.Mark) faxcloud.Entry {
	var e faxcloud.Entry
	for _, m := range marks {
		e.Pages = append(e.Pages, faxcloud.PageRead{Mark: m})
	}
	return e
}

func TestCompare(t *testing.T) {
	page := func(n int) paper.Mark { return paper.Mark{Batch: 7, Page: n, Whole: true} }
	cut := page(2)
	cut.Whole = false
	turned := page(2)
	turned.Rotated = true
	stranger := paper.Mark{Batch: 8, Page: 2, Whole: true}
	unread := received(page(1), page(2), page(3))
	unread.Pages[1].Err = "no page mark found"
	broken := received(page(1))
	broken.Err = "strip 1 ends after the file"
	for _, tt := range []struct {
		name string
		got  faxcloud.Entry
		want string // part of the answer; "" is right
	}{
		{"all in order", received(page(1), page(2), page(3)), ""},
		{"nothing", received(), "lost: page 1 of 3"},
		{"one missing", received(page(1), page(3)), "lost: page 2 of 3"},
		{"one twice", received(page(1), page(2), page(2), page(3)), "doubled: page 2 of 3"},
		{"swapped", received(page(1), page(3), page(2)), "order is wrong"},
		{"one too many", received(page(1), page(2), page(3), page(4)), "there are 4, want 3"},
		{"of another stack", received(page(1), stranger, page(3)), "lost: page 2 of 3"},
		{"cut", received(page(1), cut, page(3)), "page 2 is cut"},
		{"upside down", received(page(1), turned, page(3)), "page 2 is cut or upside down"},
		{"without a mark", unread, "page 2 has no mark"},
		{"unreadable", broken, "cannot be read: strip 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Compare(tt.got, Pages(7, 3))
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("Compare = %q; want %q", got, tt.want)
			}
		})
	}
}

// TestDelivered: each service has its own word for a confirmed fax.
func TestDelivered(t *testing.T) {
	got := Delivered([]faxcloud.Entry{
		{ID: "a", Service: faxcloud.FaxPlus, Status: "success"},
		{ID: "b", Service: faxcloud.FaxPlus, Status: "sent"},
		{ID: "c", Service: faxcloud.XMCloud, Status: "sent"},
		{ID: "d", Service: faxcloud.XMCloud, Status: "success"},
		{ID: "e", Service: faxcloud.XMCloud, Status: "failed busy"},
	})
	if len(got) != 2 || got[0].ID != "a" || got[1].ID != "c" {
		t.Errorf("Delivered = %+v; want a and c", got)
	}
}

func TestMarksOfTwoSides(t *testing.T) {
	got := marks([]stack{{batch: 1, pages: 1, twoSided: true}, {batch: 2, pages: 1}})
	want := received(
		paper.Mark{Batch: 1, Page: 1, Whole: true}, paper.Mark{Batch: 1, Page: 1, Side: 1, Whole: true},
		paper.Mark{Batch: 2, Page: 1, Whole: true},
	)
	if why := Compare(want, got); why != "" {
		t.Errorf("marks = %+v: %s", got, why)
	}
}

func TestPassed(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Result
		want bool
	}{
		{"green", Result{}, true},
		{"red", Result{Reasons: []string{"lost: a page"}}, false},
		{"not played", Result{Err: errSettled}, false},
		{"broken and green", Result{Broken: true, Why: "lost"}, false},
		{"broken and red for the reason", Result{Broken: true, Why: "lost", Reasons: []string{"x", "lost: a page"}}, true},
		{"broken and red for another", Result{Broken: true, Why: "lost", Reasons: []string{"doubled: a page"}}, false},
		{"broken and not played", Result{Broken: true, Why: "lost", Reasons: []string{"lost"}, Err: errSettled}, false},
	} {
		if got := tt.r.Passed(); got != tt.want {
			t.Errorf("%s: Passed = %v, want %v", tt.name, got, tt.want)
		}
	}
}
