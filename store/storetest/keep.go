package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// AudioHold runs the suite that every coach.AudioHold passes on an empty one.
func AudioHold(t *testing.T, h coach.AudioHold) {
	ctx := t.Context()
	held := func(t *testing.T, id coach.NoteID) []byte {
		t.Helper()
		r, err := h.Held(ctx, id)
		if err != nil {
			t.Fatalf("held: %v", err)
		}
		defer func() { _ = r.Close() }() // only read from
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("held: %v", err)
		}
		return b
	}
	absent := func(t *testing.T, id coach.NoteID) {
		t.Helper()
		if _, err := h.Held(ctx, id); !errors.Is(err, coach.ErrNotHeld) {
			t.Errorf("held %s: %v, want ErrNotHeld", id, err)
		}
	}
	for n, size := range []int{0, 1, 20_000, 3 << 20} {
		t.Run(fmt.Sprintf("%d bytes come out as they went in", size), func(t *testing.T) {
			id := Note(n).ID
			absent(t, id)
			want := make([]byte, size)
			src := rand.NewChaCha8([32]byte{byte(n)})
			_, _ = src.Read(want)
			if err := h.Hold(ctx, id, bytes.NewReader(want)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if !bytes.Equal(held(t, id), want) {
					t.Error("other bytes came out")
				}
			}
			if err := h.Release(ctx, id); err != nil {
				t.Error(err)
			}
			absent(t, id)
			if err := h.Release(ctx, id); err != nil {
				t.Errorf("release of nothing: %v", err)
			}
		})
	}
	t.Run("what is held later takes its place", func(t *testing.T) {
		id := Note(10).ID
		for _, s := range []string{"first", "second"} {
			if err := h.Hold(ctx, id, iotest.OneByteReader(bytes.NewReader([]byte(s)))); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(held(t, id)); got != "second" {
			t.Errorf("held %q", got)
		}
	})
	t.Run("nothing of a broken reader is kept", func(t *testing.T) {
		id, broken := Note(11).ID, errors.New("broken")
		err := h.Hold(ctx, id, io.MultiReader(bytes.NewReader(make([]byte, 500_000)), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("hold: %v, want the reader's error", err)
		}
		absent(t, id)
	})
	t.Run("nothing is kept when the context has ended", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		id := Note(12).ID
		if err := h.Hold(ended, id, bytes.NewReader([]byte("x"))); !errors.Is(err, context.Canceled) {
			t.Errorf("hold: %v", err)
		}
		absent(t, id)
	})
}

// Lesson returns the n-th lesson, on the n-th note.
func Lesson(n int) coach.Lesson {
	return coach.Lesson{
		Note:       Note(n).ID,
		At:         time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC),
		Assessment: coach.Assessment{Model: "m", Text: fmt.Sprint("sentence ", n)},
		Rationale:  coach.Rationale{Text: fmt.Sprint("words ", n), Source: coach.SourcePlain},
	}
}

// History runs the suite that every coach.History passes on an empty one that
// keeps a number of lessons for each learner.
func History(t *testing.T, h coach.History, keep int) {
	ctx := t.Context()
	remember := func(t *testing.T, learner coach.LearnerID, lessons ...coach.Lesson) {
		t.Helper()
		for _, l := range lessons {
			if err := h.Remember(ctx, learner, l); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(t *testing.T, learner coach.LearnerID, n int, want ...coach.Lesson) {
		t.Helper()
		got, err := h.Earlier(ctx, learner, n)
		if err != nil {
			t.Fatal(err)
		}
		if len(got)+len(want) == 0 {
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("lessons (-want +got):\n%s", d)
		}
	}
	t.Run("an unknown learner has no lessons", func(t *testing.T) { check(t, "nobody", 5) })
	t.Run("lessons come newest first", func(t *testing.T) {
		remember(t, "a", Lesson(1), Lesson(3), Lesson(2))
		check(t, "a", 2, Lesson(3), Lesson(2))
		check(t, "a", -1, Lesson(3), Lesson(2), Lesson(1))
		check(t, "a", 0)
	})
	t.Run("the same note again replaces its lesson", func(t *testing.T) {
		l := Lesson(1)
		l.Rationale.Text = "other words"
		remember(t, "a", l)
		check(t, "a", 9, Lesson(3), Lesson(2), l)
	})
	t.Run("learners are kept apart, whatever their IDs", func(t *testing.T) {
		learners := []coach.LearnerID{"b", "b.", "b.*", ">", "", "discord.1", "日本 語", "b\x00"}
		for n, learner := range learners {
			remember(t, learner, Lesson(n))
		}
		for n, learner := range learners {
			check(t, learner, 9, Lesson(n))
		}
	})
	t.Run("the oldest lessons go", func(t *testing.T) {
		for n := range keep + 3 {
			remember(t, "c", Lesson(n))
		}
		got, err := h.Earlier(ctx, "c", keep+3)
		if err != nil || len(got) != keep || got[0].Note != Lesson(keep+2).Note {
			t.Errorf("%d lessons, %v; want the last %d", len(got), err, keep)
		}
	})
	t.Run("what is older is trimmed, for that learner only", func(t *testing.T) {
		before := Lesson(5).At
		if err := h.Trim(ctx, "nobody", before); err != nil {
			t.Error(err)
		}
		remember(t, "d", Lesson(6), Lesson(4), Lesson(5), Lesson(1))
		remember(t, "e", Lesson(1))
		again := Lesson(1)
		again.At = Lesson(7).At
		remember(t, "d", again) // what replaced it is not older
		for range 2 {
			if err := h.Trim(ctx, "d", before); err != nil {
				t.Error(err)
			}
			check(t, "d", 9, again, Lesson(6), Lesson(5))
		}
		check(t, "e", 9, Lesson(1))
		again.At = Lesson(2).At
		remember(t, "d", again)
		if err := h.Trim(ctx, "d", before); err != nil {
			t.Error(err)
		}
		check(t, "d", 9, Lesson(6), Lesson(5)) // and does not show what it replaced
	})
	t.Run("forgotten is forgotten, for that learner only", func(t *testing.T) {
		for range 2 {
			if err := h.Forget(ctx, "c"); err != nil {
				t.Fatal(err)
			}
		}
		check(t, "c", 9)
		check(t, "b", 9, Lesson(0))
		remember(t, "c", Lesson(5))
		check(t, "c", 9, Lesson(5))
	})
}

// AudioRound holds, reads and releases a recording of a size, over and over.
func AudioRound(b *testing.B, h coach.AudioHold, size int) {
	recording := make([]byte, size)
	for b.Loop() {
		id := Note(1).ID
		if err := h.Hold(b.Context(), id, bytes.NewReader(recording)); err != nil {
			b.Fatal(err)
		}
		r, err := h.Held(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		if err := h.Release(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}
