package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/scorer"
)

type evalCmd struct {
	Speechocean762 evalCorpusCmd    `cmd:"" name:"speechocean762" help:"Labels against the experts of the corpus speechocean762."`
	Rationale      evalRationaleCmd `cmd:"" help:"What replies say, against the labels and the experts."`
}

type evalCorpusCmd struct {
	Dir      string  `arg:"" help:"The corpus: the folder that has WAVE." type:"existingdir"`
	Labels   string  `placeholder:"FILE" help:"The experts' labels: the corpus's scores.json, or one JSON object a line for each utterance. Without it, resource/scores.json of the corpus." type:"existingfile"`
	Split    string  `enum:"test,train" default:"test" help:"Of scores.json, the utterances of this part: test or train."`
	Speakers string  `placeholder:"FILE" help:"Only these speakers: one a line." type:"existingfile"`
	Out      string  `placeholder:"DIR" help:"Leave the report, pictures and every assessment here; a run that was cut off goes on from them."`
	Baseline string  `placeholder:"FILE" help:"A report that was kept: fail where this one is worse by more than --margin." type:"existingfile"`
	Margin   float64 `default:"0.02" help:"How much lower a correlation may be than in --baseline."`
	JSON     bool    `help:"Print one JSON object (schema mynah.eval/1, docs/eval.schema.json)."`
}

// Help is shown below the command's flags.
func (evalCorpusCmd) Help() string {
	return `Scores the recordings as voice notes are scored, with the experts' own
pronunciation of each word, and compares (docs/evaluation.md). The test split of
a corpus is for reading once, when everything is chosen; choose on --speakers
held out of training.`
}

func (c *evalCorpusCmd) Run(ctx context.Context, r *run) (err error) {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	var baseline *evalReport
	if c.Baseline != "" {
		if baseline, err = readEvalReport(c.Baseline); err != nil {
			return usageError{err}
		}
	}
	e, utterances, err := c.open(r, cfg) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	done, err := c.evaluateAll(ctx, r, e, utterances)
	if err != nil {
		return err
	}
	report := newEvalReport(utterances, done)
	report.Model = e.modelName()
	if c.Out != "" {
		if err := report.save(c.Out); err != nil {
			return fmt.Errorf("write into %s: %w", c.Out, err)
		}
	}
	if c.JSON {
		err = report.encode(r.Stdout)
	} else {
		err = report.write(r.Stdout)
	}
	if err != nil || baseline == nil {
		return err
	}
	return report.holdAgainst(baseline, c.Margin)
}

// open reads the corpus and loads the model, which says what class a score is
// of. The caller closes the engine.
func (c *evalCorpusCmd) open(r *run, cfg *config.Config) (*engine, []expertUtterance, error) {
	utterances, err := c.utterances()
	if err != nil {
		return nil, nil, usageError{err}
	}
	e, err := r.openEngine(cfg, r.logger(cfg.Log), nil)
	if err != nil {
		return nil, nil, err
	}
	for i := range utterances {
		utterances[i].classify(e.model.Manifest().Rubric)
	}
	return e, utterances, nil
}

