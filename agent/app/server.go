package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/panel"
)

// server carries the panels, health and metrics on one address. Its address
// stays over a reload; what it answers comes from the present machine.
type server struct {
	http   *http.Server
	addr   net.Addr
	tls    bool
	failed chan error
	done   chan struct{}
}

// listen opens panel.listen and serves.
func listen(cfg *config.Config, a *App, log *slog.Logger) (*server, error) {
	ln, err := net.Listen("tcp", cfg.Panel.Listen)
	if err != nil {
		return nil, fmt.Errorf("panel.listen: %w", err)
	}
	s := &server{addr: ln.Addr(), failed: make(chan error, 1), done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if cfg.Panel.TLSCert != "" {
		own, err := openCertificate(cfg.Panel.TLSCert, cfg.Panel.TLSKey)
		if err != nil {
			ln.Close()
			return nil, fmt.Errorf("panel.tls_cert_file: %w", err)
		}
		s.tls = true
		ln = tls.NewListener(ln, own.config())
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s, nil
}

// url is where a browser on this machine finds the panels.
func (s *server) url() string {
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s/panel/", scheme, s.addr)
}

// close answers what is asked already and ends.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.http.Close()
	}
	<-s.done
}

// handler routes to the present machine's panels and to the health pages.
func (a *App) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/panel/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := a.machine.Load(); m != nil && m.panel != nil {
			m.panel.ServeHTTP(w, r)
			return
		}
		http.Error(w, "no panel is configured", http.StatusNotFound)
	}))
	pages := http.NewServeMux()
	a.watch.routes(pages)
	mux.Handle("/healthz", pages)
	// The others tell how much a site faxes.
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := a.machine.Load(); m == nil || !panel.Admits(r.RemoteAddr, m.cfg.Panel.Allow) || !panel.Named(r.Host, m.cfg.Panel.Hosts) {
			http.Error(w, "not for this address, see panel.allow", http.StatusForbidden)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	return mux
}
