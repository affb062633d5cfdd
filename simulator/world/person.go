package world

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

// State is what the XM-style cloud thinks of a person.
type State string

// The states; "" is somebody whom nothing keeps from sending.
const (
	WithCode    State = "code"         // has an authenticator app
	NoCode      State = "no-code"      // has none, whatever the policy
	Exempt      State = "exempt"       // from the policy about codes
	Expired     State = "expired"      // the password is older than the policy allows
	MustChange  State = "must-change"  // at the next sign-in
	PasswordOff State = "password-off" // by an administrator
	Pending     State = "pending"      // invited and not activated
	Disabled    State = "disabled"
	NoSend      State = "no-send"  // may sign in but not send
	Stranger    State = "stranger" // not a user of the cloud at all
)

// States lists them, "" left out.
func States() []State {
	return []State{WithCode, NoCode, Exempt, Expired, MustChange, PasswordOff, Pending, Disabled, NoSend, Stranger}
}

// Person is somebody of the company.
type Person struct {
	ID       string `json:"id"`       // short name, the user name at the cloud; "ann"
	Email    string `json:"email"`    // default ID@example.com
	Name     string `json:"name"`     // for display; default ID
	Password string `json:"password"` // the same everywhere; default made of the ID
	State    State  `json:"state"`
	// AtCompany is the state at the company's AD FS or provider, in its words.
	AtCompany string   `json:"at_company"`
	Badges    []string `json:"badges"`   // as the directory has them
	MaySend   *bool    `json:"may_send"` // what the directory says; nil says nothing
	Seed      string   `json:"seed"`     // base32, of the authenticator app; made when left out
}

// people returns who is there when nobody says otherwise.
func people() []Person {
	return []Person{
		{ID: "ann", Name: "Ann Lee", Badges: []string{"04711"}},
		{ID: "bob", Name: "Bob Roy", Badges: []string{"04712"}},
	}
}

// seed is base32 (RFC 4648) of 20 bytes that are nobody's secret.
const seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// complete fills in what was left out.
func (p Person) complete() (Person, error) {
	if p.ID == "" {
		return p, errors.New("a person needs an id")
	}
	p.Email = cmp.Or(p.Email, p.ID+"@"+domain)
	p.Name = cmp.Or(p.Name, p.ID)
	// Characters that XML, forms and headers each treat in their own way.
	p.Password = cmp.Or(p.Password, "Été <"+p.ID+"> & \"quai\" 9%")
	p.Seed = cmp.Or(p.Seed, seed)
	if p.State != "" && !slices.Contains(States(), p.State) {
		return p, fmt.Errorf("person %s: no state %q", p.ID, p.State)
	}
	return p, nil
}

// atCloud is the person as the cloud's administrator entered them.
func (p Person) atCloud() faxcloud.XMUser {
	u := faxcloud.XMUser{ID: "u-" + p.ID, Name: p.ID, Email: p.Email, Display: p.Name, Password: p.Password}
	p.apply(&u)
	return u
}

// apply puts the person's state on a user of the cloud.
func (p Person) apply(u *faxcloud.XMUser) {
	u.OTPSecret = ""
	if p.State == WithCode || p.State == Exempt {
		u.OTPSecret = p.Seed
	}
	u.OTPExempt, u.MustChange, u.PasswordDisabled = p.State == Exempt, p.State == MustChange, p.State == PasswordOff
	u.Pending, u.Disabled, u.NoSend = p.State == Pending, p.State == Disabled, p.State == NoSend
}

func (p Person) atADFS() adfs.User {
	given, surname, _ := strings.Cut(p.Name, " ")
	return adfs.User{
		UPN: p.ID + "@corp." + domain, Account: `CORP\` + p.ID, Mail: p.Email, Given: given, Surname: surname,
		Password: p.Password, State: adfs.State(p.AtCompany),
	}
}

func (p Person) atProvider() idp.User {
	return idp.User{Name: p.Email, Password: p.Password, Display: p.Name, Email: p.Email, State: idp.State(p.AtCompany)}
}

// Code returns what the person's authenticator app shows at t.
func (p Person) Code(t time.Time) (string, error) { return totp.GenerateCode(p.Seed, t) }

// Person returns somebody of the world by id.
func (w *World) Person(id string) (Person, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.persons[id]
	return p, ok
}

// People returns everybody of the world.
func (w *World) People() []Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Person, 0, len(w.order))
	for _, id := range w.order {
		all = append(all, w.persons[id])
	}
	return all
}

// OwnerID is how the ledger names the person as the owner of a fax.
func (p Person) OwnerID() string { return "u-" + p.ID }

// SetPerson changes somebody at the cloud, at the company and in the CSV
// directory at once. The password and badges may change, the id may not.
func (w *World) SetPerson(p Person) error {
	p, err := p.complete()
	if err != nil {
		return err
	}
	w.mu.Lock()
	before, ok := w.persons[p.ID]
	if ok {
		w.persons[p.ID] = p
	}
	w.mu.Unlock()
	if !ok {
		return fmt.Errorf("no person %q", p.ID)
	}
	if (before.State == Stranger) != (p.State == Stranger) {
		return fmt.Errorf("person %s: who is a stranger cannot change while the world runs", p.ID)
	}
	if p.State != Stranger {
		err = w.Fax.XM().EditUser(xmRegion, xmAccount, p.ID, func(u *faxcloud.XMUser) {
			p.apply(u)
			if p.Password != before.Password {
				u.Password = p.Password
			}
		})
	}
	if w.ADFS != nil {
		w.ADFS.SetUser(p.atADFS())
	}
	if w.SAML != nil {
		w.SAML.SetUser(p.atProvider())
	}
	if w.OIDC != nil {
		w.OIDC.SetUser(p.atProvider())
	}
	return errors.Join(err, w.writeDirectory())
}

// addPeople makes everybody and what knows them beside the fax cloud.
func (w *World) addPeople(o Options) error {
	if o.Mode == ModeShared {
		return nil
	}
	all := o.Company.People
	if all == nil {
		all = people()
	}
	for _, p := range all {
		p, err := p.complete()
		if err != nil {
			return err
		}
		if _, twice := w.persons[p.ID]; twice {
			return fmt.Errorf("person %q is there twice", p.ID)
		}
		w.persons[p.ID] = p
		w.order = append(w.order, p.ID)
	}
	if err := w.writeDirectory(); err != nil {
		return err
	}
	if o.Company.Directory == DirectorySCIM {
		if err := w.addSCIM(); err != nil {
			return err
		}
	}
	if o.Company.Launch {
		if err := w.addLaunchKeys(); err != nil {
			return err
		}
	}
	if o.Mode == ModeBadge {
		return w.addReaders()
	}
	return nil
}
