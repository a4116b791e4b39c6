package prompts

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// praiseworthy is how sure a strength must be of a word or a sound: praise
// that isn't deserved costs trust as a false correction does.
const praiseworthy = .9

// strength picks one thing that went well, from a label that bears it out, in
// another place than what else is said, and rather not one praised of late.
// Speech that is poor as a whole is praised for nothing general: for words that
// were clear, or for what was certainly done, reading all of it; nor are the
// sounds of speech that may be. False where there is nothing.
func strength(a coach.Assessment, earlier []coach.Lesson, said []coach.Claim) (coach.Claim, bool) {
	type praise struct {
		claim coach.Claim
		value float64
	}
	var all []praise
	poor := problem(a.Sentence.Accuracy) > 0 && a.Sentence.Accuracy.Label <= coach.Bad
	add := func(c coach.Claim, value float64) {
		c.Kind = coach.ClaimStrength
		value *= novelty(c, a, earlier)
		all = append(all, praise{c, value})
	}
	taken := func(i int) bool {
		return slices.ContainsFunc(said, func(f coach.Claim) bool { return f.Word != nil && *f.Word == i })
	}
	for i, w := range a.Words {
		if !w.Spoken || taken(i) || FunctionWord(w.Text) || merit(w.Accuracy) < praiseworthy {
			continue
		}
		if c := (coach.Claim{Aspect: coach.Accuracy, Word: ptr(i), Label: w.Accuracy.Label, Confidence: w.Accuracy.Confidence}); len(w.Phones) >= 3 {
			add(c, .5+.04*float64(min(len(w.Phones), 8)))
		}
		for j, p := range w.Phones {
			s, ok := soundOf(p)
			if !ok || merit(p.Accuracy) < praiseworthy || wanting(a, p.Expected) {
				continue
			}
			add(coach.Claim{
				Aspect: coach.Accuracy, Word: ptr(i), Phone: ptr(j), Label: p.Accuracy.Label,
				Confidence: p.Accuracy.Confidence, Expected: s.Phoneme,
			}, difficulty(p.Expected))
		}
	}
	for _, o := range []struct {
		aspect coach.Aspect
		value  float64
	}{{coach.Fluency, .6}, {coach.Prosody, .58}, {coach.Accuracy, .5}} {
		aspect, value := o.aspect, o.value
		j := a.Sentence.Of(aspect)
		if aspect == coach.Accuracy && Doubtful(a) {
			continue
		}
		if !poor && merit(j) >= sure && !slices.ContainsFunc(said, func(f coach.Claim) bool { return f.Word == nil }) {
			if j.Label == coach.Excellent {
				value += .1
			}
			add(coach.Claim{Aspect: aspect, Label: j.Label, Confidence: j.Confidence}, value)
		}
	}
	if j := a.Sentence.Completeness; j.Label == coach.Excellent && complete(a) {
		value := .3
		if poor {
			value = .95
		}
		add(coach.Claim{Aspect: coach.Completeness, Label: j.Label, Confidence: j.Confidence}, value)
	}
	if len(all) == 0 {
		return best(a, said)
	}
	slices.SortStableFunc(all, func(x, y praise) int {
		return cmp.Or(cmp.Compare(y.value, x.value), strings.Compare(about(x.claim, a), about(y.claim, a)))
	})
	return all[0].claim, true
}

// novelty is 1 for a strength that no recent lesson praised, and the less the
// more recently one did.
func novelty(c coach.Claim, a coach.Assessment, earlier []coach.Lesson) float64 {
	const recent = 4
	for i, l := range earlier[:min(recent, len(earlier))] {
		if slices.ContainsFunc(l.Rationale.Claims, func(o coach.Claim) bool {
			return o.Kind == coach.ClaimStrength && about(o, l.Assessment) == about(c, a)
		}) {
			return .5 + .1*float64(i)
		}
	}
	return 1
}

// best is the clearest word of speech in which nothing is Good: that it was the
// clearest is true of any word that scored highest, and Average at least.
func best(a coach.Assessment, said []coach.Claim) (coach.Claim, bool) {
	at := -1
	for i, w := range a.Words {
		taken := slices.ContainsFunc(said, func(f coach.Claim) bool { return f.Word != nil && *f.Word == i })
		if w.Spoken && !taken && w.Accuracy.Label >= coach.Average && (at < 0 || w.Accuracy.Score > a.Words[at].Accuracy.Score) {
			at = i
		}
	}
	for _, w := range a.Words {
		if at >= 0 && w.Spoken && w.Accuracy.Score > a.Words[at].Accuracy.Score {
			return coach.Claim{}, false // the clearest one is to be worked on
		}
	}
	if at < 0 || len(a.Words) < 2 {
		return coach.Claim{}, false
	}
	j := a.Words[at].Accuracy
	return coach.Claim{
		Kind: coach.ClaimStrength, Aspect: coach.Accuracy, Word: ptr(at), Label: j.Label, Confidence: j.Confidence,
	}, true
}

