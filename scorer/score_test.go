package scorer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// words that the tests' lexicon knows.
var testLexicon = letterLexicon{
	"i":         {"AY"},
	"think":     {"TH IH NG K"},
	"it":        {"IH T"},
	"is":        {"IH Z"},
	"important": {"IH M P AO R T AH N T", "IH M P AO T AH N T"},
	"the":       {"DH AH", "DH IY"},
	"a":         {"AH", "EY"},
}

const (
	sentence = "I think it is important."
	spoken   = "AY TH IH NG K IH T IH Z IH M P AO R T AH N T"
)

func score(t *testing.T, samples []float32, text string) (coach.Assessment, error) {
	t.Helper()
	return New(newToneModel(), testLexicon, Options{}).Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: samples}, Text: text})
}

// expected are the phonemes of each word.
func expected(a coach.Assessment) (out []string) {
	for _, w := range a.Words {
		var ps []string
		for _, p := range w.Phones {
			ps = append(ps, string(p.Expected))
		}
		out = append(out, strings.Join(ps, " "))
	}
	return out
}

// checkShape holds an assessment to what coach promises of every one.
func checkShape(t *testing.T, a coach.Assessment, text string) {
	t.Helper()
	tokens, err := Tokenize(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Words) != len(tokens) {
		t.Fatalf("%d words for %d in the sentence", len(a.Words), len(tokens))
	}
	end := 0.0
	inside := func(what string, s coach.Span) {
		if s.Start < end || s.End <= s.Start || s.End > a.Seconds {
			t.Errorf("%s has span %+v after %v, audio ends at %v", what, s, end, a.Seconds)
		}
	}
	check := func(what string, j coach.Judgement, bands []coach.Band) {
		if j.Label != coach.Classify(bands, j.Score) || j.Confidence < 0 || j.Confidence > 1 {
			t.Errorf("%s has judgement %+v", what, j)
		}
	}
	rubric := newToneModel().manifest.Rubric
	for i, w := range a.Words {
		if w.Text != tokens[i].Text {
			t.Errorf("word %d is %q, want %q", i, w.Text, tokens[i].Text)
		}
		if len(w.Phones) == 0 {
			t.Errorf("word %d has no phones", i)
		}
		if !w.Spoken {
			if w.Accuracy.Scored() || w.Stress.Scored() || w.Span != (coach.Span{}) {
				t.Errorf("word %d was skipped and has %+v", i, w)
			}
			for _, p := range w.Phones {
				if p.Accuracy.Scored() || p.Heard != nil || p.Span != (coach.Span{}) {
					t.Errorf("word %d was skipped and has phone %+v", i, p)
				}
			}
			continue
		}
		inside("word", w.Span)
		check("word", w.Accuracy, rubric.Word)
		check("stress", w.Stress, rubric.Word)
		if w.Start != w.Phones[0].Start || w.End != w.Phones[len(w.Phones)-1].End {
			t.Errorf("word %d has span %+v, its phones %+v to %+v", i, w.Span, w.Phones[0].Span, w.Phones[len(w.Phones)-1].Span)
		}
		for _, p := range w.Phones {
			inside("phone", p.Span)
			check("phone", p.Accuracy, rubric.Phone)
			end = p.End
		}
	}
	for _, aspect := range []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody, coach.Completeness} {
		check(string(aspect), a.Sentence.Of(aspect), rubric.Sentence)
	}
}

func TestScoreGivesLabels(t *testing.T) {
	a, err := score(t, say(spoken), sentence)
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, a, sentence)
	if a.Model != "tones 1" || a.Text != sentence || a.Seconds != float64(len(say(spoken)))/16000 {
		t.Errorf("assessment is of %q, %q, %v s", a.Model, a.Text, a.Seconds)
	}
	for _, w := range a.Words {
		if !w.Spoken || w.Accuracy.Label != coach.Excellent {
			t.Errorf("word %q: %+v", w.Text, w.Accuracy)
		}
	}
	if diff := cmp.Diff([]string{"AY", "TH IH NG K", "IH T", "IH Z", "IH M P AO R T AH N T"}, expected(a)); diff != "" {
		t.Errorf("phones (-want +got):\n%s", diff)
	}
	// 200 ms of silence, then 40 ms of AY and 60 ms to the next phone.
	if got := a.Words[0].Span; math.Abs(got.Start-.2) > .03 || math.Abs(got.End-.24) > .03 {
		t.Errorf("first word is at %+v, was said from .20 to .24 s", got)
	}
	if c := a.Sentence.Completeness; c.Score != 10 || c.Label != coach.Excellent || c.Confidence < .9 {
		t.Errorf("completeness %+v", c)
	}
	if len(a.Pauses) != 0 {
		t.Errorf("pauses %+v", a.Pauses)
	}
	if p := a.Words[1].Phones[1]; p.Stress != 1 || p.IPA != "ih" {
		t.Errorf("phone %+v, want primary stress", p)
	}
}

