package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/netutil"

	"github.com/platen-fax/platen/agent/panel"
)

// Bounds of the directory's listener. A cloud directory sends users one by one;
// who else finds the address shall not keep the agent busy.
const (
	inboxConns = 32
	inboxBody  = 1 << 20
)

// inbox is where a cloud directory sends people: a listener of its own with a
// certificate of its own, apart from the panels. It lives as long as the process,
// so that nothing sent is lost while a reload swaps machines.
type inbox struct {
	http   *http.Server
	addr   net.Addr
	failed chan error
	done   chan struct{}
}

// openInbox listens and serves take to the addresses that allow lets through.
func openInbox(listen, cert, key string, allow func() []netip.Prefix, take http.Handler, log *slog.Logger) (*inbox, error) {
	own, err := openCertificate(cert, key)
	if err != nil {
		return nil, fmt.Errorf("sign_in.directory.tls_cert_file: %w", err)
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("sign_in.directory.listen: %w", err)
	}
	b := &inbox{addr: ln.Addr(), failed: make(chan error, 1), done: make(chan struct{})}
	b.http = &http.Server{
		Handler:           http.MaxBytesHandler(only(allow, take), inboxBody),
		TLSConfig:         own.config(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(b.done)
		if err := b.http.ServeTLS(netutil.LimitListener(ln, inboxConns), "", ""); !errors.Is(err, http.ErrServerClosed) {
			b.failed <- err
		}
	}()
	return b, nil
}

// only lets addresses through that lie in one of the networks, and all while
// there are none. Loopback is always let through.
func only(allow func() []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if nets := allow(); len(nets) > 0 && !panel.Admits(r.RemoteAddr, nets) {
			http.Error(w, "not for this address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// trouble tells when it cannot listen any more; never for a nil inbox.
func (b *inbox) trouble() <-chan error {
	if b == nil {
		return nil
	}
	return b.failed
}

// close answers what is asked already and ends. A nil inbox does nothing.
func (b *inbox) close() {
	if b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.http.Shutdown(ctx); err != nil {
		b.http.Close()
	}
	<-b.done
}
