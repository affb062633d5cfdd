package panel

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/text"
)

// SignIn leads people through signing in. *signin.Reception is one.
type SignIn interface {
	Begin(ctx context.Context, v signin.Visit) (signin.View, error)
	Look(id string) (signin.View, bool)
	Answer(ctx context.Context, id string, a signin.Answer) (signin.View, error)
	Drop(id string)
	Take(id string) (signin.Identity, error)
}

var _ SignIn = (*signin.Reception)(nil)

// secretForm is where passwords, PINs and codes are posted.
const secretForm = "signin/secret"

// maxName bounds an e-mail address or user name, in bytes.
const maxName = 254

// signinVisit is the visit as the sign-in knows it.
func (p *Panel) signinVisit(r *http.Request, v *visit) signin.Visit {
	return signin.Visit{
		ID: v.s.Token, Terminal: signin.Terminal{ID: v.dev.ID, Name: v.dev.Name, Location: v.dev.Location},
		Lang: v.say.Lang(), Private: private(r),
	}
}

// signinPage shows what the sign-in asks now. A visit that has none begins one.
func (p *Panel) signinPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.mayFax() {
		return p.to(w, r, v, "")
	}
	view, ok := p.opt.SignIn.Look(v.s.Token)
	if !ok {
		var err error
		if view, err = p.opt.SignIn.Begin(r.Context(), p.signinVisit(r, v)); err != nil {
			return err
		}
		// While it waits for a phone the visit may last longer.
		if v.left, err = p.timeLeft(r.Context(), v.s); err != nil {
			return err
		}
	}
	if view.Stage == signin.StageDone {
		return p.welcome(w, r, v, view)
	}
	return p.showView(w, r, v, view)
}

// signinPost takes an answer without a secret.
func (p *Panel) signinPost(w http.ResponseWriter, r *http.Request, v *visit) error {
	a := signin.Answer{Rev: rev(r)}
	do := r.PostForm.Get("do")
	if r.PostForm.Get("domain") != "" {
		do = "email"
	}
	switch do {
	case "email":
		a.Email = typedName(r)
	case "way":
		a.Way = signin.Way(r.PostForm.Get("way"))
	case "yes":
		a.Yes = true
	case "no":
		a.No = true
	case "again":
		a.Again = true
	case "back":
		a.Back = true
	case "queue":
		a.Queue, a.Email = true, typedName(r)
	default:
		return errForm
	}
	return p.answer(w, r, v, a)
}

// signinSecret takes a password, a PIN or a code; the guards have read it.
func (p *Panel) signinSecret(w http.ResponseWriter, r *http.Request, v *visit) error {
	secrets := secretsOf(r) // wiped by the guards
	if view, ok := p.opt.SignIn.Look(v.s.Token); ok && view.Stage == signin.StageNewPIN && !bytes.Equal(secrets.first, secrets.second) {
		return p.to(w, r, v, "signin?differ=1")
	}
	return p.answer(w, r, v, signin.Answer{Rev: rev(r), Secret: secrets.first, Code: strings.TrimSpace(r.PostForm.Get("code"))})
}

