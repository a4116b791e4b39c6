package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/adapters/playground"
	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/store"
)

type serveCmd struct{}

// Help is shown below the command's flags.
func (serveCmd) Help() string {
	return "Serves the playground (playground.enabled), Discord where there is a token (discord.token) and Slack where there are tokens (slack.bot_token and slack.app_token).\n\n" +
		"Ends within five seconds of the first SIGINT or SIGTERM; notes that are not answered yet are kept for the next start. A second signal ends it at once."
}

// shutdownTimeout is the longest that serve takes to end; what still runs then is
// left, and resumes at the next start like after a crash.
const shutdownTimeout = 4800 * time.Millisecond

func (serveCmd) Run(ctx context.Context, r *run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	s, err := r.newService(ctx, cfg, r.logger(cfg.Log))
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// parts are what a voice note passes through.
type parts struct {
	queue     coach.Queue
	hold      coach.AudioHold
	history   coach.History
	decoder   coach.Decoder
	scorer    coach.Scorer
	explainer coach.Explainer
}

// service is everything that serve runs.
type service struct {
	log     *slog.Logger
	store   *store.Store
	engine  *engine
	runners []runner
	ready   func()
	closers []func()
}

// runner is a part of the service that runs until its ctx ends.
type runner struct {
	name string
	run  func(context.Context) error
}

// newService opens everything, so that what can't work fails here.
func (r *run) newService(ctx context.Context, cfg *config.Config, log *slog.Logger) (_ *service, err error) {
	s := &service{log: log, ready: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.store, err = store.Open(ctx, storeConfig(cfg, log)); err != nil {
		if errors.Is(err, store.ErrInUse) {
			err = fmt.Errorf("%w; stop that one, or choose another folder: data.dir", err)
		}
		return nil, err
	}
	op := &direct{cfg, s.store}
	watch := newMetrics(op.Depth)
	s.engine, err = r.openEngine(cfg, log, watch.stage) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	if err != nil {
		return nil, err
	}
	fault := r.faults()
	p := fault.parts(parts{
		queue: s.store, hold: s.store, history: s.store,
		decoder: s.engine.decoder, scorer: s.engine.scorer, explainer: watch.explainer(s.engine.explainer),
	})
	desk, adapters, err := r.chat(ctx, cfg, log, s, p, watch)
	if err != nil {
		return nil, err
	}
	if cfg.Playground.Enabled {
		page, err := r.playground(ctx, cfg, log, s, p)
		if err != nil {
			return nil, err
		}
		adapters = append(adapters, page)
	} else {
		s.ready = func() { r.serving("") }
	}
	if len(adapters) == 0 {
		log.Warn("nobody can send voice notes: turn the playground on, or set discord.token or slack.bot_token")
	}
	for i, a := range adapters {
		adapters[i] = fault.adapter(a)
	}
	s.work(cfg, log, p, watch, desk, adapters)
	if cfg.NATS.URL == "" {
		// The queue's commands are worth less than the service: a path too long
		// for a socket must not keep it from starting.
		c, err := newControl(ctx, controlPath(cfg), op)
		if err != nil {
			log.Warn("`mynah queue` works only while this is stopped", "error", err)
		} else {
			s.add("control", c.serve)
		}
	}
	if cfg.Metrics.Addr != "" {
		serve, err := listenMetrics(ctx, cfg.Metrics, watch, log)
		if err != nil {
			return nil, err
		}
		s.add("metrics", serve)
	}
	r.announce(cfg, log, s.engine)
	return s, nil
}

// work adds the worker, each adapter with the intake before it, and the desk's
// own work, where there is a desk.
func (s *service) work(cfg *config.Config, log *slog.Logger, p parts, watch *metrics, desk *bots.Desk, adapters []coach.Adapter) {
	worker := bots.NewWorker(p.queue, p.hold, p.history, p.decoder, p.scorer, p.explainer, adapters...)
	worker.Concurrency = s.engine.parallel()
	worker.Observer = watch
	worker.Desk = desk
	worker.MaxBytes = int64(cfg.Audio.MaxBytes)
	worker.Grace = shutdownTimeout - 1300*time.Millisecond // the worker, and what it uses, need some to end themselves
	worker.Log = log
	s.add("worker", worker.Run)
	intake := bots.NewIntake(p.queue)
	intake.PerMinute, intake.PerDay = limit(cfg.Limits.PerMinute), limit(cfg.Limits.PerDay)
	if desk != nil {
		intake.Rules = desk.Rules
		s.add("sweep", func(ctx context.Context) error { return sweep(ctx, desk, log) })
	}
	for _, a := range adapters {
		s.add(string(a.Platform()), func(ctx context.Context) error {
			return explained(a, listen(ctx, a, watch.inbox(a.Platform(), intake), log))
		})
	}
}

// limit is a limit of the settings, where 0 is none, as an option of the
// intake, where 0 is its own default.
func limit(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// onClose has f called when the service is closed.
func (s *service) onClose(f func()) { s.closers = append(s.closers, f) }

func (s *service) add(name string, run func(context.Context) error) {
	s.runners = append(s.runners, runner{name, run})
}

// playground returns the adapter of the web page.
func (r *run) playground(ctx context.Context, cfg *config.Config, log *slog.Logger, s *service, p parts) (coach.Adapter, error) {
	shelf, err := s.store.Shelf(ctx, string(coach.Playground), time.Duration(cfg.Retention.HistoryDays)*day)
	if err != nil {
		return nil, err
	}
	return playground.New(p.hold, shelf, prompts.Advice, p.history.Forget, log, playground.Config{
		Addr:         cfg.Playground.Addr,
		AllowedHosts: cfg.Playground.AllowedHosts,
		HTTPS:        cfg.Playground.HTTPS,
		MaxBytes:     int64(cfg.Audio.MaxBytes),
		MaxText:      scorer.MaxTextChars,
		MaxSeconds:   cfg.Audio.MaxSeconds,
		Ready: func(url string) {
			fmt.Fprintf(r.Stdout, "The playground is at %s\n", url)
			r.serving(url)
		},
	}), nil
}

func (r *run) serving(url string) {
	if r.Serving != nil {
		r.Serving(url)
	}
}

// announce logs what is on.
func (r *run) announce(cfg *config.Config, log *slog.Logger, e *engine) {
	where := "embedded in " + cfg.Data.Dir
	if abs, err := filepath.Abs(cfg.Data.Dir); err == nil {
		where = "embedded in " + abs
	}
	if cfg.NATS.URL != "" {
		where = fmt.Sprintf("cluster, %d replicas", cfg.NATS.Replicas)
	}
	words := "plain"
	if cfg.LLM.URL != "" {
		words = "endpoint, model " + cfg.LLM.Model
	}
	info := e.model.Info()
	log.Info("mynah starts", "version", buildVersion(), "model", e.modelName(), "device", string(info.Device),
		"onnxruntime", info.Version, "store", where, "rationale", words,
		"playground", cfg.Playground.Enabled, "discord", cfg.Discord.Enabled(), "slack", cfg.Slack.Enabled(),
		"voice", cfg.Voice.URL != "", "concurrency", e.parallel())
}

var errLate = errors.New("not everything ended in time; what was under way resumes at the next start")

// run runs everything until ctx ends or one part can't go on, and closes it.
// What does not end in time is left behind: the process is about to.
func (s *service) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(s.runners))
	for _, part := range s.runners {
		go func() { ended <- part.until(ctx) }()
	}
	s.ready()

	running := len(s.runners)
	var failures []error
	select {
	case <-ctx.Done():
	case err := <-ended: // too early: the others can't do without
		running--
		failures = append(failures, err)
		cancel()
	}
	deadline := time.After(shutdownTimeout)
	for ; running > 0; running-- {
		select {
		case err := <-ended:
			failures = append(failures, err)
		case <-deadline:
			return errors.Join(append(failures, errLate)...)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	select {
	case err := <-closed:
		s.log.Info("mynah ends")
		return errors.Join(append(failures, err)...)
	case <-deadline:
		return errors.Join(append(failures, errLate)...)
	}
}

// until runs the part; to end before its ctx does is an error.
func (r runner) until(ctx context.Context) error {
	err := r.run(ctx)
	if err == nil && ctx.Err() == nil {
		err = errors.New("ended by itself")
	}
	if err != nil && !strings.HasPrefix(err.Error(), r.name+": ") { // adapters name themselves
		err = fmt.Errorf("%s: %w", r.name, err)
	}
	return err
}

// close frees what newService opened.
func (s *service) close() error {
	var failures []error
	for _, f := range s.closers {
		f()
	}
	if s.engine != nil {
		failures = append(failures, s.engine.Close())
	}
	if s.store != nil {
		failures = append(failures, s.store.Close())
	}
	return errors.Join(failures...)
}

func storeConfig(cfg *config.Config, log *slog.Logger) store.Config {
	c := store.Config{
		URL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, CA: cfg.NATS.CA, Replicas: cfg.NATS.Replicas, Prefix: cfg.NATS.Prefix,
		MaxAudio:  int64(cfg.Audio.MaxBytes),
		HoldAudio: waitsFor,
		KeepDead:  deadLetterDays * day,
		Lessons:   cfg.Retention.HistoryLessons,
		LessonAge: time.Duration(cfg.Retention.HistoryDays) * day,
		KnowFor:   time.Duration(cfg.Retention.KnownDays) * day,
		Log:       log,
	}
	if c.URL == "" {
		c.Dir = cfg.Data.Dir
	}
	return c
}
