package rationale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/endpoint"
	"github.com/mynah-coach/mynah/prompts"
)

// Config is an OpenAI-compatible endpoint. Zero values but URL's have defaults.
type Config struct {
	URL       string        // base URL, with the path that the endpoint wants: http://localhost:8080/v1
	Model     string        // "default": what servers of one model ignore
	APIKey    string        // none: no Authorization header is sent
	Timeout   time.Duration // for all tries of one rationale; 8 s
	MaxTokens int           // of an answer; 700
	Failures  int           // calls failing one after another until it is left alone; 5
	Rest      time.Duration // how long it is left alone then; 30 s
	Log       *slog.Logger  // why an answer was not used, without its words; none: not logged
}

// Endpoint explains with the words of a language model, every claim checked.
// It is safe for concurrent use.
type Endpoint struct {
	client  *client
	timeout time.Duration
	log     *slog.Logger
}

var _ coach.Explainer = (*Endpoint)(nil)

// New makes an Endpoint. It doesn't connect: see Check.
func New(cfg Config) (*Endpoint, error) {
	if cfg.Model == "" {
		cfg.Model = "default"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 8 * time.Second
	}
	if cfg.MaxTokens <= 0 {
		cfg.MaxTokens = 700
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Endpoint{client: c, timeout: cfg.Timeout, log: cfg.Log}, nil
}

// Close drops idle connections. The Endpoint can still be used.
func (e *Endpoint) Close() { e.client.Close() }

// Explain answers within the configured timeout, plainly where the endpoint
// doesn't give words that hold. The only error is that of ctx.
func (e *Endpoint) Explain(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	if err := ctx.Err(); err != nil {
		return coach.Rationale{}, err
	}
	t := newTask(now, earlier)
	start := time.Now()
	segments, err := e.worded(ctx, t)
	if ctx.Err() != nil {
		return coach.Rationale{}, ctx.Err()
	}
	took := slog.Duration("took", time.Since(start))
	if err != nil {
		e.log.WarnContext(ctx, "plain rationale used", slog.String("reason", err.Error()), took)
		return compose(t.plain, t.claims, coach.SourcePlain), nil
	}
	e.log.DebugContext(ctx, "rationale worded", took)
	return compose(segments, t.claims, coach.SourceEndpoint), nil
}

// task is what is to be worded.
type task struct {
	claims  []coach.Claim
	now     coach.Assessment
	earlier []coach.Lesson
	plain   []prompts.Segment
}

func newTask(now coach.Assessment, earlier []coach.Lesson) task {
	t := task{claims: prompts.Choose(now, earlier), now: now, earlier: earlier}
	t.plain = prompts.Segments(t.claims, now, earlier)
	return t
}

// worded asks the endpoint, and once more for the claims whose wording broke a
// rule, naming the rule, where there is as much time left as the answer took.
func (e *Endpoint) worded(ctx context.Context, t task) ([]prompts.Segment, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	start := time.Now()
	answer, err := e.ask(ctx, t, nil)
	if err != nil && !errors.Is(err, errNoJSON) {
		return nil, err
	}
	kept, violations := Verify(answer, t.claims, t.now, t.earlier)
	lost := t.lost(answer, kept, violations)
	if end, _ := ctx.Deadline(); len(lost) > 0 && time.Until(end) > time.Since(start) {
		// Where this fails, what was kept may do.
		if again, err := e.ask(ctx, t, lost); err == nil {
			kept, violations = Verify(append(kept, again...), t.claims, t.now, t.earlier)
		}
	}
	if len(kept) == 0 && err != nil {
		return nil, err
	}
	return t.mend(kept, violations)
}

// Worded holds an answer to the rules as Explain does, without asking again for
// what broke one. whole reports that nothing did and that nothing is missing;
// broken are the rules that were.
func Worded(answer string, now coach.Assessment, earlier []coach.Lesson) (why coach.Rationale, whole bool, broken []Rule, err error) {
	t := newTask(now, earlier)
	segments, err := parse(answer)
	if err != nil {
		return coach.Rationale{}, false, nil, err
	}
	kept, violations := Verify(segments, t.claims, now, earlier)
	for _, v := range violations {
		broken = append(broken, v.Rule)
	}
	missing := len(t.lost(segments, kept, violations)) > 0
	if segments, err = t.mend(kept, violations); err != nil {
		return coach.Rationale{}, false, broken, err
	}
	return compose(segments, t.claims, coach.SourceEndpoint), !missing && len(broken) == 0, broken, nil
}

// ask has all claims worded, or those that had problems.
func (e *Endpoint) ask(ctx context.Context, t task, problems map[string]string) ([]prompts.Segment, error) {
	text, err := e.client.complete(ctx, prompts.System(), prompts.Schema(t.claims), func(short bool) string {
		return prompts.User(t.claims, t.now, t.earlier, short, problems)
	})
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// lost names, for each claim that no kept segment makes, what was wrong.
func (t task) lost(answer, kept []prompts.Segment, violations []Violation) map[string]string {
	problems := map[string]string{}
	for _, s := range t.plain {
		for _, id := range s.Claims {
			if !makes(kept, id) {
				problems[id] = "it was missing"
			}
		}
	}
	for _, v := range violations {
		for _, id := range answer[v.Segment].Claims {
			if problems[id] != "" {
				problems[id] = v.Rule.explain()
			}
		}
	}
	return problems
}

// makes reports that one of the segments makes the claim.
func makes(segments []prompts.Segment, id string) bool {
	return slices.ContainsFunc(segments, func(s prompts.Segment) bool { return slices.Contains(s.Claims, id) })
}

// mend puts what was kept in the claims' order and fills its gaps: a cue or a next
// step that was lost is said plainly; a strength or a fix that was lost can't be,
// and is an error, as is an answer that is too long or the same as an earlier one.
func (t task) mend(kept []prompts.Segment, violations []Violation) ([]prompts.Segment, error) {
	var out []prompts.Segment
	for _, c := range t.claims {
		if makes(out, c.ID) {
			continue
		}
		has := func(s prompts.Segment) bool { return slices.Contains(s.Claims, c.ID) }
		switch i := slices.IndexFunc(kept, has); {
		case i >= 0:
			out = append(out, kept[i])
		case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext:
			if j := slices.IndexFunc(t.plain, has); j >= 0 {
				out = append(out, t.plain[j])
			}
		case c.Kind == coach.ClaimStrength || c.Kind == coach.ClaimChange || prompts.IsFix(c):
			return nil, fmt.Errorf("a %s was lost: %w", c.Kind, violated(violations))
		}
	}
	text := prompts.Join(out)
	switch {
	case len(kept) == 0:
		return nil, violated(violations)
	case prompts.Words(text) > prompts.MaxWords:
		return nil, errors.New("the worded rationale is too long")
	case slices.ContainsFunc(t.earlier, func(l coach.Lesson) bool { return l.Rationale.Text == text }):
		return nil, errors.New("the worded rationale is the same as an earlier one")
	}
	return out, nil
}

// Check reports whether the endpoint can be reached and knows its model's
// name, for an operator. It waits for ctx at most.
func (e *Endpoint) Check(ctx context.Context) error {
	models, err := e.client.API.ListModels(ctx)
	if err != nil {
		err = endpoint.Cause(ctx, err)
		var s *endpoint.StatusError
		if errors.As(err, &s) && s.Status == 404 {
			return nil // it is there, and doesn't list its models
		}
		return fmt.Errorf("llm: %w", err)
	}
	known := slices.ContainsFunc(models.Models, func(m openai.Model) bool { return m.ID == e.client.model })
	if !known && e.client.model != "default" && len(models.Models) > 1 {
		return fmt.Errorf("llm: the endpoint lists %d models, and none of the configured name", len(models.Models))
	}
	return nil
}
