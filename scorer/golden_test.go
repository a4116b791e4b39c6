package scorer_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/model"
	"github.com/mynah-coach/mynah/scorer/ort"
)

// golden is what training's own code and ONNX Runtime say of a recording.
type golden struct {
	Text          string
	Audio         string
	Samples       int
	Frames        int
	Phoneme       []int
	Stress        []int
	Word          []int
	First         []int
	Last          []int
	LogLikelihood float64 `json:"log_likelihood"`
	Outputs       struct {
		PhoneScore    []float64   `json:"phone_score"`
		PhoneProbs    [][]float64 `json:"phone_probs"`
		WordScore     []float64   `json:"word_score"`
		WordProbs     [][]float64 `json:"word_probs"`
		StressScore   []float64   `json:"stress_score"`
		StressProbs   [][]float64 `json:"stress_probs"`
		SentenceScore []float64   `json:"sentence_score"`
		SentenceProbs [][]float64 `json:"sentence_probs"`
		Heard         [][]float64 `json:"heard"`
	}
}

// TestGoldens holds the service to training: the same frames, alignments,
// scores and labels.
func TestGoldens(t *testing.T) {
	m, err := ort.Open(ort.Config{Dir: model.Files(), Library: libraryPath(t), Device: ort.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		var g golden
		if err := json.Unmarshal(read(t, file), &g); err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			samples := readFLAC(t, filepath.Join("testdata/golden", g.Audio))
			if len(samples) != g.Samples {
				t.Fatalf("%d samples, want %d", len(samples), g.Samples)
			}
			f, err := m.Listen(t.Context(), samples)
			if err != nil {
				t.Fatal(err)
			}
			if f.T != g.Frames {
				t.Fatalf("%d frames, want %d", f.T, g.Frames)
			}
			first, last, score, ok, err := scorer.AlignPlainly(t.Context(), f, g.Phoneme, g.Word)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if diff := cmp.Diff(g.First, first) + cmp.Diff(g.Last, last); diff != "" {
				t.Errorf("frames of the phones (-training +here):\n%s", diff)
			}
			if math.Abs(float64(score)-g.LogLikelihood) > .01 {
				t.Errorf("log likelihood %v, training has %v", score, g.LogLikelihood)
			}

			phones := make([]scorer.AlignedPhone, len(g.Phoneme))
			for i := range phones {
				phones[i] = scorer.AlignedPhone{Class: g.Phoneme[i], Stress: g.Stress[i], Word: g.Word[i], First: g.First[i], Last: g.Last[i]}
			}
			s, err := m.Judge(t.Context(), f, phones)
			if err != nil {
				t.Fatal(err)
			}
			rubric := m.Manifest().Rubric
			for _, v := range []struct {
				name  string
				want  []float64
				probs [][]float64
				got   []float32
				gotPs []float32
				bands []coach.Band
			}{
				{"phone", g.Outputs.PhoneScore, g.Outputs.PhoneProbs, s.Phone, s.PhoneProbs, rubric.Phone},
				{"word", g.Outputs.WordScore, g.Outputs.WordProbs, s.Word, s.WordProbs, rubric.Word},
				{"stress", g.Outputs.StressScore, g.Outputs.StressProbs, s.Stress, s.StressProbs, rubric.Word},
				{"sentence", g.Outputs.SentenceScore, g.Outputs.SentenceProbs, s.Sentence, s.SentenceProbs, rubric.Sentence},
			} {
				close(t, v.name, v.want, v.got)
				var flat []float64
				for _, row := range v.probs {
					flat = append(flat, row...)
				}
				close(t, v.name+" probabilities", flat, v.gotPs)
				for i, want := range v.want {
					if i < len(v.got) && coach.Classify(v.bands, want) != coach.Classify(v.bands, float64(v.got[i])) {
						t.Errorf("%s %d: score %v has another label than %v", v.name, i, v.got[i], want)
					}
				}
			}
			var heard []float64
			for _, row := range g.Outputs.Heard {
				heard = append(heard, row...)
			}
			close(t, "heard", heard, s.Heard)
		})
	}
}

// close reports values that are more than a thousandth apart.
func close(t *testing.T, name string, want []float64, got []float32) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		if math.Abs(w-float64(got[i])) > 1e-3 {
			t.Errorf("%s %d is %v, training has %v", name, i, got[i], w)
		}
	}
}

// readFLAC decodes with ffmpeg, which the service needs too; without it tests
// are skipped, except where CI must have it.
func readFLAC(t *testing.T, path string) []float32 {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	b, err := exec.CommandContext(t.Context(), ffmpeg, "-nostdin", "-loglevel", "error", "-i", path, "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(b)/2)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:]))) / (1 << 15)
	}
	return out
}
