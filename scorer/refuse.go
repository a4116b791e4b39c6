package scorer

import (
	"fmt"
	"math"

	"github.com/mynah-coach/mynah/coach"
)

// evidence is how well the speech matches the sentence; see Refusal.
type evidence struct {
	match, errorRate, margin float64
}

// weigh combines the features; below zero the speech is not the sentence.
func (r Refusal) weigh(e evidence) float64 {
	return r.Match*e.match + r.ErrorRate*e.errorRate + r.Margin*e.margin + r.Bias
}

// gather measures the evidence of aligned segments, whose path has the log
// likelihood score, against what the frames sound like by themselves.
func gather(f Frames, segments []segment, score float64, free freePath) evidence {
	n := float64(max(len(segments), 1))
	var match float64
	expected := make([]int, len(segments))
	for i, s := range segments {
		best := math.Inf(-1)
		for t := s.first; t <= s.last; t++ {
			best = max(best, float64(f.LogPost[t*f.Classes+s.class]))
		}
		match += math.Exp(best)
		expected[i] = s.class
	}
	return evidence{
		match:     match / n,
		errorRate: float64(editDistance(free.classes, expected)) / n,
		margin:    (score - free.score) / n,
	}
}

// freePath is the likeliest path of all: the best class of every frame.
type freePath struct {
	score   float64
	classes []int     // repeats and blanks removed
	peaks   []float64 // highest posterior of each of classes
}

// decode finds the free path (greedy CTC decoding).
func decode(f Frames) freePath {
	var p freePath
	previous := 0
	for t := range f.T {
		row := f.LogPost[t*f.Classes : (t+1)*f.Classes]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		p.score += float64(row[best])
		if best != 0 {
			posterior := math.Exp(float64(row[best]))
			if best != previous {
				p.classes = append(p.classes, best)
				p.peaks = append(p.peaks, posterior)
			} else {
				last := len(p.peaks) - 1
				p.peaks[last] = max(p.peaks[last], posterior)
			}
		}
		previous = best
	}
	return p
}

// speech reports whether the free path is of someone speaking. A sentence of
// fewer phones than MinPhones needs no more than it has.
func (r Refusal) speech(p freePath, expected int) error {
	least := max(min(r.MinPhones, expected), 1)
	if len(p.classes) < least {
		return fmt.Errorf("%d phones heard, at least %d are speech: %w", len(p.classes), least, coach.ErrNoSpeech)
	}
	var sum float64
	for _, v := range p.peaks {
		sum += v
	}
	if mean := sum / float64(len(p.peaks)); mean < r.MinPosterior {
		return fmt.Errorf("phones heard with a mean posterior of %.2f, speech has %.2f: %w", mean, r.MinPosterior, coach.ErrNoSpeech)
	}
	return nil
}

// editDistance is the least number of insertions, deletions and substitutions
// that make a into b (Levenshtein).
func editDistance(a, b []int) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			replace := diagonal
			if x != y {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Costs of a manifest that has none, in log likelihood.
const (
	defaultSkipPhone   = -5
	defaultInsertStart = -8
	defaultInsertFrame = -2
)

// detours are the costs of leaving the sentence.
func (r Refusal) detours() detours {
	or := func(v float64, standard float32) float32 {
		if v < 0 {
			return float32(v)
		}
		return standard
	}
	return detours{
		skipPhone:   or(r.SkipWord, defaultSkipPhone),
		insertStart: or(r.InsertStart, defaultInsertStart),
		insertFrame: or(r.InsertFrame, defaultInsertFrame),
	}
}

// judge refuses speech that is not the sentence.
func (r Refusal) judge(l *lattice, f Frames, said found, whole evidence, free freePath) error {
	if v := r.weigh(whole); v < 0 {
		return fmt.Errorf("match %.2f, error rate %.2f, margin %.2f: %w", whole.match, whole.errorRate, whole.margin, coach.ErrTextMismatch)
	}
	return nil
}
