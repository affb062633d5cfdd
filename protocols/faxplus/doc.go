// Package faxplus holds the wire forms of the Fax.Plus public API, version 3,
// for both sides: the requests a client makes and the answers a service gives.
//
// A fax takes two calls. The document goes to POST /accounts/{user}/files as a
// multipart part named fax_file and comes back as a path. POST
// /accounts/{user}/outbox then commits a fax of that path to its recipients;
// only this second call must never be repeated blindly. A fax waits in the
// outbox until it is final and then appears in the history under
// /accounts/{user}/faxes.
//
// What lives here: paths, bodies, states, dates, errors, the streaming of an
// upload, and the evidence whether a committing request can have left. What
// does not: retries, timeouts, the meaning of a state for a delivery, logs and
// configuration.
//
// Sources are the public reference at apidoc.fax.plus, the help pages of the
// service, and the documentation of its official client libraries (3.0.x).
// They say nothing about several things this package needs a rule for. Those
// rules are assumptions, chosen to be safe when wrong:
//
//   - Size: no upload limit is documented. [AssumedMaxUpload] is what a caller
//     should refuse beyond; the service's 413 is handled whatever the size.
//   - Rate: no 429 policy is documented. A 429 is taken as not accepted, and a
//     Retry-After is reported when there is one.
//   - Idempotency: no header is documented, so none is sent.
//   - Identifiers: a fax has one id in the outbox and may have another in the
//     history (documented); nothing documented leads from the first to the
//     second except what the sender wrote into the comment.
//   - Comment: the outbox shows the comment as sent, tags and text; the history
//     shows one string. That the string contains the text is assumed, and that
//     it might be an object as in the outbox is accepted.
//   - Time zone: dates carry none; an older edition of the reference says UTC.
package faxplus

// BaseURL is the documented root of the service.
const BaseURL = "https://restapi.fax.plus/v3"

// Self stands for the account of the token in every path.
const Self = "self"

// NoNumber is the documented value of From for a member of a corporate account
// who has no number of their own.
const NoNumber = "no_number"

// UploadPart is the documented name of the multipart part with the document.
const UploadPart = "fax_file"

// MaxListLimit is the greatest documented number of records in one answer of
// the history.
const MaxListLimit = 50

// Bounds of what is read from the other side, in bytes. They are ours.
const (
	// MaxAnswer bounds an answer of the service.
	MaxAnswer = 8 << 20
	// MaxRequest bounds the JSON body of a request.
	MaxRequest = 64 << 10
	// AssumedMaxUpload is the greatest document worth offering. The service
	// documents no limit; this is a common one among fax services.
	AssumedMaxUpload = 20 << 20
)

// Media types of documents the upload call is documented for.
const (
	TypeTIFF = "image/tiff"
	TypePDF  = "application/pdf"
)
