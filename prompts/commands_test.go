package prompts_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// learnersMonth is a learner's notes, newest first: their th becomes clear,
// their r does not, and fluency rises.
func learnersMonth(n int) []coach.Lesson {
	var lessons []coach.Lesson
	at := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)
	for i := range n {
		a := say("I think the red three is very big")
		fluency := coach.Average
		if i >= n/2 {
			fluency = coach.Good
		} else {
			a = wrong(wrong(a, 1, 0, coach.Bad, "S"), 4, 0, coach.Bad, "S")
		}
		a = wrong(a, 3, 0, coach.Average, "")
		a = overall(a, coach.Average, fluency, coach.Good)
		if i%5 == 4 {
			a.Sentence.Prosody.Confidence = .5
		}
		lessons = append([]coach.Lesson{{Note: coach.NoteID(fmt.Sprint(i)), At: at.AddDate(0, 0, 2*i), Assessment: a}}, lessons...)
	}
	return lessons
}

func detailed() coach.Assessment {
	a := say("She asked for three very important statistics")
	a = wrong(a, 3, 0, coach.Bad, "S")
	a = wrong(a, 6, 9, coach.Worst, coach.Missing)
	a = wrong(a, 4, 0, coach.Average, "")
	a.Words[2].Accuracy.Confidence = .4
	a.Words[5].Stress = sure(coach.Bad, 10)
	a.Words[0] = coach.Word{Text: "She"}
	a.Pauses = []coach.Pause{{After: 4, Span: coach.Span{Start: 1, End: 1.84}}}
	return overall(a, coach.Average, coach.Bad, coach.Excellent)
}

func section(text string) []coach.Section { return []coach.Section{{Text: text}} }

func choices(cs []coach.Choice) []coach.Section {
	var all []coach.Section
	for _, c := range cs {
		var lines []string
		for _, o := range c.Options {
			lines = append(lines, fmt.Sprintf("%s: %s", o.Value, o.Label))
		}
		all = append(all, coach.Section{Heading: fmt.Sprintf("%s = %s (%s)", c.Name, c.Value, c.Label), Text: strings.Join(lines, "\n")})
	}
	return all
}

// everyAnswer is every text of a command, by name.
func everyAnswer() map[string][]coach.Section {
	facts := prompts.PrivacyFacts{
		Consent: coach.ConsentNotice, MinimumAge: 16, RetentionDays: 90, WaitDays: 7, DeadLetterDays: 30, DisputeDays: 365,
		WordsElsewhere: true, SpeechElsewhere: true, Contact: "Ask the teachers in #help.",
	}
	least := prompts.PrivacyFacts{Consent: coach.ConsentOptIn, RetentionDays: 1}
	service := coach.Rules{Consent: coach.ConsentNotice, RetentionDays: 90, PerMinute: 6, PerDay: 60}
	strict := coach.Rules{Consent: coach.ConsentOptIn, MinimumAge: 16, RetentionDays: 14, Private: true}
	a := detailed()
	s := prompts.Pick("b1", map[coach.Phoneme]float64{"TH": 1}, nil, 1)
	var disputes []coach.Section
	for _, o := range prompts.DisputeOptions(answer(a, nil).Rationale, a, 6) {
		disputes = append(disputes, coach.Section{Text: o.Value + ": " + o.Label})
	}
	return map[string][]coach.Section{
		"help": prompts.Help(prompts.Menu(), false), "help of an owner": prompts.Help(prompts.Menu(), true),
		"practice": prompts.Practice(s, nil, false), "practice of a sound": prompts.Practice(s, []coach.Phoneme{"TH"}, false),
		"practice of own sounds": prompts.Practice(s, []coach.Phoneme{"TH", "N", "T"}, true), "no such practice": section(prompts.NoSuchPractice()),
		"again": prompts.Again("I think it is important."), "sentence question": section(prompts.SentenceQuestion()),
		"sentence taken": section(prompts.SentenceTaken()), "sentence late": section(prompts.SentenceLate()),
		"hear": section(prompts.Hear("I think it is important.")), "no voice": section(prompts.NoVoice()),
		"nothing yet": section(prompts.NothingYet()), "not yours": section(prompts.NotYours()), "note gone": section(prompts.NoteGone()),
		"not allowed": section(prompts.NotAllowed()), "not understood": section(prompts.NotUnderstood()),
		"busy": section(prompts.Busy(110 * time.Second)), "too many": section(prompts.TooMany(2 * time.Hour)), "exported": section(prompts.Exported()),
		"dispute": append(section(prompts.DisputeQuestion()), disputes...), "dispute thanks": section(prompts.DisputeThanks()),
		"usage":                     {prompts.UsageOf(1, 0, 0, 0, 0, 0), prompts.UsageOf(7, 1, 0, 0, 0, 1), prompts.UsageOf(30, 12345, 678, 9, 10, 1112)},
		"settings":                  append([]coach.Section{prompts.SettingsText()}, choices(prompts.Settings("short", "", "b2", "no"))...),
		"setup":                     append([]coach.Section{prompts.SetupText()}, choices(prompts.Setup(map[string]string{"consent": "opt_in", "retention": "30"}, service))...),
		"setup of a strict service": choices(prompts.Setup(nil, strict)),
		"setting saved":             section(prompts.SettingsSaved(prompts.Settings("short", "", "", "")[0])),
		"privacy":                   prompts.Privacy(facts), "privacy of the least": prompts.Privacy(least),
		"notice": section(prompts.FirstNotice(facts)), "notice of the least": section(prompts.FirstNotice(least)),
		"opt-in": section(prompts.FirstQuestion(facts)), "opt-in of the least": section(prompts.FirstQuestion(least)),
		"consented": append(section(prompts.Consented(true)), section(prompts.Consented(false))...), "declined": section(prompts.Declined()),
		"forget":    append(section(prompts.ForgetQuestion(12)), append(section(prompts.ForgetQuestion(1)), section(prompts.ForgetQuestion(0))...)...),
		"forgotten": section(prompts.Forgotten()), "forget kept": section(prompts.ForgetKept()),
		"details": prompts.Details(a), "details of a clear sentence": prompts.Details(say("I think it is important")),
		"progress": prompts.Progress(prompts.TrendOf(learnersMonth(20), 20)), "progress of one note": prompts.Progress(prompts.TrendOf(learnersMonth(1), 20)),
		"progress of none": prompts.Progress(prompts.TrendOf(nil, 20)),
	}
}