func TestScoreSaysWhatWasHeard(t *testing.T) {
	// "sink" for "think", and "importan".
	a, err := score(t, say("AY S IH NG K IH T IH Z IH M P AO R T AH N"), sentence)
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, a, sentence)
	th := a.Words[1].Phones[0]
	if th.Heard == nil || *th.Heard != "S" || th.Accuracy.Label != coach.Worst {
		t.Errorf("TH was said S: %+v", th)
	}
	last := a.Words[4].Phones[8]
	if last.Heard == nil || *last.Heard != coach.Missing {
		t.Errorf("last T was not said: %+v", last)
	}
	for i, w := range a.Words {
		for j, p := range w.Phones {
			wrong := i == 1 && j == 0 || i == 4 && j == 8
			if p.Heard != nil && !wrong {
				t.Errorf("word %d, phone %d was right: %+v, heard %s", i, j, p, *p.Heard)
			}
		}
	}
}

func TestScoreTakesPronunciationsAsTheyAreSaid(t *testing.T) {
	for _, tt := range []struct{ name, said, text, want string }{
		{"British important", "IH T IH Z IH M P AO T AH N T", "It is important", "IH T|IH Z|IH M P AO T AH N T"},
		{"the strong form", "DH IY IH M P AO R T AH N T", "the important", "DH IY|IH M P AO R T AH N T"},
		{"the weak form", "DH AH IH M P AO R T AH N T", "the important", "DH AH|IH M P AO R T AH N T"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := score(t, say(tt.said), tt.text)
			if err != nil {
				t.Fatal(err)
			}
			checkShape(t, a, tt.text)
			if got := strings.Join(expected(a), "|"); got != tt.want {
				t.Errorf("phones %s, want %s", got, tt.want)
			}
			if a.Sentence.Accuracy.Label != coach.Excellent {
				t.Errorf("accuracy %+v", a.Sentence.Accuracy)
			}
		})
	}
}

func TestScoreChoosesTheReading(t *testing.T) {
	lexicon := letterLexicon{
		"twenty": {"T W EH N IY"}, "nineteen": {"N AY N T IY N"}, "ninety": {"N AY N T IY"}, "nine": {"N AY N"},
		"one": {"W AH N"}, "thousand": {"TH AW Z AH N D"}, "hundred": {"HH AH N D R AH D"}, "and": {"AH N D"}, "in": {"IH N"},
	}
	for _, said := range []string{
		"IH N N AY N T IY N N AY N T IY N AY N",
		"IH N W AH N TH AW Z AH N D N AY N HH AH N D R AH D AH N D N AY N T IY N AY N",
	} {
		a, err := New(newToneModel(), lexicon, Options{}).Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: say(said)}, Text: "In 1999"})
		if err != nil {
			t.Fatal(err)
		}
		checkShape(t, a, "In 1999")
		if got := strings.Join(expected(a), " "); got != said {
			t.Errorf("said %s, found %s", said, got)
		}
	}
}

func TestScoreFindsWhatIsMissingAndTooMuch(t *testing.T) {
	for _, tt := range []struct {
		name, said   string
		skipped      []int
		completeness float64
	}{
		{"a skipped word", "AY TH IH NG K . IH Z IH M P AO R T AH N T", []int{2}, 8},
		{"a skipped first word", "TH IH NG K IH T IH Z IH M P AO R T AH N T", []int{0}, 8},
		{"an end cut off", "AY TH IH NG K IH T IH Z", []int{4}, 8},
		{"a repeated word", "AY TH IH NG K . TH IH NG K IH T IH Z IH M P AO R T AH N T", nil, 10},
		{"a restart", "AY TH IH NG K IH T . AY TH IH NG K IH T IH Z IH M P AO R T AH N T", nil, 10},
		{"words before and after", "OW K EY S OW . " + spoken + " . TH AE NG K Y UW", nil, 10},
		{"a hesitation", "AY TH IH NG K . AH M . IH T IH Z IH M P AO R T AH N T", nil, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := score(t, say(tt.said), sentence)
			if err != nil {
				t.Fatal(err)
			}
			checkShape(t, a, sentence)
			var skipped []int
			for i, w := range a.Words {
				if !w.Spoken {
					skipped = append(skipped, i)
				} else if w.Accuracy.Label != coach.Excellent {
					t.Errorf("word %q: %+v", w.Text, w.Accuracy)
				}
			}
			if diff := cmp.Diff(tt.skipped, skipped); diff != "" {
				t.Errorf("skipped words (-want +got):\n%s", diff)
			}
			if got := a.Sentence.Completeness; got.Score != tt.completeness {
				t.Errorf("completeness %+v, want %v", got, tt.completeness)
			}
		})
	}
}

