package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestOperator(t *testing.T) {
	ctx := t.Context()
	s := open(t, store.Config{Dir: t.TempDir(), KeepDead: 3 * time.Second, KnowFor: 2 * time.Second})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	accept := func(n int) {
		t.Helper()
		must(s.Accept(ctx, storetest.Note(n)))
	}
	claim := func() *coach.Task {
		t.Helper()
		task, err := s.Claim(ctx)
		must(err)
		return task
	}
	depth := func(want store.Depth) {
		t.Helper()
		if d := cmp.Diff(want, s.Depth()); d != "" {
			t.Errorf("depth (-want +got):\n%s", d)
		}
	}
	for n := range 5 {
		accept(n)
	}
	apologised, replied, failed := claim(), claim(), claim()
	must(s.Retry(ctx, claim(), time.Hour, true))
	depth(store.Depth{Ready: 1, Later: 1, Claimed: 3})

	apologised.Reply, apologised.Posted = &coach.Reply{Kind: coach.ReplyApology}, true
	replied.Reply = &coach.Reply{Kind: coach.ReplyCoaching}
	failed.Reply, failed.Crashes = &coach.Reply{Kind: coach.ReplyApology}, 2
	must(s.Hold(ctx, failed.Note.ID, strings.NewReader("audio")))
	for _, task := range []*coach.Task{apologised, replied, failed} {
		must(s.Bury(ctx, task))
	}
	depth(store.Depth{Ready: 1, Later: 1, Dead: 3})
	letters, err := s.DeadLetters(ctx)
	must(err)
	var got []coach.Task
	for _, l := range letters {
		if age := time.Since(l.At); age < 0 || age > time.Minute {
			t.Errorf("buried %s ago", age)
		}
		got = append(got, l.Task)
	}
	if d := cmp.Diff([]coach.Task{*apologised, *replied, *failed}, got); d != "" {
		t.Errorf("dead letters (-want +got):\n%s", d)
	}

	if err := s.Revive(ctx, apologised.Note.ID); !errors.Is(err, store.ErrAnswered) {
		t.Errorf("revive of an answered note: %v", err)
	}
	for _, id := range []coach.NoteID{storetest.Note(4).ID, "playground.unknown"} {
		if err := s.Revive(ctx, id); !errors.Is(err, store.ErrNoDeadLetter) {
			t.Errorf("revive of %s: %v", id, err)
		}
		if err := s.Drop(ctx, id); !errors.Is(err, store.ErrNoDeadLetter) {
			t.Errorf("drop of %s: %v", id, err)
		}
	}
	must(s.Finish(ctx, claim()))
	must(s.Revive(ctx, replied.Note.ID))
	must(s.Revive(ctx, failed.Note.ID))
	again := claim()
	if again.Note.ID != replied.Note.ID || again.Attempt != 1 || again.Reply == nil {
		t.Errorf("revived: %+v; want its reply to be posted at last", again)
	}
	again = claim()
	if again.Note.ID != failed.Note.ID || again.Attempt != 1 || again.Reply != nil || again.Crashes != 0 {
		t.Errorf("revived: %+v; want it afresh, without the apology", again)
	}
	must(s.Bury(ctx, again))
	must(s.Drop(ctx, failed.Note.ID))
	if _, err := s.Held(ctx, failed.Note.ID); !errors.Is(err, coach.ErrNotHeld) {
		t.Errorf("a dropped letter's recording: %v", err)
	}
	depth(store.Depth{Later: 1, Claimed: 1, Dead: 1})

	t.Run("dead letters and finished notes are forgotten in time", func(t *testing.T) {
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			letters, err := s.DeadLetters(ctx)
			must(err)
			if len(letters) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("a dead letter outlived its time")
			}
		}
		depth(store.Depth{Later: 1, Claimed: 1})
		for end := time.Now().Add(time.Minute); s.Depth().Ready < 2; time.Sleep(100 * time.Millisecond) {
			accept(0) // dropped by time, finished before that
			accept(4)
			if time.Now().After(end) {
				t.Fatal("notes are known for ever")
			}
		}
	})
}
