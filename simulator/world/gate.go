package world

import (
	"net"
	"sync"
)

// gate is a listener that can be shut and opened again on the same port: while
// it is shut every connection, old or new, is reset without a byte.
type gate struct {
	net.Listener

	mu    sync.Mutex
	shut  bool
	conns map[*gateConn]struct{}
}

func newGate(ln net.Listener) *gate {
	return &gate{Listener: ln, conns: map[*gateConn]struct{}{}}
}

// Accept implements [net.Listener].
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &gateConn{Conn: c, gate: g}
		g.mu.Lock()
		if g.shut {
			g.mu.Unlock()
			reset(c)
			continue
		}
		g.conns[conn] = struct{}{}
		g.mu.Unlock()
		return conn, nil
	}
}

// set shuts or opens the gate.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	var cut []*gateConn
	if shut {
		for c := range g.conns {
			cut = append(cut, c)
		}
	}
	g.mu.Unlock()
	for _, c := range cut {
		reset(c.Conn)
	}
}

// reset closes a connection so that the other side sees a reset, not an end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection already gone is as good
	}
	c.Close()
}

type gateConn struct {
	net.Conn
	gate *gate
}

// Close implements [net.Conn].
func (c *gateConn) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.conns, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
