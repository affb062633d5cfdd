package phone

import (
	"context"
	"slices"
	"strings"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/deviceflow"
)

// CompanyOptions of a [CompanyMethod]. Client is required.
type CompanyOptions struct {
	// Client asks the company's provider. It is bound to one organisation by its
	// issuer, and where the provider has tenants, by that.
	Client *deviceflow.Client
	// Domains are those an address may be of; empty: any. Guests of an
	// organisation sign in there under addresses of others.
	Domains []string
}

// CompanyMethod is the way [signin.WayCompanyPhone].
type CompanyMethod struct {
	client  *deviceflow.Client
	domains []string
}

var _ signin.Paired = (*CompanyMethod)(nil)

// NewCompany returns the method and does no I/O. It panics without a Client,
// which is an error of the program.
func NewCompany(o CompanyOptions) *CompanyMethod {
	if o.Client == nil {
		panic("signin/phone: no client")
	}
	m := &CompanyMethod{client: o.Client}
	for _, d := range o.Domains {
		m.domains = append(m.domains, directory.Fold(d))
	}
	return m
}

// Start implements [signin.Paired]. The language is the phone's business: the
// provider's own sentence about code and address is not shown. Nor is a match
// number, since no provider has one; the identity asks for confirmation instead.
func (m *CompanyMethod) Start(ctx context.Context, _ signin.Terminal, _ string) (signin.Pairing, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	a, err := m.client.Start(ctx)
	if err != nil {
		return nil, refused(err)
	}
	if last := a.Issued.Add(MaxLife); a.Expires.After(last) {
		a.Expires = last
	}
	return &pairing{
		shown: signin.Shown{Address: a.VerificationURI, Code: a.UserCode, QR: a.QR(), Expires: a.Expires},
		wait:  func(ctx context.Context) (signin.Identity, error) { return m.wait(ctx, a) },
	}, nil
}

// wait polls, and checks who the provider says it is. The token is dropped: it
// says who somebody is and gives no authority anywhere.
func (m *CompanyMethod) wait(ctx context.Context, a *deviceflow.Authorization) (signin.Identity, error) {
	token, err := m.client.Poll(ctx, a)
	var who *deviceflow.Person
	if err == nil {
		who, err = m.client.Verify(ctx, token)
	}
	switch {
	case ctx.Err() != nil:
		return signin.Identity{}, ctx.Err()
	case err != nil:
		return signin.Identity{}, refused(err)
	}
	p, err := m.person(who)
	if err != nil {
		return signin.Identity{}, err
	}
	return signin.Identity{Person: p, Way: signin.WayCompanyPhone, Ask: true}, nil
}

func (m *CompanyMethod) person(who *deviceflow.Person) (job.Person, error) {
	p, err := directory.NewPerson(who.Email, who.Name)
	if err != nil {
		return job.Person{}, &signin.Refused{Problem: signin.NoAddress, Err: err}
	}
	if domain := p.ID[strings.LastIndexByte(p.ID, '@')+1:]; len(m.domains) > 0 && !slices.Contains(m.domains, domain) {
		return job.Person{}, &signin.Refused{Problem: signin.Foreign}
	}
	return p, nil
}
