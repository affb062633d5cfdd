package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/protocols/scim"
)

// store is the directory as the handler sees it, a [scim.Users].
type store struct{ d *Directory }

var _ scim.Users = store{}

// List implements [scim.Users].
func (s store) List(_ context.Context, f scim.Filter, offset, n int) ([]scim.User, int, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	var page []scim.User
	total := 0
	for _, id := range s.d.order {
		u := s.d.users[id]
		if !f.Match(u) {
			continue
		}
		if total >= offset && len(page) < n {
			page = append(page, u.Clone())
		}
		total++
	}
	return page, total, nil
}

// Get implements [scim.Users].
func (s store) Get(_ context.Context, id string) (scim.User, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	u, ok := s.d.users[id]
	if !ok {
		return nil, scim.ErrNotFound
	}
	return u.Clone(), nil
}

// Create implements [scim.Users].
func (s store) Create(_ context.Context, u scim.User) (scim.User, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if _, taken := s.d.names[directory.Fold(u.UserName())]; taken {
		return nil, scim.ErrDuplicate
	}
	if len(s.d.users) >= maxUsers {
		return nil, &scim.Error{Status: http.StatusInsufficientStorage, Detail: "too many users"}
	}
	u = u.Clone()
	id, now := newID(), s.d.opts.Now().UTC().Format(time.RFC3339)
	u["id"] = id
	u["meta"] = map[string]any{"resourceType": "User", "created": now, "lastModified": now, "location": s.d.opts.Base + "/Users/" + id}
	if err := s.put(id, u); err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearch(s.d.order, id)
	s.d.order = slices.Insert(s.d.order, at, id)
	return u.Clone(), nil
}

// put makes a user durable and then visible.
func (s store) put(id string, u scim.User) error {
	b, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("scim: write a user: %w", err)
	}
	if err := s.d.opts.Keeper.Put(id, b); err != nil {
		return fmt.Errorf("scim: keep a user: %w", err)
	}
	s.d.users[id], s.d.names[directory.Fold(u.UserName())] = u, id
	return nil
}

// Update implements [scim.Users].
func (s store) Update(_ context.Context, id string, change func(scim.User) (scim.User, error)) (scim.User, error) {
	before, after, err := s.update(id, change)
	if err != nil {
		return nil, err
	}
	s.d.gone(before, after)
	return after.Clone(), nil
}

func (s store) update(id string, change func(scim.User) (scim.User, error)) (before, after scim.User, err error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	before, ok := s.d.users[id]
	if !ok {
		return nil, nil, scim.ErrNotFound
	}
	if after, err = change(before.Clone()); err != nil {
		return nil, nil, err
	}
	was, is := directory.Fold(before.UserName()), directory.Fold(after.UserName())
	if owner, taken := s.d.names[is]; taken && owner != id {
		return nil, nil, scim.ErrDuplicate
	}
	meta, ok := before["meta"].(map[string]any)
	if !ok {
		meta = map[string]any{"resourceType": "User"}
	}
	meta = scim.User(meta).Clone()
	meta["lastModified"] = s.d.opts.Now().UTC().Format(time.RFC3339)
	after["meta"] = meta
	if err := s.put(id, after); err != nil {
		return nil, nil, err
	}
	if was != is {
		delete(s.d.names, was)
	}
	return before, after, nil
}

// Delete implements [scim.Users].
func (s store) Delete(_ context.Context, id string) error {
	before, err := s.remove(id)
	if err == nil {
		s.d.gone(before, nil)
	}
	return err
}

func (s store) remove(id string) (scim.User, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	u, ok := s.d.users[id]
	if !ok {
		return nil, scim.ErrNotFound
	}
	if err := s.d.opts.Keeper.Delete(id); err != nil {
		return nil, fmt.Errorf("scim: forget a user: %w", err)
	}
	delete(s.d.users, id)
	delete(s.d.names, directory.Fold(u.UserName()))
	if at, found := slices.BinarySearch(s.d.order, id); found {
		s.d.order = slices.Delete(s.d.order, at, at+1)
	}
	return u, nil
}
