package mfp

import (
	"fmt"

	"github.com/platen-fax/platen/simulator/paper"
)

// ClassMixed as the class of a stack gives its sheets all printed classes of
// paper in turn.
const ClassMixed = "mixed"

// jpegQuality is what office machines send by default.
const jpegQuality = 80

// Paper is the source of pages with marks, printed by simulator/paper. Several
// machines may share a cache; nil makes one of 32 MiB.
func Paper(cache *paper.Cache) PageSource {
	if cache == nil {
		cache = paper.NewCache(32 << 20)
	}
	printed := printedClasses()
	return func(p Page) ([]byte, error) {
		s := paper.Sheet{Batch: p.Batch, Page: max(1, p.Sheet), Side: p.Side, Class: p.Class}
		if p.Class == ClassMixed {
			s.Class = printed[(s.Page-1)%len(printed)]
		}
		switch p.Size {
		case "", "a4":
			s.Size = paper.A4
		case "letter":
			s.Size = paper.Letter
		case "legal":
			s.Size = paper.Legal
		default:
			return nil, fmt.Errorf("mfp: paper size %q is not known", p.Size)
		}
		if err := s.Check(); err != nil {
			return nil, err
		}
		mode := paper.Gray
		if p.Color {
			mode = paper.RGB
		}
		return cache.JPEG(s, p.DPI, mode, jpegQuality)
	}
}

// printedClasses are the classes with something to see.
func printedClasses() []string {
	var cs []string
	for _, c := range paper.Classes() {
		if c != paper.Blank {
			cs = append(cs, c)
		}
	}
	return cs
}
