// Command bench measures what the agent costs a small box: the memory of an
// idle agent with one device, and the size of its binary for armv7. It ends
// with 1 when one of them is over its bar.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/world"
)

// The bars and what is aimed at. Memory is in MiB of 1024 KiB, as the kernel
// counts it; files are in MB of a million bytes, as downloads are counted.
const (
	barRSS, aimRSS   = 20.0, 14.0
	barSize, aimSize = 18.0, 14.0
)

// Idle is measured at quiet moments: after the agent gave back what only
// starting needed (5 s after the last thing that happened), so many
// times, so far apart.
const (
	quiet    = 10 * time.Second
	samples  = 7
	interval = 500 * time.Millisecond
)

// errOver says that something is over its bar.
var errOver = errors.New("over the bar")

func main() {
	tags := flag.String("tags", "nethttpomithttp2", "build tags of the agent, as released")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *tags)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// row is one figure.
type row struct {
	what     string
	got      float64
	unit     string
	aim, bar float64 // 0: none
}

func run(ctx context.Context, tags string) error {
	if runtime.GOOS != "linux" {
		return errors.New("memory is measured on linux only")
	}
	dir, err := os.MkdirTemp("", "platen-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	native, armv7 := filepath.Join(dir, "platen"), filepath.Join(dir, "platen-armv7")
	if err := build(ctx, tags, native); err != nil {
		return err
	}
	if err := build(ctx, tags, armv7, "GOOS=linux", "GOARCH=arm", "GOARM=7"); err != nil {
		return err
	}
	st, err := os.Stat(armv7)
	if err != nil {
		return err
	}
	idle, file, after, err := memory(ctx, native)
	if err != nil {
		return err
	}
	rows := []row{
		{"idle RSS, one device and a broker", idle, "MiB", aimRSS, barRSS},
		{"  of it pages of the binary itself", file, "MiB", 0, 0},
		{"RSS after one fax of three pages", after, "MiB", 0, 0},
		{"stripped binary for armv7", float64(st.Size()) / 1e6, "MB", aimSize, barSize},
	}
	return print(rows)
}

// build makes the agent as it is released.
func build(ctx context.Context, tags, out string, env ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", tags, "-trimpath", "-ldflags", "-s -w", "-o", out, "github.com/platen-fax/platen/agent")
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the agent %v: %w", env, err)
	}
	return nil
}

// memory returns the median resident memory of an idle agent in MiB, what of it
// is backed by files, and the memory after it has sent a fax.
func memory(ctx context.Context, binary string) (idle, file, after float64, err error) {
	w, err := world.Start(ctx, world.Options{Devices: []world.Device{{ID: "front-desk", Refill: 3}}, Broker: true})
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	home, err := w.WriteConfig()
	if err != nil {
		return 0, 0, 0, err
	}
	a := process.New(binary, home.Config, filepath.Join(w.Dir(), "agent.log"))
	if err := a.Start(); err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	panel := home.PanelURL("front-desk")
	if err := a.Ready(limited, panel); err != nil {
		return 0, 0, 0, err
	}
	if idle, err = median(limited, a.PID(), "VmRSS:"); err != nil {
		return 0, 0, 0, err
	}
	if file, err = median(limited, a.PID(), "RssFile:"); err != nil {
		return 0, 0, 0, err
	}
	if err := fax(limited, w, panel); err != nil {
		return 0, 0, 0, fmt.Errorf("%w\n%s", err, a.Tail(2000))
	}
	after, err = median(limited, a.PID(), "VmRSS:")
	return idle, file, after, err
}

// fax sends one fax and waits until the service has it.
func fax(ctx context.Context, w *world.World, panel string) error {
	b := person.New(0, nil)
	for _, do := range []func() error{
		func() error { return b.Begin(ctx, panel) },
		func() error { return b.Dial(ctx, "514 555 0199") },
		func() error { return b.Scan(ctx) },
		func() error { return b.Check(ctx) },
		func() error { _, err := b.Send(ctx); return err },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	for len(w.Fax.Ledger()) == 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the fax did not arrive: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// median waits for quiet and returns the median of several looks, in MiB.
func median(ctx context.Context, pid int, field string) (float64, error) {
	var all []float64
	wait := quiet
	for range samples {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(wait):
		}
		wait = interval
		kib, err := status(pid, field)
		if err != nil {
			return 0, err
		}
		all = append(all, float64(kib)/1024)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// status reads a figure of a process in KiB, as proc(5) describes it.
func status(pid int, field string) (int, error) {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), field); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
		}
	}
	return 0, fmt.Errorf("process %d tells no %s", pid, field)
}

// print writes the table and reports what is over its bar.
func print(rows []row) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\taim\tbar\tverdict")
	var over []error
	for _, r := range rows {
		aim, bar, verdict := "-", "-", "told only"
		if r.bar > 0 {
			aim, bar = fmt.Sprintf("%.0f %s", r.aim, r.unit), fmt.Sprintf("%.0f %s", r.bar, r.unit)
			switch {
			case r.got > r.bar:
				verdict = "OVER THE BAR"
				over = append(over, fmt.Errorf("%s: %.1f %s: %w", r.what, r.got, r.unit, errOver))
			case r.got > r.aim:
				verdict = "within the bar"
			default:
				verdict = "as aimed"
			}
		}
		fmt.Fprintf(w, "%s\t%.1f %s\t%s\t%s\t%s\n", r.what, r.got, r.unit, aim, bar, verdict)
	}
	return errors.Join(append(over, w.Flush())...)
}
