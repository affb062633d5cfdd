package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/devices"
)

// checkService asks a fax service whether it takes the credential.
func checkService(s Service) Check {
	return Check{Leg: LegService, Subject: s.ID, Run: func(ctx context.Context) Result {
		err := s.Probe(ctx)
		var answer *deliver.Error
		switch {
		case err == nil:
			return okay("answers and takes the credential")
		case errors.As(err, &answer) && answer.Verdict == deliver.Unauthorized:
			return fail(fmt.Sprintf("put a valid token into %s, then: platen services resume %s", s.TokenFile, s.ID),
				"answers, but refuses the credential (%s)", answer.Code)
		case errors.As(err, &answer) && answer.Code != "":
			return fail("look at the service's own status page; faxes wait meanwhile", "answers with %s", answer.Code)
		case ctx.Err() != nil:
			return fail("check network, firewall and proxy", "no answer in %s", checkTime)
		}
		return fail("see dns and tls for this service; faxes wait meanwhile", "does not answer: %v", cause(err))
	}}
}

// checkDevice asks a device how it feels.
func checkDevice(d Device) Check {
	return Check{Leg: LegDevice, Subject: d.ID, Run: func(ctx context.Context) Result {
		info, err := d.Probe(ctx)
		switch {
		case errors.Is(err, devices.ErrUnreachable), err != nil && ctx.Err() != nil:
			return fail("is it switched on, is the address right, and may this machine reach it?", "not reached at %s", d.URL)
		case errors.Is(err, devices.ErrAccess):
			return fail("allow network scanning in the device's own settings, or set user and password_file", "refuses access")
		case errors.Is(err, devices.ErrUnsupported):
			return fail("turn eSCL (AirScan, AirPrint scan) on in the device's own settings, or choose another driver", "does not speak the driver's protocol")
		case errors.Is(err, devices.ErrBusy):
			return okay("answers, busy")
		case err != nil:
			return fail("look at the device", "%v", err)
		}
		name := info.MakeModel
		if name == "" {
			name = "answers"
		}
		switch info.Condition {
		case devices.Ready, devices.Busy, devices.WarmingUp, devices.Asleep, devices.FeederEmpty:
			return okay("%s, %s", name, info.Condition)
		case devices.AccessDenied:
			return fail("allow network scanning in the device's own settings", "%s, refuses access", name)
		case devices.Unknown, "":
			return okay("%s, does not say how it feels", name)
		}
		return warn("somebody has to go to the device", "%s, %s", name, info.Condition)
	}}
}

// MQTT connects to the broker once.
func MQTT(broker string, connect func(context.Context) error) Check {
	return Check{Leg: LegMQTT, Subject: hostOf(broker), Run: func(ctx context.Context) Result {
		if err := connect(ctx); err != nil {
			return fail("check mqtt.broker, user, password_file and ca_file; nothing else waits for the broker", "%v", err)
		}
		return okay("takes the connection")
	}}
}

// Admin asks the running agent, if there is one.
func Admin(socket, version string, ask func(context.Context) (string, error)) Check {
	return Check{Leg: LegAdmin, Subject: "", Run: func(ctx context.Context) Result {
		running, err := ask(ctx)
		switch {
		case errors.Is(err, ErrNoAgent):
			return okay("no agent is running with this state directory")
		case err != nil:
			return fail("restart the agent; if it hangs, its log says where", "the agent does not answer at %s: %v", socket, err)
		case running != version:
			return warn("restart the agent to run this version", "version %s is running, this is %s", running, version)
		}
		return okay("version %s is running", running)
	}}
}

// ErrNoAgent is wrapped by the error of Site.Admin when nobody is there to
// answer.
var ErrNoAgent = errors.New("no agent is running")
