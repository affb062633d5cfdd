package convert

import (
	"math/rand/v2"
	"testing"
)

// TestAdaptiveWindow compares the running sums with the window's mean taken anew.
func TestAdaptiveWindow(t *testing.T) {
	const halfX, halfY = 3, 2
	r := rand.New(rand.NewPCG(7, 7))
	for _, size := range [][2]int{{1, 1}, {2, 9}, {40, 1}, {40, 3}, {23, 30}, {900, 12}} {
		w, h := size[0], size[1]
		rows := make([][]byte, h)
		for y := range rows {
			rows[y] = make([]byte, w)
			for x := range rows[y] {
				rows[y][x] = byte(80 + r.IntN(140))
			}
		}
		y := 0
		check := func(black []byte) error {
			for x, got := range black {
				sum, n := 0, 0
				for j := max(0, y-halfY); j <= min(h-1, y+halfY); j++ {
					for i := max(0, x-halfX); i <= min(w-1, x+halfX); i++ {
						sum += int(rows[j][i])
						n++
					}
				}
				if want := int(rows[y][x])*n*8 < sum*7; (got != 0) != want {
					t.Fatalf("%dx%d: pixel %d,%d black=%v; want %v", w, h, x, y, got != 0, want)
				}
			}
			y++
			return nil
		}
		a := newAdaptive(w, halfX, halfY)
		for _, row := range rows {
			if err := a.add(row, check); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.end(check); err != nil || y != h {
			t.Errorf("%dx%d: %d rows came out, %v; want all", w, h, y, err)
		}
	}
}
