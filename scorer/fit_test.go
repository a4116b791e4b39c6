package scorer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/ort"
)

// The fit of the manifest's refusal, which only the scorer itself can make: its
// features come from this alignment. It is a step of training; README there.
var (
	fitModel    = flag.String("fit.model", "", "folder of the model whose refusal is fitted")
	fitLabels   = flag.String("fit.labels", "", "JSON lines with wav, text and speaker")
	fitCorpus   = flag.String("fit.corpus", "", "folder that the wavs' paths begin in")
	fitSpeakers = flag.String("fit.speakers", "", "file of the speakers held out of training, one a line")
	fitWrite    = flag.Bool("fit.write", false, "write the refusal into the model's manifest")
)

// maxFalseScores is the share of recordings that may be scored on another
// sentence than theirs. Below it everything is scored: to be told that one
// said something else is worst for who reads poorly.
const maxFalseScores = .008

// maxDoubtful is the share that may be scored or, in doubt, judged; see
// scorer.Refusal.Doubt.
const maxDoubtful = .04

// trial is a recording (or a part) with a sentence.
type trial struct {
	kind    string
	match   bool // whether it must be scored
	a       scorer.Aligned
	aligned bool
	extra   int    // token that was not spoken, -1 for none
	wav     string // of a whole recording with a sentence, else ""
	text    string
}

