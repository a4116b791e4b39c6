package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
)

type evalCmd struct {
	Speechocean762 evalCorpusCmd `cmd:"" name:"speechocean762" help:"Against the experts of the corpus speechocean762."`
}

type evalCorpusCmd struct {
	Dir      string `arg:"" help:"The corpus: the folder that has WAVE." type:"existingdir"`
	Labels   string `required:"" placeholder:"FILE" help:"The experts' labels, one JSON object a line for each utterance (docs/evaluation.md)." type:"existingfile"`
	Speakers string `placeholder:"FILE" help:"Only these speakers: one a line." type:"existingfile"`
	Keep     string `placeholder:"FILE" help:"Keep what was assessed here, and go on from it next time."`
	JSON     bool   `help:"Print one JSON object (schema mynah.eval/1)."`
}

// Help is shown below the command's flags.
func (evalCorpusCmd) Help() string {
	return `Scores the recordings as voice notes are scored, with the experts' own
pronunciation of each word, and compares. The test split of a corpus is for
reading once, when everything is chosen; choose on --speakers held out of training.`
}

// expertUtterance is one line of the labels.
type expertUtterance struct {
	ID      string                        `json:"id"`
	Wav     string                        `json:"wav"`
	Speaker string                        `json:"speaker"`
	Text    string                        `json:"text"`
	Scores  map[coach.Aspect]float64      `json:"scores"`
	Labels  map[coach.Aspect]*coach.Label `json:"labels"`
	Words   []struct {
		Text        string        `json:"text"`
		Accuracy    float64       `json:"accuracy"`
		Label       coach.Label   `json:"label"`
		Phones      []string      `json:"phones"`
		PhoneScores []float64     `json:"phone_scores"`
		PhoneLabels []coach.Label `json:"phone_labels"`
	} `json:"words"`
}

// evaluated is what became of one utterance; the form in which it is kept.
type evaluated struct {
	ID         string            `json:"id"`
	Model      string            `json:"model"`
	Refused    coach.Reason      `json:"refused,omitempty"`
	Assessment *coach.Assessment `json:"assessment,omitempty"`
}

func (c *evalCorpusCmd) Run(ctx context.Context, r *run) (err error) {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	utterances, err := c.utterances()
	if err != nil {
		return usageError{err}
	}
	e, err := r.openEngine(cfg, r.logger(cfg.Log), nil) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	kept, err := openKept(c.Keep, e.modelName())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()

	bar := r.progress(len(utterances))
	var todo []expertUtterance
	for _, u := range utterances {
		if kept.has(u.ID) {
			_ = bar.Add(1)
			continue
		}
		todo = append(todo, u)
	}
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(e.parallel())
	for _, u := range todo {
		if working.Err() != nil {
			break
		}
		work.Go(func() error {
			done, err := c.evaluate(working, e, u)
			if err != nil {
				return fmt.Errorf("%s: %w", u.ID, err)
			}
			// A bar that can't be drawn is no reason to stop.
			_ = bar.Add(1)
			return kept.add(done)
		})
	}
	err = cmp.Or(work.Wait(), ctx.Err()) // interrupted before all were begun: no report of some
	_ = bar.Clear()
	if err != nil {
		return err
	}
	report := newEvalReport(utterances, kept.all)
	report.Model = e.modelName()
	if c.JSON {
		return json.NewEncoder(r.Stdout).Encode(report)
	}
	return report.write(r.Stdout)
}

func (c *evalCorpusCmd) utterances() ([]expertUtterance, error) {
	var only map[string]bool
	if c.Speakers != "" {
		b, err := os.ReadFile(c.Speakers)
		if err != nil {
			return nil, err
		}
		only = map[string]bool{}
		for _, s := range strings.Fields(string(b)) {
			only[s] = true
		}
	}
	f, err := os.Open(c.Labels)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []expertUtterance
	d := json.NewDecoder(bufio.NewReader(f))
	for {
		var u expertUtterance
		if err := d.Decode(&u); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s, utterance %d: %w", c.Labels, len(out)+1, err)
		}
		if only == nil || only[u.Speaker] {
			out = append(out, u)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no utterance of the speakers asked for", c.Labels)
	}
	return out, nil
}

// evaluate assesses one utterance with the experts' own pronunciation of it.
func (c *evalCorpusCmd) evaluate(ctx context.Context, e *engine, u expertUtterance) (evaluated, error) {
	out := evaluated{ID: u.ID, Model: e.modelName()}
	f, err := os.Open(filepath.Join(c.Dir, filepath.FromSlash(u.Wav)))
	if err != nil {
		return out, err
	}
	defer func() { _ = f.Close() }()
	sound, err := e.decoder.Decode(ctx, f)
	if err != nil {
		return out, fmt.Errorf("decode: %w", err)
	}
	a, err := scorer.New(e.model, newExpertLexicon(u, e.lexicon), scorer.Options{}).Score(ctx, coach.Utterance{Audio: sound, Text: u.Text})
	if out.Refused = coach.ReasonOf(err); out.Refused != "" {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("score: %w", err)
	}
	out.Assessment = &a
	return out, nil
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

// keptResults holds the results so far, and appends new ones to a file.
type keptResults struct {
	mu   sync.Mutex
	all  map[string]evaluated
	file *os.File // nil: they are not kept
}

// openKept reads what an earlier run of the same model kept.
func openKept(path, model string) (*keptResults, error) {
	k := &keptResults{all: map[string]evaluated{}}
	if path == "" {
		return k, nil
	}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		var done evaluated
		// A last line that was cut off is done again.
		if json.Unmarshal(line, &done) == nil && done.Model == model {
			k.all[done.ID] = done
		}
	}
	if k.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if len(b) > 0 && b[len(b)-1] != '\n' { // it must not begin the next one
		if _, err := k.file.WriteString("\n"); err != nil {
			return nil, errors.Join(err, k.file.Close())
		}
	}
	return k, nil
}

func (k *keptResults) has(id string) bool {
	_, ok := k.all[id]
	return ok
}

func (k *keptResults) add(done evaluated) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[done.ID] = done
	if k.file == nil {
		return nil
	}
	b, err := json.Marshal(done)
	if err != nil {
		return err
	}
	_, err = k.file.Write(append(b, '\n'))
	return err
}

// Close closes the file.
func (k *keptResults) Close() error {
	if k.file == nil {
		return nil
	}
	return k.file.Close()
}
