// Package configs holds the example configurations, so that programs and tests
// have them without looking for files. Each passes config check as it stands.
package configs

import "embed"

// FS holds the files by their names, such as agent.yaml.
//
//go:embed *.yaml
var FS embed.FS
