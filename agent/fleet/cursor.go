package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// CursorFile is a Cursor in a file of its own. It belongs to one Client.
type CursorFile string

var _ Cursor = CursorFile("")

// Get reads the file; one that is missing or damaged reads as 0, because
// telling everything again does no harm.
func (f CursorFile) Get(context.Context) (uint64, error) {
	b, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cursor: %w", err)
	}
	seq, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, nil
	}
	return seq, nil
}

// Put replaces the file as a whole. It is not flushed to the disk: a cursor
// lost with the power tells some events again.
func (f CursorFile) Put(_ context.Context, seq uint64) error {
	next := string(f) + ".new"
	if err := os.WriteFile(next, []byte(strconv.FormatUint(seq, 10)+"\n"), 0o600); err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	if err := os.Rename(next, string(f)); err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	return nil
}
