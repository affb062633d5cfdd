package convert

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestScalerMeansAreas compares with the area integral in floating point.
func TestScalerMeansAreas(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 8))
	src := &luma{w: 61, h: 47, stride: 64, pix: make([]byte, 64*47)}
	for i := range src.pix {
		src.pix[i] = byte(r.IntN(256))
	}
	for _, tt := range []struct{ x, y float64 }{{1, 1}, {1.4706, 1.5306}, {300 / 204.0, 300 / 98.0}, {0.5, 0.37}, {7.9, 11.3}, {61, 47}, {2, 3}} {
		w, h := max(1, int(61/tt.x+0.5)), max(1, int(47/tt.y+0.5))
		sc := newScaler(src, w, h, int64(tt.x*65536), int64(tt.y*65536))
		for y := range h {
			for x, got := range sc.next() {
				want := mean(src, float64(x)*tt.x, float64(y)*tt.y, float64(x+1)*tt.x, float64(y+1)*tt.y)
				if math.Abs(float64(got)-want) > 3 {
					t.Fatalf("step %v: pixel %d,%d = %d; want %.1f", tt, x, y, got, want)
				}
			}
		}
	}
}

func mean(l *luma, x0, y0, x1, y1 float64) float64 {
	x1, y1 = min(x1, float64(l.w)), min(y1, float64(l.h))
	var sum, area float64
	for y := int(y0); float64(y) < y1; y++ {
		for x := int(x0); float64(x) < x1; x++ {
			a := (min(x1, float64(x+1)) - max(x0, float64(x))) * (min(y1, float64(y+1)) - max(y0, float64(y)))
			sum += a * float64(l.row(y)[x])
			area += a
		}
	}
	return sum / area
}

func TestWhiteStaysWhite(t *testing.T) {
	src := &luma{w: 100, h: 100, stride: 100, pix: make([]byte, 100*100)}
	for i := range src.pix {
		src.pix[i] = 255
	}
	for _, step := range []int64{20000, 65536, 96376, 1 << 20} {
		sc := newScaler(src, int(100<<16/step)+1, 3, step, step)
		for range 3 {
			for x, v := range sc.next() {
				if v != 255 {
					t.Fatalf("step %d: pixel %d of white = %d; want 255", step, x, v)
				}
			}
		}
	}
}
