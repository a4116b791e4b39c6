// Package storetest holds the conformance suites of coach's durable interfaces,
// and an in-memory implementation of them for the tests of other packages.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// Process is one process's view of a queue.
type Process struct {
	Queue coach.Queue
	Crash func() // ends the process without a goodbye; its claims lapse
}

// Backend is what a conformance suite runs on.
type Backend struct {
	// New makes an empty storage and returns what opens it.
	New func(t *testing.T) (open func() Process)
	// Shared says that several processes may have the storage open at once.
	Shared bool
	// Lapse is the longest that a dead process's claim may take to lapse.
	Lapse time.Duration
}

// Note returns the n-th of any number of different voice notes.
func Note(n int) coach.VoiceNote {
	return coach.VoiceNote{
		ID:       coach.NoteID(fmt.Sprintf("playground.c-%d.m_%d", n%7, n)),
		Platform: coach.Playground,
		Thread:   coach.ThreadID(fmt.Sprintf("thread %d", n)),
		Learner:  coach.LearnerID(fmt.Sprintf("learner/%d", n%3)),
		Text:     fmt.Sprintf("I think it is important, ‘naïve’ reader %d.", n),
		Audio:    coach.Attachment{Ref: "r" + fmt.Sprint(n), Name: "note.ogg", ContentType: "audio/ogg", Size: int64(n)},
		Received: time.Date(2026, 5, 4, 3, 2, 1, n, time.UTC),
	}
}

// patience bounds what should happen at once on a loaded machine.
const patience = 30 * time.Second

// Queue runs the suite that every coach.Queue passes.
func Queue(t *testing.T, b Backend) {
	run := func(name string, f func(t *testing.T, s *suite)) {
		t.Run(name, func(t *testing.T) {
			open := b.New(t)
			f(t, &suite{b, open, open()})
		})
	}
	run("a note comes out as it went in", func(t *testing.T, s *suite) {
		want := Note(1)
		s.accept(t, want)
		got := s.claim(t)
		if d := cmp.Diff(&coach.Task{Note: want, Attempt: 1}, got); d != "" {
			t.Errorf("task (-want +got):\n%s", d)
		}
	})
	run("a twin is taken once in every state", twins)
	run("a wrong ID is refused", func(t *testing.T, s *suite) {
		for _, id := range []coach.NoteID{"", "a=b", "a b", "a*", "a>", "a/b", "ä", "a\n", coach.NoteID(make([]byte, 129))} {
			n := Note(1)
			n.ID = id
			if s.Queue.Accept(t.Context(), n) == nil {
				t.Errorf("ID %q was accepted", id)
			}
		}
		for _, id := range []coach.NoteID{".", "..", "a..b", ".a", "a.", "-"} {
			n := Note(1)
			n.ID = id
			s.accept(t, n)
			if got := s.claim(t); got.Note.ID != id {
				t.Errorf("accepted %q, claimed %q", id, got.Note.ID)
			}
		}
	})
	run("a crash keeps what was saved and counts the attempt", crashes)
	run("a retry waits, counts or not, and keeps the task", retries)
	run("what waits can be woken, and nothing else", wakes)
	run("a wake finds what is parked, whichever comes first", wakeRaces)
	run("the order is that of arrival, and of due times", order)
	run("what has ended stays ended", ended)
	run("a claim that is over is lost", lost)
	run("an ended context gives the task back uncounted", givenBack)
	run("a claim waits for a note, or for its context's end", waits)
	run("many hands do each note once", func(t *testing.T, s *suite) { many(t, s, s.Queue) })
	if b.Shared {
		run("two processes do each note once", func(t *testing.T, s *suite) { many(t, s, s.Queue, s.open().Queue) })
		run("a dead process's task is taken over", takenOver)
		run("a live process keeps its task", keeps)
	}
}

type suite struct {
	Backend
	open func() Process
	Process
}

func (s *suite) accept(t *testing.T, notes ...coach.VoiceNote) {
	t.Helper()
	for _, n := range notes {
		if err := s.Queue.Accept(t.Context(), n); err != nil {
			t.Fatalf("accept %s: %v", n.ID, err)
		}
	}
}

func (s *suite) claim(t *testing.T) *coach.Task {
	t.Helper()
	return s.claimWith(t.Context(), t)
}

// claimWith claims under ctx, whose end gives the task back.
func (s *suite) claimWith(ctx context.Context, t *testing.T) *coach.Task {
	t.Helper()
	// A time-out of its own would end the claim, so a timer tells instead.
	late := time.AfterFunc(patience+s.Lapse, func() { t.Error("nothing to claim") })
	defer late.Stop()
	task, err := s.Queue.Claim(ctx)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return task
}

