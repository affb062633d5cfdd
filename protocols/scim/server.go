package scim

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBody bounds a request in bytes; maxPage how many users one answer holds.
const (
	maxBody = 256 << 10
	maxPage = 200
)

// Users keeps the users. Methods are called from several goroutines; what they
// return is the caller's. Errors that are no [Error] are told as "500".
type Users interface {
	// List returns the users that fit, in an order that stays, from the given
	// offset, at most n of them, and how many fit in all.
	List(ctx context.Context, f Filter, offset, n int) (page []User, total int, err error)
	// Get returns one user, or [ErrNotFound].
	Get(ctx context.Context, id string) (User, error)
	// Create stores a user under a new id and returns it. A userName that is
	// taken, in any case, is [ErrDuplicate].
	Create(ctx context.Context, u User) (User, error)
	// Update replaces a user by what change makes of it, or leaves it and
	// returns the error of change, [ErrNotFound] or [ErrDuplicate].
	Update(ctx context.Context, id string, change func(User) (User, error)) (User, error)
	// Delete forgets a user, or returns [ErrNotFound].
	Delete(ctx context.Context, id string) error
}

// Handler serves SCIM below base, such as "/scim/v2". token is asked with each
// request; as long as it is empty everybody is refused. Query parameters
// nobody knows are ignored: Entra carries switches of its own in the address.
func Handler(base string, token func() string, users Users) http.Handler {
	s := &server{users: users}
	mux := http.NewServeMux()
	base = strings.TrimSuffix(base, "/")
	for pattern, h := range map[string]func(*http.Request) (int, any, error){
		"GET /Users":                 s.list,
		"POST /Users":                s.create,
		"GET /Users/{id}":            s.get,
		"PUT /Users/{id}":            s.put,
		"PATCH /Users/{id}":          s.patch,
		"DELETE /Users/{id}":         s.delete,
		"GET /Groups":                noGroups,
		"GET /ServiceProviderConfig": features,
		"GET /ResourceTypes":         resourceTypes,
		"GET /Schemas":               schemas,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+base+path, answer(h))
	}
	mux.Handle("/", answer(func(*http.Request) (int, any, error) {
		return 0, nil, &Error{Status: http.StatusNotFound, Detail: "no such endpoint"}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if !authorised(r.Header.Get("Authorization"), token()) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			write(w, http.StatusUnauthorized, &Error{Status: http.StatusUnauthorized, Detail: "the token is wrong"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// authorised compares tokens in constant time.
func authorised(header, token string) bool {
	scheme, got, _ := strings.Cut(header, " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(token))
	return token != "" && strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

type server struct{ users Users }

// answer writes what a handler returns.
func answer(h func(*http.Request) (int, any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, err := h(r)
		if err != nil {
			e := asError(err)
			status, body = e.Status, e
		}
		write(w, status, body)
	})
}

func write(w http.ResponseWriter, status int, body any) {
	if e, ok := body.(*Error); ok {
		m := map[string]any{"schemas": []string{errorSchema}, "status": strconv.Itoa(e.Status), "detail": e.Detail}
		if e.Type != "" {
			m["scimType"] = e.Type
		}
		body = m
	}
	w.Header().Set("Content-Type", "application/scim+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body) // nobody is left to tell
	}
}

func (s *server) list(r *http.Request) (int, any, error) {
	q := r.URL.Query()
	f, err := ParseFilter(q.Get("filter"))
	if err != nil {
		return 0, nil, err
	}
	start, count := number(q.Get("startIndex"), 1), min(number(q.Get("count"), maxPage), maxPage)
	page, total, err := s.users.List(r.Context(), f, start-1, count)
	if err != nil {
		return 0, nil, err
	}
	if page == nil {
		page = []User{}
	}
	return http.StatusOK, list(page, total, start, len(page)), nil
}

func list(resources any, total, start, n int) map[string]any {
	return map[string]any{
		"schemas": []string{listSchema}, "totalResults": total, "startIndex": start, "itemsPerPage": n, "Resources": resources,
	}
}

// number reads a positive number, else def; a count of zero stays zero.
func number(s string, def int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n == 0 && def == 1 {
		return def
	}
	return n
}

func (s *server) get(r *http.Request) (int, any, error) {
	u, err := s.users.Get(r.Context(), r.PathValue("id"))
	return http.StatusOK, u, err
}

func (s *server) create(r *http.Request) (int, any, error) {
	u, err := readUser(r)
	if err != nil {
		return 0, nil, err
	}
	u, err = s.users.Create(r.Context(), u)
	return http.StatusCreated, u, err
}

func (s *server) put(r *http.Request) (int, any, error) {
	sent, err := readUser(r)
	if err != nil {
		return 0, nil, err
	}
	u, err := s.users.Update(r.Context(), r.PathValue("id"), func(old User) (User, error) {
		u := sent.Clone()
		u["id"] = old.ID()
		return u, nil
	})
	return http.StatusOK, u, err
}

func (s *server) patch(r *http.Request) (int, any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, tooLarge(err)
	}
	ops, err := ParsePatch(body)
	if err != nil {
		return 0, nil, err
	}
	u, err := s.users.Update(r.Context(), r.PathValue("id"), func(old User) (User, error) { return Patch(old, ops) })
	return http.StatusOK, u, err
}

func (s *server) delete(r *http.Request) (int, any, error) {
	return http.StatusNoContent, nil, s.users.Delete(r.Context(), r.PathValue("id"))
}

// readUser reads the body of a POST or PUT. What the server gives is taken out.
func readUser(r *http.Request) (User, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, tooLarge(err)
	}
	var u User
	if err := json.Unmarshal(body, &u); err != nil || u == nil {
		return nil, invalid("invalidSyntax", "the body is no user")
	}
	delete(u, key(u, "id"))
	delete(u, key(u, "meta"))
	return u, u.check()
}

func tooLarge(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return &Error{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large"}
	}
	return invalid("invalidSyntax", "the body was cut")
}

// noGroups answers those who look before they ask for groups: there are none.
func noGroups(*http.Request) (int, any, error) {
	return http.StatusOK, list([]any{}, 0, 1, 0), nil
}

func features(*http.Request) (int, any, error) {
	no := map[string]any{"supported": false}
	return http.StatusOK, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   map[string]any{"supported": true},
		"bulk":    map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":  map[string]any{"supported": true, "maxResults": maxPage},
		"sort":    no, "etag": no, "changePassword": no,
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "one long-lived token", "primary": true,
		}},
	}, nil
}

func resourceTypes(*http.Request) (int, any, error) {
	return http.StatusOK, list([]any{map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"},
		"id":      "User", "name": "User", "endpoint": "/Users", "schema": UserSchema,
		"schemaExtensions": []any{map[string]any{"schema": EnterpriseSchema, "required": false}},
	}}, 1, 1, 1), nil
}

func schemas(*http.Request) (int, any, error) {
	attr := func(name, kind string) map[string]any {
		return map[string]any{
			"name": name, "type": kind, "multiValued": name == "emails", "required": name == "userName", "caseExact": false,
			"mutability": "readWrite", "returned": "default", "uniqueness": map[bool]string{true: "server", false: "none"}[name == "userName"],
		}
	}
	return http.StatusOK, list([]any{
		map[string]any{"id": UserSchema, "name": "User", "attributes": []any{
			attr("userName", "string"), attr("displayName", "string"), attr("externalId", "string"), attr("active", "boolean"), attr("emails", "complex"),
		}},
		map[string]any{"id": EnterpriseSchema, "name": "EnterpriseUser", "attributes": []any{attr("employeeNumber", "string")}},
	}, 2, 1, 2), nil
}
