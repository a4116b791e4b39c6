package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/scorer"
)

// metrics counts what the service does, for Prometheus. No label holds anything
// of a learner's.
type metrics struct {
	registry *prometheus.Registry
	steps    *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	sources  *prometheus.CounterVec
	notes    *prometheus.CounterVec
	commands *prometheus.CounterVec
	voices   *prometheus.CounterVec
}

// newMetrics returns metrics on a registry of their own.
func newMetrics(waiting func(context.Context) (depth, error)) *metrics {
	// From a cache's answer to an endpoint's last moment.
	buckets := []float64{.001, .003, .01, .03, .1, .2, .3, .5, 1, 2, 5, 10, 20, 60}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mynah_step_seconds", Help: "Time of each step of a voice note, by how it ended: done, refused or failed.", Buckets: buckets,
		}, []string{"platform", "step", "result"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mynah_scorer_stage_seconds", Help: "Time of each stage of the scorer's work.", Buckets: buckets,
		}, []string{"stage"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mynah_refusals_total", Help: "Voice notes answered with advice, by its reason.",
		}, []string{"platform", "reason"}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mynah_rationales_total", Help: "Rationales by who worded them: endpoint or plain.",
		}, []string{"source"}),
	}
	m.notes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mynah_notes_total", Help: "Voice notes that arrived, repeated deliveries too, by what became of them: accepted, busy (over a limit) or failed.",
	}, []string{"platform", "result"})
	m.commands = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mynah_commands_total", Help: "Commands, buttons and forms, by action and how they ended: done or failed.",
	}, []string{"platform", "action", "result"})
	m.voices = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mynah_voice_total", Help: "Sentences asked to be read aloud, by how that ended: done or failed.",
	}, []string{"result"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "mynah_build_info", Help: "1, with the version as label.", ConstLabels: prometheus.Labels{"version": buildVersion()},
	})
	build.Set(1)
	m.registry.MustRegister(m.steps, m.stages, m.refusals, m.sources, m.notes, m.commands, m.voices, build, newQueueCollector(waiting),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Step implements bots.Observer.
func (m *metrics) Step(platform coach.Platform, step string, d time.Duration, err error) {
	result := "done"
	if reason := coach.ReasonOf(err); reason != "" {
		result = "refused"
		m.refusals.WithLabelValues(string(platform), string(reason)).Inc()
	} else if err != nil {
		result = "failed"
	}
	m.steps.WithLabelValues(string(platform), step, result).Observe(d.Seconds())
}

// explainer counts who words the rationales of e.
func (m *metrics) explainer(e coach.Explainer) coach.Explainer {
	return explainerFunc(func(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
		why, err := e.Explain(ctx, now, earlier)
		if err == nil {
			m.sources.WithLabelValues(string(why.Source)).Inc()
		}
		return why, err
	})
}

// explainerFunc is a coach.Explainer that is a function.
type explainerFunc func(context.Context, coach.Assessment, []coach.Lesson) (coach.Rationale, error)

// Explain implements coach.Explainer.
func (f explainerFunc) Explain(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	return f(ctx, now, earlier)
}

// inbox counts what arrives for in.
func (m *metrics) inbox(platform coach.Platform, in coach.Inbox) coach.Inbox {
	return inboxFunc(func(ctx context.Context, n coach.VoiceNote) error {
		err := in.Accept(ctx, n)
		result := "accepted"
		if busy := (*coach.Busy)(nil); errors.As(err, &busy) {
			result = "busy"
		} else if err != nil {
			result = "failed"
		}
		m.notes.WithLabelValues(string(platform), result).Inc()
		return err
	})
}

// inboxFunc is a coach.Inbox that is a function.
type inboxFunc func(context.Context, coach.VoiceNote) error

// Accept implements coach.Inbox.
func (f inboxFunc) Accept(ctx context.Context, n coach.VoiceNote) error { return f(ctx, n) }

// desk counts what is asked of d on a platform.
func (m *metrics) desk(platform coach.Platform, d coach.Desk) coach.Desk {
	return &countedDesk{d, platform, m}
}

type countedDesk struct {
	coach.Desk
	platform coach.Platform
	metrics  *metrics
}

// Do implements coach.Desk.
func (d *countedDesk) Do(ctx context.Context, c coach.Command) (coach.Answer, error) {
	a, err := d.Desk.Do(ctx, c)
	action := c.Action
	switch action {
	case coach.ActPractice, coach.ActProgress, coach.ActHome, coach.ActSettings, coach.ActPrivacy, coach.ActConsent,
		coach.ActForget, coach.ActExport, coach.ActHelp, coach.ActSentence, coach.ActDetails, coach.ActAgain,
		coach.ActHear, coach.ActDispute, coach.ActSetup, coach.ActUsage:
	default:
		action = "other" // whatever came from outside is no label
	}
	d.metrics.commands.WithLabelValues(string(d.platform), string(action), outcome(err)).Inc()
	return a, err
}

// voice counts what v is asked to read aloud.
func (m *metrics) voice(v bots.Voice) bots.Voice {
	return voiceFunc(func(ctx context.Context, text string) (coach.File, error) {
		f, err := v.Speak(ctx, text)
		m.voices.WithLabelValues(outcome(err)).Inc()
		return f, err
	})
}

// voiceFunc is a bots.Voice that is a function.
type voiceFunc func(context.Context, string) (coach.File, error)

// Speak implements bots.Voice.
func (f voiceFunc) Speak(ctx context.Context, text string) (coach.File, error) { return f(ctx, text) }

func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "done"
}

// stage is for scorer.Options.Observe.
func (m *metrics) stage(s scorer.Stage, d time.Duration) {
	m.stages.WithLabelValues(string(s)).Observe(d.Seconds())
}

// queueCollector reads the queue's depth when Prometheus asks.
type queueCollector struct {
	desc    *prometheus.Desc
	waiting func(context.Context) (depth, error)
}

func newQueueCollector(waiting func(context.Context) (depth, error)) *queueCollector {
	return &queueCollector{prometheus.NewDesc("mynah_queue_notes", "Voice notes in the queue, by state.", []string{"state"}, nil), waiting}
}

// Describe implements prometheus.Collector.
func (q *queueCollector) Describe(ch chan<- *prometheus.Desc) { ch <- q.desc }

// Collect implements prometheus.Collector.
func (q *queueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	d, err := q.waiting(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(q.desc, err)
		return
	}
	for state, n := range map[string]int{"ready": d.Ready, "later": d.Later, "claimed": d.Claimed, "dead": d.Dead} {
		ch <- prometheus.MustNewConstMetric(q.desc, prometheus.GaugeValue, float64(n), state)
	}
}

// listenMetrics opens the metrics' address. serve answers there until its ctx
// ends.
func listenMetrics(ctx context.Context, cfg config.Metrics, m *metrics, log *slog.Logger) (serve func(context.Context) error, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("metrics.addr: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	if cfg.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	log.Info("metrics are served", "url", "http://"+l.Addr().String()+"/metrics", "pprof", cfg.Pprof)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: probeTimeout}
	return func(ctx context.Context) error { return serveHTTP(ctx, s, l) }, nil
}
