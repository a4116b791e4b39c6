package prompts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// maxFixes is the most corrections that one reply makes.
const maxFixes = 2

// Choose picks what a reply says about an assessment: a true, specific strength
// where there is one, what has become better since an earlier lesson, at most
// two fixes with a cue for each, and one thing to try next. Claims come in the
// order in which they are said, with IDs "c1", "c2", ...; a fix's cue follows
// it. earlier comes newest first.
//
// Fixes are ranked by severity x certainty x functional load x how often the
// sound is met (docs/rationale.md); what we are not sure of is claimed only
// where there is nothing else, and then as "not sure".
func Choose(a coach.Assessment, earlier []coach.Lesson) []coach.Claim {
	a = sane(a)
	var claims []coach.Claim
	fixes := pick(a, candidates(a, earlier))
	better, changed := change(a, earlier)
	onward := next(fixes, better, a, earlier)
	said := slices.Clone(fixes)
	if changed {
		said = append(said, better)
	}
	if onward.Phone != nil {
		said = append(said, onward)
	}
	if s, ok := strength(a, earlier, said); ok {
		claims = append(claims, s)
	}
	if changed {
		claims = append(claims, better)
	}
	for _, f := range fixes {
		n := met(about(f, a), earlier)
		how := cue(f, a, n, len(fixes))
		if slices.ContainsFunc(claims, func(c coach.Claim) bool { return c.Kind == coach.ClaimCue && c.Text == how.Text }) {
			how = cue(f, a, n+1, len(fixes)) // two words get two ways
		}
		claims = append(claims, f, how)
	}
	claims = append(claims, onward)
	for i := range claims {
		claims[i].ID = fmt.Sprintf("c%d", i+1)
	}
	return claims
}

// IsFix reports whether a claim asks for something to be done better.
func IsFix(c coach.Claim) bool {
	switch c.Kind {
	case coach.ClaimSentence, coach.ClaimWord, coach.ClaimPhone, coach.ClaimPause:
		return true
	}
	return false
}

// sane drops the pauses that a claim could not stand on: those that lie outside
// the sentence, are too short to notice, follow a word that was not made out, or
// stand where its punctuation asks for one.
func sane(a coach.Assessment) coach.Assessment {
	marked := punctuated(a)
	a.Pauses = slices.DeleteFunc(slices.Clone(a.Pauses), func(p coach.Pause) bool {
		return p.After < 0 || p.After >= len(a.Words)-1 || !(p.End-p.Start >= longPause) ||
			!a.Words[p.After].Spoken || marked[p.After]
	})
	return a
}

const longPause = 0.35 // seconds inside a sentence that a listener notices

// breaks is how much a pause breaks its sentence: its seconds, more after a
// small word, which belongs to the one that follows.
func breaks(a coach.Assessment, p coach.Pause) float64 {
	seconds := p.End - p.Start
	if FunctionWord(a.Words[p.After].Text) {
		return 1.5 * seconds
	}
	return seconds
}

// punctuated returns the words of the sentence that a mark follows.
func punctuated(a coach.Assessment) map[int]bool {
	marked := map[int]bool{}
	rest := a.Text
	for i, w := range a.Words {
		at := strings.Index(rest, w.Text)
		if at < 0 || w.Text == "" {
			return marked // the words are not the text's: nothing more can be said
		}
		rest = rest[at+len(w.Text):]
		between, _, _ := strings.Cut(rest, " ")
		marked[i] = strings.ContainsAny(between, ",;:.!?…–—()")
	}
	return marked
}

// candidate is a fix that could be made.
type candidate struct {
	claim    coach.Claim
	priority float64
	minor    bool
}

// severity weighs a label.
func severity(l coach.Label) float64 {
	switch l {
	case coach.Worst:
		return 1
	case coach.Bad:
		return .85
	case coach.Average:
		return .5
	}
	return 0
}

// weigh is the formula of docs/rationale.md.
func weigh(l coach.Label, certainty float64, load int) float64 {
	return severity(l) * certainty * (.5 + float64(load)/200)
}

