//go:build faults

package main

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// faults kills the process at one step. MYNAH_FAULT names it: "before:post", or
// "after:save#2" for the second time that it is come to.
type faults struct {
	at   string
	nth  int64
	seen atomic.Int64
}

// faults also takes stand-ins of Discord and Slack from the environment.
func (m *Main) faults() *faults {
	m.DiscordURL, m.SlackURL = m.getenv("MYNAH_TEST_DISCORD"), m.getenv("MYNAH_TEST_SLACK")
	at, nth, many := strings.Cut(m.getenv("MYNAH_FAULT"), "#")
	f := &faults{at: at, nth: 1}
	if many {
		n, err := strconv.Atoi(nth)
		if err != nil {
			panic("MYNAH_FAULT: " + err.Error())
		}
		f.nth = int64(n)
	}
	return f
}

// around is the step's beginning; what it returns is its end.
func (f *faults) around(step string) (end func()) {
	f.point("before:" + step)
	return func() { f.point("after:" + step) }
}

func (f *faults) point(name string) {
	if name != f.at || f.seen.Add(1) != f.nth {
		return
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // nothing more happens
}

func (f *faults) parts(p parts) parts {
	return parts{
		queue: &faultyQueue{p.queue, f}, hold: &faultyHold{p.hold, f}, history: &faultyHistory{p.history, f},
		decoder: &faultyDecoder{p.decoder, f}, scorer: &faultyScorer{p.scorer, f}, explainer: &faultyExplainer{p.explainer, f},
	}
}

func (f *faults) adapter(a coach.Adapter) coach.Adapter { return &faultyAdapter{a, f} }

type faultyQueue struct {
	coach.Queue
	f *faults
}

func (q *faultyQueue) Accept(ctx context.Context, n coach.VoiceNote) error {
	defer q.f.around("accept")()
	return q.Queue.Accept(ctx, n)
}

func (q *faultyQueue) Claim(ctx context.Context) (*coach.Task, error) {
	t, err := q.Queue.Claim(ctx)
	q.f.point("after:claim")
	return t, err
}

func (q *faultyQueue) Save(ctx context.Context, t *coach.Task) error {
	defer q.f.around("save")()
	return q.Queue.Save(ctx, t)
}

func (q *faultyQueue) Finish(ctx context.Context, t *coach.Task) error {
	defer q.f.around("finish")()
	return q.Queue.Finish(ctx, t)
}

func (q *faultyQueue) Retry(ctx context.Context, t *coach.Task, after time.Duration, count bool) error {
	defer q.f.around("retry")()
	return q.Queue.Retry(ctx, t, after, count)
}

func (q *faultyQueue) Wake(ctx context.Context, id coach.NoteID) error {
	defer q.f.around("wake")()
	return q.Queue.Wake(ctx, id)
}

type faultyHold struct {
	coach.AudioHold
	f *faults
}

func (h *faultyHold) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	defer h.f.around("hold")()
	return h.AudioHold.Hold(ctx, id, r)
}

func (h *faultyHold) Release(ctx context.Context, id coach.NoteID) error {
	defer h.f.around("release")()
	return h.AudioHold.Release(ctx, id)
}

type faultyHistory struct {
	coach.History
	f *faults
}

func (h *faultyHistory) Remember(ctx context.Context, who coach.LearnerID, l coach.Lesson) error {
	defer h.f.around("remember")()
	return h.History.Remember(ctx, who, l)
}

type faultyDecoder struct {
	coach.Decoder
	f *faults
}

func (d *faultyDecoder) Decode(ctx context.Context, r io.Reader) (coach.Audio, error) {
	defer d.f.around("decode")()
	return d.Decoder.Decode(ctx, r)
}

type faultyScorer struct {
	coach.Scorer
	f *faults
}

func (s *faultyScorer) Score(ctx context.Context, u coach.Utterance) (coach.Assessment, error) {
	defer s.f.around("score")()
	return s.Scorer.Score(ctx, u)
}

type faultyExplainer struct {
	coach.Explainer
	f *faults
}

func (e *faultyExplainer) Explain(ctx context.Context, a coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	defer e.f.around("explain")()
	return e.Explainer.Explain(ctx, a, earlier)
}

type faultyAdapter struct {
	coach.Adapter
	f *faults
}

func (a *faultyAdapter) Post(ctx context.Context, thread coach.ThreadID, r coach.Reply) error {
	defer a.f.around("post")()
	return a.Adapter.Post(ctx, thread, r)
}

// Working makes it a coach.Indicator where the adapter is one.
func (a *faultyAdapter) Working(ctx context.Context, n coach.VoiceNote) error {
	if in, ok := a.Adapter.(coach.Indicator); ok {
		return in.Working(ctx, n)
	}
	return nil
}
