package admin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// door is what the socket's file holds on Windows: where the agent listens on
// loopback, and the secret that proves that the caller may read the file.
type door struct {
	Address string `json:"address"`
	Secret  string `json:"secret"`
}

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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := door{Address: ln.Addr().String(), Secret: rand.Text()}
	text, err := json.Marshal(d)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &Listener{Listener: ln, secret: d.Secret, remove: func() { os.Remove(path) }}, nil
}

// dial connects to where the file says; ErrNotRunning where nobody listens.
func dial(ctx context.Context, path string) (net.Conn, error) {
	d, err := readDoor(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.Address)
	if err != nil && ctx.Err() == nil {
		return nil, ErrNotRunning // left behind by a crash
	}
	return conn, err
}

// secretOf returns the secret of the running agent, "" where there is none.
func secretOf(path string) string {
	d, err := readDoor(path)
	if err != nil {
		return ""
	}
	return d.Secret
}

func readDoor(path string) (d door, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return door{}, err
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return door{}, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}
