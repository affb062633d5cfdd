package xmcloud

import "net/http"

// AppendLogin is the body a sign-in sends.
func AppendLogin(l Login) ([]byte, error) { return appendLogin(nil, l) }

// SettleAnswer reads an answer.
func SettleAnswer(op string, status int, h http.Header, body []byte, out any) error {
	return settle(op, status, h, body, out)
}