// none fails the test if anything can be claimed within a moment.
func (s *suite) none(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if task, err := s.Queue.Claim(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("claimed %+v, %v; want nothing to be due", task, err)
	}
}

func (s *suite) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *suite) reopen() {
	s.Crash()
	s.Process = s.open()
}

func twins(t *testing.T, s *suite) {
	n, twin := Note(1), Note(1)
	twin.Text = "another text"
	s.accept(t, n, twin)
	task := s.claim(t)
	if task.Note.Text != n.Text {
		t.Error("the twin took the note's place")
	}
	s.accept(t, twin)
	s.none(t)
	s.must(t, s.Queue.Retry(t.Context(), task, time.Millisecond, true))
	s.accept(t, twin)
	task = s.claim(t)
	s.must(t, s.Queue.Finish(t.Context(), task))
	s.accept(t, twin)
	s.none(t)
	s.accept(t, Note(2))
	s.must(t, s.Queue.Bury(t.Context(), s.claim(t)))
	s.accept(t, Note(2))
	s.none(t)
	s.reopen()
	s.accept(t, twin, Note(2))
	s.none(t)
}

func crashes(t *testing.T, s *suite) {
	s.accept(t, Note(1))
	s.claim(t)
	s.reopen()
	task := s.claim(t)
	if task.Attempt != 2 {
		t.Errorf("attempt %d after a crash in the first, want 2", task.Attempt)
	}
	task.Assessment = &coach.Assessment{Model: "m", Words: []coach.Word{{Text: "think", Spoken: true}}}
	task.Reply = &coach.Reply{Note: task.Note.ID, Kind: coach.ReplyCoaching, Text: "Well read."}
	task.LastError = "explain: refused"
	task.Crashes = 1
	s.must(t, s.Queue.Save(t.Context(), task))
	saved := *task
	task.Posted = true // not saved
	s.reopen()
	got := s.claim(t)
	saved.Attempt = 3
	if d := cmp.Diff(&saved, got); d != "" {
		t.Errorf("task after the crash (-want +got):\n%s", d)
	}
	s.must(t, s.Queue.Save(t.Context(), got))
	s.must(t, s.Queue.Save(t.Context(), got))
	s.must(t, s.Queue.Finish(t.Context(), got))
	s.none(t)
}

func retries(t *testing.T, s *suite) {
	s.accept(t, Note(1))
	task := s.claim(t)
	task.LastError = "post: refused"
	start := time.Now()
	s.must(t, s.Queue.Retry(t.Context(), task, time.Second, true))
	task = s.claim(t)
	if d := time.Since(start); d < 990*time.Millisecond {
		t.Errorf("due again after %s, want a second", d)
	}
	if task.Attempt != 2 || task.LastError != "post: refused" {
		t.Errorf("attempt %d, last error %q", task.Attempt, task.LastError)
	}
	s.must(t, s.Queue.Retry(t.Context(), task, 0, false))
	task = s.claim(t)
	if task.Attempt != 2 {
		t.Errorf("attempt %d after an uncounted one, want 2", task.Attempt)
	}
	s.must(t, s.Queue.Retry(t.Context(), task, time.Hour, true))
	s.none(t)
	s.reopen()
	s.none(t) // a delay is as durable as the rest
}

func wakes(t *testing.T, s *suite) {
	wake := func(n int) {
		t.Helper()
		s.must(t, s.Queue.Wake(t.Context(), Note(n).ID))
	}
	wake(1) // unknown
	s.none(t)
	s.accept(t, Note(1))
	wake(1) // due already
	task := s.claim(t)
	task.LastError = "waits for the sentence"
	wake(1) // claimed: it stays so
	s.none(t)
	s.must(t, s.Queue.Save(t.Context(), task))
	s.must(t, s.Queue.Retry(t.Context(), task, time.Hour, false))
	s.none(t)
	wake(1)
	wake(1)
	got := s.claim(t)
	if d := cmp.Diff(task, got); d != "" {
		t.Errorf("task that was woken (-want +got):\n%s", d)
	}
	s.none(t)

	// A wake is as durable as the delay was, and a delay after it as the wake.
	s.must(t, s.Queue.Retry(t.Context(), got, time.Hour, true))
	wake(1)
	s.reopen()
	if got = s.claim(t); got.Attempt != 2 || got.LastError != task.LastError {
		t.Errorf("attempt %d, last error %q after a restart", got.Attempt, got.LastError)
	}
	s.must(t, s.Queue.Retry(t.Context(), got, time.Hour, true))
	s.reopen()
	s.none(t)
	wake(1)
	s.must(t, s.Queue.Finish(t.Context(), s.claim(t)))
	wake(1) // finished
	s.accept(t, Note(2))
	s.must(t, s.Queue.Bury(t.Context(), s.claim(t)))
	wake(2) // a dead letter
	s.none(t)
	s.reopen()
	wake(1)
	wake(2)
	s.none(t)
	if s.Queue.Wake(t.Context(), "a=b") == nil {
		t.Error("a wrong ID was woken")
	}
}