// complete reports that every word was spoken.
func complete(a coach.Assessment) bool {
	return len(a.Words) > 1 && !slices.ContainsFunc(a.Words, func(w coach.Word) bool { return !w.Spoken })
}

// wanting reports that a phoneme is below Good somewhere in the sentence.
func wanting(a coach.Assessment, p coach.Phoneme) bool {
	for _, w := range a.Words {
		for _, ph := range w.Phones {
			if ph.Expected == p && ph.Accuracy.Scored() && ph.Accuracy.Label <= coach.Average {
				return true
			}
		}
	}
	return false
}

// difficulty says how much of an achievement a sound is for learners of English,
// 0-1.
func difficulty(p coach.Phoneme) float64 {
	switch p {
	case "TH", "R", "L":
		return .9
	case "V", "ER", "DH", "ZH":
		return .85
	case "Z", "AE", "IH", "NG", "W":
		return .72
	case "SH", "CH", "JH", "UH", "IY", "AO":
		return .65
	}
	return .4
}

// What counts as a change beyond noise: a step of the label, and of the score
// at least this much.
const (
	phoneStep = .5
	wordStep  = 2.0
	aspectGap = 1.0
)

// change finds what has become better: a fix of the last time that this text was
// read which is Good now; an aspect of it that rose by a class; or, in another
// text, a sound of the last lesson's fixes that is Good everywhere now.
func change(a coach.Assessment, earlier []coach.Lesson) (coach.Claim, bool) {
	for _, l := range earlier {
		if same(l.Assessment, a) {
			if c, ok := mended(a, l); ok {
				return c, true
			}
			return risen(a, l.Assessment)
		}
	}
	if len(earlier) > 0 {
		return carried(a, earlier[0])
	}
	return coach.Claim{}, false
}

// same reports the same text, in any case and spacing.
func same(x, y coach.Assessment) bool {
	return len(x.Words) == len(y.Words) && slices.EqualFunc(x.Words, y.Words, func(v, w coach.Word) bool { return strings.EqualFold(v.Text, w.Text) })
}

func mended(a coach.Assessment, l coach.Lesson) (coach.Claim, bool) {
	for _, f := range l.Rationale.Claims {
		if !IsFix(f) || f.Word == nil || f.Kind == coach.ClaimPause || f.Aspect == coach.Completeness {
			continue
		}
		c := f
		c.Kind, c.Heard, c.Text = coach.ClaimChange, "", ""
		was := evidence(c, l.Assessment)
		now := evidence(c, a)
		step := wordStep
		if c.Phone != nil {
			step = phoneStep
			if !samePhone(c, a, l.Assessment) {
				continue
			}
		}
		if merit(now) >= praiseworthy && problem(was) >= sure && now.Score-was.Score >= step {
			c.Label, c.Confidence = now.Label, now.Confidence
			return c, true
		}
	}
	return coach.Claim{}, false
}

// samePhone reports that both assessments expect the same phoneme there: a word
// may have been said in another of its pronunciations.
func samePhone(c coach.Claim, x, y coach.Assessment) bool {
	px, py := phoneAt(c, x), phoneAt(c, y)
	return px != nil && py != nil && px.Expected == py.Expected && px.Expected == c.Expected
}

func phoneAt(c coach.Claim, a coach.Assessment) *coach.Phone {
	if c.Word == nil || c.Phone == nil || *c.Word < 0 || *c.Word >= len(a.Words) {
		return nil
	}
	if w := a.Words[*c.Word]; *c.Phone >= 0 && *c.Phone < len(w.Phones) {
		return &w.Phones[*c.Phone]
	}
	return nil
}

func risen(a, before coach.Assessment) (coach.Claim, bool) {
	for _, aspect := range []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody} {
		now, was := a.Sentence.Of(aspect), before.Sentence.Of(aspect)
		if was.Scored() && now.Label > was.Label && now.Label >= coach.Average && now.Score-was.Score >= aspectGap &&
			clamp(now.Confidence) >= unsure && clamp(was.Confidence) >= unsure {
			return coach.Claim{Kind: coach.ClaimChange, Aspect: aspect, Label: now.Label, Confidence: now.Confidence}, true
		}
	}
	return coach.Claim{}, false
}

func carried(a coach.Assessment, last coach.Lesson) (coach.Claim, bool) {
	for _, f := range last.Rationale.Claims {
		before := phoneAt(f, last.Assessment)
		if f.Kind != coach.ClaimPhone || before == nil || wanting(a, f.Expected) {
			continue
		}
		for i, w := range a.Words {
			for j, p := range w.Phones {
				if w.Spoken && !FunctionWord(w.Text) && p.Expected == f.Expected && weak(p) == weak(*before) && merit(p.Accuracy) >= praiseworthy {
					return coach.Claim{
						Kind: coach.ClaimChange, Aspect: coach.Accuracy, Word: ptr(i), Phone: ptr(j),
						Label: p.Accuracy.Label, Confidence: p.Accuracy.Confidence, Expected: f.Expected,
					}, true
				}
			}
		}
	}
	return coach.Claim{}, false
}
