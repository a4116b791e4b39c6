package prompts

import "github.com/mynah-coach/mynah/coach"

// How sure a claim must be. Precision comes first: a false correction costs a
// learner more than a missed one.
// The thresholds were chosen on speakers held out of training (docs/rationale.md).
const (
	sure   = 0.70 // of a word or a sound: said plainly
	unsure = 0.55 // said as "not sure", and only where there is nothing else

	sureSentence   = 0.55 // the same of the whole sentence, whose labels are steadier
	unsureSentence = 0.40
)

// Where Good begins and the scale ends, at each level (docs/rationale.md).
const (
	phoneGood, phoneMax = 1.5, 2.0
	wordGood, wordMax   = 7.0, 10.0
)

// problem is a lower bound of the probability that the truth is below Good,
// for a label below Good: the label's own probability, or, score being the mean
// of a truth in 0..max, 1 - score/good (Markov's inequality). It is 0 for a
// label that is Good or better, and where there is none.
func problem(j coach.Judgement, good float64) float64 {
	if j.Label < coach.Worst || j.Label > coach.Average {
		return 0
	}
	return bounded(j.Confidence, 1-j.Score/good)
}

// merit is the same for the other half: that the truth is Good or better,
// 1 - (max - score)/(max - good); 0 for a label below Good.
func merit(j coach.Judgement, good, top float64) float64 {
	if j.Label != coach.Good && j.Label != coach.Excellent {
		return 0
	}
	return bounded(j.Confidence, 1-(top-j.Score)/(top-good))
}

// bounded takes the larger of the two bounds. A label that the model itself
// hardly believes in stays at its own probability, whatever its score.
func bounded(confidence, bound float64) float64 {
	const incredible = 0.1
	c := clamp(confidence)
	if c < incredible {
		return c
	}
	return max(c, clamp(bound))
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
	j, good, top := evidence(c, a)
	if !j.Scored() {
		return 1
	}
	return max(problem(j, good), merit(j, good, top))
}

// Unsure reports whether a claim may be made only as "not sure".
func Unsure(c coach.Claim, a coach.Assessment) bool {
	switch c.Kind {
	case coach.ClaimSentence, coach.ClaimWord, coach.ClaimPhone, coach.ClaimPause:
		return Certainty(c, a) < sureOf(c)
	}
	return false
}

// sureOf is the certainty from which a claim is made plainly.
func sureOf(c coach.Claim) float64 {
	if c.Kind == coach.ClaimPause || c.Word == nil {
		return sureSentence
	}
	return sure
}

// evidence is the judgement that a claim rests on, and its level's scale.
func evidence(c coach.Claim, a coach.Assessment) (j coach.Judgement, good, top float64) {
	switch {
	case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext || c.Heard == coach.Missing && c.Phone == nil:
		return coach.Judgement{}, wordGood, wordMax
	case c.Kind == coach.ClaimPause:
		return a.Sentence.Fluency, wordGood, wordMax
	case c.Phone != nil && c.Word != nil:
		if *c.Word < len(a.Words) && *c.Phone < len(a.Words[*c.Word].Phones) {
			return a.Words[*c.Word].Phones[*c.Phone].Accuracy, phoneGood, phoneMax
		}
	case c.Word != nil:
		if *c.Word < len(a.Words) {
			if c.Aspect == coach.Stress {
				return a.Words[*c.Word].Stress, wordGood, wordMax
			}
			return a.Words[*c.Word].Accuracy, wordGood, wordMax
		}
	default:
		return a.Sentence.Of(c.Aspect), wordGood, wordMax
	}
	return coach.Judgement{}, wordGood, wordMax
}