func TestCommandTexts(t *testing.T) {
	all := everyAnswer()
	var b strings.Builder
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text := coach.Answer{Sections: all[name]}.Text()
		fmt.Fprintf(&b, "=== %s\n%s\n\n", name, text)
		if n := utf8.RuneCountInString(text); n == 0 || n > prompts.MaxAnswer {
			t.Errorf("%s: %d characters", name, n)
		}
		if strings.Contains(strings.ToLower(text), "native") {
			t.Errorf("%s speaks of natives", name)
		}
		for line := range strings.Lines(strings.ReplaceAll(text, "! work on", "")) {
			if strings.Count(line, "!") > 0 && !strings.HasPrefix(strings.TrimSpace(line), "!") && !strings.Contains(line, "/ !") {
				t.Errorf("%s shouts: %q", name, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s: blanks end %q", name, line)
			}
		}
	}
	golden(t, "commands.txt", b.String())
}

func TestMenuFitsThePlatforms(t *testing.T) {
	seen := map[coach.Action]bool{}
	for _, e := range prompts.Menu() {
		if seen[e.Action] || e.Description == "" || utf8.RuneCountInString(e.Description) > 100 {
			t.Errorf("%+v", e)
		}
		seen[e.Action] = true
		for _, p := range e.Parameters {
			if p.Name == "" || p.Description == "" || utf8.RuneCountInString(p.Description) > 100 || len(p.Options) > 25 {
				t.Errorf("%s %+v", e.Action, p)
			}
		}
	}
	for _, c := range slices.Concat(prompts.Settings("", "", "", "yes"), prompts.Setup(nil, coach.Rules{}), prompts.Setup(map[string]string{"retention": "9"}, coach.Rules{RetentionDays: 1, MinimumAge: 99})) {
		if c.Name == "" || c.Label == "" || utf8.RuneCountInString(c.Label) > 80 || len(c.Options) > 25 {
			t.Errorf("%+v", c)
		}
		if !c.Channels && !slices.ContainsFunc(c.Options, func(o coach.Option) bool { return o.Value == c.Value }) {
			t.Errorf("%s: %q is none of its options", c.Name, c.Value)
		}
		values := map[string]bool{}
		for _, o := range c.Options {
			if values[o.Value] || len(o.Value) > 24 || strings.Trim(o.Value, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" || o.Label == "" || utf8.RuneCountInString(o.Label) > 70 {
				t.Errorf("%s: %+v", c.Name, o)
			}
			values[o.Value] = true
		}
	}
	if f := prompts.SentenceForm("n"); utf8.RuneCountInString(f.Title) > 24 || utf8.RuneCountInString(f.Label) > 45 || utf8.RuneCountInString(f.Placeholder) > 100 || f.MaxLength <= 0 {
		t.Errorf("%+v", f)
	}
}

