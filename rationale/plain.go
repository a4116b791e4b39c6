package rationale

import (
	"context"
	"slices"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Plain explains without an endpoint: prompts.Choose, worded by
// prompts.Segments. It is stateless and safe for concurrent use.
type Plain struct{}

var _ coach.Explainer = Plain{}

// Explain returns at once; the error is ctx's.
func (Plain) Explain(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	if err := ctx.Err(); err != nil {
		return coach.Rationale{}, err
	}
	claims := prompts.Choose(now, earlier)
	return compose(prompts.Segments(claims, now, earlier), claims, coach.SourcePlain), nil
}

// compose makes a rationale of segments and the claims that they make.
func compose(segments []prompts.Segment, claims []coach.Claim, source coach.Source) coach.Rationale {
	said := slices.DeleteFunc(slices.Clone(claims), func(c coach.Claim) bool {
		return !slices.ContainsFunc(segments, func(s prompts.Segment) bool { return slices.Contains(s.Claims, c.ID) })
	})
	return coach.Rationale{Text: prompts.Join(segments), Source: source, Claims: said}
}
