package bots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// job is one attempt at one note.
type job struct {
	*Worker
	task    *coach.Task
	adapter coach.Adapter // nil where the note's platform is off
	log     *slog.Logger
}

// crashShare is how many more attempts a note gets, as a multiple, where they
// end without a word: a service that is restarted again and again, for reasons
// of its own, should not cost anyone their answer.
const crashShare = 3

var (
	errStopping  = errors.New("the service is stopping")
	errNoAdapter = errors.New("the note's platform is not connected")
	errExhausted = errors.New("earlier attempts ended without a word")
)

// run answers the note, or leaves it as its error asks. It returns an error
// only when that can't be written down.
func (j *job) run(ctx, stop context.Context) error {
	var err error
	switch t := j.task; {
	case t.Reply != nil && t.Reply.Kind == coach.ReplyApology: // a crash came between apology and burial
		return j.giveUp(ctx, errors.New(t.LastError))
	case t.Attempt > crashShare*j.MaxAttempts:
		err = errExhausted
	default:
		err = j.answer(ctx, stop)
		if errors.Is(err, errGone) {
			err = j.drop(ctx)
		}
	}
	return j.settle(ctx, stop, err)
}

// answer takes the note through all steps that are missing.
func (j *job) answer(ctx, stop context.Context) error {
	t := j.task
	if t.Reply == nil {
		if err := j.reply(ctx, stop); err != nil {
			return err
		}
	}
	if !t.Posted {
		if stop.Err() != nil {
			return errStopping
		}
		if err := j.post(ctx); err != nil {
			return err
		}
		if err := j.queue.Save(ctx, t); err != nil {
			return err
		}
	}
	if err := j.remember(ctx); err != nil {
		return err
	}
	if err := j.release(ctx); err != nil {
		return err
	}
	return j.finish(ctx)
}

// remember keeps what was answered: the lesson, for the learner's next time,
// and that there was a note, for the place's owner.
func (j *job) remember(ctx context.Context) error {
	t := j.task
	if t.Reply.Kind != coach.ReplyCoaching && !j.desked() {
		return nil
	}
	return j.step(ctx, StepRemember, func(ctx context.Context) error {
		if t.Reply.Kind == coach.ReplyCoaching {
			err := j.history.Remember(ctx, t.Note.Learner, coach.Lesson{
				Note: t.Note.ID, At: t.Note.Received, Assessment: *t.Reply.Assessment, Rationale: *t.Reply.Rationale,
			})
			if err != nil {
				return err
			}
		}
		if !j.desked() {
			return nil
		}
		return j.Desk.answered(ctx, t.Note, t.Reply.Kind)
	})
}

func (j *job) finish(ctx context.Context) error {
	return j.step(ctx, StepFinish, func(ctx context.Context) error { return j.queue.Finish(ctx, j.task) })
}

// reply makes the note's reply and saves it: coaching, or advice for a
// learner's error.
func (j *job) reply(ctx, stop context.Context) error {
	t := j.task
	if t.Assessment == nil {
		a, err := j.assess(ctx, stop)
		switch reason := coach.ReasonOf(err); {
		case reason != "":
			j.log.Info("refused", "reason", reason, "error", err)
			return j.advise(ctx, err)
		case err != nil:
			return err
		}
		t.Assessment = &a
		if err := j.queue.Save(ctx, t); err != nil {
			return err
		}
	}
	if stop.Err() != nil {
		return errStopping
	}
	s, err := j.style(ctx)
	if err != nil {
		return err
	}
	var r coach.Rationale
	err = j.step(ctx, StepExplain, func(ctx context.Context) (err error) {
		earlier, err := j.history.Earlier(ctx, t.Note.Learner, j.Earlier)
		if err != nil { // worth less than the answer
			j.log.Warn("explained without earlier lessons", "error", err)
		}
		if s.short {
			r = prompts.ShortRationale(*t.Assessment, earlier)
			return nil
		}
		r, err = j.explain.Explain(ctx, *t.Assessment, earlier)
		return err
	})
	if err != nil {
		return err
	}
	t.Reply = &coach.Reply{
		Note: t.Note.ID, Learner: t.Note.Learner, Kind: coach.ReplyCoaching,
		Text: r.Text, Private: s.private, Assessment: t.Assessment, Rationale: &r,
	}
	if j.desked() {
		t.Reply.Text = withMarks(r.Text, *t.Assessment)
		t.Reply.Buttons = j.Desk.buttons(t.Note)
	}
	return j.queue.Save(ctx, t)
}

