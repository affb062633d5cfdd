package signin

import (
	"github.com/platen-fax/platen/agent/job"
)

// Stage is the question a sign-in asks now.
type Stage string

// The stages.
const (
	StageEmail    Stage = "email"    // who are you? (Ways may offer a phone beside it)
	StagePassword Stage = "password" // of View.Way
	StageCode     Stage = "code"     // a one-time code
	StagePhone    Stage = "phone"    // View.Shown; goes on by itself
	StageConfirm  Stage = "confirm"  // is View.Person you?
	StagePIN      Stage = "pin"      // of the badge
	StageNewPIN   Stage = "new-pin"  // choose one
	StageLink     Stage = "link"     // this badge is new: link it by signing in once?
	StageStuck    Stage = "stuck"    // nothing can be asked; View.Problem says why
	StageDone     Stage = "done"     // Reception.Take gives the identity
)

// View is where a sign-in stands. It holds no secret.
type View struct {
	Stage Stage
	Rev   int    // grows with every change; an Answer names the one it answers
	Email string // as typed so far
	Way   Way    // of StagePassword, StageCode and StagePhone
	Ways  []Way  // other ways that may be chosen now, best first
	Shown *Shown // of StagePhone; nil while there is no code, and Problem says why
	// Person is set from StageConfirm on, and for StagePIN and StageNewPIN.
	Person job.Person
	// NewPIN says, with StagePIN, that who forgot it may choose another one after
	// signing in once in another way; see Answer.Again.
	NewPIN bool
	// Linking says that a new badge waits to be linked by this sign-in.
	Linking bool
	// Problem is what became of the last answer; nil when it was good. With
	// StageStuck it is why nothing can be done. With StageDone the person is in,
	// but a badge could not be linked. Its Err is always nil.
	Problem *Refused
	// Queue says that, with the sign-in unreachable, policy lets the fax go in the
	// device's name, marked as of somebody unverified; see Answer.Queue. At
	// StageEmail an address has to come along where Email is "".
	Queue bool
}

// Answer is one tap. Rev must be that of the view it answers: an older one
// changes nothing, so a double tap is one attempt. Of the rest exactly the
// fields of the stage count.
type Answer struct {
	Rev    int
	Email  string
	Secret []byte // password, PIN; wiped by Reception.Answer
	Code   string
	Way    Way  // choose another way
	Yes    bool // StageConfirm, StageLink
	No     bool // StageConfirm: not me; StageNewPIN: none; StageLink: no
	Again  bool // StagePhone and StageStuck: a new code, another try; StagePIN: forgotten
	Back   bool // to StageEmail
	Queue  bool // go on unverified, where View.Queue allows it
}

// Tap is a badge that was held to a device's reader.
type Tap struct {
	// Person is whose badge it is; zero with Refused.
	Person job.Person
	// PIN says that a PIN must be typed; NewPIN that the person must sign in once
	// in another way and then choose one.
	PIN, NewPIN bool
	// Refused is why the badge lets nobody in; with BadgeUnknown and a Link the
	// badge can be linked.
	Refused *Refused
	// Link stands for the badge where it may be linked: a keyed hash, not the
	// number.
	Link string
}

// Visit is one person at one panel who wants to sign in.
type Visit struct {
	ID       string // token of the panel's visit
	Terminal Terminal
	Lang     string // "en" or "fr"
	// Private says that the panel is reached over https or loopback, so that
	// secrets may be typed.
	Private bool
	// Tap begins with a badge; nil without one.
	Tap *Tap
	// Launch begins with a person the device vouches for; nil without.
	Launch *job.Person
}
