package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/seal"
)

// Config tells what config check found.
func Config(file string, problems []config.Problem) Check {
	return Check{Leg: LegConfig, Subject: file, Run: func(context.Context) Result {
		do := "platen config check " + file
		bad := config.Errors(problems)
		switch {
		case bad > 0:
			for _, p := range problems {
				if p.Severity == config.SeverityError {
					return fail(do, "%d errors, the first: %s", bad, p)
				}
			}
		case len(problems) > 0:
			return warn(do, "%d warnings, the first: %s", len(problems), problems[0])
		}
		return okay("no problems")
	}}
}

// checkSecret reads a secret and looks at nothing but whether that works.
func checkSecret(s Secret) Check {
	return Check{Leg: LegSecret, Subject: s.Key, Run: func(context.Context) Result {
		path := s.Secret.Path()
		_, err := s.Secret.Read()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fail("put it there, readable by the agent's user only", "%s is not there", path)
		case errors.Is(err, fs.ErrPermission):
			return fail("chown it to the agent's user", "%s may not be read by this user", path)
		case errors.Is(err, config.ErrSecretEmpty):
			return fail("put the token or password into it", "%s is empty", path)
		case err != nil:
			return fail("look at the file", "%v", err)
		case s.Secret.Exposed():
			return warn("chmod 600 "+path, "%s may be read by other users of this machine", path)
		}
		return okay("%s is readable", path)
	}}
}

// Least free space: below minFree the spool takes no page, below lowFree
// somebody should know.
const (
	minFree = 16 << 20
	lowFree = 256 << 20
)

// slowFlush is how long a flush of 4 KiB takes on storage that makes a panel
// feel slow.
const slowFlush = 500 * time.Millisecond

// Disk checks that the state directory keeps what is written to it, by writing,
// flushing and removing a small file there.
func Disk(dir string, quota int64) Check {
	return Check{Leg: LegDisk, Subject: dir, Run: func(context.Context) Result {
		st, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return warn("platen run makes it, if its user may", "not there yet")
		case err != nil:
			return fail("look at the path", "%v", err)
		case !st.IsDir():
			return fail("move it away, or write another spool.dir", "not a directory")
		}
		took, err := flush(dir)
		if err != nil {
			return fail("the agent's user must be able to write there, and the file system to flush", "cannot keep a file: %v", err)
		}
		free, err := freeSpace(dir)
		switch {
		case err != nil:
			return fail("look at the file system", "free space not told: %v", err)
		case free < minFree:
			return fail("make room; no fax is taken until then", "only %d MiB free", free>>20)
		case runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0:
			return warn("chmod 700 "+dir, "open to other users of this machine")
		case took > slowFlush:
			return warn("use other storage; every page waits for it", "a flush took %s", took.Round(time.Millisecond))
		case free < lowFree, free < quota/8:
			return warn("make room, or lower spool.quota_mib", "%d MiB free, the spool may want %d MiB", free>>20, quota>>20)
		}
		return okay("%d MiB free, a flush took %s", free>>20, took.Round(100*time.Microsecond))
	}}
}

// flush writes a file as the spool does and removes it.
func flush(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	began := time.Now()
	_, err = f.Write(make([]byte, 4096))
	if err == nil {
		err = f.Sync()
	}
	took = time.Since(began)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return took, nil
}

// Key says where the root key lies and what that means.
func Key(opts seal.Options) Check {
	return Check{Leg: LegKey, Run: func(context.Context) Result {
		root, fresh, err := seal.Look(opts)
		if err != nil {
			do := "bring the key back: without it nothing in the state directory can be read"
			if !errors.Is(err, seal.ErrKeyMissing) {
				do = "bring the right key back, or look at the file"
			}
			return fail(do, "%v", err)
		}
		const beside = "set spool.key_file to a file on other storage, or use a systemd credential " + seal.CredentialName
		where := root.Path
		if root.Source == seal.SourceCredential {
			where = "systemd credential"
		}
		switch {
		case root.BesideData() && fresh:
			return warn(beside, "will be made in %s beside the data: whoever takes the disk can read the faxes", filepath.Dir(where))
		case root.BesideData():
			return warn(beside, "%s lies beside the data: whoever takes the disk can read the faxes", where)
		case fresh:
			return okay("will be made in %s", where)
		case root.Exposed:
			return warn("chmod 600 "+where, "%s may be read by other users of this machine", where)
		}
		return okay("%s, key %s", where, root.ID)
	}}
}
