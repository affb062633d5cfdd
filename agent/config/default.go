package config

import (
	"strings"
	"time"
)

// FaxPlusURL is the public address of the Fax.Plus API.
const FaxPlusURL = "https://restapi.fax.plus/v3"

// Default returns the values of every key that is not written. Paths are still
// relative.
func Default() *Config {
	const day = 24 * time.Hour
	return &Config{
		Site:  Site{Country: "US", Language: "en"},
		Panel: Panel{Listen: "127.0.0.1:8630", Idle: time.Minute},
		SignIn: SignIn{
			Account:     AccountAuto,
			Badge:       Badge{PIN: PINOff},
			Unreachable: UnreachableRefuse,
			Pause:       time.Minute,
			Window:      30 * time.Minute,
		},
		Spool: Spool{Dir: "state", QuotaMiB: 2048},
		MQTT:  MQTT{TopicPrefix: "platen"},
		Delivery: Delivery{
			Settle:               2 * time.Minute,
			SubmitTimeout:        time.Minute,
			PollInterval:         15 * time.Second,
			InDoubtWithin:        day,
			UnknownAfter:         time.Hour,
			GiveUpAfter:          day,
			DecideWithin:         3 * day,
			LateNews:             3 * day,
			RetryMin:             30 * time.Second,
			RetryMax:             30 * time.Minute,
			LinePause:            3 * time.Minute,
			LineTries:            3,
			LatePoll:             15 * time.Minute,
			BreakerOpenAfter:     5,
			BreakerProbeInterval: 30 * time.Second,
		},
		Capture: Capture{
			DraftKeep:     10 * time.Minute,
			SharedIdle:    time.Minute,
			BusyWait:      30 * time.Second,
			ClaimWithin:   3 * day,
			ConvertWithin: time.Hour,
		},
		Retention: Retention{FailedPages: 3 * day, Records: 90 * day},
		Clock:     Clock{Jump: time.Minute, CalmAfterJump: 5 * time.Minute},
		Log:       Log{Level: "info", Format: "text"},
	}
}

func (d *Device) setDefaults() {
	d.Mode = ModeSharedAccount
	d.Reader = Reader{Profile: "generic", Baud: 9600, DataBits: 8, Parity: "none", StopBits: 1}
}

func (s *FaxService) setDefaults() {
	s.From = NoNumber
	s.MaxInFlight = 2
}

// letterCountries use North American paper.
const letterCountries = "BO CA CL CO CR DO GT HN MX NI PA PH PR SV US VE"

func paperOf(country string) string {
	if strings.Contains(" "+letterCountries+" ", " "+country+" ") {
		return "letter"
	}
	return "a4"
}
