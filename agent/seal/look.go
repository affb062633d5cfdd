package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Look describes the root key that Open would use, without making or changing
// anything, so that it may be called beside a running agent. fresh says that
// Open would generate it. A key that does not open what is sealed in the state
// directory, or is gone while sealed data is there, is an error.
func Look(opts Options) (root Root, fresh bool, err error) {
	ringPath := filepath.Join(opts.StateDir, "keys", ringFile)
	ring, err := readSmall(ringPath, rootFileLimit)
	sealed := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Root{}, false, fmt.Errorf("look at keys: %w", err)
	}
	root, keys, err := findRoots(opts, false)
	if errors.Is(err, ErrKeyMissing) && !sealed {
		path, source := rootPlace(opts)
		return Root{Source: source, Path: path}, true, nil
	}
	if err != nil {
		return Root{}, false, fmt.Errorf("look at keys: %w", err)
	}
	if sealed {
		if _, err := unwrap(keys, ringLabel, ring); err != nil {
			return root, false, fmt.Errorf("look at keys: %s does not open with root key %s from %s: %w", ringPath, root.ID, root.Path, err)
		}
	}
	return root, false, nil
}

// rootPlace returns where the root key lies when no credential holds it.
func rootPlace(opts Options) (path string, source Source) {
	path, source = filepath.Join(opts.StateDir, "platen.key"), SourceGenerated
	if opts.KeyFile != "" {
		path, source = opts.KeyFile, SourceFile
		if inside(opts.StateDir, opts.KeyFile) {
			source = SourceGenerated
		}
	}
	return path, source
}
