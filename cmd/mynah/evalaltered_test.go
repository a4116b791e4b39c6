package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// What happens to a voice on its way: codecs, rooms, microphones.

// altered applies a change of the samples to each sound.
func altered(change func(samples []float32, random *rand.Rand) []float32) func(*testing.T, []coach.Audio) []coach.Audio {
	return func(_ *testing.T, sounds []coach.Audio) []coach.Audio {
		out := make([]coach.Audio, len(sounds))
		for i, s := range sounds {
			out[i].Samples = change(slices.Clone(s.Samples), rand.New(rand.NewPCG(11, uint64(i))))
		}
		return out
	}
}

func power(samples []float32) float64 {
	var sum float64
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	return sum / float64(len(samples))
}

// noise adds noise whose power falls with the frequency, as a room's does.
func noise(below float64) func([]float32, *rand.Rand) []float32 {
	return func(samples []float32, random *rand.Rand) []float32 {
		added := make([]float32, len(samples))
		var low float64
		for i := range added {
			low = .95*low + random.NormFloat64()
			added[i] = float32(low)
		}
		scale := math.Sqrt(power(samples) / power(added) / math.Pow(10, below/10))
		for i := range samples {
			samples[i] += float32(scale) * added[i]
		}
		return samples
	}
}

// reverberation adds the echoes of a room in which sound falls by 60 dB in
// seconds, ten decibels weaker than the voice itself in all.
func reverberation(seconds float64) func([]float32, *rand.Rand) []float32 {
	return func(samples []float32, random *rand.Rand) []float32 {
		const echoes = 300
		var sum float64
		var late [echoes]int // in samples
		var loud [echoes]float64
		for i := range echoes {
			after := .01 + (seconds-.01)*random.Float64() // the first wall is 3 m away
			late[i], loud[i] = int(after*coach.SampleRate), random.NormFloat64()*math.Pow(10, -3*after/seconds)
			sum += loud[i] * loud[i]
		}
		out := slices.Clone(samples)
		for i := range echoes {
			scale := float32(loud[i] * math.Sqrt(.1/sum))
			for j, x := range samples[:max(0, len(samples)-late[i])] {
				out[j+late[i]] += scale * x
			}
		}
		return out
	}
}

func gain(decibels float64) func([]float32, *rand.Rand) []float32 {
	factor := float32(math.Pow(10, decibels/20))
	return func(samples []float32, _ *rand.Rand) []float32 {
		for i := range samples {
			samples[i] *= factor
		}
		return samples
	}
}

// clipping cuts off peaks at so many decibels below the highest.
func clipping(decibels float64) func([]float32, *rand.Rand) []float32 {
	return func(samples []float32, _ *rand.Rand) []float32 {
		limit := max(slices.Max(samples), -slices.Min(samples)) * float32(math.Pow(10, -decibels/20))
		for i := range samples {
			samples[i] = max(-limit, min(limit, samples[i]))
		}
		return samples
	}
}

// encoded sends the recordings through a codec of ffmpeg's, and decodes them as
// voice notes are.
func (r *readers) encoded(container string, codec ...string) func(*testing.T, []coach.Audio) []coach.Audio {
	return func(t *testing.T, sounds []coach.Audio) []coach.Audio {
		dir := t.TempDir()
		args := []string{"-nostdin", "-loglevel", "error"}
		var outputs []string
		for i, s := range sounds {
			raw, out := filepath.Join(dir, fmt.Sprintf("%d.f32", i)), filepath.Join(dir, fmt.Sprintf("%d.%s", i, container))
			var b bytes.Buffer
			for _, x := range s.Samples {
				bits := math.Float32bits(x)
				b.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
			}
			if err := os.WriteFile(raw, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "-f", "f32le", "-ar", "16000", "-ac", "1", "-i", raw)
			outputs = append(append(append(outputs, "-map", fmt.Sprint(i)), codec...), out)
		}
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, outputs...)...).CombinedOutput(); err != nil {
			if os.Getenv("CI") == "" {
				t.Skipf("ffmpeg: %v", err)
			}
			t.Fatalf("ffmpeg: %v: %s", err, out)
		}
		decoded := make([]coach.Audio, len(sounds))
		for i := range sounds {
			b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.%s", i, container)))
			if err != nil {
				t.Fatal(err)
			}
			if decoded[i], err = r.decoder.Decode(t.Context(), bytes.NewReader(b)); err != nil {
				t.Fatal(err)
			}
		}
		return decoded
	}
}