func TestFitRefusal(t *testing.T) {
	if *fitModel == "" {
		t.Skip("a step of training: give -fit.model, -fit.labels, -fit.corpus and -fit.speakers")
	}
	m, err := ort.Open(ort.Config{Dir: os.DirFS(*fitModel), Library: libraryPath(t), Device: ort.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	lexicon, err := scorer.NewLexicon(m)
	if err != nil {
		t.Fatal(err)
	}
	s := scorer.New(m, lexicon, scorer.Options{})
	refusal := m.Manifest().Refusal
	trials := trialsOf(t, s, m, refusal)

	// Sentences in which every second word is another's are neither; of the
	// misread ones, those of which most is right are surely the sentence.
	var x [][]float64
	var y []bool
	for _, tr := range trials {
		if tr.aligned && !slices.Contains([]string{"mixed", "misread 50 %", "misread 70 %"}, tr.kind) {
			x, y = append(x, tr.a.Features), append(y, tr.match)
		}
	}
	weights, _ := logistic(x, y)
	for i, w := range []*float64{&refusal.Match, &refusal.ErrorRate, &refusal.Margin, &refusal.Said, &refusal.Covered, &refusal.Order} {
		*w = rounded(weights[i])
	}
	refusal.Bias = 0
	var wrong []float64
	for _, tr := range trials {
		if tr.aligned && tr.kind == "wrong" {
			wrong = append(wrong, weigh(refusal, tr.a.Features))
		}
	}
	slices.Sort(wrong)
	above := func(share float64) float64 { return wrong[len(wrong)-1-int(share*float64(len(wrong)))] + .005 }
	refusal.Bias, refusal.Doubt = rounded(-above(maxFalseScores)), rounded(above(maxFalseScores)-above(maxDoubtful))

	report(t, trials, refusal)
	m.Manifest().Refusal = refusal
	reportJudged(t, s, trials, refusal)
	for i, name := range scorer.FeatureNames {
		t.Logf("%-10s %7.3f", name, weights[i])
	}
	t.Logf("%-10s %7.3f, doubt %.3f", "bias", refusal.Bias, refusal.Doubt)
	if *fitWrite {
		writeRefusal(t, refusal)
	}
}

// trialsOf makes trials of all held-out recordings of at most 12 s: the right
// sentence, the same with a share of its sounds replaced, of which the recording is a very poor
// reading, one with a word too many, another sentence, half of each, and half
// of the recording, or half and then all of it; for some, the recording
// backwards and the babble of three other people.
func trialsOf(t *testing.T, s *scorer.Scorer, m *ort.Model, r scorer.Refusal) []trial {
	speakers := strings.Fields(string(read(t, *fitSpeakers)))
	type utterance struct{ Wav, Text, Speaker string }
	var all []utterance
	for line := range bytes.Lines(read(t, *fitLabels)) {
		var u utterance
		if err := json.Unmarshal(line, &u); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(speakers, u.Speaker) {
			all = append(all, u)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	var out []trial
	var wav string
	try := func(kind string, match bool, words []string, f heard, extra int) (scorer.Aligned, bool) {
		sentence, err := s.Sentence(t.Context(), strings.Join(words, " "))
		if err != nil {
			t.Fatal(err)
		}
		a, ok, err := sentence.Align(t.Context(), f.Frames, f.sounding, r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, trial{kind: kind, match: match, a: a, aligned: ok, extra: extra})
		if kind == "right" || kind == "wrong" {
			out[len(out)-1].wav, out[len(out)-1].text = wav, strings.Join(words, " ")
		}
		return a, ok && len(a.Spoken) == len(words)
	}
	tryMisread := func(kind string, share float64, words []string, f heard) {
		sentence, err := s.Sentence(t.Context(), strings.Join(words, " "))
		if err != nil {
			t.Fatal(err)
		}
		a, ok, err := sentence.Misread(share, m.Manifest().Phonemes, random).Align(t.Context(), f.Frames, f.sounding, r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, trial{kind: kind, match: true, a: a, aligned: ok, extra: -1})
	}
	listen := func(samples []float32) heard {
		f, err := m.Listen(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		return heard{f, m.Manifest().Sounding(samples)}
	}
	for i, u := range all {
		wav = filepath.Join(*fitCorpus, u.Wav)
		samples := readWAV(t, wav)
		if len(samples) > 12*16000 {
			continue
		}
		f := listen(samples)
		words := strings.Fields(u.Text)
		a, ok := try("right", true, words, f, -1)
		for _, share := range []float64{.3, .5, .7} {
			tryMisread(fmt.Sprintf("misread %.0f %%", 100*share), share, words, f)
		}
		if i%3 == 0 {
			backwards, babble := slices.Clone(samples), make([]float32, len(samples))
			slices.Reverse(backwards)
			for k := 1; k <= 3; k++ {
				v := readWAV(t, filepath.Join(*fitCorpus, all[(i+k*len(all)/4)%len(all)].Wav))
				for j := range babble {
					babble[j] += v[j%len(v)] / 2
				}
			}
			try("backwards", false, words, listen(backwards), -1)
			try("babble", false, words, listen(babble), -1)
		}
		other := strings.Fields(all[random.IntN(len(all))].Text)
		at := random.IntN(len(words) + 1)
		try("a word too many", true, slices.Insert(slices.Clone(words), at, other[random.IntN(len(other))]), f, at)
		if slices.Equal(other, words) {
			continue
		}
		try("wrong", false, other, f, -1)
		half := len(words) / 2
		if !ok || len(words) < 4 || !a.Spoken[half-1] || !a.Spoken[half] {
			continue
		}
		try("mixed", false, append(slices.Clone(words[:half]), other[len(other)/2:]...), f, -1)
		cut := (a.Ends[half-1] + a.Starts[half]) / 2
		try("first half", true, words, f.part(0, cut), -1)
		try("second half", true, words, f.part(cut, f.T), -1)
		again := f.part(0, cut)
		again.T += f.T
		again.LogPost = slices.Concat(again.LogPost, f.LogPost)
		again.sounding = slices.Concat(again.sounding, f.sounding)
		try("restart", true, words, again, -1)
	}
	return out
}

// report logs, for each kind of trial, how many are accepted and what is
// found missing.
func report(t *testing.T, trials []trial, r scorer.Refusal) {
	type count struct{ trials, accepted, words, skipped, found, unsaid, attempted float64 }
	counts := map[string]*count{}
	var kinds []string
	for _, tr := range trials {
		c := counts[tr.kind]
		if c == nil {
			c = &count{}
			counts[tr.kind] = c
			kinds = append(kinds, tr.kind)
		}
		c.trials++
		if tr.aligned && weigh(r, tr.a.Features) >= 0 {
			c.accepted++
		}
		if slices.Contains(tr.a.Spoken, false) {
			c.unsaid++
			if tr.a.Attempted {
				c.attempted++
			}
		}
		for i, spoken := range tr.a.Spoken {
			switch {
			case i == tr.extra && !spoken:
				c.found++
			case i != tr.extra:
				c.words++
				if !spoken {
					c.skipped++
				}
			}
		}
	}
	for _, k := range kinds {
		c := counts[k]
		t.Logf("%-16s %4.0f trials, scored %.3f, words taken for skipped %.3f, in %.0f trials, where they were attempted in %.3f",
			k, c.trials, c.accepted/c.trials, c.skipped/max(c.words, 1), c.unsaid, c.attempted/max(c.unsaid, 1))
		if k == "a word too many" {
			t.Logf("%-16s found %.3f", k, c.found/c.trials)
		}
	}
}

// reportJudged logs, of whole recordings with their own and with other sentences, what
// becomes of those in doubt when they are judged.
func reportJudged(t *testing.T, s *scorer.Scorer, trials []trial, r scorer.Refusal) {
	judged, scored := map[string]int{}, map[string]int{}
	for _, tr := range trials {
		if sum := weigh(r, tr.a.Features); tr.wav == "" || !tr.aligned || sum >= 0 || sum < -r.Doubt {
			continue
		}
		judged[tr.kind]++
		u := coach.Utterance{Audio: coach.Audio{Samples: readWAV(t, tr.wav)}, Text: tr.text}
		switch a, err := s.Score(t.Context(), u); {
		case err == nil && a.Sentence.Accuracy.Label <= coach.Bad:
			scored[tr.kind]++
		case err == nil:
			t.Errorf("%s: scored in doubt as %+v", tr.kind, a.Sentence.Accuracy)
		case coach.ReasonOf(err) == "":
			t.Fatal(err)
		}
	}
	for kind, n := range judged {
		t.Logf("%-16s %4d in doubt, %d of them scored", kind, n, scored[kind])
	}
}

func weigh(r scorer.Refusal, x []float64) float64 {
	return r.Match*x[0] + r.ErrorRate*x[1] + r.Margin*x[2] + r.Said*x[3] + r.Covered*x[4] + r.Order*x[5] + r.Bias
}

// logistic fits a logistic regression (both classes weighing the same, a little
// L2 on standardised features) by gradient descent, and returns it for the
// features as they are.
func logistic(x [][]float64, y []bool) (weights []float64, bias float64) {
	d, n := len(x[0]), float64(len(x))
	mean, deviation := make([]float64, d), make([]float64, d)
	for _, row := range x {
		for j, v := range row {
			mean[j] += v / n
		}
	}
	for _, row := range x {
		for j, v := range row {
			deviation[j] += (v - mean[j]) * (v - mean[j]) / n
		}
	}
	positive := 0.0
	for _, v := range y {
		if v {
			positive++
		}
	}
	weights = make([]float64, d)
	const rate, l2 = .5, 1e-3
	for range 20000 {
		gradient, intercept := make([]float64, d), 0.0
		for i, row := range x {
			z := bias
			for j, v := range row {
				z += weights[j] * (v - mean[j]) / math.Sqrt(deviation[j])
			}
			p, share := 1/(1+math.Exp(-z)), 2*(n-positive)
			if y[i] {
				p, share = p-1, 2*positive
			}
			intercept += p / share
			for j, v := range row {
				gradient[j] += p / share * (v - mean[j]) / math.Sqrt(deviation[j])
			}
		}
		bias -= rate * intercept
		for j := range weights {
			weights[j] -= rate * (gradient[j] + l2*weights[j])
		}
	}
	for j := range weights {
		weights[j] /= math.Sqrt(deviation[j])
		bias -= weights[j] * mean[j]
	}
	return weights, bias
}

// writeRefusal replaces the refusal in the manifest and leaves the rest.
func writeRefusal(t *testing.T, r scorer.Refusal) {
	path := filepath.Join(*fitModel, "manifest.json")
	var manifest map[string]json.RawMessage
	if err := json.Unmarshal(read(t, path), &manifest); err != nil {
		t.Fatal(err)
	}
	var err error
	if manifest["refusal"], err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }

// heard is what the model heard of a recording, and where it sounds.
type heard struct {
	scorer.Frames
	sounding []bool // at least T of them
}

func (h heard) part(from, to int) heard {
	f := scorer.Frames{T: to - from, Classes: h.Classes, LogPost: h.LogPost[from*h.Classes : to*h.Classes]}
	return heard{f, h.sounding[from:to]}
}
