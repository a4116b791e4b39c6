package prompts_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

func TestMarked(t *testing.T) {
	a := wrong(say("I think she walked home"), 1, 0, coach.Bad, "S")
	a.Words[1].Accuracy = sure(coach.Bad, 10)
	a.Words[2].Accuracy = sure(coach.Average, 10)
	a.Words[3].Spoken = false
	a.Words[4].Accuracy = judged(coach.Worst, 10, coach.Sure-.01)
	const want = "✓ I · ! think · ~ she · ✗ walked · ? home\n(✓ clear, ~ nearly, ! work on, ? not sure, ✗ not heard)"
	if d := cmp.Diff(want, prompts.Marked(a)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := prompts.Marked(say("I think")); got != "✓ I · ✓ think\n(✓ clear)" {
		t.Errorf("only what is used is explained: %q", got)
	}
	long := say(strings.TrimSpace(strings.Repeat("it is important ", 20)))
	if got := prompts.Marked(long); got != "" {
		t.Errorf("a long sentence without a flaw: %q", got)
	}
	long.Words[30].Accuracy = sure(coach.Bad, 10)
	if got := prompts.Marked(long); got != "! it\n(! work on)" {
		t.Errorf("a long sentence with a flaw: %q", got)
	}
}

// TestShort checks on assessments of any quality that a short reply says a part
// of what the full one would, one fix at most, with its cue.
func TestShort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		a := random(r)
		full := prompts.Choose(a, nil)
		short := prompts.ShortRationale(a, nil)
		fixes := 0
		for i, c := range short.Claims {
			if !slices.ContainsFunc(full, func(f coach.Claim) bool { return cmp.Equal(f, c) }) {
				t.Errorf("the short reply claims %+v, the full one does not", c)
			}
			if prompts.IsFix(c) {
				if fixes++; i+1 == len(short.Claims) || short.Claims[i+1].Kind != coach.ClaimCue {
					t.Errorf("the fix %s comes without its cue", c.ID)
				}
			}
		}
		if hasFix := slices.ContainsFunc(full, prompts.IsFix); fixes > 1 || hasFix != (fixes == 1) {
			t.Errorf("%d fixes; the full reply has some: %t", fixes, hasFix)
		}
		if short.Text == "" || prompts.Words(short.Text) > 80 || short.Source != coach.SourcePlain {
			t.Errorf("%d words: %q", prompts.Words(short.Text), short.Text)
		}
	}
}
