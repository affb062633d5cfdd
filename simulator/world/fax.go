package world

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

func (w *World) addFax(ctx context.Context, o Options) error {
	const user = "account"
	cloud, err := faxcloud.New(faxcloud.Options{
		Dir:      w.Received(),
		Accounts: []faxcloud.Account{{User: user, Email: "fax@example.com", Numbers: []string{w.fromPhone}}},
		Tokens: []faxcloud.Token{{Value: w.token, User: user, Scopes: []string{
			faxcloud.ScopeAllRead, faxcloud.ScopeAllEdit,
		}}},
		Rules: o.Fax.Rules, SendTime: o.Fax.SendTime, ListLag: o.Fax.ListLag, HideComments: o.Fax.HideComments, Log: o.Log,
		XM: faxcloud.XMOptions{ChunkMax: o.Fax.Pieces, Forgetful: o.Fax.Forgetful, Accounts: []faxcloud.XMAccount{w.account()}},
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
	if w.faxURL, err = w.serveFax(ctx, o, cloud.Serve); err != nil {
		return err
	}
	w.xmURL, err = w.serveFax(ctx, o, func(ctx context.Context, ln net.Listener, config *tls.Config) error {
		return cloud.XM().Serve(ctx, xmRegion, ln, config)
	})
	return err
}

// The one account of the XM-style side, and the id its connector goes by.
const (
	xmRegion  = "ca"
	xmAccount = "office"
	xmDevice  = "platen"
)

// account has a connector under which the agent and every device is enrolled.
func (w *World) account() faxcloud.XMAccount {
	devices := []string{xmDevice}
	for _, s := range w.Stations {
		devices = append(devices, s.ID)
	}
	return faxcloud.XMAccount{
		Region: xmRegion, ID: xmAccount, Domains: []string{"example.com"}, Numbers: []string{w.fromPhone},
		Connectors: []faxcloud.XMConnector{{
			Token: w.connector, Devices: devices,
			Permissions: []string{xmcloud.MaySend, xmcloud.MaySendFor, xmcloud.MayTakeTicket},
		}},
	}
}

// serveFax lets one side of the fax cloud answer on a port of its own and
// returns its address.
func (w *World) serveFax(ctx context.Context, o Options, serve func(context.Context, net.Listener, *tls.Config) error) (string, error) {
	cert, err := w.authority.Server("Platen simulator fax cloud")
	if err != nil {
		return "", err
	}
	ln, err := loopback()
	if err != nil {
		return "", err
	}
	g := newGate(ln)
	g.set(o.Fax.Down)
	w.gates = append(w.gates, g)
	w.wg.Go(func() {
		err := serve(ctx, g, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		if err != nil && ctx.Err() == nil {
			o.Log.Error("fax cloud ended", "err", err)
		}
	})
	return "https://" + ln.Addr().String(), nil
}

// FaxURL returns the address of the fax cloud's Fax.Plus side.
func (w *World) FaxURL() string { return w.faxURL }

// XMURL returns the address of the fax cloud's XM-style side: its one region.
func (w *World) XMURL() string { return w.xmURL }

// FaxDown makes every side of the fax cloud unreachable, or reachable again.
func (w *World) FaxDown(down bool) {
	for _, g := range w.gates {
		g.set(down)
	}
}
