package configs

import "embed"

// Scenarios holds the scenarios of the simulated world by their names, such as
// scenarios/happy.yaml.
//
//go:embed scenarios/*.yaml
var Scenarios embed.FS
