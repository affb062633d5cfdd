package seal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// DecryptReader reads the part name from its beginning where only a stream is
// at hand. Every byte it returns has been authenticated, but that the part is
// whole is known only when it returns io.EOF: a cut part ends with ErrDamaged.
func DecryptReader(r io.Reader, key *PageKey, name string) io.Reader {
	return &partReader{r: bufio.NewReaderSize(r, sealedChunk+1), key: key, name: name}
}

type partReader struct {
	r     *bufio.Reader
	key   *PageKey
	name  string
	c     *partCipher
	buf   []byte
	plain []byte
	index uint32
	err   error // sticky, io.EOF after the last chunk
}

func (p *partReader) Read(dst []byte) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	for len(p.plain) == 0 {
		if p.err == nil {
			p.err = p.next()
		}
		if p.err != nil && len(p.plain) == 0 {
			return 0, p.err
		}
	}
	n := copy(dst, p.plain)
	p.plain = p.plain[n:]
	return n, nil
}

// next decrypts one chunk; it returns io.EOF together with the last one.
func (p *partReader) next() error {
	if p.c == nil {
		if err := p.start(); err != nil {
			return err
		}
	}
	n, err := io.ReadFull(p.r, p.buf[:sealedChunk])
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		if n < tagSize {
			return fmt.Errorf("part %s: cut: %w", p.name, ErrDamaged)
		}
	case err != nil:
		return fmt.Errorf("read part %s: %w", p.name, err)
	}
	_, peek := p.r.Peek(1)
	if peek != nil && !errors.Is(peek, io.EOF) {
		return fmt.Errorf("read part %s: %w", p.name, peek)
	}
	last := peek != nil
	p.plain, err = p.c.open(p.buf[:0], p.buf[:n], p.index, last)
	if err != nil {
		return err
	}
	p.index++
	if last {
		return io.EOF
	}
	return nil
}

func (p *partReader) start() error {
	head := make([]byte, partHead)
	if _, err := io.ReadFull(p.r, head); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrDamaged
		}
		return fmt.Errorf("read part %s: %w", p.name, err)
	}
	if string(head[:len(partMagic)]) != partMagic {
		return fmt.Errorf("part %s: not a part: %w", p.name, ErrDamaged)
	}
	c, err := newPartCipher(p.key, head[len(partMagic):], p.name)
	if err != nil {
		return fmt.Errorf("part %s: %w", p.name, err)
	}
	p.c, p.buf = c, make([]byte, sealedChunk)
	return nil
}
