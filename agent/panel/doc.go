// Package panel is what a person sees at a device: the screens from the first
// tap to "stored safely", and what became of a fax afterwards. Every screen is
// a page of plain HTML that works with scripts off; a script of ES5 makes it
// quicker and shows progress live.
//
// A visit is one person at one device, kept by [signin.Sessions] and found by a
// cookie that is good for that device's pages only. At a shared device a panel
// shows the document of its own visit, and of all other faxes of the device no
// more than an ending of the number; whoever knows a fax's job number may look
// closer. At a device where people sign in, every other way leads to the
// sign-in first, and a person sees their own faxes of all devices and nobody
// else's. How people sign in, and how pages are scanned, stored, converted and
// sent, is not known here.
//
// The routes, below /panel/DEVICE/ (every POST needs the visit's token and ends
// in a redirect):
//
//	GET  .                         first screen
//	POST begin                     a fax begins, and a visit where there is none
//	POST look                      language, contrast
//	POST more                      another tap: the visit goes on
//	GET  leave, POST leave         ask before erasing pages; end the visit
//	GET  signin, POST signin       what the sign-in asks; an answer without a secret
//	POST signin/secret             a password, PIN or code; https or loopback only
//	GET  signin/qr                 the square for a phone
//	GET  launch?t=TOKEN            somebody the device vouches for
//	GET  hello, POST hello         who signed in; pages that waited for them
//	GET  number, POST number       who gets it: keys, field, next, + another
//	GET  number/sure               a number no numbering plan knows
//	GET  people                    every recipient
//	GET  scan, POST scan           choose, start, stop; progress; trouble; pages
//	GET  page/PART, POST page/PART one page; remove it
//	GET  preview/DRAFT/PART        its picture, for the draft of this visit only
//	GET  check, POST send          the last look; the promise
//	GET  sent/JOB                  stored safely
//	GET  faxes                     the last ten of this device
//	GET  find, POST find           look up a job number
//	GET  fax/JOB                   what became of one
//	GET  fax/JOB/cancel, POST      ask; cancel
//	POST fax/JOB/retry             try failed recipients again
//	GET  fax/JOB/decide/R, POST    what to believe of recipient R
//	GET  state?on=WHAT             one panelmsg.State, for polling
//	GET  live?on=WHAT              the same over a WebSocket
//
// And GET /panel/-/FILE is the style sheet and the script, under names that
// change with their content.
package panel
