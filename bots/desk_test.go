package bots_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

const ada coach.LearnerID = "discord.user.1"

// read is a lesson of a sentence of the bank, in which all is clear but the
// weak sounds.
func read(n int, s prompts.Sentence, weak ...coach.Phoneme) coach.Lesson {
	good := coach.Judgement{Label: coach.Good, Score: 8, Confidence: .95}
	a := coach.Assessment{
		Model: "m", Text: s.Text, Seconds: 3,
		Sentence: coach.SentenceJudgements{Accuracy: good, Fluency: good, Prosody: good, Completeness: good},
	}
	for i, w := range strings.Fields(s.Text) {
		word := coach.Word{Text: strings.Trim(w, ".,?!"), Spoken: true, Accuracy: good, Stress: good, Span: coach.Span{Start: float64(i), End: float64(i) + .9}}
		for _, p := range s.Phonemes[i] {
			sound, _ := prompts.SoundOf(p)
			phone := coach.Phone{Expected: p, IPA: sound.IPA, Accuracy: coach.Judgement{Label: coach.Good, Score: 1.9, Confidence: .95}, Span: word.Span}
			if slices.Contains(weak, p) {
				heard := coach.Phoneme("S")
				phone.Heard, phone.Accuracy = &heard, coach.Judgement{Label: coach.Bad, Score: .6, Confidence: .9}
				word.Accuracy = coach.Judgement{Label: coach.Average, Score: 6, Confidence: .9}
			}
			word.Phones = append(word.Phones, phone)
		}
		a.Words = append(a.Words, word)
	}
	claims := prompts.Choose(a, nil)
	return coach.Lesson{
		Note: coach.NoteID(fmt.Sprint("discord.", n)), At: time.Now().Add(time.Duration(n-100) * time.Minute), Assessment: a,
		Rationale: coach.Rationale{Text: prompts.Realise(claims, a, nil), Source: coach.SourcePlain, Claims: claims},
	}
}

// with returns n sentences of the bank that have the sound.
func with(p coach.Phoneme, n int) []prompts.Sentence {
	all := slices.DeleteFunc(prompts.Sentences(), func(s prompts.Sentence) bool { return s.Count(p) == 0 })
	return all[:n]
}

// lisper has a chat remember n notes of Ada's with every th weak.
func lisper(t *testing.T, c *chat, n int) []coach.Lesson {
	t.Helper()
	var all []coach.Lesson
	for i, s := range with("TH", n) {
		all = append(all, read(i, s, "TH"))
		if err := c.Remember(t.Context(), ada, all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func asks(a coach.Action, values ...string) coach.Command {
	c := coach.Command{Action: a, Learner: ada, Place: here, Thread: "t", Values: map[string]string{}}
	for i := 0; i+1 < len(values); i += 2 {
		c.Values[values[i]] = values[i+1]
	}
	return c
}

func of(a coach.Action, note coach.NoteID, values ...string) coach.Command {
	c := asks(a, values...)
	c.Note = note
	return c
}

// press is the command of a button.
func press(b coach.Button, who coach.LearnerID) coach.Command {
	return coach.Command{Action: b.Action, Note: b.Note, Learner: who, Place: here, Values: map[string]string{b.Name: b.Value}}
}

func TestPracticeChoosesForTheLearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		a := c.do(t, asks(coach.ActPractice))
		if a.Sentence == "" || !a.Public || !strings.Contains(a.Text(), a.Sentence) {
			t.Errorf("a beginner gets %+v", a)
		}
		lisper(t, c, 4)
		seen, th := map[string]int{}, 0
		for range 12 {
			a := c.do(t, asks(coach.ActPractice))
			seen[a.Sentence]++
			at := slices.IndexFunc(prompts.Sentences(), func(s prompts.Sentence) bool { return s.Text == a.Sentence })
			if at < 0 {
				t.Fatalf("%q is not in the bank", a.Sentence)
			}
			th += prompts.Sentences()[at].Count("TH")
			if got, err := c.desk.Prompt(t.Context(), ada); err != nil || got != a.Sentence {
				t.Errorf("open prompt: %q, %v; want %q", got, err, a.Sentence)
			}
		}
		if len(seen) != 12 {
			t.Errorf("12 prompts were %d sentences: one came twice", len(seen))
		}
		if th < 18 {
			t.Errorf("12 sentences for who has trouble with th have %d of them", th)
		}
		time.Sleep(24 * time.Hour)
		if got, err := c.desk.Prompt(t.Context(), ada); err != nil || got != "" {
			t.Errorf("a day later the prompt %q is open, %v", got, err)
		}
		if got, err := c.desk.Prompt(t.Context(), "another"); err != nil || got != "" {
			t.Errorf("another learner's prompt: %q, %v", got, err)
		}
	})
}

func TestPracticeTakesLevelAndSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		for _, level := range prompts.Levels() {
			for _, sound := range prompts.PracticeSounds() {
				a := c.do(t, asks(coach.ActPractice, "level", level.Value, "sound", sound.Value))
				at := slices.IndexFunc(prompts.Sentences(), func(s prompts.Sentence) bool { return s.Text == a.Sentence })
				if s := prompts.Sentences()[at]; s.Level != level.Value || s.Count(coach.Phoneme(strings.ToUpper(sound.Value))) == 0 {
					t.Errorf("%s, %s: %q is of %s", level.Value, sound.Value, s.Text, s.Level)
				}
				if b := a.Buttons[len(a.Buttons)-1]; b.Action != coach.ActPractice || b.Value != sound.Value {
					t.Errorf("button: %+v", b)
				}
			}
		}
		for _, wrong := range [][]string{{"level", "d7"}, {"sound", "qq"}, {"sound", "th", "level", "x"}} {
			if a := c.do(t, asks(coach.ActPractice, wrong...)); a.Sentence != "" || a.Text() != prompts.NoSuchPractice() {
				t.Errorf("%v: %+v", wrong, a)
			}
		}
		c.do(t, asks(coach.ActSettings, "level", "c1", "replies", "me"))
		a := c.do(t, asks(coach.ActPractice))
		at := slices.IndexFunc(prompts.Sentences(), func(s prompts.Sentence) bool { return s.Text == a.Sentence })
		if prompts.Sentences()[at].Level != "c1" || a.Public {
			t.Errorf("settings say c1 and only to me: %+v", a)
		}
	})
}

// speaker is a model voice.
type speaker struct {
	err    error
	spoken []string
}

func (s *speaker) Speak(_ context.Context, text string) (coach.File, error) {
	s.spoken = append(s.spoken, text)
	return coach.File{Name: "voice.mp3", ContentType: "audio/mpeg", Data: []byte("ID3 " + text)}, s.err
}

func TestButtonsUnderAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		voice := &speaker{}
		c.desk.Voice = voice
		lessons := lisper(t, c, 2)
		l := lessons[0]
		{ // details have every word, phone and what was heard
			text := c.do(t, of(coach.ActDetails, l.Note)).Text()
			for _, w := range l.Assessment.Words {
				if !strings.Contains(text, w.Text+": ") {
					t.Errorf("nothing of %q in:\n%s", w.Text, text)
				}
			}
			for _, want := range []string{"/θ/ ! sounded like /s/", "about 60 words a minute"} {
				if !strings.Contains(text, want) {
					t.Errorf("nothing of %q in:\n%s", want, text)
				}
			}
		}
		{ // another try opens the sentence as a prompt
			a := c.do(t, of(coach.ActAgain, l.Note))
			got, err := c.desk.Prompt(t.Context(), ada)
			if err != nil || got != l.Assessment.Text || a.Sentence != got || !a.Public {
				t.Errorf("prompt %q, %v; answer %+v", got, err, a)
			}
		}
		{ // the model voice speaks the note's sentence, and the prompt's
			a := c.do(t, of(coach.ActHear, lessons[1].Note))
			if len(a.Files) != 1 || string(a.Files[0].Data) != "ID3 "+lessons[1].Assessment.Text {
				t.Errorf("%+v", a)
			}
			if a = c.do(t, asks(coach.ActHear)); len(a.Files) != 1 || string(a.Files[0].Data) != "ID3 "+l.Assessment.Text {
				t.Errorf("%+v", a)
			}
			voice.err = errOurs
			if a = c.do(t, asks(coach.ActHear)); len(a.Files) != 0 || a.Text() != prompts.NoVoice() {
				t.Errorf("%+v", a)
			}
			c.desk.Voice = nil
			if a = c.do(t, asks(coach.ActHear)); a.Text() != prompts.NoVoice() {
				t.Errorf("%+v", a)
			}
		}
		{ // nobody else gets anything out of them
			for _, action := range []coach.Action{coach.ActDetails, coach.ActAgain, coach.ActHear, coach.ActDispute} {
				cmd := of(action, l.Note)
				cmd.Learner = "discord.user.2"
				if a := c.do(t, cmd); strings.Contains(a.Text(), l.Assessment.Text) || a.Sentence != "" || len(a.Files) > 0 || len(a.Buttons) > 0 || a.Text() == "" {
					t.Errorf("%s: %+v", action, a)
				}
			}
			if d, err := c.desk.Disputes(t.Context(), ""); err != nil || len(d) != 0 {
				t.Errorf("disputes: %v, %v", d, err)
			}
		}
		n := chatNote(0)
		live(t, c, []coach.VoiceNote{n}, nil)
		b := c.replies[n.ID][1].Buttons[0]
		if a := c.do(t, press(b, "another")); a.Text() != prompts.NotYours() {
			t.Errorf("somebody else's: %q", a.Text())
		}
		if a := c.do(t, press(b, n.Learner)); a.Text() == prompts.NotYours() || a.Text() == prompts.NoteGone() {
			t.Errorf("their own: %q", a.Text())
		}
	})
}

