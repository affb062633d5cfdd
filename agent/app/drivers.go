package app

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// Drivers are the concrete parts, those of which there are several by the name
// that the configuration gives them. Parts that no configuration asks for may be
// nil.
type Drivers struct {
	Scanners    map[string]func(ScannerConfig) (devices.Scanner, error)
	Services    map[string]func(ServiceConfig) (deliver.Service, error)
	Directories map[string]func(DirectoryConfig) (directory.Directory, error)
	// Reader checks the configuration of a badge reader; open starts it. Nothing
	// else may have the line then.
	Reader func(ReaderConfig) (open func() (devices.BadgeReader, error), err error)
	// SignIn makes the ways to sign in that are switched on, anew with each reload;
	// people who signed in by the ways before stay signed in.
	SignIn func(SignInConfig) (Methods, error)
	Badges func(BadgesConfig) Badges
	Launch func(LaunchConfig) LaunchFunc
}

// ScannerConfig is what a device driver is made from.
type ScannerConfig struct {
	Device config.Device
	Client *http.Client // trusts the device's CA only, where one is configured
	// BusyWait is how long a device that says busy is asked again.
	BusyWait time.Duration
}

// ServiceConfig is what a fax service is made from.
type ServiceConfig struct {
	Service config.FaxService
	Clients deliver.Clients
	Settle  time.Duration // at least this long until a committed fax is surely found
	// Token reads the credential, anew for every call.
	Token func(ctx context.Context) (string, error)
}

// DirectoryConfig is what a directory of people is made from.
type DirectoryConfig struct {
	Directory config.Directory
	Roots     *x509.CertPool // nil: the system's
	Log       *slog.Logger

	// For a directory that a cloud fills, which is an [http.Handler] as well: it
	// lives as long as the process.
	Keeper      Keeper
	Deactivated func(person string) // may block for seconds
	Now         func() time.Time
}

// Keeper keeps the users of a cloud directory over a restart.
type Keeper interface {
	Load() (map[string][]byte, error)
	Put(id string, user []byte) error
	Delete(id string) error
}

// ReaderConfig is what a badge reader is made from.
type ReaderConfig struct {
	Device string
	Reader config.Reader
}

// SignInConfig is what the ways to sign in are made from.
type SignInConfig struct {
	SignIn config.SignIn
	// Service is the fax service where the people have accounts, with the clients
	// and the credential that faxes go with; its ID is "" where there is none.
	Service ServiceConfig
	// Company asks the company's AD FS, without a proxy, and Provider its OpenID
	// provider. Both trust what is configured for them. Nil where there is none.
	Company, Provider *http.Client
	Now               func() time.Time
}

// Methods are the ways to sign in that are switched on.
type Methods struct {
	// Discover asks the service how an address signs in; nil without a service.
	Discover signin.Discoverer
	Typed    map[signin.Way]signin.Typed
	Paired   map[signin.Way]signin.Paired

	// For doctor; none sends a secret. nil where there is nothing to look at.
	Farm     func(ctx context.Context) (doctor.Farm, error) // of AD FS
	Provider func(ctx context.Context) error
	Pinned   func(address string) bool // whether a password may go there
}

// BadgesConfig is what badges are looked up with.
type BadgesConfig struct {
	Badge     config.Badge
	Directory directory.Directory // nil: only linked badges let somebody in
	Registry  *registry.Registry
	Events    *signin.Events
	Log       *slog.Logger
}

// Badges knows whose a badge is.
type Badges interface {
	signin.Badges
	// Watch tells of the taps at one reader until ctx ends or it is closed.
	Watch(ctx context.Context, device string, reader devices.BadgeReader) error
	// Unlink ends what links badges to a person.
	Unlink(ctx context.Context, person string) error
}

// LaunchConfig is what launch tokens are checked with.
type LaunchConfig struct {
	// Key reads the key of a device, anew for each token.
	Key       func(ctx context.Context, device string) (string, error)
	Directory directory.Directory
	Registry  *registry.Registry
	Now       func() time.Time
}

// LaunchFunc returns the person a device vouches for by a token.
type LaunchFunc func(ctx context.Context, device, token string) (job.Person, error)
