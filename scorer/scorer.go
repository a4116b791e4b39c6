// Package scorer gives an utterance its labels: the sentence becomes phonemes,
// the audio becomes frames (Model.Listen), the two are aligned, and what the
// alignment found is judged (Model.Judge). What can't be scored (silence,
// noise, another sentence) is refused instead.
package scorer

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Limits that keep the work for one utterance bounded.
const (
	mostPhones   = 2000     // of the sentence, spoken the usual way
	mostReadings = 8        // of a token
	mostProns    = 8        // of a word
	mostCells    = 64 << 20 // frames x states of an alignment; beyond, only the usual pronunciations count

	// shortestPhone is less than anyone takes for a phone, in seconds.
	shortestPhone = .03
)

// Stage is a part of the scorer's work, for measurements.
type Stage string

// The stages, in order.
const (
	StagePronounce Stage = "pronounce" // text to phonemes
	StageListen    Stage = "listen"    // the acoustic graph
	StageAlign     Stage = "align"     // alignment and refusal
	StageJudge     Stage = "judge"     // the scoring graph
	StageAssess    Stage = "assess"    // scores to labels
)

// Options are what a Scorer can do without.
type Options struct {
	// Observe is told how long each stage took; it may be called from several
	// goroutines at once.
	Observe func(Stage, time.Duration)
	// EveryWord takes no word for one that was not said, nothing for other speech,
	// nor the sentence for another one, however little speaks for it: to be held
	// against experts, who score all words of what they know to be the sentence.
	EveryWord bool
}

// Scorer implements coach.Scorer over a model and a lexicon.
type Scorer struct {
	model   Model
	lexicon Lexicon
	options Options
	classes map[coach.Phoneme]int
}

var _ coach.Scorer = (*Scorer)(nil)

// New returns a Scorer. It owns neither the model nor the lexicon.
func New(model Model, lexicon Lexicon, options Options) *Scorer {
	s := &Scorer{model: model, lexicon: lexicon, options: options, classes: map[coach.Phoneme]int{}}
	for i, p := range model.Manifest().Phonemes {
		s.classes[p.ARPAbet] = i + 1
	}
	return s
}

// Score implements coach.Scorer. It refuses a sentence without words, in
// another script or too long (ErrNoText, ErrUnsupportedText, ErrTextTooLong),
// a recording without speech or too short for the sentence (ErrNoSpeech,
// ErrTooShort), and speech that is not the sentence (ErrTextMismatch). A
// sentence of which only a part was said is scored, with its completeness.
func (s *Scorer) Score(ctx context.Context, u coach.Utterance) (coach.Assessment, error) {
	man := s.model.Manifest()
	clock := stopwatch{observe: s.options.Observe, since: time.Now()}

	tokens, err := Tokenize(u.Text)
	if err != nil {
		return coach.Assessment{}, fmt.Errorf("read sentence: %w", err)
	}
	spoken, err := s.pronounce(ctx, tokens)
	if err != nil {
		return coach.Assessment{}, fmt.Errorf("pronounce: %w", err)
	}
	l := newLattice(spoken)
	clock.stop(StagePronounce)

	samples := mend(u.Audio.Samples)
	levels := measure(samples, man.hop())
	if err := audible(samples, levels, man, l.phones()); err != nil {
		return coach.Assessment{}, err
	}
	frames, err := listen(ctx, s.model, samples, levels)
	if err != nil {
		return coach.Assessment{}, fmt.Errorf("listen: %w", err)
	}
	clock.stop(StageListen)

	if l.states()*frames.T > mostCells {
		l = newLattice(usualOnly(spoken))
	}
	refusal := man.Refusal
	if s.options.EveryWord {
		refusal.SkipStart, refusal.InsertStart, refusal.Bias = never, never, math.Inf(1)
	}
	found, err := match(ctx, l, frames, levels.sounding(), refusal)
	if err != nil {
		return coach.Assessment{}, fmt.Errorf("align: %w", err)
	}
	clock.stop(StageAlign)

	phones := found.phones()
	scores, err := s.model.Judge(ctx, frames, phones)
	if err != nil {
		return coach.Assessment{}, fmt.Errorf("judge: %w", err)
	}
	if err := scores.check(phones, frames.Classes); err != nil {
		return coach.Assessment{}, fmt.Errorf("judge: %w", err)
	}
	clock.stop(StageJudge)

	a := assessment{manifest: man, tokens: tokens, lattice: l, found: found, scores: scores, classes: frames.Classes}
	result := a.build(timing{
		segments: found.segments,
		filled:   found.filled,
		levels:   levels,
		frame:    man.FrameSeconds,
		end:      u.Audio.Seconds(),
	})
	if found.doubt != nil && result.Sentence.Accuracy.Label > coach.Bad {
		return coach.Assessment{}, fmt.Errorf("not read as poorly as it matches: %w", found.doubt)
	}
	if hollow(result) {
		return coach.Assessment{}, fmt.Errorf("too few words were said, or said well: %w", coach.ErrTextMismatch)
	}
	result.Model, result.Seconds, result.Text = man.Name+" "+man.Version, u.Audio.Seconds(), u.Text
	clock.stop(StageAssess)
	return result, nil
}

