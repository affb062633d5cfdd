package esclscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/pagefile"
)

// errStall ends a page that stands still.
var errStall = errors.New("nothing arrived for too long")

// body is a page on its way: it checks what passes through and knows in the
// end whether the page is whole.
type body struct {
	ctx    context.Context // of the request; a Reader has no parameter for it
	cancel context.CancelCauseFunc
	src    io.ReadCloser
	start  time.Time
	stall  time.Duration
	timer  *time.Timer // cancels the request when it fires
	took   time.Duration
	closed error // set by end

	mu    sync.Mutex
	head  bytes.Reader // bytes read ahead
	check *pagefile.Checker
	err   error // io.EOF for a whole page, else why it is none
}

// open wraps an answer and reads as much as it takes to know its kind.
func (b *body) open(maxBytes int64) (pagefile.Kind, error) {
	b.check = pagefile.New(maxBytes)
	head := make([]byte, 0, pagefile.HeadSize)
	for len(head) < cap(head) && pagefile.Sniff(head) == pagefile.Unknown {
		n, err := b.pull(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err != nil {
			if err != io.EOF { //nolint:errorlint // only the bare value is the end
				return pagefile.Unknown, b.broken(err)
			}
			break
		}
	}
	if len(head) == 0 {
		return pagefile.Unknown, fmt.Errorf("%w: %w", devices.ErrPage, pagefile.ErrEmpty)
	}
	kind := pagefile.Sniff(head)
	if kind == pagefile.Unknown {
		return kind, fmt.Errorf("%w: %w", devices.ErrPage, pagefile.ErrUnknown)
	}
	b.head.Reset(head)
	return kind, nil
}

// Read implements [io.Reader] as [devices.Page] demands it.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return 0, b.closed
	}
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	var n int
	var err error
	if b.head.Len() > 0 {
		n, _ = b.head.Read(p) // a bytes.Reader that is not empty does not fail
	} else {
		n, err = b.pull(p)
	}
	if n > 0 {
		if _, bad := b.check.Write(p[:n]); bad != nil {
			b.finish(fmt.Errorf("%w: %w", devices.ErrPage, bad))
			return 0, b.err
		}
	}
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF: //nolint:errorlint // only the bare value is the end
		b.finish(b.broken(err))
	default:
		if _, bad := b.check.Finish(); bad != nil {
			b.finish(fmt.Errorf("%w: %w", devices.ErrPage, bad))
		} else {
			b.finish(io.EOF)
		}
	}
	return n, b.err
}

// pull reads from the device, whose time runs only then: a caller may be slow.
func (b *body) pull(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	n, err := b.src.Read(p)
	b.timer.Stop()
	return n, err
}

// broken is the meaning of a failed read: the end of the context if that came
// first, else a damaged page.
func (b *body) broken(err error) error {
	if cause := context.Cause(b.ctx); cause != nil && !errors.Is(cause, errStall) {
		return cause
	} else if cause != nil {
		err = cause
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", devices.ErrPage, err)
}

func (b *body) finish(err error) {
	b.err = err
	b.took = time.Since(b.start)
	b.timer.Stop()
	b.src.Close()
	b.cancel(nil)
}

// drain reads the rest and returns nil for a whole page.
func (b *body) drain() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	buf := make([]byte, 32<<10)
	for b.err == nil {
		_, _ = b.read(buf) // b.err tells
	}
	if b.err == io.EOF { //nolint:errorlint // only the bare value is the end
		return nil
	}
	return b.err
}

// end makes further reads fail with err.
func (b *body) end(err error) {
	b.cancel(err) // frees a Read that is waiting
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = err
	if b.err == nil {
		b.finish(err)
	}
}
