package paper

import (
	"bytes"
	"container/list"
	"sync"
)

// Cache keeps the JPEGs of sheets that are asked for again, the least recently used
// leaving first. It is for any number of goroutines; a sheet that several want at once
// is drawn once.
type Cache struct {
	max int64

	mu    sync.Mutex
	size  int64
	byKey map[cacheKey]*list.Element
	order *list.List // of *cached, most recently used first
}

type cacheKey struct {
	sheet   Sheet
	dpi     int
	mode    Mode
	quality int
}

type cached struct {
	key  cacheKey
	make sync.Once
	jpeg []byte
	err  error
	kept bool // counted in size
}

// NewCache returns a cache of at most maxBytes of JPEG data. A sheet larger than that
// is delivered and not kept.
func NewCache(maxBytes int64) *Cache {
	return &Cache{max: maxBytes, byKey: make(map[cacheKey]*list.Element), order: list.New()}
}

// JPEG returns what [EncodeJPEG] writes. The bytes are shared: they must not be changed.
func (c *Cache) JPEG(s Sheet, dpi int, mode Mode, quality int) ([]byte, error) {
	e := c.entry(cacheKey{s, dpi, mode, quality})
	e.make.Do(func() {
		var b bytes.Buffer
		e.err = EncodeJPEG(&b, s, dpi, mode, quality)
		e.jpeg = b.Bytes()
		c.keep(e)
	})
	return e.jpeg, e.err
}

func (c *Cache) entry(key cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byKey[key]; ok {
		c.order.MoveToFront(el)
		return el.Value.(*cached)
	}
	e := &cached{key: key}
	c.byKey[key] = c.order.PushFront(e)
	return e
}

// keep counts a new entry and drops the oldest until all fit. Entries still being
// drawn count nothing yet and are left alone.
func (c *Cache) keep(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.kept = true
	c.size += int64(len(e.jpeg))
	for el := c.order.Back(); el != nil && c.size > c.max; {
		before := el.Prev()
		if old := el.Value.(*cached); old.kept {
			c.size -= int64(len(old.jpeg))
			c.order.Remove(el)
			delete(c.byKey, old.key)
		}
		el = before
	}
	if e.err != nil {
		// Asking again for an impossible sheet is cheap.
		if el, ok := c.byKey[e.key]; ok {
			c.order.Remove(el)
			delete(c.byKey, e.key)
		}
	}
}
