package faxplus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

// ParseSendRequest reads the body of a committing request as strictly as a
// service can: an unknown field, a second value, or more than [MaxRequest]
// bytes is an error. It wraps [ErrWire] or [ErrTooLarge].
func ParseSendRequest(r io.Reader) (SendRequest, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxRequest+1))
	if err != nil {
		return SendRequest{}, fmt.Errorf("read request: %w", err)
	}
	if len(data) > MaxRequest {
		return SendRequest{}, fmt.Errorf("request over %d bytes: %w", MaxRequest, ErrTooLarge)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var req SendRequest
	if err := dec.Decode(&req); err != nil {
		return SendRequest{}, fmt.Errorf("request: %w: %w", err, ErrWire)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return SendRequest{}, fmt.Errorf("more than one value: %w", ErrWire)
	}
	return req, nil
}

// Upload is the document part of an upload request.
type Upload struct {
	Name, Type string
	part       *multipart.Part
	rest       *multipart.Reader
}

// ParseUpload opens the multipart body of an upload. The one part must be named
// [UploadPart] and carry a file name and a media type. The error wraps
// [ErrWire].
func ParseUpload(contentType string, body io.Reader) (*Upload, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, fmt.Errorf("content type %.80q: %w", contentType, ErrWire)
	}
	mr := multipart.NewReader(body, params["boundary"])
	part, err := mr.NextRawPart()
	if err != nil {
		return nil, fmt.Errorf("first part: %w: %w", err, ErrWire)
	}
	media, _, err = mime.ParseMediaType(part.Header.Get("Content-Type"))
	if err != nil || part.FormName() != UploadPart || part.FileName() == "" {
		return nil, fmt.Errorf("part %.40q: %w", part.FormName(), ErrWire)
	}
	return &Upload{Name: part.FileName(), Type: media, part: part, rest: mr}, nil
}

// WriteTo copies the document to w and checks that the body ends after it. A
// body cut short or a second part is an error that wraps [ErrWire].
func (u *Upload) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, u.part)
	if err != nil {
		return n, fmt.Errorf("document: %w", err)
	}
	if _, err := u.rest.NextRawPart(); !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("after the document: %w", ErrWire)
	}
	return n, nil
}

// WriteJSON answers with code and the JSON form of v.
func WriteJSON(w http.ResponseWriter, code int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, err = w.Write(append(data, '\n'))
	return err
}

// WriteError answers with code and the documented body of a refusal.
func WriteError(w http.ResponseWriter, code int, title, description string) error {
	return WriteJSON(w, code, ErrorBody{Title: title, Description: description})
}
