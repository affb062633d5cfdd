package oneshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
)

// TestSealedBodyGivesNothing tells a body that was read whole from one that was
// not, and gives no byte after it was sealed.
func TestSealedBodyGivesNothing(t *testing.T) {
	b := NewBody([]byte("0123456789"))
	half := make([]byte, 4)
	if n, err := b.Read(half); n != 4 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	if b.Seal() {
		t.Error("half a body counts as whole")
	}
	if n, err := b.Read(half); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read of a sealed body = %d, %v; want nothing and an error that is no end", n, err)
	}
	b = NewBody([]byte("0123456789"))
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, []byte("0123456789")) || !b.Seal() {
		t.Errorf("ReadAll = %q, %v; want it whole", got, err)
	}
}

func TestWriteFailed(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("post: %w", &net.OpError{Op: "write", Err: io.ErrClosedPipe}), true},
		{&net.OpError{Op: "read", Err: io.ErrClosedPipe}, false},
		{io.ErrUnexpectedEOF, false},
		{nil, false},
	} {
		if got := WriteFailed(tt.err); got != tt.want {
			t.Errorf("WriteFailed(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}
