//go:build !crashpoints

package crash

import "time"

// Enabled reports whether this binary was built with the tag crashpoints.
const Enabled = false

// Point does nothing in this build.
func Point(string) {}

// Clock returns now unchanged in this build.
func Clock(now func() time.Time) func() time.Time { return now }
