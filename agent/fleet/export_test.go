package fleet

import (
	"context"
	"net"
)

// SetDial replaces how connections are made, so that a test can hold them back.
func (c *Client) SetDial(f func(ctx context.Context, network, addr string) (net.Conn, error)) {
	c.dial = f
}
