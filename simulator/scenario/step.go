package scenario

import "go.yaml.in/yaml/v3"

// Step is one thing that happens: exactly one of its verbs is written.
type Step struct {
	ID     string   `yaml:"id"`     // for breaks; optional
	Within Duration `yaml:"within"` // how long it may take to come true; 0: the rest of the scenario's time

	Load      *Stack      `yaml:"load"`       // put paper in
	TakePaper *OnDevice   `yaml:"take_paper"` // take all paper out
	ClearJam  *OnDevice   `yaml:"clear_jam"`  // open the cover, take the sheet out, put it back on the stack
	StopKey   *OnDevice   `yaml:"stop_key"`   // press stop at the device
	Device    *DeviceKnob `yaml:"device"`     // make a device misbehave; {} is healthy
	Service   *Service    `yaml:"service"`    // make the fax service misbehave, or not any more
	Fax       *FaxWalk    `yaml:"fax"`        // walk through the panel
	Open      *OnDevice   `yaml:"open"`       // go to a panel's first screen
	Tap       *Tap        `yaml:"tap"`        // one tap on the present screen
	LookUp    *OfFax      `yaml:"look_up"`    // find a fax by its number at the panel

	SignIn  *SignIn      `yaml:"sign_in"`  // sign in at the panel
	SignOut *OnDevice    `yaml:"sign_out"` // sign out at the panel
	Away    Duration     `yaml:"away"`     // nobody touches anything for that long
	Phone   *Phone       `yaml:"phone"`    // sign in on a phone, with the panel's code
	Badge   *Badge       `yaml:"badge"`    // hold a card to a reader
	Launch  *Launch      `yaml:"launch"`   // the device opens the panel for somebody
	Company *CompanyKnob `yaml:"company"`  // make AD FS or the provider misbehave, or not any more
	Person  *PersonKnob  `yaml:"person"`   // change somebody's account

	Agent      string      `yaml:"agent"`       // kill (-9), stop (TERM), start, reload (HUP) or abort (QUIT, which leaves a dump in the log)
	LoseState  *Nothing    `yaml:"lose_state"`  // the agent's disk is gone
	Calls      *Calls      `yaml:"calls"`       // wait until the service was asked so often
	ExpectJob  *ExpectJob  `yaml:"expect_job"`  // state of a job in the agent's own words
	ExpectRead *ExpectRead `yaml:"expect_read"` // what the far end read, exactly once
	Committed  *Committed  `yaml:"committed"`   // how many faxes the service took in all
	ExpectSeen *ExpectSeen `yaml:"expect_seen"` // what the panel shows
	ExpectMQTT *ExpectMQTT `yaml:"expect_mqtt"` // what was said to the broker

	ExpectPassword *ExpectPassword `yaml:"expect_password"` // how often a password reached a server
	ExpectOwner    *ExpectOwner    `yaml:"expect_owner"`    // whose fax it is at the far end

	Line int `yaml:"-line"`
}

// Nothing is a verb without anything to say.
type Nothing struct{}

// OnDevice names a device; "" is the first.
type OnDevice struct {
	Device string `yaml:"device"`
}

// OfFax names a fax of an earlier step; "" is the newest.
type OfFax struct {
	Fax string `yaml:"fax"`
}

// Stack is paper to put in.
type Stack struct {
	Device   string `yaml:"device"`
	Pages    int    `yaml:"pages"`
	Class    string `yaml:"class"` // see paper.Classes, or mixed
	Size     string `yaml:"size"`  // a4, letter, legal
	TwoSided bool   `yaml:"two_sided"`
	Glass    bool   `yaml:"glass"` // one page, on the glass
	As       string `yaml:"as"`    // name of the stack for expect_read
}

// DeviceKnob sets faults of a device, laid over those it has from the start.
type DeviceKnob struct {
	Device string    `yaml:"device"`
	Faults yaml.Node `yaml:"faults"`
}

// Service changes the fax service. What is not written stays.
type Service struct {
	Down    *bool     `yaml:"down"`
	Fault   *Fault    `yaml:"fault"`
	Healthy bool      `yaml:"healthy"` // no faults any more, and held requests go on
	Rules   []Rule    `yaml:"rules"`
	ListLag *Duration `yaml:"list_lag"`
}

// Fault makes some requests go wrong; see faxcloud.Fault.
type Fault struct {
	Service    string   `yaml:"service"` // faxplus or xmcloud; "" strikes whichever comes
	Op         string   `yaml:"op"`
	Action     string   `yaml:"action"`
	Stage      string   `yaml:"stage"`
	Nth        int      `yaml:"nth"`
	Times      int      `yaml:"times"`
	Code       int      `yaml:"code"`
	RetryAfter Duration `yaml:"retry_after"`
	Delay      Duration `yaml:"delay"`
}

// FaxWalk is a person who sends a fax: types the number, scans, checks, sends
// and waits for "stored safely".
type FaxWalk struct {
	Device string `yaml:"device"`
	To     string `yaml:"to"`    // as typed
	Pages  int    `yaml:"pages"` // stored pages to wait for before Next; 0: whatever the scan gave
	Until  string `yaml:"until"` // number, scan, check or "" for all the way
	As     string `yaml:"as"`    // name of the fax for later steps
}

// Tap fills fields of the present screen and taps what carries the words.
type Tap struct {
	Words  string            `yaml:"words"`
	Fields map[string]string `yaml:"fields"`
	// Sent says that this tap is the one that sends: the screen after it must
	// promise, and the fax gets this name for later steps.
	Sent string `yaml:"sent"`
}

// Calls waits for requests at the fax service, counted from the world's start.
type Calls struct {
	Op    string `yaml:"op"`
	Least int    `yaml:"least"`
}

// ExpectJob waits until a job is so.
type ExpectJob struct {
	Fax      string `yaml:"fax"`
	State    string `yaml:"state"`    // of the job
	Outcome  string `yaml:"outcome"`  // of a closed job
	Delivery string `yaml:"delivery"` // state of its first delivery
	Reason   string `yaml:"reason"`   // of its first delivery
}

// ExpectRead waits until the far end has read a fax: exactly the named stacks,
// every page whole, once and in order, and the document once.
type ExpectRead struct {
	Fax    string   `yaml:"fax"`
	To     string   `yaml:"to"`     // E.164
	Stacks []string `yaml:"stacks"` // names of load steps; none: the newest
	Pages  int      `yaml:"pages"`  // in all
	// UploadedOnce wants that no byte of the document went up twice; only
	// xmcloud, which takes documents in pieces, counts them.
	UploadedOnce bool `yaml:"uploaded_once"`
}

// Committed is a count of faxes the service took.
type Committed struct {
	Faxes int `yaml:"faxes"`
}

// ExpectSeen waits until the present screen, reloaded, is so.
type ExpectSeen struct {
	Text   string `yaml:"text"`
	Screen string `yaml:"screen"` // its name; "pages" comes when a scan has ended well
}

// ExpectMQTT waits for a message.
type ExpectMQTT struct {
	Topic string `yaml:"topic"` // part of the topic
	Holds string `yaml:"holds"` // part of the payload
}
