//go:build !linux

package app

// dropProgramPages does nothing where the system offers no way.
func dropProgramPages() {}
