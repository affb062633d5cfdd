package health

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"

	"github.com/VictoriaMetrics/metrics"

	"github.com/platen-fax/platen/agent/job"
)

// metrics answers in the Prometheus text format: the counters, and gauges that
// are asked for at this moment.
func (h *Health) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	var b bytes.Buffer
	h.set.WritePrometheus(&b)
	h.gauges(ctx, &b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(b.Bytes()); err != nil {
		h.opts.Log.Debug("health: answer", "err", err)
	}
}

func (h *Health) gauges(ctx context.Context, b *bytes.Buffer) {
	gauge := func(v float64, format string, args ...any) {
		metrics.WriteGaugeFloat64(b, fmt.Sprintf(format, args...), v)
	}
	flag := func(on bool, format string, args ...any) {
		v := 0.0
		if on {
			v = 1
		}
		gauge(v, format, args...)
	}
	gauge(1, "platen_build_info{version=%q,go=%q,os=%q,arch=%q}", h.opts.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	h.spoolGauges(ctx, gauge)
	for _, s := range h.opts.Services() {
		flag(s.Usable(), "platen_service_up{service=%q,kind=%q}", s.ID, s.Kind)
		flag(!s.Open.IsZero(), "platen_service_breaker_open{service=%q}", s.ID)
		flag(s.Stopped, "platen_service_account_stopped{service=%q}", s.ID)
	}
	if h.opts.MQTT != nil {
		flag(h.opts.MQTT(), "platen_mqtt_connected")
	}
	if h.opts.Reloaded != nil {
		flag(h.opts.Reloaded(), "platen_config_last_reload_successful")
	}
	if h.opts.Visits != nil {
		gauge(float64(h.opts.Visits()), "platen_sessions")
	}
	if h.opts.ClockJumps != nil {
		metrics.WriteCounterUint64(b, "platen_clock_jumps_total", uint64(h.opts.ClockJumps()))
	}
}

// spoolGauges leaves out what the spool does not tell: a gap is the truth, a
// zero is not.
func (h *Health) spoolGauges(ctx context.Context, gauge func(float64, string, ...any)) {
	t, err := h.opts.Spool.Totals(ctx)
	if err != nil {
		h.opts.Log.Error("health: spool", "err", err)
		return
	}
	for _, s := range job.States() {
		gauge(float64(t.Jobs[s]), "platen_jobs{state=%q}", s)
	}
	for _, s := range job.DeliveryStates() {
		gauge(float64(t.Deliveries[s]), "platen_deliveries{state=%q}", s)
	}
	age := 0.0
	if !t.Oldest.IsZero() {
		age = max(h.opts.Now().Sub(t.Oldest).Seconds(), 0)
	}
	gauge(age, "platen_oldest_job_age_seconds")
	u, err := h.opts.Spool.Usage(ctx)
	if err != nil {
		h.opts.Log.Error("health: spool", "err", err)
		return
	}
	gauge(float64(u.Used), "platen_spool_bytes")
	gauge(float64(u.Quota), "platen_spool_quota_bytes")
	gauge(float64(u.Free), "platen_spool_free_bytes")
}