// candidates returns every fix that the assessment bears out, unranked.
func candidates(a coach.Assessment, earlier []coach.Lesson) []candidate {
	var all []candidate
	add := func(c coach.Claim, priority float64, minor bool) {
		if n := met(about(c, a), earlier); n < 3 {
			priority *= 1 + .15*float64(n) // it is a habit, not a slip
		} else {
			priority *= .8 // it needs a rest
		}
		all = append(all, candidate{c, priority, minor})
	}
	for i, w := range a.Words {
		if !w.Spoken {
			continue
		}
		phones, whole := wordProblems(a, i)
		if whole != nil {
			add(*whole, weigh(whole.Label, problem(w.Accuracy), loadWholeWord)*weight(w), false)
		}
		for _, c := range phones {
			p := w.Phones[*c.Phone]
			certain := problem(p.Accuracy)
			priority := weigh(c.Label, certain, load(c.Expected, c.Heard, final(w, *c.Phone))) * weight(w)
			if w.Accuracy.Label >= coach.Good {
				priority *= .7 // the word as a whole was fine
			}
			add(c, priority, minor(c.Expected, c.Heard))
		}
		if c, ok := stressProblem(a, i); ok {
			add(c, weigh(c.Label, problem(w.Stress), loadStress), false)
		}
	}
	if c, ok := skipped(a); ok {
		p := .9 * (.5 + float64(loadSkippedWord)/200)
		add(c, p*weight(a.Words[*c.Word]), false)
	}
	for _, c := range sentenceProblems(a) {
		j := a.Sentence.Of(c.Aspect)
		load := 70
		if c.Aspect == weakest(a.Sentence) {
			load = 100
		}
		add(c, weigh(c.Label, problem(j), load)*.9, false)
	}
	for i := range all {
		all[i].priority *= recurring(all[i].claim, all)
	}
	return all
}

// weight makes small words count less: they are weak in good speech.
func weight(w coach.Word) float64 {
	if FunctionWord(w.Text) {
		return .5
	}
	return 1
}

// recurring raises a sound that fails in several words of the sentence.
func recurring(c coach.Claim, all []candidate) float64 {
	n := 0
	for _, o := range all {
		if c.Kind == coach.ClaimPhone && o.claim.Kind == c.Kind && o.claim.Expected == c.Expected && o.claim.Heard == c.Heard {
			n++
		}
	}
	return 1 + .1*float64(min(max(n-1, 0), 3))
}

// wordProblems returns a word's phones below Good, or a claim about the word
// as a whole: where most of it failed, or where no one phone stands out.
func wordProblems(a coach.Assessment, i int) (phones []coach.Claim, whole *coach.Claim) {
	w := a.Words[i]
	known, plain := 0, 0 // phones that we have words for; those to be claimed plainly
	for j, p := range w.Phones {
		s, ok := soundOf(p)
		if !ok {
			continue
		}
		known++
		if problem(p.Accuracy) < unsure {
			continue
		}
		c := coach.Claim{
			Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Word: ptr(i), Phone: ptr(j),
			Label: p.Accuracy.Label, Confidence: p.Accuracy.Confidence, Expected: s.Phoneme,
		}
		if p.Heard != nil && *p.Heard != p.Expected {
			c.Heard = *p.Heard
		}
		phones = append(phones, c)
		if problem(p.Accuracy) >= sure {
			plain++
		}
	}
	most := len(phones) >= 3 && len(phones)*2 >= known
	// Of a whole word only what is sure is said: "perhaps this word" helps nobody.
	if problem(w.Accuracy) >= sure && (most || plain == 0) {
		return nil, &coach.Claim{
			Kind: coach.ClaimWord, Aspect: coach.Accuracy, Word: ptr(i),
			Label: w.Accuracy.Label, Confidence: w.Accuracy.Confidence,
		}
	}
	return phones, nil
}

func stressProblem(a coach.Assessment, i int) (coach.Claim, bool) {
	w := a.Words[i]
	if _, _, ok := stressed(w); !ok || problem(w.Stress) < sure {
		return coach.Claim{}, false
	}
	return coach.Claim{
		Kind: coach.ClaimWord, Aspect: coach.Stress, Word: ptr(i),
		Label: w.Stress.Label, Confidence: w.Stress.Confidence,
	}, true
}

// skipped claims the first word that was not spoken, one that carries meaning
// where there is one.
func skipped(a coach.Assessment) (coach.Claim, bool) {
	at := -1
	for i, w := range a.Words {
		if !w.Spoken && (at < 0 || FunctionWord(a.Words[at].Text) && !FunctionWord(w.Text)) {
			at = i
		}
	}
	if at < 0 {
		return coach.Claim{}, false
	}
	return coach.Claim{Kind: coach.ClaimWord, Aspect: coach.Completeness, Word: ptr(at), Heard: coach.Missing}, true
}

