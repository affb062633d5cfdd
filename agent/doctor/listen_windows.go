package doctor

import (
	"errors"

	"golang.org/x/sys/windows"
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
	case errors.Is(err, windows.WSAEADDRINUSE):
		return inUse
	case errors.Is(err, windows.WSAEACCES):
		return noRight
	case errors.Is(err, windows.WSAEADDRNOTAVAIL):
		return noAddress
	}
	return other
}
