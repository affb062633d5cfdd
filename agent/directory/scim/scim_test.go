package scim_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/scim"
)

const token = "a-long-lived-secret"

// memory is a Keeper that can fail.
type memory struct {
	users map[string][]byte
	fail  error
}

func (m *memory) Load() (map[string][]byte, error) { return maps.Clone(m.users), m.fail }

func (m *memory) Put(id string, b []byte) error {
	if m.fail == nil {
		m.users[id] = b
	}
	return m.fail
}

func (m *memory) Delete(id string) error {
	if m.fail == nil {
		delete(m.users, id)
	}
	return m.fail
}

// rig is a directory behind TLS and what it told.
type rig struct {
	*scim.Directory
	t      *testing.T
	keeper *memory
	server *httptest.Server
	gone   []string
}

func open(t *testing.T, keeper *memory) *rig {
	t.Helper()
	r := &rig{t: t, keeper: keeper}
	d, err := scim.Open(scim.Options{
		ID: "entra", Token: func() string { return token }, Keeper: keeper,
		Deactivated: func(p string) { r.gone = append(r.gone, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Directory = d
	r.server = httptest.NewTLSServer(d)
	t.Cleanup(r.server.Close)
	return r
}

// do sends one request and returns status and body.
func (r *rig) do(method, path, body string) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := r.server.Client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/scim+json" {
		r.t.Errorf("%s %s: content type %q", method, path, ct)
	}
	if strings.Contains(string(b), ":null") {
		r.t.Errorf("%s %s: null in %s", method, path, b)
	}
	var m map[string]any
	if len(b) > 0 {
		if err := json.Unmarshal(b, &m); err != nil {
			r.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return resp.StatusCode, m
}

func (r *rig) want(status int, method, path, body string) map[string]any {
	r.t.Helper()
	got, m := r.do(method, path, body)
	if got != status {
		r.t.Fatalf("%s %s = %d %v; want %d", method, path, got, m, status)
	}
	return m
}

// ann is a POST as Entra sends it.
const ann = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
"externalId":"0a21f0f2","userName":"Ann@Example.com","active":true,"displayName":"Ann Archer",
"emails":[{"primary":true,"type":"work","value":"Ann@Example.com"}],"meta":{"resourceType":"User"},
"name":{"formatted":"Ann Archer"},"roles":[],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"946EBD28"}}`

func (r *rig) create(body string) string {
	r.t.Helper()
	id, _ := r.want(http.StatusCreated, http.MethodPost, "/Users", body)["id"].(string)
	if id == "" {
		r.t.Fatal("created without id")
	}
	return id
}

func query(filter string) string { return "/Users?filter=" + url.QueryEscape(filter) }

// TestSCIMFalseStringDisables: the string "False" ends what the person could
// do, the user stays readable, and coming back works.
func TestSCIMFalseStringDisables(t *testing.T) {
	r := open(t, &memory{users: map[string][]byte{}})
	id := r.create(ann)
	if p, err := r.ByBadge(t.Context(), "946ebd28"); err != nil || p.ID != "ann@example.com" || p.Name != "Ann Archer" {
		t.Fatalf("ByBadge = %+v, %v; want Ann", p, err)
	}
	r.want(http.StatusOK, http.MethodPatch, "/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	if _, err := r.ByBadge(t.Context(), "946EBD28"); !errors.Is(err, directory.ErrDisabled) {
		t.Errorf("ByBadge = %v; want ErrDisabled", err)
	}
	if !slices.Equal(r.gone, []string{"ann@example.com"}) {
		t.Errorf("told %v; want Ann once", r.gone)
	}
	if u := r.want(http.StatusOK, http.MethodGet, "/Users/"+id, ""); u["active"] != false {
		t.Errorf("active is %v; want false", u["active"])
	}
	r.want(http.StatusOK, http.MethodPatch, "/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)
	if _, err := r.ByName(t.Context(), "ANN@example.com"); err != nil {
		t.Errorf("ByName = %v; want Ann back", err)
	}
	r.want(http.StatusNoContent, http.MethodDelete, "/Users/"+id, "")
	r.want(http.StatusNotFound, http.MethodGet, "/Users/"+id, "")
	if len(r.gone) != 2 {
		t.Errorf("told %v; want Ann twice", r.gone)
	}
}

// TestEntraCalls walks the calls of a provisioning cycle.
func TestEntraCalls(t *testing.T) {
	keeper := &memory{users: map[string][]byte{}}
	r := open(t, keeper)
	// Test Connection: somebody who does not exist, with a switch in the address.
	m := r.want(http.StatusOK, http.MethodGet, query(`userName eq "6f0c5f5c"`)+"&aadOptscim062020", "")
	if m["totalResults"] != 0.0 || len(m["Resources"].([]any)) != 0 {
		t.Errorf("Test Connection = %v; want an empty list", m)
	}
	id := r.create(ann)
	for _, f := range []string{`userName eq "ann@example.com"`, `externalId eq "0a21f0f2"`, `emails[type eq "work"].value eq "ann@example.com"`} {
		if m := r.want(http.StatusOK, http.MethodGet, query(f), ""); m["totalResults"] != 1.0 {
			t.Errorf("%s = %v; want Ann", f, m)
		}
	}
	if m := r.want(http.StatusConflict, http.MethodPost, "/Users", strings.Replace(ann, "Ann@", "ANN@", 1)); m["scimType"] != "uniqueness" {
		t.Errorf("duplicate = %v; want uniqueness", m)
	}
	bob := r.create(`{"userName":"bob@example.com"}`)
	r.want(http.StatusConflict, http.MethodPatch, "/Users/"+bob, `{"Operations":[{"op":"Replace","path":"userName","value":"ann@example.com"}]}`)
	r.want(http.StatusBadRequest, http.MethodPost, "/Users", `{"displayName":"nobody"}`)
	r.want(http.StatusBadRequest, http.MethodPost, "/Users", `[`)
	r.want(http.StatusRequestEntityTooLarge, http.MethodPost, "/Users", `{"userName":"`+strings.Repeat("a", 300<<10)+`"}`)
	if m := r.want(http.StatusOK, http.MethodGet, "/Users?startIndex=2&count=1", ""); m["totalResults"] != 2.0 || m["itemsPerPage"] != 1.0 {
		t.Errorf("second page = %v; want one of two", m)
	}
	for _, p := range []string{"/Groups", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
		r.want(http.StatusOK, http.MethodGet, p, "")
	}
	r.want(http.StatusNotFound, http.MethodGet, "/Nothing", "")
	r.want(http.StatusOK, http.MethodPut, "/Users/"+bob, `{"id":"x","userName":"rob@example.com"}`)
	if !slices.Equal(r.gone, []string{"bob@example.com"}) {
		t.Errorf("told %v; want the old address of Bob", r.gone)
	}

	again := open(t, keeper) // a restart
	if m := again.want(http.StatusOK, http.MethodGet, "/Users/"+id, ""); m["userName"] != "Ann@Example.com" {
		t.Errorf("after a restart %v; want Ann", m)
	}
	if _, err := again.ByName(t.Context(), "rob@example.com"); err != nil {
		t.Errorf("after a restart ByName = %v; want Bob by his new name", err)
	}
}

func TestBadgeOfTwoUsers(t *testing.T) {
	r := open(t, &memory{users: map[string][]byte{}})
	if err := r.Check(t.Context()); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("Check = %v; want ErrUnavailable while nobody is there", err)
	}
	r.create(ann)
	second := r.create(strings.NewReplacer("Ann@", "Ann2@", "0a21f0f2", "1").Replace(ann))
	if _, err := r.ByBadge(t.Context(), "946EBD28"); !errors.Is(err, directory.ErrAmbiguous) {
		t.Errorf("ByBadge = %v; want ErrAmbiguous", err)
	}
	r.want(http.StatusOK, http.MethodPatch, "/Users/"+second, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	if p, err := r.ByBadge(t.Context(), "946EBD28"); err != nil || p.ID != "ann@example.com" {
		t.Errorf("ByBadge = %+v, %v; want Ann, the other is disabled", p, err)
	}
	if _, err := r.ByBadge(t.Context(), "1111"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("ByBadge = %v; want ErrUnknown", err)
	}
	r.create(`{"userName":"no-address","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"77"}}`)
	if _, err := r.ByBadge(t.Context(), "77"); !errors.Is(err, directory.ErrIncomplete) {
		t.Errorf("ByBadge = %v; want ErrIncomplete", err)
	}
	if err := r.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func TestTokens(t *testing.T) {
	secret := ""
	d, err := scim.Open(scim.Options{ID: "e", Token: func() string { return secret }, Keeper: &memory{users: map[string][]byte{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		secret, header string
		want           int
	}{
		{"", "Bearer ", 401},
		{"", "", 401},
		{"s", "Bearer s", 200},
		{"s", "bearer s", 200},
		{"s", "Bearer S", 401},
		{"s", "Basic s", 401},
		{"s", "s", 401},
	} {
		secret = tt.secret
		req := httptest.NewRequest(http.MethodGet, "/scim/v2/Users", nil)
		req.Header.Set("Authorization", tt.header)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, req)
		if w.Code != tt.want {
			t.Errorf("token %q, header %q: %d; want %d", tt.secret, tt.header, w.Code, tt.want)
		}
	}
}

// TestKeeperFails: what is not durable has not happened, and the cloud hears
// that it must come again.
func TestKeeperFails(t *testing.T) {
	keeper := &memory{users: map[string][]byte{}}
	r := open(t, keeper)
	id := r.create(ann)
	keeper.fail = errors.New("disk full")
	r.want(http.StatusInternalServerError, http.MethodPatch, "/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	r.want(http.StatusInternalServerError, http.MethodDelete, "/Users/"+id, "")
	r.want(http.StatusInternalServerError, http.MethodPost, "/Users", `{"userName":"bob@example.com"}`)
	if _, err := r.ByBadge(t.Context(), "946EBD28"); err != nil || len(r.gone) != 0 {
		t.Errorf("ByBadge = %v, told %v; want nothing changed", err, r.gone)
	}
	if _, err := scim.Open(scim.Options{ID: "e", Token: func() string { return "" }, Keeper: keeper}); err == nil {
		t.Error("Open with a broken keeper succeeded")
	}
}
