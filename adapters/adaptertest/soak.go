package adaptertest

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/mynah-coach/mynah/coach"
)

// Quick stands in for decoder, scorer and explainer where thousands of notes are
// to pass and their labels are of no concern.
type Quick struct {
	// Recording tells whether bytes are a whole recording of the test's.
	Recording func([]byte) bool
}

// Decode implements coach.Decoder: it reads to the end, and refuses what is no
// recording of the test's.
func (q Quick) Decode(_ context.Context, r io.Reader) (coach.Audio, error) {
	b, err := io.ReadAll(r)
	if err == nil && !q.Recording(b) {
		err = errors.New("no recording")
	}
	return coach.Audio{}, err
}

// Score implements coach.Scorer.
func (Quick) Score(_ context.Context, u coach.Utterance) (coach.Assessment, error) {
	return coach.Assessment{Model: "soak", Text: u.Text, Seconds: 1}, nil
}

// Explain implements coach.Explainer.
func (Quick) Explain(_ context.Context, now coach.Assessment, _ []coach.Lesson) (coach.Rationale, error) {
	return coach.Rationale{Text: "Well read: " + now.Text, Source: coach.SourcePlain}, nil
}

// Heap returns how many bytes are in use once nothing is left to collect.
func Heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
