package convert

// scaler brings a picture to another size row by row: each pixel is the mean of the
// area that it covers of the source. All arithmetic is in whole numbers, so that every
// machine makes the same page.
type scaler struct {
	src    *luma
	stepY  int64
	rows   int
	y      int
	spans  []span
	sums   []uint32 // of the row being made
	last   []uint32 // source row lastY, scaled across
	lastY  int
	out    []byte
	srcEnd int64 // in units of 1/65536 row
}

// span is the part of a source row that a pixel covers: the first pixel with weight
// head, whole ones, and one more with weight tail. Weights are in 1/256.
type span struct {
	from       int32
	whole      int32
	head, tail uint32
	norm       uint64 // 2^32 * 64 / total weight
}

// scaled is the unit of scaled rows: 64 * brightness.
const scaled = 64

// newScaler makes w x h pixels, each stepX by stepY source pixels (in 1/65536) large.
// What lies beyond the source's edge repeats its last pixels.
func newScaler(src *luma, w, h int, stepX, stepY int64) *scaler {
	s := &scaler{
		src: src, stepY: stepY, rows: h, lastY: -1, srcEnd: int64(src.h) << 16,
		spans: make([]span, w), sums: make([]uint32, w), last: make([]uint32, w), out: make([]byte, w),
	}
	end := int64(src.w) << 8
	for x := range s.spans {
		a, b := int64(x)*stepX>>8, int64(x+1)*stepX>>8
		a = min(a, end-1)
		b = max(min(b, end), a+1)
		sp := &s.spans[x]
		sp.from = int32(a >> 8)
		if a>>8 == (b-1)>>8 {
			sp.head = uint32(b - a)
		} else {
			sp.head = uint32(256 - a&255)
			sp.whole = int32(b>>8 - a>>8 - 1)
			sp.tail = uint32(b & 255)
		}
		sp.norm = (scaled << 32) / uint64(b-a)
	}
	return s
}

// next returns the next row, which is overwritten by the one after it.
func (s *scaler) next() []byte {
	a := min(int64(s.y)*s.stepY, s.srcEnd-1)
	b := max(min(int64(s.y+1)*s.stepY, s.srcEnd), a+1)
	s.y++
	clear(s.sums)
	var total uint32
	for y := a >> 16; y<<16 < b; y++ {
		weight := max(1, uint32((min(b, (y+1)<<16)-max(a, y<<16))>>8))
		total += weight
		for x, v := range s.across(int(y)) {
			s.sums[x] += v * weight
		}
	}
	div := uint64(1<<40) / uint64(total*scaled)
	for x, v := range s.sums {
		s.out[x] = uint8(min(255, (uint64(v)*div+(1<<39))>>40))
	}
	return s.out
}

// across returns source row y scaled across. Rows at an edge are used twice running.
func (s *scaler) across(y int) []uint32 {
	if y == s.lastY {
		return s.last
	}
	s.lastY = y
	row := s.src.row(y)
	for x := range s.spans {
		sp := &s.spans[x]
		p := row[sp.from:]
		sum := uint32(p[0]) * sp.head
		for _, v := range p[1 : 1+sp.whole] {
			sum += uint32(v) << 8
		}
		if sp.tail != 0 {
			sum += uint32(p[1+sp.whole]) * sp.tail
		}
		s.last[x] = uint32(uint64(sum) * sp.norm >> 32)
	}
	return s.last
}
