package scorer

import (
	"math"
	"slices"
)

// Levels are in dB relative to full scale.
const (
	silentLevel = -66 // nothing above: a muted microphone, or digital silence
	dcLimit     = .01 // mean of the samples above which it is taken away
)

// mend returns samples that the model can hear: NaN and infinities are
// silence, all else is clipped to [-1, 1], and a constant offset is removed.
// The level stays as it is, because training hears levels as they are. Samples
// that need nothing are returned themselves; they are never written to.
func mend(samples []float32) []float32 {
	sound := true
	var sum float64
	for _, v := range samples {
		if !(v >= -1 && v <= 1) {
			sound = false
		}
		sum += float64(v)
	}
	if !sound {
		samples, sum = slices.Clone(samples), 0
		for i, v := range samples {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				v = 0
			}
			samples[i] = min(max(v, -1), 1)
			sum += float64(samples[i])
		}
	}
	offset := float32(sum / float64(max(len(samples), 1)))
	if offset > -dcLimit && offset < dcLimit {
		return samples
	}
	if sound {
		samples = slices.Clone(samples)
	}
	for i := range samples {
		samples[i] = min(max(samples[i]-offset, -1), 1)
	}
	return samples
}

// levels holds the level of each frame, in dB.
type levels []float32

// measure takes the level of every hop samples; the last frame may have fewer.
func measure(samples []float32, hop int) levels {
	l := make(levels, 0, len(samples)/hop+1)
	for frame := range slices.Chunk(samples, hop) {
		var power float64
		for _, v := range frame {
			power += float64(v) * float64(v)
		}
		l = append(l, float32(10*math.Log10(power/float64(len(frame))+1e-12)))
	}
	return l
}

// quantile returns the level that a share q of the frames do not exceed.
func (l levels) quantile(q float64) float64 {
	if len(l) == 0 {
		return math.Inf(-1)
	}
	sorted := slices.Clone(l)
	slices.Sort(sorted)
	return float64(sorted[int(q*float64(len(sorted)-1))])
}

// quiet returns the level below which a frame is a pause: 24 dB below the loud
// parts of speech, or just above the noise where that is louder; in noise less
// than 12 dB below speech no frame can be told from it.
func (l levels) quiet() float64 {
	speech, noise := l.quantile(.95), l.quantile(.05)
	return min(max(noise+6, speech-24), speech-12)
}

// sounding reports for each frame whether it is no pause; see quiet.
func (l levels) sounding() []bool {
	out, quiet := make([]bool, len(l)), l.quiet()
	for t, v := range l {
		out[t] = float64(v) >= quiet
	}
	return out
}

// silences returns the runs of at least n frames below the level in
// [from, to), as half-open intervals. A single louder frame inside does not
// end a run.
func (l levels) silences(level float64, from, to, n int) [][2]int {
	from, to = max(from, 0), min(to, len(l))
	var runs [][2]int
	for t := from; t < to; {
		if float64(l[t]) >= level {
			t++
			continue
		}
		start := t
		for t < to && (float64(l[t]) < level || t+1 < to && float64(l[t+1]) < level) {
			t++
		}
		if t-start >= n {
			runs = append(runs, [2]int{start, t})
		}
	}
	return runs
}
