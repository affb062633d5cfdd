package world

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// launchFile is the file with a device's key for launch tokens.
func launchFile(device string) string { return "launch-" + device + ".key" }

// addLaunchKeys gives every device a key of its own.
func (w *World) addLaunchKeys() error {
	for _, s := range w.Stations {
		s.launchKey = secret()
		if err := os.WriteFile(filepath.Join(w.dir, launchFile(s.ID)), []byte(s.launchKey+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// LaunchFile returns the name of the file with the device's key for launch
// tokens, "" where it has none.
func (s *Station) LaunchFile() string {
	if s.launchKey == "" {
		return ""
	}
	return launchFile(s.ID)
}

// LaunchToken makes what the program of a device opens the panel with after it
// signed somebody in itself: a JWT for the person and the device. age is how
// long ago it was made; forged signs it with another key.
func (w *World) LaunchToken(device, person string, age time.Duration, forged bool) (string, error) {
	s := w.Station(device)
	p, ok := w.Person(person)
	if !ok || s == nil || s.launchKey == "" {
		return "", fmt.Errorf("device %q cannot vouch for %q", device, person)
	}
	key := s.launchKey
	if forged {
		key = hex.EncodeToString([]byte(key))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(key)}, nil)
	if err != nil {
		return "", fmt.Errorf("launch token: %w", err)
	}
	made := time.Now().Add(-age)
	return jwt.Signed(signer).Claims(jwt.Claims{
		Subject: p.Email, Audience: jwt.Audience{device}, ID: secret(),
		IssuedAt: jwt.NewNumericDate(made), Expiry: jwt.NewNumericDate(made.Add(30 * time.Second)),
	}).Serialize()
}
