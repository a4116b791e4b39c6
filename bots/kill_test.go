package bots_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

// childVariable makes a child of the test binary a service on a real store: its
// value is a childConfig as JSON.
const childVariable = "BOTS_TEST_CHILD"

type childConfig struct {
	Dir   string
	Notes int    // that are sent, again in each child
	Kill  string // where the process kills itself: "before save", "after hold", ...
	Count int    // at which time there
	Hands int    // notes worked on at once
	Gate  bool   // on a chat platform, with a desk
}

// runChild does a child's work if this process is one: all notes are accepted
// and answered, or it dies.
func runChild() {
	conf := os.Getenv(childVariable)
	if conf == "" {
		return
	}
	c := &child{}
	err := json.Unmarshal([]byte(conf), &c.childConfig)
	if err == nil {
		err = c.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is a service with a real store and quick fakes for all else. Its
// platform is a folder, in which a reply is a file.
type child struct {
	childConfig
	*store.Store
	mu   sync.Mutex
	seen int
}

func (c *child) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if c.Gate {
		return c.runGate(ctx)
	}
	var err error
	if c.Store, err = store.Open(ctx, store.Config{Dir: filepath.Join(c.Dir, "data"), Reserve: 1}); err != nil {
		return err
	}
	worker := bots.NewWorker(c, c, c, c, c, c, platform{c})
	worker.Concurrency, worker.Notes = c.Hands, c.Hands
	worker.Observer = c
	worker.MaxCrashes = 1000 // so many deaths are no note's fault
	worker.Backoff = 10 * time.Millisecond
	working, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(working) }()
	for n := range c.Notes {
		if err := c.Accept(ctx, storetest.Note(n)); err != nil {
			return err
		}
		if err := c.record("accepted", storetest.Note(n).ID); err != nil {
			return err
		}
	}
	for d := c.Depth(); d.Ready+d.Later+d.Claimed > 0; d = c.Depth() {
		if ctx.Err() != nil {
			return fmt.Errorf("left: %+v", d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	return errors.Join(<-stopped, c.Close())
}

// record adds a line to one of the child's files, in a way that SIGKILL can't
// break.
func (c *child) record(file string, id coach.NoteID) error {
	f, err := os.OpenFile(filepath.Join(c.Dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(string(id) + "\n")
	return errors.Join(err, f.Close())
}

// die kills the process if this is the place and the time.
func (c *child) die(place string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place != c.Kill {
		return
	}
	if c.seen++; c.seen == c.Count {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (c *child) around(op string) func() {
	c.die("before " + op)
	return func() { c.die("after " + op) }
}

// Step implements bots.Observer.
func (c *child) Step(_ coach.Platform, step string, _ time.Duration, _ error) { c.die("at " + step) }

func (c *child) Claim(ctx context.Context) (*coach.Task, error) {
	t, err := c.Store.Claim(ctx)
	if err == nil {
		c.die("after claim")
	}
	return t, err
}

func (c *child) Save(ctx context.Context, t *coach.Task) error {
	defer c.around("save")()
	return c.Store.Save(ctx, t)
}

func (c *child) Finish(ctx context.Context, t *coach.Task) error {
	defer c.around("finish")()
	return c.Store.Finish(ctx, t)
}

func (c *child) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	defer c.around("hold")()
	return c.Store.Hold(ctx, id, r)
}

func (c *child) Remember(ctx context.Context, id coach.LearnerID, l coach.Lesson) error {
	defer c.around("remember")()
	return c.Store.Remember(ctx, id, l)
}

func (c *child) Release(ctx context.Context, id coach.NoteID) error {
	defer c.around("release")()
	return c.Store.Release(ctx, id)
}

func (c *child) Decode(_ context.Context, r io.Reader) (coach.Audio, error) {
	b, err := io.ReadAll(r)
	return coach.Audio{Samples: make([]float32, len(b))}, err
}

func (c *child) Score(_ context.Context, u coach.Utterance) (coach.Assessment, error) {
	return coach.Assessment{Model: "fake", Text: u.Text}, nil
}

func (c *child) Explain(_ context.Context, now coach.Assessment, _ []coach.Lesson) (coach.Rationale, error) {
	return coach.Rationale{Text: "On: " + now.Text, Source: coach.SourcePlain}, nil
}

type platform struct{ *child }

func (platform) Platform() coach.Platform                  { return coach.Playground }
func (platform) Listen(context.Context, coach.Inbox) error { return nil }
func (p platform) Open(_ context.Context, n coach.VoiceNote) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("audio of " + string(n.ID))), nil
}

// Post is idempotent as every adapter's is: it looks for the reply first.
func (p platform) Post(_ context.Context, _ coach.ThreadID, r coach.Reply) error {
	defer p.around("post")()
	seen, err := lines(filepath.Join(p.Dir, "replies"))
	if err != nil || seen[r.Note] > 0 {
		return err
	}
	if r.Kind != coach.ReplyCoaching {
		return p.record("wrong", r.Note)
	}
	return p.record("replies", r.Note)
}

// lines counts a file's lines.
func lines(path string) (map[coach.NoteID]int, error) {
	count := map[coach.NoteID]int{}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return count, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		count[coach.NoteID(s.Text())]++
	}
	return count, s.Err()
}

func startChild(t *testing.T, c childConfig) *exec.Cmd {
	t.Helper()
	conf, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(conf))
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// answered checks that each note has exactly one reply.
func answered(t *testing.T, c childConfig) {
	t.Helper()
	replies, err := lines(filepath.Join(c.Dir, "replies"))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := lines(filepath.Join(c.Dir, "wrong"))
	if err != nil || len(wrong) > 0 {
		t.Errorf("%d replies were no coaching, %v", len(wrong), err)
	}
	for n := range c.Notes {
		if r := replies[storetest.Note(n).ID]; r != 1 {
			t.Errorf("note %d has %d replies", n, r)
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
	for learner := range 3 {
		l, err := s.Earlier(t.Context(), storetest.Note(learner).Learner, -1)
		if want := min(50, (c.Notes+2-learner)/3); err != nil || len(l) != want && len(l) != want-1 {
			// One less where a lesson that was remembered twice took the oldest's place.
			t.Errorf("learner %d has %d lessons, %v; want %d", learner, len(l), err, want)
		}
	}
	for n := range c.Notes {
		if _, err := s.Held(t.Context(), storetest.Note(n).ID); !errors.Is(err, coach.ErrNotHeld) {
			t.Errorf("note %d: the recording is still held: %v", n, err)
		}
	}
}

// TestKilledAnywhere kills the process with SIGKILL before and after every
// durable step in turn.
func TestKilledAnywhere(t *testing.T) {
	var points []childConfig
	for _, op := range []string{
		"after claim", "before hold", "after hold", "at decode", "at score", "at explain",
		"before post", "after post", "before remember", "after remember",
		"before release", "after release", "before finish", "after finish",
	} {
		points = append(points, childConfig{Kill: op, Count: 1})
	}
	for save := 1; save <= 4; save++ { // entering native code, assessment, reply, posted
		points = append(points, childConfig{Kill: "before save", Count: save}, childConfig{Kill: "after save", Count: save})
	}
	conf := childConfig{Dir: t.TempDir(), Hands: 1}
	for _, p := range points {
		conf.Notes++ // at least one is there to die with
		p.Dir, p.Notes, p.Hands = conf.Dir, conf.Notes, 1
		if err := startChild(t, p).Wait(); !killed(err) {
			t.Fatalf("%s %d: %v, want it killed", p.Kill, p.Count, err)
		}
	}
	if err := startChild(t, conf).Wait(); err != nil {
		t.Fatalf("the last child: %v", err)
	}
	answered(t, conf)
}

// TestKilledAnytime kills the process with SIGKILL at random while it takes in
// and answers 500 notes.
func TestKilledAnytime(t *testing.T) {
	if testing.Short() {
		t.Skip("many notes take their time")
	}
	conf := childConfig{Dir: t.TempDir(), Notes: 500, Hands: 6}
	const kills = 6
	for range kills {
		// By progress, not by the clock: on a fast machine all would be answered before the second kill. Some more are
		// answered until the process is dead.
		enough := replied(t, conf) + rand.N(conf.Notes/kills-10)
		cmd := startChild(t, conf)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for len(ended) == 0 && replied(t, conf) < enough {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		_ = cmd.Process.Kill()
		if err := <-ended; !killed(err) {
			t.Fatalf("child: %v", err)
		}
	}
	if err := startChild(t, conf).Wait(); err != nil {
		t.Fatalf("the last child: %v", err)
	}
	answered(t, conf)
}

// replied counts the replies that have been posted so far.
func replied(t *testing.T, c childConfig) (n int) {
	t.Helper()
	replies, err := lines(filepath.Join(c.Dir, "replies"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range replies {
		n += k
	}
	return n
}
