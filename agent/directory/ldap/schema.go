package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
)

// Schema says where a directory keeps what. Attributes that are empty have the
// values of [ActiveDirectory].
type Schema struct {
	People   string   // filter of everybody who could be a person
	Disabled string   // filter of people who may not sign in; "" is nobody
	Badge    string   // attribute of the badge number
	Logins   []string // attributes of login names
	Mail     string   // attribute of the e-mail address that the fax service knows
	Aliases  string   // attribute of further addresses, "smtp:…"; "" is none
	Name     string   // attribute of the name for display

	AllowGroup string // DN of the group whose direct members may send; "" is everybody
}

// ActiveDirectory is the schema of Microsoft's directory, with badges in the
// attribute pager.
func ActiveDirectory() Schema {
	return Schema{
		People:   "(&(objectCategory=person)(objectClass=user))",
		Disabled: "(userAccountControl:1.2.840.113556.1.4.803:=2)",
		Badge:    "pager",
		Logins:   []string{"sAMAccountName", "userPrincipalName"},
		Mail:     "mail",
		Aliases:  "proxyAddresses",
		Name:     "displayName",
	}
}

// InetOrgPerson is the schema of RFC 2798, with badges in employeeNumber.
func InetOrgPerson() Schema {
	return Schema{
		People: "(objectClass=inetOrgPerson)",
		Badge:  "employeeNumber",
		Logins: []string{"uid"},
		Mail:   "mail",
		Name:   "cn",
	}
}

var attribute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// complete fills an empty schema and checks the others.
func (s *Schema) complete() error {
	if s.People == "" {
		group, badge := s.AllowGroup, s.Badge
		*s = ActiveDirectory()
		if s.AllowGroup = group; badge != "" {
			s.Badge = badge
		}
	}
	for _, f := range []string{s.People, s.Disabled} {
		if f == "" {
			continue
		}
		if _, err := ldap.CompileFilter(f); err != nil {
			return fmt.Errorf("filter %q: %w", f, err)
		}
	}
	for _, a := range append([]string{s.Badge, s.Mail, s.Name}, s.Logins...) {
		if !attribute.MatchString(a) {
			return fmt.Errorf("attribute %q: want letters, digits and hyphens", a)
		}
	}
	if s.Aliases != "" && !attribute.MatchString(s.Aliases) {
		return errors.New("attribute of further addresses: want letters, digits and hyphens")
	}
	return nil
}

// badge matches the owner of a badge.
func (s Schema) badge(id string) string {
	return "(" + s.Badge + "=" + ldap.EscapeFilter(directory.FoldBadge(id)) + ")"
}

// name matches who has a login name or an address.
func (s Schema) name(name string) string {
	v := ldap.EscapeFilter(strings.TrimSpace(name))
	var b strings.Builder
	b.WriteString("(|")
	for _, a := range s.Logins {
		fmt.Fprintf(&b, "(%s=%s)", a, v)
	}
	if strings.Contains(name, "@") {
		fmt.Fprintf(&b, "(%s=%s)", s.Mail, v)
		if s.Aliases != "" {
			fmt.Fprintf(&b, "(%s=smtp:%s)", s.Aliases, v)
		}
	}
	return b.String() + ")"
}

// any matches people, active those of them who may sign in.
func (s Schema) any(filter string) string { return "(&" + s.People + filter + ")" }

func (s Schema) active(filter string) string {
	if s.Disabled == "" {
		return s.any(filter)
	}
	return "(&" + s.People + "(!" + s.Disabled + ")" + filter + ")"
}

func (s Schema) attributes() []string {
	a := []string{s.Mail, s.Name}
	if s.AllowGroup != "" {
		a = append(a, "memberOf")
	}
	return a
}

// person reads an entry.
func (s Schema) person(e *ldap.Entry) (job.Person, error) {
	if s.AllowGroup != "" && !member(e.GetEqualFoldAttributeValues("memberOf"), s.AllowGroup) {
		return job.Person{}, directory.ErrNotAllowed
	}
	return directory.NewPerson(e.GetEqualFoldAttributeValue(s.Mail), e.GetEqualFoldAttributeValue(s.Name))
}

// member compares names as directories do: case and the way of escaping do
// not count.
func member(groups []string, want string) bool {
	dn, err := ldap.ParseDN(want)
	if err != nil {
		return false
	}
	for _, g := range groups {
		if have, err := ldap.ParseDN(g); err == nil && have.EqualFold(dn) {
			return true
		}
	}
	return false
}