func TestDisputes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		l := lisper(t, c, 1)[0]
		a := c.do(t, of(coach.ActDispute, l.Note))
		if len(a.Buttons) < 2 || len(a.Buttons) > 5 || a.Buttons[len(a.Buttons)-1].Value != "other" {
			t.Fatalf("asked: %+v", a)
		}
		fix := slices.IndexFunc(l.Rationale.Claims, func(c coach.Claim) bool { return c.Kind == coach.ClaimPhone })
		claim := l.Rationale.Claims[fix]
		at := slices.IndexFunc(a.Buttons, func(b coach.Button) bool { return b.Value == claim.ID })
		if at < 0 {
			t.Fatalf("the fix can't be disputed: %+v", a.Buttons)
		}
		for range 2 { // pressed twice
			if a := c.do(t, press(a.Buttons[at], ada)); a.Text() != prompts.DisputeThanks() {
				t.Errorf("told %q", a.Text())
			}
		}
		c.do(t, press(a.Buttons[len(a.Buttons)-1], ada))
		if a := c.do(t, of(coach.ActDispute, l.Note, "claim", "c99")); a.Text() != prompts.NotUnderstood() {
			t.Errorf("a claim that was not made: %q", a.Text())
		}
		got, err := c.desk.Disputes(t.Context(), here)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(x, y bots.Dispute) int { return strings.Compare(x.Claim, y.Claim) })
		now := time.Now().UTC()
		want := []bots.Dispute{
			{
				Place: here, Note: l.Note, Claim: claim.ID, Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Label: coach.Bad,
				Confidence: .9, Expected: "TH", Heard: "S", Model: "m", At: now,
			},
			{Place: here, Note: l.Note, Claim: "other", Model: "m", At: now},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("disputes (-want +got):\n%s", d)
		}
		if elsewhere, err := c.desk.Disputes(t.Context(), "discord.guild.2"); err != nil || len(elsewhere) != 0 {
			t.Errorf("elsewhere: %v, %v", elsewhere, err)
		}
		all, err := c.lasting.List(t.Context(), "dispute.")
		if err != nil {
			t.Fatal(err)
		}
		for key, b := range all {
			if strings.Contains(key+string(b), string(ada)) || strings.Contains(string(b), l.Assessment.Text) {
				t.Errorf("a dispute tells who said it, or what: %s", b)
			}
		}
	})
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		drawn := 0
		c.desk.Picture = func(tr prompts.Trend) (*coach.Picture, error) {
			if drawn++; drawn > 2 {
				return nil, errOurs
			}
			return &coach.Picture{PNG: []byte("png"), Alt: fmt.Sprint(tr.Notes, " notes")}, nil
		}
		if a := c.do(t, asks(coach.ActProgress)); a.Public || a.Picture != nil || !strings.Contains(a.Text(), prompts.NothingYet()) {
			t.Errorf("nothing yet: %+v", a)
		}
		lisper(t, c, 5)
		a := c.do(t, asks(coach.ActProgress))
		if a.Public || a.Picture == nil || a.Picture.Alt != "5 notes" || !strings.Contains(a.Text(), "/θ/") {
			t.Errorf("five notes: %+v", a)
		}
		home := c.do(t, asks(coach.ActHome))
		if !strings.Contains(home.Text(), "/θ/") || len(home.Choices) != 4 || home.Buttons[0].Action != coach.ActPractice {
			t.Errorf("home: %+v", home)
		}
		c.do(t, asks(coach.ActProgress))
		if a := c.do(t, asks(coach.ActProgress)); a.Picture != nil || !strings.Contains(a.Text(), "/θ/") {
			t.Errorf("without its picture: %+v", a)
		}
		other := asks(coach.ActProgress)
		other.Learner = "another"
		if a := c.do(t, other); strings.Contains(a.Text(), "/θ/") {
			t.Error("another learner sees Ada's progress")
		}
	})
}

