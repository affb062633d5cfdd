package panel_test

import (
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
)

// view is a screen on which the sign-in stands at a view.
func view(name string, v signin.View) screen {
	v.Rev = 5
	f := newReception()
	f.first = &v
	return screen{name: "signin-" + name, how: people(f, panel.ModeUserPrompt, withReader), reach: func(_ *rig, b *browser) {
		if v.Shown != nil {
			v.Shown.Expires = time.Now().Add(5 * time.Minute)
		}
		b.tap("Send a fax")
	}}
}

func withReader(o *panel.Options) { o.Devices[0].Reader = true }

// signinScreens are those of devices where people sign in.
func signinScreens() []screen {
	phones := []signin.Way{signin.WayPhone}
	refused := func(p signin.Problem) *signin.Refused { return &signin.Refused{Problem: p, Support: "MSIS7068"} }
	noMatch, long := shown(), ann
	noMatch.Match, noMatch.Address, noMatch.Code = "", "https://login.microsoftonline.com/common/oauth2/deviceauth", "GK2XWQPNB"
	noMatch.QR = noMatch.Address + "?user_code=GK2XWQPNB"
	long.Name, long.Email = "Anne-Sophie Beauregard-Lamontagne", "anne-sophie.beauregard-lamontagne@montreal.contoso.example"
	login := func(r *rig, b *browser) *browser { return b.login("ann@contoso.example") }
	prompt := func(more ...func(*panel.Options)) func(*panel.Options) {
		return func(o *panel.Options) { people(newReception(), panel.ModeUserPrompt, more...)(o) }
	}
	badge := func(o *panel.Options) { people(newReception(), panel.ModeDeviceLogin)(o) }
	return []screen{
		{name: "home-prompt", how: prompt(withReader), reach: func(*rig, *browser) {}},
		{name: "home-prompt-ended", how: prompt(withReader), reach: func(_ *rig, b *browser) { b.get("/panel/front-desk/?ended=1") }},
		{name: "badge", how: badge, reach: func(*rig, *browser) {}},
		{name: "badge-other", how: func(o *panel.Options) {
			badge(o)
			o.Devices[0].Others = true
		}, reach: func(*rig, *browser) {}},
		{name: "badge-ended", how: badge, reach: func(_ *rig, b *browser) { b.get("/panel/front-desk/?ended=1") }},
		{name: "badge-launch", how: func(o *panel.Options) {
			badge(o)
			o.Devices[0].Reader = false
		}, reach: func(*rig, *browser) {}},
		view("email", signin.View{Stage: signin.StageEmail, Ways: phones}),
		view("email-problem", signin.View{Stage: signin.StageEmail, Ways: phones, Email: "ann@contosso.example", Problem: refused(signin.Foreign)}),
		view("email-queue", signin.View{Stage: signin.StageEmail, Ways: phones, Email: "ann@contoso.example", Queue: true, Problem: refused(signin.ServiceDown)}),
		{name: "signin-email-domain", how: prompt(), reach: func(r *rig, b *browser) { login(r, b).tap("AB").tap("Send a fax") }},
		view("password", signin.View{Stage: signin.StagePassword, Way: signin.WayCompany, Email: long.Email, Ways: append(phones, signin.WayPassword)}),
		view("password-problem", signin.View{Stage: signin.StagePassword, Way: signin.WayBrokered, Email: ann.Email, Ways: phones, Problem: refused(signin.BadCredentials)}),
		view("password-mend", signin.View{
			Stage: signin.StagePassword, Way: signin.WayPassword, Email: ann.Email, Ways: phones,
			Problem: &signin.Refused{Problem: signin.PasswordExpired, URL: "https://sts.contoso.example/adfs/portal/updatepassword"},
		}),
		view("code", signin.View{Stage: signin.StageCode, Way: signin.WayPassword, Email: ann.Email, Ways: phones}),
		view("code-problem", signin.View{Stage: signin.StageCode, Way: signin.WayPassword, Email: ann.Email, Problem: refused(signin.CodeWrong)}),
		view("phone", signin.View{Stage: signin.StagePhone, Way: signin.WayPhone, Shown: shown()}),
		view("phone-long", signin.View{Stage: signin.StagePhone, Way: signin.WayCompanyPhone, Shown: noMatch, Ways: []signin.Way{signin.WayCompany}}),
		view("phone-plain", signin.View{Stage: signin.StagePhone, Way: signin.WayPhone, Shown: shown(), Problem: &signin.Refused{Problem: signin.NotPrivate}}),
		view("phone-over", signin.View{Stage: signin.StagePhone, Way: signin.WayPhone, Ways: []signin.Way{signin.WayCompany}, Problem: refused(signin.CodeExpired)}),
		view("phone-queue", signin.View{Stage: signin.StagePhone, Way: signin.WayPhone, Queue: true, Problem: refused(signin.ServiceDown)}),
		view("confirm", signin.View{Stage: signin.StageConfirm, Person: long}),
		view("pin", signin.View{Stage: signin.StagePIN, NewPIN: true, Person: long}),
		view("pin-problem", signin.View{Stage: signin.StagePIN, Person: ann, Problem: refused(signin.BadPIN)}),
		view("newpin", signin.View{Stage: signin.StageNewPIN, Person: ann}),
		view("newpin-problem", signin.View{Stage: signin.StageNewPIN, Person: ann, Problem: refused(signin.BadInput)}),
		view("link", signin.View{Stage: signin.StageLink}),
		view("stuck-queue", signin.View{Stage: signin.StageStuck, Ways: phones, Queue: true, Problem: refused(signin.ServiceDown)}),
		{name: "hello", how: prompt(), reach: func(r *rig, b *browser) { login(r, b) }},
		{name: "hello-much", how: prompt(), pages: 3, reach: func(r *rig, b *browser) {
			login(r, b).dial("5145550199").tap("Scan").scanned().tap("AB").tap("Keep 10 minutes")
			login(r, b).get("/panel/front-desk/hello?n=2&e=directory-down")
		}},
		{name: "discard", how: prompt(), pages: 3, reach: func(r *rig, b *browser) {
			login(r, b).dial("5145550199").tap("Scan").scanned().tap("AB").tap("Keep 10 minutes")
			login(r, b)
		}, last: func(_ *rig, b *browser) { b.press(find(b.doc, isValue("discard"))) }},
		{name: "leave-person", how: prompt(), pages: 3, reach: func(r *rig, b *browser) {
			login(r, b).dial("5145550199").tap("Scan").scanned().tap("AB")
		}},
		{name: "number-person", how: prompt(), reach: func(r *rig, b *browser) { login(r, b).tap("Send a fax") }},
		{name: "number-unverified", how: prompt(), reach: func(_ *rig, b *browser) {
			b.tap("Send a fax").fill("email", "down@contoso.example").tap("Next").tap("Send unverified")
		}},
		{name: "scan-unverified", how: prompt(), reach: func(_ *rig, b *browser) {
			b.tap("Send a fax").fill("email", "down@contoso.example").tap("Next").tap("Send unverified")
			b.fill("number", "5145550199").tap("Next")
		}},
		{name: "scanning-person", how: prompt(), pages: 3, reach: func(r *rig, b *browser) {
			reached, release := r.front.Hold(3)
			r.t.Cleanup(release)
			login(r, b).dial("5145550199").tap("Scan")
			<-reached
			r.convert()
			b.refresh()
		}},
		{name: "faxes-own-none", how: prompt(), reach: func(r *rig, b *browser) { login(r, b).tap("My faxes") }},
		{name: "faxes-own", how: prompt(), pages: 1, reach: func(r *rig, b *browser) {
			login(r, b).sendFax("5145550199")
			r.convert()
			r.steps(r.jobs("front-desk")[0].ID, 1, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant})
			b.get("/panel/front-desk/faxes")
		}},
		{name: "refused", how: func(o *panel.Options) {
			f := newReception()
			f.auth = &authority{refuse: refused(signin.SignInAgain)}
			people(f, panel.ModeUserPrompt)(o)
		}, pages: 1, reach: func(r *rig, b *browser) {
			login(r, b).dial("5145550199").tap("Scan").scanned().tap("Next")
		}, last: func(_ *rig, b *browser) { b.tap(map[string]string{"en": "Send", "fr": "Envoyer"}[b.lang()]) }},
		view("stuck-plain", signin.View{Stage: signin.StageStuck, Ways: phones, Problem: refused(signin.NotPrivate)}),
	}
}
