package bots_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
)

// The gate's kill test: each note is of a learner of its own, who is asked for
// consent; every second comes without its sentence, every third is deleted once
// its learner was asked. Learners answer what they see, and again when the
// service is back.

// gateNote is the n-th.
func gateNote(n int) coach.VoiceNote {
	v := chatNote(n)
	v.Learner = coach.LearnerID(fmt.Sprint("learner ", n))
	if n%2 == 0 {
		v.Text = ""
	}
	return v
}

func deleted(n int) bool { return n%3 == 2 }

// runGate is a child's service on a chat platform.
func (c *child) runGate(ctx context.Context) error {
	var err error
	if c.Store, err = store.Open(ctx, store.Config{Dir: filepath.Join(c.Dir, "data"), Reserve: 1}); err != nil {
		return err
	}
	lasting, err := c.Shelf(ctx, "desk", 0)
	if err != nil {
		return err
	}
	passing, err := c.Shelf(ctx, "desk-passing", time.Hour)
	if err != nil {
		return err
	}
	desk := bots.NewDesk(c, c, c, deadlyShelf{lasting, c, "lasting"}, deadlyShelf{passing, c, "passing"})
	desk.Defaults.Consent = coach.ConsentOptIn
	worker := bots.NewWorker(c, c, c, c, c, c, chatPlatform{c})
	worker.Desk = desk
	worker.Concurrency, worker.Notes = c.Hands, c.Hands
	worker.Observer = c
	worker.Backoff = 10 * time.Millisecond
	worker.LookAgain = 200 * time.Millisecond
	worker.MaxAttempts, worker.MaxCrashes = 1000, 1000 // so many deaths are no note's fault
	worker.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	working, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var stopped, learned error
	wg.Go(func() { stopped = worker.Run(working) })
	for n := range c.Notes {
		if err := c.Accept(ctx, gateNote(n)); err != nil {
			return err
		}
	}
	wg.Go(func() { learned = c.learners(working, desk) })
	for d := c.Depth(); d.Ready+d.Later+d.Claimed > 0; d = c.Depth() {
		if ctx.Err() != nil {
			return fmt.Errorf("left: %+v", d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	wg.Wait()
	return errors.Join(stopped, learned, c.Close())
}

// learners answer what they see, each thing once in the life of a process, until
// ctx ends.
func (c *child) learners(ctx context.Context, desk *bots.Desk) error {
	done := map[string]bool{}
	once := func(file string, n int, do func() error) error {
		seen, err := lines(filepath.Join(c.Dir, file))
		if key := fmt.Sprint(file, n); err == nil && seen[gateNote(n).ID] > 0 && !done[key] {
			done[key] = true
			err = do()
		}
		return err
	}
	for ctx.Err() == nil {
		for n := range c.Notes {
			note := gateNote(n)
			err := once("notices", n, func() error {
				if deleted(n) {
					return desk.Withdraw(ctx, note.ID)
				}
				if err := c.record("consents", note.ID); err != nil {
					return err
				}
				_, err := desk.Do(ctx, answers(note, "yes"))
				return err
			})
			if err == nil {
				err = once("questions", n, func() error {
					_, err := desk.Do(ctx, reads(note, "I said it later."))
					return err
				})
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// chatPlatform is a folder in which a reply of each kind is a line of its own
// file.
type chatPlatform struct{ *child }

func (chatPlatform) Platform() coach.Platform                  { return coach.Discord }
func (chatPlatform) Listen(context.Context, coach.Inbox) error { return nil }

func (p chatPlatform) Open(ctx context.Context, n coach.VoiceNote) (io.ReadCloser, error) {
	consents, err := lines(filepath.Join(p.Dir, "consents"))
	if err == nil && consents[n.ID] == 0 {
		err = p.record("stolen", n.ID)
	}
	if err != nil {
		return nil, err
	}
	return platform(p).Open(ctx, n)
}

func (p chatPlatform) Post(_ context.Context, _ coach.ThreadID, r coach.Reply) error {
	file := map[coach.ReplyKind]string{
		coach.ReplyNotice: "notices", coach.ReplyQuestion: "questions", coach.ReplyCoaching: "replies",
	}[r.Kind]
	if file == "" {
		file = "wrong"
	}
	defer p.around("post " + file)()
	seen, err := lines(filepath.Join(p.Dir, file))
	if err != nil || seen[r.Note] > 0 {
		return err
	}
	return p.record(file, r.Note)
}

func (c *child) Retry(ctx context.Context, t *coach.Task, after time.Duration, count bool) error {
	defer c.around("retry")()
	return c.Store.Retry(ctx, t, after, count)
}

func (c *child) Wake(ctx context.Context, id coach.NoteID) error {
	defer c.around("wake")()
	return c.Store.Wake(ctx, id)
}

// deadlyShelf is a shelf at whose changes the process may die.
type deadlyShelf struct {
	coach.Shelf
	c    *child
	name string
}

func (s deadlyShelf) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	defer s.c.around(s.name)()
	return s.Shelf.Update(ctx, key, change)
}

// gateHeld checks that each note has exactly what it should.
func gateHeld(t *testing.T, c childConfig) {
	t.Helper()
	count := func(file string) map[coach.NoteID]int {
		all, err := lines(filepath.Join(c.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if wrong, stolen := count("wrong"), count("stolen"); len(wrong)+len(stolen) > 0 {
		t.Errorf("%d wrong replies, %d recordings fetched without consent", len(wrong), len(stolen))
	}
	notices, questions, replies := count("notices"), count("questions"), count("replies")
	for n := range c.Notes {
		note := gateNote(n)
		want := [3]int{1, 0, 1}
		if note.Text == "" {
			want[1] = 1
		}
		if deleted(n) {
			want = [3]int{1, 0, 0}
		}
		if got := [3]int{notices[note.ID], questions[note.ID], replies[note.ID]}; got != want {
			t.Errorf("note %d has %v notices, questions and answers, want %v", n, got, want)
		}
	}
	s, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(c.Dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := s.Depth(); d != (store.Depth{}) {
		t.Errorf("left: %+v", d)
	}
	for n := range c.Notes {
		if _, err := s.Held(t.Context(), gateNote(n).ID); !errors.Is(err, coach.ErrNotHeld) {
			t.Errorf("note %d: the recording is still held: %v", n, err)
		}
		l, err := s.Earlier(t.Context(), gateNote(n).Learner, -1)
		if want := !deleted(n); err != nil || (len(l) == 1) != want {
			t.Errorf("note %d: %d lessons, %v", n, len(l), err)
		}
	}
}

// TestKilledAtTheGate kills the process with SIGKILL before and after every step
// of asking, parking, answering, waking and withdrawing in turn.
func TestKilledAtTheGate(t *testing.T) {
	var points []childConfig
	both := func(op string, count int) {
		for k := 1; k <= count; k++ {
			points = append(points, childConfig{Kill: "before " + op, Count: k})
		}
		points = append(points, childConfig{Kill: "after " + op, Count: count})
	}
	both("post notices", 1)
	both("post questions", 1)
	both("post replies", 1)
	both("retry", 2)
	both("wake", 2)
	both("hold", 1)
	both("release", 1)
	both("finish", 1)
	both("lasting", 8)
	both("passing", 5)
	conf := childConfig{Dir: t.TempDir(), Hands: 2, Gate: true}
	for _, p := range points {
		conf.Notes += 3 // one of them needs all there is, and one is deleted
		p.Dir, p.Notes, p.Hands, p.Gate = conf.Dir, conf.Notes, conf.Hands, true
		if err := startChild(t, p).Wait(); !killed(err) {
			t.Fatalf("%s %d: %v, want it killed", p.Kill, p.Count, err)
		}
	}
	if err := startChild(t, conf).Wait(); err != nil {
		t.Fatalf("the last child: %v", err)
	}
	gateHeld(t, conf)
}
