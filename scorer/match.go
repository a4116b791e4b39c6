package scorer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/mynah-coach/mynah/coach"
)

// found is what an alignment found of the sentence in the audio.
type found struct {
	segments []segment // of the tokens that were spoken, and of those that were attempted
	spoken   []bool    // for each token: made out
	evidence []float64 // for each token: log likelihood per phone, less that of the free path (<= 0)
	filled   []bool    // for each frame: something else was said
	doubt    error     // why it may not be the sentence, nil if there is no doubt; see Refusal.Doubt
}

// match aligns the frames, of which some are sounding (see levels.sounding), with
// the sentence and refuses them where they are surely no speech or not the
// sentence.
func match(ctx context.Context, l *lattice, f Frames, sounding []bool, r Refusal) (found, error) {
	unclear, err := r.speech(decode(f, nil), l.phones())
	if err != nil {
		return found{}, err
	}
	best, ok, err := l.align(ctx, f, r.detours())
	if err != nil {
		return found{}, err
	}
	if !ok {
		return found{}, fmt.Errorf("%d frames for %d phones: %w", f.T, l.phones(), coach.ErrTooShort)
	}
	segments := l.segments(best)
	e, err := l.gather(ctx, f, best, segments)
	if err != nil {
		return found{}, err
	}
	sum := r.weigh(e)
	if len(segments) == 0 {
		sum = math.Inf(-1)
	}
	var doubt error
	if sum < 0 {
		doubt = cmp.Or(unclear, fmt.Errorf("match %.2f, error rate %.2f, margin %.2f, said %.2f, covered %.2f, order %.2f: %w",
			e.match, e.errorRate, e.margin, e.said, e.covered, e.order, coach.ErrTextMismatch))
	}
	if sum < -r.Doubt {
		return found{}, doubt
	}

	whole, ok, err := l.whole(ctx, f, best, r)
	if err != nil {
		return found{}, err
	}
	n := len(best.skipped)
	said := found{segments: segments, spoken: make([]bool, n), evidence: make([]float64, n), filled: l.filled(best), doubt: doubt}
	if ok {
		all := l.segments(whole)
		said.evidence = tokenEvidence(f, all, n)
		if l.attempted(best, whole, all, sounding) {
			said.segments, said.filled = all, l.filled(whole)
		}
	}
	for i, skipped := range best.skipped {
		said.spoken[i] = !skipped
		if skipped && !ok {
			said.evidence[i] = math.Inf(-1)
		}
	}
	return said, nil
}

// whole is the likeliest path that skips nothing, which best may be. ok is false
// where the frames are too few for it.
func (l *lattice) whole(ctx context.Context, f Frames, best path, r Refusal) (_ path, ok bool, err error) {
	if !slices.Contains(best.skipped, true) {
		return best, true, nil
	}
	d := r.detours()
	d.skipStart = never
	return l.align(ctx, f, d)
}

// Skipped words were attempted if, for each of their phones, what it costs in log
// likelihood to have them said and what every sounding frame in their place is worth come
// to attemptPerPhone. Of speakers whom the models had not met, 90 recordings of their
// own sentences have words skipped; experts had scored nearly all of these, as Worst or
// Bad, and 78 % are taken as attempted. So are 12 % of words that had been put into the
// sentence, and .4 % of halves that had been cut off (TestFitRefusal counts them).
const (
	soundingFrame   = .7
	attemptPerPhone = 2
)

// attempted reports whether the words that best skips were said after all, too
// badly to be made out: whether whole, which skips none and has the segments, has sound
// in their place.
// The sentence is then judged with them, as experts do, and no word takes what is
// theirs; of the words themselves, which may have been others, nothing is told.
func (l *lattice) attempted(best, whole path, segments []segment, sounding []bool) bool {
	phones := 0
	for i, skipped := range best.skipped {
		if skipped {
			phones += len(l.usual[i])
		}
	}
	if phones == 0 {
		return false
	}
	sounds, from, inside := 0, 0, false // frames; where the place begins, and whether it is one
	place := func(to int) {
		for t := from; inside && t < min(to, len(sounding)); t++ {
			if sounding[t] {
				sounds++
			}
		}
	}
	for _, s := range segments {
		if best.skipped[s.token] {
			inside = true
			continue
		}
		place(s.first)
		from, inside = s.last+1, false
	}
	place(len(sounding))
	return float64(whole.score-best.score)+soundingFrame*float64(sounds) >= attemptPerPhone*float64(phones)
}

// phones are the segments as the scoring graph takes them.
func (s found) phones() []AlignedPhone {
	out := make([]AlignedPhone, len(s.segments))
	word := 0
	for i, seg := range s.segments {
		if i > 0 && seg.token != s.segments[i-1].token {
			word++
		}
		out[i] = AlignedPhone{Class: seg.class, Stress: seg.stress, Word: word, First: seg.first, Last: seg.last}
	}
	return out
}

// tokenEvidence is, for each token, how much less likely its frames are in the
// segments' states than by themselves, per phone.
func tokenEvidence(f Frames, segments []segment, tokens int) []float64 {
	out, phones := make([]float64, tokens), make([]float64, tokens)
	for _, s := range segments {
		phones[s.token]++
		for t := s.first; t <= s.last; t++ {
			row := f.LogPost[t*f.Classes : (t+1)*f.Classes]
			out[s.token] += float64(row[s.class] - slices.Max(row))
		}
	}
	for i := range out {
		out[i] /= max(phones[i], 1)
	}
	return out
}

// completeness is 10 times the share of the tokens that were spoken. Its
// confidence is the probability that the share falls on the label's side of
// Good, each token being spoken, independently, with the logistic probability of its
// evidence against the cost of skipping a phone; the alignment's own choice is
// never the less likely one.
func (s found) completeness(bands []coach.Band, skipPhone float32) coach.Judgement {
	n, said := len(s.spoken), 0
	counts := make([]float64, n+1) // probability of each number of spoken tokens
	counts[0] = 1
	for i, spoken := range s.spoken {
		p := 1 / (1 + math.Exp(float64(skipPhone)-s.evidence[i]))
		if spoken {
			said++
			p = max(p, .5)
		} else {
			p = min(p, .5)
		}
		for k := i + 1; k > 0; k-- {
			counts[k] = counts[k]*(1-p) + counts[k-1]*p
		}
		counts[0] *= 1 - p
	}
	score := func(k int) float64 { return round(10 * float64(k) / float64(n)) }
	j := coach.Judgement{Label: coach.Classify(bands, score(said)), Score: score(said)}
	for k, p := range counts {
		if coach.Classify(bands, score(k)).Clear() == j.Label.Clear() {
			j.Confidence += p
		}
	}
	j.Confidence = round(min(j.Confidence, 1))
	return j
}