// typedName is what stands in the field, with the suggested domain where that
// was tapped.
func typedName(r *http.Request) string {
	name := strings.TrimSpace(r.PostForm.Get("email"))
	if domain := r.PostForm.Get("domain"); domain != "" && name != "" && !strings.Contains(name, "@") {
		name += "@" + domain
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	return name
}

func rev(r *http.Request) int {
	n, err := strconv.Atoi(r.PostForm.Get("rev"))
	if err != nil {
		return -1 // answers nothing
	}
	return n
}

// answer hands a tap on and shows what came of it.
func (p *Panel) answer(w http.ResponseWriter, r *http.Request, v *visit, a signin.Answer) error {
	if v.mayFax() {
		return p.to(w, r, v, "")
	}
	// Whoever leaves the page has still made the attempt.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestTime)
	defer cancel()
	view, err := p.opt.SignIn.Answer(ctx, v.s.Token, a)
	switch {
	case errors.Is(err, signin.ErrNoSignIn):
		return p.to(w, r, v, "signin")
	case err != nil:
		return err
	case view.Stage == signin.StageDone:
		return p.welcome(w, r, v, view)
	case a.Back && view.Stage == signin.StagePhone:
		// Nothing but the phone can be offered, so that back is the first screen.
		if err := p.end(ctx, v.s, "person"); err != nil {
			return err
		}
		setCookie(w, r, v.dev.ID, cookieVisit, "")
		return p.to(w, r, v, "")
	}
	return p.to(w, r, v, "signin")
}

// wayButton is another way to sign in.
type wayButton struct{ Way, Label string }

type signinData struct {
	Rev        int
	Email      string
	Way        signin.Way
	Ways       []wayButton
	Back       bool // to the first question; otherwise back is leaving
	Domain     string
	Name, Mail string
	Problem    *problemText
	Differ     bool
	Linking    bool
	Again      bool
	Forgot     bool // another PIN may be chosen
	Queue      bool
	Narrow     bool // a keypad stands beside
	Mend       string
	shownData
}

// showView makes the page of a stage.
func (p *Panel) showView(w http.ResponseWriter, r *http.Request, v *visit, view signin.View) error {
	secret := view.Stage == signin.StagePassword || view.Stage == signin.StageCode || view.Stage == signin.StagePIN || view.Stage == signin.StageNewPIN
	if secret && !private(r) {
		view.Stage, view.Problem = signin.StageStuck, &signin.Refused{Problem: signin.NotPrivate}
	}
	d := &signinData{
		Rev: view.Rev, Email: view.Email, Way: view.Way, Linking: view.Linking, Queue: view.Queue, Forgot: view.NewPIN,
		Name: view.Person.Name, Mail: maskEmail(view.Person.Email),
		Differ: view.Stage == signin.StageNewPIN && r.URL.Query().Get("differ") != "",
	}
	if d.Name == "" {
		d.Name, d.Mail = d.Mail, ""
	}
	if view.Problem != nil {
		d.Problem = p.refusedText(v, view.Problem)
		d.Mend = mendURL(view.Problem.URL)
	}
	stage := string(view.Stage)
	pg := &page{Screen: "signin-" + stage, Title: v.T("signin.title"), Back: "signin", Watch: "signin", Rev: strconv.Itoa(view.Rev), Data: d}
	if key := "signin." + strings.ReplaceAll(stage, "-", "") + ".title"; v.say.Has("panel." + key) {
		pg.Title = v.T(key)
	}
	most := 1 // as many as fit beside the way forward
	if view.Stage == signin.StageStuck || view.Stage == signin.StagePhone {
		most = 2
	}
	if view.Queue && view.Stage == signin.StageEmail {
		most = 0
	}
	d.Narrow = view.Stage == signin.StageCode || view.Stage == signin.StagePIN
	seen := map[string]bool{v.T("signin.way." + string(view.Way)): true}
	for _, way := range view.Ways {
		label := v.T("signin.way." + string(way))
		if (way.Typed() || way.OnPhone()) && !seen[label] && len(d.Ways) < most {
			seen[label] = true
			d.Ways = append(d.Ways, wayButton{string(way), label})
		}
	}
	switch view.Stage {
	case signin.StageEmail:
		d.Domain = p.lastDomain(v.dev.ID)
	case signin.StagePassword, signin.StageCode:
		d.Back = true
	case signin.StagePhone:
		d.Back = private(r)
		d.show(view.Shown, p.opt.Clock())
	case signin.StageStuck:
		d.Back, d.Again = v.dev.Mode == ModeUserPrompt || v.dev.Others || view.Linking, true
		if d.Problem != nil {
			pg.Title = d.Problem.Title
		}
	case signin.StageConfirm, signin.StagePIN, signin.StageNewPIN, signin.StageLink:
	default:
		return errors.New("sign-in at an unknown stage " + stage)
	}
	if view.Stage == signin.StagePhone {
		pg.Refresh, pg.Next = 2, p.at(v, "signin?r=1")
	}
	return p.show(w, r, v, http.StatusOK, pg)
}

// refusedText is what a person reads about a refused sign-in.
func (p *Panel) refusedText(v *visit, refused *signin.Refused) *problemText {
	k := problem("signin-" + string(refused.Problem))
	if !k.known() {
		k = problem("signin-" + string(signin.Broken))
	}
	key := "problem." + string(k)
	t := &problemText{Key: k, Title: v.T(key + ".title"), What: v.T(key + ".what"), Safe: v.T(key + ".safe"), Do: v.T(key + ".do"), Code: text.Code(string(k))}
	if refused.Until.After(p.opt.Clock()) {
		// The minute has to be over, not to begin.
		t.Do = v.T("signin.until", p.clock(refused.Until.Add(time.Minute-1).Truncate(time.Minute)))
	}
	if refused.Support != "" {
		t.Code += " " + refused.Support
	}
	return t
}

// mendURL keeps an address that can be typed.
func mendURL(u string) string {
	if len(u) > 60 || !strings.HasPrefix(u, "https://") {
		return ""
	}
	return u
}
