package paper

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/jpeg"
	"io"
)

// EncodeJPEG writes the sheet as a scanner's JPEG of quality 1 to 100, with a JFIF
// header that states dpi (75 to 600). It draws and codes anew each time; see [Cache].
func EncodeJPEG(w io.Writer, s Sheet, dpi int, mode Mode, quality int) error {
	if err := s.Check(); err != nil {
		return err
	}
	if dpi < 75 || dpi > 600 {
		return fmt.Errorf("paper: %d pixels per inch, want 75 to 600", dpi)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, Render(s, dpi, mode), &jpeg.Options{Quality: quality}); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	// image/jpeg writes no density; scanners do, as the first segment (ITU-T T.871).
	file := b.Bytes()
	jfif := append([]byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 16}, "JFIF\x00\x01\x02\x01"...)
	jfif = binary.BigEndian.AppendUint16(jfif, uint16(dpi))
	jfif = binary.BigEndian.AppendUint16(jfif, uint16(dpi))
	jfif = append(jfif, 0, 0)
	for _, part := range [][]byte{jfif, file[2:]} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
