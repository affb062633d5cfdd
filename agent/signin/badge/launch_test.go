package badge_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/badge"
)

const (
	key      = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" // long enough for HS512
	otherKey = "another device's key, 32 bytes and more"
)

func (w *world) launch() *badge.Launch {
	keys := map[string]string{"front-desk": key, "back-office": otherKey, "short": key[:31]}
	return badge.NewLaunch(badge.LaunchOptions{
		Key: func(_ context.Context, device string) (string, error) {
			if k, ok := keys[device]; ok {
				return k, nil
			}
			return "", errors.New("no such file")
		},
		Directory: w.directory, Registry: w.registry, Now: w.clock.Now,
	})
}

// claims are good ones, changed as a case wants; nil removes one.
func (w *world) claims(change map[string]any) map[string]any {
	now := w.clock.Now().Unix()
	c := map[string]any{"sub": "ann", "aud": "front-desk", "iat": now, "exp": now + 60, "jti": rand.Text()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// hs256 is written out as in RFC 7515 A.1, apart from the library under test.
func hs256(header string, claims any, key string) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(header)) + "." + enc(payload)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + enc(mac.Sum(nil))
}

const plainHeader = `{"alg":"HS256","typ":"JWT"}`

func TestLaunch(t *testing.T) {
	w := newWorld(t)
	l := w.launch()
	now := w.clock.Now().Unix()
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   signin.Problem
	}{
		{"login name", nil, ""},
		{"address", map[string]any{"sub": "ANN@example.com"}, ""},
		{"one audience in a list", map[string]any{"aud": []string{"front-desk"}}, ""},
		{"device's clock is behind", map[string]any{"iat": now - 85, "exp": now - 25}, ""},
		{"device's clock is ahead", map[string]any{"iat": now + 25, "exp": now + 60}, ""},
		{"over", map[string]any{"iat": now - 95, "exp": now - 35}, signin.LaunchBad},
		{"not yet", map[string]any{"iat": now + 35, "exp": now + 60}, signin.LaunchBad},
		{"nbf", map[string]any{"nbf": now + 40}, signin.LaunchBad},
		{"good for too long", map[string]any{"exp": now + 61}, signin.LaunchBad},
		{"ends before it begins", map[string]any{"exp": now - 1}, signin.LaunchBad},
		{"for ever", map[string]any{"exp": int64(1) << 62, "iat": -(int64(1) << 62)}, signin.LaunchBad},
		{"no exp", map[string]any{"exp": nil}, signin.LaunchBad},
		{"no iat", map[string]any{"iat": nil}, signin.LaunchBad},
		{"no jti", map[string]any{"jti": nil}, signin.LaunchBad},
		{"jti too long", map[string]any{"jti": strings.Repeat("j", 321)}, signin.LaunchBad},
		{"no sub", map[string]any{"sub": nil}, signin.LaunchBad},
		{"sub too long", map[string]any{"sub": strings.Repeat("s", 321)}, signin.LaunchBad},
		{"no aud", map[string]any{"aud": nil}, signin.LaunchBad},
		{"other device", map[string]any{"aud": "back-office"}, signin.LaunchBad},
		{"two devices", map[string]any{"aud": []string{"front-desk", "back-office"}}, signin.LaunchBad},
		{"too big", map[string]any{"x": strings.Repeat("x", 5000)}, signin.LaunchBad},
		{"unknown", map[string]any{"sub": "zoe"}, signin.PersonUnknown},
		{"disabled", map[string]any{"sub": "cy"}, signin.PersonDisabled},
		{"not allowed", map[string]any{"sub": "dee"}, signin.NotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := l.Person(t.Context(), "front-desk", hs256(plainHeader, w.claims(tt.change), key))
			if tt.want == "" {
				if err != nil || p != ann {
					t.Errorf("Person = %+v, %v; want Ann", p, err)
				}
				return
			}
			wantProblem(t, "Person", err, tt.want)
			if p != (job.Person{}) {
				t.Errorf("a refusal with %+v", p)
			}
		})
	}
	if p, err := l.Person(t.Context(), "front-desk", hs256(plainHeader, w.claims(map[string]any{"sub": "ann"}), key)); err != nil || p != ann {
		t.Errorf("after all: %+v, %v", p, err)
	}
	off := badge.NewLaunch(badge.LaunchOptions{
		Key:       func(context.Context, string) (string, error) { return key, nil },
		Directory: down{}, Registry: w.registry, Now: w.clock.Now,
	})
	_, err := off.Person(t.Context(), "front-desk", hs256(plainHeader, w.claims(nil), key))
	wantProblem(t, "with the directory down", err, signin.DirectoryDown)
}

