package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

type assessCmd struct {
	Recordings []string `arg:"" name:"recording" help:"Audio files; - is standard input."`
	Text       string   `placeholder:"SENTENCE" help:"The sentence that was read, in every recording."`
	TextFile   string   `placeholder:"FILE" help:"The sentences: a line for each recording, its file name, a tab, its sentence."`
	JSON       bool     `help:"Print one JSON object a line for each recording (docs/assessment-json.md)."`
}

// Help is shown below the command's flags.
func (assessCmd) Help() string {
	return `Without --text or --text-file, the sentence of note.ogg is read from note.txt beside it.

Exits with 0 when every recording was scored, 3 when one was refused, 1 when one could not be worked on.`
}

// job is one recording to assess.
type job struct {
	path string // "-" is standard input
	text string
}

// result is what came of a job: a record, or an error of ours.
type result struct {
	record record
	err    error
}

func (c *assessCmd) Run(ctx context.Context, r *run) (err error) {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	jobs, err := c.jobs()
	if err != nil {
		return usageError{err}
	}
	e, err := r.openEngine(cfg, r.logger(cfg.Log), nil) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()

	bar := r.progress(len(jobs))
	code := exitOK
	for i, res := range assessAll(ctx, jobs, e.parallel(), func(ctx context.Context, j job) (record, error) {
		return e.assess(ctx, j, r.Stdin)
	}) {
		// A bar that can't be drawn is no reason to stop.
		_ = bar.Clear()
		switch {
		case res.err != nil:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(r.Stderr, "mynah: %s: %v\n", jobs[i].path, res.err)
			code = exitFailure
		case res.record.Refused != nil && code == exitOK:
			code = exitRefused
		}
		if res.err == nil {
			if err := c.print(r, res.record, i > 0); err != nil {
				return err
			}
		}
		_ = bar.Add(1)
	}
	_ = bar.Clear()
	if code != exitOK {
		return exitCode(code)
	}
	return nil
}

func (c *assessCmd) print(r *run, rec record, another bool) error {
	if c.JSON {
		enc := json.NewEncoder(r.Stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(rec)
	}
	if another {
		fmt.Fprintln(r.Stdout)
	}
	t := table{w: r.Stdout, colour: r.colours(), width: r.columns()}
	return t.write(rec)
}

// assess works on one recording. A learner's error becomes a record that
// refuses it.
func (e *engine) assess(ctx context.Context, j job, stdin io.Reader) (record, error) {
	in := stdin
	if j.path != "-" {
		f, err := os.Open(j.path)
		if err != nil {
			return record{}, plainPathError(err)
		}
		// Only read from: nothing is lost when Close fails.
		defer func() { _ = f.Close() }()
		in = f
	}
	refused := func(seconds *float64, err error) (record, error) {
		if reason := coach.ReasonOf(err); reason != "" {
			return newRefusal(j.path, e.modelName(), j.text, seconds, reason, prompts.Advice(err)), nil
		}
		return record{}, err
	}
	sound, err := e.decoder.Decode(ctx, in)
	if err != nil {
		return refused(nil, fmt.Errorf("decode: %w", err))
	}
	seconds := sound.Seconds()
	a, err := e.scorer.Score(ctx, coach.Utterance{Audio: sound, Text: j.text})
	if err != nil {
		return refused(&seconds, fmt.Errorf("score: %w", err))
	}
	why, err := e.explainer.Explain(ctx, a, nil)
	if err != nil {
		return record{}, fmt.Errorf("explain: %w", err)
	}
	return newRecord(j.path, a, why), nil
}

// assessAll does the jobs, as many at once as parallel says, and yields their
// results in the jobs' order. It stops the rest when the loop ends early.
func assessAll(ctx context.Context, jobs []job, parallel int, do func(context.Context, job) (record, error)) func(yield func(int, result) bool) {
	return func(yield func(int, result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := make([]chan result, len(jobs))
		for i := range results {
			results[i] = make(chan result, 1)
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		next := make(chan int)
		wg.Go(func() {
			defer close(next)
			for i := range jobs {
				select {
				case next <- i:
				case <-ctx.Done():
					return
				}
			}
		})
		for range min(parallel, len(jobs)) {
			wg.Go(func() {
				for i := range next {
					rec, err := do(ctx, jobs[i])
					results[i] <- result{rec, err}
				}
			})
		}
		for i := range jobs {
			var res result
			select {
			case res = <-results[i]:
			case <-ctx.Done():
				res.err = ctx.Err()
			}
			if !yield(i, res) {
				return
			}
		}
	}
}

// jobs pairs the recordings with their sentences.
func (c *assessCmd) jobs() ([]job, error) {
	if c.Text != "" && c.TextFile != "" {
		return nil, errors.New("--text and --text-file are one too many")
	}
	var listed map[string]string
	if c.TextFile != "" {
		f, err := os.Open(c.TextFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.TextFile, plainPathError(err))
		}
		defer func() { _ = f.Close() }()
		if listed, err = readSentences(f); err != nil {
			return nil, fmt.Errorf("%s: %w", c.TextFile, err)
		}
	}
	jobs := make([]job, len(c.Recordings))
	stdin := false
	for i, path := range c.Recordings {
		if path == "-" {
			if stdin {
				return nil, errors.New("standard input (-) can be given only once")
			}
			stdin = true
		}
		text := c.Text
		if text == "" {
			var err error
			if text, err = sentenceOf(path, listed); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		jobs[i] = job{path, text}
	}
	return jobs, nil
}

// sentenceOf finds a recording's sentence in the list, where there is one, else
// beside it.
func sentenceOf(path string, listed map[string]string) (string, error) {
	if listed != nil {
		for _, name := range []string{path, filepath.Base(path)} {
			if text, ok := listed[name]; ok {
				return text, nil
			}
		}
		return "", errors.New("no line of --text-file is for it")
	}
	if path == "-" {
		return "", errors.New("standard input needs --text")
	}
	beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".txt"
	b, err := os.ReadFile(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no sentence: give --text or --text-file, or write it into %s", beside)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", beside, plainPathError(err))
	}
	return strings.TrimSpace(string(b)), nil
}

// readSentences reads lines of a file name, a tab and a sentence. Empty lines
// and those that begin with # are left out.
func readSentences(in io.Reader) (map[string]string, error) {
	listed := make(map[string]string)
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(lines.Text(), "\ufeff")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(line, "\t")
		if !ok {
			return nil, fmt.Errorf("line %d has no tab between file name and sentence", n)
		}
		name = strings.TrimSpace(name)
		if _, twice := listed[name]; twice {
			return nil, fmt.Errorf("line %d names the recording of an earlier line", n)
		}
		listed[name] = strings.TrimSpace(text)
	}
	return listed, lines.Err()
}

// plainPathError is what is wrong with a file that the caller names, without
// the system call.
func plainPathError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// progress shows how many of n are done, where standard error is a terminal
// and there is more than one.
func (r *run) progress(n int) *progressbar.ProgressBar {
	if n < 2 || !terminal(r.Stderr) {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n,
		progressbar.OptionSetWriter(r.Stderr),
		progressbar.OptionSetDescription("assessing"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)
}

// colours says whether standard output shows colours.
func (r *run) colours() bool {
	return terminal(r.Stdout) && r.getenv("NO_COLOR") == "" && r.getenv("TERM") != "dumb"
}

// columns is the width to wrap text at: the terminal's, at most 100; 80
// elsewhere.
func (r *run) columns() int {
	if f, ok := r.Stdout.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			return min(width, 100)
		}
	}
	return 80
}

// terminal says whether a person reads what is written.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