// now returns the values of choices by name.
func now(choices []coach.Choice) map[string]string {
	values := map[string]string{}
	for _, ch := range choices {
		values[ch.Name] = ch.Value
	}
	return values
}

func TestSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		want := map[string]string{"explanations": "full", "replies": "place", "level": "auto", "consent": "yes"}
		if d := cmp.Diff(want, now(c.do(t, asks(coach.ActSettings)).Choices)); d != "" {
			t.Errorf("at first (-want +got):\n%s", d)
		}
		for _, choice := range c.do(t, asks(coach.ActSettings)).Choices {
			for _, o := range append(choice.Options, choice.Options[0]) {
				a := c.do(t, asks(coach.ActSettings, choice.Name, o.Value))
				want[choice.Name] = o.Value
				if d := cmp.Diff(want, now(a.Choices)); d != "" || !strings.Contains(a.Text(), o.Label) {
					t.Errorf("%s %s: %s (-want +got):\n%s", choice.Name, o.Value, a.Text(), d)
				}
				if d := cmp.Diff(want, now(c.do(t, asks(coach.ActSettings)).Choices)); d != "" {
					t.Errorf("%s %s is not kept (-want +got):\n%s", choice.Name, o.Value, d)
				}
			}
		}
		for _, wrong := range [][]string{{"replies", "everyone"}, {"level", "a2", "explanations", "long"}} {
			if a := c.do(t, asks(coach.ActSettings, wrong...)); a.Text() != prompts.NotUnderstood() {
				t.Errorf("%v: %q", wrong, a.Text())
			}
		}
		if d := cmp.Diff(want, now(c.do(t, asks(coach.ActSettings)).Choices)); d != "" {
			t.Errorf("what is wrong changed something (-want +got):\n%s", d)
		}
	})
}

// TestOptedOut says no by the settings, and yes again.
func TestOptedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		n := chatNote(0)
		set := func(value string) {
			cmd := asks(coach.ActSettings, "consent", value)
			cmd.Learner = n.Learner
			c.do(t, cmd)
		}
		set("no")
		live(t, c, []coach.VoiceNote{n}, nil)
		wantKinds(t, c, n)
		if c.calls["open"] != 0 {
			t.Error("fetched all the same")
		}
		set("yes")
		n = chatNote(3)
		live(t, c, []coach.VoiceNote{n}, nil)
		wantKinds(t, c, n, coach.ReplyCoaching)
	})
}

