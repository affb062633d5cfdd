package escl

import (
	"errors"
	"strings"
	"testing"
)

func TestJobPath(t *testing.T) {
	for _, tt := range []struct {
		name, location, want string
	}{
		{"path only", "/eSCL/ScanJobs/1005", "/eSCL/ScanJobs/1005"},
		{"absolute", "http://10.0.0.20:8080/eSCL/ScanJobs/1005", "/eSCL/ScanJobs/1005"},
		{"absolute, other scheme and host", "https://deskjet.internal/eSCL/ScanJobs/1", "/eSCL/ScanJobs/1"},
		{"IPv6 host", "http://[fe80::1]:80/eSCL/ScanJobs/1", "/eSCL/ScanJobs/1"},
		{"cut IPv6 host", "http://[fe80/eSCL/ScanJobs/4060", "/eSCL/ScanJobs/4060"},
		{"colons", "/eSCL/ScanJobs/urn:uuid:4509a320-00a0", "/eSCL/ScanJobs/urn:uuid:4509a320-00a0"},
		{"absolute with colons", "http://h/eSCL/ScanJobs/urn:uuid:1", "/eSCL/ScanJobs/urn:uuid:1"},
		{"trailing slash", "/eSCL/ScanJobs/1/", "/eSCL/ScanJobs/1"},
		{"trailing slashes", "/eSCL/ScanJobs/1//", "/eSCL/ScanJobs/1"},
		{"two leading slashes are not a host", "//eSCL/ScanJobs/1", "/eSCL/ScanJobs/1"},
		{"blanks around", " /eSCL/ScanJobs/1\t", "/eSCL/ScanJobs/1"},
		{"relative", "ScanJobs/1", "/eSCL/ScanJobs/1"},
		{"relative with colons", "ScanJobs/urn:uuid:1", "/eSCL/ScanJobs/urn:uuid:1"},
		{"other root", "/scanner/jobs/7", "/scanner/jobs/7"},
		{"query and fragment", "/eSCL/ScanJobs/1?x=/2#y", "/eSCL/ScanJobs/1"},
		{"URL inside the path", "/eSCL/ScanJobs/http://x", "/eSCL/ScanJobs/http://x"},
		{"escapes are kept", "/eSCL/ScanJobs/a%2Fb", "/eSCL/ScanJobs/a%2Fb"},
		{"blank inside", "/eSCL/ScanJobs/job 1", "/eSCL/ScanJobs/job%201"},
		{"broken escape", "/eSCL/ScanJobs/100%", "/eSCL/ScanJobs/100%25"},
		{"none", "", ""},
		{"host only", "http://10.0.0.20", ""},
		{"root only", "/", ""},
		{"endless", "/" + strings.Repeat("a", 2000), ""},
	} {
		got, err := JobPath("/eSCL", tt.location)
		if got != tt.want || (tt.want == "") != errors.Is(err, ErrLocation) {
			t.Errorf("%s: JobPath(%q) = %q, %v; want %q", tt.name, tt.location, got, err, tt.want)
		}
	}
}
