package panel

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/protocols/panelmsg"
)

const (
	// socketWrite bounds one write, socketPong the silence of a page that is
	// pinged every socketPing.
	socketWrite = 5 * time.Second
	socketPing  = 10 * time.Second
	socketPong  = 25 * time.Second
	// socketLook is how often a page that watches a scan hears of what is no
	// event of the spool: that the scan ended.
	socketLook = 250 * time.Millisecond

	socketsPerVisit = 4
)

// socket keeps one page up to date until the visit, the page or the panel ends.
// This goroutine is the only writer; a second one reads, so that pongs and the
// end are noticed. Events wait in a bounded queue that drops the oldest, and
// what is written is the state at the time of writing.
func (p *Panel) socket(w http.ResponseWriter, r *http.Request, v *visit) error {
	watch := r.URL.Query().Get("on")
	// The first screen of a device where people sign in waits for a badge without
	// a visit.
	key := v.s.Token
	if !v.open && watch == watchHome && v.dev.personal() {
		key = watchHome + "/" + v.dev.ID
	}
	if key == "" || !sameOrigin(r, true) {
		http.Error(w, "This WebSocket belongs to an open visit of this panel.", http.StatusForbidden)
		return nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	if !p.live.enter(key, cancel) {
		http.Error(w, "The panel is stopping.", http.StatusServiceUnavailable)
		return nil
	}
	defer p.live.exit(key)
	up := websocket.Upgrader{
		HandshakeTimeout: socketWrite, ReadBufferSize: 512, WriteBufferSize: 2048,
		CheckOrigin: func(*http.Request) bool { return true }, // done above
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		p.opt.Log.Debug("open websocket", "err", err)
		return nil // Upgrade has answered
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		defer cancel()
		readAway(conn)
	})
	p.write(ctx, conn, v, watch)
	conn.Close()
	reader.Wait()
	return nil
}

// readAway reads until the connection ends. A page has nothing to say: its first
// message ends it too.
func readAway(conn *websocket.Conn) {
	conn.SetReadLimit(512)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(socketPong)) }
	if alive("") != nil {
		return
	}
	conn.SetPongHandler(alive)
	_, _, err := conn.NextReader()
	_ = err // why it ended does not matter
}

// write sends the state whenever it changed, until ctx ends.
func (p *Panel) write(ctx context.Context, conn *websocket.Conn, v *visit, watch string) {
	var events <-chan spool.Event
	if p.opt.Bus != nil {
		ch, stop := p.opt.Bus.Subscribe(8)
		defer stop()
		events = ch
	}
	ping := time.NewTicker(socketPing)
	defer ping.Stop()
	look := time.NewTicker(socketLook)
	defer look.Stop()
	var last []byte
	moved := p.unspooled(v, watch)
	for {
		st, err := p.state(ctx, v.dev, v.s.Token, watch)
		if err != nil {
			p.opt.Log.Error("state for a page", "device", v.dev.ID, "err", err)
			return
		}
		b, err := panelmsg.Encode(st)
		if err != nil {
			return
		}
		if !bytes.Equal(b, last) {
			last = b
			if conn.SetWriteDeadline(time.Now().Add(socketWrite)) != nil || conn.WriteMessage(websocket.TextMessage, b) != nil {
				return
			}
		}
		if st.Ended {
			return
		}
		for changed := false; !changed; {
			select {
			case <-ctx.Done():
				bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
				_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)) // a courtesy
				return
			case e := <-events:
				changed = p.concerns(e, v, watch)
			case <-look.C:
				now := p.unspooled(v, watch)
				changed, moved = now != moved, now
			case <-ping.C:
				changed = true // the time left has changed too
				if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(socketWrite)) != nil {
					return
				}
			}
		}
	}
}

// unspooled is what a page shows that makes no event of the spool.
func (p *Panel) unspooled(v *visit, watch string) [3]any {
	switch {
	case watch == "scan":
		st := p.opt.Desk.State(v.s.Draft)
		return [3]any{st.Running, st.Pages, st.Err != nil}
	case watch == watchHome:
		return [3]any{p.arrivals.waits(v.dev.ID)}
	case watch == watchSignIn && p.opt.SignIn != nil:
		view, ok := p.opt.SignIn.Look(v.s.Token)
		return [3]any{view.Rev, ok}
	}
	return [3]any{}
}

// concerns reports whether an event changes what the page shows.
func (p *Panel) concerns(e spool.Event, v *visit, watch string) bool {
	if id, ok := strings.CutPrefix(watch, "fax/"); ok {
		return e.Ref.Job == job.ID(id)
	}
	return watch == "scan" && e.Device == v.dev.ID
}

// hub knows the open WebSockets by visit, to end them with it.
type hub struct {
	now func() time.Time

	mu     sync.Mutex
	open   map[string]*sockets
	gone   map[string]time.Time // since when a visit that had sockets has none and asks nothing
	closed bool
	all    sync.WaitGroup
}

// sockets are those of one visit; ends may hold some that are gone already.
type sockets struct {
	ends []context.CancelFunc
	live int
}

func newHub(now func() time.Time) *hub {
	return &hub{now: now, open: make(map[string]*sockets), gone: make(map[string]time.Time)}
}

// enter adds a socket, ending the oldest of a visit that has too many; false
// while the panel stops.
func (h *hub) enter(token string, end context.CancelFunc) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	delete(h.gone, token)
	s := h.open[token]
	if s == nil {
		s = new(sockets)
		h.open[token] = s
	}
	if len(s.ends) >= socketsPerVisit {
		s.ends[0]()
		s.ends = s.ends[1:]
	}
	s.ends = append(s.ends, end)
	s.live++
	h.all.Add(1)
	return true
}

// exit notes that one socket of the visit is gone.
func (h *hub) exit(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.open[token]; s != nil {
		if s.live--; s.live <= 0 {
			delete(h.open, token)
			h.gone[token] = h.now()
		}
	}
	h.all.Done()
}

// heard notes a request of a visit, so that it is not gone; with again also of
// one that was taken for gone just now.
func (h *hub) heard(token string, again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.gone[token]; ok || again {
		h.gone[token] = h.now()
	}
}

// goneFor returns the visits that have had no socket and asked nothing for d,
// each once.
func (h *hub) goneFor(d time.Duration) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for token, since := range h.gone {
		if h.now().Sub(since) >= d {
			out = append(out, token)
			delete(h.gone, token)
		}
	}
	return out
}

// endVisit ends the sockets of a visit.
func (h *hub) endVisit(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.open[token]; s != nil {
		for _, end := range s.ends {
			end()
		}
	}
}

// close ends all and waits for them.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for _, s := range h.open {
		for _, end := range s.ends {
			end()
		}
	}
	h.mu.Unlock()
	h.all.Wait()
}
