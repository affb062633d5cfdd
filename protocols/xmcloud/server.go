package xmcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ParseJSON reads one request body as strictly as a service can: an unknown
// field, a second value, or more than limit bytes is an error. It wraps
// [ErrWire] or [ErrTooLarge] and quotes nothing.
func ParseJSON[T any](r io.Reader, limit int64) (T, error) {
	var v T
	data, err := readAll(r, limit)
	if err == nil {
		err = strict(data, &v)
	}
	return v, err
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("request over %d bytes: %w", limit, ErrTooLarge)
	}
	return data, nil
}

// strict decodes exactly one value without unknown fields. Causes are left out:
// they may quote a password.
func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil {
		return ErrWire
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one value: %w", ErrWire)
	}
	return nil
}

// ParseLogin reads a user_token request in either documented form, JSON or
// urlencoded.
func ParseLogin(contentType string, r io.Reader) (Login, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return Login{}, fmt.Errorf("content type: %w", ErrWire)
	}
	var w loginWire
	switch media {
	case "application/json":
		if w, err = ParseJSON[loginWire](r, MaxRequest); err != nil {
			return Login{}, err
		}
	case formType:
		v, err := ParseForm(r, MaxRequest)
		if err != nil {
			return Login{}, err
		}
		w = loginWire{
			Permalink: v.Get("permalink"), Username: v.Get("username"), Password: v.Get("password"),
			Application: v.Get("application_type"), DeviceID: v.Get("device_id"), DeviceName: v.Get("device_name"), OTP: v.Get("otp"),
		}
	default:
		return Login{}, fmt.Errorf("content type %.40q: %w", media, ErrWire)
	}
	if w.Permalink == "" || w.Username == "" || w.Application == "" || w.DeviceID == "" {
		return Login{}, fmt.Errorf("field missing: %w", ErrWire)
	}
	return Login{
		Account: w.Permalink, Username: w.Username, Password: []byte(w.Password), Application: w.Application,
		Terminal: Terminal{ID: w.DeviceID, Name: w.DeviceName}, OTP: w.OTP,
	}, nil
}

// ParseForm reads an urlencoded body in which no name may stand twice
// (RFC 6749 §3.1).
func ParseForm(r io.Reader, limit int64) (url.Values, error) {
	data, err := readAll(r, limit)
	if err != nil {
		return nil, err
	}
	v, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, fmt.Errorf("form: %w", ErrWire)
	}
	for name, values := range v {
		if len(values) != 1 {
			return nil, fmt.Errorf("parameter %.40q given %d times: %w", name, len(values), ErrWire)
		}
	}
	return v, nil
}

// ParseClient reads the connector's credentials of an OAuth endpoint.
func ParseClient(r *http.Request) (accountID, token string, ok bool) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	accountID, err1 := url.QueryUnescape(id)
	token, err2 := url.QueryUnescape(secret)
	return accountID, token, err1 == nil && err2 == nil
}

// ParseRange reads a Content-Range of whole bytes: first, last and total.
func ParseRange(s string) (off, n, total int64, err error) {
	bad := fmt.Errorf("content range: %w", ErrWire)
	span, all, ok1 := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	from, to, ok2 := strings.Cut(span, "-")
	if !strings.HasPrefix(s, "bytes ") || !ok1 || !ok2 {
		return 0, 0, 0, bad
	}
	first, err1 := strconv.ParseUint(from, 10, 40)
	last, err2 := strconv.ParseUint(to, 10, 40)
	size, err3 := strconv.ParseUint(all, 10, 40)
	if err1 != nil || err2 != nil || err3 != nil || last < first || last >= size {
		return 0, 0, 0, bad
	}
	return int64(first), int64(last-first) + 1, int64(size), nil
}

// WriteJSON answers with code and the JSON form of v, not to be stored anywhere.
func WriteJSON(w http.ResponseWriter, code int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, err = w.Write(append(data, '\n'))
	return err
}

// WriteError answers with a refusal: the envelope, or the OAuth form when
// e.Op is token or device. A code that is no OAuth error goes out as error_code
// of invalid_grant.
func WriteError(w http.ResponseWriter, e Error) error {
	r := Refusal{RetryAfter: int64((e.RetryAfter + time.Second - 1) / time.Second), DeviceAuthorization: e.DeviceAuthorization}
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(r.RetryAfter, 10))
	}
	if e.Code == WrongOffset {
		r.Offset = &e.Offset
	}
	if e.Op == "token" || e.Op == "device" {
		r.OAuth, r.Description = e.Code, e.Message
		switch e.Code {
		case InvalidRequest, InvalidClient, InvalidGrant, UnsupportedGrantType, AuthorizationPending, SlowDown, AccessDenied, ExpiredToken:
		default:
			r.OAuth, r.ErrorCode = InvalidGrant, e.Code
		}
		return WriteJSON(w, e.Status, r)
	}
	no := false
	r.Result, r.Code, r.Message = &no, e.Code, e.Message
	return WriteJSON(w, e.Status, r)
}
