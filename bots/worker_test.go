package bots_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestMain(m *testing.M) {
	runChild() // of the kill test; does not return in one
	goleak.VerifyTestMain(m)
}

// bubble runs a worker on w until all accepted notes are finished or buried,
// or an hour of the bubble's time is over.
func bubble(t *testing.T, w *world, worker *bots.Worker, notes ...coach.VoiceNote) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	for _, n := range notes {
		if err := w.Accept(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	for range 3600 {
		synctest.Wait()
		if len(w.Waiting()) == 0 {
			break
		}
		time.Sleep(time.Second)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

func note(n int) coach.VoiceNote {
	v := storetest.Note(n)
	v.Received = time.Now()
	return v
}

// only returns the one reply that a note got.
func only(t *testing.T, w *world, id coach.NoteID) coach.Reply {
	t.Helper()
	if n := len(w.replies[id]); n != 1 {
		t.Fatalf("%s has %d replies", id, n)
	}
	return w.replies[id][0]
}

func absent(t *testing.T, w *world, id coach.NoteID) {
	t.Helper()
	if _, err := w.Held(t.Context(), id); !errors.Is(err, coach.ErrNotHeld) {
		t.Errorf("the recording of %s is still held: %v", id, err)
	}
}

func TestNoteIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		earlier := storetest.Lesson(9)
		earlier.At = time.Now().Add(-time.Hour)
		n := note(1)
		if err := w.Remember(t.Context(), n.Learner, earlier); err != nil {
			t.Fatal(err)
		}
		bubble(t, w, w.worker(), n)
		got := only(t, w, n.ID)
		a := coach.Assessment{Model: "fake", Text: n.Text, Seconds: float64(len("audio "+n.ID)) / coach.SampleRate}
		r := coach.Rationale{Text: "On: " + n.Text, Source: coach.SourcePlain}
		want := coach.Reply{Note: n.ID, Learner: n.Learner, Kind: coach.ReplyCoaching, Text: r.Text, Assessment: &a, Rationale: &r}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("reply (-want +got):\n%s", d)
		}
		if d := cmp.Diff([][]coach.Lesson{{earlier}}, w.earlier); d != "" {
			t.Errorf("earlier lessons (-want +got):\n%s", d)
		}
		lessons, err := w.Earlier(t.Context(), n.Learner, 1)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]coach.Lesson{{Note: n.ID, At: n.Received, Assessment: a, Rationale: r}}, lessons); d != "" {
			t.Errorf("lesson (-want +got):\n%s", d)
		}
		absent(t, w, n.ID)
		if f := w.Finished(); len(f) != 1 || f[0].Attempt != 1 || f[0].Crashes != 0 {
			t.Errorf("finished: %+v", f)
		}
	})
}

func TestLearnersErrorsBecomeAdvice(t *testing.T) {
	for _, sentinel := range []*coach.LearnerError{
		coach.ErrUnsupportedAudio, coach.ErrTooLong, coach.ErrTooLarge, coach.ErrTooShort, coach.ErrNoSpeech,
		coach.ErrTextMismatch, coach.ErrNoText, coach.ErrTextTooLong, coach.ErrUnsupportedText, coach.ErrAudioGone,
	} {
		for _, at := range []string{"open", "read", "decode", "score"} {
			t.Run(fmt.Sprintf("%s at %s", sentinel.Reason, at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := new(world)
					w.on = func(_ context.Context, op string) error {
						if op == at {
							return fmt.Errorf("detail: %w", sentinel)
						}
						return nil
					}
					n := note(1)
					bubble(t, w, w.worker(), n)
					want := coach.Reply{Note: n.ID, Learner: n.Learner, Kind: coach.ReplyAdvice, Text: prompts.Advice(sentinel), Reason: sentinel.Reason}
					if d := cmp.Diff(want, only(t, w, n.ID)); d != "" {
						t.Errorf("reply (-want +got):\n%s", d)
					}
					if f := w.Finished(); len(f) != 1 || f[0].Attempt != 1 || f[0].Crashes != 0 {
						t.Errorf("finished: %+v, want it after one attempt", f)
					}
					if l, _ := w.Earlier(t.Context(), n.Learner, 1); len(l) != 0 {
						t.Error("a refused note was remembered")
					}
					absent(t, w, n.ID)
				})
			})
		}
	}
}

func TestTooLargeDownloadIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		worker := w.worker()
		n := note(1)
		worker.MaxBytes = int64(len("audio " + n.ID))
		bubble(t, w, worker, n)
		if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching {
			t.Errorf("at the limit: %s", r.Reason)
		}
		n = note(22)
		worker.MaxBytes = int64(len("audio "+n.ID)) - 1
		bubble(t, w, worker, n)
		if r := only(t, w, n.ID); r.Reason != coach.ErrTooLarge.Reason {
			t.Errorf("over the limit: %s, %q", r.Kind, r.Reason)
		}
	})
}

