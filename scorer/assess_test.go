package scorer

import (
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

func TestHeard(t *testing.T) {
	const v, w, iy, er = 1, 2, 3, 4
	man := &Manifest{
		Phonemes: []PhonemeInfo{{ARPAbet: "V"}, {ARPAbet: "W"}, {ARPAbet: "IY", Vowel: true}, {ARPAbet: "ER", Vowel: true}},
		Heard:    HeardRule{MaxLabel: coach.Average, MinProbability: .6},
	}
	for _, tt := range []struct {
		name  string
		class int
		label coach.Label
		row   []float32 // missing, V, W, IY, ER
		want  coach.Phoneme
	}{
		{"another consonant", v, coach.Bad, []float32{0, .2, .8, 0, 0}, "W"},
		{"nothing", v, coach.Worst, []float32{.9, .1, 0, 0, 0}, coach.Missing},
		{"a vowel for a vowel", iy, coach.Average, []float32{0, 0, 0, .1, .9}, "ER"},
		{"not a vowel for a consonant", v, coach.Bad, []float32{0, .1, 0, 0, .9}, ""},
		{"not a consonant for a vowel", er, coach.Bad, []float32{0, 0, .9, 0, .1}, ""},
		{"itself", w, coach.Bad, []float32{0, 0, .9, 0, .1}, ""},
		{"too unsure", v, coach.Bad, []float32{.1, .4, .5, 0, 0}, ""},
		{"a sound that was good", v, coach.Good, []float32{0, .1, .9, 0, 0}, ""},
		{"a sound without a label", v, coach.Unscored, []float32{0, .1, .9, 0, 0}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := assessment{manifest: man, classes: 5, scores: Scores{Heard: append(make([]float32, 5), tt.row...)}}
			var got coach.Phoneme
			if h := a.heard(1, tt.class, tt.label); h != nil {
				got = *h
			}
			if got != tt.want {
				t.Errorf("heard %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHollow(t *testing.T) {
	said, poor, unsaid := coach.Excellent, coach.Bad, coach.Unscored
	for _, tt := range []struct {
		name     string
		words    []coach.Label
		sentence coach.Label
		want     bool
	}{
		{"all said", []coach.Label{said, said, said}, said, false},
		{"all said badly", []coach.Label{poor, poor, coach.Worst}, poor, false},
		{"one word, badly", []coach.Label{poor}, poor, false},
		{"half of it", []coach.Label{said, said, unsaid, unsaid}, coach.Good, false},
		{"half of it, neither well nor badly", []coach.Label{said, said, unsaid, unsaid}, coach.Average, true},
		{"half of it, badly", []coach.Label{said, said, unsaid, unsaid}, poor, false},
		{"half of it, with a bad word", []coach.Label{said, poor, unsaid, unsaid}, coach.Good, true},
		{"all of it, neither well nor badly", []coach.Label{said, poor, said, said, unsaid}, coach.Average, false},
		{"two words fit", []coach.Label{poor, poor, unsaid, poor, said, said, unsaid, unsaid, poor, unsaid}, poor, true},
		{"badly, with a word left out", []coach.Label{poor, poor, poor, poor, said, unsaid}, poor, false},
	} {
		a := coach.Assessment{Sentence: coach.SentenceJudgements{Accuracy: coach.Judgement{Label: tt.sentence}}}
		for _, l := range tt.words {
			a.Words = append(a.Words, coach.Word{Spoken: l != unsaid, Accuracy: coach.Judgement{Label: l}})
		}
		if got := hollow(a); got != tt.want {
			t.Errorf("%s: hollow is %v", tt.name, got)
		}
	}
}
