package scorer

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// contextSeconds is what the model hears before and after each piece of a long
// recording, so that the piece's own frames have their surroundings.
const contextSeconds = 1.0

// pieceSeconds is the most that is heard in one run, with that context. The
// acoustic graph's attention takes time and memory by the square of it, and
// learns nothing about a phone from beyond.
const pieceSeconds = 12.0

// listen runs the acoustic graph over a recording of any length. What is longer
// than a run takes is heard in pieces that are cut at its quietest
// places, on whole frames; the frames come back as those of one recording.
func listen(ctx context.Context, m Model, samples []float32, l levels) (Frames, error) {
	man := m.Manifest()
	hop := man.hop()
	most := int(min(man.MaxSeconds, pieceSeconds)*float64(man.SampleRate)) / hop
	if len(samples) <= most*hop {
		f, err := m.Listen(ctx, samples)
		if err != nil {
			return Frames{}, err
		}
		return f, f.check(man)
	}

	margin := int(contextSeconds / man.FrameSeconds)
	cuts := cutPlaces(l, most-2*margin)
	total := (len(samples) + hop - 1) / hop
	whole := Frames{
		Classes: man.Classes(),
		LogPost: make([]float32, 0, total*man.Classes()),
		Hidden:  make([]float32, 0, total*man.HiddenSize),
	}
	for i, cut := range cuts[:len(cuts)-1] {
		start, end := max(cut-margin, 0), min((cuts[i+1]+margin)*hop, len(samples))
		f, err := m.Listen(ctx, samples[start*hop:end])
		if err != nil {
			return Frames{}, err
		}
		if err := f.check(man); err != nil {
			return Frames{}, err
		}
		first, last := cut-start, f.T
		if i+2 < len(cuts) {
			last = cuts[i+1] - start
		}
		if first > last || last > f.T {
			return Frames{}, fmt.Errorf("acoustic graph gave %d frames for %d samples", f.T, end-start*hop)
		}
		whole.T += last - first
		whole.LogPost = append(whole.LogPost, f.LogPost[first*f.Classes:last*f.Classes]...)
		whole.Hidden = append(whole.Hidden, f.Hidden[first*man.HiddenSize:last*man.HiddenSize]...)
	}
	return whole, nil
}

// cutPlaces divides the frames into pieces of at most n frames and returns
// their bounds, first and last included. Each cut is in the middle of the
// quietest fifth of a second within the last third of what its piece may take.
func cutPlaces(l levels, n int) []int {
	const around = 5 // frames to each side
	cuts := []int{0}
	for start := 0; len(l)-start > n; {
		best, quietest := start+n, math.Inf(1)
		for t := start + n*2/3; t <= start+n; t++ {
			var sum float64
			window := l[max(t-around, 0):min(t+around, len(l))]
			for _, v := range window {
				sum += float64(v)
			}
			if mean := sum / float64(len(window)); mean < quietest {
				best, quietest = t, mean
			}
		}
		cuts = append(cuts, best)
		start = best
	}
	return append(cuts, len(l))
}

// check refuses frames that are not as the manifest says, or hold no numbers.
func (f Frames) check(man *Manifest) error {
	if f.T <= 0 || f.Classes != man.Classes() || len(f.LogPost) != f.T*f.Classes || len(f.Hidden) != f.T*man.HiddenSize {
		return fmt.Errorf("acoustic graph gave %d frames of %d classes, %d log posteriors and %d features", f.T, f.Classes, len(f.LogPost), len(f.Hidden))
	}
	for _, values := range [][]float32{f.LogPost, f.Hidden} {
		if slices.ContainsFunc(values, notFinite) {
			return fmt.Errorf("acoustic graph gave a value that is not finite")
		}
	}
	return nil
}

func notFinite(v float32) bool { return v-v != 0 }
