package play

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/scenario"
	"github.com/platen-fax/platen/simulator/world"
)

func (p *player) setCompany(k *scenario.CompanyKnob) {
	if k.Down != nil {
		p.w.CompanyDown(*k.Down)
	}
	if k.Mood != nil && p.w.ADFS != nil {
		p.w.SetADFS(k.Mood.ADFS())
	}
	if k.Knobs != nil && p.w.OIDC != nil {
		p.w.OIDC.SetKnobs(k.Knobs.IDP())
	}
}

func (p *player) setPerson(ctx context.Context, k *scenario.PersonKnob) error {
	who, err := p.person(k.As)
	if err != nil {
		return err
	}
	if k.State != nil {
		who.State = world.State(*k.State)
	}
	if k.AtCompany != nil {
		who.AtCompany = *k.AtCompany
	}
	if k.Password != "" {
		who.Password = k.Password
	}
	if k.Badges != nil {
		who.Badges = k.Badges
	}
	if err := p.w.SetPerson(who); err != nil {
		return err
	}
	if k.Deactivated {
		if err := p.w.Deactivate(ctx, k.As); err != nil {
			return err
		}
	}
	for range k.Mistypes {
		if err := p.mistype(ctx, who); err != nil {
			return err
		}
	}
	return nil
}

// mistype types a wrong password at the fax service from a place of its own.
func (p *player) mistype(ctx context.Context, who world.Person) error {
	err := p.w.TypeElsewhere(ctx, who.Email, "not "+who.Password)
	if code := xmcloud.CodeOf(err); code == xmcloud.BadCredentials || code == xmcloud.Locked {
		p.elsewhere++
		return nil
	}
	return fmt.Errorf("mistype elsewhere: %w", err)
}

// expectPassword counts those that the agent sent.
func (p *player) expectPassword(e *scenario.ExpectPassword) error {
	n := len(p.w.Passwords(e.At))
	if e.At == world.AtCloud {
		n -= p.elsewhere
	}
	if n != e.Times {
		return fmt.Errorf("passwords: %d reached %s, want %d", n, e.At, e.Times)
	}
	return nil
}

func (p *player) expectOwner(ctx context.Context, e *scenario.ExpectOwner) error {
	f, err := p.fax(e.Fax)
	if err != nil {
		return err
	}
	want := ""
	if e.As != "" {
		who, err := p.person(e.As)
		if err != nil {
			return err
		}
		want = who.OwnerID()
	}
	return until(ctx, func() (bool, string, error) {
		entries := p.entriesOf(f.promise.Job)
		if len(entries) == 0 {
			return false, "lost: the fax did not arrive", nil
		}
		for _, entry := range entries {
			if entry.Owner != want {
				return false, "", never("owner: the fax is of %q, want %q", entry.Owner, want)
			}
		}
		return true, "", nil
	})
}

// passwords says where a password went that it must not go.
func (p *player) passwords() []string {
	var reasons []string
	for _, at := range []string{world.AtADFS, world.AtCloud} {
		for _, a := range p.w.Passwords(at) {
			if !a.Pinned {
				reasons = append(reasons, fmt.Sprintf("passwords: one went to %s%s of another host or in the clear", at, a.Path))
			}
		}
	}
	c := p.s.Company
	if c == nil || c.Account == "" || c.Account == world.AccountOwn || c.Brokered {
		return reasons
	}
	if n := len(p.w.Passwords(world.AtCloud)); n > 0 {
		reasons = append(reasons, fmt.Sprintf("passwords: %d of the company reached the fax service", n))
	}
	return reasons
}

// metrics fetches what the agent tells whoever asks.
func (p *player) metrics(ctx context.Context) string {
	var all strings.Builder
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.home.Panel+path, nil)
		if err != nil {
			continue
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		_ = resp.Write(&all) // what came is looked at
		resp.Body.Close()
	}
	return all.String()
}
