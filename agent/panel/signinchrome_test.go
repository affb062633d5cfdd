package panel_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
)

// TestEveryRefusalFits audits the screen of each refusal at the smallest panel, in
// both languages, where nothing can be asked and beside the field.
func TestEveryRefusalFits(t *testing.T) {
	c := tab(t, newChrome(t), 800, 480, nil)
	f := newReception()
	r := newRig(t, 0, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").tap("Send a fax")
	for _, lang := range []string{"en", "fr"} {
		form := b.values(find(b.doc, isForm("look")), nil)
		form.Set("lang", lang)
		b.post("/panel/front-desk/look", form)
		if err := setCookies(b, r.srv.URL)(c.ctx); err != nil {
			t.Fatal(err)
		}
		for _, p := range signinProblems(t) {
			for _, stage := range []signin.Stage{signin.StageStuck, signin.StagePassword, signin.StagePIN} {
				f.change(func(u *underWay) {
					u.View = signin.View{
						// Always the same, so that the page does not go on by itself.
						Stage: stage, Rev: 1, Way: signin.WayCompany, Email: ann.Email, Person: ann, Ways: []signin.Way{signin.WayPhone},
						Problem: &signin.Refused{Problem: p, Support: "MSIS7068", Until: r.clock.now().Add(-1)},
					}
				})
				c.run(chromedp.Navigate(r.srv.URL + "/panel/front-desk/signin"))
				c.check(fmt.Sprintf("%s at %s in %s", p, stage, lang))
			}
		}
	}
	c.run(chromedp.Navigate("about:blank"))
}

// TestSignInInTheBrowser signs in by badge and PIN, and by phone, in a real
// browser: with everything, without WebSockets, and without scripts. Nobody
// touches the screen for the badge or the phone to move it on.
func TestSignInInTheBrowser(t *testing.T) {
	browserCtx := newChrome(t)
	for _, way := range []struct {
		name    string
		scripts bool
		first   prepare
	}{
		{"full", true, nil},
		{"no WebSocket", true, func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
				Source: `delete window.WebSocket;`,
			})
			return err
		}},
		{"no scripts", false, func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			r, f, ev := atReader(t, 0, func(o *panel.Options) { o.Devices[0].Others = true })
			c := tab(t, browserCtx, 800, 480, way.first)
			c.run(chromedp.Navigate(r.srv.URL + "/panel/front-desk/"))
			c.want("Hold your badge to the reader.")
			send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann, PIN: true}})
			c.want("Your PIN")
			if way.scripts {
				for _, key := range "2468" {
					c.tap(string(key))
				}
			} else {
				eval[int](c, `document.getElementById('number').value = '2468', 1`)
			}
			until(t, "the PIN to be typed", func() bool {
				n, _ := eval[int](c, `document.getElementById('number').value.length`)
				return n == 4
			})
			c.tap("Sign in").want("Hello, Ann Beaulieu")
			c.check("hello")
			c.quiet()
			// The same badge again signs out, and the page goes by itself where it can.
			send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
			if !way.scripts {
				until(t, "the visit to end", func() bool { return len(r.tokens()) == 0 })
				c.tap("My faxes")
			}
			c.want("Hold your badge to the reader.")
			c.tap("Sign in without").want("Who are you?").tap("With your phone").want("K7QF-2MXD")
			until(t, "the square, each of its pixels one of the screen's", func() bool {
				size, _ := eval[string](c, `(function () { var i = document.images[0]; return i.complete + ' ' + (i.naturalWidth - i.width); }())`)
				return size == "true 0"
			})
			f.change(func(u *underWay) {
				u.Stage, u.Person, u.Way, u.Shown = signin.StageConfirm, ann, signin.WayCompanyPhone, nil
			})
			c.want("Is this you?").tap("Yes, that is me").want("Hello, Ann Beaulieu")
			c.quiet()
			if n := fmt.Sprint(f.attempts); n != "0" {
				t.Errorf("%s wrong tries, want none", n)
			}
		})
	}
}
