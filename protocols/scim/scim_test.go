package scim_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/scim"
)

const start = `{"id":"7","userName":"Ann@Example.com","externalId":"aB1","active":true,"displayName":"Ann",
"name":{"givenName":"Ann"},"emails":[{"type":"work","value":"ann@example.com","primary":true},{"type":"home","value":"a@home"}],
"roles":[],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"4711"}}`

func user(t *testing.T, text string) scim.User {
	t.Helper()
	var u scim.User
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPatchShapes holds the shapes that Entra is documented to send.
func TestPatchShapes(t *testing.T) {
	const ent = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for _, tt := range []struct{ name, ops, path, want string }{
		{"active as a string", `{"op":"Replace","path":"active","value":"False"}`, "active", "false"},
		{"active as a boolean", `{"op":"replace","path":"active","value":false}`, "active", "false"},
		{"active without path", `{"op":"Replace","value":{"active":"False"}}`, "active", "false"},
		{"active in another case", `{"op":"Replace","path":"Active","value":"false"}`, "active", "false"},
		{"work address", `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"new@example.com"}`, `emails[type eq "work"].value`, "new@example.com"},
		{"address that was not there", `{"op":"Replace","path":"emails[type eq \"other\"].value","value":"x@y"}`, `emails[type eq "other"].value`, "x@y"},
		{"list that was not there", `{"op":"Add","path":"phoneNumbers[type eq \"fax\"].value","value":"+1"}`, `phoneNumbers[type eq "fax"].value`, "+1"},
		{"dotted key", `{"op":"replace","value":{"name.givenName":"Anna"}}`, "name.givenName", "Anna"},
		{"part of an object that was not there", `{"op":"Add","path":"address.country","value":"CA"}`, "address.country", "CA"},
		{"extension by path", `{"op":"Add","path":"` + ent + `:employeeNumber","value":"1"}`, ent + ":employeeNumber", "1"},
		{"extension by key", `{"op":"replace","value":{"` + ent + `:employeeNumber":"2"}}`, ent + ":employeeNumber", "2"},
		{"extension as object", `{"op":"replace","value":{"` + ent + `":{"employeeNumber":"3"}}}`, ent + ":employeeNumber", "3"},
		{"core by full name", `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:displayName","value":"A"}`, "displayName", "A"},
		{"manager as text", `{"op":"Add","path":"` + ent + `:manager","value":"9"}`, ent + ":manager", "9"},
		{"manager as object", `{"op":"Add","path":"` + ent + `:manager","value":{"value":"9","$ref":null}}`, ent + ":manager", "9"},
		{"removed", `{"op":"Remove","path":"displayName"}`, "displayName", ""},
		{"replaced by nothing", `{"op":"Replace","path":"displayName","value":null}`, "displayName", ""},
		{"removed element", `{"op":"Remove","path":"emails[type eq \"home\"]"}`, `emails.value`, "ann@example.com"},
		{"removed by value", `{"op":"Remove","path":"emails","value":[{"value":"ann@example.com"}]}`, `emails.value`, "a@home"},
		{"added element", `{"op":"Add","path":"emails","value":[{"type":"x","value":"x@y"},{"type":"home","value":"a@home"}]}`, `emails.value`, "ann@example.com,a@home,x@y"},
		{"external id", `{"op":"Replace","path":"externalId","value":"new"}`, "externalId", "new"},
		{"unknown attribute", `{"op":"Add","path":"favouriteColour","value":"blue"}`, "favouriteColour", "blue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := user(t, start)
			ops, err := scim.ParsePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + tt.ops + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			u, err := scim.Patch(before, ops)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(user(t, start), before); diff != "" {
				t.Errorf("the user of before changed:\n%s", diff)
			}
			got := strings.Join(u.Get(tt.path), ",")
			if tt.path == "active" {
				got = map[bool]string{true: "true", false: "false"}[u.Active()]
			}
			if got != tt.want {
				t.Errorf("%s is %q; want %q", tt.path, got, tt.want)
			}
		})
	}
}

