package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/agent/spool/spooltest"
)

const envTmpfs = "PLATEN_TEST_SPOOL_TMPFS"

// TestDiskFull runs against a file system of 1 MiB that really is full. The
// mount is in a namespace of its own and ends with the child.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(envTmpfs); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			t.Fatalf("mount: %v", err)
		}
		diskFull(t, dir)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), envTmpfs+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v (it mounts a tmpfs in a namespace: needs root or user namespaces)\n%s", err, out)
	}
}

func diskFull(t *testing.T, dir string) {
	ctx, clock := t.Context(), spooltest.NewClock()
	state := filepath.Join(dir, "state")
	s := open(t, state, bolt.Options{Clock: clock.Now, Mono: clock.Mono, Reserve: 1})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 256<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	id := loadID(0, 0)
	if _, err := s.Draft(ctx, &job.Job{ID: id}); err != nil {
		t.Fatal(err)
	}
	pages := 0
	var err error
	for ; pages < 100 && err == nil; pages++ {
		_, err = s.AddPage(ctx, id, job.Page{}, bytes.NewReader(content(id, "p", 60_000)))
	}
	pages--
	if !errors.Is(err, spool.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("AddPage on a full disk = %v; want ErrFull for ENOSPC", err)
	}
	j, err := s.Get(ctx, id)
	if err != nil || len(j.Pages) != pages {
		t.Fatalf("%d pages, %v; want the %d that were acknowledged", len(j.Pages), err, pages)
	}
	left, err := filepath.Glob(filepath.Join(state, "jobs", "*", "*"))
	if err != nil || len(left) != pages+1 {
		t.Errorf("%d files for %d pages and a key: %v", len(left), pages, left)
	}

	// Not a block is left: not even a record fits any more.
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	n := 0
	for ; n < 500; n++ {
		if _, err = s.Draft(ctx, &job.Job{ID: loadID(n/10%10, n%10)[:34] + job.ID([]byte{'a' + byte(n%6), '0' + byte(n/6%10)})}); err != nil {
			break
		}
	}
	if !errors.Is(err, spool.ErrFull) {
		t.Fatalf("Draft %d without a free block = %v; want ErrFull", n, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(ctx, id, spool.Terms{Recipients: []job.Recipient{{Number: "+14165550100"}}, Route: []string{"main"}}); err != nil {
		t.Errorf("Accept once there is room again: %v", err)
	}
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
}

func TestReserve(t *testing.T) {
	s := open(t, t.TempDir(), bolt.Options{Reserve: 1 << 60})
	id := loadID(0, 0)
	if _, err := s.Draft(t.Context(), &job.Job{ID: id}); err != nil {
		t.Fatalf("a record was refused: %v", err)
	}
	_, err := s.AddPage(t.Context(), id, job.Page{}, strings.NewReader("page"))
	if !errors.Is(err, spool.ErrFull) {
		t.Errorf("AddPage below the reserve = %v; want ErrFull", err)
	}
	if u, err := s.Usage(t.Context()); err != nil || u.Used != 0 || u.Free <= 0 {
		t.Errorf("Usage = %+v, %v", u, err)
	}
}