// wakeRaces parks notes while somebody else gives them what they wait for, each
// as the contract has it: who gives writes it down and wakes, who parks looks
// after it whether it was written down. No note may stay parked.
func wakeRaces(t *testing.T, s *suite) {
	const notes = 30
	var given sync.Map
	var wg sync.WaitGroup
	for n := range notes {
		s.accept(t, Note(n))
		task := s.claim(t)
		wg.Go(func() {
			given.Store(task.Note.ID, true)
			if err := s.Queue.Wake(t.Context(), task.Note.ID); err != nil {
				t.Errorf("wake: %v", err)
			}
		})
		wg.Go(func() {
			err := s.Queue.Retry(t.Context(), task, time.Hour, false)
			if _, ok := given.Load(task.Note.ID); ok && err == nil {
				err = s.Queue.Wake(t.Context(), task.Note.ID)
			}
			if err != nil {
				t.Errorf("park: %v", err)
			}
		})
		wg.Wait()
		got := s.claim(t)
		if got.Note.ID != task.Note.ID || got.Attempt != 1 {
			t.Errorf("claimed %s, attempt %d; want %s, 1", got.Note.ID, got.Attempt, task.Note.ID)
		}
		s.must(t, s.Queue.Finish(t.Context(), got))
	}
	s.none(t)
}

func order(t *testing.T, s *suite) {
	for n := range 20 {
		s.accept(t, Note(n))
	}
	for n := range 20 {
		task := s.claim(t)
		if task.Note.ID != Note(n).ID {
			t.Fatalf("claimed %s, want %s", task.Note.ID, Note(n).ID)
		}
		switch n {
		case 0:
			s.must(t, s.Queue.Retry(t.Context(), task, 1500*time.Millisecond, true))
		case 1:
			s.must(t, s.Queue.Retry(t.Context(), task, 500*time.Millisecond, true))
		default:
			s.must(t, s.Queue.Finish(t.Context(), task))
		}
	}
	for _, n := range []int{1, 0} {
		task := s.claim(t)
		if task.Note.ID != Note(n).ID {
			t.Fatalf("claimed %s, want %s", task.Note.ID, Note(n).ID)
		}
		s.must(t, s.Queue.Finish(t.Context(), task))
	}
	for n := 30; n < 33; n++ {
		s.accept(t, Note(n))
	}
	task := s.claim(t)
	s.must(t, s.Queue.Retry(t.Context(), task, 0, false))
	if task = s.claim(t); task.Note.ID != Note(30).ID {
		t.Errorf("claimed %s; a task that was given back lost its place", task.Note.ID)
	}
	s.must(t, s.Queue.Retry(t.Context(), task, 0, true))
	s.reopen()
	for n := 30; n < 33; n++ {
		if task := s.claim(t); task.Note.ID != Note(n).ID {
			t.Fatalf("claimed %s after a restart, want %s", task.Note.ID, Note(n).ID)
		}
	}
}

func ended(t *testing.T, s *suite) {
	s.accept(t, Note(1), Note(2))
	s.must(t, s.Queue.Finish(t.Context(), s.claim(t)))
	s.must(t, s.Queue.Bury(t.Context(), s.claim(t)))
	s.none(t)
	s.reopen()
	s.none(t)
}

func lost(t *testing.T, s *suite) {
	ends := map[string]func(*coach.Task) error{
		"finish": func(task *coach.Task) error { return s.Queue.Finish(t.Context(), task) },
		"retry":  func(task *coach.Task) error { return s.Queue.Retry(t.Context(), task, time.Hour, true) },
		"bury":   func(task *coach.Task) error { return s.Queue.Bury(t.Context(), task) },
	}
	n := 0
	for name, end := range ends {
		n++
		s.accept(t, Note(n))
		task := s.claim(t)
		s.must(t, end(task))
		if err := s.Queue.Save(t.Context(), task); !errors.Is(err, coach.ErrLost) {
			t.Errorf("save after %s: %v, want ErrLost", name, err)
		}
		for again, end := range ends {
			if err := end(task); !errors.Is(err, coach.ErrLost) {
				t.Errorf("%s after %s: %v, want ErrLost", again, name, err)
			}
		}
	}
	if err := s.Queue.Save(t.Context(), &coach.Task{Note: Note(1)}); !errors.Is(err, coach.ErrLost) {
		t.Errorf("save of a task that nobody claimed: %v, want ErrLost", err)
	}
}

