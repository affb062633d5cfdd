package escl

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// text is character data without the blanks around it.
type text string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *text) UnmarshalText(b []byte) error {
	*t = text(strings.TrimSpace(string(b)))
	return nil
}

// number is a count or length; anything unbelievable is 0.
type number int

// maxNumber is far above every length, resolution and count of the protocol.
const maxNumber = 1 << 24

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *number) UnmarshalText(b []byte) error {
	v, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || v < 0 || v > maxNumber {
		v = 0
	}
	*n = number(v)
	return nil
}

// values drops empty entries and returns nil for none.
func values(ts []text) []string {
	var out []string
	for _, t := range ts {
		if t != "" {
			out = append(out, string(t))
		}
	}
	return out
}

// decode reads one document whose root is the scan element of the given name.
func decode(r io.Reader, root string, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, MaxXML+1))
	if err != nil {
		return fmt.Errorf("escl: reading %s: %w", root, err)
	}
	if len(b) > MaxXML {
		return fmt.Errorf("%s: %w", root, ErrTooLarge)
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))))
	d.Strict = false // model names with a bare "&" are no reason to refuse a device
	d.CharsetReader = charset
	start, err := rootOf(d)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", root, ErrXML, err.Error())
	}
	if start.Name != (xml.Name{Space: nsScan, Local: root}) {
		return fmt.Errorf("%s: %w: root element is %q in %q", root, ErrXML, start.Name.Local, start.Name.Space)
	}
	if err := d.DecodeElement(v, &start); err != nil {
		return fmt.Errorf("%s: %w: %s", root, ErrXML, err.Error())
	}
	return nil
}

func rootOf(d *xml.Decoder) (xml.StartElement, error) {
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return xml.StartElement{}, io.ErrUnexpectedEOF
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, ok := t.(xml.StartElement); ok {
			return start, nil
		}
	}
}

// charset admits the one-byte encodings that firmware declares beside UTF-8.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
	default:
		return nil, fmt.Errorf("encoding %q is not known", label)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return strings.NewReader(string(runes)), nil
}

// writer writes compact XML with the two usual prefixes.
type writer struct{ buf bytes.Buffer }

func (w *writer) document(name string, children func()) {
	w.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?><` + name +
		` xmlns:scan="` + nsScan + `" xmlns:pwg="` + nsPWG + `">`)
	children()
	w.buf.WriteString("</" + name + ">")
}

func (w *writer) element(name string, children func()) {
	w.buf.WriteString("<" + name + ">")
	children()
	w.buf.WriteString("</" + name + ">")
}

// text writes nothing for an empty value.
func (w *writer) text(name, value string) {
	if value == "" {
		return
	}
	w.element(name, func() { _ = xml.EscapeText(&w.buf, []byte(value)) }) // a bytes.Buffer takes everything
}

func (w *writer) number(name string, v int) { w.text(name, strconv.Itoa(v)) }

func (w *writer) list(name, child string, vs []string) {
	if len(vs) == 0 {
		return
	}
	w.element(name, func() {
		for _, v := range vs {
			w.text(child, v)
		}
	})
}
