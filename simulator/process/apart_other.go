//go:build !unix

package process

import "os/exec"

// apart has nothing to do where children do not share the terminal's signals.
func apart(*exec.Cmd) {}