// evaluateAll assesses the utterances, several at once. Where an earlier run
// with the same model kept one, it is taken from there.
func (c *evalCorpusCmd) evaluateAll(ctx context.Context, r *run, e *engine, utterances []expertUtterance) (done []evaluated, err error) {
	kept, err := openKept(c.Out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	model, err := json.Marshal(e.model.Manifest())
	if err != nil {
		return nil, err
	}
	bar := r.progress(len(utterances))
	done = make([]evaluated, len(utterances))
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(e.parallel())
	for i, u := range utterances {
		if working.Err() != nil {
			break
		}
		work.Go(func() (err error) {
			if done[i], err = c.evaluate(working, e, model, kept, u); err != nil {
				return fmt.Errorf("%s: %w", u.ID, err)
			}
			// A bar that can't be drawn is no reason to stop.
			_ = bar.Add(1)
			return nil
		})
	}
	err = cmp.Or(work.Wait(), ctx.Err()) // interrupted before all were begun: no report of some
	_ = bar.Clear()
	return done, err
}

// evaluate assesses one utterance with the experts' own pronunciation of it,
// and keeps what came of it.
func (c *evalCorpusCmd) evaluate(ctx context.Context, e *engine, model []byte, kept *keptResults, u expertUtterance) (evaluated, error) {
	path := filepath.Join(c.Dir, filepath.FromSlash(u.Wav))
	recording, err := os.ReadFile(path)
	if err != nil {
		return evaluated{}, fmt.Errorf("%s: %w", path, plainPathError(err))
	}
	key := keptKey(model, recording, u)
	if done, ok := kept.get(key); ok {
		return done, nil
	}
	sound, err := e.decoder.Decode(ctx, bytes.NewReader(recording))
	if err != nil {
		return evaluated{}, fmt.Errorf("decode: %w", err)
	}
	done := evaluated{Key: key, ID: u.ID}
	a, err := e.scoreAsExperts(ctx, sound, u, scorer.Options{})
	done.Refused = coach.ReasonOf(err)
	if err != nil && done.Refused == "" {
		return evaluated{}, fmt.Errorf("score: %w", err)
	}
	if err == nil {
		done.Assessment = &a
	}
	if done.Assessment == nil || slices.ContainsFunc(a.Words, func(w coach.Word) bool { return !w.Spoken }) {
		every, err := e.scoreAsExperts(ctx, sound, u, scorer.Options{EveryWord: true})
		switch {
		case err == nil:
			done.Every = &every
		case coach.ReasonOf(err) == "":
			return evaluated{}, fmt.Errorf("score every word: %w", err)
		}
	}
	return done, kept.add(done)
}

// scoreAsExperts scores an utterance's recording, its words pronounced as its
// experts expected them.
func (e *engine) scoreAsExperts(ctx context.Context, sound coach.Audio, u expertUtterance, o scorer.Options) (coach.Assessment, error) {
	return scorer.New(e.model, newExpertLexicon(u, e.lexicon), o).Score(ctx, coach.Utterance{Audio: sound, Text: u.Text})
}

// expertLexicon says the words of one utterance as its experts expected them.
type expertLexicon struct {
	words map[string][]scorer.Pronunciation
	other scorer.Lexicon
}

func newExpertLexicon(u expertUtterance, other scorer.Lexicon) expertLexicon {
	l := expertLexicon{words: map[string][]scorer.Pronunciation{}, other: other}
	for _, w := range u.Words {
		var p scorer.Pronunciation
		for _, symbol := range w.Phones {
			sound := scorer.Sound{Phoneme: coach.Phoneme(strings.TrimRight(symbol, "012"))}
			if stress := symbol[len(sound.Phoneme):]; stress != "" {
				sound.Stress = int(stress[0] - '0')
			}
			p = append(p, sound)
		}
		word := strings.ToLower(w.Text)
		if !slices.ContainsFunc(l.words[word], func(o scorer.Pronunciation) bool { return slices.Equal(o, p) }) {
			l.words[word] = append(l.words[word], p)
		}
	}
	return l
}

// Pronounce implements scorer.Lexicon. The experts' list marks the vowels of
// short words as unstressed: where the other lexicon has the same phonemes, its
// stress is taken, as in training.
func (l expertLexicon) Pronounce(ctx context.Context, word string) ([]scorer.Pronunciation, error) {
	usual, err := l.other.Pronounce(ctx, word)
	expected := l.words[word]
	if err != nil || expected == nil {
		return usual, err
	}
	out := slices.Clone(expected)
	for i, p := range out {
		alike := func(o scorer.Pronunciation) bool {
			return slices.EqualFunc(o, p, func(x, y scorer.Sound) bool { return x.Phoneme == y.Phoneme })
		}
		if k := slices.IndexFunc(usual, alike); k >= 0 {
			out[i] = usual[k]
		}
	}
	return out, nil
}
