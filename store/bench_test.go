package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

// BenchmarkAccept accepts notes one after the other, each on the disk before
// the next; in parallel by eight.
func BenchmarkAccept(b *testing.B) {
	b.Run("one hand", func(b *testing.B) {
		s := open(b, store.Config{Dir: b.TempDir(), MaxTasks: 1 << 30})
		n := 0
		for b.Loop() {
			if err := s.Accept(b.Context(), storetest.Note(n)); err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "notes/s")
	})
	b.Run("eight hands", func(b *testing.B) {
		s := open(b, store.Config{Dir: b.TempDir(), MaxTasks: 1 << 30})
		var next atomic.Int64
		b.ResetTimer()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for n := int(next.Add(1)); n <= b.N; n = int(next.Add(1)) {
					if err := s.Accept(b.Context(), storetest.Note(n)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notes/s")
	})
}

// BenchmarkWork takes accepted notes through what a worker writes of each:
// claim, four saves, finish.
func BenchmarkWork(b *testing.B) {
	s := open(b, store.Config{Dir: b.TempDir(), MaxTasks: 1 << 30})
	for n := range b.N {
		if err := s.Accept(b.Context(), storetest.Note(n)); err != nil {
			b.Fatal(err)
		}
	}
	l := storetest.Lesson(1)
	b.ResetTimer()
	for range b.N {
		claim, done := context.WithCancel(b.Context())
		t, err := s.Claim(claim)
		if err != nil {
			b.Fatal(err)
		}
		t.Assessment = &l.Assessment
		t.Reply = &coach.Reply{Assessment: &l.Assessment, Rationale: &l.Rationale}
		for range 4 {
			if err := s.Save(b.Context(), t); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Finish(b.Context(), t); err != nil {
			b.Fatal(err)
		}
		done()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notes/s")
}

// BenchmarkHistory reads ten of a learner's fifty lessons.
func BenchmarkHistory(b *testing.B) {
	s := open(b, store.Config{Dir: b.TempDir()})
	for n := range 50 {
		if err := s.Remember(b.Context(), "a", storetest.Lesson(n)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if l, err := s.Earlier(b.Context(), "a", 10); err != nil || len(l) != 10 {
			b.Fatal(len(l), err)
		}
	}
}

// BenchmarkAudio holds, reads and releases a recording of five seconds.
func BenchmarkAudio(b *testing.B) {
	s := open(b, store.Config{Dir: b.TempDir()})
	storetest.AudioRound(b, s, 40_000)
}
