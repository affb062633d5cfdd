package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/spool"
)

// TestAlive ends the agent for a spool that stays unusable, and for nothing
// else.
func TestAlive(t *testing.T) {
	gone := fmt.Errorf("commit failed: %w", spool.ErrUnavailable)
	for _, tt := range []struct {
		name    string
		answers []error // the last one goes on for ever
		want    bool
	}{
		{"works", []error{nil}, false},
		{"one bad answer", []error{nil, gone, nil}, false},
		{"other errors", []error{errors.New("slow")}, false},
		{"unusable", []error{nil, nil, gone}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				n := 0
				err := alive(ctx, time.Second, func(context.Context) (uint64, error) {
					n++
					return 0, tt.answers[min(n, len(tt.answers))-1]
				})
				if (err != nil) != tt.want || n < 4 {
					t.Errorf("alive = %v after %d questions, want an end: %v", err, n, tt.want)
				}
			})
		})
	}
}
