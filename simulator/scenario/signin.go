package scenario

// What a phone does with the code of a panel.
const (
	PhoneApprove = "approve"
	PhoneDeny    = "deny"
	PhoneOpen    = "open" // looks at the page and does no more
)

// WayPhone asks the panel for a code for the phone.
const WayPhone = "phone"

// SignIn is a person who signs in at the panel by typing, as far as the panel
// asks.
type SignIn struct {
	Device   string `yaml:"device"`
	As       string `yaml:"as"`
	Name     string `yaml:"name"`     // typed instead of the e-mail address
	Password string `yaml:"password"` // typed instead of the right one
	Code     string `yaml:"code"`     // typed instead of what the authenticator app shows
	PIN      string `yaml:"pin"`
	Link     bool   `yaml:"link"` // the badge that was held up is to be linked
	Here     bool   `yaml:"here"` // goes on at the present screen instead of the first one
	// Way is phone to stop where the panel shows a code for it; "" types.
	Way string `yaml:"way"`
	// Refused is what the panel must say instead of letting the person in.
	Refused string `yaml:"refused"`
}

// Phone is a person with a phone at the panel's code.
type Phone struct {
	As       string `yaml:"as"`
	Do       string `yaml:"do"`
	Password string `yaml:"password"` // typed instead of the right one
	// Refused is what the phone must show instead of doing it.
	Refused string `yaml:"refused"`
	// Again takes the code of the phone step before, though the panel may show
	// another or none.
	Again bool `yaml:"again"`
}

// Badge is a card at a device's reader.
type Badge struct {
	Device string `yaml:"device"`
	Tap    string `yaml:"tap"` // number, as the reader prints it
	Garble bool   `yaml:"garble"`
	Unplug bool   `yaml:"unplug"` // the reader's cable instead of a card
	Replug bool   `yaml:"replug"`
}

// Launch is a device that signed somebody in itself and opens the panel with a
// token that says so.
type Launch struct {
	Device string   `yaml:"device"`
	As     string   `yaml:"as"`
	Age    Duration `yaml:"age"`    // made that long ago
	Forged bool     `yaml:"forged"` // signed with another key
	Again  bool     `yaml:"again"`  // the token of the launch step before
}

// ExpectPassword counts the passwords that reached a server so far. Each must
// have come over https to the host the agent was told, whatever is written.
type ExpectPassword struct {
	At    string `yaml:"at"` // cloud or adfs
	Times int    `yaml:"times"`
}

// ExpectOwner waits until the fax service knows whose a fax is.
type ExpectOwner struct {
	Fax string `yaml:"fax"`
	As  string `yaml:"as"` // "" is nobody
}
