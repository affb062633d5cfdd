package bolt_test

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// call is one finished system call of a traced process, in the order in which
// the calls ended. Its start is kept because an fsync covers only what was
// written before it began.
type call struct {
	name  string
	args  []string
	ret   int64
	start int // index into the sequence of starts and ends
	end   int
}

// tracedCalls are all that change a disk, and all that could and must not be
// seen because the model does not know them.
const tracedCalls = "openat,open,creat,close,write,pwrite64,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat," +
	"mkdir,mkdirat,rmdir,fsync,fdatasync,dup,dup2,dup3,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,truncate," +
	"link,linkat,symlink,symlinkat,sync,syncfs,sync_file_range,msync,io_uring_setup"

var (
	traceLine = regexp.MustCompile(`^(\d+)\s+(.*)$`)
	resumed   = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	finished  = regexp.MustCompile(`(?s)^(\w+)\((.*)\)\s+= (-?\d+|\?)`)
)

// readTrace reads what strace -f wrote.
func readTrace(path string) ([]call, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	type open struct {
		text  string
		start int
	}
	begun := map[string]open{}
	var calls []call
	lines := bufio.NewReaderSize(f, 1<<20)
	for n := 0; ; n++ {
		text, err := lines.ReadString('\n')
		if text == "" && err != nil {
			return calls, nil
		}
		m := traceLine.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
		if m == nil {
			return nil, fmt.Errorf("trace line %d: %.80q", n, text)
		}
		pid, rest, start := m[1], m[2], n
		if strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "+++") {
			continue
		}
		if head, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
			begun[pid] = open{head, n}
			continue
		}
		if m := resumed.FindStringSubmatch(rest); m != nil {
			b, ok := begun[pid]
			if !ok {
				return nil, fmt.Errorf("trace line %d resumes what never began", n)
			}
			delete(begun, pid)
			rest, start = b.text+m[1], b.start
		}
		m = finished.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("trace line %d: no call in %.120q", n, rest)
		}
		ret, err := strconv.ParseInt(m[3], 10, 64)
		if err != nil || ret < 0 {
			continue // it failed, or was restarted
		}
		calls = append(calls, call{name: m[1], args: strings.Split(m[2], ", "), ret: ret, start: start, end: n})
	}
}

// text decodes a string argument, which strace -xx writes in hex throughout.
func (c call) text(i int) ([]byte, error) {
	s := c.args[i]
	if !strings.HasPrefix(s, `"`) || !strings.HasSuffix(s, `"`) {
		return nil, fmt.Errorf("%s: argument %d is cut or no string", c.name, i)
	}
	s = s[1 : len(s)-1]
	out := make([]byte, 0, len(s)/4)
	for ; len(s) >= 4 && s[:2] == `\x`; s = s[4:] {
		b, err := strconv.ParseUint(s[2:4], 16, 8)
		if err != nil {
			return nil, err
		}
		out = append(out, byte(b))
	}
	if s != "" {
		return nil, fmt.Errorf("%s: argument %d is not hex", c.name, i)
	}
	return out, nil
}

func (c call) path(i int) (string, error) {
	b, err := c.text(i)
	return string(b), err
}

func (c call) int(i int) (int64, error) { return strconv.ParseInt(c.args[i], 0, 64) }
