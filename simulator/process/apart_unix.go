//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// apart keeps the terminal's Ctrl-C from the child: whoever started it ends it,
// in its own order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
