package config

import "slices"

// checkBadge looks at PINs and the linking of new badges: both need one sign-in
// by another way, and a PIN is a secret to type.
func (d *decoder) checkBadge(at *tree, c *Config) {
	const pin, link = "sign_in.badge.pin", "sign_in.badge.link"
	b := c.SignIn.Badge
	if !d.oneOf(at.find("pin"), pin, b.PIN, PINOff, PINOptional, PINRequired) {
		return
	}
	private := c.Panel.Private()
	once := c.OtherWay()
	read := slices.ContainsFunc(c.Devices, func(dev Device) bool { return dev.Mode != ModeSharedAccount && dev.Reader.Port != "" })
	remedy := "write sign_in.service or sign_in.provider, and panel.tls_cert_file where a password is typed"
	if c.SignIn.Methods != nil && len(c.SignIn.Methods) == 0 {
		remedy = "sign_in.methods is empty, name one there"
	}
	switch {
	case b.PIN == PINOff:
	case !read:
		d.warnf(at.find("pin"), pin, "no device has a reader, so no PIN is asked for")
	case b.PIN == PINRequired && !private:
		d.errorf(at.find("pin"), pin, "no badge would let anybody in: a PIN is typed over https or loopback only; set panel.tls_cert_file and panel.tls_key_file")
	case b.PIN == PINRequired && !once:
		d.errorf(at.find("pin"), pin, "nobody could choose a PIN, which takes signing in once without the badge; %s", remedy)
	case !private:
		d.warnf(at.find("pin"), pin, "a PIN is typed over https or loopback only, so whoever has one cannot use the badge; set panel.tls_cert_file and panel.tls_key_file")
	case !once:
		d.warnf(at.find("pin"), pin, "nobody can choose a PIN, which takes signing in once without the badge; %s", remedy)
	}
	switch {
	case !b.Link:
	case !read:
		d.warnf(at.find("link"), link, "no device has a reader, so no badge is linked")
	case !once:
		d.errorf(at.find("link"), link, "a new badge is linked by signing in once without it; %s", remedy)
	}
}
