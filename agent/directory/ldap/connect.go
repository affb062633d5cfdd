package ldap

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/go-ldap/ldap/v3"

	"github.com/platen-fax/platen/agent/directory"
)

// on runs f on a connection of the service account.
func (d *Directory) on(ctx context.Context, u *url.URL, f func(*ldap.Conn) error) error {
	password, err := d.opts.Password()
	if err != nil {
		return fmt.Errorf("%w: password of the directory account: %w", directory.ErrUnavailable, err)
	}
	if password == "" {
		return fmt.Errorf("%w: the directory account has no password", directory.ErrUnavailable)
	}
	// Only its hash is kept; the account's name belongs to it.
	key := sha256.Sum256([]byte(d.opts.BindDN + "\x00" + password))
	d.mu.Lock()
	refused := d.refused[key]
	d.mu.Unlock()
	if refused != nil {
		return refused
	}
	c, err := d.dial(ctx, u)
	if err != nil {
		return fmt.Errorf("%w: %w", directory.ErrUnavailable, err)
	}
	defer c.Close()
	// The library waits for answers without a context.
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.Bind(d.opts.BindDN, password); err != nil {
		err = bindError(err)
		if errors.As(err, new(*RefusedError)) {
			d.mu.Lock()
			d.refused[key] = err
			d.mu.Unlock()
		}
		return cancelled(ctx, err)
	}
	return cancelled(ctx, f(c))
}

// cancelled tells a look-up that was given up from a server that failed.
func cancelled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", directory.ErrUnavailable, ctx.Err())
	}
	return err
}

// dial opens an encrypted connection, or none.
func (d *Directory) dial(ctx context.Context, u *url.URL) (*ldap.Conn, error) {
	cfg := &tls.Config{}
	if d.opts.TLS != nil {
		cfg = d.opts.TLS.Clone()
	}
	cfg.ServerName = u.Hostname()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	ctx, cancel := context.WithTimeout(ctx, d.opts.ConnectTimeout)
	defer cancel()
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldaps": "636", "ldap": "389"}[u.Scheme]
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ldaps" {
		conn := tls.Client(raw, cfg)
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return d.start(conn, true), nil
	}
	c := d.start(raw, false)
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	if err := c.StartTLS(cfg); err != nil {
		c.Close()
		return nil, fmt.Errorf("StartTLS: %w", err)
	}
	return c, nil
}

func (d *Directory) start(conn net.Conn, encrypted bool) *ldap.Conn {
	c := ldap.NewConn(conn, encrypted)
	c.SetTimeout(d.opts.SearchTimeout)
	c.Start()
	return c
}
