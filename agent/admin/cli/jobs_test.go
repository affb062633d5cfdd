package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/job"
)

func TestList(t *testing.T) {
	w := newWorld(t)
	if code, out, _ := w.platen("jobs", "list"); code != cli.Done || out != "no faxes\n" {
		t.Errorf("jobs list of nothing = %d %q", code, out)
	}
	a := w.job(job.Sent, job.Waiting)
	b := w.job(job.DeliveryFailed)
	code, out, _ := w.platen("jobs", "list")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != cli.Done || len(lines) != 3 || !strings.HasPrefix(lines[0], "FAX") {
		t.Fatalf("jobs list = %d\n%s", code, out)
	}
	if f := strings.Fields(lines[1]); f[0] != b.Number || f[1] != "front-desk" || f[2] != "1" || f[3] != "…0199" || f[4] != "failed" {
		t.Errorf("newest line %q", lines[1])
	}
	if f := strings.Fields(lines[2]); f[0] != a.Number || f[3] != "…0199" || f[4] != "+1" || f[5] != "ready" {
		t.Errorf("oldest line %q", lines[2])
	}
	if code, out, _ := w.platen("jobs", "--only", "ready", "list", "--limit=1"); code != cli.Done || !strings.Contains(out, a.Number) || strings.Contains(out, b.Number) {
		t.Errorf("jobs list --only ready = %d\n%s", code, out)
	}
	if code, out, _ := w.platen("jobs", "list", "--device", "other"); code != cli.Done || out != "no faxes\n" {
		t.Errorf("jobs list --device other = %d\n%s", code, out)
	}
	code, out, _ = w.platen("jobs", "--json", "list")
	var got struct{ Jobs []admin.Job }
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.Done || len(got.Jobs) != 2 || got.Jobs[0].ID != b.ID {
		t.Errorf("jobs list --json = %d %v\n%s", code, err, out)
	}
	if strings.Contains(out, first[1:]) || strings.Contains(out, "Roy") {
		t.Errorf("a number or a name in full:\n%s", out)
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.job(job.Waiting)
	}
	for _, tt := range []struct {
		limit string
		want  int
	}{{"2", 2}, {"0", 3}, {"50", 3}} {
		code, out, errs := w.platen("jobs", "list", "--limit", tt.limit)
		if n := strings.Count(out, "\n") - 1; code != cli.Done || n != tt.want {
			t.Errorf("--limit %s lists %d, %d %s; want %d", tt.limit, n, code, errs, tt.want)
		}
	}
}

func TestShow(t *testing.T) {
	w := newWorld(t)
	j := w.job(job.DeliveryFailed, job.Sent)
	for _, name := range []string{j.Number, strings.ToLower(j.Number), string(j.ID), strings.ToUpper(string(j.ID))} {
		code, out, errs := w.platen("jobs", "show", name)
		for _, want := range []string{
			"fax          " + j.Number, "id           " + string(j.ID), "state        partly-sent", "pages        1, kept",
			"recipient 1  …0199  failed since 20", "try 1 through main, bad-number (404)", "recipient 2  …2741  sent since",
			"1 pages confirmed, fax id fax-",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("jobs show %s lacks %q", name, want)
			}
		}
		if code != cli.Done || strings.Contains(out, first[1:]) || strings.Contains(out, second[1:]) || t.Failed() {
			t.Fatalf("jobs show %s = %d %s\n%s", name, code, errs, out)
		}
	}
	if code, _, errs := w.platen("jobs", "show", "ZZZZ"); code != cli.Problem || errs != "platen: ZZZZ: no such job\n" {
		t.Errorf("jobs show ZZZZ = %d %q", code, errs)
	}
}

