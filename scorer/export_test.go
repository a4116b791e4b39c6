package scorer

import (
	"context"
	"math/rand/v2"
	"slices"
)

// For the tests that need the shipped model, which are outside the package
// because scorer/ort imports it.

// FeatureNames are the features of a match, in the order of Features.
var FeatureNames = []string{"match", "error_rate", "margin", "said", "covered", "order"}

// Sentence is a sentence ready to be aligned.
type Sentence struct{ lattice *lattice }

// Sentence prepares a sentence.
func (s *Scorer) Sentence(ctx context.Context, text string) (Sentence, error) {
	tokens, err := Tokenize(text)
	if err != nil {
		return Sentence{}, err
	}
	spoken, err := s.pronounce(ctx, tokens)
	if err != nil {
		return Sentence{}, err
	}
	return Sentence{newLattice(spoken)}, nil
}

// Misread is the sentence with that share of its sounds replaced by others, a
// vowel by a vowel: to it, a reading of the sentence is a very poor one.
func (s Sentence) Misread(share float64, phonemes []PhonemeInfo, random *rand.Rand) Sentence {
	l := *s.lattice
	l.class, l.sounds = slices.Clone(l.class), slices.Clone(l.sounds)
	for i := range l.sounds {
		if random.Float64() >= share {
			continue
		}
		class := l.sounds[i].class
		for class == l.sounds[i].class || phonemes[class-1].Vowel != phonemes[l.sounds[i].class-1].Vowel {
			class = 1 + random.IntN(len(phonemes))
		}
		l.sounds[i].class = class
	}
	for state, sound := range l.sound {
		if sound != none {
			l.class[state] = int32(l.sounds[sound].class)
		}
	}
	return Sentence{&l}
}

// Aligned is what a sentence's alignment says of frames.
type Aligned struct {
	Features []float64
	Spoken   []bool
	Ends     []int // last frame of each token, 0 for skipped ones
	Starts   []int

	Attempted bool // the words that were not made out
}

// Sounding reports for each hop of the samples whether it is no pause.
func (m *Manifest) Sounding(samples []float32) []bool { return measure(samples, m.hop()).sounding() }

// Align aligns the sentence with frames, of which some are sounding, at the refusal's
// costs. ok is false where there is no alignment.
func (s Sentence) Align(ctx context.Context, f Frames, sounding []bool, r Refusal) (_ Aligned, ok bool, err error) {
	p, ok, err := s.lattice.align(ctx, f, r.detours())
	if err != nil || !ok {
		return Aligned{}, false, err
	}
	segments := s.lattice.segments(p)
	e, err := s.lattice.gather(ctx, f, p, segments)
	if err != nil {
		return Aligned{}, false, err
	}
	a := Aligned{
		Features: []float64{e.match, e.errorRate, e.margin, e.said, e.covered, e.order},
		Spoken:   make([]bool, len(p.skipped)), Starts: make([]int, len(p.skipped)), Ends: make([]int, len(p.skipped)),
	}
	for i, skipped := range p.skipped {
		a.Spoken[i] = !skipped
	}
	whole, ok, err := s.lattice.whole(ctx, f, p, r)
	if err != nil {
		return Aligned{}, false, err
	}
	a.Attempted = ok && s.lattice.attempted(p, whole, s.lattice.segments(whole), sounding)
	for i := len(segments) - 1; i >= 0; i-- {
		g := segments[i]
		a.Starts[g.token], a.Ends[g.token] = g.first, max(a.Ends[g.token], g.last)
	}
	return a, true, nil
}

// AlignPlainly aligns frames with phones and no detours, as training does: the
// first and last frame of each phone, and the log likelihood.
func AlignPlainly(ctx context.Context, f Frames, classes, words []int) (first, last []int, score float32, ok bool, err error) {
	tokens := make([]alternatives, words[len(words)-1]+1)
	for i, c := range classes {
		if tokens[words[i]] == nil {
			tokens[words[i]] = alternatives{{{nil}}}
		}
		pron := &tokens[words[i]][0][0][0]
		*pron = append(*pron, struct{ class, stress int }{class: c})
	}
	l := newLattice(tokens)
	p, ok, err := l.align(ctx, f, noDetours())
	if err != nil || !ok {
		return nil, nil, 0, false, err
	}
	for _, s := range l.segments(p) {
		first, last = append(first, s.first), append(last, s.last)
	}
	return first, last, p.score, true, nil
}
