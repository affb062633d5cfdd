package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// secretLimit bounds a secret file: tokens and passwords are short.
const secretLimit = 64 << 10

// ErrSecretEmpty says that a secret file holds nothing.
var ErrSecretEmpty = errors.New("secret file is empty")

// Secret is where a token or a password lies; it never holds one. A systemd
// credential with the base name of File wins over the file, so that
// LoadCredentialEncrypted=faxplus.token needs no other configuration. The zero
// Secret is none.
type Secret struct {
	File string // absolute
}

// IsZero says that no secret is configured.
func (s Secret) IsZero() bool { return s.File == "" }

// Path returns the file that Read would read now.
func (s Secret) Path() string {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		path := filepath.Join(dir, filepath.Base(s.File))
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return s.File
}

// Read reads the secret now, without its line ending. Read it where it is used
// and keep it no longer: that is how a changed file takes effect.
func (s Secret) Read() (string, error) {
	if s.IsZero() {
		return "", fmt.Errorf("read secret: %w", fs.ErrNotExist)
	}
	f, err := os.Open(s.Path())
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, secretLimit+1))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if len(data) > secretLimit {
		return "", fmt.Errorf("read secret %s: longer than %d bytes", f.Name(), secretLimit)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	text = strings.TrimPrefix(text, "\ufeff")
	if text == "" {
		return "", fmt.Errorf("%s: %w", f.Name(), ErrSecretEmpty)
	}
	return text, nil
}

// Exposed says that others than its owner may read the file; whoever reads a
// secret warns about it. Always false on Windows, which has no such bits, and
// for a file that is not there.
func (s Secret) Exposed() bool {
	st, err := os.Stat(s.Path())
	return err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0
}

// ModTime returns when the file was last changed. A stopped account starts again
// when it moves.
func (s Secret) ModTime() (time.Time, error) {
	st, err := os.Stat(s.Path())
	if err != nil {
		return time.Time{}, fmt.Errorf("secret: %w", err)
	}
	return st.ModTime(), nil
}

// String names the file's base, never the secret.
func (s Secret) String() string {
	if s.IsZero() {
		return "no secret"
	}
	return "secret in " + filepath.Base(s.File)
}

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
