package convert

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// defaultPreview is the longer side of a preview in pixels.
const defaultPreview = 320

// Preview reads a scanned page, a JPEG, from r and writes to w a small gray JPEG of it
// whose longer side has maxPixels pixels (320 if 0 or less), fewer if the page has
// fewer. Errors are as of [Page].
func Preview(ctx context.Context, r io.Reader, w io.Writer, maxPixels int) error {
	src, err := decode(r)
	if err != nil {
		return err
	}
	return preview(ctx, src, w, maxPixels)
}

func preview(ctx context.Context, src *luma, w io.Writer, maxPixels int) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if maxPixels < 1 {
		maxPixels = defaultPreview
	}
	const one = 1 << 16
	step := max(int64(max(src.w, src.h))*one/int64(maxPixels), one)
	wide, high := max(1, int(int64(src.w)*one/step)), max(1, int(int64(src.h)*one/step))
	small := image.NewGray(image.Rect(0, 0, wide, high))
	sc := newScaler(src, wide, high, step, step)
	for y := range high {
		copy(small.Pix[y*small.Stride:], sc.next())
	}
	if err := jpeg.Encode(w, small, &jpeg.Options{Quality: 75}); err != nil {
		return fmt.Errorf("write preview: %w", err)
	}
	return nil
}