func TestSetup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.desk.Defaults = coach.Rules{RetentionDays: 90, PerMinute: 6, PerDay: 60, MinimumAge: 14}
		setup := func(values ...string) coach.Answer {
			cmd := asks(coach.ActSetup, values...)
			cmd.Admin = true
			return c.do(t, cmd)
		}
		if a := c.do(t, asks(coach.ActSetup, "consent", "opt_in")); a.Text() != prompts.NotAllowed() {
			t.Errorf("anyone: %q", a.Text())
		}
		cmd := asks(coach.ActSetup)
		cmd.Admin, cmd.Place = true, ""
		if a, err := c.desk.Do(t.Context(), cmd); err != nil || a.Text() != prompts.NoPlace() {
			t.Errorf("nowhere: %q, %v", a.Text(), err)
		}
		rules := func() coach.Rules {
			t.Helper()
			r, err := c.desk.Rules(t.Context(), here)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		want := coach.Rules{Consent: coach.ConsentNotice, MinimumAge: 14, RetentionDays: 90, PerMinute: 6, PerDay: 60}
		if d := cmp.Diff(want, rules()); d != "" {
			t.Errorf("at first (-want +got):\n%s", d)
		}
		for _, set := range []struct {
			name, value string
			change      func()
		}{
			{"channels", "123,456", func() { want.Channels = []string{"123", "456"} }},
			{"consent", "opt_in", func() { want.Consent = coach.ConsentOptIn }},
			{"consent", "notice", func() { want.Consent = coach.ConsentNotice }},
			{"minimum_age", "18", func() { want.MinimumAge = 18 }},
			{"minimum_age", "0", func() { want.MinimumAge = 14 }},
			{"retention", "30", func() { want.RetentionDays = 30 }},
			{"per_minute", "2", func() { want.PerMinute = 2 }},
			{"per_day", "10", func() { want.PerDay = 10 }},
			{"per_day", "0", func() { want.PerDay = 60 }},
			{"replies", "private", func() { want.Private = true }},
			{"replies", "public", func() { want.Private = false }},
			{"channels", "", func() { want.Channels = nil }},
		} {
			set.change()
			a := setup(set.name, set.value)
			if d := cmp.Diff(want, rules()); d != "" {
				t.Errorf("%s %s: %s (-want +got):\n%s", set.name, set.value, a.Text(), d)
			}
			if got := now(setup().Choices)[set.name]; got != set.value {
				t.Errorf("%s shows %q, want %q", set.name, got, set.value)
			}
		}
		for _, wrong := range [][]string{{"retention", "365"}, {"per_day", "1000000"}, {"per_minute", "-1"}, {"minimum_age", "13"}, {"channels", "a b"}, {"channels", ",,"}, {"replies", "x"}} {
			if a := setup(wrong...); a.Text() != prompts.NotUnderstood() {
				t.Errorf("%v: %q", wrong, a.Text())
			}
		}
		if d := cmp.Diff(want, rules()); d != "" {
			t.Errorf("what is wrong changed something (-want +got):\n%s", d)
		}
		{ // holds on other machines within seconds
			other := bots.NewDesk(c, c, c, c.lasting, c.passing)
			other.Defaults = c.desk.Defaults
			if _, err := other.Rules(t.Context(), here); err != nil {
				t.Fatal(err)
			}
			setup("retention", "7")
			time.Sleep(5 * time.Second)
			if r, err := other.Rules(t.Context(), here); err != nil || r.RetentionDays != 7 {
				t.Errorf("rules there: %+v, %v", r, err)
			}
		}
		{ // holds for who sends too many
			in := bots.NewIntake(c)
			in.Rules = c.desk.Rules
			for i := range 2 {
				if err := in.Accept(t.Context(), chatNote(3*i)); err != nil {
					t.Error(err)
				}
			}
			err := in.Accept(t.Context(), chatNote(6))
			if busy := (*coach.Busy)(nil); !errors.As(err, &busy) || c.desk.Words(err) != prompts.TooMany(busy.For) {
				t.Errorf("the third in a minute: %v, %q", err, c.desk.Words(err))
			}
			elsewhere := chatNote(1)
			elsewhere.Place = "discord.guild.2"
			for i := range 6 {
				elsewhere.ID = coach.NoteID(fmt.Sprint("discord.", i))
				if err := in.Accept(t.Context(), elsewhere); err != nil {
					t.Errorf("elsewhere: %v", err)
				}
			}
		}
	})
}

func TestPrivacyTellsWhatHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.desk.Facts = prompts.PrivacyFacts{DeadLetterDays: 20}
		c.do(t, coach.Command{Action: coach.ActSetup, Learner: "owner", Admin: true, Values: map[string]string{"retention": "30", "minimum_age": "16"}})
		text := c.do(t, asks(coach.ActPrivacy)).Text()
		for _, want := range []string{"30 days", "20 days", "7 days", "365 days", "60 days", "16 or older"} {
			if !strings.Contains(text, want) {
				t.Errorf("no word of %q in:\n%s", want, text)
			}
		}
		if strings.Contains(text, "language model") {
			t.Errorf("there is no language model elsewhere:\n%s", text)
		}
		c.desk.Facts.WordsElsewhere = true
		if text := c.do(t, asks(coach.ActPrivacy)).Text(); !strings.Contains(text, "language model") {
			t.Errorf("no word of the language model:\n%s", text)
		}
		n := chatNote(0)
		live(t, c, []coach.VoiceNote{n}, nil)
		if text := c.replies[n.ID][0].Text; !strings.Contains(text, "30 days") || !strings.Contains(text, "16 or older") || !strings.Contains(text, "language model") {
			t.Errorf("the notice: %s", text)
		}
	})
}

func TestWords(t *testing.T) {
	d := newChat().desk
	for err, want := range map[error]string{
		fmt.Errorf("x: %w", coach.ErrNoSpeech): prompts.Advice(coach.ErrNoSpeech),
		errOurs:                                prompts.Apology(),
		fmt.Errorf("x: %w", &coach.Busy{For: time.Hour, Cause: errOurs}): prompts.Busy(time.Hour),
	} {
		if got := d.Words(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
