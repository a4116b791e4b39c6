package card

import (
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// judged is a label's judgement.
func judged(l coach.Label, confidence float64) coach.Judgement {
	return coach.Judgement{Label: l, Score: float64(l) * 2, Confidence: confidence}
}

// word is written as "think:!" with a mark, and its phones after it as
// "think:! TH>S! IH NG K": each with what was heard and its mark.
func word(spec string) coach.Word {
	f := strings.Fields(spec)
	text, mark, _ := strings.Cut(f[0], ":")
	w := coach.Word{Text: text, Spoken: mark != "x", Stress: judged(coach.Good, .9)}
	if w.Spoken {
		w.Accuracy = marked(mark)
	}
	for _, s := range f[1:] {
		name := strings.TrimRight(s, "!~?")
		p := coach.Phone{Accuracy: marked(s[len(name):])}
		expected, heard, other := strings.Cut(name, ">")
		p.Expected = coach.Phoneme(expected)
		if other {
			h := coach.Phoneme(heard)
			p.Heard = &h
		}
		if known, ok := prompts.SoundOf(p.Expected); ok {
			p.IPA = known.IPA
			if known.Vowel {
				p.Stress = 1
			}
		}
		w.Phones = append(w.Phones, p)
	}
	return w
}

func marked(sign string) coach.Judgement {
	switch sign {
	case "!":
		return judged(coach.Bad, .92)
	case "~":
		return judged(coach.Average, .85)
	case "?":
		return judged(coach.Average, .5)
	}
	return judged(coach.Excellent, .96)
}

// reply is what is said of words and the labels of the sentence.
func reply(labels [4]coach.Judgement, specs ...string) coach.Reply {
	a := coach.Assessment{Model: "test", Seconds: 3, Sentence: coach.SentenceJudgements{
		Accuracy: labels[0], Fluency: labels[1], Prosody: labels[2], Completeness: labels[3],
	}}
	var texts []string
	for _, s := range specs {
		w := word(s)
		a.Words = append(a.Words, w)
		texts = append(texts, w.Text)
	}
	a.Text = strings.Join(texts, " ")
	claims := prompts.Choose(a, nil)
	return coach.Reply{
		Note: "n", Kind: coach.ReplyCoaching, Assessment: &a,
		Rationale: &coach.Rationale{Claims: claims, Text: prompts.Realise(claims, a, nil)},
	}
}

func all(l coach.Label) [4]coach.Judgement {
	return [4]coach.Judgement{judged(l, .97), judged(l, .97), judged(l, .97), judged(coach.Excellent, .99)}
}

// cases are replies as learners get them, and as they should never be.
func cases() map[string]coach.Reply {
	mixed := [4]coach.Judgement{judged(coach.Average, .8), judged(coach.Good, .8), judged(coach.Average, .5), judged(coach.Excellent, .99)}
	long := []string{}
	for i := range 40 {
		long = append(long, []string{
			"the", "committee K AH M IH T IY", "reached R IY CH T", "an", "important IH M P AO R T AH N T", "agreement:~ AH G R IY~ M AH N T",
			"before", "evening:? IY V N IH NG", "through:! TH>T! R UW",
		}[i%9])
	}
	endless := make([]string, 150)
	for i := range endless {
		endless[i] = []string{"sentence", "notwithstanding", "a", "thing:! TH>T! IH NG", "unsure:?"}[i%5]
	}
	return map[string]coach.Reply{
		"short": reply(mixed, "I AY", "think:! TH>S! IH NG K", "so S OW"),
		"usual": reply(mixed, "I AY", "think:! TH>S! IH NG K", "it IH T", "is:? IH Z", "very:~ V>W~ EH R IY", "important IH M P AO R T AH N T"),
		"clear": reply(all(coach.Excellent), "Thank TH AE NG K", "you Y UW", "for F AO R", "your Y AO R", "help HH EH L P"),
		"much": reply(all(coach.Bad), "The:! DH>D! AH", "weather:! W>V! EH>AE! DH>Z! ER!", "was:~ W>V~ AH Z", "really:! R>L! IH~ L>R! IY", "terrible:! T EH>AE! R>L! AH B>P! AH L!",
			"this:~ DH>Z~ IH S", "morning:! M AO>OW! R N IH NG>N!"),
		"unspoken": reply([4]coach.Judgement{judged(coach.Good, .9), judged(coach.Average, .8), judged(coach.Good, .7), judged(coach.Bad, .95)},
			"Please P L IY Z", "close:x K L OW Z", "the:x DH AH", "window W IH N D OW", "quietly:x K W AY AH T L IY", "now N AW"),
		"unsure":      reply([4]coach.Judgement{judged(coach.Average, .5), judged(coach.Good, .4), {}, judged(coach.Excellent, .9)}, "We:? W IY", "walked:? W AO K T", "home:? HH OW M?", "together:? T AH G EH DH?"),
		"long":        reply(mixed, long...),
		"endless":     reply(mixed, endless...),
		"long_words":  reply(mixed, "Pneumonoultramicroscopicsilicovolcanoconiosis:~", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft:! TH>S!", "is IH Z", "rare:! R>W! EH R"),
		"odd":         reply(mixed, "<@everyone>:!", "مرحبا:~", "a\u202eb\u200d:?", "👍🏽", "naïve N AY IY V", "x\ty\nz", "\u0301:!", "𝕳𝖎", "中文:x"),
		"in_clear":    reply(mixed, "She SH IY", "wants W AA N T S>T!", "three TH>S! R IY", "more:? M AO R"),
		"no_sounds":   reply(all(coach.Good), "Twenty-five", "U.S.", "don't", "3.5"),
		"no_sentence": reply([4]coach.Judgement{}, "Hello HH AH L OW", "world:! W ER L>R! D"),
	}
}

// trend is a learner's last n notes: th becomes clear, r, v and the vowel of sit
// do not, and fluency rises.
func trend(n int) Trend {
	var lessons []coach.Lesson
	at := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)
	for i := range n {
		first := i < n/2
		th, fluency := "TH", judged(coach.Good, .8)
		if first {
			th, fluency = "TH>S!", judged(coach.Label(2+i%2), .8)
		}
		prosody := judged(coach.Label(3+i%3/2), .8)
		if i%4 == 2 {
			prosody.Confidence = .5
		}
		r := reply([4]coach.Judgement{judged(coach.Label(2+min(2, i/5)), .8), fluency, prosody, judged(coach.Excellent, .99)},
			"think:~ "+th+" IH NG K", "thirty:~ "+th+" ER T IY", "very:~ V>W~ EH R! IY", "red:~ R>L! EH D", "river R IH>IY~ V ER", "sit S IH T", "live L IH>IY! V")
		lessons = append([]coach.Lesson{{At: at.AddDate(0, 0, 2*i), Assessment: *r.Assessment, Rationale: *r.Rationale}}, lessons...)
	}
	return prompts.TrendOf(lessons, 20)
}
