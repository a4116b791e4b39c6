package scorer

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

const testHop = coach.SampleRate / 50

// arpabet is the inventory of the tests' model.
var arpabet = strings.Fields("AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH")

// toneModel is a Model that hears tones for phones: a frame is phone c where a
// sine of 200 * c Hz fills it, and blank where there is none. Its judge gives a
// phone twice the posterior of the expected phoneme, words and sentence the
// mean of theirs.
type toneModel struct {
	manifest Manifest
	listened []int // samples of each run
	broken   func(*Frames, *Scores)
}

func newToneModel() *toneModel {
	bands := func(edges ...float64) []coach.Band {
		out := []coach.Band{{Label: coach.Worst}}
		for i, e := range edges {
			out = append(out, coach.Band{Label: coach.Bad + coach.Label(i), From: e})
		}
		return out
	}
	m := &toneModel{manifest: Manifest{
		Format: ManifestFormat, Name: "tones", Version: "1",
		SampleRate: coach.SampleRate, FrameSeconds: .02, HiddenSize: 2, MinSeconds: .1, MaxSeconds: 28,
		Rubric: coach.Rubric{
			Sentence: bands(2.5, 4.5, 6.5, 8.5), Word: bands(1.5, 3.5, 6.5, 9.5), Phone: bands(.5, 1, 1.5, 1.9),
		},
		Refusal: Refusal{Match: 4, ErrorRate: -2, Margin: .1, Said: 1, Covered: 4, Bias: -4, MinPhones: 2, MinPosterior: .5, SkipStart: -1, SkipWord: -4},
		Heard:   HeardRule{MaxLabel: coach.Average, MinProbability: .5},
	}}
	for _, p := range arpabet {
		m.manifest.Phonemes = append(m.manifest.Phonemes, PhonemeInfo{ARPAbet: coach.Phoneme(p), IPA: strings.ToLower(p), Vowel: isVowel(p)})
	}
	return m
}

func isVowel(p string) bool { return strings.ContainsRune("AEIOU", rune(p[0])) }

func (m *toneModel) Manifest() *Manifest { return &m.manifest }

func (m *toneModel) Listen(ctx context.Context, samples []float32) (Frames, error) {
	if err := ctx.Err(); err != nil {
		return Frames{}, err
	}
	m.listened = append(m.listened, len(samples))
	f := Frames{T: len(samples) / testHop, Classes: m.manifest.Classes()}
	for t := range f.T {
		frame := samples[t*testHop : (t+1)*testHop]
		logits, loudest := make([]float64, f.Classes), 0.0
		for c := 1; c < f.Classes; c++ {
			// Goertzel's filter.
			k := 2 * math.Cos(2*math.Pi*200*float64(c)/coach.SampleRate)
			var a, b float64
			for _, v := range frame {
				a, b = float64(v)+k*a-b, a
			}
			power := (a*a + b*b - k*a*b) / (testHop * testHop / 4)
			logits[c] = min(40*power, 7)
			loudest = max(loudest, power)
		}
		logits[0] = 6 * max(1-10*loudest, 0)
		var sum float64
		for _, v := range logits {
			sum += math.Exp(v)
		}
		for _, v := range logits {
			f.LogPost = append(f.LogPost, float32(v-math.Log(sum)))
		}
		f.Hidden = append(f.Hidden, float32(t), 0)
	}
	if m.broken != nil {
		m.broken(&f, nil)
	}
	return f, nil
}

func (m *toneModel) Judge(_ context.Context, f Frames, phones []AlignedPhone) (Scores, error) {
	n, w := len(phones), phones[len(phones)-1].Word+1
	s := Scores{
		Phone: make([]float32, n), Word: make([]float32, w), Stress: make([]float32, w), Sentence: make([]float32, 3),
		Heard: make([]float32, n*f.Classes),
	}
	count := make([]float32, w)
	for i, p := range phones {
		for c := range f.Classes {
			s.Heard[i*f.Classes+c] = float32(math.Exp(float64(f.LogPost[p.First*f.Classes+c])))
		}
		s.Phone[i] = 2 * s.Heard[i*f.Classes+p.Class]
		s.Word[p.Word] += 5 * s.Phone[i]
		count[p.Word]++
		for k := range s.Sentence {
			s.Sentence[k] += 5 * s.Phone[i] / float32(n)
		}
	}
	for i := range s.Word {
		s.Word[i] /= count[i]
		s.Stress[i] = s.Word[i]
	}
	probs := func(n int) []float32 {
		out := make([]float32, 5*n)
		for i := range out {
			out[i] = .2
		}
		return out
	}
	s.PhoneProbs, s.WordProbs, s.StressProbs, s.SentenceProbs = probs(n), probs(w), probs(w), probs(3)
	if m.broken != nil {
		m.broken(nil, &s)
	}
	return s, nil
}

// letterLexicon says each letter as a phoneme, and knows some words better.
type letterLexicon map[string][]string

func (l letterLexicon) Pronounce(_ context.Context, word string) ([]Pronunciation, error) {
	known := l[word]
	if len(known) == 0 {
		const letters = "AE B K D EH F G HH IH JH K L M N AA P K R S T AH V W K Y Z"
		var spelled []string
		for _, r := range word {
			if r >= 'a' && r <= 'z' {
				spelled = append(spelled, strings.Fields(letters)[r-'a'])
			}
		}
		known = []string{strings.Join(append(spelled, "AH"), " ")}
	}
	out := make([]Pronunciation, len(known))
	for i, k := range known {
		for _, p := range strings.Fields(k) {
			sound := Sound{Phoneme: coach.Phoneme(p)}
			if isVowel(p) {
				sound.Stress = 1
			}
			out[i] = append(out[i], sound)
		}
	}
	return out, nil
}

// say makes audio of phones: 40 ms of each one's tone, 60 ms apart; "." is
// 100 ms of silence. It begins and ends with 200 ms of silence, and has a
// little noise throughout.
func say(phones string) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	var out []float32
	silence := func(frames int) { out = append(out, make([]float32, frames*testHop)...) }
	silence(10)
	for _, p := range strings.Fields(phones) {
		if p == "." {
			silence(5)
			continue
		}
		class := 0
		for i, a := range arpabet {
			if a == p {
				class = i + 1
			}
		}
		if class == 0 {
			panic("no phoneme " + p)
		}
		for n := range 2 * testHop {
			out = append(out, float32(.6*math.Sin(2*math.Pi*200*float64(class)*float64(n)/coach.SampleRate)))
		}
		silence(3)
	}
	silence(10)
	for i := range out {
		out[i] += float32(.002 * (r.Float64() - .5))
	}
	return out
}
