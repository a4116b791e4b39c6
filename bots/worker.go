package bots

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mynah-coach/mynah/coach"
)

// Observer is told of every step's end: which of the Step constants, how long
// it took, and how it ended. It is called concurrently and must not block.
type Observer interface {
	Step(platform coach.Platform, step string, d time.Duration, err error)
}

// The steps of a note. StepNote is the whole of it, from the note's receipt
// (or the answer that it had to wait for) until its reply was posted.
const (
	StepAdmit    = "admit" // the desk looks at the note; several times
	StepAsk      = "ask"   // the learner is told or asked something before the answer
	StepPark     = "park"  // the note goes back to wait for its learner
	StepHold     = "hold"
	StepDecode   = "decode"
	StepScore    = "score"
	StepExplain  = "explain"
	StepPost     = "post"
	StepRemember = "remember"
	StepRelease  = "release"
	StepFinish   = "finish"
	StepNote     = "note"
)

// Worker answers the notes of a queue. The fields are options, to be set before
// Run; their zero values are useful.
type Worker struct {
	Concurrency int           // notes being decoded or scored at once; the number of CPUs when 0
	Notes       int           // notes being worked on at once, most of them waiting for others' services; 4 x Concurrency when 0
	MaxAttempts int           // at a note, before the apology; 8 when 0
	MaxCrashes  int           // of the process while a note is in native code, before it counts as audio that can't be decoded; 3 when 0
	Backoff     time.Duration // before the second attempt, doubled with each; 1 s when 0
	MaxBackoff  time.Duration // the longest; 2 min when 0
	MaxAge      time.Duration // of a note that is snoozed again and again, before the apology; 24 h when 0
	MaxBytes    int64         // of a recording; 32 MiB when 0
	StepTimeout time.Duration // of each step; 2 min when 0
	LookAgain   time.Duration // how often a note that waits for its learner is looked at, should nobody have woken it; 15 min when 0
	Earlier     int           // lessons that a rationale may look back on; 20 when 0
	Grace       time.Duration // for steps under way when Run is told to stop; 4 s when 0
	Observer    Observer      // may be nil
	Desk        *Desk         // of the chat platforms; nil where there is only the playground
	Log         *slog.Logger  // discarded when nil

	queue    coach.Queue
	audio    coach.AudioHold
	history  coach.History
	decoder  coach.Decoder
	scorer   coach.Scorer
	explain  coach.Explainer
	adapters map[coach.Platform]coach.Adapter
	native   *semaphore.Weighted // Concurrency units; a note that may crash us takes them all
}

// NewWorker returns a worker for the notes of queue, whose platforms' adapters
// are given. A note of any other platform fails as ours does.
func NewWorker(queue coach.Queue, audio coach.AudioHold, history coach.History,
	decoder coach.Decoder, scorer coach.Scorer, explainer coach.Explainer, adapters ...coach.Adapter,
) *Worker {
	w := &Worker{
		queue: queue, audio: audio, history: history, decoder: decoder, scorer: scorer, explain: explainer,
		adapters: map[coach.Platform]coach.Adapter{},
	}
	for _, a := range adapters {
		w.adapters[a.Platform()] = a
	}
	return w
}

// withDefaults returns a copy with every option set.
func (w Worker) withDefaults() *Worker {
	setDefault(&w.Concurrency, runtime.NumCPU())
	setDefault(&w.Notes, 4*w.Concurrency)
	setDefault(&w.MaxAttempts, 8)
	setDefault(&w.MaxCrashes, 3)
	setDefault(&w.Backoff, time.Second)
	setDefault(&w.MaxBackoff, 2*time.Minute)
	setDefault(&w.MaxAge, 24*time.Hour)
	setDefault(&w.MaxBytes, 32<<20)
	setDefault(&w.StepTimeout, 2*time.Minute)
	setDefault(&w.LookAgain, 15*time.Minute)
	setDefault(&w.Earlier, 20)
	setDefault(&w.Grace, 4*time.Second)
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	w.native = semaphore.NewWeighted(int64(w.Concurrency))
	return &w
}

func setDefault[T int | int64 | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

// Run answers notes until ctx ends. Then it claims no more; a step under way
// may take Grace to end, and is told to stop after that. Notes that were not
// answered go back to the queue, uncounted. Run returns within half a second of
// Grace, with an error if a step would not stop.
func (w *Worker) Run(ctx context.Context) error {
	w = w.withDefaults()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	var running atomic.Int32
	for range w.Notes {
		running.Add(1)
		wg.Go(func() {
			defer running.Add(-1)
			w.loop(work, ctx)
		})
	}
	stopped := make(chan struct{})
	go func() {
		wg.Wait()
		close(stopped)
	}()
	<-ctx.Done()
	grace := time.AfterFunc(w.Grace, stopWork)
	defer grace.Stop()
	select {
	case <-stopped:
		return nil
	case <-time.After(w.Grace + settleTimeout + 100*time.Millisecond):
		return fmt.Errorf("stop: %d notes' steps did not end when told to", running.Load())
	}
}

// settleTimeout is the time to give a note back once Grace is over.
const settleTimeout = 400 * time.Millisecond

// loop claims notes and answers them under ctx, until stop ends.
func (w *Worker) loop(ctx, stop context.Context) {
	failures := 0
	for stop.Err() == nil {
		if err := w.next(ctx, stop); err != nil && stop.Err() == nil {
			failures++
			w.Log.Error("the queue fails", "error", err, "in a row", failures)
			sleep(stop, w.backoff(failures))
			continue
		}
		failures = 0
	}
}

// next answers one note. Its error is the queue's.
func (w *Worker) next(ctx, stop context.Context) error {
	// The claim outlives ctx, so that a note whose step was told to stop can
	// still be given back in order.
	claim, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	unhook := context.AfterFunc(stop, done) // while there is none yet
	t, err := w.queue.Claim(claim)
	if err != nil {
		return err
	}
	if !unhook() {
		return nil // the claim ended as it began
	}
	j := &job{Worker: w, task: t, adapter: w.adapters[t.Note.Platform], log: w.Log.With("note", t.Note.ID, "attempt", t.Attempt)}
	return j.run(ctx, stop)
}

// backoff is the delay before the n-th repetition, n >= 1: doubled each time,
// and spread over half of itself so that what failed together doesn't return
// together.
func (w *Worker) backoff(n int) time.Duration {
	d := w.MaxBackoff
	if n < 32 {
		d = min(d, w.Backoff<<(n-1))
	}
	return d/2 + rand.N(d/2+1)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