// TestFailingOnce lets every operation fail once in turn, the store's too: the
// note is answered all the same, once, and nothing that was saved is done again.
func TestFailingOnce(t *testing.T) {
	for _, failing := range []string{
		"held", "open", "read", "hold", "decode", "score", "earlier", "explain", "post",
		"save", "save 2", "save 3", "save 4", "remember", "release", "finish", "claim",
	} {
		t.Run(failing, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(world)
				var mu sync.Mutex
				count := 0
				fail := func(op string) error {
					mu.Lock()
					defer mu.Unlock()
					name, nth, _ := strings.Cut(failing, " ")
					if op != name {
						return nil
					}
					if count++; nth == "" && count == 1 || nth == fmt.Sprint(count) {
						return errOurs
					}
					return nil
				}
				w.Fail = fail
				w.on = func(_ context.Context, op string) error { return fail(op) }
				n := note(1)
				bubble(t, w, w.worker(), n)
				if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching {
					t.Errorf("a %s reply", r.Kind)
				}
				f := w.Finished()
				attempts := 2
				if failing == "claim" || failing == "earlier" {
					attempts = 1
				}
				if len(f) != 1 || f[0].Attempt != attempts || f[0].Crashes != 0 {
					t.Errorf("finished: %+v; want one, in %d attempts", f, attempts)
				}
				absent(t, w, n.ID)
				once := map[string][]string{
					"explain":  {"decode", "score"},
					"post":     {"decode", "score", "explain"},
					"remember": {"decode", "score", "explain", "post"},
					"release":  {"decode", "score", "explain", "post"},
					"finish":   {"decode", "score", "explain", "post"},
				}
				for _, op := range once[failing] {
					if c := w.calls[op]; c != 1 {
						t.Errorf("%s was done %d times", op, c)
					}
				}
				if l, _ := w.Earlier(t.Context(), n.Learner, 9); len(l) != 1 {
					t.Errorf("%d lessons", len(l))
				}
			})
		})
	}
}

// TestClaimLostAnywhere takes the claim away at every single operation in turn,
// as a crash does: the note is answered exactly once.
func TestClaimLostAnywhere(t *testing.T) {
	for at := 1; ; at++ {
		ops := 0
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			crash := func() {
				if ops++; ops == at {
					w.Crash()
				}
			}
			w.Fail = func(op string) error {
				if op != "claim" {
					crash()
				}
				return nil
			}
			w.on = func(context.Context, string) error { crash(); return nil }
			n := note(1)
			worker := w.worker()
			worker.Concurrency, worker.Notes = 1, 1
			bubble(t, w, worker, n)
			if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching {
				t.Errorf("crash at %d: a %s reply", at, r.Kind)
			}
			if f := w.Finished(); len(f) != 1 {
				t.Errorf("crash at %d: %d finished", at, len(f))
			}
			absent(t, w, n.ID)
		})
		if ops < at {
			if at < 15 {
				t.Errorf("a note has only %d operations", ops)
			}
			return
		}
	}
}

func TestGivingUp(t *testing.T) {
	for _, failing := range []string{"open", "decode", "score", "explain"} {
		t.Run("with one apology when "+failing+" always fails", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(world)
				w.on = func(_ context.Context, op string) error {
					if op == failing {
						return errOurs
					}
					return nil
				}
				n := note(1)
				start := time.Now()
				bubble(t, w, w.worker(), n)
				want := coach.Reply{Note: n.ID, Learner: n.Learner, Kind: coach.ReplyApology, Text: prompts.Apology()}
				if d := cmp.Diff(want, only(t, w, n.ID)); d != "" {
					t.Errorf("reply (-want +got):\n%s", d)
				}
				b := w.Buried()
				if len(b) != 1 || b[0].Attempt != 8 || !strings.Contains(b[0].LastError, errOurs.Error()) || !b[0].Posted {
					t.Errorf("buried: %+v", b)
				}
				if w.posts != 1 || w.calls[failing] != 8 {
					t.Errorf("%d posts, %d tries", w.posts, w.calls[failing])
				}
				// 1, 2, 4, ... 64 seconds, each at least by half.
				if d := time.Since(start); d < 63*time.Second || d > 130*time.Second {
					t.Errorf("given up after %s", d)
				}
				absent(t, w, n.ID)
			})
		})
	}
	t.Run("without an apology when the reply can't be posted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			w.on = func(_ context.Context, op string) error {
				if op == "post" {
					return fmt.Errorf("thread: %w", coach.ErrAudioGone) // not to be taken for the learner's
				}
				return nil
			}
			n := note(1)
			bubble(t, w, w.worker(), n)
			b := w.Buried()
			if len(b) != 1 || b[0].Posted || b[0].Reply.Kind != coach.ReplyCoaching || w.calls["post"] != 9 {
				t.Errorf("buried: %+v after %d posts", b, w.calls["post"])
			}
			if r, err := w.Held(t.Context(), n.ID); err != nil {
				t.Errorf("the recording is gone before an operator could try again: %v", err)
			} else {
				r.Close()
			}
		})
	})
	t.Run("on a platform that is not connected", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			n := note(1)
			n.Platform = coach.Slack
			bubble(t, w, w.worker(), n)
			if b := w.Buried(); len(b) != 1 || b[0].Posted {
				t.Errorf("buried: %+v", b)
			}
		})
	})
	t.Run("on a task whose attempts ended without a word", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			n := note(1)
			if err := w.Accept(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			for range 24 {
				if _, err := w.Claim(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.Crash()
			}
			bubble(t, w, w.worker())
			if r := only(t, w, n.ID); r.Kind != coach.ReplyApology || w.calls["score"] != 0 {
				t.Errorf("a %s reply, %d times scored", r.Kind, w.calls["score"])
			}
			if b := w.Buried(); len(b) != 1 {
				t.Errorf("buried: %+v", b)
			}
		})
	})
}

