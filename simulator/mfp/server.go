package mfp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Server is a machine on the network.
type Server struct {
	m    *MFP
	addr string
	tls  *tls.Config

	mu     sync.Mutex // one power switch at a time
	http   *http.Server
	closed bool
	served sync.WaitGroup // the accepting goroutine and the connections
}

// Listen puts the machine on the network at addr ("127.0.0.1:0" chooses a
// port), with TLS unless tc is nil. While the fault Down is set the port is
// closed. A machine has one Server at a time.
func (m *MFP) Listen(addr string, tc *tls.Config) (*Server, error) {
	s := &Server{m: m, addr: addr, tls: tc}
	if err := s.power(true); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.power = s.power
	down := m.faults.Down
	m.mu.Unlock()
	if down {
		return s, s.power(false)
	}
	return s, nil
}

// URL returns the machine's eSCL root, as "http://127.0.0.1:40123/eSCL".
func (s *Server) URL() string {
	scheme := "http://"
	if s.tls != nil {
		scheme = "https://"
	}
	return scheme + s.addr + s.m.root
}

// Close takes the machine off the network and waits for its requests to end.
func (s *Server) Close() error {
	s.m.mu.Lock()
	s.m.power = nil
	s.m.mu.Unlock()
	err := s.power(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return err
}

// power switches the network side; connections are cut when it goes off.
func (s *Server) power(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || on == (s.http != nil) {
		return nil
	}
	if !on {
		err := s.http.Close()
		s.http = nil
		s.served.Wait()
		return err
	}
	l, err := listen(s.addr)
	if err != nil {
		return fmt.Errorf("mfp %s: %w", s.m.id, err)
	}
	s.addr = l.Addr().String()
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	}
	srv := &http.Server{
		Handler:           s.m.handler,
		ConnState:         s.connState,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      10 * time.Minute, // pages may be held back
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	s.http = srv
	s.served.Go(func() { _ = srv.Serve(l) }) // always http.ErrServerClosed: only power ends it
	return nil
}

// connState counts the connections. A new one is told of by the accepting
// goroutine, so the count cannot begin while power waits for its end.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.served.Add(1)
	case http.StateClosed:
		s.served.Done()
	}
}

// listen waits for a port that another program was given while the machine
// was down.
func listen(addr string) (net.Listener, error) {
	var err error
	for range 50 {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, err
}
