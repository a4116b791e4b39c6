package scorer_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/model"
	"github.com/mynah-coach/mynah/scorer/ort"
)

// shipped is a Scorer with the model that mynah ships.
func shipped(tb testing.TB, options scorer.Options) *scorer.Scorer {
	tb.Helper()
	m, err := ort.Open(ort.Config{Dir: model.Files(), Library: libraryPath(tb), Device: ort.CPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	lexicon, err := scorer.NewLexicon(m)
	if err != nil {
		tb.Fatal(err)
	}
	return scorer.New(m, lexicon, options)
}

// recording is a man of 29 with good English; see ../audio/testdata/README.md.
const (
	recording = "../audio/testdata/adult-clear.wav"
	recorded  = "I think that's what you want to be"
)

func scoreIt(t *testing.T, s *scorer.Scorer, samples []float32, text string) (coach.Assessment, error) {
	t.Helper()
	return s.Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: samples}, Text: text})
}

func TestShippedModelScoresARecording(t *testing.T) {
	s := shipped(t, scorer.Options{})
	samples := readWAV(t, recording)
	a, err := scoreIt(t, s, samples, recorded)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Words) != 8 {
		t.Fatalf("%d words", len(a.Words))
	}
	for _, w := range a.Words {
		if !w.Spoken || !w.Accuracy.Scored() || !w.Stress.Scored() || w.End <= w.Start {
			t.Errorf("word %+v", w)
		}
	}
	for _, aspect := range []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody} {
		if j := a.Sentence.Of(aspect); j.Label < coach.Good {
			t.Errorf("%s of good English is %+v", aspect, j)
		}
	}
	if c := a.Sentence.Completeness; c.Score != 10 || c.Confidence < .5 {
		t.Errorf("completeness %+v", c)
	}

	again, err := scoreIt(t, s, samples, recorded)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(again.Sentence) != fmt.Sprint(a.Sentence) {
		t.Errorf("scored %+v, then %+v", a.Sentence, again.Sentence)
	}
}

func TestShippedModelFindsTheDifferences(t *testing.T) {
	s := shipped(t, scorer.Options{})
	samples := readWAV(t, recording)
	whole, err := scoreIt(t, s, samples, recorded)
	if err != nil {
		t.Fatal(err)
	}
	// A frame before "you" begins.
	you := int((whole.Words[4].Start - .02) * 16000)
	for _, tt := range []struct {
		name    string
		samples []float32
		text    string
		skipped []string
	}{
		{"a word that was not said", samples, "I think that's really what you want to be", []string{"really"}},
		{"two words that were not said", samples, "Sometimes I think that's what you want to be", []string{"Sometimes"}},
		{"an end that was not said", samples[:you], recorded, []string{"you", "want", "to", "be"}},
		{"a restart", slices.Concat(samples[:you], samples), recorded, nil},
		{"a sentence said twice", slices.Concat(samples, samples), recorded, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := scoreIt(t, s, tt.samples, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var skipped []string
			for _, w := range a.Words {
				if !w.Spoken {
					skipped = append(skipped, w.Text)
				}
			}
			if !slices.Equal(skipped, tt.skipped) {
				t.Errorf("skipped %v, want %v", skipped, tt.skipped)
			}
		})
	}
}

func TestShippedModelRefuses(t *testing.T) {
	s := shipped(t, scorer.Options{})
	samples := readWAV(t, recording)
	r := rand.New(rand.NewPCG(1, 1))
	synthetic := func(seconds float64, at func(t float64) float64) []float32 {
		out := make([]float32, int(seconds*16000))
		for i := range out {
			out[i] = float32(at(float64(i) / 16000))
		}
		return out
	}
	sine := func(hz, t float64) float64 { return math.Sin(2 * math.Pi * hz * t) }
	var brown float64
	backwards := slices.Clone(samples)
	slices.Reverse(backwards)
	for _, tt := range []struct {
		name    string
		samples []float32
		text    string
		want    []*coach.LearnerError
	}{
		{"silence", make([]float32, 4*16000), recorded, []*coach.LearnerError{coach.ErrNoSpeech}},
		{"a quiet room", synthetic(4, func(float64) float64 { return .001 * r.NormFloat64() }), recorded, []*coach.LearnerError{coach.ErrNoSpeech}},
		{"white noise", synthetic(4, func(float64) float64 { return .1 * r.NormFloat64() }), recorded, nil},
		{"brown noise", synthetic(4, func(float64) float64 { brown = .99*brown + .02*r.NormFloat64(); return brown }), recorded, nil},
		{"mains hum", synthetic(4, func(t float64) float64 { return .2 * (sine(50, t) + .5*sine(150, t) + .2*sine(350, t)) }), recorded, nil},
		{"a tone", synthetic(4, func(t float64) float64 { return .5 * sine(440, t) }), recorded, nil},
		{"chords", synthetic(6, func(t float64) float64 {
			root := 220 * math.Pow(2, []float64{0, 5, 7, 3}[int(t*2)%4]/12)
			envelope := math.Exp(-4 * math.Mod(t, .5))
			return .2 * envelope * (sine(root, t) + sine(root*1.26, t) + sine(root*1.5, t) + .5*sine(root*3, t))
		}), recorded, nil},
		{"clicks", synthetic(4, func(t float64) float64 {
			if math.Mod(t, .25) < .001 {
				return .9
			}
			return 0
		}), recorded, nil},
		{"another sentence", samples, "Mark lived in New York", []*coach.LearnerError{coach.ErrTextMismatch}},
		{"a longer other sentence", samples, "But again he has made a very clear statement", []*coach.LearnerError{coach.ErrTextMismatch}},
		{"one other word", samples, "Yellow", []*coach.LearnerError{coach.ErrTextMismatch}},
		{"speech backwards", backwards, recorded, nil},
		{"a recording cut short", samples[:9600], recorded, []*coach.LearnerError{coach.ErrTooShort}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil { // whichever
				tt.want = []*coach.LearnerError{coach.ErrNoSpeech, coach.ErrTextMismatch}
			}
			a, err := scoreIt(t, s, tt.samples, tt.text)
			if !slices.ContainsFunc(tt.want, func(e *coach.LearnerError) bool { return errors.Is(err, e) }) {
				t.Errorf("error %v, want %v; scored %+v", err, tt.want, a.Sentence)
			}
		})
	}
}

