package badge

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Step is one conversion. Make one with [ParseStep].
type Step struct {
	text string
	run  func(value) (value, error)
}

// String returns the step as it is written in a profile.
func (s Step) String() string { return s.text }

// ParseStep reads one step, "name" or "name:argument". Errors wrap
// [ErrProfile]. A step works on text or on a number (a row of bits):
//
//	prefix:X  suffix:X   cut X off, where it is there
//	cut:X                keep what stands before the first X
//	group:REGEX          keep the first group (RE2 syntax)
//	first:N  last:N      keep N characters
//	strip-zeros          leading zeros away
//	width:N              pad with leading zeros to N characters; more is an error
//	ascii                the text is the codes of characters, 39 is "9"
//	hex  dec  dec:N      the text is a number; of N bytes, else of as many as it needs
//	bits  bits:N         the lowest N bits of a number; without N the first byte counts
//	                     them and they follow left-aligned
//	reverse-bytes        swap the order of bytes
//	reverse-bits         swap the order of bits in each byte
//	strip-parity         first and last bit away, unchecked
//	wiegand26            26 bits: check both parities and keep the 24 between
//	wiegand26:card       … and write the card number, five digits
//	wiegand26:full       … and write facility code and card number, three and five digits
//	to-hex  to-dec       write a number; to-hex keeps leading zeros, to-dec has none
func ParseStep(text string) (Step, error) {
	name, arg, hasArg := strings.Cut(text, ":")
	run, err := build(name, arg, hasArg)
	if err != nil {
		return Step{}, fmt.Errorf("%w: step %q: %w", ErrProfile, text, err)
	}
	return Step{text: text, run: run}, nil
}

// build finds the conversion of one step.
func build(name, arg string, hasArg bool) (func(value) (value, error), error) {
	if run, ok := plain[name]; ok && !hasArg {
		return run, nil
	}
	if with, ok := textual[name]; ok {
		if arg == "" {
			return nil, fmt.Errorf("want %s:TEXT", name)
		}
		return onText(with(arg)), nil
	}
	if with, ok := counted[name]; ok && hasArg {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > limitMax {
			return nil, fmt.Errorf("want %s:N, N from 1 to %d", name, limitMax)
		}
		return with(n), nil
	}
	switch name + ":" + arg {
	case "wiegand26:card":
		return wiegandText(false), nil
	case "wiegand26:full":
		return wiegandText(true), nil
	}
	if name != "group" {
		return nil, fmt.Errorf("no such step")
	}
	re, err := regexp.Compile(arg)
	if err != nil {
		return nil, err
	}
	if re.NumSubexp() < 1 {
		return nil, fmt.Errorf("the expression has no group")
	}
	return onText(func(s string) (string, error) {
		m := re.FindStringSubmatch(s)
		if m == nil {
			return "", fmt.Errorf("%w: the expression does not match", ErrFormat)
		}
		return m[1], nil
	}), nil
}

var plain = map[string]func(value) (value, error){
	"strip-zeros":   onText(func(s string) (string, error) { return strings.TrimLeft(s, "0"), nil }),
	"ascii":         onText(fromASCII),
	"hex":           fromHex,
	"dec":           func(v value) (value, error) { return fromDec(v, 0) },
	"bits":          countedBits,
	"reverse-bytes": onNumber(reverseBytes),
	"reverse-bits":  onNumber(reverseBits),
	"strip-parity":  onNumber(stripParity),
	"wiegand26":     onNumber(wiegand26),
	"to-hex":        toHex,
	"to-dec":        toDec,
}

var textual = map[string]func(arg string) func(string) (string, error){
	"prefix": func(arg string) func(string) (string, error) {
		return func(s string) (string, error) { return strings.TrimPrefix(s, arg), nil }
	},
	"suffix": func(arg string) func(string) (string, error) {
		return func(s string) (string, error) { return strings.TrimSuffix(s, arg), nil }
	},
	"cut": func(arg string) func(string) (string, error) {
		return func(s string) (string, error) {
			before, _, _ := strings.Cut(s, arg)
			return before, nil
		}
	},
}

var counted = map[string]func(n int) func(value) (value, error){
	"dec":  func(n int) func(value) (value, error) { return func(v value) (value, error) { return fromDec(v, n) } },
	"bits": func(n int) func(value) (value, error) { return onNumber(lowBits(n)) },
	"first": func(n int) func(value) (value, error) {
		return onText(func(s string) (string, error) {
			if len(s) < n {
				return "", fmt.Errorf("%w: %d characters, want %d", ErrFormat, len(s), n)
			}
			return s[:n], nil
		})
	},
	"last": func(n int) func(value) (value, error) {
		return onText(func(s string) (string, error) {
			if len(s) < n {
				return "", fmt.Errorf("%w: %d characters, want %d", ErrFormat, len(s), n)
			}
			return s[len(s)-n:], nil
		})
	},
	"width": func(n int) func(value) (value, error) {
		return onText(func(s string) (string, error) {
			if len(s) > n {
				return "", fmt.Errorf("%w: %d characters, want %d", ErrFormat, len(s), n)
			}
			return strings.Repeat("0", n-len(s)) + s, nil
		})
	},
}

// onText makes a step of a function on text.
func onText(f func(string) (string, error)) func(value) (value, error) {
	return func(v value) (value, error) {
		if v.number {
			return v, fmt.Errorf("%w: works on text, put to-hex or to-dec before it", ErrProfile)
		}
		s, err := f(v.text)
		return value{text: s}, err
	}
}

// onNumber makes a step of a function on bits.
func onNumber(f func([]byte) ([]byte, error)) func(value) (value, error) {
	return func(v value) (value, error) {
		if !v.number {
			return v, fmt.Errorf("%w: works on a number, put hex or dec before it", ErrProfile)
		}
		b, err := f(v.bits)
		return value{number: true, bits: b}, err
	}
}
