package prompts_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

var update = flag.Bool("update", false, "write the golden files anew")

// answer is one lesson: claims, words, and what is remembered of them.
func answer(a coach.Assessment, earlier []coach.Lesson) coach.Lesson {
	claims := prompts.Choose(a, earlier)
	return coach.Lesson{
		Note:       coach.NoteID(fmt.Sprintf("note-%d", len(earlier))),
		At:         time.Unix(int64(len(earlier)), 0),
		Assessment: a,
		Rationale:  coach.Rationale{Text: prompts.Realise(claims, a, earlier), Claims: claims, Source: coach.SourcePlain},
	}
}

// read answers the same learner's notes in turn; the newest lesson comes first.
func read(as ...coach.Assessment) []coach.Lesson {
	var earlier []coach.Lesson
	for _, a := range as {
		earlier = append([]coach.Lesson{answer(a, earlier)}, earlier...)
	}
	return earlier
}

func TestAdviceIsItsOwnForEveryError(t *testing.T) {
	seen := map[string]coach.Reason{}
	for _, err := range []*coach.LearnerError{
		coach.ErrUnsupportedAudio, coach.ErrTooLong, coach.ErrTooLarge, coach.ErrTooShort, coach.ErrNoSpeech,
		coach.ErrTextMismatch, coach.ErrNoText, coach.ErrTextTooLong, coach.ErrUnsupportedText, coach.ErrAudioGone,
	} {
		advice := prompts.Advice(fmt.Errorf("decode note 12: %w", err))
		if other, ok := seen[advice]; ok {
			t.Errorf("%s and %s have the same advice", err.Reason, other)
		}
		seen[advice] = err.Reason
		if n := prompts.Words(advice); n < 12 || n > 45 || strings.Contains(advice, "note 12") || strings.Contains(advice, err.Error()) {
			t.Errorf("%s: %q", err.Reason, advice)
		}
		if !strings.Contains(advice, "lease") && !strings.Contains(advice, "again") {
			t.Errorf("%s asks for nothing: %q", err.Reason, advice)
		}
	}
	if got := prompts.Advice(errors.New("disk on fire")); got != prompts.Apology() {
		t.Errorf("an error of ours is answered %q", got)
	}
}

func TestSoundsAreComplete(t *testing.T) {
	all := prompts.Sounds()
	if len(all) != 39 {
		t.Fatalf("%d sounds, want 39", len(all))
	}
	for _, s := range all {
		if len(s.Cues) < 2 || s.Cues[0] == s.Cues[1] || s.Check == "" || len(s.Words) < 3 || s.IPA == "" || s.Key == "" || strings.Count(s.Name, "“") != 1 {
			t.Errorf("%s: %+v", s.Phoneme, s)
		}
		for _, text := range append(s.Cues, s.Check) {
			if n := prompts.Words(text); n > 20 || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %d words: %q", s.Phoneme, n, text)
			}
		}
	}
	for _, p := range []coach.Phoneme{"", "XX", "th", coach.Missing} {
		if s, ok := prompts.SoundOf(p); ok {
			t.Errorf("%q is taken for %s", p, s.Phoneme)
		}
	}
}

