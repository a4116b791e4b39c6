package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

type evalRationaleCmd struct {
	Dir      string `arg:"" help:"The corpus speechocean762: the folder that has WAVE." type:"existingdir"`
	Labels   string `placeholder:"FILE" help:"The experts' labels, as of eval speechocean762." type:"existingfile"`
	Split    string `enum:"test,train" default:"test" help:"Of scores.json, the utterances of this part: test or train."`
	Speakers string `placeholder:"FILE" help:"Only these speakers: one a line." type:"existingfile"`
	Out      string `placeholder:"DIR" help:"Leave the assessments, replies and what in them doesn't fit here; a run that was cut off goes on from them."`
	From     string `enum:"model,experts" default:"model" help:"Explain the model's labels, or the experts' own."`
	Requests string `placeholder:"FILE" help:"Write what an endpoint would be asked, one JSON object a line, and stop."`
	Answers  string `placeholder:"FILE" help:"Measure these answers too, made elsewhere: {\"id\",\"answer\"}, one a line. With --out, verified.jsonl there says of each which rules it broke." type:"existingfile"`
	Judge    bool   `help:"Have the model of llm.url read every reply back too."`
	JSON     bool   `help:"Print one JSON object (schema mynah.eval.rationale/1, docs/eval.rationale.schema.json)."`
}

// Help is shown below the command's flags.
func (evalRationaleCmd) Help() string {
	return `Has every recording's labels explained as a learner's note is, each speaker being
one learner, and reads the replies back: by the plain realiser, by the endpoint
of llm.url where one is set, and of --answers. What they say is held against the
labels and against the experts (docs/rationale.md).`
}

// lessons is how many earlier notes a reply may look back on.
const lessons = 20

func (c *evalRationaleCmd) Run(ctx context.Context, r *run) (err error) {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	corpus := evalCorpusCmd{Dir: c.Dir, Labels: c.Labels, Split: c.Split, Speakers: c.Speakers, Out: c.Out}
	e, utterances, err := corpus.open(r, cfg) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	judge, ok := e.explainer.(*rationale.Endpoint)
	if c.Judge && !ok {
		return usageError{errors.New("--judge needs llm.url")}
	}
	report := rationaleReport{Schema: rationaleSchema, Model: e.modelName(), From: c.From, Explainers: map[string]rationaleFigures{}}
	done := make([]evaluated, len(utterances))
	if c.From == "experts" {
		report.Model = "experts"
		for i, u := range utterances {
			a := u.assessment()
			done[i].Assessment = &a
		}
	} else if done, err = corpus.evaluateAll(ctx, r, e, utterances); err != nil {
		return err
	}
	learners := newSpeakers(utterances, done)
	if c.Requests != "" {
		return writeRequests(ctx, c.Requests, learners)
	}
	explainers := map[string]coach.Explainer{string(coach.SourcePlain): rationale.Plain{}}
	if cfg.LLM.URL != "" {
		explainers[string(coach.SourceEndpoint)] = e.explainer
	}
	if c.Answers != "" {
		given, err := readAnswers(ctx, c.Answers, learners)
		if err != nil {
			return usageError{err}
		}
		explainers["answers"] = given
	}
	for name, explainer := range explainers {
		kept := c.Out
		if name == "answers" { // they are at hand, and others next time
			kept = ""
		}
		replies, err := openReplies(kept, name+" "+cfg.LLM.Model)
		if err != nil {
			return err
		}
		err = errors.Join(explainAll(ctx, r, e.parallel(), explainer, replies, learners), replies.Close())
		if err != nil {
			return err
		}
		f := newRationaleFigures(learners)
		if given, ok := explainer.(*answered); ok {
			f.FirstTry = given.firstTry(learners)
			if c.Out != "" {
				if err := given.save(c.Out); err != nil {
					return fmt.Errorf("write into %s: %w", c.Out, err)
				}
			}
		}
		if c.Judge {
			if f.Judge, err = judgeAll(ctx, r, e.parallel(), judge, learners); err != nil {
				return err
			}
		}
		report.Explainers[name] = f
	}
	report.count(learners, done)
	if c.Out != "" {
		if err := report.save(c.Out); err != nil {
			return fmt.Errorf("write into %s: %w", c.Out, err)
		}
	}
	if c.JSON {
		return json.NewEncoder(r.Stdout).Encode(report)
	}
	return report.write(r.Stdout)
}

// speaker is someone of the corpus, one learner, and their notes in turn.
type speaker struct {
	name  string
	notes []speakerNote
}

// speakerNote is an utterance, its labels, and what was said of them.
type speakerNote struct {
	expert    expertUtterance
	now       coach.Assessment
	rationale coach.Rationale
}

// newSpeakers groups what was not refused by speaker, in the corpus's order.
func newSpeakers(utterances []expertUtterance, done []evaluated) []speaker {
	var out []speaker
	at := map[string]int{}
	for i, u := range utterances {
		if done[i].Assessment == nil {
			continue
		}
		k, ok := at[u.Speaker]
		if !ok {
			k = len(out)
			at[u.Speaker] = k
			out = append(out, speaker{name: u.Speaker})
		}
		out[k].notes = append(out[k].notes, speakerNote{expert: u, now: *done[i].Assessment})
	}
	return out
}

