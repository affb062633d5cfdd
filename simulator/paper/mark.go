package paper

import "hash/crc32"

// The mark is a block of cells of 2.5 mm, 28 wide and 7 high: 7x7 finder patterns at
// both ends (a black ring, a white ring and a black 3x3 core, as in QR codes), and
// between them, one white column apart, 12 columns of 7 cells. It is printed top left
// and bottom right, so a page turned by 180 degrees has it in the same places.
const (
	cellMM     = 2.5
	finderSide = 7
	dataCols   = 12
	dataRows   = 7
	markCols   = 2*finderSide + dataCols + 2
	markWide   = markCols * cellMM
	markHigh   = dataRows * cellMM
	// finderStep is the distance between the finders' centres in cells.
	finderStep = markCols - finderSide

	markMarginX = 15.0 // mm from the paper's left or right edge
	markMarginY = 8.0  // mm from its top or bottom edge
)

// What the cells carry, most significant bit first, row by row.
const (
	placeBits = 2
	sideBits  = 2
	pageBits  = 16
	batchBits = 32
	crcBits   = 32
)

// The data area is full; this fails to compile if it is not.
var _ = [1]struct{}{}[placeBits+sideBits+pageBits+batchBits+crcBits-dataCols*dataRows]

type place byte

const (
	placeTop    place = 1
	placeBottom place = 2
)

// cells are the data cells of one mark, true = black.
type cells [dataCols * dataRows]bool

// payload is what one mark says.
type payload struct {
	place place
	side  int
	page  int
	batch uint32
}

func (p payload) word() uint64 {
	return uint64(p.place)<<(sideBits+pageBits+batchBits) | uint64(p.side)<<(pageBits+batchBits) |
		uint64(p.page)<<batchBits | uint64(p.batch)
}

// sum is CRC-32 over the word's eight bytes. At this length it notices every change
// of up to seven cells, and all but one in four billion of others.
func sum(word uint64) uint32 {
	var b [8]byte
	for i := range b {
		b[i] = byte(word >> (56 - 8*i))
	}
	return crc32.ChecksumIEEE(b[:])
}

func (p payload) cells() cells {
	var c cells
	word := p.word()
	crc := sum(word)
	data := len(c) - crcBits
	for i := range c {
		if i < data {
			c[i] = word>>(data-1-i)&1 == 1
		} else {
			c[i] = crc>>(len(c)-1-i)&1 == 1
		}
	}
	return c
}

// decode returns what the cells say, false if they contradict their checksum.
func (c cells) decode() (payload, bool) {
	var word uint64
	var crc uint32
	for i, black := range c {
		bit := uint64(0)
		if black {
			bit = 1
		}
		if i < len(c)-crcBits {
			word = word<<1 | bit
		} else {
			crc = crc<<1 | uint32(bit)
		}
	}
	p := payload{
		place: place(word >> (sideBits + pageBits + batchBits)),
		side:  int(word >> (pageBits + batchBits) & MaxSide),
		page:  int(word >> batchBits & MaxPage),
		batch: uint32(word),
	}
	return p, crc == sum(word) && (p.place == placeTop || p.place == placeBottom)
}

// turned returns the cells as seen on a page turned by 180 degrees.
func (c cells) turned() cells {
	var t cells
	for i := range c {
		t[i] = c[len(c)-1-i]
	}
	return t
}

// drawMark prints the mark with its upper left corner at x, y mm.
func drawMark(cv *canvas, x, y float64, c cells) {
	box := func(col, row, w, h int, ink colour) {
		cv.fill(x+float64(col)*cellMM, y+float64(row)*cellMM, float64(w)*cellMM, float64(h)*cellMM, ink)
	}
	box(-1, -1, markCols+2, dataRows+2, pureWhite)
	for _, left := range []int{0, markCols - finderSide} {
		box(left, 0, finderSide, finderSide, blackInk)
		box(left+1, 1, finderSide-2, finderSide-2, pureWhite)
		box(left+2, 2, finderSide-4, finderSide-4, blackInk)
	}
	for i, black := range c {
		if black {
			box(finderSide+1+i%dataCols, i/dataCols, 1, 1, blackInk)
		}
	}
}
