package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
)

// fakeOperator has dead letters in memory.
type fakeOperator struct {
	letters  []deadLetter
	revived  []coach.NoteID
	disputes []bots.Dispute
}

func (o *fakeOperator) Depth(context.Context) (depth, error) {
	return depth{Ready: 1, Later: 2, Claimed: 3, Dead: len(o.letters)}, nil
}

func (o *fakeOperator) Dead(context.Context) ([]deadLetter, error) { return o.letters, nil }

func (o *fakeOperator) take(id coach.NoteID) (deadLetter, error) {
	i := slices.IndexFunc(o.letters, func(l deadLetter) bool { return l.ID == id })
	if i < 0 {
		return deadLetter{}, store.ErrNoDeadLetter
	}
	l := o.letters[i]
	o.letters = slices.Delete(o.letters, i, i+1)
	return l, nil
}

func (o *fakeOperator) Retry(_ context.Context, id coach.NoteID) error {
	l, err := o.take(id)
	if err == nil && l.Answered {
		o.letters = append(o.letters, l)
		return store.ErrAnswered
	}
	o.revived = append(o.revived, id)
	return err
}

func (o *fakeOperator) Drop(_ context.Context, id coach.NoteID) error {
	_, err := o.take(id)
	return err
}

func (o *fakeOperator) Disputes(context.Context) ([]bots.Dispute, error) { return o.disputes, nil }

func (o *fakeOperator) Close() error { return nil }

func TestOperatorThroughTheSocket(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	fake := &fakeOperator{letters: []deadLetter{
		{ID: "playground-a", Platform: coach.Playground, Received: at, GivenUp: at.Add(time.Hour), Attempts: 8, Error: "score: out of memory"},
		{ID: "playground-b", Platform: coach.Playground, Received: at, GivenUp: at.Add(time.Hour), Attempts: 8, Answered: true},
		{ID: "playground-c", Platform: coach.Playground, Received: at, GivenUp: at.Add(time.Hour), Attempts: 8},
	}}
	fake.disputes = []bots.Dispute{{
		Place: "discord.1", Note: "discord.2", Claim: "c2", Kind: coach.ClaimPhone, Label: coach.Bad, Confidence: .75,
		Expected: "TH", Heard: "S", Model: "mynah 0.3.0", At: at,
	}}
	path := filepath.Join(t.TempDir(), "control.sock")
	c, err := newControl(t.Context(), path, fake)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.serve(ctx) }()

	op := newRemote(path)
	d, err := op.Depth(ctx)
	if diff := cmp.Diff(depth{1, 2, 3, 3}, d); diff != "" || err != nil {
		t.Errorf("depth: %v\n%s", err, diff)
	}
	letters, err := op.Dead(ctx)
	if diff := cmp.Diff(fake.letters, letters); diff != "" || err != nil {
		t.Errorf("dead letters: %v\n%s", err, diff)
	}
	disputes, err := op.Disputes(ctx)
	if diff := cmp.Diff(fake.disputes, disputes); diff != "" || err != nil {
		t.Errorf("disputes: %v\n%s", err, diff)
	}
	if err := op.Retry(ctx, "playground-a"); err != nil || !slices.Equal(fake.revived, []coach.NoteID{"playground-a"}) {
		t.Errorf("retry: %v, revived %v", err, fake.revived)
	}
	if err := op.Retry(ctx, "playground-b"); err == nil || err.Error() != store.ErrAnswered.Error() {
		t.Errorf("retry of an answered one: %v", err)
	}
	if err := op.Drop(ctx, "playground-c"); err != nil {
		t.Errorf("drop: %v", err)
	}
	for _, id := range []coach.NoteID{"playground-c", "../../etc/passwd", "%2f", "a b?c#d"} {
		if err := op.Drop(ctx, id); err == nil || err.Error() != store.ErrNoDeadLetter.Error() {
			t.Errorf("drop of %q, which is none: %v", id, err)
		}
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	t.Run("nobody listens any more", func(t *testing.T) {
		_, err := op.Depth(t.Context())
		if err == nil || !strings.Contains(err.Error(), "does not answer on "+path) {
			t.Errorf("error %v", err)
		}
	})
}

// The queue commands work on a real store too, opened by themselves.
func TestQueueCommandsOnARealStore(t *testing.T) {
	p := newProgram(t)
	bury(t, p, "playground-one", false)
	bury(t, p, "playground-two", true)
	command := func(want int, args ...string) string {
		t.Helper()
		var stdout, stderr buffer
		if code := NewMain(append([]string{"queue"}, args...), p.Env, nil, &stdout, &stderr).Run(t.Context()); code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, stderr.String())
		}
		return stdout.String() + stderr.String()
	}
	if got := command(exitOK); !strings.Contains(got, "2 given up") {
		t.Errorf("show: %s", got)
	}
	list := command(exitOK, "dead")
	for _, want := range []string{"playground-one\n", "playground-two\n", "not answered", "answered with an apology", "score: broken"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	if strings.Contains(list, "said by the learner") {
		t.Errorf("the list holds the learner's sentence:\n%s", list)
	}
	if got := command(exitFailure, "dead", "retry", "playground-two"); !strings.Contains(got, "playground-two: ") || !strings.Contains(got, "apology") {
		t.Errorf("retry of an answered one: %s", got)
	}
	if got := command(exitOK, "dead", "retry", "--all"); !strings.Contains(got, "1 will be tried again") {
		t.Errorf("retry --all: %s", got)
	}
	if got := command(exitOK, "dead", "drop", "playground-two"); !strings.Contains(got, "1 dropped") {
		t.Errorf("drop: %s", got)
	}
	if got := command(exitOK, "show", "--json"); got != `{"ready":1,"later":0,"claimed":0,"dead":0}`+"\n" {
		t.Errorf("show --json: %s", got)
	}
	if got := command(exitOK, "dead"); got != "None was given up.\n" {
		t.Errorf("dead: %s", got)
	}
}

// bury puts a dead letter into the program's store.
func bury(t *testing.T, p *program, id coach.NoteID, answered bool) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: p.getenv("MYNAH_DATA_DIR")})
	if err != nil {
		t.Fatal(err)
	}
	note := coach.VoiceNote{ID: id, Platform: coach.Playground, Text: "said by the learner", Received: time.Now()}
	if err := s.Accept(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	task, err := s.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	task.Posted, task.LastError = answered, "score: broken"
	if answered {
		task.Reply = &coach.Reply{Note: id, Kind: coach.ReplyApology}
	}
	if diff := cmp.Diff(note, task.Note, cmpopts.EquateApproxTime(time.Second)); diff != "" {
		t.Fatal(diff)
	}
	if err := errors.Join(s.Bury(t.Context(), task), s.Close()); err != nil {
		t.Fatal(err)
	}
}
