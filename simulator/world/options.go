package world

import (
	"log/slog"
	"time"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
)

// Options describe a world; the zero value has one office device with an empty
// feeder and a fax cloud that delivers everything.
type Options struct {
	// Dir is an existing directory for everything the world writes. "" makes a
	// temporary one, which Close removes.
	Dir     string
	Devices []Device
	Fax     Fax
	// Service is the kind of fax service the agent is configured with, one of
	// faxcloud.Services; "" is faxcloud.FaxPlus. All of them are up.
	Service string
	// Mode is how people are known at the devices, one of Modes; "" is ModeShared.
	Mode string
	// Company is who they are. It matters in the other modes only.
	Company Company
	// Broker gives the agent a broker to talk to.
	Broker bool
	Log    *slog.Logger // nil discards
}

// Modes of devices, in the agent's words.
const (
	ModeShared = "shared-account"
	ModeBadge  = "device-login"
	ModePrompt = "user-prompt"
)

// Modes lists them.
func Modes() []string { return []string{ModeShared, ModeBadge, ModePrompt} }

// Device is one virtual MFP.
type Device struct {
	ID      string // as in the agent's configuration
	Profile string // one of mfp.Profiles; "" is office
	// Refill keeps so many pages in the feeder; 0 leaves it empty.
	Refill int
	// OnGlass lays one page on the glass.
	OnGlass bool
	Faults  mfp.Faults
}

// Fax is how the fax cloud behaves from the start.
type Fax struct {
	Rules        []faxcloud.Rule
	Faults       []faxcloud.Fault
	SendTime     time.Duration // 0: faxcloud's default
	ListLag      time.Duration
	HideComments bool
	Down         bool
	// Pieces is the greatest piece of a document the XM-style side takes, in
	// bytes; 0 is the contract's bound.
	Pieces int64
	// Forgetful makes the XM-style side break its promise about references; see
	// faxcloud.XMOptions.
	Forgetful bool
}