func givenBack(t *testing.T, s *suite) {
	s.accept(t, Note(1))
	ctx, cancel := context.WithCancel(t.Context())
	former := s.claimWith(ctx, t)
	former.LastError = "saved"
	s.must(t, s.Queue.Save(t.Context(), former))
	former.LastError = "not saved"
	cancel()
	task := s.claim(t)
	if task.Attempt != 1 || task.LastError != "saved" {
		t.Errorf("attempt %d, last error %q; want the first attempt as it was saved", task.Attempt, task.LastError)
	}
	if err := s.Queue.Save(t.Context(), former); !errors.Is(err, coach.ErrLost) {
		t.Errorf("save by the former worker: %v, want ErrLost", err)
	}
	s.must(t, s.Queue.Save(t.Context(), task))
	s.must(t, s.Queue.Finish(t.Context(), task))
}

func waits(t *testing.T, s *suite) {
	s.none(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Queue.Claim(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("claim under an ended context: %v", err)
	}
	got := make(chan *coach.Task)
	go func() {
		task, _ := s.Queue.Claim(t.Context()) // nil fails below
		got <- task
	}()
	time.Sleep(50 * time.Millisecond)
	s.accept(t, Note(1))
	if task := <-got; task == nil || task.Note.ID != Note(1).ID {
		t.Errorf("claimed %+v", task)
	}
}

// many lets several hands of one or more processes accept every note twice and
// work it off, with retries between.
func many(t *testing.T, s *suite, queues ...coach.Queue) {
	const notes, hands = 60, 4
	var wg sync.WaitGroup
	for _, q := range append(queues, queues...) {
		wg.Go(func() {
			for _, n := range rand.Perm(notes) {
				if err := q.Accept(t.Context(), Note(n)); err != nil {
					t.Errorf("accept: %v", err)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	claims, finished := map[string]int{}, map[coach.NoteID]int{}
	for _, q := range queues {
		for range hands {
			wg.Go(func() {
				for {
					task, err := q.Claim(ctx)
					if err != nil {
						if ctx.Err() == nil {
							t.Errorf("claim: %v", err)
						}
						return
					}
					mu.Lock()
					claims[fmt.Sprint(task.Note.ID, task.Attempt)]++
					mu.Unlock()
					if task.Attempt < 3 && rand.IntN(3) == 0 {
						err = q.Retry(context.WithoutCancel(ctx), task, time.Duration(rand.IntN(30))*time.Millisecond, true)
					} else {
						err = q.Finish(context.WithoutCancel(ctx), task)
						mu.Lock()
						if finished[task.Note.ID]++; len(finished) == notes {
							cancel()
						}
						mu.Unlock()
					}
					if err != nil {
						t.Errorf("%s: %v", task.Note.ID, err)
					}
				}
			})
		}
	}
	wg.Wait()
	for n := range notes {
		if c := finished[Note(n).ID]; c != 1 {
			t.Errorf("%s was finished %d times", Note(n).ID, c)
		}
	}
	for attempt, c := range claims {
		if c != 1 {
			t.Errorf("attempt %s was claimed %d times", attempt, c)
		}
	}
	s.none(t)
}

func takenOver(t *testing.T, s *suite) {
	s.accept(t, Note(1))
	task := s.claim(t)
	task.LastError = "saved"
	s.must(t, s.Queue.Save(t.Context(), task))
	second := s.open()
	start := time.Now()
	s.Crash()
	s.Process = second
	task = s.claim(t)
	if task.Attempt != 2 || task.LastError != "saved" {
		t.Errorf("attempt %d, last error %q", task.Attempt, task.LastError)
	}
	if d := time.Since(start); d > s.Lapse+patience/3 {
		t.Errorf("taken over after %s, want about %s", d, s.Lapse)
	}
	s.must(t, s.Queue.Finish(t.Context(), task))
}

func keeps(t *testing.T, s *suite) {
	s.accept(t, Note(1))
	task := s.claim(t)
	first := s.Process
	s.Process = s.open()
	ctx, cancel := context.WithTimeout(t.Context(), 3*s.Lapse)
	defer cancel()
	if _, err := s.Queue.Claim(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("claim of a held task: %v", err)
	}
	s.must(t, first.Queue.Save(t.Context(), task))
	s.must(t, first.Queue.Finish(t.Context(), task))
}
