package bots

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// step runs one step under its time limit, turns its panic into an error, names
// it in its error, and reports how it went.
func (j *job) step(ctx context.Context, name string, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, j.StepTimeout, fmt.Errorf("not done after %s", j.StepTimeout))
	defer cancel()
	start := time.Now()
	defer func() {
		if v := recover(); v != nil {
			p := panicError{v}
			j.log.Error("panic", "step", name, "what", p.Error(), "stack", string(debug.Stack()))
			err = p
		}
		d := time.Since(start)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		j.log.Debug("step", "step", name, "took", d, "error", err)
		if j.Observer != nil {
			j.Observer.Step(j.task.Note.Platform, name, d, err)
		}
	}()
	return f(ctx)
}

// panicError is a recovered panic. Its text leaves the value out, which may be
// made of a learner's words, unless the runtime made it.
type panicError struct{ value any }

func (p panicError) Error() string {
	if r, ok := p.value.(runtime.Error); ok {
		return "panic: " + r.Error()
	}
	return fmt.Sprintf("panic with a %T", p.value)
}
