package scorer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/mynah-coach/mynah/coach"
)

// evidence is how well the speech matches the sentence; see Refusal.
type evidence struct {
	match, errorRate, margin, said, covered, order float64
}

// Bounds of the evidence: beyond, it means no more.
const (
	worstErrorRate = 1.5
	worstMargin    = -8
	worstOrder     = -4
	bestOrder      = 8
	noOrder        = 3 // of sounds that have only one
)

// weigh combines the features; below zero the speech is not the sentence.
func (r Refusal) weigh(e evidence) float64 {
	return r.Match*e.match + r.ErrorRate*e.errorRate + r.Margin*e.margin + r.Said*e.said + r.Covered*e.covered + r.Order*e.order + r.Bias
}

// gather measures how well the path's segments match the frames.
func (l *lattice) gather(ctx context.Context, f Frames, p path, segments []segment) (evidence, error) {
	n := float64(max(len(segments), 1))
	var e evidence
	expected := make([]int, len(segments))
	tokens := make([]bool, len(l.usual))
	for i, s := range segments {
		best := float32(never)
		for t := s.first; t <= s.last; t++ {
			best = max(best, f.LogPost[t*f.Classes+s.class])
		}
		e.match += math.Exp(float64(best)) / n
		expected[i], tokens[s.token] = s.class, true
	}
	said := 0
	for i, t := range tokens {
		if t {
			said += len(l.usual[i])
		}
	}
	e.said = float64(said) / float64(l.phones())

	filled := l.filled(p)
	all, kept := decode(f, nil), decode(f, filled)
	e.covered = float64(len(kept.classes)) / float64(max(len(all.classes), 1))
	e.errorRate = min(float64(editDistance(kept.classes, expected))/n, worstErrorRate)
	var score float64
	for t, s := range p.states {
		if !filled[t] {
			score += float64(f.LogPost[t*f.Classes+int(l.class[s])])
		}
	}
	e.margin = max((score-kept.score)/n, worstMargin)
	other, ok, err := rearranged(ctx, f, filled, expected)
	if err != nil {
		return evidence{}, err
	}
	e.order = noOrder
	if ok {
		e.order = min(max((score-other)/n, worstOrder), bestOrder)
	}
	return e, nil
}

// rearranged is the log likelihood of the same sounds in other orders (the
// likeliest of four: backwards, turned by a third and by two, halves backwards) in
// the frames that are not left out. However badly a sentence is read, its own
// order is the likeliest by far; of another sentence it is as good as any. ok
// is false where there is no other order that the frames can hold.
func rearranged(ctx context.Context, f Frames, leftOut []bool, classes []int) (score float64, ok bool, err error) {
	kept := f
	kept.T, kept.LogPost = 0, nil
	for t := range f.T {
		if !leftOut[t] {
			kept.LogPost = append(kept.LogPost, f.LogPost[t*f.Classes:(t+1)*f.Classes]...)
			kept.T++
		}
	}
	if kept.T == 0 {
		return 0, false, nil
	}
	turned := func(k int) []int { return slices.Concat(classes[k:], classes[:k]) }
	n := len(classes)
	orders := [][]int{turned(0), turned(n / 3), turned(2 * n / 3), turned(n / 2)}
	slices.Reverse(orders[0])
	slices.Reverse(orders[3])
	for _, order := range orders {
		if slices.Equal(order, classes) {
			continue
		}
		pron := make(sounds, n)
		for i, c := range order {
			pron[i].class = c
		}
		p, fits, err := newLattice([]alternatives{{{{pron}}}}).align(ctx, kept, noDetours())
		if err != nil {
			return 0, false, err
		}
		if fits && (!ok || float64(p.score) > score) {
			score, ok = float64(p.score), true
		}
	}
	return score, ok, nil
}

// freePath is the likeliest path of all: the best class of every frame.
type freePath struct {
	score   float64
	classes []int     // repeats and blanks removed
	peaks   []float64 // highest posterior of each of classes
}

// decode finds the free path (greedy CTC decoding) of the frames that are not
// left out.
func decode(f Frames, leftOut []bool) freePath {
	var p freePath
	previous := 0
	for t := range f.T {
		if leftOut != nil && leftOut[t] {
			previous = 0
			continue
		}
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

// speech refuses a free path that is nobody speaking: one of too few phones. A
// sentence of fewer phones than MinPhones needs no more than it has. unclear is
// what speaks against speech where the sentence does not speak for it: phones that are
// all uncertain, as of music, but of a mumbled sentence too.
func (r Refusal) speech(p freePath, expected int) (unclear, err error) {
	least := max(min(r.MinPhones, expected), 1)
	if len(p.classes) < least {
		return nil, fmt.Errorf("%d phones heard, at least %d are speech: %w", len(p.classes), least, coach.ErrNoSpeech)
	}
	var sum float64
	for _, v := range p.peaks {
		sum += v
	}
	if mean := sum / float64(len(p.peaks)); mean < r.MinPosterior {
		unclear = fmt.Errorf("phones heard with a mean posterior of %.2f, speech has %.2f: %w", mean, r.MinPosterior, coach.ErrNoSpeech)
	}
	return unclear, nil
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

// Costs of a manifest that has none, in log likelihood: in sentences read in
// full they take 1 word in 200 for skipped, and find 5 of 6 words that were
// not said; most of the others sound like a neighbour ("to two").
const (
	defaultSkipStart   = -6
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
		skipStart:   or(r.SkipStart, defaultSkipStart),
		skipPhone:   or(r.SkipWord, defaultSkipPhone),
		insertStart: or(r.InsertStart, defaultInsertStart),
		insertFrame: or(r.InsertFrame, defaultInsertFrame),
	}
}

// hollow reports whether the words bear the sentence out so little that it is
// another one, of which a few words happened to fit: over two thirds were not
// said or are below Good, and a quarter at least not said; or a third was not said,
// and the rest neither well nor as badly as what can't be made out. Of 1,680
// recordings of speakers whom the models had not met the first is so of 3, and the
// second of none.
func hollow(a coach.Assessment) bool {
	unsaid, doubtful := 0, 0
	for _, w := range a.Words {
		switch {
		case !w.Spoken:
			unsaid++
		case w.Accuracy.Label < coach.Good:
			doubtful++
		}
	}
	n := len(a.Words)
	return 3*(unsaid+doubtful) > 2*n && 4*unsaid >= n || 3*unsaid >= n && a.Sentence.Accuracy.Label == coach.Average
}