// A word said so badly that it can't be made out counts in the sentence, as it does
// for experts; one that was left out does not.
func TestScoreJudgesTheSentenceWithWhatWasAttempted(t *testing.T) {
	const said = "AY TH IH NG K . %s . IH Z IH M P AO R T AH N T"
	accuracy := map[string]float64{}
	for _, it := range []string{"", "OY V UW Z"} {
		a, err := score(t, say(fmt.Sprintf(said, it)), sentence)
		if err != nil {
			t.Fatal(err)
		}
		checkShape(t, a, sentence)
		for i, w := range a.Words {
			if w.Spoken != (i != 2) || w.Spoken && w.Accuracy.Label != coach.Excellent {
				t.Errorf("with %q for \"it\", word %q: spoken %t, %+v", it, w.Text, w.Spoken, w.Accuracy)
			}
		}
		accuracy[it] = a.Sentence.Accuracy.Score
	}
	// The tones' judge takes the mean of the phones: 2 of 18 are wrong.
	if want := accuracy[""] * 16 / 18; math.Abs(accuracy["OY V UW Z"]-want) > .1 {
		t.Errorf("accuracy %v, want %.2f, and %v where it was left out", accuracy["OY V UW Z"], want, accuracy[""])
	}
}

func TestScoreOfEveryWordRefusesNoSentence(t *testing.T) {
	u := coach.Utterance{Audio: coach.Audio{Samples: say("W EH R D UH D Y UW G OW L AE S S AH M ER")}, Text: sentence}
	a, err := New(newToneModel(), testLexicon, Options{EveryWord: true}).Score(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, a, sentence)
}

func TestScoreOfEveryWordTakesNoneForSkipped(t *testing.T) {
	u := coach.Utterance{Audio: coach.Audio{Samples: say("AY TH IH NG K IH M P AO R T AH N T")}, Text: sentence}
	for every, skipped := range map[bool]int{false: 2, true: 0} {
		a, err := New(newToneModel(), testLexicon, Options{EveryWord: every}).Score(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		checkShape(t, a, sentence)
		for _, w := range a.Words {
			if !w.Spoken {
				skipped--
			}
		}
		if skipped != 0 {
			t.Errorf("every word %t: %d too few words are skipped: %+v", every, skipped, a.Words)
		}
	}
}

func TestScoreFindsPauses(t *testing.T) {
	// 400 ms after "think" and the 60 ms that follow every phone; 100 ms after "is".
	a, err := score(t, say("AY TH IH NG K . . . . IH T IH Z . IH M P AO R T AH N T"), sentence)
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, a, sentence)
	if len(a.Pauses) != 1 || a.Pauses[0].After != 1 {
		t.Fatalf("pauses %+v, want one after word 1", a.Pauses)
	}
	p := a.Pauses[0]
	if math.Abs(p.End-p.Start-.46) > .03 {
		t.Errorf("pause %+v, want .46 s", p)
	}
	if a.Words[1].End > p.Start || a.Words[2].Start < p.End {
		t.Errorf("words end at %v and start at %v, the pause is %+v", a.Words[1].End, a.Words[2].Start, p)
	}
}

func TestScoreRefuses(t *testing.T) {
	quietly := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(1e-4 * math.Sin(float64(i)))
		}
		return out
	}
	for _, tt := range []struct {
		name    string
		samples []float32
		text    string
		want    *coach.LearnerError
	}{
		{"nothing", nil, sentence, coach.ErrTooShort},
		{"a click", say("AY")[:1000], sentence, coach.ErrTooShort},
		{"too little for the sentence", say("AY")[:8000], sentence, coach.ErrTooShort},
		{"digital silence", make([]float32, 3*16000), sentence, coach.ErrNoSpeech},
		{"a silent room", quietly(3 * 16000), sentence, coach.ErrNoSpeech},
		{"only NaN", slices.Repeat([]float32{float32(math.NaN())}, 3*16000), sentence, coach.ErrNoSpeech},
		{"a constant", slices.Repeat([]float32{.7}, 3*16000), sentence, coach.ErrNoSpeech},
		{"another sentence", say("W EH R D UH D Y UW G OW L AE S S AH M ER"), sentence, coach.ErrTextMismatch},
		{"no words", say(spoken), " ... ", coach.ErrNoText},
		{"another script", say(spoken), "Ты думаешь, что это важно", coach.ErrUnsupportedText},
		{"far too long a text", say(spoken), strings.Repeat("important ", 600), coach.ErrTextTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := score(t, tt.samples, tt.text)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "important") {
				t.Errorf("the error shows the sentence: %v", err)
			}
		})
	}
}

