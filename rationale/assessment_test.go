package rationale_test

import (
	"math/rand/v2"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// lexicon holds the words of the tests' sentences: the word, then its phones.
const lexicon = `I AY1|think TH IH1 NG K|it IH1 T|is IH1 Z|important IH0 M P AO1 R T AH0 N T|the DH AH0|weather W EH1 DH ER0
she SH IY1|asked AE1 S K T|for F AO1 R|three TH R IY1|very V EH1 R IY0|big B IH1 G|sheep SH IY1 P|his HH IH1 Z
red R EH1 D|light L AY1 T|measure M EH1 ZH ER0|clear K L IH1 R|native N EY1 T IH0 V|doctor D AA1 K T ER0|good G UH1 D`

func words() map[string]string {
	m := map[string]string{}
	for _, e := range strings.FieldsFunc(lexicon, func(r rune) bool { return r == '|' || r == '\n' }) {
		w, phones, _ := strings.Cut(e, " ")
		m[w] = phones
	}
	return m
}

func judged(l coach.Label, top, confidence float64) coach.Judgement {
	if l == coach.Unscored {
		return coach.Judgement{}
	}
	at := map[coach.Label]float64{coach.Worst: .08, coach.Bad: .33, coach.Average: .58, coach.Good: .82, coach.Excellent: .97}
	return coach.Judgement{Label: l, Score: at[l] * top, Confidence: confidence}
}

// say is a sentence read without a flaw. A word that the lexicon lacks gets the
// phones of think.
func say(sentence string) coach.Assessment {
	known := words()
	a := coach.Assessment{Model: "test/1", Text: sentence, Seconds: 3}
	for _, t := range strings.Fields(sentence) {
		w := coach.Word{Text: t, Spoken: true, Accuracy: judged(coach.Excellent, 10, .9), Stress: judged(coach.Excellent, 10, .9)}
		phones := known[t]
		if phones == "" {
			phones = known["think"]
		}
		for _, p := range strings.Fields(phones) {
			ph := coach.Phone{Accuracy: judged(coach.Excellent, 2, .9)}
			if n := len(p) - 1; p[n] >= '0' && p[n] <= '2' {
				ph.Stress, p = int(p[n]-'0'), p[:n]
			}
			ph.Expected = coach.Phoneme(p)
			s, _ := prompts.SoundOf(ph.Expected)
			ph.IPA = s.IPA
			w.Phones = append(w.Phones, ph)
		}
		a.Words = append(a.Words, w)
	}
	j := judged(coach.Excellent, 10, .9)
	a.Sentence = coach.SentenceJudgements{Accuracy: j, Fluency: j, Prosody: j, Completeness: j}
	return a
}

// wrong marks a phone, its word and the sentence.
func wrong(a coach.Assessment, word, phone int, l coach.Label, heard coach.Phoneme) coach.Assessment {
	w := &a.Words[word]
	w.Accuracy = judged(coach.Average, 10, .9)
	w.Phones[phone].Accuracy = judged(l, 2, .9)
	if heard != "" {
		w.Phones[phone].Heard = &heard
	}
	a.Sentence.Accuracy = judged(coach.Good, 10, .9)
	return a
}

func random(r *rand.Rand) coach.Assessment {
	var all []string
	for w := range words() {
		all = append(all, w)
	}
	var ws []string
	for range 1 + r.IntN(9) {
		ws = append(ws, all[r.IntN(len(all))])
	}
	a := say(strings.Join(ws, " "))
	quality := r.Float64()
	judge := func(top float64) coach.Judgement {
		l := coach.Label(r.IntN(6))
		if r.Float64() < quality {
			l = coach.Label(4 + r.IntN(2))
		}
		return judged(l, top, r.Float64())
	}
	sounds := prompts.Sounds()
	for i := range a.Words {
		w := &a.Words[i]
		w.Spoken, w.Accuracy, w.Stress = r.IntN(12) > 0, judge(10), judge(10)
		for j := range w.Phones {
			p := &w.Phones[j]
			if p.Accuracy = judge(2); p.Accuracy.Label <= coach.Average && r.IntN(3) > 0 {
				h := append(sounds, prompts.Sound{Phoneme: coach.Missing})[r.IntN(len(sounds)+1)].Phoneme
				p.Heard = &h
			}
		}
		if r.IntN(6) == 0 {
			a.Pauses = append(a.Pauses, coach.Pause{After: i, Span: coach.Span{Start: 1, End: 1 + r.Float64()}})
		}
	}
	a.Sentence = coach.SentenceJudgements{Accuracy: judge(10), Fluency: judge(10), Prosody: judge(10), Completeness: judge(10)}
	return a
}