// assessment is what the experts gave, as if a model had been sure of it.
func (u expertUtterance) assessment() coach.Assessment {
	judged := func(l coach.Label, score float64) coach.Judgement {
		if l == coach.Unscored {
			return coach.Judgement{}
		}
		return coach.Judgement{Label: l, Score: score, Confidence: 1}
	}
	a := coach.Assessment{Model: "experts", Text: u.Text, Seconds: 1}
	for aspect, into := range map[coach.Aspect]*coach.Judgement{
		coach.Accuracy: &a.Sentence.Accuracy, coach.Fluency: &a.Sentence.Fluency, coach.Prosody: &a.Sentence.Prosody,
	} {
		if l := u.Labels[aspect]; l != nil {
			*into = judged(*l, u.Scores[aspect])
		}
	}
	for _, w := range u.Words {
		word := coach.Word{Text: strings.ToLower(w.Text), Spoken: true, Accuracy: judged(w.Label, w.Accuracy)}
		for i, symbol := range w.Phones {
			p := coach.Phone{Expected: coach.Phoneme(strings.TrimRight(symbol, "012")), Accuracy: judged(w.PhoneLabels[i], w.PhoneScores[i])}
			if stress := symbol[len(p.Expected):]; stress != "" {
				p.Stress = int(stress[0] - '0')
			}
			if s, ok := prompts.SoundOf(p.Expected); ok {
				p.IPA = s.IPA
			}
			word.Phones = append(word.Phones, p)
		}
		stressOnlyVowel(word)
		a.Words = append(a.Words, word)
	}
	return a
}

// lesson is what is remembered of a note.
func (n speakerNote) lesson(why coach.Rationale) coach.Lesson {
	return coach.Lesson{Note: coach.NoteID(n.expert.ID), Assessment: n.now, Rationale: why}
}

// before puts a lesson before the others that a reply may look back on.
func before(l coach.Lesson, earlier []coach.Lesson) []coach.Lesson {
	return append([]coach.Lesson{l}, earlier[:min(len(earlier), lessons-1)]...)
}

// stressOnlyVowel marks the vowel of a word of one syllable as stressed, which the
// experts' list doesn't: without stress an AH is the weak vowel, as in the articles.
func stressOnlyVowel(w coach.Word) {
	if slices.Contains([]string{"a", "an", "the"}, w.Text) {
		return
	}
	at := -1
	for i, p := range w.Phones {
		if s, ok := prompts.SoundOf(p.Expected); ok && s.Vowel {
			if at >= 0 {
				return
			}
			at = i
		}
	}
	if at >= 0 {
		w.Phones[at].Stress = 1
	}
}

// explainAll has every learner's notes explained in turn, several learners at
// once. Where an earlier run kept a reply, it is taken from there.
func explainAll(ctx context.Context, r *run, parallel int, explainer coach.Explainer, kept *keptReplies, learners []speaker) error {
	n := 0
	for _, l := range learners {
		n += len(l.notes)
	}
	bar := r.progress(n)
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(parallel)
	for k := range learners {
		work.Go(func() error {
			var earlier []coach.Lesson
			for i := range learners[k].notes {
				n := &learners[k].notes[i]
				why, err := kept.explain(working, explainer, n.now, earlier)
				if err != nil {
					return fmt.Errorf("explain %s: %w", n.expert.ID, err)
				}
				n.rationale = why
				earlier = before(n.lesson(why), earlier)
				// A bar that can't be drawn is no reason to stop.
				_ = bar.Add(1)
			}
			return nil
		})
	}
	err := cmp.Or(work.Wait(), ctx.Err())
	_ = bar.Clear()
	return err
}

// keptReplies holds the replies so far, and appends new ones to a file.
type keptReplies struct {
	explainer string
	mu        sync.Mutex
	all       map[string]coach.Rationale
	file      *os.File // nil: they are not kept
}

type keptReply struct {
	Key   string          `json:"key"`
	Reply coach.Rationale `json:"reply"`
}

// openReplies reads what earlier runs left in a folder; "" keeps nothing. The
// caller closes it.
func openReplies(dir, explainer string) (*keptReplies, error) {
	k := &keptReplies{explainer: explainer, all: map[string]coach.Rationale{}}
	if dir == "" {
		return k, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "replies.jsonl")
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		var one keptReply
		// A last line that was cut off is done again.
		if json.Unmarshal(line, &one) == nil {
			k.all[one.Key] = one.Reply
		}
	}
	if k.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if len(b) > 0 && b[len(b)-1] != '\n' {
		if _, err := k.file.WriteString("\n"); err != nil {
			return nil, errors.Join(err, k.file.Close())
		}
	}
	return k, nil
}

// explain returns the reply that was kept for the same labels after the same
// lessons, or a new one. Plain replies cost nothing, and follow the program.
func (k *keptReplies) explain(ctx context.Context, explainer coach.Explainer, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	if _, plain := explainer.(rationale.Plain); plain || k.file == nil {
		return explainer.Explain(ctx, now, earlier)
	}
	h := sha256.New()
	what := []any{k.explainer, now, prompts.Segments(prompts.Choose(now, earlier), now, earlier)}
	for _, l := range earlier {
		what = append(what, l.Rationale.Text)
	}
	_ = json.NewEncoder(h).Encode(what) // a hash takes everything
	key := hex.EncodeToString(h.Sum(nil)[:16])
	k.mu.Lock()
	why, ok := k.all[key]
	k.mu.Unlock()
	if ok {
		return why, nil
	}
	why, err := explainer.Explain(ctx, now, earlier)
	if err != nil {
		return why, err
	}
	b, err := json.Marshal(keptReply{key, why})
	if err != nil {
		return why, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err = k.file.Write(append(b, '\n'))
	return why, err
}

// Close closes the file.
func (k *keptReplies) Close() error {
	if k.file == nil {
		return nil
	}
	return k.file.Close()
}

// normal is the form in which texts are compared.
func normal(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// distinct is how many different strings there are.
func distinct(all []string) int { return len(slices.Compact(slices.Sorted(slices.Values(all)))) }
