package broker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/platen-fax/platen/simulator/broker"
)

func start(t *testing.T, opts broker.Options) *broker.Broker {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(t.Context(), ln, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func options(b *broker.Broker) *paho.ClientOptions {
	o := paho.NewClientOptions().AddBroker(b.URL()).SetClientID("one").SetProtocolVersion(4)
	return o.SetAutoReconnect(false).SetConnectTimeout(5 * time.Second)
}

func connect(t *testing.T, o *paho.ClientOptions) (paho.Client, error) {
	t.Helper()
	c := paho.NewClient(o)
	tok := c.Connect()
	if !tok.WaitTimeout(10 * time.Second) {
		t.Fatal("connect: no answer")
	}
	return c, tok.Error()
}

func topic(s string) func(broker.Message) bool {
	return func(m broker.Message) bool { return m.Topic == s }
}

func TestPublishRetainedAndCut(t *testing.T) {
	b := start(t, broker.Options{})
	c, err := connect(t, options(b).SetWill("a/will", "gone", 1, true))
	if err != nil {
		t.Fatal(err)
	}
	if tok := c.Publish("a/b", 1, true, "hello"); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
		t.Fatalf("publish: %v", tok.Error())
	}
	m, err := b.Wait(within(t, 5*time.Second), topic("a/b"))
	if err != nil || string(m.Payload) != "hello" || m.Client != "one" || m.QoS != 1 || !m.Retained || m.Will {
		t.Fatalf("message %+v, %v", m, err)
	}
	if got, ok := b.Retained("a/b"); !ok || string(got) != "hello" {
		t.Errorf("Retained = %q, %v", got, ok)
	}
	b.Cut()
	m, err = b.Wait(within(t, 5*time.Second), topic("a/will"))
	if err != nil || !m.Will || string(m.Payload) != "gone" {
		t.Errorf("will %+v, %v", m, err)
	}
	if n := len(b.Messages()); n != 2 {
		t.Errorf("%d messages; want 2", n)
	}
}

func TestAccountOverTLS(t *testing.T) {
	// The certificate of httptest is good for 127.0.0.1.
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	b := start(t, broker.Options{TLS: &tls.Config{Certificates: web.TLS.Certificates}, User: "box", Password: "right"})

	o := options(b).SetTLSConfig(&tls.Config{RootCAs: roots}).SetUsername("box").SetPassword("wrong")
	if _, err := connect(t, o); err == nil {
		t.Error("a wrong password was taken")
	}
	if n := b.Refused(); n != 1 {
		t.Errorf("Refused = %d; want 1", n)
	}
	c, err := connect(t, o.SetPassword("right"))
	if err != nil {
		t.Fatal(err)
	}
	c.Disconnect(100)
	if _, err := connect(t, options(b).SetUsername("box").SetPassword("right").SetTLSConfig(&tls.Config{})); err == nil {
		t.Error("an unknown authority was trusted")
	}
}

func TestForeignClient(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		t.Fatalf("%v: install the package mosquitto-clients", err)
	}
	b := start(t, broker.Options{})
	if out, err := exec.CommandContext(t.Context(), pub, "-L", b.URL()+"/x/y", "-q", "1", "-m", "hi").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub: %v\n%s", err, out)
	}
	if m, err := b.Wait(within(t, 5*time.Second), topic("x/y")); err != nil || string(m.Payload) != "hi" {
		t.Errorf("message %+v, %v", m, err)
	}
}

func TestEndsWithContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b, err := broker.Start(ctx, ln, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err == nil {
			conn.Close()
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close after the end: %v", err)
	}
	if _, err := b.Wait(ctx, topic("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v; want context.Canceled", err)
	}
}
