package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// A part is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015):
//
//	magic(5) salt(16) chunk…        chunk = AES-256-GCM(64 KiB of the part)(n+16)
//
// The salt gives every part a key of its own. A chunk's nonce is seven zeros,
// its index in 4 bytes and 1 for the last chunk, else 0: chunks cannot be
// dropped, exchanged or added without an error. The part's name is additional
// data of every chunk, so two parts of one job cannot be exchanged. Only the last
// chunk may be short; an empty part is one empty chunk.
const (
	partMagic = "PLTP\x01"
	partSalt  = 16
	partHead  = len(partMagic) + partSalt

	// ChunkSize is how much of a part is held in memory to read or write it.
	ChunkSize = 64 << 10

	sealedChunk = ChunkSize + tagSize
)

// partCipher seals and opens the chunks of one part.
type partCipher struct {
	aead cipher.AEAD
	name []byte
}

func newPartCipher(key *PageKey, salt []byte, name string) (*partCipher, error) {
	aead, err := key.key.derive(salt, "platen part 1")
	if err != nil {
		return nil, err
	}
	return &partCipher{aead: aead, name: []byte(name)}, nil
}

func chunkNonce(index uint32, last bool) []byte {
	n := make([]byte, nonceSize)
	binary.BigEndian.PutUint32(n[7:], index)
	if last {
		n[11] = 1
	}
	return n
}

func (c *partCipher) seal(dst, plain []byte, index uint32, last bool) []byte {
	return c.aead.Seal(dst, chunkNonce(index, last), plain, c.name)
}

func (c *partCipher) open(dst, sealed []byte, index uint32, last bool) ([]byte, error) {
	plain, err := c.aead.Open(dst, chunkNonce(index, last), sealed, c.name)
	if err != nil {
		return nil, fmt.Errorf("part %s: chunk %d: %w", c.name, index, ErrDamaged)
	}
	return plain, nil
}

// EncryptWriter returns a writer that encrypts the part name (such as
// "page/0001") onto w. Close writes the last chunk and must be called; it does
// not close w. A part not closed reads as damaged. Writing the same name again
// is safe: every writer draws its own salt.
func EncryptWriter(w io.Writer, key *PageKey, name string) io.WriteCloser {
	return &partWriter{w: w, key: key, name: name}
}

type partWriter struct {
	w     io.Writer
	key   *PageKey
	name  string
	c     *partCipher
	buf   []byte // plain, at most ChunkSize
	out   []byte
	index uint32
	err   error // sticky
}

var errPartClosed = errors.New("part already closed")

func (p *partWriter) start() error {
	if p.c != nil {
		return nil
	}
	head := make([]byte, partHead)
	copy(head, partMagic)
	_, _ = rand.Read(head[len(partMagic):])
	c, err := newPartCipher(p.key, head[len(partMagic):], p.name)
	if err != nil {
		return err
	}
	p.c, p.buf, p.out = c, make([]byte, 0, ChunkSize), make([]byte, 0, sealedChunk)
	_, err = p.w.Write(head)
	return err
}

func (p *partWriter) Write(data []byte) (int, error) {
	var n int
	for len(data) > 0 && p.err == nil {
		if p.err = p.start(); p.err != nil {
			break
		}
		// A full chunk is written only when more follows: it may be the last.
		if len(p.buf) == ChunkSize {
			if p.err = p.flush(false); p.err != nil {
				break
			}
		}
		room := min(ChunkSize-len(p.buf), len(data))
		p.buf = append(p.buf, data[:room]...)
		data = data[room:]
		n += room
	}
	return n, p.wrap(p.err)
}

func (p *partWriter) Close() error {
	if p.err != nil {
		if errors.Is(p.err, errPartClosed) {
			return nil
		}
		return p.wrap(p.err)
	}
	if p.err = p.start(); p.err == nil {
		p.err = p.flush(true)
	}
	clear(p.buf[:cap(p.buf)])
	if p.err != nil {
		return p.wrap(p.err)
	}
	p.err = errPartClosed
	return nil
}

