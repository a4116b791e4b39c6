package bots

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// The gate is what a note passes before anything of it is downloaded: it may
// have been withdrawn, its learner is told at first contact what is stored, and
// may have to say yes or to say what they read. What it waits for stands on the
// desk's shelves before the note goes back to the queue, and the desk wakes the
// note when it is there; so a crash between any two steps costs at most a
// repetition that nobody sees.

var (
	errGone      = errors.New("the note is not to be answered")
	errParked    = errors.New("the note waits for its learner")
	errBeingTold = errors.New("another note of the learner's is about to carry the notice")
	errUndecided = errors.New("the desk changes its mind without end")
)

// desked reports whether the note goes by the desk.
func (j *job) desked() bool { return j.Desk != nil && j.task.Note.Platform != coach.Playground }

// gate returns nil when the note may go on, errGone, errParked, or why it can't
// be known yet.
func (j *job) gate(ctx context.Context) error {
	if !j.desked() {
		return nil
	}
	const most = 5 // stages, and one
	for range most {
		at, v, err := j.stands(ctx)
		if err != nil {
			return err
		}
		switch at {
		case gone:
			return errGone
		case needsNotice:
			err = j.tell(ctx, coach.ConsentNotice)
		case needsConsent:
			if err = j.tell(ctx, coach.ConsentOptIn); err == nil {
				return errParked
			}
		case needsSentence:
			if err = j.ask(ctx, v); err == nil {
				return errParked
			}
		case passes:
			return j.pass(ctx, v)
		}
		if err != nil {
			return err
		}
	}
	return errUndecided
}

// stands asks the desk where the note is.
func (j *job) stands(ctx context.Context) (at stage, v visit, err error) {
	err = j.step(ctx, StepAdmit, func(ctx context.Context) (err error) {
		at, v, err = j.Desk.stands(ctx, j.task.Note)
		return err
	})
	return at, v, err
}

// pass lets the note go on, with the sentence that its learner gave.
func (j *job) pass(ctx context.Context, v visit) error {
	n := &j.task.Note
	if n.Text == "" {
		n.Text = v.Sentence
	}
	if v.Parked.IsZero() && v.Held.IsZero() {
		return nil
	}
	if j.task.Since.IsZero() {
		j.task.Since = time.Now()
	}
	return j.step(ctx, StepAdmit, func(ctx context.Context) error { return j.Desk.arrived(ctx, *n, false) })
}

// tell posts the notice of first contact, which with ConsentOptIn asks, unless
// another note of the learner's has it.
func (j *job) tell(ctx context.Context, kind coach.Consent) error {
	n := j.task.Note
	var mine, told bool
	err := j.step(ctx, StepAdmit, func(ctx context.Context) (err error) {
		mine, told, err = j.Desk.greet(ctx, n, kind)
		return err
	})
	switch {
	case err != nil:
		return err
	case told, !mine && kind == coach.ConsentOptIn:
		return nil
	case !mine:
		return &coach.Snooze{For: time.Second, Cause: errBeingTold}
	}
	return j.step(ctx, StepAsk, func(ctx context.Context) error {
		r, err := j.Desk.firstContact(ctx, n, kind)
		if err != nil {
			return err
		}
		if err := j.show(ctx, r); err != nil {
			return err
		}
		return j.Desk.told(ctx, n)
	})
}

// ask asks for the sentence that the note lacks. Its recording is fetched
// first, for it may be gone before the answer is there.
func (j *job) ask(ctx context.Context, v visit) error {
	n := j.task.Note
	if err := j.step(ctx, StepHold, j.hold); err != nil {
		return err
	}
	return j.step(ctx, StepAsk, func(ctx context.Context) error {
		if err := j.Desk.await(ctx, n); err != nil {
			return err
		}
		if v.Asked {
			return nil
		}
		r, err := j.Desk.question(ctx, n)
		if err != nil {
			return err
		}
		if err := j.show(ctx, r); err != nil {
			return err
		}
		return j.Desk.asked(ctx, n)
	})
}

// show posts a reply that is not the answer.
func (j *job) show(ctx context.Context, r coach.Reply) error {
	if j.adapter == nil {
		return errNoAdapter
	}
	return notLearners(j.adapter.Post(ctx, j.task.Note.Thread, r))
}

// park gives the note back until its learner has answered, or for a while. An
// answer that came while the note was claimed has woken nobody, so the desk is
// asked once more.
func (j *job) park(ctx context.Context) error {
	t := j.task
	j.log.Info("waits for its learner")
	err := j.step(ctx, StepPark, func(ctx context.Context) error { return j.queue.Retry(ctx, t, j.LookAgain, false) })
	if err != nil {
		return lossless(err)
	}
	err = j.step(ctx, StepPark, func(ctx context.Context) error {
		at, _, err := j.Desk.stands(ctx, t.Note)
		if err != nil || at == needsConsent || at == needsSentence {
			return err
		}
		return j.queue.Wake(ctx, t.Note.ID)
	})
	if err != nil { // it is looked at again all the same, later
		j.log.Warn("not looked at after parking", "error", err)
	}
	return nil
}

// drop ends a note that is not to be answered.
func (j *job) drop(ctx context.Context) error {
	n := j.task.Note
	j.log.Info("dropped")
	if err := j.release(ctx); err != nil {
		return err
	}
	err := j.step(ctx, StepAdmit, func(ctx context.Context) error { return j.Desk.arrived(ctx, n, true) })
	if err != nil {
		return err
	}
	return j.finish(ctx)
}

// unwanted reports whether the note, which had passed, is to be dropped after
// all.
func (j *job) unwanted(ctx context.Context) (unwanted bool, err error) {
	if !j.desked() {
		return false, nil
	}
	err = j.step(ctx, StepAdmit, func(ctx context.Context) (err error) {
		unwanted, err = j.Desk.unwanted(ctx, j.task.Note)
		return err
	})
	return unwanted, err
}

// style is how the note's learner wants to be answered.
func (j *job) style(ctx context.Context) (s style, err error) {
	if !j.desked() {
		return style{}, nil
	}
	err = j.step(ctx, StepAdmit, func(ctx context.Context) (err error) {
		s, err = j.Desk.style(ctx, j.task.Note.Learner, j.task.Note.Place)
		return err
	})
	return s, err
}

// working shows on the platform that the note is being worked on, where that
// can be shown.
func (j *job) working(ctx context.Context) {
	in, ok := j.adapter.(coach.Indicator)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, indicatorTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			j.log.Warn("panic of an indicator", "what", fmt.Sprintf("%T", v))
		}
	}()
	if err := in.Working(ctx, j.task.Note); err != nil {
		j.log.Debug("not shown as being worked on", "error", err)
	}
}

// indicatorTimeout bounds what is only a courtesy.
const indicatorTimeout = 2 * time.Second
