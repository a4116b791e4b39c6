package scorer

import (
	"fmt"
	"math"
	"slices"

	"github.com/mynah-coach/mynah/coach"
)

// Tops of the corpus's scales.
const (
	topScore      = 10 // of sentences and words
	topPhoneScore = 2
)

// assessment turns scores into labels.
type assessment struct {
	manifest *Manifest
	tokens   []Token
	lattice  *lattice
	found    found
	scores   Scores
	classes  int
}

// build makes the words, pauses and judgements; the caller adds the rest.
func (a assessment) build(t timing) coach.Assessment {
	spans, pauses := t.place()
	out := coach.Assessment{Words: make([]coach.Word, len(a.tokens)), Pauses: pauses}
	next, word := 0, 0 // segment, word of the scores
	for i, token := range a.tokens {
		w := &out.Words[i]
		w.Text, w.Spoken = token.Text, a.found.spoken[i]
		first := next
		for next < len(spans) && a.found.segments[next].token == i {
			next++
		}
		if w.Spoken {
			a.fill(w, spans, first, next, word)
		} else {
			for _, s := range a.lattice.usual[i] {
				w.Phones = append(w.Phones, a.phone(a.lattice.sounds[s]))
			}
		}
		if next > first { // it was spoken, or attempted
			word++
		}
	}
	bands := a.manifest.Rubric.Sentence
	out.Sentence = coach.SentenceJudgements{
		Accuracy:     judgement(bands, a.scores.Sentence, a.scores.SentenceProbs, 0, topScore),
		Fluency:      judgement(bands, a.scores.Sentence, a.scores.SentenceProbs, 1, topScore),
		Prosody:      judgement(bands, a.scores.Sentence, a.scores.SentenceProbs, 2, topScore),
		Completeness: a.found.completeness(bands, a.manifest.Refusal.detours().skipPhone),
	}
	return out
}

// fill gives a spoken word its phones, segments [first, end), and its judgements,
// those of the scores' k-th word.
func (a assessment) fill(w *coach.Word, spans []coach.Span, first, end, k int) {
	rubric := a.manifest.Rubric
	for i := first; i < end; i++ {
		p := a.phone(a.found.segments[i].latticeSound)
		p.Span = spans[i]
		p.Accuracy = judgement(rubric.Phone, a.scores.Phone, a.scores.PhoneProbs, i, topPhoneScore)
		p.Heard = a.heard(i, a.found.segments[i].class, p.Accuracy.Label)
		w.Phones = append(w.Phones, p)
	}
	w.Start, w.End = spans[first].Start, spans[end-1].End
	w.Accuracy = judgement(rubric.Word, a.scores.Word, a.scores.WordProbs, k, topScore)
	w.Stress = judgement(rubric.Word, a.scores.Stress, a.scores.StressProbs, k, topScore)
}

// phone is an expected phoneme without anything about its realisation.
func (a assessment) phone(s latticeSound) coach.Phone {
	info := a.manifest.Phonemes[s.class-1]
	p := coach.Phone{Expected: info.ARPAbet, IPA: info.IPA}
	if info.Vowel {
		p.Stress = s.stress
		if s.stress == 0 && info.IPAUnstressed != "" {
			p.IPA = info.IPAUnstressed
		}
	}
	return p
}

// heard applies the manifest's rule to phone i: what was said in its place, nil
// where it was itself or there is no telling.
func (a assessment) heard(i, class int, label coach.Label) *coach.Phoneme {
	rule := a.manifest.Heard
	if label == coach.Unscored || label > rule.MaxLabel {
		return nil
	}
	row := a.scores.Heard[i*a.classes : (i+1)*a.classes]
	best := 0
	for c, p := range row {
		if p > row[best] {
			best = c
		}
	}
	if best == class || float64(row[best]) < rule.MinProbability {
		return nil
	}
	said := coach.Missing
	if best != 0 {
		other := a.manifest.Phonemes[best-1]
		if other.Vowel != a.manifest.Phonemes[class-1].Vowel {
			return nil // nobody says a vowel for a consonant: it is a neighbour that was heard
		}
		said = other.ARPAbet
	}
	return &said
}

// judgement reads the i-th score and its class probabilities. Its confidence is
// the sum over the classes on the label's side of Good.
func judgement(bands []coach.Band, scores, probs []float32, i int, top float64) coach.Judgement {
	j := coach.Judgement{Score: round(min(max(float64(scores[i]), 0), top))}
	j.Label = coach.Classify(bands, j.Score)
	if j.Label == coach.Unscored {
		return j
	}
	labels := coach.Labels()
	var p float64
	for k, l := range labels {
		if l.Clear() == j.Label.Clear() {
			p += float64(probs[i*len(labels)+k])
		}
	}
	j.Confidence = round(min(max(p, 0), 1))
	return j
}

// round keeps three decimals: what is shown is what was classified.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// check refuses scores that are not of these phones, or no numbers.
func (s Scores) check(phones []AlignedPhone, classes int) error {
	n, w, labels := len(phones), phones[len(phones)-1].Word+1, len(coach.Labels())
	for _, v := range []struct {
		name   string
		values []float32
		want   int
	}{
		{"phone", s.Phone, n}, {"phone probabilities", s.PhoneProbs, n * labels},
		{"word", s.Word, w}, {"word probabilities", s.WordProbs, w * labels},
		{"stress", s.Stress, w}, {"stress probabilities", s.StressProbs, w * labels},
		{"sentence", s.Sentence, 3}, {"sentence probabilities", s.SentenceProbs, 3 * labels},
		{"heard", s.Heard, n * classes},
	} {
		if len(v.values) != v.want {
			return fmt.Errorf("scoring graph gave %d values for %s, want %d", len(v.values), v.name, v.want)
		}
		if slices.ContainsFunc(v.values, notFinite) {
			return fmt.Errorf("scoring graph gave a value that is not finite for %s", v.name)
		}
	}
	return nil
}
