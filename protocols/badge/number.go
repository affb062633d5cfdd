package badge

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// value is what flows through a chain: text, or a number as a row of bits, the
// highest first, one per byte. Bits keep leading zeros and odd lengths, which
// an integer would lose.
type value struct {
	text   string
	number bool
	bits   []byte
}

// String writes the value for people.
func (v value) String() string {
	if !v.number {
		return fmt.Sprintf("%q", v.text)
	}
	if len(v.bits)%8 == 0 {
		return fmt.Sprintf("%X (%d bits)", pack(v.bits), len(v.bits))
	}
	var b strings.Builder
	for _, bit := range v.bits {
		b.WriteByte('0' + bit)
	}
	return fmt.Sprintf("%s (%d bits)", b.String(), len(v.bits))
}

// maxDigits bounds the numbers that are computed with.
const maxDigits = 256

func fromHex(v value) (value, error) {
	s := v.text
	if v.number {
		return v, fmt.Errorf("%w: is a number already", ErrProfile)
	}
	if len(s)%2 == 1 {
		s = "0" + s
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 || len(s) > maxDigits {
		return v, fmt.Errorf("%w: want hexadecimal digits", ErrFormat)
	}
	return value{number: true, bits: unpack(b)}, nil
}

// fromDec reads decimal digits into n bytes, or into as many as are needed.
func fromDec(v value, n int) (value, error) {
	if v.number {
		return v, fmt.Errorf("%w: is a number already", ErrProfile)
	}
	if v.text == "" || len(v.text) > maxDigits || strings.Trim(v.text, "0123456789") != "" {
		return v, fmt.Errorf("%w: want decimal digits", ErrFormat)
	}
	x, ok := new(big.Int).SetString(v.text, 10)
	if !ok {
		return v, fmt.Errorf("%w: want decimal digits", ErrFormat)
	}
	need := max(1, (x.BitLen()+7)/8)
	if n == 0 {
		n = need
	}
	if need > n {
		return v, fmt.Errorf("%w: does not fit into %d bytes", ErrFormat, n)
	}
	return value{number: true, bits: unpack(x.FillBytes(make([]byte, n)))}, nil
}

// fromASCII reads pairs of hexadecimal digits as the codes of characters.
func fromASCII(s string) (string, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("%w: want pairs of hexadecimal digits", ErrFormat)
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return "", fmt.Errorf("%w: %02X is the code of no character", ErrFormat, c)
		}
	}
	return string(b), nil
}

// countedBits reads the transparent form of Elatec readers: the first byte
// says how many bits follow, left-aligned.
func countedBits(v value) (value, error) {
	if !v.number {
		var err error
		if v, err = fromHex(v); err != nil {
			return v, err
		}
	}
	if len(v.bits) < 16 {
		return v, fmt.Errorf("%w: want a count and bits", ErrFormat)
	}
	n := int(pack(v.bits[:8])[0])
	if n == 0 || n > len(v.bits)-8 || len(v.bits)-8-n >= 8 {
		return v, fmt.Errorf("%w: counts %d bits and has %d", ErrFormat, n, len(v.bits)-8)
	}
	return value{number: true, bits: v.bits[8 : 8+n]}, nil
}

// lowBits returns a function that keeps n bits; only zeros may be lost.
func lowBits(n int) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		if len(b) < n {
			return append(make([]byte, n-len(b)), b...), nil
		}
		return b[len(b)-n:], nil
	}
}

func reverseBytes(b []byte) ([]byte, error) {
	bytes := pack(b)
	slices.Reverse(bytes)
	return unpack(bytes), nil
}

func reverseBits(b []byte) ([]byte, error) {
	b = unpack(pack(b)) // whole bytes, and a copy
	for i := 0; i < len(b); i += 8 {
		slices.Reverse(b[i : i+8])
	}
	return b, nil
}

func stripParity(b []byte) ([]byte, error) {
	if len(b) < 3 {
		return nil, fmt.Errorf("%w: %d bits, want at least 3", ErrFormat, len(b))
	}
	return b[1 : len(b)-1], nil
}

// wiegand26 checks the standard 26-bit card format: even parity over the
// first half, odd parity over the second.
func wiegand26(b []byte) ([]byte, error) {
	if len(b) != 26 {
		return nil, fmt.Errorf("%w: %d bits, want 26", ErrFormat, len(b))
	}
	var first, second byte
	for i := range 13 {
		first, second = first^b[i], second^b[13+i]
	}
	if first != 0 || second != 1 {
		return nil, fmt.Errorf("parity: %w", ErrChecksum)
	}
	return b[1:25], nil
}

// wiegandText writes the two numbers of a 26-bit card as they are printed.
func wiegandText(full bool) func(value) (value, error) {
	inner := onNumber(wiegand26)
	return func(v value) (value, error) {
		v, err := inner(v)
		if err != nil {
			return v, err
		}
		b := pack(v.bits)
		text := fmt.Sprintf("%05d", int(b[1])<<8|int(b[2]))
		if full {
			text = fmt.Sprintf("%03d", b[0]) + text
		}
		return value{text: text}, nil
	}
}

func toHex(v value) (value, error) {
	if !v.number {
		return v, fmt.Errorf("%w: works on a number, put hex or dec before it", ErrProfile)
	}
	return value{text: fmt.Sprintf("%X", pack(v.bits))}, nil
}

func toDec(v value) (value, error) {
	if !v.number {
		return v, fmt.Errorf("%w: works on a number, put hex or dec before it", ErrProfile)
	}
	return value{text: new(big.Int).SetBytes(pack(v.bits)).String()}, nil
}

// pack makes bytes of bits, with zeros in front where bits are missing.
func pack(bits []byte) []byte {
	out := make([]byte, (len(bits)+7)/8)
	for i := range bits {
		j := len(bits) - 1 - i // from the lowest bit up
		out[len(out)-1-i/8] |= bits[j] << (i % 8)
	}
	return out
}

// unpack makes bits of bytes.
func unpack(b []byte) []byte {
	out := make([]byte, 0, 8*len(b))
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			out = append(out, x>>i&1)
		}
	}
	return out
}
