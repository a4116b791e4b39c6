package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/mynah-coach/mynah/audio"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/rationale"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/model"
	"github.com/mynah-coach/mynah/scorer/ort"
)

// engine is what turns a recording and its sentence into an assessment and its
// rationale.
type engine struct {
	config    *config.Config
	decoder   coach.Decoder
	lexicon   scorer.Lexicon
	scorer    coach.Scorer
	explainer coach.Explainer
	model     *ort.Model
}

// openEngine loads the model. observe, where it isn't nil, is told the time of
// the scorer's stages. The caller closes the engine.
func (m *Main) openEngine(cfg *config.Config, log *slog.Logger, observe func(scorer.Stage, time.Duration)) (_ *engine, err error) {
	e := &engine{config: cfg}
	if e.decoder, err = m.decoder(cfg); err != nil {
		return nil, err
	}
	if e.model, err = openModel(cfg, log); err != nil {
		return nil, err
	}
	lexicon, err := scorer.NewLexicon(e.model)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lexicon: %w", err), e.Close())
	}
	e.lexicon = lexicon
	e.scorer = scorer.New(e.model, lexicon, scorer.Options{Observe: observe})
	if e.explainer, err = newExplainer(cfg, log); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close frees the model. Nothing of the engine is used after it.
func (e *engine) Close() error {
	if endpoint, ok := e.explainer.(*rationale.Endpoint); ok {
		endpoint.Close()
	}
	return e.model.Close()
}

// newExplainer returns what words the replies: the endpoint where there is one.
func newExplainer(cfg *config.Config, log *slog.Logger) (coach.Explainer, error) {
	if cfg.LLM.URL == "" {
		return rationale.Plain{}, nil
	}
	return newEndpoint(cfg, log)
}

func newEndpoint(cfg *config.Config, log *slog.Logger) (*rationale.Endpoint, error) {
	return rationale.New(rationale.Config{
		URL: cfg.LLM.URL, Model: cfg.LLM.Model, APIKey: cfg.LLM.APIKey.Reveal(),
		Timeout: cfg.LLM.Timeout, MaxTokens: cfg.LLM.MaxTokens, Log: log,
	})
}

// parallel is how many recordings are worked on at once.
func (e *engine) parallel() int { return cmp.Or(e.config.Scorer.Concurrency, runtime.GOMAXPROCS(0)) }

func (e *engine) modelName() string {
	man := e.model.Manifest()
	return man.Name + " " + man.Version
}

// modelFiles are those of scorer.model, or the built-in model's.
func modelFiles(cfg *config.Config) fs.FS {
	if cfg.Scorer.Model != "" {
		return os.DirFS(cfg.Scorer.Model)
	}
	return model.Files()
}

func openModel(cfg *config.Config, log *slog.Logger) (*ort.Model, error) {
	return ort.Open(ort.Config{
		Dir:      modelFiles(cfg),
		Library:  cfg.Scorer.Runtime,
		Device:   ort.Device(cfg.Scorer.Device),
		Parallel: cfg.Scorer.Concurrency,
		Log:      log,
	})
}

// decoder returns the decoder, which starts this program again for each
// recording.
func (m *Main) decoder(cfg *config.Config) (*audio.Decoder, error) {
	program, err := m.executable()
	if err != nil {
		return nil, fmt.Errorf("find the program to decode with: %w", err)
	}
	return &audio.Decoder{
		Command:    []string{program, audio.ChildCommand},
		MaxSeconds: float64(cfg.Audio.MaxSeconds),
		MaxBytes:   int64(cfg.Audio.MaxBytes),
		Timeout:    cfg.Audio.Timeout,
		FFmpeg:     cfg.Audio.FFmpeg,
	}, nil
}