// advise makes the reply to a learner's error and saves it.
func (j *job) advise(ctx context.Context, cause error) error {
	s, err := j.style(ctx)
	if err != nil {
		return err
	}
	n := j.task.Note
	j.task.Reply = &coach.Reply{
		Note: n.ID, Learner: n.Learner, Kind: coach.ReplyAdvice,
		Text: prompts.Advice(cause), Reason: coach.ReasonOf(cause), Private: s.private,
	}
	return j.queue.Save(ctx, j.task)
}

// assess gets the recording, if the note may be answered, and scores it. Between entering native code and
// leaving it the task says so durably (Task.Crashes), so that a note which
// takes the process down is known by it.
func (j *job) assess(ctx, stop context.Context) (a coach.Assessment, err error) {
	t := j.task
	if err := j.gate(ctx); err != nil {
		return a, err
	}
	j.working(ctx)
	if t.Crashes >= j.MaxCrashes {
		return a, fmt.Errorf("the process died in each of %d tries: %w", t.Crashes, coach.ErrUnsupportedAudio)
	}
	if err := j.step(ctx, StepHold, j.hold); err != nil {
		return a, err
	}
	share := int64(1)
	if t.Crashes > 0 {
		share = int64(j.Concurrency)
	}
	if err := j.native.Acquire(stop, share); err != nil {
		return a, errStopping
	}
	defer j.native.Release(share)
	t.Crashes++
	defer func() { t.Crashes-- }()
	if err := j.queue.Save(ctx, t); err != nil {
		return a, err
	}
	var audio coach.Audio
	err = j.step(ctx, StepDecode, func(ctx context.Context) (err error) {
		audio, err = j.decode(ctx)
		return err
	})
	if err != nil {
		return a, err
	}
	if stop.Err() != nil {
		return a, errStopping
	}
	err = j.step(ctx, StepScore, func(ctx context.Context) (err error) {
		a, err = j.scorer.Score(ctx, coach.Utterance{Audio: audio, Text: t.Note.Text})
		return err
	})
	return a, err
}

// hold downloads the recording unless its bytes are held.
func (j *job) hold(ctx context.Context) error {
	held, err := j.audio.Held(ctx, j.task.Note.ID)
	if err == nil {
		return held.Close()
	}
	if !errors.Is(err, coach.ErrNotHeld) {
		return err
	}
	if j.adapter == nil {
		return errNoAdapter
	}
	r, err := j.adapter.Open(ctx, j.task.Note)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { _ = r.Close() }() // only read from
	// Adapters may have their own limit, or none; net/http's reader counts well
	// without a request too.
	err = j.audio.Hold(ctx, j.task.Note.ID, http.MaxBytesReader(nil, r, j.MaxBytes))
	if errors.As(err, new(*http.MaxBytesError)) {
		err = fmt.Errorf("download: %w", coach.ErrTooLarge)
	}
	return err
}

// decode decodes the held recording. One that can't be read to its end is
// dropped, so that the next attempt downloads it again.
func (j *job) decode(ctx context.Context) (coach.Audio, error) {
	held, err := j.audio.Held(ctx, j.task.Note.ID)
	if err != nil {
		return coach.Audio{}, notLearners(err)
	}
	defer func() { _ = held.Close() }() // only read from
	r := &watched{r: held}
	audio, err := j.decoder.Decode(ctx, r)
	if r.err != nil {
		return coach.Audio{}, notLearners(errors.Join(fmt.Errorf("read: %w", r.err), j.audio.Release(ctx, j.task.Note.ID)))
	}
	return audio, err
}

// post posts the reply.
func (j *job) post(ctx context.Context) error {
	t := j.task
	if unwanted, err := j.unwanted(ctx); err != nil || unwanted {
		return cmp.Or(err, errGone)
	}
	err := j.step(ctx, StepPost, func(ctx context.Context) error { return j.show(ctx, *t.Reply) })
	if err != nil {
		return err
	}
	t.Posted = true
	took := time.Since(t.Began())
	if j.Observer != nil {
		j.Observer.Step(t.Note.Platform, StepNote, took, nil)
	}
	j.log.Info("answered", "kind", t.Reply.Kind, "reason", t.Reply.Reason, "after", took)
	return nil
}