func TestSteer(t *testing.T) {
	tests := []struct {
		name   string
		before []job.DeliveryState
		args   string // J stands for the number
		code   int
		after  []job.DeliveryState
		says   string // on either stream
	}{
		{"cancel all", []job.DeliveryState{job.Waiting, job.Waiting}, "cancel J", 0, []job.DeliveryState{job.DeliveryCancelled, job.DeliveryCancelled}, "is cancelled where"},
		{"cancel one", []job.DeliveryState{job.Waiting, job.Waiting}, "cancel J/2", 0, []job.DeliveryState{job.Waiting, job.DeliveryCancelled}, "is cancelled where"},
		{"cancel what the service has", []job.DeliveryState{job.Submitted}, "cancel J", 0, []job.DeliveryState{job.Submitted}, "its answer decides"},
		{"cancel too late", []job.DeliveryState{job.Sent}, "cancel J", 1, []job.DeliveryState{job.Sent}, "cannot be cancelled: it is sent"},
		{"cancel nobody", []job.DeliveryState{job.Waiting}, "cancel J/2", 1, []job.DeliveryState{job.Waiting}, "has 1 recipients, not 2"},
		{"retry", []job.DeliveryState{job.DeliveryFailed, job.Sent}, "retry J", 0, []job.DeliveryState{job.Waiting, job.Sent}, "is tried again"},
		{"retry one", []job.DeliveryState{job.DeliveryFailed, job.DeliveryFailed}, "retry J/2", 0, []job.DeliveryState{job.DeliveryFailed, job.Waiting}, "is tried again"},
		{"retry what was sent", []job.DeliveryState{job.Sent, job.Sent}, "retry J", 1, []job.DeliveryState{job.Sent, job.Sent}, "only what failed is: it is sent"},
		{"decide sent", []job.DeliveryState{job.NeedsDecision}, "decide J sent", 0, []job.DeliveryState{job.Sent}, "decided by command line: "},
		{"decide again", []job.DeliveryState{job.NeedsDecision}, "decide J/1 again", 0, []job.DeliveryState{job.Waiting}, "your word is recorded"},
		{"decide unknown, flag in the middle", []job.DeliveryState{job.NeedsDecision}, "decide --json J/1 unknown", 0, []job.DeliveryState{job.Unknown}, `"state": "unknown"`},
		{"decide which", []job.DeliveryState{job.NeedsDecision, job.Sent}, "decide J sent", 1, []job.DeliveryState{job.NeedsDecision, job.Sent}, "say which: "},
		{"decide needlessly", []job.DeliveryState{job.Waiting}, "decide J sent", 1, []job.DeliveryState{job.Waiting}, "needs no decision: recipient 1 is waiting"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			j := w.job(tt.before...)
			args := strings.Fields(strings.ReplaceAll(tt.args, "J", j.Number))
			code, out, errs := w.platen(append([]string{"jobs"}, args...)...)
			if code != tt.code || !strings.Contains(out+errs, tt.says) {
				t.Errorf("jobs %s = %d\n%s%s\nwant %d with %q", tt.args, code, out, errs, tt.code, tt.says)
			}
			if code == cli.Problem && out != "" {
				t.Errorf("a problem on standard output: %s", out)
			}
			for i, want := range tt.after {
				if got := w.state(j.ID, i+1); got != want {
					t.Errorf("recipient %d is %s; want %s", i+1, got, want)
				}
			}
		})
	}
}

func TestRetryAfterErasure(t *testing.T) {
	w := newWorld(t)
	j := w.job(job.DeliveryFailed)
	w.must(w.spool.Purge(t.Context(), j.ID))
	if code, _, errs := w.platen("jobs", "retry", j.Number); code != cli.Problem || !strings.Contains(errs, "has to be scanned again") {
		t.Errorf("jobs retry = %d %q", code, errs)
	}
}

func TestNoAgent(t *testing.T) {
	for _, args := range [][]string{{"jobs", "list"}, {"jobs", "show", "4F7K"}, {"services"}} {
		code, _, errs := platen(cli.Env{}, append(args, "--state", t.TempDir())...)
		if code != cli.Problem || errs != "platen: no agent is running with this state directory\n" {
			t.Errorf("%v without an agent = %d %q", args, code, errs)
		}
	}
	code, _, errs := platen(cli.Env{}, "jobs", "list", "--config", filepath.Join(t.TempDir(), "none.yaml"))
	if code != cli.Problem || !strings.Contains(errs, "none.yaml") {
		t.Errorf("missing configuration = %d %s", code, errs)
	}
}

func TestSocketByConfiguration(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "platen.yaml")
	text := strings.ReplaceAll(goodConfig, "dir: state", "dir: "+w.dir)
	w.must(os.WriteFile(file, []byte(text), 0o600))
	if code, out, errs := platen(cli.Env{}, "jobs", "list", "--config", file); code != cli.Done {
		t.Errorf("jobs list --config = %d %s %s", code, out, errs)
	}
	w.must(os.WriteFile(file, []byte("version: 1\nsite: {nam: x}\n"), 0o600))
	if code, _, errs := platen(cli.Env{}, "jobs", "list", "--config", file); code != cli.Problem || !strings.Contains(errs, "platen config check "+file) {
		t.Errorf("jobs list with a bad configuration = %d %s", code, errs)
	}
}
