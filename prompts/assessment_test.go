package prompts_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// sure is a judgement in the middle of a label's band of a scale of top.
func sure(l coach.Label, top float64) coach.Judgement {
	return judged(l, top, .97)
}

func judged(l coach.Label, top, confidence float64) coach.Judgement {
	if l == coach.Unscored {
		return coach.Judgement{}
	}
	at := map[coach.Label]float64{coach.Worst: .08, coach.Bad: .33, coach.Average: .58, coach.Good: .82, coach.Excellent: .97}
	return coach.Judgement{Label: l, Score: at[l] * top, Confidence: confidence}
}

// lexicon holds the words of the test sentences.
const lexicon = `I AY1|think TH IH1 NG K|it IH1 T|is IH1 Z|important IH0 M P AO1 R T AH0 N T|the DH AH0|weather W EH1 DH ER0
she SH IY1|asked AE1 S K T|for F AO1 R|three TH R IY1|very V EH1 R IY0|big B IH1 G|sheep SH IY1 P|statistics S T AH0 T IH1 S T IH0 K S
his HH IH1 Z|city S IH1 T IY0|enough IH0 N AH1 F|elephant EH1 L AH0 F AH0 N T|red R EH1 D|light L AY1 T|measure M EH1 ZH ER0
25 T W EH1 N T IY0 F AY1 V|don't D OW1 N T|<@everyone> EH1 V R IY0|we W IY1|walked W AO1 K T|home HH OW1 M|together T AH0 G EH1 DH ER0`

func say(sentence string) coach.Assessment {
	a := coach.Assessment{Model: "test/1", Text: sentence, Seconds: 3}
	known := map[string]string{}
	for _, e := range strings.FieldsFunc(lexicon, func(r rune) bool { return r == '|' || r == '\n' }) {
		w, phones, _ := strings.Cut(e, " ")
		known[strings.ToLower(w)] = phones
	}
	for _, t := range strings.Fields(sentence) {
		w := coach.Word{Text: t, Spoken: true, Accuracy: sure(coach.Excellent, 10), Stress: sure(coach.Excellent, 10)}
		for _, p := range strings.Fields(known[strings.ToLower(t)]) {
			ph := coach.Phone{Accuracy: sure(coach.Excellent, 2)}
			if n := len(p) - 1; p[n] >= '0' && p[n] <= '2' {
				ph.Stress, p = int(p[n]-'0'), p[:n]
			}
			ph.Expected = coach.Phoneme(p)
			s, ok := prompts.SoundOf(ph.Expected)
			if !ok {
				panic(fmt.Sprintf("no phoneme %q", p))
			}
			ph.IPA = s.IPA
			w.Phones = append(w.Phones, ph)
		}
		if len(w.Phones) == 0 {
			panic(fmt.Sprintf("no word %q", t))
		}
		a.Words = append(a.Words, w)
	}
	a.Sentence = coach.SentenceJudgements{
		Accuracy: sure(coach.Excellent, 10), Fluency: sure(coach.Excellent, 10),
		Prosody: sure(coach.Excellent, 10), Completeness: sure(coach.Excellent, 10),
	}
	return a
}

// wrong marks a phone, heard "" for nothing said about it.
func wrong(a coach.Assessment, word, phone int, l coach.Label, heard coach.Phoneme) coach.Assessment {
	p := &a.Words[word].Phones[phone]
	p.Accuracy = sure(l, 2)
	if heard != "" {
		p.Heard = &heard
	}
	if w := &a.Words[word]; w.Accuracy.Label > coach.Average {
		w.Accuracy = sure(coach.Average, 10)
	}
	return a
}

func overall(a coach.Assessment, accuracy, fluency, prosody coach.Label) coach.Assessment {
	a.Sentence.Accuracy, a.Sentence.Fluency, a.Sentence.Prosody = sure(accuracy, 10), sure(fluency, 10), sure(prosody, 10)
	return a
}

// random makes an assessment of any quality, with labels, scores and
// confidences that need not agree, as a damaged model might give.
func random(r *rand.Rand) coach.Assessment {
	var all []string
	for _, e := range strings.FieldsFunc(lexicon, func(r rune) bool { return r == '|' || r == '\n' }) {
		w, _, _ := strings.Cut(e, " ")
		all = append(all, w)
	}
	var ws []string
	for range 1 + r.IntN(12) {
		ws = append(ws, all[r.IntN(len(all))])
	}
	a := say(strings.Join(ws, " "))
	quality := r.Float64()
	label := func() coach.Label {
		if r.Float64() < quality {
			return coach.Label(4 + r.IntN(2))
		}
		return coach.Label(r.IntN(6))
	}
	judge := func(top float64) coach.Judgement {
		j := judged(label(), top, r.Float64())
		if r.IntN(10) == 0 {
			j.Score = r.Float64() * top
		}
		return j
	}
	sounds := prompts.Sounds()
	for i := range a.Words {
		w := &a.Words[i]
		w.Accuracy, w.Stress = judge(10), judge(10)
		if r.IntN(12) == 0 {
			w.Spoken, w.Accuracy, w.Stress = false, coach.Judgement{}, coach.Judgement{}
		}
		for j := range w.Phones {
			p := &w.Phones[j]
			if p.Accuracy = judge(2); !w.Spoken {
				p.Accuracy = coach.Judgement{}
			}
			if p.Accuracy.Label <= coach.Average && r.IntN(3) > 0 {
				h := sounds[r.IntN(len(sounds))].Phoneme
				if r.IntN(4) == 0 {
					h = coach.Missing
				}
				p.Heard = &h
			}
		}
		if r.IntN(6) == 0 {
			from := r.Float64() * 2
			a.Pauses = append(a.Pauses, coach.Pause{After: i, Span: coach.Span{Start: from, End: from + r.Float64()}})
		}
	}
	a.Sentence = coach.SentenceJudgements{Accuracy: judge(10), Fluency: judge(10), Prosody: judge(10), Completeness: judge(10)}
	return a
}
