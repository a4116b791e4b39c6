package bots_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
)

// BenchmarkDesk answers a learner with 50 lessons, on the real store.
func BenchmarkDesk(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{Dir: filepath.Join(b.TempDir(), "data"), Reserve: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	lasting, err := s.Shelf(b.Context(), "desk", 0)
	if err != nil {
		b.Fatal(err)
	}
	passing, err := s.Shelf(b.Context(), "desk-passing", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	d := bots.NewDesk(s, s, s, lasting, passing)
	for i, sentence := range with("TH", 50) {
		if err := s.Remember(b.Context(), ada, read(i, sentence, "TH")); err != nil {
			b.Fatal(err)
		}
	}
	for _, cmd := range []coach.Command{
		asks(coach.ActPractice), asks(coach.ActProgress), asks(coach.ActSettings, "level", "b1"),
		of(coach.ActDetails, "discord.7"), asks(coach.ActExport),
	} {
		b.Run(fmt.Sprint(cmd.Action), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Do(b.Context(), cmd); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("rules", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Rules(b.Context(), here); err != nil {
				b.Fatal(err)
			}
		}
	})
}
