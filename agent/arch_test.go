package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/platen-fax/platen/"

// layers says what each tree may import of ours; the longest matching key wins.
// A value ending in /... allows the whole tree, any other one package.
var layers = map[string][]string{
	"configs":           {},
	"protocols":         {},
	"protocols/faxplus": {"protocols/oneshot"},
	"protocols/xmcloud": {"protocols/oneshot"},
	"devices":           {"devices", "protocols/..."},

	"devices/devicetest": {"devices"},

	"agent/job":                 {},
	"agent/text":                {},
	"agent/number":              {},
	"agent/seal":                {},
	"agent/crash":               {},
	"agent/config":              {"agent/job", "configs"}, // the deadlines of the states are config keys
	"agent/registry":            {"agent/seal", "agent/crash"},
	"agent/spool":               {"agent/job"},
	"agent/spool/spooltest":     {"agent/job", "agent/spool"},
	"agent/spool/bolt":          {"agent/job", "agent/spool", "agent/seal", "agent/crash"},
	"agent/signin":              {"agent/job", "agent/registry", "agent/directory"}, // attempts are counted over a restart
	"agent/signin/signintest":   {"agent/job", "agent/registry", "agent/seal", "agent/signin"},
	"agent/signin/password":     {"agent/job", "agent/signin"},
	"agent/signin/wstrust":      {"agent/job", "agent/signin", "agent/directory", "protocols/wstrust"},
	"agent/signin/xmcloud":      {"agent/job", "agent/signin", "agent/directory", "protocols/xmcloud"},
	"agent/signin/phone":        {"agent/job", "agent/signin", "agent/directory", "protocols/deviceflow"},
	"agent/signin/badge":        {"agent/job", "agent/signin", "agent/directory", "agent/registry", "devices"},
	"agent/directory":           {"agent/job"},
	"agent/directory/csv":       {"agent/job", "agent/directory"},
	"agent/directory/ldap":      {"agent/job", "agent/directory"},
	"agent/directory/scim":      {"agent/job", "agent/directory", "protocols/scim"},
	"agent/capture":             {"agent/job", "agent/spool", "agent/crash", "devices"},
	"agent/convert":             {"agent/job", "agent/spool", "agent/crash", "protocols/faximage", "protocols/pagefile"},
	"agent/deliver":             {"agent/job", "agent/spool", "agent/crash"},
	"agent/deliver/faxplus":     {"agent/job", "agent/deliver", "protocols/faxplus"},
	"agent/deliver/xmcloud":     {"agent/job", "agent/deliver", "protocols/xmcloud"},
	"agent/deliver/servicetest": {"agent/job", "agent/deliver"},
	"agent/flow":                {"agent/job", "agent/spool", "agent/crash"},
	"agent/panel": {
		"agent/job", "agent/spool", "agent/capture", "agent/signin", "agent/flow", "agent/number", "agent/text",
		"devices", "protocols/panelmsg",
	},
	"agent/fleet": {"agent/job", "agent/spool", "protocols/fleet"},
	"agent/admin": {"agent/..."},
	// The command device probe prints what a device says about itself, badge test
	// what a reader does.
	"agent/admin/cli": {"agent/...", "devices", "protocols/badge"},
	"agent/setup":     {},
	"agent/doctor":    {"agent/deliver", "agent/seal", "agent/config", "agent/signin", "devices"},
	"agent/health":    {"agent/job", "agent/spool", "agent/flow"},
	// app builds the running machine; concrete drivers and services reach it as
	// tables from drivers.go.
	"agent/app": {
		"agent/admin", "agent/capture", "agent/config", "agent/convert", "agent/crash", "agent/deliver", "agent/directory",
		"agent/doctor", "agent/fleet", "agent/flow", "agent/health", "agent/job", "agent/number", "agent/panel", "agent/registry",
		"agent/seal", "agent/signin", "agent/spool", "agent/spool/bolt", "agent/text", "devices", "configs",
	},

	"simulator":     {"simulator/...", "protocols/...", "configs"},
	"simulator/e2e": {"configs", "simulator/..."},
}