// TestShippedModelScoresAMinute holds the seams between pieces to account: the
// words of a long recording are those of its parts.
func TestShippedModelScoresAMinute(t *testing.T) {
	s := shipped(t, scorer.Options{})
	samples := readWAV(t, recording)
	const times = 6 // 21 s: two seams
	one, err := scoreIt(t, s, samples, recorded)
	if err != nil {
		t.Fatal(err)
	}
	all, err := scoreIt(t, s, slices.Repeat(samples, times), strings.Repeat(recorded+". ", times))
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range all.Words {
		of := one.Words[i%len(one.Words)]
		offset := float64(i/len(one.Words)*len(samples)) / 16000
		if !w.Spoken || math.Abs(w.Start-offset-of.Start) > .15 || math.Abs(w.End-offset-of.End) > .15 {
			t.Errorf("word %d (%s) is at %+v, by itself at %v + %+v", i, w.Text, w.Span, offset, of.Span)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	samples := readWAV(b, recording)
	for _, times := range []int{1, 3, 9} {
		seconds := float64(times*len(samples)) / 16000
		b.Run(fmt.Sprintf("%.0fs", seconds), func(b *testing.B) {
			took := map[scorer.Stage]time.Duration{}
			s := shipped(b, scorer.Options{Observe: func(stage scorer.Stage, d time.Duration) { took[stage] += d }})
			u := coach.Utterance{Audio: coach.Audio{Samples: slices.Repeat(samples, times)}, Text: strings.Repeat(recorded+". ", times)}
			if _, err := s.Score(b.Context(), u); err != nil { // the first run is slower
				b.Fatal(err)
			}
			clear(took)
			for b.Loop() {
				if _, err := s.Score(b.Context(), u); err != nil {
					b.Fatal(err)
				}
			}
			for stage, d := range took {
				b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), string(stage)+"-ms")
			}
			graphs := took[scorer.StageListen] + took[scorer.StageJudge]
			b.ReportMetric(100*float64(b.Elapsed()-graphs)/float64(graphs), "%-beside-graphs")
		})
	}
}

// BenchmarkScoreTwoAtOnce is what a note costs a machine whose cores are all
// busy with notes, in time and in the processors' own; tools/bench/compare.py
// reads it.
func BenchmarkScoreTwoAtOnce(b *testing.B) {
	samples := readWAV(b, recording)
	for _, times := range []int{1, 3, 8} {
		b.Run(fmt.Sprintf("%d-times", times), func(b *testing.B) {
			s := shipped(b, scorer.Options{})
			u := coach.Utterance{Audio: coach.Audio{Samples: slices.Repeat(samples, times)}, Text: strings.Repeat(recorded+". ", times)}
			before := processorTime(b)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := s.Score(b.Context(), u); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what this process has had of the processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// libraryPath is the library that `make runtime` fetches. Without it tests are
// skipped, except where CI must have it.
func libraryPath(tb testing.TB) string {
	tb.Helper()
	path, err := filepath.Abs("../build/onnxruntime/libonnxruntime.so")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("%v; run `make runtime`", err)
		}
		tb.Skipf("%v; run `make runtime`", err)
	}
	return path
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// readWAV reads 16-bit mono samples at 16 kHz; the corpus's headers have 44
// bytes.
func readWAV(tb testing.TB, path string) []float32 {
	tb.Helper()
	b := read(tb, path)
	if len(b) < 44 || string(b[:4]) != "RIFF" || binary.LittleEndian.Uint32(b[24:]) != 16000 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		tb.Fatalf("%s is no WAV file of 16 bits at 16 kHz", path)
	}
	out := make([]float32, (len(b)-44)/2)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[44+2*i:]))) / (1 << 15)
	}
	return out
}
