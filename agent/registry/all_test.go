package registry_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestAll(t *testing.T) {
	r := open(t)
	var seen []string
	each := func(key string, value json.RawMessage) error {
		seen = append(seen, key+"="+string(value))
		return nil
	}
	if err := r.All("users", each); err != nil || seen != nil {
		t.Errorf("All of an unknown kind = %v, %v; want nothing", seen, err)
	}
	for key, ttl := range map[string]time.Duration{"b": 0, "a": 0, "gone": time.Minute} {
		if err := r.Put("users", key, key+key, ttl); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Put("others", "c", 1, 0); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(time.Hour)
	if err := r.All("users", each); err != nil || !slices.Equal(seen, []string{`a="aa"`, `b="bb"`}) {
		t.Errorf("All = %v, %v; want the two living ones in order", seen, err)
	}
	enough := errors.New("enough")
	if err := r.All("users", func(string, json.RawMessage) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("All = %v, want the error of each", err)
	}
}
