package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/config"
)

func TestSecretRead(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	for _, tt := range []struct {
		name, text, want string
		err              error
	}{
		{"plain", "tok", "tok", nil},
		{"line", "tok\n", "tok", nil},
		{"windows line", "tok\r\n", "tok", nil},
		{"byte order mark", "\ufefftok\n", "tok", nil},
		{"one line ending only", "tok\n\n", "tok\n", nil},
		{"spaces belong to it", " tok ", " tok ", nil},
		{"empty", "\n", "", config.ErrSecretEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := config.Secret{File: filepath.Join(t.TempDir(), "tok")}
			if err := os.WriteFile(s.File, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := s.Read()
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Read of %q = %q, %v; want %q, %v", tt.text, got, err, tt.want, tt.err)
			}
		})
	}
	for name, s := range map[string]config.Secret{"none": {}, "missing": {File: filepath.Join(t.TempDir(), "x")}} {
		if got, err := s.Read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read of %s = %q, %v; want fs.ErrNotExist", name, got, err)
		}
	}
	long := config.Secret{File: filepath.Join(t.TempDir(), "long")}
	if err := os.WriteFile(long.File, bytes.Repeat([]byte("x"), 70<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := long.Read(); err == nil {
		t.Error("Read of 70 KiB = nil error")
	}
}

func TestSecretCredentialWins(t *testing.T) {
	dir, creds := t.TempDir(), t.TempDir()
	s := config.Secret{File: filepath.Join(dir, "faxplus.token")}
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(s.File, "from the file", 0o644)
	t.Setenv("CREDENTIALS_DIRECTORY", creds)
	if got, _ := s.Read(); got != "from the file" || !s.Exposed() {
		t.Errorf("Read = %q, exposed %t; want the file's, exposed", got, s.Exposed())
	}
	write(filepath.Join(creds, "faxplus.token"), "from systemd", 0o400)
	if got, err := s.Read(); got != "from systemd" || s.Exposed() {
		t.Errorf("Read = %q, %v, exposed %t; want the credential's", got, err, s.Exposed())
	}
	if _, err := s.ModTime(); err != nil {
		t.Errorf("ModTime: %v", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", s)
	out := log.String() + fmt.Sprint(s)
	if strings.Contains(out, dir) || strings.Contains(out, "systemd") || !strings.Contains(out, "faxplus.token") {
		t.Errorf("printed %q; want only the base name", out)
	}
}