// An owner is offered nothing beyond what the service allows.
func TestSetupKeepsToTheService(t *testing.T) {
	for _, c := range prompts.Setup(nil, coach.Rules{Consent: coach.ConsentOptIn, MinimumAge: 16, RetentionDays: 30, PerMinute: 3, PerDay: 20}) {
		var values []string
		for _, o := range c.Options {
			values = append(values, o.Value)
		}
		want := map[string]string{
			"consent": "opt_in", "minimum_age": "0 18 21", "retention": "0 7", "per_minute": "0 1 2", "per_day": "0 5 10", "replies": "public private",
		}[c.Name]
		if got := strings.Join(values, " "); got != want {
			t.Errorf("%s offers %q, want %q", c.Name, got, want)
		}
	}
}

func TestBusySaysWhen(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "a minute", 0: "a minute", 51 * time.Second: "1 minute", 61 * time.Second: "2 minutes", 100 * time.Minute: "100 minutes",
		101 * time.Minute: "2 hours", 37 * time.Hour: "2 days", math.MaxInt64: "42 days",
	} {
		for _, got := range []string{prompts.Busy(d), prompts.TooMany(d)} {
			if !strings.HasSuffix(got, " again in "+want+".") {
				t.Errorf("%s: %q, want %q", d, got, want)
			}
		}
	}
}

func TestTrend(t *testing.T) {
	t.Run("weak sounds and mended ones are told apart", func(t *testing.T) {
		trend := prompts.TrendOf(learnersMonth(20), 20)
		if len(trend.Weak) != 1 || trend.Weak[0].Sound.Phoneme != "R" || trend.Weak[0].ToWork != 20 {
			t.Errorf("weak: %+v", trend.Weak)
		}
		if len(trend.Better) != 1 || trend.Better[0].Sound.Phoneme != "TH" || trend.Better[0].Clear != 20 {
			t.Errorf("better: %+v", trend.Better)
		}
		w := trend.Weights()
		if len(w) != 2 || w["R"] <= w["TH"] {
			t.Errorf("weights %v", w)
		}
		for _, a := range trend.Aspects {
			want := map[coach.Aspect]string{
				coach.Accuracy: "getting there", coach.Fluency: "good, up from getting there", coach.Prosody: "good", coach.Completeness: "excellent",
			}[a.Aspect]
			if got := prompts.AspectNow(a); got != want {
				t.Errorf("%s: %q, want %q", a.Aspect, got, want)
			}
		}
	})
	t.Run("what is not sure counts for nothing", func(t *testing.T) {
		lessons := learnersMonth(6)
		for i := range lessons {
			for w := range lessons[i].Assessment.Words {
				for p := range lessons[i].Assessment.Words[w].Phones {
					lessons[i].Assessment.Words[w].Phones[p].Accuracy.Confidence = .6
				}
			}
			lessons[i].Assessment.Sentence.Accuracy.Confidence = .3
		}
		trend := prompts.TrendOf(lessons, 20)
		if len(trend.Weak)+len(trend.Better) > 0 || trend.Aspects[0].Now() != coach.Unscored || trend.Level() != "a2" {
			t.Errorf("%+v", trend)
		}
	})
	t.Run("the level follows what is clear", func(t *testing.T) {
		for label, want := range map[coach.Label]string{coach.Worst: "a2", coach.Bad: "a2", coach.Average: "b1", coach.Good: "b2", coach.Excellent: "c1"} {
			lessons := learnersMonth(4)
			for i := range lessons {
				lessons[i].Assessment.Sentence.Accuracy = sure(label, 10)
			}
			if got := prompts.TrendOf(lessons, 20).Level(); got != want {
				t.Errorf("%s: %s, want %s", label, got, want)
			}
		}
	})
	t.Run("only the latest notes count", func(t *testing.T) {
		if trend := prompts.TrendOf(learnersMonth(20), 8); trend.Notes != 8 || trend.Weak[0].ToWork != 8 || len(trend.Better) > 0 {
			t.Errorf("%+v", trend)
		}
		if trend := prompts.TrendOf(learnersMonth(3), -1); trend.Notes != 0 {
			t.Errorf("%+v", trend)
		}
	})
}

