package bots_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
)

func TestIntakeLimits(t *testing.T) {
	numbered := func(n int) coach.VoiceNote {
		v := note(0)
		v.ID = coach.NoteID(fmt.Sprint("playground.", n))
		return v
	}
	busy := func(t *testing.T, err error, want time.Duration) {
		t.Helper()
		var b *coach.Busy
		if !errors.As(err, &b) || b.For != want {
			t.Errorf("accept: %v, want Busy for %s", err, want)
		}
	}
	accept := func(t *testing.T, in *bots.Intake, n coach.VoiceNote) {
		t.Helper()
		if err := in.Accept(t.Context(), n); err != nil {
			t.Errorf("accept: %v", err)
		}
	}
	t.Run("six a minute, sliding", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := bots.NewIntake(new(world))
			for n := range 6 {
				accept(t, in, numbered(n))
				time.Sleep(5 * time.Second)
			}
			busy(t, in.Accept(t.Context(), numbered(6)), 30*time.Second)
			time.Sleep(30 * time.Second)
			accept(t, in, numbered(6))
			busy(t, in.Accept(t.Context(), numbered(7)), 5*time.Second)
		})
	})
	t.Run("sixty a day", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := bots.NewIntake(new(world))
			for n := range 60 {
				accept(t, in, numbered(n))
				time.Sleep(10 * time.Minute)
			}
			busy(t, in.Accept(t.Context(), numbered(60)), 14*time.Hour)
			time.Sleep(14 * time.Hour)
			accept(t, in, numbered(60))
		})
	})
	t.Run("each learner for themselves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := bots.NewIntake(new(world))
			in.PerMinute = 1
			for n := range 20 {
				v := numbered(n)
				v.Learner = coach.LearnerID(fmt.Sprint(n))
				accept(t, in, v)
			}
		})
	})
	t.Run("a twin is no second note, even over the limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			in := bots.NewIntake(w)
			in.PerMinute = 2
			for range 5 {
				accept(t, in, numbered(1))
				accept(t, in, numbered(2))
			}
			busy(t, in.Accept(t.Context(), numbered(3)), time.Minute)
			accept(t, in, numbered(2))
			if n := len(w.Waiting()); n != 2 {
				t.Errorf("%d notes", n)
			}
		})
	})
	t.Run("a note that was not taken doesn't count", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := new(world)
			in := bots.NewIntake(w)
			in.PerMinute = 1
			w.Fail = func(string) error { return errOurs }
			for range 3 {
				if err := in.Accept(t.Context(), numbered(1)); !errors.Is(err, errOurs) {
					t.Errorf("accept: %v", err)
				}
			}
			w.Fail = nil
			accept(t, in, numbered(2))
			busy(t, in.Accept(t.Context(), numbered(3)), time.Minute)
		})
	})
	t.Run("no limit when negative", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := bots.NewIntake(new(world))
			in.PerMinute, in.PerDay = -1, -1
			for n := range 200 {
				accept(t, in, numbered(n))
			}
		})
	})
}

func TestIntakeText(t *testing.T) {
	const max = 10
	for name, c := range map[string]struct{ in, want string }{
		"short text stays":            {"think", "think"},
		"text at the limit stays":     {"0123456789", "0123456789"},
		"long text is still too long": {"0123456789abc", "0123456789a"},
		"characters count, not bytes": {strings.Repeat("思", 12), strings.Repeat("思", 11)},
		"broken UTF-8 is mended":      {"a\xffb", "a\uFFFDb"},
		"no text stays none":          {"", ""},
		"a megabyte is cut":           {strings.Repeat("x", 1<<20), strings.Repeat("x", 11)},
	} {
		t.Run(name, func(t *testing.T) {
			w := new(world)
			in := bots.NewIntake(w)
			in.MaxText = max
			n := note(1)
			n.Text = c.in
			if err := in.Accept(context.Background(), n); err != nil {
				t.Fatal(err)
			}
			if got := w.Waiting()[0].Note.Text; got != c.want {
				t.Errorf("kept %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzIntakeText holds any text against the limit.
func FuzzIntakeText(f *testing.F) {
	f.Add("think", 3)
	f.Add("\xff\xfe思", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 1 || limit > 100 {
			return
		}
		w := new(world)
		in := bots.NewIntake(w)
		in.MaxText = limit
		n := note(1)
		n.Text = text
		if err := in.Accept(context.Background(), n); err != nil {
			t.Fatal(err)
		}
		got := w.Waiting()[0].Note.Text
		whole := strings.ToValidUTF8(text, "\uFFFD")
		if !strings.HasPrefix(whole, got) || utf8.RuneCountInString(got) != min(utf8.RuneCountInString(whole), limit+1) {
			t.Errorf("kept %q of %q with limit %d", got, whole, limit)
		}
	})
}
