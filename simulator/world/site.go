package world

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// site is one https address of the world. It exists before what answers there,
// because the parts have to know each other's addresses first.
type site struct {
	name string
	gate *gate
	host string // host:port
	cert tls.Certificate
}

// url returns the address without a trailing slash.
func (s *site) url() string { return "https://" + s.host }

// newSite takes a free port and a certificate of the world's authority.
func (w *World) newSite(name string) (*site, error) {
	cert, err := w.authority.Server("Platen simulator " + name)
	if err != nil {
		return nil, err
	}
	ln, err := loopback()
	if err != nil {
		return nil, err
	}
	s := &site{name: name, gate: newGate(ln), host: ln.Addr().String(), cert: cert}
	w.sites = append(w.sites, s)
	return s, nil
}

func (s *site) tls() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
}

// serve answers at a site until ctx ends.
func (w *World) serve(ctx context.Context, s *site, h http.Handler, log *slog.Logger) {
	srv := webServer(h, log)
	srv.TLSConfig = s.tls()
	// HTTP/2 is off, so that a cut connection is one request's.
	srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	w.runServer(ctx, s.name, srv, func() error { return srv.ServeTLS(s.gate, "", "") }, log)
}

// servePlain answers without TLS on a free port and returns host and port.
func (w *World) servePlain(ctx context.Context, name string, h http.Handler, log *slog.Logger) (string, error) {
	ln, err := loopback()
	if err != nil {
		return "", err
	}
	srv := webServer(h, log)
	w.runServer(ctx, name, srv, func() error { return srv.Serve(ln) }, log)
	return ln.Addr().String(), nil
}

func webServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (w *World) runServer(ctx context.Context, name string, srv *http.Server, serve func() error, log *slog.Logger) {
	w.wg.Go(func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			log.Error("site ended", "site", name, "err", err)
		}
	})
	w.wg.Go(func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if srv.Shutdown(stop) != nil {
			srv.Close()
		}
	})
}

// closeSites frees the ports of sites that nobody came to serve.
func (w *World) closeSites() error {
	var errs []error
	for _, s := range w.sites {
		if err := s.gate.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}
