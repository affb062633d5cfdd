package admin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ErrNotRunning says that nobody listens at the socket.
var ErrNotRunning = errors.New("no agent is running with this state directory")

// ErrRunning says that another agent listens at the socket already.
var ErrRunning = errors.New("another agent is running with this state directory")

// Listener is an open socket that one Server serves.
type Listener struct {
	net.Listener
	secret string // that callers must show; "" where the file's mode is enough
	remove func()
}

// Close closes the socket and removes its file.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.remove()
	return err
}

// Listen opens the socket, for this user only. One left behind by a crash is
// replaced; one that answers is ErrRunning.
func Listen(path string) (*Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	return l, nil
}

// Serve answers until ctx ends, closes l and returns nil; another error says
// why it cannot go on. It blocks.
func (s *Server) Serve(ctx context.Context, l *Listener) error {
	h := &http.Server{
		Handler:           guard(l.secret, s.Handler()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	defer func() { stop(); <-done }()
	go func() {
		defer close(done)
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if h.Shutdown(last) != nil {
			h.Close()
		}
	}()
	err := h.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("admin socket: %w", err)
}

// guard refuses callers that do not show the secret.
func guard(secret string, next http.Handler) http.Handler {
	if secret == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+secret)) != 1 {
			http.Error(w, "not for you", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