// driversFile is the one file of package main that names concrete drivers, services
// and methods.
const driversFile = "agent/drivers.go"

// contractChildren lists packages whose children only drivers.go may import.
var contractChildren = []string{"devices", "agent/deliver", "agent/directory", "agent/signin"}

// witnesses are packages that check us from outside and must not share our code.
var witnesses = map[string]string{
	"simulator/faxcloud": "protocols/faximage", // it has to read documents as a stranger would
}

// TestImportsPointDown checks every import of ours against layers. It parses the
// files in this process: a test that asks another program passes from the cache.
func TestImportsPointDown(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "bin" || e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".git")) {
			return filepath.SkipDir
		}
		if e.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		files++
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(imported, module); ok {
				if why := refuse(filepath.ToSlash(rel), ours, f.Name.Name); why != "" {
					t.Errorf("%s imports %s: %s", rel, ours, why)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Fatalf("only %d Go files were looked at", files)
	}
}

// TestRefuse shows that the rules can say no.
func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		file, imported, pkg string
		ok                  bool
	}{
		{"protocols/escl/client.go", "devices", "escl", false},
		{"simulator/mfp/mfp.go", "agent/job", "mfp", false},
		{"simulator/mfp/mfp_test.go", "devices", "mfp_test", false},
		{"agent/deliver/engine.go", "agent/deliver/faxplus", "deliver", false},
		{"agent/main.go", "agent/deliver/faxplus", "main", false},
		{"agent/drivers.go", "agent/deliver/faxplus", "main", true},
		{"agent/deliver/engine.go", "agent/signin", "deliver", false},
		{"devices/esclscan/scan.go", "simulator/mfp", "esclscan", false},
		{"devices/esclscan/scan_test.go", "simulator/mfp", "esclscan_test", true},
		{"simulator/faxcloud/document.go", "protocols/faximage", "faxcloud", false},
		{"agent/panel/panel.go", "agent/spool/bolt", "panel", false},
	} {
		if why := refuse(tt.file, tt.imported, tt.pkg); (why == "") != tt.ok {
			t.Errorf("%s importing %s: refused %q, want allowed %v", tt.file, tt.imported, why, tt.ok)
		}
	}
}

// refuse says why a file may not import a package of ours, or "".
func refuse(file, imported, pkg string) string {
	dir := filepath.ToSlash(filepath.Dir(file))
	test := strings.HasSuffix(file, "_test.go")
	if witnesses[dir] == imported {
		return "a foreign witness decodes with its own code"
	}
	if test && strings.HasSuffix(pkg, "_test") && (strings.HasPrefix(dir, "agent") || strings.HasPrefix(dir, "devices")) {
		return "" // external tests wire real parts together
	}
	if dir == "agent" {
		if file == driversFile || !underContract(imported) {
			return ""
		}
		return "only " + driversFile + " names concrete drivers and services"
	}
	if test && strings.HasPrefix(imported, dir+"/") {
		return "" // the package's own suite and children
	}
	key := ""
	for k := range layers {
		if (dir == k || strings.HasPrefix(dir, k+"/")) && len(k) > len(key) {
			key = k
		}
	}
	if imported == dir || slices.ContainsFunc(layers[key], func(a string) bool { return allows(a, imported) }) {
		return ""
	}
	return key + " may import only " + strings.Join(layers[key], " ")
}

// underContract reports whether a package is a concrete child of a contract.
func underContract(imported string) bool {
	return slices.ContainsFunc(contractChildren, func(p string) bool { return strings.HasPrefix(imported, p+"/") })
}

// allows reports whether one allowance covers a package.
func allows(allowed, imported string) bool {
	if tree, ok := strings.CutSuffix(allowed, "/..."); ok {
		return imported == tree || strings.HasPrefix(imported, tree+"/")
	}
	return allowed == imported
}
