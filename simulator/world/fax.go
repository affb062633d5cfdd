package world

import (
	"context"
	"time"

	"github.com/platen-fax/platen/simulator/faxcloud"
)

// The one account of the XM-style side, and the id its connector goes by.
const (
	xmRegion  = "ca"
	xmAccount = "office"
	xmDevice  = "platen"
)

func (w *World) addFax(ctx context.Context, o Options) (err error) {
	if w.fax, err = w.newSite("fax cloud"); err != nil {
		return err
	}
	if w.xm, err = w.newSite("fax cloud"); err != nil {
		return err
	}
	if o.Mode != ModeShared {
		if err := w.takePorts(o.Company); err != nil {
			return err
		}
	}
	w.FaxDown(o.Fax.Down)
	if err := w.makeCloud(o); err != nil {
		return err
	}
	w.wg.Go(func() {
		if err := w.Fax.Serve(ctx, w.fax.gate, w.fax.tls()); err != nil && ctx.Err() == nil {
			o.Log.Error("fax cloud ended", "err", err)
		}
	})
	w.serve(ctx, w.xm, w.watchPasswords(w.Fax.XM().RegionHandler(xmRegion)), o.Log)
	return nil
}

// makeCloud makes the fax cloud with the account and its people.
func (w *World) makeCloud(o Options) error {
	const user = "account"
	// A password gets old by being set long ago.
	now := func() time.Time {
		if w.past.Load() {
			return time.Now().AddDate(0, 0, -expiry-1)
		}
		return time.Now()
	}
	cloud, err := faxcloud.New(faxcloud.Options{
		Dir:      w.Received(),
		Accounts: []faxcloud.Account{{User: user, Email: "fax@" + domain, Numbers: []string{w.fromPhone}}},
		Tokens: []faxcloud.Token{{Value: w.token, User: user, Scopes: []string{
			faxcloud.ScopeAllRead, faxcloud.ScopeAllEdit,
		}}},
		Rules: o.Fax.Rules, SendTime: o.Fax.SendTime, ListLag: o.Fax.ListLag, HideComments: o.Fax.HideComments, Now: now, Log: o.Log,
		XM: faxcloud.XMOptions{
			ChunkMax: o.Fax.Pieces, Forgetful: o.Fax.Forgetful, Accounts: []faxcloud.XMAccount{w.account(o.Company)},
			CodeTTL: o.Company.CodeTime, PollEvery: time.Second, STS: w.askADFS,
			SSO: faxcloud.AnySSO{SAML: faxcloud.NewSAMLSSO(now), OIDC: faxcloud.NewOIDCSSO(now)},
		},
	})
	if err != nil {
		return err
	}
	w.Fax = cloud
	for _, f := range o.Fax.Faults {
		if err := cloud.Inject(f); err != nil {
			return err
		}
	}
	for _, id := range w.order {
		p := w.persons[id]
		if p.State == Stranger {
			continue
		}
		w.past.Store(p.State == Expired)
		if err := cloud.XM().AddUser(xmRegion, xmAccount, p.atCloud()); err != nil {
			return err
		}
	}
	w.past.Store(false)
	return nil
}

// FaxURL returns the address of the fax cloud's Fax.Plus side.
func (w *World) FaxURL() string { return w.fax.url() }

// XMURL returns the address of the fax cloud's XM-style side: its one region.
func (w *World) XMURL() string { return w.xm.url() }

// FaxDown makes every side of the fax cloud unreachable, or reachable again.
func (w *World) FaxDown(down bool) {
	w.fax.gate.set(down)
	w.xm.gate.set(down)
}

// CompanyDown makes the company's AD FS or provider unreachable, or reachable
// again.
func (w *World) CompanyDown(down bool) {
	for _, s := range []*site{w.farm, w.provider} {
		if s != nil {
			s.gate.set(down)
		}
	}
}