// TestLaunchForged offers tokens that nobody with the device's key has signed,
// or not as agreed.
func TestLaunchForged(t *testing.T) {
	w := newWorld(t)
	l := w.launch()
	good := func() string { return hs256(plainHeader, w.claims(nil), key) }
	enc := base64.RawURLEncoding.EncodeToString
	parts := strings.Split(good(), ".")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	sign := func(alg jose.SignatureAlgorithm, key any) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
		must(t, err)
		text, err := jwt.Signed(s).Claims(w.claims(nil)).Serialize()
		must(t, err)
		return text
	}
	for _, tt := range []struct{ name, device, token string }{
		{"nothing", "front-desk", ""},
		{"text", "front-desk", "ann"},
		{"none", "front-desk", enc([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."},
		{"none with a signature", "front-desk", hs256(`{"alg":"none"}`, w.claims(nil), key)},
		{"no signature", "front-desk", parts[0] + "." + parts[1] + "."},
		{"no algorithm", "front-desk", hs256(`{"typ":"JWT"}`, w.claims(nil), key)},
		{"HS384 said, HS256 done", "front-desk", hs256(`{"alg":"HS384"}`, w.claims(nil), key)},
		{"HS512", "front-desk", sign(jose.HS512, []byte(key))},
		{"RS256", "front-desk", sign(jose.RS256, rsaKey)},
		{"a key of its own", "front-desk", hs256(`{"alg":"HS256","jwk":{"kty":"oct","k":"`+enc([]byte(otherKey))+`"}}`, w.claims(nil), otherKey)},
		{"critical extension", "front-desk", hs256(`{"alg":"HS256","crit":["exp"],"exp":1}`, w.claims(nil), key)},
		{"key of another device", "front-desk", hs256(plainHeader, w.claims(nil), otherKey)},
		{"empty key", "front-desk", hs256(plainHeader, w.claims(nil), "")},
		{"payload of another", "front-desk", parts[0] + "." + enc([]byte(`{"sub":"bob"}`)) + "." + parts[2]},
		{"at another device", "back-office", good()},
		{"device without key", "cellar", good()},
		{"key too short", "short", hs256(plainHeader, w.claims(map[string]any{"aud": "short"}), key[:31])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := l.Person(t.Context(), tt.device, tt.token)
			wantProblem(t, "Person", err, signin.LaunchBad)
			if p != (job.Person{}) || strings.Contains(err.Error(), "ann") {
				t.Errorf("a forged token gives %+v, %v", p, err)
			}
		})
	}
	if _, err := l.Person(t.Context(), "short", good()); !strings.Contains(err.Error(), "key has 31 bytes") {
		t.Errorf("key too short: %v; want its length told", err)
	}
	if p, err := l.Person(t.Context(), "front-desk", good()); err != nil || p != ann {
		t.Errorf("a good one: %+v, %v", p, err)
	}
}

// TestLaunchOnce uses one token many times, also after a restart and with the
// clock set back.
func TestLaunchOnce(t *testing.T) {
	w := newWorld(t)
	l := w.launch()
	token := hs256(plainHeader, w.claims(map[string]any{"jti": "same"}), key)
	var in atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := l.Person(t.Context(), "front-desk", token); err == nil {
				in.Add(1)
			} else if signin.ProblemOf(err) != signin.LaunchBad {
				t.Errorf("Person = %v; want LaunchBad", err)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in with one token; want 1", in.Load())
	}
	w.clock.Advance(80 * time.Second)
	w.reopen()
	l = w.launch()
	_, err := l.Person(t.Context(), "front-desk", token)
	wantProblem(t, "after a restart", err, signin.LaunchBad)
	w.clock.Advance(20 * time.Minute)
	if _, err := w.registry.Sweep(w.clock.Now().AddDate(0, -3, 0)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(-20 * time.Minute)
	_, err = l.Person(t.Context(), "front-desk", token)
	wantProblem(t, "with the clock set back", err, signin.LaunchBad)
	if _, err := l.Person(t.Context(), "front-desk", hs256(plainHeader, w.claims(nil), key)); err != nil {
		t.Errorf("the next token = %v", err)
	}

	// A used token is used, whatever became of it.
	back := hs256(plainHeader, w.claims(map[string]any{"sub": "cy"}), key)
	_, err = l.Person(t.Context(), "front-desk", back)
	wantProblem(t, "disabled", err, signin.PersonDisabled)
	w.people(strings.Replace(people, "cy,no", "cy,yes", 1))
	_, err = l.Person(t.Context(), "front-desk", back)
	wantProblem(t, "the same again", err, signin.LaunchBad)
}

// FuzzLaunch makes tokens up. Nobody without the key gets in, and every refusal
// is one that a panel knows.
func FuzzLaunch(f *testing.F) {
	c := map[string]any{"sub": "ann", "aud": "front-desk", "iat": 1, "exp": 2, "jti": "j"}
	f.Add(hs256(plainHeader, c, otherKey))
	f.Add(hs256(`{"alg":"none"}`, c, otherKey))
	f.Add(hs256(`{"alg":"HS256","b64":false,"crit":["b64"]}`, c, otherKey))
	f.Add("..")
	f.Add(`{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJIUzI1NiJ9","signature":"AA"}]}`)
	l := badge.NewLaunch(badge.LaunchOptions{Key: func(context.Context, string) (string, error) { return key, nil }, Directory: down{}})
	f.Fuzz(func(t *testing.T, token string) {
		_, err := l.Person(t.Context(), "front-desk", token)
		wantProblem(t, "Person", err, signin.LaunchBad)
	})
}