// audible refuses audio that can't hold the sentence, before the model runs.
func audible(samples []float32, l levels, man *Manifest, phones int) error {
	seconds := float64(len(samples)) / float64(man.SampleRate)
	if seconds < man.MinSeconds {
		return fmt.Errorf("%.2f s of audio: %w", seconds, coach.ErrTooShort)
	}
	if l.quantile(1) < silentLevel {
		return fmt.Errorf("silent: %w", coach.ErrNoSpeech)
	}
	if seconds < float64(phones)*shortestPhone {
		return fmt.Errorf("%.2f s of audio for %d phones: %w", seconds, phones, coach.ErrTooShort)
	}
	return nil
}

// pronounce looks up every way to say each token.
func (s *Scorer) pronounce(ctx context.Context, tokens []Token) ([]alternatives, error) {
	known := map[string][]sounds{}
	out := make([]alternatives, len(tokens))
	phones := 0
	for i, t := range tokens {
		for _, reading := range t.Spoken[:min(len(t.Spoken), mostReadings)] {
			words := make([][]sounds, len(reading))
			for j, word := range reading {
				prons, ok := known[word]
				if !ok {
					var err error
					if prons, err = s.lookUp(ctx, word); err != nil {
						return nil, err
					}
					known[word] = prons
				}
				words[j] = prons
				if len(out[i]) == 0 {
					phones += len(prons[0])
				}
			}
			if len(words) > 0 {
				out[i] = append(out[i], words)
			}
		}
		if len(out[i]) == 0 {
			return nil, fmt.Errorf("word %d has no reading", i)
		}
		if phones > mostPhones {
			return nil, fmt.Errorf("over %d phones: %w", mostPhones, coach.ErrTextTooLong)
		}
	}
	return out, nil
}

// lookUp asks the lexicon for a word and turns phonemes into classes.
func (s *Scorer) lookUp(ctx context.Context, word string) ([]sounds, error) {
	prons, err := s.lexicon.Pronounce(ctx, word)
	if err != nil {
		return nil, err
	}
	var out []sounds
	for _, p := range prons[:min(len(prons), mostProns)] {
		if len(p) == 0 {
			continue
		}
		one := make(sounds, len(p))
		for i, sound := range p {
			class, ok := s.classes[sound.Phoneme]
			if !ok {
				return nil, fmt.Errorf("the model does not know the lexicon's phoneme %q", sound.Phoneme)
			}
			one[i].class, one[i].stress = class, sound.Stress
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the lexicon has no pronunciation for a word")
	}
	return out, nil
}

// usualOnly keeps the first reading and pronunciation of each token.
func usualOnly(tokens []alternatives) []alternatives {
	out := make([]alternatives, len(tokens))
	for i, readings := range tokens {
		words := make([][]sounds, len(readings[0]))
		for j, prons := range readings[0] {
			words[j] = prons[:1]
		}
		out[i] = alternatives{words}
	}
	return out
}

// stopwatch tells an observer the time of each stage.
type stopwatch struct {
	observe func(Stage, time.Duration)
	since   time.Time
}

func (w *stopwatch) stop(s Stage) {
	now := time.Now()
	if w.observe != nil {
		w.observe(s, now.Sub(w.since))
	}
	w.since = now
}
