//go:build !windows

package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// listen opens a Unix socket with mode 0600.
func listen(path string) (*Listener, error) {
	probe, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := dial(probe, path)
	switch {
	case err == nil:
		conn.Close()
		return nil, ErrRunning
	case !errors.Is(err, ErrNotRunning):
		return nil, err
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode()&fs.ModeSocket == 0 {
			return nil, errors.New("a file that is no socket is in the way")
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	name, done, err := short(path)
	if err != nil {
		return nil, err
	}
	defer done()
	ln, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // the short name is gone by then
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, err
	}
	mine, err := os.Lstat(path)
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &Listener{Listener: ln, remove: func() {
		if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
			os.Remove(path)
		}
	}}, nil
}

// dial connects to the socket; ErrNotRunning where there is none or nobody
// listens.
func dial(ctx context.Context, path string) (net.Conn, error) {
	name, done, err := short(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s belongs to the agent's user: %w", path, fs.ErrPermission)
	}
	return conn, err
}

// secretOf returns nothing: the mode of the file is enough.
func secretOf(string) string { return "" }