// sentenceProblems claims fluency (as a pause, where one shows), prosody, and
// accuracy.
func sentenceProblems(a coach.Assessment) []coach.Claim {
	var cs []coach.Claim
	for _, aspect := range []coach.Aspect{coach.Fluency, coach.Prosody, coach.Accuracy} {
		j := a.Sentence.Of(aspect)
		if problem(j) < unsure {
			continue
		}
		c := coach.Claim{Kind: coach.ClaimSentence, Aspect: aspect, Label: j.Label, Confidence: j.Confidence}
		if aspect == coach.Fluency && len(a.Pauses) > 0 {
			worst := slices.MaxFunc(a.Pauses, func(x, y coach.Pause) int { return cmp.Compare(breaks(a, x), breaks(a, y)) })
			c.Kind, c.Word = coach.ClaimPause, ptr(worst.After)
		}
		cs = append(cs, c)
	}
	return cs
}

// weakest is the aspect with the lowest label, by score where labels are equal.
func weakest(s coach.SentenceJudgements) coach.Aspect {
	at := coach.Accuracy
	for _, x := range []coach.Aspect{coach.Fluency, coach.Prosody} {
		j, k := s.Of(x), s.Of(at)
		if j.Scored() && (!k.Scored() || j.Label < k.Label || j.Label == k.Label && j.Score < k.Score) {
			at = x
		}
	}
	return at
}

// pick ranks the candidates and takes at most two: what we are sure of, in
// different places and about different things. Substitutions of th come after
// all else. What we are not sure of is taken only alone.
func pick(a coach.Assessment, all []candidate) []coach.Claim {
	const worthwhile = .15
	rank := func(x, y candidate) int {
		if x.minor != y.minor {
			if x.minor {
				return 1
			}
			return -1
		}
		return cmp.Compare(y.priority, x.priority)
	}
	slices.SortStableFunc(all, rank)
	var fixes []coach.Claim
	take := func(want func(candidate) bool) {
		for _, c := range all {
			if len(fixes) < maxFixes && want(c) && !slices.ContainsFunc(fixes, func(f coach.Claim) bool { return clash(f, c.claim, a) }) {
				fixes = append(fixes, c.claim)
			}
		}
	}
	overall := func(c candidate) bool { return c.claim.Kind == coach.ClaimSentence && c.claim.Aspect == coach.Accuracy }
	take(func(c candidate) bool {
		return c.priority >= worthwhile && !Unsure(c.claim, a) && !overall(c)
	})
	if len(fixes) == 0 {
		take(func(c candidate) bool { return overall(c) && !Unsure(c.claim, a) })
	}
	if len(fixes) == 0 { // a small thing; but every display marks its word
		take(func(c candidate) bool {
			return !Unsure(c.claim, a) && c.claim.Word != nil && problem(a.Words[*c.claim.Word].Accuracy) >= sure
		})
		fixes = fixes[:min(1, len(fixes))]
	}
	if len(fixes) == 0 {
		take(func(c candidate) bool { return c.priority >= worthwhile && !c.minor && !overall(c) })
		fixes = fixes[:min(1, len(fixes))]
	}
	return fixes
}

// clash reports two fixes that would say nearly the same.
func clash(f, g coach.Claim, a coach.Assessment) bool {
	if about(f, a) == about(g, a) {
		return true
	}
	if f.Word != nil && g.Word != nil && *f.Word == *g.Word {
		return true
	}
	flow := func(c coach.Claim) bool {
		return c.Kind == coach.ClaimPause || c.Kind == coach.ClaimSentence
	}
	return flow(f) && flow(g)
}

// about names what a claim is about across lessons: the same sound in another
// word is the same, the same word in another sentence too. "" for cues and the
// like.
func about(c coach.Claim, a coach.Assessment) string {
	word := func() string {
		if c.Word == nil || *c.Word < 0 || *c.Word >= len(a.Words) {
			return ""
		}
		return strings.ToLower(a.Words[*c.Word].Text)
	}
	switch {
	case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext:
		return ""
	case c.Kind == coach.ClaimPause:
		return "sentence " + string(coach.Fluency)
	case c.Phone != nil:
		sound := string(c.Expected)
		if p := phoneAt(c, a); p != nil && weak(*p) {
			sound = "weak " + sound
		}
		if c.Heard == coach.Missing {
			return "dropped " + sound
		}
		return "sound " + sound
	case c.Word != nil && c.Heard == coach.Missing:
		return "skipped"
	case c.Word != nil && c.Aspect == coach.Stress:
		return "stress " + word()
	case c.Word != nil:
		return "word " + word()
	}
	return "sentence " + string(c.Aspect)
}

// met counts the earlier lessons that asked for the same fix.
func met(what string, earlier []coach.Lesson) int {
	n := 0
	for _, l := range earlier {
		if slices.ContainsFunc(l.Rationale.Claims, func(c coach.Claim) bool { return IsFix(c) && about(c, l.Assessment) == what }) {
			n++
		}
	}
	return n
}

func ptr(i int) *int { return &i }
