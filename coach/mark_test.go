package coach_test

import (
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

func TestMarks(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range coach.Marks() {
		if s := m.Sign(); seen[s] || m == "" {
			t.Errorf("the mark %q has the sign %q of another", m, s)
		} else {
			seen[s] = true
		}
	}
	for label, want := range map[coach.Label]coach.Mark{
		coach.Worst: coach.MarkWork, coach.Bad: coach.MarkWork, coach.Average: coach.MarkNearly,
		coach.Good: coach.MarkClear, coach.Excellent: coach.MarkClear, coach.Unscored: coach.MarkUnsure,
	} {
		j := coach.Judgement{Label: label, Confidence: coach.Sure}
		if got := j.Mark(); got != want {
			t.Errorf("%v is marked %q, want %q", label, got, want)
		}
		if got := (coach.Word{Spoken: true, Accuracy: j}).Mark(); got != want {
			t.Errorf("a word that is %v is marked %q, want %q", label, got, want)
		}
		if got := (coach.Word{Accuracy: j}).Mark(); got != coach.MarkUnheard {
			t.Errorf("a word that was not spoken is marked %q", got)
		}
		if j.Confidence = coach.Sure - .01; j.Mark() != coach.MarkUnsure {
			t.Errorf("%v that is not sure is marked %q", label, j.Mark())
		}
	}
}
