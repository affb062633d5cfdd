// Package xmcloud holds the wire forms of a cloud fax service in the style of XM
// Fax, for both sides. It is our own published contract, written down in
// docs/xmcloud-contract.md. It is not the vendor's interface: the vendor
// publishes no interface for sending, and nothing here claims to work with the
// vendor's servers. What public client code of the vendor does show (host
// discovery as plain text, api/user_token with its fields, the
// Authorization-Token header, the envelope with result, code and message) has
// the form shown there; the rest is modelled on it and on public standards
// (RFC 6749, 7521, 7522, 8628).
//
// A region is a cloud of its own with its own hosts and users. An account lives
// in one region; its portal is discovered there, and this package never asks a
// second region because the first one refused.
//
// A fax takes three steps: create names it by the sender's reference and gives
// it an id, the document goes up in pieces at offsets, and one small commit makes
// it a fax. Creating or committing the same reference again answers with the
// same fax, so nothing here can send twice under one reference.
//
// What lives here: paths, bodies, bounds, error codes, streaming, and the
// evidence whether a request that must not be repeated can have left. What does
// not: when to poll or retry, what a state means for a delivery, which host may
// be given a password, logs and configuration.
package xmcloud

import "time"

// Paths below an endpoint; %s is the account.
const (
	PathPortalHost = "services/%s/portal/host"
)

// Paths below the portal's base URL.
const (
	PathUserToken  = "api/user_token"
	PathDiscover   = "api/v1/signin/discover"
	PathToken      = "api/v1/oauth/token"
	PathDeviceAuth = "api/v1/oauth/device_authorization"
	PathTickets    = "api/v1/tickets"
	PathAccount    = "api/v1/account"
	PathFaxes      = "api/v1/faxes"
	PathVerify     = "device" // for people
	PathVerifyCode = "d/"     // and the user code
)

// HeaderToken carries the token of a user or a connector.
const HeaderToken = "Authorization-Token"

// Prefixes of tokens. What follows is opaque.
const (
	UserPrefix    = "USER|"
	ServicePrefix = "SERVICE|"
)

// Grant types of the token endpoint (RFC 7522, its widespread SAML 1.1 twin, and
// RFC 8628).
const (
	GrantSAML2  = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	GrantSAML11 = "urn:ietf:params:oauth:grant-type:saml1_1-bearer"
	GrantDevice = "urn:ietf:params:oauth:grant-type:device_code"
)

// Bounds, in bytes unless it says otherwise. Both sides keep them.
const (
	MaxAnswer     = 1 << 20
	MaxRequest    = 64 << 10
	MaxCommit     = 4 << 10
	MaxForm       = 512 << 10 // of the token endpoint: an assertion in base64
	MaxAssertion  = 256 << 10
	MaxChunk      = 1 << 20
	MaxDocument   = 20 << 20
	MaxPages      = 500
	MaxBatch      = 100 // faxes in one status request
	MaxRecipients = 50  // in one ticket
	MaxReference  = 128
)

// Settle is after what time a committed fax is surely found by its reference.
const Settle = 10 * time.Second

// TypeTIFF is the media type of documents: TIFF in one of the fax codings.
const TypeTIFF = "image/tiff"