func TestPatchRefused(t *testing.T) {
	for _, tt := range []struct{ name, ops, kind string }{
		{"id", `{"op":"replace","path":"id","value":"8"}`, "mutability"},
		{"userName removed", `{"op":"remove","path":"userName"}`, "invalidValue"},
		{"active as a word", `{"op":"replace","path":"active","value":"maybe"}`, "invalidValue"},
		{"operation", `{"op":"move","path":"a","value":1}`, "invalidSyntax"},
		{"path", `{"op":"add","path":"a[b","value":1}`, "invalidPath"},
		{"nested filter", `{"op":"add","path":"a[b[c eq 1] eq 2]","value":1}`, "invalidPath"},
		{"no path, no object", `{"op":"add","value":1}`, "noTarget"},
		{"nothing", ``, "invalidSyntax"},
		{"attribute twice", `{"op":"add","value":{"Aa":1}},{"op":"add","path":"b","value":2}`, ""},
	} {
		ops, err := scim.ParsePatch([]byte(`{"Operations":[` + tt.ops + `]}`))
		if err == nil {
			_, err = scim.Patch(user(t, start), ops)
		}
		var e *scim.Error
		if tt.kind == "" && err != nil || tt.kind != "" && (!errors.As(err, &e) || e.Type != tt.kind) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.kind)
		}
	}
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		filter string
		match  bool
		ok     bool
	}{
		{``, true, true},
		{`userName eq "ann@example.COM"`, true, true},
		{`userName eq ann@example.com`, true, true},
		{`userName eq "other"`, false, true},
		{`externalId eq "aB1"`, true, true},
		{`externalId eq "ab1"`, false, true},
		{`emails[type eq "work"].value eq "ANN@example.com"`, true, true},
		{`emails[type eq "home"].value eq "ann@example.com"`, false, true},
		{`emails eq "a@home"`, true, true},
		{`userName Eq "ann@example.com" And active eq true`, true, true},
		{`userName eq "a\"b"`, false, true},
		{`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ann@example.com"`, true, true},
		{`userName co "ann"`, false, false},
		{`userName eq "a" or userName eq "b"`, false, false},
		{`userName eq`, false, false},
		{`userName eq "open`, false, false},
		{`userName eq "a" and`, false, false},
		{strings.Repeat(`a eq b and `, 9) + `a eq b`, false, false},
		{`userName eq "` + strings.Repeat("a", 2000) + `"`, false, false},
	} {
		f, err := scim.ParseFilter(tt.filter)
		if (err == nil) != tt.ok || err == nil && f.Match(user(t, start)) != tt.match {
			t.Errorf("filter %.60q: %v, match %v; want ok %v, match %v", tt.filter, err, f.Match(user(t, start)), tt.ok, tt.match)
		}
	}
}

// FuzzPatch: any body leaves the user of before alone, is refused with an
// Error, or makes a user with the same id and a name.
func FuzzPatch(f *testing.F) {
	for _, s := range []string{
		`{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
		`{"Operations":[{"op":"Add","path":"emails[type eq \"x\"].value","value":"a"},{"op":"remove","path":"name"}]}`,
		`{"Operations":[{"op":"Replace","value":{"name.givenName":"x","urn:a:b:c":{"d":1}}}]}`,
		`{"Operations":[{"op":"Remove","path":"emails","value":[{"value":"a@home"}]}]}`,
		`{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"a":[]}}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := user(t, start)
		ops, err := scim.ParsePatch(body)
		var e *scim.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("ParsePatch = %v; want an Error", err)
			}
			return
		}
		u, err := scim.Patch(before, ops)
		if diff := cmp.Diff(user(t, start), before); diff != "" {
			t.Fatalf("the user of before changed:\n%s", diff)
		}
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("Patch = %v; want an Error", err)
			}
			return
		}
		if _, err := json.Marshal(u); err != nil || u.ID() != "7" || u.UserName() == "" {
			t.Fatalf("patched into %v: %v", u, err)
		}
	})
}

// FuzzFilter: any filter is refused with an Error or answers.
func FuzzFilter(f *testing.F) {
	f.Add(`emails[type eq "work"].value eq "a" and userName eq b`)
	f.Add(`urn:x:y eq "a\"b"`)
	f.Fuzz(func(t *testing.T, s string) {
		flt, err := scim.ParseFilter(s)
		var e *scim.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("ParseFilter = %v; want an Error", err)
		}
		if err == nil {
			flt.Match(user(t, start))
		}
	})
}
