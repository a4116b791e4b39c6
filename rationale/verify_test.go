package rationale_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// The plain realiser is the first to be held to the verifier's rules.
func TestVerifyPassesThePlainWording(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 3000 {
		a := random(r)
		var earlier []coach.Lesson
		for range 1 + n%3 {
			claims := prompts.Choose(a, earlier)
			segments := prompts.Segments(claims, a, earlier)
			kept, broken := rationale.Verify(segments, claims, a)
			if len(broken) > 0 {
				for _, b := range broken {
					t.Errorf("%s: %q", b.Rule, segments[b.Segment].Text)
				}
			}
			_ = kept
			earlier = append([]coach.Lesson{{Assessment: a, Rationale: coach.Rationale{Text: prompts.Join(segments), Claims: claims}}}, earlier...)
			if t.Failed() && n > 200 {
				t.FailNow()
			}
		}
	}
}