func TestReplies(t *testing.T) {
	think := wrong(say("I think it is important"), 1, 0, coach.Bad, "S")
	think.Sentence.Accuracy = sure(coach.Good, 10)
	mended := say("I think it is important")
	light := overall(wrong(wrong(say("the red light is very big"), 2, 0, coach.Worst, "R"), 4, 0, coach.Average, "W"), coach.Average, coach.Good, coach.Good)
	asked := overall(wrong(say("she asked for three sheep"), 1, 3, coach.Worst, coach.Missing), coach.Good, coach.Bad, coach.Good)
	asked.Pauses = []coach.Pause{{After: 2, Span: coach.Span{Start: 1, End: 1.9}}}
	poor := overall(say("the statistics measure the city"), coach.Worst, coach.Bad, coach.Bad)
	for i := range poor.Words {
		poor.Words[i].Accuracy = sure(coach.Worst, 10)
		for j := range poor.Words[i].Phones {
			poor.Words[i].Phones[j].Accuracy = sure(coach.Worst, 2)
		}
	}
	doubtful := say("she asked for three sheep")
	doubtful.Words[4].Phones[1].Accuracy = coach.Judgement{Label: coach.Bad, Score: .9, Confidence: .6}
	hazy := say("she asked for three sheep")
	hazy.Sentence.Accuracy = judged(coach.Good, 10, .8)
	dim := say("we walked home together")
	dim.Words[2].Accuracy = judged(coach.Average, 10, .6)
	good := overall(say("the red light is very big"), coach.Good, coach.Good, coach.Good)
	good.Words[4].Phones[0].Accuracy = judged(coach.Good, 2, .8)
	slip := say("the red light is very big")
	slip.Words[1].Phones[2].Accuracy = judged(coach.Average, 2, .55)
	skipped := say("we walked home together")
	skipped.Words[3] = coach.Word{Text: "together", Phones: skipped.Words[3].Phones}
	skipped.Sentence.Completeness = coach.Judgement{Label: coach.Good, Score: 7.5, Confidence: 1}
	stress := say("it is important")
	stress.Words[2].Stress = sure(coach.Bad, 10)
	odd := wrong(say("<@everyone> think 25 don't"), 0, 1, coach.Bad, "B")
	for name, notes := range map[string][]coach.Assessment{
		"a th that is an s, six times":          {think, think, think, think, think, think},
		"a th that has been mended":             {think, mended},
		"two sounds":                            {light, light},
		"a dropped ending and a pause":          {asked, asked},
		"speech in which nothing is right":      {poor, poor},
		"speech in which nothing is wrong":      {mended, mended, mended},
		"a sound that may be wrong":             {doubtful},
		"a word that was skipped":               {skipped},
		"a sentence that may be poor":           {hazy, hazy, hazy},
		"a word of which nothing is sure":       {dim},
		"good speech that can be polished":      {good, good, good},
		"excellent speech with a doubtful slip": {slip, slip},
		"the stress on another syllable":        {stress, stress, stress},
		"words that can't be quoted":            {odd},
		"another sentence, the sound is back":   {think, say("she asked for three sheep")},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for i, l := range slices.Backward(read(notes...)) {
				fmt.Fprintf(&got, "%d. %s\n", len(notes)-i, l.Rationale.Text)
			}
			golden(t, strings.NewReplacer(" ", "_", "'", "", ",", "").Replace(name)+".txt", got.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got (accept with -update):\n%s", d)
	}
}

func TestChooseNamesTheFixThatMatters(t *testing.T) {
	fixes := func(a coach.Assessment, earlier ...coach.Lesson) []string {
		var out []string
		for _, c := range prompts.Choose(a, earlier) {
			if prompts.IsFix(c) {
				out = append(out, strings.TrimSpace(fmt.Sprint(c.Kind, " ", c.Expected, " ", c.Heard)))
			}
		}
		return out
	}
	s := "I think the red light is very big"
	both := wrong(wrong(say(s), 1, 0, coach.Worst, "S"), 4, 0, coach.Average, "R")
	many := wrong(wrong(wrong(say(s), 3, 0, coach.Bad, "L"), 4, 0, coach.Bad, "R"), 6, 0, coach.Bad, "W")
	doubt := say(s)
	doubt.Words[4].Phones[0].Accuracy = coach.Judgement{Label: coach.Average, Score: 1.3, Confidence: .3}
	small := wrong(say(s), 2, 1, coach.Average, "")
	small.Words[2].Accuracy = sure(coach.Good, 10)
	halting := overall(say(s), coach.Excellent, coach.Bad, coach.Good)
	paused := overall(say(s), coach.Excellent, coach.Bad, coach.Good)
	paused.Pauses = []coach.Pause{{After: 3, Span: coach.Span{Start: 1, End: 2}}, {After: 7, Span: coach.Span{Start: 3, End: 9}}, {After: -1}}
	alone := say(s)
	alone.Sentence.Accuracy = sure(coach.Bad, 10)
	for name, c := range map[string]struct {
		a    coach.Assessment
		want []string
	}{
		"th comes after a lesser flaw":                 {both, []string{"phone L R", "phone TH S"}},
		"th comes alone where there is nothing else":   {wrong(say(s), 1, 0, coach.Worst, "F"), []string{"phone TH F"}},
		"never more than two, by functional load":      {many, []string{"phone R L", "phone L R"}},
		"nothing for what is hardly believed":          {doubt, nil},
		"nothing for a small word that is nearly good": {small, nil},
		"the flow, where it is weakest":                {halting, []string{"sentence"}},
		"the longest pause inside the sentence":        {paused, []string{"pause"}},
		"the sounds as a whole, where none stands out": {alone, []string{"sentence"}},
		"nothing in speech without a flaw":             {say(s), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, fixes(c.a)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestChooseChangesTheCueWhenAFixComesBack(t *testing.T) {
	a := wrong(say("the red light is big"), 2, 0, coach.Bad, "R")
	lessons := read(a, a, a, a, a, a, a, a)
	var cues []string
	for _, l := range slices.Backward(lessons) {
		for _, c := range l.Rationale.Claims {
			if c.Kind == coach.ClaimCue {
				cues = append(cues, c.Text)
			}
		}
	}
	if len(cues) != 8 || !strings.Contains(cues[2], "“light” or “right”") || !strings.Contains(cues[3], "teacher") || !strings.Contains(cues[7], "teacher") {
		t.Errorf("cues %q", cues)
	}
	for i := 1; i < len(cues); i++ {
		if cues[i] == cues[i-1] {
			t.Errorf("the same cue twice: %q", cues[i])
		}
	}
}

func TestChooseClaimsOnlyARealChange(t *testing.T) {
	s := "the red light is big"
	bad := wrong(say(s), 2, 0, coach.Bad, "R")
	noise := wrong(say(s), 2, 0, coach.Good, "")
	noise.Words[2].Phones[0].Accuracy.Score = bad.Words[2].Phones[0].Accuracy.Score + .1
	still := wrong(say(s), 2, 0, coach.Average, "R")
	other := wrong(say("she asked for three sheep"), 1, 2, coach.Bad, "G")
	for name, c := range map[string]struct {
		notes []coach.Assessment
		want  bool
	}{
		"a mended sound":                   {[]coach.Assessment{bad, say(s)}, true},
		"a mended sound, a lesson between": {[]coach.Assessment{bad, other, say(s)}, true},
		"a step within the noise":          {[]coach.Assessment{bad, noise}, false},
		"a step that isn't Good yet":       {[]coach.Assessment{bad, still}, false},
		"the first note":                   {[]coach.Assessment{say(s)}, false},
		"the sound in another sentence":    {[]coach.Assessment{wrong(say("it is enough"), 2, 2, coach.Bad, "AA"), say("she asked enough")}, true},
		"the weak vowel for the short u":   {[]coach.Assessment{wrong(say("it is enough"), 2, 2, coach.Bad, "AA"), say("it is important")}, false},
		"the flow, a class up":             {[]coach.Assessment{overall(say(s), 5, 2, 5), overall(say(s), 5, 4, 5)}, true},
		"worse than last time":             {[]coach.Assessment{say(s), bad}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.ContainsFunc(read(c.notes...)[0].Rationale.Claims, func(c coach.Claim) bool { return c.Kind == coach.ClaimChange })
			if got != c.want {
				t.Errorf("change claimed: %t", got)
			}
		})
	}
}

// Whatever the labels are, even where they contradict themselves.
func TestEveryReplyHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	longest := 0
	for n := range 4000 {
		a := random(r)
		var earlier []coach.Lesson
		for range 1 + n%6 {
			l := answer(a, earlier)
			holds(t, l, earlier)
			if again := answer(a, earlier); again.Rationale.Text != l.Rationale.Text {
				t.Errorf("not deterministic: %q and %q", l.Rationale.Text, again.Rationale.Text)
			}
			longest = max(longest, prompts.Words(l.Rationale.Text))
			earlier = append([]coach.Lesson{l}, earlier...)
			if n%2 == 0 {
				a = random(r)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("longest: %d words", longest)
}

func holds(t *testing.T, l coach.Lesson, earlier []coach.Lesson) {
	t.Helper()
	a, text := l.Assessment, l.Rationale.Text
	fixes, strengths, nexts := 0, 0, 0
	for i, c := range l.Rationale.Claims {
		if c.ID != fmt.Sprintf("c%d", i+1) {
			t.Errorf("claim %d is called %s", i, c.ID)
		}
		j, on := judgementOf(c, a)
		switch {
		case prompts.IsFix(c):
			fixes++
			if on && (j.Label > coach.Average || j.Label == coach.Unscored) {
				t.Errorf("blames %s: %+v", j.Label, c)
			}
			if i+1 >= len(l.Rationale.Claims) || l.Rationale.Claims[i+1].Kind != coach.ClaimCue || l.Rationale.Claims[i+1].Text == "" {
				t.Errorf("a fix without a cue: %+v", c)
			}
		case c.Kind == coach.ClaimStrength, c.Kind == coach.ClaimChange:
			if c.Kind == coach.ClaimStrength {
				strengths++
			}
			if on && j.Label < coach.Average {
				t.Errorf("praises %s: %+v", j.Label, c)
			}
		case c.Kind == coach.ClaimNext:
			nexts++
			if c.Phone != nil {
				for i, w := range a.Words {
					for j, p := range w.Phones {
						least := a.Words[*c.Word].Phones[*c.Phone].Accuracy.Score
						if w.Spoken && !prompts.FunctionWord(w.Text) && p.Accuracy.Scored() && p.Accuracy.Score <= least && (i != *c.Word || j != *c.Phone) {
							t.Errorf("polishes %+v, but %+v is no clearer", c, p)
						}
					}
				}
				slip := !a.Words[*c.Word].Phones[*c.Phone].Accuracy.Label.Clear()
				if fixes > 0 || a.Sentence.Accuracy.Label != coach.Good && (!slip || a.Sentence.Accuracy.Label != coach.Excellent) {
					t.Errorf("polishes beside %d fixes what is %+v", fixes, a.Sentence.Accuracy)
				}
			}
			if doubt := c.Aspect != ""; doubt != (fixes == 0 && prompts.Doubtful(a)) || doubt && !strings.Contains(c.Text, "not sure") {
				t.Errorf("%d fixes, doubtful %t: %+v", fixes, prompts.Doubtful(a), c)
			}
		}
		if on && c.Kind != coach.ClaimCue && c.Kind != coach.ClaimNext && (c.Label != j.Label || c.Confidence != j.Confidence) {
			t.Errorf("claim %+v is not borne out by %+v", c, j)
		}
	}
	// A display marks this word as one to work on: the text can't say that
	// there is nothing to correct.
	for _, w := range a.Words {
		if w.Spoken && w.Accuracy.Scored() && !w.Accuracy.Label.Clear() && w.Accuracy.Confidence >= coach.Sure && fixes == 0 {
			t.Errorf("nothing is to be mended, but %q is %+v", w.Text, w.Accuracy)
		}
	}
	if fixes > 2 || strengths > 1 || nexts != 1 {
		t.Errorf("%d fixes, %d strengths, %d next steps", fixes, strengths, nexts)
	}
	if n := prompts.Words(text); n < 5 || n > prompts.MaxWords {
		t.Errorf("%d words: %q", n, text)
	}
	if len(earlier) > 0 && text == earlier[0].Rationale.Text {
		t.Errorf("the same twice running: %q", text)
	}
	for _, bad := range []string{"native", "accent", "  ", "“”", "//", "%!", " .", "<", "@"} {
		if strings.Contains(strings.ToLower(text), bad) {
			t.Errorf("%q in %q", bad, text)
		}
	}
}

// judgementOf reads a claim's label off the assessment, independently of Choose;
// false for a claim that rests on none.
func judgementOf(c coach.Claim, a coach.Assessment) (coach.Judgement, bool) {
	switch {
	case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext:
		return coach.Judgement{}, false
	case c.Kind == coach.ClaimPause:
		return a.Sentence.Fluency, true
	case c.Phone != nil:
		return a.Words[*c.Word].Phones[*c.Phone].Accuracy, true
	case c.Word != nil && c.Aspect == coach.Stress:
		return a.Words[*c.Word].Stress, true
	case c.Word != nil && c.Heard == coach.Missing:
		return coach.Judgement{}, false
	case c.Word != nil:
		return a.Words[*c.Word].Accuracy, true
	}
	return a.Sentence.Of(c.Aspect), true
}

// One learner reads twenty notes. However alike they are, no two texts are, nor
// do two running begin alike, and the third lesson back is not repeated sentence
// by sentence.
func TestRepliesVaryOverTwentyNotes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	flawed := wrong(say("the red light is big"), 2, 0, coach.Bad, "R")
	halting := overall(say("we walked home together"), coach.Good, coach.Bad, coach.Good)
	poor := overall(say("the statistics measure the city"), coach.Worst, coach.Bad, coach.Bad)
	for i := range poor.Words {
		poor.Words[i].Accuracy = sure(coach.Worst, 10)
	}
	for name, note := range map[string]func(int) coach.Assessment{
		"of one sentence with the same flaw":      func(int) coach.Assessment { return flawed },
		"of one sentence without a flaw":          func(int) coach.Assessment { return say("I think it is important") },
		"of a sentence that halts":                func(int) coach.Assessment { return halting },
		"of a sentence in which nothing is right": func(int) coach.Assessment { return poor },
		"of two sentences in turn": func(i int) coach.Assessment {
			return []coach.Assessment{flawed, halting}[i%2]
		},
		"of anything": func(int) coach.Assessment { return random(r) },
	} {
		t.Run(name, func(t *testing.T) {
			var notes []coach.Assessment
			for i := range 20 {
				notes = append(notes, note(i))
			}
			seen := map[string]bool{}
			last := ""
			for _, l := range slices.Backward(read(notes...)) {
				text := l.Rationale.Text
				if seen[text] {
					t.Errorf("said twice: %q", text)
				}
				seen[text] = true
				begins := strings.Join(strings.Fields(text)[:3], " ")
				if begins == last {
					t.Errorf("two running begin with %q", begins)
				}
				last = begins
			}
		})
	}
}

func TestChooseClaimsThePauseThatBreaksMost(t *testing.T) {
	halting := func(text string, pauses ...coach.Pause) coach.Assessment {
		a := overall(say(strings.NewReplacer(",", "", ";", "").Replace(text)), coach.Excellent, coach.Bad, coach.Good)
		a.Text, a.Pauses = text, pauses
		return a
	}
	pause := func(after int, seconds float64) coach.Pause {
		return coach.Pause{After: after, Span: coach.Span{Start: 1, End: 1 + seconds}}
	}
	for name, c := range map[string]struct {
		a    coach.Assessment
		kind coach.ClaimKind
		word int
	}{
		"the longest":                             {halting("she asked for three sheep", pause(0, .4), pause(3, .9)), coach.ClaimPause, 3},
		"rather after a small word":               {halting("she asked for three sheep", pause(1, 1), pause(2, .9)), coach.ClaimPause, 2},
		"not where a comma asks for one":          {halting("I think, it is important", pause(1, 2), pause(3, .5)), coach.ClaimPause, 3},
		"none too short to notice":                {halting("she asked for three sheep", pause(1, .3)), coach.ClaimSentence, -1},
		"none after the last word":                {halting("she asked for three sheep", pause(4, 2)), coach.ClaimSentence, -1},
		"none where every pause has its own mark": {halting("I think; it is important", pause(1, 2)), coach.ClaimSentence, -1},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range prompts.Choose(c.a, nil) {
				if !prompts.IsFix(f) {
					continue
				}
				at := -1
				if f.Word != nil {
					at = *f.Word
				}
				if f.Kind != c.kind || at != c.word {
					t.Errorf("%s after word %d, want %s after %d", f.Kind, at, c.kind, c.word)
				}
				return
			}
			t.Error("no fix")
		})
	}
}