func TestSnooze(t *testing.T) {
	t.Run("is waited for and not counted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			left := 20
			w.on = func(_ context.Context, op string) error {
				if left > 0 && op == "post" {
					left--
					return &coach.Snooze{For: 30 * time.Second, Cause: errOurs}
				}
				return nil
			}
			n := note(1)
			start := time.Now()
			bubble(t, w, w.worker(), n)
			if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching {
				t.Errorf("a %s reply", r.Kind)
			}
			if d := time.Since(start); d < 10*time.Minute || d > 11*time.Minute {
				t.Errorf("answered after %s", d)
			}
			if f := w.Finished(); len(f) != 1 || f[0].Attempt != 1 {
				t.Errorf("finished: %+v", f)
			}
		})
	})
	t.Run("does not go on for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			w.on = func(_ context.Context, op string) error {
				if op == "score" {
					return &coach.Snooze{Cause: errOurs}
				}
				return nil
			}
			worker := w.worker()
			worker.MaxAge = time.Minute
			n := note(1)
			bubble(t, w, worker, n)
			if r := only(t, w, n.ID); r.Kind != coach.ReplyApology {
				t.Errorf("a %s reply", r.Kind)
			}
		})
	})
}

func TestPanicIsOurs(t *testing.T) {
	for _, at := range []string{"open", "read", "decode", "score", "explain", "post"} {
		t.Run("at "+at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(world)
				left := 2
				w.on = func(_ context.Context, op string) error {
					if op == at && left > 0 {
						left--
						panic("my secret sentence")
					}
					return nil
				}
				var log bytes.Buffer
				worker := w.worker()
				worker.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				n := note(1)
				bubble(t, w, worker, n)
				if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching {
					t.Errorf("a %s reply", r.Kind)
				}
				if f := w.Finished(); len(f) != 1 || f[0].Attempt != 3 || f[0].Crashes != 0 {
					t.Errorf("finished: %+v", f)
				}
				if s := log.String(); strings.Contains(s, "secret") || strings.Contains(s, n.Text) || !strings.Contains(s, "fakes_test.go") {
					t.Errorf("log lacks the stack or holds the learner's words:\n%s", s)
				}
			})
		})
	}
}

func TestNoteThatKillsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		var alone, together, most int
		killer := note(1)
		killer.Text = "killer"
		var mu sync.Mutex
		die := true
		w.on = func(ctx context.Context, op string) error {
			if op != "score" {
				return nil
			}
			mu.Lock()
			together++
			most = max(most, together)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			together--
			if die {
				// The process is gone: whatever this one does after is lost.
				alone = together
				w.Crash()
				die = false
			}
			return nil
		}
		worker := w.worker()
		worker.Concurrency, worker.Notes = 3, 6
		bubble(t, w, worker, killer, note(2), note(3), note(4))
		if most != 3 {
			t.Errorf("%d notes were scored at once, want 3", most)
		}
		if alone == 0 {
			t.Error("nothing ran beside the first that crashed")
		}
		for n := 1; n <= 4; n++ {
			if r := only(t, w, note(n).ID); r.Kind != coach.ReplyCoaching {
				t.Errorf("%s: a %s reply for a single crash", r.Note, r.Kind)
			}
		}
	})
	t.Run("is alone when it tries again, and refused in the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			n := note(1)
			if err := w.Accept(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			task, err := w.Claim(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			task.Crashes = 2
			if err := w.Retry(t.Context(), task, 0, true); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			running, crashed := 0, false
			w.on = func(ctx context.Context, op string) error {
				if op != "score" {
					return nil
				}
				mu.Lock()
				running++
				suspect := w.Waiting()[0].Crashes == 3
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				if suspect && !crashed {
					crashed = true
					if running != 1 {
						t.Errorf("%d notes ran beside the suspect", running-1)
					}
					running--
					w.Crash()
					return nil
				}
				running--
				return nil
			}
			worker := w.worker()
			worker.Concurrency = 2
			bubble(t, w, worker, note(2), note(3))
			if r := only(t, w, n.ID); r.Reason != coach.ErrUnsupportedAudio.Reason {
				t.Errorf("%s, reason %q", r.Kind, r.Reason)
			}
			for i := 2; i <= 3; i++ {
				if r := only(t, w, note(i).ID); r.Kind != coach.ReplyCoaching {
					t.Errorf("%s: a %s reply", r.Note, r.Kind)
				}
			}
		})
	})
}