func (p *partWriter) flush(last bool) error {
	if p.index == math.MaxUint32 {
		return errors.New("part too long")
	}
	p.out = p.c.seal(p.out[:0], p.buf, p.index, last)
	p.index++
	p.buf = p.buf[:0]
	_, err := p.w.Write(p.out)
	return err
}

func (p *partWriter) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write part %s: %w", p.name, err)
}

// Part reads a part at any offset. It is safe for concurrent use as far as the
// reader beneath is.
type Part struct {
	r    io.ReaderAt
	c    *partCipher
	size int64 // plain
	last uint32

	mu    sync.Mutex // guards the one chunk kept
	index uint32
	plain []byte // nil: none
	buf   []byte
}

// DecryptReaderAt opens the part name that EncryptWriter left in the first size
// bytes of r. It reads the last chunk, so a cut part is ErrDamaged here and not
// only when its end is reached.
func DecryptReaderAt(r io.ReaderAt, size int64, key *PageKey, name string) (*Part, error) {
	body := size - int64(partHead)
	chunks := (body + sealedChunk - 1) / sealedChunk
	if body < tagSize || (body-1)%sealedChunk+1 < tagSize || chunks > math.MaxUint32 {
		return nil, fmt.Errorf("part %s: %d bytes are no part: %w", name, size, ErrDamaged)
	}
	head := make([]byte, partHead)
	if n, err := r.ReadAt(head, 0); n < partHead {
		return nil, fmt.Errorf("read part %s: %w", name, err)
	}
	if string(head[:len(partMagic)]) != partMagic {
		return nil, fmt.Errorf("part %s: not a part: %w", name, ErrDamaged)
	}
	c, err := newPartCipher(key, head[len(partMagic):], name)
	if err != nil {
		return nil, fmt.Errorf("part %s: %w", name, err)
	}
	p := &Part{r: r, c: c, size: body - chunks*tagSize, last: uint32(chunks - 1)}
	p.buf = make([]byte, min(body, sealedChunk))
	if _, err := p.chunk(p.last); err != nil {
		return nil, err
	}
	return p, nil
}

// Size returns the length of the decrypted part.
func (p *Part) Size() int64 { return p.size }

// Reader returns an independent reader of the whole part that can seek.
func (p *Part) Reader() *io.SectionReader { return io.NewSectionReader(p, 0, p.size) }

// ReadAt implements io.ReaderAt. What it returns has been authenticated.
func (p *Part) ReadAt(dst []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("part %s: negative offset", p.c.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int
	for n < len(dst) {
		if off >= p.size {
			return n, io.EOF
		}
		plain, err := p.chunk(uint32(off / ChunkSize))
		if err != nil {
			return n, err
		}
		m := copy(dst[n:], plain[off%ChunkSize:])
		n += m
		off += int64(m)
	}
	return n, nil
}

// chunk returns one decrypted chunk, valid until the next call.
func (p *Part) chunk(index uint32) ([]byte, error) {
	if p.plain != nil && p.index == index {
		return p.plain, nil
	}
	p.plain = nil
	last := index == p.last
	length := int64(sealedChunk)
	if last {
		length = p.size - int64(index)*ChunkSize + tagSize
	}
	buf := p.buf[:length]
	if n, err := p.r.ReadAt(buf, int64(partHead)+int64(index)*sealedChunk); int64(n) < length {
		if errors.Is(err, io.EOF) {
			err = ErrDamaged
		}
		return nil, fmt.Errorf("read part %s: %w", p.c.name, err)
	}
	plain, err := p.c.open(buf[:0], buf, index, last)
	if err != nil {
		return nil, err
	}
	if plain == nil {
		plain = []byte{}
	}
	p.plain, p.index = plain, index
	return plain, nil
}
