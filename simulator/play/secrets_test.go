package play

import "testing"

func TestLeakage(t *testing.T) {
	for _, tt := range []struct {
		name, secret, data string
		found              bool
	}{
		{"as it is", "Été <ann> 9%", "x Été <ann> 9% y", true},
		{"in an address", "Été <ann> 9%", "GET /?p=%C3%89t%C3%A9+%3Cann%3E+9%25", true},
		{"in a log line", "Été <ann> 9%", `level=INFO msg="Été \u003cann\u003e 9%"`, true},
		{"in JSON", "a\"b", `{"p":"a\"b"}`, true},
		{"in markup", "Été <ann> 9%", "<p>Été &lt;ann&gt; 9%</p>", true},
		{"in base64", "Été <ann> 9%", "Basic w4l0w6kgPGFubj4gOSU", true},
		{"not there", "Été <ann> 9%", "Été ann 9%", false},
		{"a code", "123456", "otp=123456;", true},
		{"digits of a longer number", "123456", "at 0.123456789 and 7123456", false},
		{"a code behind a longer number", "123456", "91234567 123456", true},
		{"too short to tell", "2468", "port 2468", false},
		{"a token", "", "token USER|0b5f", true},
		{"a ticket", "", "TICKET|0b5f", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := leakage{forms: formsOf(tt.secret), seen: map[string]bool{}}
			if tt.secret == "" {
				l.forms = nil
			}
			l.look("here", []byte(tt.data))
			if found := len(l.reasons) > 0; found != tt.found {
				t.Errorf("found %v %q, want %v", found, l.reasons, tt.found)
			}
		})
	}
}