func TestScoreBearsBadSamples(t *testing.T) {
	clean := say(spoken)
	for name, spoil := range map[string]func(i int, v float32) float32{
		"NaN here and there": func(i int, v float32) float32 {
			if i%997 == 0 {
				return float32(math.NaN())
			}
			return v
		},
		"infinities": func(i int, v float32) float32 {
			if i%997 == 0 {
				return float32(math.Inf(1 - i%2*2))
			}
			return v
		},
		"far over full scale": func(_ int, v float32) float32 { return 30 * v },
		"an offset":           func(_ int, v float32) float32 { return v + .3 },
	} {
		t.Run(name, func(t *testing.T) {
			samples := slices.Clone(clean)
			for i, v := range samples {
				samples[i] = spoil(i, v)
			}
			given := slices.Clone(samples)
			a, err := score(t, samples, sentence)
			if err != nil {
				t.Fatal(err)
			}
			checkShape(t, a, sentence)
			for i := range samples {
				if math.Float32bits(samples[i]) != math.Float32bits(given[i]) {
					t.Fatal("the caller's samples were changed")
				}
			}
		})
	}
}

func TestScoreHearsLongAudioInPieces(t *testing.T) {
	// 24 times the sentence, with a pause after each: 55 s in pieces of 12.
	text := strings.Repeat("I think it is important, ", 24)
	samples := say(strings.Repeat(spoken+" . ", 24))
	m := newToneModel()
	a, err := New(m, testLexicon, Options{}).Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: samples}, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.listened) < 5 || slices.Max(m.listened) > 12*16000 {
		t.Errorf("heard in pieces of %v samples", m.listened)
	}
	checkShape(t, a, text)
	for i, w := range a.Words {
		if !w.Spoken || w.Accuracy.Label != coach.Excellent {
			t.Errorf("word %d: %+v", i, w.Accuracy)
		}
	}

	// The tones of a frame don't depend on its neighbours: pieces must give the
	// very frames of the whole.
	whole, err := m.Listen(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := listen(t.Context(), m, samples, measure(samples, testHop))
	if err != nil {
		t.Fatal(err)
	}
	if pieces.T != whole.T || !slices.Equal(pieces.LogPost, whole.LogPost) {
		t.Errorf("%d frames from pieces differ from the %d of the whole", pieces.T, whole.T)
	}
}

func TestScoreFailsWithTheModel(t *testing.T) {
	nan := float32(math.NaN())
	for name, broken := range map[string]func(*Frames, *Scores){
		"frames that are not finite": func(f *Frames, _ *Scores) {
			if f != nil {
				f.LogPost[7] = nan
			}
		},
		"too few features": func(f *Frames, _ *Scores) {
			if f != nil {
				f.Hidden = f.Hidden[1:]
			}
		},
		"scores that are not finite": func(_ *Frames, s *Scores) {
			if s != nil {
				s.Word[0] = nan
			}
		},
		"too few scores": func(_ *Frames, s *Scores) {
			if s != nil {
				s.Heard = s.Heard[1:]
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newToneModel()
			m.broken = broken
			_, err := New(m, testLexicon, Options{}).Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: say(spoken)}, Text: sentence})
			if err == nil || coach.ReasonOf(err) != "" {
				t.Errorf("error %v, want one of ours", err)
			}
		})
	}
}

func TestScoreEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(newToneModel(), testLexicon, Options{}).Score(ctx, coach.Utterance{Audio: coach.Audio{Samples: say(spoken)}, Text: sentence})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestObserveSeesEveryStage(t *testing.T) {
	var seen []Stage
	s := New(newToneModel(), testLexicon, Options{Observe: func(s Stage, took time.Duration) {
		if took < 0 {
			t.Errorf("%s took %v", s, took)
		}
		seen = append(seen, s)
	}})
	if _, err := s.Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: say(spoken)}, Text: sentence}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Stage{StagePronounce, StageListen, StageAlign, StageJudge, StageAssess}, seen); diff != "" {
		t.Error(diff)
	}
}

func FuzzScore(f *testing.F) {
	for _, s := range []string{sentence, "25 km/h — £3.50!", "well-known X's", "a", "I I I I", "🙂 it's the U.S.A.", "importantimportant 1999 e.g. 007"} {
		f.Add(s, spoken)
	}
	f.Add("it", "IH T")
	f.Add(sentence, "S IH NG . K AH")
	f.Fuzz(func(t *testing.T, text, said string) {
		var known []string
		for _, p := range strings.Fields(said) {
			if p == "." || slices.Contains(arpabet, p) {
				known = append(known, p)
			}
		}
		if len(known) > 12 || len(text) > 200 { // longer is slower, not stranger
			t.Skip()
		}
		a, err := score(t, say(strings.Join(known, " ")), text)
		if err != nil {
			if coach.ReasonOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		checkShape(t, a, text)
	})
}
