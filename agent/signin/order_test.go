package signin_test

import (
	"slices"
	"testing"

	"github.com/platen-fax/platen/agent/signin"
)

// TestOrder has every row of the table of what is offered to whom.
func TestOrder(t *testing.T) {
	const (
		password, company, brokered = signin.WayPassword, signin.WayCompany, signin.WayBrokered
		phone, companyPhone         = signin.WayPhone, signin.WayCompanyPhone
	)
	all := []signin.Way{password, company, brokered, phone, companyPhone, signin.WayBadge, signin.WayLaunch}
	type ways = []signin.Way
	for _, tt := range []struct {
		name    string
		account signin.Account
		on      ways
		plain   bool // no secrets here
		want    ways
	}{
		{"own passwords, all on", signin.AccountOwn, all, false, ways{password, phone, companyPhone}},
		{"own passwords, no phone", signin.AccountOwn, ways{password, company, brokered}, false, ways{password}},
		{"own passwords, not private", signin.AccountOwn, all, true, ways{phone, companyPhone}},
		{"own passwords, only password, not private", signin.AccountOwn, ways{password}, true, ways{}},
		{"WS-Trust, all on", signin.AccountWSTrust, all, false, ways{phone, companyPhone, company, brokered}},
		{"WS-Trust, brokered off", signin.AccountWSTrust, ways{password, company, phone}, false, ways{phone, company}},
		{"WS-Trust, no phone", signin.AccountWSTrust, ways{password, company, brokered}, false, ways{company, brokered}},
		{"WS-Trust, only brokered", signin.AccountWSTrust, ways{brokered}, false, ways{brokered}},
		{"WS-Trust, own password on is no use", signin.AccountWSTrust, ways{password}, false, ways{}},
		{"WS-Trust, not private", signin.AccountWSTrust, all, true, ways{phone, companyPhone}},
		{"SAML, all on", signin.AccountSAML, all, false, ways{phone, companyPhone}},
		{"SAML, only typed ways on", signin.AccountSAML, ways{password, company, brokered}, false, ways{}},
		{"SAML, not private", signin.AccountSAML, all, true, ways{phone, companyPhone}},
		{"OpenID Connect, all on", signin.AccountOIDC, all, false, ways{phone, companyPhone}},
		{"OpenID Connect, company's provider only", signin.AccountOIDC, ways{password, companyPhone}, false, ways{companyPhone}},
		{"OpenID Connect, only typed ways on", signin.AccountOIDC, ways{password, company, brokered}, false, ways{}},
		{"unknown kind", "kerberos", all, false, ways{phone, companyPhone}},
		{"nothing known", "", ways{password, company, brokered}, false, ways{}},
		{"nothing on", signin.AccountOwn, nil, false, ways{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			on := func(w signin.Way) bool { return slices.Contains(tt.on, w) }
			if got := signin.Order(signin.Discovery{Account: tt.account}, on, !tt.plain); !slices.Equal(got, tt.want) {
				t.Errorf("Order(%q) = %v, want %v", tt.account, got, tt.want)
			}
		})
	}
}

// TestOrderLeavesOutWhatIsNotOffered: the service says for each account whether
// it has a page for phones and passes passwords on.
func TestOrderLeavesOutWhatIsNotOffered(t *testing.T) {
	on := func(signin.Way) bool { return true }
	for _, tt := range []struct {
		d    signin.Discovery
		want []signin.Way
	}{
		{signin.Discovery{Account: signin.AccountWSTrust, NoPhone: true}, []signin.Way{signin.WayCompanyPhone, signin.WayCompany, signin.WayBrokered}},
		{signin.Discovery{Account: signin.AccountWSTrust, NoBrokered: true}, []signin.Way{signin.WayPhone, signin.WayCompanyPhone, signin.WayCompany}},
		{signin.Discovery{Account: signin.AccountSAML, NoPhone: true}, []signin.Way{signin.WayCompanyPhone}},
		{signin.Discovery{Account: signin.AccountOwn, NoPhone: true, NoBrokered: true}, []signin.Way{signin.WayPassword, signin.WayCompanyPhone}},
	} {
		if got := signin.Order(tt.d, on, true); !slices.Equal(got, tt.want) {
			t.Errorf("Order(%+v) = %v, want %v", tt.d, got, tt.want)
		}
	}
}
