package escl

import (
	"fmt"
	"net/url"
	"strings"
)

// maxPath is the longest job path taken, in bytes.
const maxPath = 1024

// JobPath returns the escaped path of a job from the Location header of the
// answer that created it. Scheme and host are thrown away: devices name hosts
// nobody else knows, and one family cuts its IPv6 address short
// ("http://[fe80/eSCL/ScanJobs/4060"). The path begins with exactly one slash
// and ends with none; query and fragment are dropped; a relative location is
// taken to lie under root. Errors wrap [ErrLocation].
func JobPath(root, location string) (string, error) {
	p := strings.TrimSpace(location)
	if scheme, rest, ok := strings.Cut(p, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "", fmt.Errorf("%q has no path: %w", location, ErrLocation)
		}
		p = rest[slash:]
	} else if p != "" && p[0] != '/' {
		p = strings.TrimRight(root, "/") + "/" + p
	}
	if i := strings.IndexAny(p, "?#"); i >= 0 {
		p = p[:i]
	}
	p = strings.Trim(p, "/")
	if p == "" || len(p) > maxPath {
		return "", fmt.Errorf("%.100q: %w", location, ErrLocation)
	}
	// Escaping can make it longer than what would be taken again.
	escaped := (&url.URL{Path: "/" + plain(p), RawPath: "/" + p}).EscapedPath()
	if len(escaped) > maxPath+1 {
		return "", fmt.Errorf("%.100q: %w", location, ErrLocation)
	}
	return escaped, nil
}

// plain undoes percent escapes if there are no broken ones.
func plain(p string) string {
	if u, err := url.PathUnescape(p); err == nil {
		return u
	}
	return p
}
