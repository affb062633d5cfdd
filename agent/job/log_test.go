package job_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/job"
)

func TestLogsNoPersonalData(t *testing.T) {
	for _, h := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(h(&b)).Info("test",
			"recipient", job.Recipient{Number: "+15145550199", Raw: "514 555 0199", Name: "Dr. Roy"},
			"short", job.Recipient{Number: "+1121"},
			"none", job.Recipient{},
			"owner", job.Person{ID: "ann@contoso.example", Name: "Ann", Email: "ann@contoso.example"},
			"nobody", job.Person{},
			"grant", job.Grant{Kind: job.GrantTicket, Ticket: []byte("c2VjcmV0"), Person: "ann@contoso.example"},
		)
		line := b.String()
		for _, secret := range []string{"5550199", "514", "Roy", "1121", "contoso", "Ann", "c2VjcmV0"} {
			if strings.Contains(line, secret) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
		if !strings.Contains(line, "…0199") || !strings.Contains(line, "somebody") || !strings.Contains(line, "nobody") {
			t.Errorf("log says too little: %s", line)
		}
	}
}
