package badge

import (
	"context"
	"errors"
	"slices"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
)

// Kinds of facts in the registry; their keys are hidden names.
const (
	kindLink   = "badge-link"   // of a badge: whose it is
	kindLinks  = "badge-person" // of a person: the links to them
	kindPIN    = "badge-pin"    // of a person
	kindLaunch = "launch"       // of a token that was used
)

// linksMax is how many badges one person may link. Nobody carries more; beyond
// it the oldest link ends.
const linksMax = 8

var errNobody = errors.New("nobody to link or to keep a PIN for")

// link returns what stands for a badge in the registry and in a [signin.Tap].
func (b *Badges) link(id string) (string, error) {
	return b.opts.Registry.Hide("badge " + directory.FoldBadge(id))
}

// linked finds the person a badge was linked to, as the directory knows them
// today. Somebody the directory has dropped leaves the badge free.
func (b *Badges) linked(ctx context.Context, link string) (p job.Person, known bool, err error) {
	err = b.opts.Registry.Get(kindLink, link, &p)
	if errors.Is(err, registry.ErrNotFound) {
		return job.Person{}, false, nil
	}
	if err != nil || b.opts.Directory == nil {
		return p, err == nil, err
	}
	p, err = b.opts.Directory.ByName(ctx, p.ID)
	if errors.Is(err, directory.ErrUnknown) {
		return job.Person{}, false, nil
	}
	return p, err == nil, err
}

// Link implements [signin.Badges]: the badge is the person's from now on. With a
// directory, it must know the person and let them send. Failures are
// *[signin.Refused].
func (b *Badges) Link(ctx context.Context, link string, person job.Person) error {
	if !b.opts.Link || link == "" {
		return &signin.Refused{Problem: signin.NoWay, Err: errors.New("badges are not linked here")}
	}
	if person.ID == "" {
		return broken(errNobody)
	}
	if d := b.opts.Directory; d != nil {
		p, err := d.ByName(ctx, person.ID)
		if err != nil {
			return signin.RefusedByDirectory(err)
		}
		person = p
	}
	key, err := b.opts.Registry.Hide("links " + person.ID)
	if err != nil {
		return broken(err)
	}
	b.linking.Lock()
	defer b.linking.Unlock()
	links, err := b.links(key)
	if err != nil {
		return broken(err)
	}
	links = append(slices.DeleteFunc(links, func(l string) bool { return l == link }), link)
	for len(links) > linksMax {
		if err := b.unlink(links[0], person.ID); err != nil {
			return broken(err)
		}
		links = links[1:]
	}
	// The list first: a link that is not in it could not be taken back.
	if err := b.opts.Registry.Put(kindLinks, key, links, 0); err != nil {
		return broken(err)
	}
	if err := b.opts.Registry.Put(kindLink, link, person, 0); err != nil {
		return broken(err)
	}
	return nil
}

// Unlink ends all links to the person with this id, as when they are
// deactivated. Their PIN stays: without it, a badge that comes back would
// open with less than before.
func (b *Badges) Unlink(_ context.Context, person string) error {
	key, err := b.opts.Registry.Hide("links " + person)
	if err != nil {
		return err
	}
	b.linking.Lock()
	defer b.linking.Unlock()
	links, err := b.links(key)
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := b.unlink(l, person); err != nil {
			return err
		}
	}
	return b.opts.Registry.Delete(kindLinks, key)
}

// links reads the list of a person's links, oldest first.
func (b *Badges) links(key string) (links []string, err error) {
	if err = b.opts.Registry.Get(kindLinks, key, &links); errors.Is(err, registry.ErrNotFound) {
		err = nil
	}
	return links, err
}

// unlink frees a badge, unless it became somebody else's meanwhile.
func (b *Badges) unlink(link, person string) error {
	var p job.Person
	err := b.opts.Registry.Get(kindLink, link, &p)
	if errors.Is(err, registry.ErrNotFound) || err == nil && p.ID != person {
		return nil
	}
	if err != nil {
		return err
	}
	return b.opts.Registry.Delete(kindLink, link)
}
