package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// quiesce is how many milliseconds a disconnect may take.
const quiesce = 250

// endpoint is where a broker listens.
type endpoint struct {
	addr string // host:port
	host string
	tls  bool
}

func (e endpoint) loopback() bool {
	if strings.EqualFold(e.host, "localhost") {
		return true
	}
	ip := net.ParseIP(e.host)
	return ip != nil && ip.IsLoopback()
}

func parseBroker(s string) (endpoint, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return endpoint{}, fmt.Errorf("mqtt broker %q: want mqtt://host:port or mqtts://host:port", s)
	}
	e := endpoint{host: u.Hostname()}
	port := "1883"
	switch u.Scheme {
	case "mqtt", "tcp":
	case "mqtts", "ssl", "tls":
		e.tls, port = true, "8883"
	default:
		return endpoint{}, fmt.Errorf("mqtt broker %s: scheme %q, want mqtt or mqtts", u.Host, u.Scheme)
	}
	if u.User != nil {
		return endpoint{}, fmt.Errorf("mqtt broker %s: an account in the address, it belongs into its own keys", u.Host)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	e.addr = net.JoinHostPort(e.host, port)
	return e, nil
}

// will is the message that the broker publishes when the connection breaks.
type will struct {
	topic   string
	payload []byte
}

// connect opens one connection, which is never opened again by itself: each
// has a Will of its own, and a library that reconnects would complete tokens
// whose fate is unknown. lost gets one error when the connection breaks.
func (c *Client) connect(ctx context.Context, id string, w *will) (conn paho.Client, lost <-chan error, err error) {
	broken := make(chan error, 1)
	o := paho.NewClientOptions()
	// The address only names the connection here, open below makes it.
	o.AddBroker("tcp://" + c.to.addr)
	o.SetClientID(id).SetProtocolVersion(4).SetCleanSession(true).SetOrderMatters(false)
	o.SetAutoReconnect(false).SetConnectRetry(false)
	o.SetKeepAlive(c.opts.KeepAlive).SetPingTimeout(c.opts.Timeout)
	o.SetConnectTimeout(c.opts.Timeout).SetWriteTimeout(c.opts.Timeout)
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return c.openConn(ctx) })
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { broken <- err })
	if w != nil {
		o.SetBinaryWill(w.topic, w.payload, 1, true)
	}
	if c.opts.Username != "" {
		o.SetUsername(c.opts.Username)
		if c.opts.Password != nil {
			password, err := c.opts.Password()
			if err != nil {
				return nil, nil, fmt.Errorf("mqtt password: %w", err)
			}
			o.SetPassword(password)
		}
	}

	conn = paho.NewClient(o)
	tok := conn.Connect()
	select {
	case <-tok.Done():
	case <-ctx.Done():
		conn.Disconnect(quiesce)
		return nil, nil, ctx.Err()
	}
	if err := tok.Error(); err != nil {
		if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) ||
			errors.Is(err, packets.ErrorRefusedIDRejected) {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil, nil, fmt.Errorf("mqtt connect %s: %w", c.to.addr, err)
	}
	return conn, broken, nil
}

// openConn dials, with TLS where the address asks for it, within Timeout.
func (c *Client) openConn(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	conn, err := c.dial(ctx, "tcp", c.to.addr)
	if err != nil || !c.to.tls {
		return conn, err
	}
	cfg := c.opts.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.to.host
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}