func TestShutdown(t *testing.T) {
	run := func(t *testing.T, on func(ctx context.Context, op string) error) (w *world, took time.Duration, err error) {
		w = &world{on: on}
		if err := w.Accept(t.Context(), note(1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.worker().Run(ctx) }()
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		start := time.Now()
		cancel()
		err = <-done
		return w, time.Since(start), err
	}
	waitIn := func(in string, d time.Duration, heed bool) func(ctx context.Context, op string) error {
		return func(ctx context.Context, op string) error {
			if op != in {
				return nil
			}
			if !heed {
				ctx = context.WithoutCancel(ctx)
			}
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	t.Run("idle, at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if _, took, err := run(t, nil); err != nil || took > 0 {
				t.Errorf("after %s, %v", took, err)
			}
		})
	})
	t.Run("a short step ends and its result is kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, took, err := run(t, waitIn("score", 3*time.Second, true))
			if err != nil || took > 3*time.Second {
				t.Errorf("after %s, %v", took, err)
			}
			left := w.Waiting()
			if len(left) != 1 || left[0].Assessment == nil || left[0].Attempt != 0 || left[0].Crashes != 0 {
				t.Errorf("left: %+v", left)
			}
			bubble(t, w, w.worker())
			if r := only(t, w, note(1).ID); r.Kind != coach.ReplyCoaching || w.calls["score"] != 1 {
				t.Errorf("a %s reply, %d times scored", r.Kind, w.calls["score"])
			}
		})
	})
	for _, in := range []string{"open", "decode", "score", "explain", "post"} {
		t.Run("a long "+in+" is told to stop", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, took, err := run(t, waitIn(in, time.Minute, true))
				if err != nil || took > 4*time.Second {
					t.Errorf("after %s, %v", took, err)
				}
				left := w.Waiting()
				if len(left) != 1 || left[0].Attempt != 0 || left[0].Crashes != 0 {
					t.Errorf("left: %+v", left)
				}
			})
		})
	}
	t.Run("a step that heeds nobody is left behind", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, took, err := run(t, waitIn("score", time.Minute, false))
			if err == nil || took > 5*time.Second {
				t.Errorf("after %s, %v", took, err)
			}
			if left := w.Waiting(); len(left) != 1 || left[0].Crashes != 1 {
				t.Errorf("left: %+v", left)
			}
			time.Sleep(2 * time.Minute)
		})
	})
}

// TestBrokenHold drops a held recording that can't be read and downloads it
// again, rather than blame the learner for it.
func TestBrokenHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		h := &brokenHold{world: w, left: 1}
		worker := bots.NewWorker(w, h, w, decoder{w}, scorer{w}, explainer{w}, adapter{w})
		n := note(1)
		bubble(t, w, worker, n)
		if r := only(t, w, n.ID); r.Kind != coach.ReplyCoaching || w.calls["open"] != 2 {
			t.Errorf("a %s reply after %d downloads", r.Kind, w.calls["open"])
		}
	})
}

type brokenHold struct {
	*world
	left int
}

func (h *brokenHold) Held(ctx context.Context, id coach.NoteID) (io.ReadCloser, error) {
	r, err := h.world.Held(ctx, id)
	if err != nil || h.calls["decode"] > 0 {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader("au"), failing{}), r}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errOurs }

// TestObserver sees every step once, with its platform.
func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		o := new(observer)
		worker := w.worker()
		worker.Observer = o
		bubble(t, w, worker, note(1))
		want := []string{"hold", "decode", "score", "explain", "post", "note", "remember", "release", "finish"}
		if d := cmp.Diff(want, o.steps); d != "" {
			t.Errorf("steps (-want +got):\n%s", d)
		}
	})
}

type observer struct {
	mu    sync.Mutex
	steps []string
}

func (o *observer) Step(p coach.Platform, step string, _ time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p != coach.Playground || err != nil {
		step += fmt.Sprint(" ", p, err)
	}
	o.steps = append(o.steps, step)
}