// Every text keeps to what Discord (2,000) and Slack (3,000) take, whatever the
// learner wrote and however long it is.
func FuzzCommandsFit(f *testing.F) {
	f.Add("I think the red sheep", "contact", 90, 3, .9, int64(time.Minute))
	f.Add(strings.Repeat("the important ", 80), strings.Repeat("ü", 5000), math.MaxInt, math.MinInt, math.NaN(), int64(math.MaxInt64))
	f.Add(strings.Repeat("<@everyone> 25 statistics ", 60), "\u202e", -1, 0, math.Inf(1), int64(-1))
	f.Fuzz(func(t *testing.T, text, contact string, n, m int, x float64, d int64) {
		a := coach.Assessment{Text: text}
		known := say("I think the important sheep is very red light for three statistics")
		for i, w := range strings.Fields(text) {
			if i == 300 {
				break
			}
			word := known.Words[i%len(known.Words)]
			word.Text = w
			word.Spoken = (i+n)%7 != 0
			word.Accuracy = coach.Judgement{Label: coach.Label((i + m) % 6), Confidence: x}
			if (i+m)%3 == 0 {
				word.Accuracy = sure(coach.Bad, 10)
			}
			for j := range word.Phones {
				if heard := coach.Phoneme("S"); (i+j)%2 == 0 {
					word.Phones[j].Heard, word.Phones[j].Accuracy = &heard, sure(coach.Bad, 2)
				}
			}
			a.Words = append(a.Words, word)
			a.Pauses = append(a.Pauses, coach.Pause{After: i - 1, Span: coach.Span{End: x}})
		}
		facts := prompts.PrivacyFacts{
			MinimumAge: n, RetentionDays: m, WaitDays: n, DeadLetterDays: m, DisputeDays: n,
			WordsElsewhere: n%2 == 0, SpeechElsewhere: m%2 == 0, Contact: contact,
		}
		lesson := coach.Lesson{Assessment: a, Rationale: coach.Rationale{Claims: prompts.Choose(a, nil)}, At: time.Unix(d, 0)}
		trend := prompts.TrendOf([]coach.Lesson{lesson, {At: time.Unix(int64(n), 0)}, lesson, lesson, lesson, lesson, lesson}, m%20)
		s := prompts.Pick(text, map[coach.Phoneme]float64{coach.Phoneme(contact): x, "TH": x}, nil, uint64(d))
		for name, sections := range map[string][]coach.Section{
			"details": prompts.Details(a), "progress": prompts.Progress(trend), "privacy": prompts.Privacy(facts),
			"practice": prompts.Practice(s, []coach.Phoneme{"TH", coach.Phoneme(contact), "S", "K"}, n%2 == 0),
			"again":    prompts.Again(text), "hear": section(prompts.Hear(text)), "too many": section(prompts.TooMany(time.Duration(d))),
			"notice": section(prompts.FirstNotice(facts)), "opt-in": section(prompts.FirstQuestion(facts)), "forget": section(prompts.ForgetQuestion(n)),
			"usage": {prompts.UsageOf(n, m, n, m, n, m), prompts.UsageOf(m, n, m, n, m, n), prompts.UsageOf(n, n, n, n, n, n)},
		} {
			got := coach.Answer{Sections: sections}.Text()
			if c := utf8.RuneCountInString(got); c == 0 || c > prompts.MaxAnswer {
				t.Errorf("%s: %d characters:\n%s", name, c, got)
			}
		}
		for _, o := range prompts.DisputeOptions(lesson.Rationale, a, 5) {
			if utf8.RuneCountInString(o.Label) > 70 || len(o.Value) > 24 {
				t.Errorf("%+v", o)
			}
		}
		for _, c := range prompts.Setup(map[string]string{"retention": text}, coach.Rules{RetentionDays: n, MinimumAge: m, PerDay: n}) {
			for _, o := range c.Options {
				if utf8.RuneCountInString(o.Label) > 70 || len(o.Value) > 24 {
					t.Errorf("%+v", o)
				}
			}
		}
	})
}
