//go:build linux || darwin

package doctor

import (
	"errors"
	"syscall"
)

type trouble int

const (
	other trouble = iota
	inUse
	noRight
	noAddress
)

func listenTrouble(err error) trouble {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return inUse
	case errors.Is(err, syscall.EACCES):
		return noRight
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return noAddress
	}
	return other
}