func (j *job) release(ctx context.Context) error {
	return j.step(ctx, StepRelease, func(ctx context.Context) error { return j.audio.Release(ctx, j.task.Note.ID) })
}

// settle does what an attempt's error asks for.
func (j *job) settle(ctx, stop context.Context, err error) error {
	var snooze *coach.Snooze
	t := j.task
	switch {
	case err == nil:
		return nil
	case errors.Is(err, coach.ErrLost):
		j.log.Warn("another worker has the note now", "error", err)
		return nil
	case errors.Is(err, errParked):
		return j.park(ctx)
	case errors.Is(err, errStopping), ctx.Err() != nil:
		j.log.Info("given back", "error", err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		return lossless(j.queue.Retry(ctx, t, 0, false))
	case errors.As(err, &snooze) && time.Since(t.Began()) < j.MaxAge:
		wait := min(max(snooze.For, 100*time.Millisecond), time.Hour)
		j.log.Info("snoozed", "for", wait, "error", err)
		t.LastError = brief(err)
		return j.retry(ctx, wait, false)
	case t.Attempt >= j.MaxAttempts, snooze != nil:
		return j.giveUp(ctx, err)
	}
	wait := j.backoff(t.Attempt)
	j.log.Warn("to be tried again", "after", wait, "error", err)
	t.LastError = brief(err)
	return j.retry(ctx, wait, true)
}

// retry gives the task back. What can't be written with its results, because
// they are what can't be written, goes back without them.
func (j *job) retry(ctx context.Context, after time.Duration, count bool) error {
	err := j.queue.Retry(ctx, j.task, after, count)
	if err == nil || errors.Is(err, coach.ErrLost) || j.task.Posted || j.task.Assessment == nil {
		return lossless(err)
	}
	j.task.Assessment, j.task.Reply = nil, nil
	return lossless(j.queue.Retry(ctx, j.task, after, count))
}

// giveUp posts what reply there is a last time, an apology if there is none,
// and buries the task; a note that gets its coaching so is finished after all.
// The recording of a note that nobody was told about stays, as long as the hold
// keeps it, for the operator's try.
func (j *job) giveUp(ctx context.Context, cause error) error {
	t := j.task
	j.log.Error("given up", "error", cause)
	t.LastError = brief(cause)
	if t.Reply == nil {
		t.Assessment = nil
		t.Reply = &coach.Reply{Note: t.Note.ID, Learner: t.Note.Learner, Kind: coach.ReplyApology, Text: prompts.Apology()}
		if err := j.queue.Save(ctx, t); err != nil {
			return lossless(err)
		}
	}
	if !t.Posted {
		err := j.post(ctx)
		if errors.Is(err, errGone) {
			return lossless(j.drop(ctx))
		}
		if err != nil {
			j.log.Error("not even the last reply was posted", "error", err)
			return j.bury(ctx)
		}
	}
	if err := j.release(ctx); err != nil {
		j.log.Error("the recording was not released", "error", err)
	}
	if t.Reply.Kind != coach.ReplyApology {
		return lossless(j.queue.Finish(ctx, t))
	}
	return j.bury(ctx)
}

// bury makes the note a dead letter, of which the desk knows whose it is.
func (j *job) bury(ctx context.Context) error {
	if j.desked() {
		err := j.step(ctx, StepRemember, func(ctx context.Context) error { return j.Desk.buried(ctx, j.task.Note) })
		if err != nil { // the queue may bury it all the same
			j.log.Error("a dead letter is not known to be its learner's", "error", err)
		}
	}
	return lossless(j.queue.Bury(ctx, j.task))
}

// lossless drops ErrLost: the task is in another's hands.
func lossless(err error) error {
	if errors.Is(err, coach.ErrLost) {
		return nil
	}
	return err
}

// notLearners hides a learner's error where only ours can be meant: a reply is
// not refused to its learner, a held recording is not gone for good.
func notLearners(err error) error {
	if coach.ReasonOf(err) == "" {
		return err
	}
	return errors.New(err.Error())
}

// brief is an error's text for Task.LastError, on one short line.
func brief(err error) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:299]) + "…"
	}
	return s
}

// watched remembers a reader's failure, which a decoder may take for the end of
// broken audio.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}
