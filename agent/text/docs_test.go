package text_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/text"
)

// TestCodesTable keeps docs/codes.md true: each code of a sign-in has one row,
// with the sentence that people read.
func TestCodesTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/codes.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]-\d+) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(page), -1) {
		if rows[row[1]] != nil {
			t.Errorf("%s has two rows", row[1])
		}
		rows[row[1]] = row[2:]
	}
	for _, p := range text.Problems() {
		if !strings.HasPrefix(p.Key, "signin-") {
			continue
		}
		want := text.For("en").T("panel.problem." + p.Key + ".what")
		if row := rows[p.Code]; row == nil || row[0] != want {
			t.Errorf("docs/codes.md says %q for %s; people read %q", row, p.Code, want)
		}
		delete(rows, p.Code)
	}
	for code := range rows {
		t.Errorf("docs/codes.md has a row for %s, which is no code of a sign-in", code)
	}
}
