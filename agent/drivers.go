package main

import (
	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/faxplus"
	"github.com/platen-fax/platen/agent/deliver/xmcloud"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/esclscan"
)

// drivers names every concrete driver and fax service. It is the only place
// that does; a new one is one line here.
func drivers() app.Drivers {
	return app.Drivers{
		Scanners: map[string]func(app.ScannerConfig) (devices.Scanner, error){
			"escl": newESCL,
		},
		Services: map[string]func(app.ServiceConfig) (deliver.Service, error){
			"faxplus": newFaxPlus,
			"xmcloud": newXMCloud,
		},
	}
}

func newESCL(c app.ScannerConfig) (devices.Scanner, error) {
	quirks, err := esclscan.ParseQuirks(c.Device.Quirks)
	if err != nil {
		return nil, err
	}
	return esclscan.New(c.Device.URL, esclscan.Options{Device: c.Device.ID, HTTPClient: c.Client, Quirks: quirks, BusyWait: c.BusyWait})
}

func newFaxPlus(c app.ServiceConfig) (deliver.Service, error) {
	user, from := c.Service.Account, c.Service.From
	if user == "self" {
		user = "" // the account of the token
	}
	if from == "no_number" {
		from = "" // the service's own word for members without a number
	}
	return faxplus.New(faxplus.Options{
		ID: c.Service.ID, BaseURL: c.Service.URL, User: user, From: from,
		Clients: c.Clients, Token: c.Token, Settle: c.Settle,
	})
}

func newXMCloud(c app.ServiceConfig) (deliver.Service, error) {
	from := c.Service.From
	if from == "no_number" {
		from = "" // the service chooses
	}
	return xmcloud.New(xmcloud.Options{
		ID: c.Service.ID, Endpoint: c.Service.URL, Account: c.Service.Account, Hosts: c.Service.Hosts,
		Device: c.Service.Device, From: from, Clients: c.Clients, Token: c.Token, Settle: c.Settle,
	})
}
