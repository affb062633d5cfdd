// Package text is what people read: the message catalogue in every language and
// the codes of failures for IT.
//
// The texts are in en.yaml and fr.yaml beside this file, those for signing in in
// en-signin.yaml and fr-signin.yaml, the codes in codes.yaml. To add a text,
// write its key in every language; a test compares them. Who shows which text
// when is not known here, and nothing here is logged.
package text

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed *.yaml
var files embed.FS

// The languages. The first is used where another is asked for.
var languages = []string{"en", "fr"}

// Languages returns the codes of all languages, the first being the default.
func Languages() []string { return slices.Clone(languages) }

// Printer writes texts in one language. It is safe for concurrent use.
type Printer struct {
	lang  string
	texts map[string]string
}

// catalogue reads the embedded files once, when the first text is wanted. They
// are part of the program, so that one which does not read is a programmer's
// error.
var catalogue = sync.OnceValue(func() map[string]*Printer {
	all := map[string]*Printer{}
	for _, lang := range languages {
		p := &Printer{lang: lang, texts: map[string]string{}}
		for _, name := range []string{lang + ".yaml", lang + "-signin.yaml"} {
			var sections map[string]map[string]string
			mustRead(name, &sections)
			for section, texts := range sections {
				for key, text := range texts {
					p.texts[section+"."+key] = text
				}
			}
		}
		all[lang] = p
	}
	return all
})

func mustRead(name string, into any) {
	data, err := files.ReadFile(name)
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		panic(fmt.Sprintf("text: %s: %v", name, err))
	}
}

// For returns the printer of a language. "fr-CA" is "fr"; a language that is not
// there is English.
func For(lang string) *Printer {
	lang, _, _ = strings.Cut(strings.ToLower(lang), "-")
	if p := catalogue()[lang]; p != nil {
		return p
	}
	return catalogue()[languages[0]]
}

// Lang returns the printer's language, such as "fr".
func (p *Printer) Lang() string { return p.lang }

// Has says whether there is a text of that key.
func (p *Printer) Has(key string) bool {
	_, ok := p.texts[key]
	return ok
}

// Keys returns the keys of all texts, sorted.
func (p *Printer) Keys() []string { return slices.Sorted(maps.Keys(p.texts)) }

// T returns the text of a key with {1}, {2}… replaced by the arguments. Arguments
// without a place are left out, places without an argument stay. A key that is
// not there comes back in brackets, so that a screen shows it.
func (p *Printer) T(key string, args ...any) string {
	text, ok := p.texts[key]
	if !ok {
		return "[" + key + "]"
	}
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, 2*len(args))
	for i, arg := range args {
		pairs = append(pairs, "{"+strconv.Itoa(i+1)+"}", fmt.Sprint(arg))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
