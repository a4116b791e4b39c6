package prompts

import (
	"slices"

	"github.com/mynah-coach/mynah/coach"
)

// How sure a claim must be. Precision comes first: a false correction costs a
// learner more than a missed one. The thresholds were chosen on speakers held
// out of training (docs/rationale.md).
const (
	sure   = coach.Sure // said plainly
	unsure = 0.60       // said as "not sure", and only where there is nothing else

	// doubtless is how sure we are that a sentence was clear where a reply may find
	// nothing to work on in it: praise that poor speech gets is the worst advice.
	doubtless = 0.95
)

// Doubtful reports that a sentence may well have been less clear than its labels
// say: that its accuracy is Good is not sure enough, or a word is below Good of
// which nothing sure can be said.
func Doubtful(a coach.Assessment) bool {
	return a.Sentence.Accuracy.Scored() && merit(a.Sentence.Accuracy) < doubtless ||
		slices.ContainsFunc(a.Words, func(w coach.Word) bool { return w.Accuracy.Scored() && !w.Accuracy.Label.Clear() })
}

// problem is the probability that experts would hear a problem (below Good) in
// what has this judgement; 0 for a label that is Good or better, and where
// there is none.
func problem(j coach.Judgement) float64 {
	if !j.Scored() || j.Label.Clear() {
		return 0
	}
	return clamp(j.Confidence)
}

// merit is the same for the other half: that experts would hear none; 0 for a
// label below Good.
func merit(j coach.Judgement) float64 {
	if !j.Label.Clear() {
		return 0
	}
	return clamp(j.Confidence)
}

// clamp maps what is no probability (NaN too) into 0..1.
func clamp(p float64) float64 {
	if !(p > 0) {
		return 0
	}
	return min(p, 1)
}

// Certainty is how sure we are of what a claim says about the assessment it was
// made from, 0-1; 1 for a claim that rests on no label (a skipped word, a cue).
func Certainty(c coach.Claim, a coach.Assessment) float64 {
	j := evidence(c, a)
	if !j.Scored() {
		return 1
	}
	return clamp(j.Confidence)
}

// Unsure reports whether a claim may be made only as "not sure".
func Unsure(c coach.Claim, a coach.Assessment) bool {
	switch c.Kind {
	case coach.ClaimNext:
		return c.Aspect != "" // asks for the sentence again, because of doubt
	case coach.ClaimSentence, coach.ClaimWord, coach.ClaimPhone, coach.ClaimPause:
		return Certainty(c, a) < sure
	}
	return false
}

// evidence is the judgement that a claim rests on, Unscored for a claim that
// rests on none.
func evidence(c coach.Claim, a coach.Assessment) coach.Judgement {
	switch {
	case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext || c.Heard == coach.Missing && c.Phone == nil:
		return coach.Judgement{}
	case c.Kind == coach.ClaimPause:
		return a.Sentence.Fluency
	case c.Phone != nil && c.Word != nil:
		if *c.Word < len(a.Words) && *c.Phone < len(a.Words[*c.Word].Phones) {
			return a.Words[*c.Word].Phones[*c.Phone].Accuracy
		}
	case c.Word != nil:
		if *c.Word < len(a.Words) {
			if c.Aspect == coach.Stress {
				return a.Words[*c.Word].Stress
			}
			return a.Words[*c.Word].Accuracy
		}
	default:
		return a.Sentence.Of(c.Aspect)
	}
	return coach.Judgement{}
}
