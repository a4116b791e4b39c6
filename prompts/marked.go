package prompts

import (
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// maxMarked is how many words Marked shows one by one; of longer sentences it
// shows only those that are not clear.
const maxMarked = 30

// Marked is the sentence of an assessment in one line, a mark's sign before each
// word, with a second line that says what the signs in it stand for: "✓ I · !
// think · ✓ so". It is "" where nothing is to be shown. The words are the
// learner's own, as they wrote them.
func Marked(a coach.Assessment) string {
	long := len(a.Words) > maxMarked
	var words []string
	used := map[coach.Mark]bool{}
	for _, w := range a.Words {
		m := w.Mark()
		if long && m == coach.MarkClear || len(words) == maxMarked {
			continue
		}
		used[m] = true
		words = append(words, m.Sign()+" "+strings.Join(strings.Fields(w.Text), " "))
	}
	if len(words) == 0 {
		return ""
	}
	marks := slices.DeleteFunc(coach.Marks(), func(m coach.Mark) bool { return !used[m] })
	return strings.Join(words, " · ") + "\n(" + marksLine(marks) + ")"
}

// Short is what of a reply's claims a learner hears who wants short
// explanations: the strength, and the first fix with its cue; what to try next
// where there is no fix. The claims keep their order and their IDs.
func Short(claims []coach.Claim) []coach.Claim {
	var short []coach.Claim
	fix := slices.IndexFunc(claims, IsFix)
	for i, c := range claims {
		switch {
		case c.Kind == coach.ClaimStrength,
			i == fix,
			fix >= 0 && i == fix+1 && c.Kind == coach.ClaimCue,
			fix < 0 && c.Kind == coach.ClaimNext:
			short = append(short, c)
		}
	}
	return short
}

// ShortRationale is the plain rationale of an assessment for a learner who
// wants short explanations.
func ShortRationale(a coach.Assessment, earlier []coach.Lesson) coach.Rationale {
	claims := Short(Choose(a, earlier))
	return coach.Rationale{Text: Realise(claims, a, earlier), Source: coach.SourcePlain, Claims: claims}
}
