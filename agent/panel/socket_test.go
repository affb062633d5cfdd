package panel_test

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/platen-fax/platen/protocols/panelmsg"
)

// hear reads one message.
func hear(t *testing.T, c *websocket.Conn) panelmsg.State {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	_, b, err := c.ReadMessage()
	if err != nil {
		t.Fatalf("reading from the panel = %v", err)
	}
	s, err := panelmsg.Decode(b)
	if err != nil {
		t.Fatalf("Decode(%s) = %v", b, err)
	}
	return s
}

// hearUntil reads until ok, and returns how many messages that took.
func hearUntil(t *testing.T, c *websocket.Conn, ok func(panelmsg.State) bool) panelmsg.State {
	t.Helper()
	for range 200 {
		if s := hear(t, c); ok(s) {
			return s
		}
	}
	t.Fatal("200 messages and never the awaited one")
	return panelmsg.State{}
}

// ended waits for the connection to end.
func ended(t *testing.T, c *websocket.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			var timeout interface{ Timeout() bool }
			if asTimeout(err, &timeout) {
				t.Fatalf("the WebSocket is still open after %v", bound)
			}
			return
		}
	}
}

// TestProgressOverSocket counts pages as they are stored.
func TestProgressOverSocket(t *testing.T) {
	r := newRig(t, 3)
	reached, release := r.front.Hold(1)
	reached3, release3 := r.front.Hold(3)
	defer release()
	defer release3()
	b := r.browse("front-desk").dial("+15145550199").tap("Scan")
	<-reached
	c, _, err := b.socket("/panel/front-desk/live?on=scan", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := hear(t, c)
	if d := first.Draft; d == nil || !d.Scanning || d.Pages != 0 || d.Status != "Scanning page 1 …" || first.Rev != "moving" {
		t.Fatalf("first message is %+v", first)
	}
	release()
	<-reached3
	two := hearUntil(t, c, func(s panelmsg.State) bool { return s.Draft.Pages == 2 })
	if two.Draft.Stored != "2 pages stored safely" || len(two.Draft.Thumbs) != 2 || two.Rev != "moving" {
		t.Errorf("after two pages: %+v", two)
	}
	release3()
	end := hearUntil(t, c, func(s panelmsg.State) bool { return !s.Draft.Scanning })
	if end.Rev == "moving" || end.Draft.Pages != 3 {
		t.Errorf("at the end: %+v; want another rev and 3 pages", end)
	}
	r.convert()
	pic := hearUntil(t, c, func(s panelmsg.State) bool { return s.Draft.Thumbs[2].Src != "" })
	if b.get(pic.Draft.Thumbs[2].Src); b.status != 200 {
		t.Errorf("the picture at %s is %d", pic.Draft.Thumbs[2].Src, b.status)
	}
}

func TestOutcomeOverSocket(t *testing.T) {
	r := newRig(t, 1)
	b := r.browse("front-desk")
	b.sendFax("5145550199")
	b.tap("Follow it")
	j := r.jobs("front-desk")[0]
	c, _, err := b.socket("/panel/front-desk/live?on=fax/"+string(j.ID), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := hear(t, c); len(s.Lines) != 1 || s.Lines[0].Text != "being prepared" {
		t.Fatalf("first message is %+v", s)
	}
	r.convert()
	r.steps(j.ID, 1, toUploading, toIntent, toSubmitted, toSent)
	s := hearUntil(t, c, func(s panelmsg.State) bool { return s.Lines[0].Tone == "safe" })
	if s.Lines[0].Recipient != 1 {
		t.Errorf("line is %+v", s.Lines[0])
	}
}

// TestSocketEnds with its visit, with the panel, and when the page talks.
func TestSocketEnds(t *testing.T) {
	open := func(t *testing.T) (*rig, *browser, *websocket.Conn) {
		r := newRig(t, 0)
		b := r.browse("front-desk").dial("+15145550199")
		c, _, err := b.socket("/panel/front-desk/live?on=scan", nil)
		if err != nil {
			t.Fatal(err)
		}
		hear(t, c)
		return r, b, c
	}
	t.Run("visit", func(t *testing.T) {
		_, b, c := open(t)
		b.tap("Leave")
		// At once, and not when the next ping finds the visit gone.
		if _, msg, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("after Leave: %s, %v; want the WebSocket closed", msg, err)
		}
	})
	t.Run("panel", func(t *testing.T) {
		r, b, c := open(t)
		go r.panel.Close()
		ended(t, c)
		r.panel.Close()
		if _, status, err := b.socket("/panel/front-desk/live?on=scan", nil); err == nil || status != 503 {
			t.Errorf("a new one after Close: %v; want 503", err)
		}
	})
	t.Run("message", func(t *testing.T) {
		_, _, c := open(t)
		if err := c.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		ended(t, c)
	})
	t.Run("too many", func(t *testing.T) {
		_, b, c := open(t)
		for range 4 {
			if _, _, err := b.socket("/panel/front-desk/live?on=scan", nil); err != nil {
				t.Fatal(err)
			}
		}
		ended(t, c)
	})
}

func TestPoll(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned()
	b.get("/panel/front-desk/state?on=scan")
	s, err := panelmsg.Decode([]byte(b.body))
	if err != nil || s.Draft == nil || s.Draft.Pages != 2 || s.Left < 1 || b.head.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatalf("state is %s (%v, %s)", b.body, err, b.head.Get("Content-Type"))
	}
	r.clock.forward(30e9)
	before := s.Left
	b.get("/panel/front-desk/state?on=scan")
	if s, err = panelmsg.Decode([]byte(b.body)); err != nil || s.Left > before-29 {
		t.Errorf("30 s later %d s are left, before %d: a poll must not count as a tap (%v)", s.Left, before, err)
	}
	r.clock.forward(60e9)
	b.get("/panel/front-desk/state?on=scan")
	if s, err = panelmsg.Decode([]byte(b.body)); err != nil || !s.Ended {
		t.Errorf("after the visit: %s, %v; want ended", b.body, err)
	}
}
