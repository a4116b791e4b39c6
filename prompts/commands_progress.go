package prompts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Trend is how a learner's latest notes went. Only verdicts that are sure count
// (coach.Sure).
type Trend struct {
	Notes    int           // that it is made of
	Words    int           // different ones that were spoken
	From, To time.Time     // of the first and the last of them
	Aspects  []AspectTrend // those of SentenceAspects
	Weak     []SoundTrend  // sounds to work on, the one worth most first; at most 6
	Better   []SoundTrend  // sounds that were to be worked on and are mostly clear of late; at most 3
}

// AspectTrend is one aspect over the notes, oldest first; an element that is not
// scored, or not sure, is a gap.
type AspectTrend struct {
	Aspect     coach.Aspect
	Judgements []coach.Judgement
}

// Now is the label that the latest notes mostly have, Unscored where none is
// sure.
func (a AspectTrend) Now() coach.Label { return middle(a.sure(), true) }

// Before is that of the earliest notes, Unscored where there are too few.
func (a AspectTrend) Before() coach.Label { return middle(a.sure(), false) }

func (a AspectTrend) sure() []coach.Label {
	var all []coach.Label
	for _, j := range a.Judgements {
		if j.Mark() != coach.MarkUnsure {
			all = append(all, j.Label)
		}
	}
	return all
}

// few is how many notes a label of a trend rests on: enough that one bad day
// does not make it.
const few = 3

// middle is the median of the latest few labels, or of the earliest, which must
// be others.
func middle(labels []coach.Label, latest bool) coach.Label {
	switch {
	case latest:
		labels = slices.Clone(labels[max(0, len(labels)-few):])
	case len(labels) < 2*few:
		return coach.Unscored
	default:
		labels = slices.Clone(labels[:few])
	}
	if len(labels) == 0 {
		return coach.Unscored
	}
	slices.Sort(labels)
	return labels[(len(labels)-1)/2]
}

// SoundTrend is one phoneme over the notes.
type SoundTrend struct {
	Sound  Sound
	Clear  int // times it was clear
	ToWork int // times it was below that
}

// Times is how often the sound was met and judged.
func (s SoundTrend) Times() int { return s.Clear + s.ToWork }

// share is the part that was not clear, drawn towards few where little is known.
func (s SoundTrend) share() float64 { return float64(s.ToWork) / float64(s.Times()+2) }

// worth is what working on the sound is worth: how often it fails, and what
// English loses by it.
func (s SoundTrend) worth() float64 {
	most := 0
	for _, c := range contrasts {
		if c.a == s.Sound.Phoneme || c.b == s.Sound.Phoneme {
			most = max(most, c.load)
		}
	}
	return s.share() * (.5 + float64(most)/200)
}

// TrendOf sums up lessons, which come newest first; of more than n notes only
// the latest n count.
func TrendOf(lessons []coach.Lesson, n int) Trend {
	lessons = slices.Clone(lessons[:min(len(lessons), max(n, 0))])
	slices.Reverse(lessons)
	t := Trend{Notes: len(lessons)}
	if t.Notes > 0 {
		t.From, t.To = lessons[0].At, lessons[len(lessons)-1].At
	}
	for _, aspect := range SentenceAspects() {
		a := AspectTrend{Aspect: aspect}
		for _, l := range lessons {
			a.Judgements = append(a.Judgements, l.Assessment.Sentence.Of(aspect))
		}
		t.Aspects = append(t.Aspects, a)
	}
	t.Words = spoken(lessons)
	half := len(lessons) / 2
	all, first, second := tally(lessons), tally(lessons[:half]), tally(lessons[half:])
	for _, s := range Sounds() {
		p := s.Phoneme
		if w := all[p]; w.ToWork >= 2 && w.Times() >= few && w.share() >= .2 {
			t.Weak = append(t.Weak, w)
		}
		was, is := first[p], second[p]
		if was.Times() >= few && is.Times() >= few && was.ToWork*2 >= was.Times() && is.Clear*5 >= is.Times()*4 {
			t.Better = append(t.Better, is)
		}
	}
	t.Weak = slices.DeleteFunc(t.Weak, func(w SoundTrend) bool {
		return slices.ContainsFunc(t.Better, func(b SoundTrend) bool { return b.Sound.Phoneme == w.Sound.Phoneme })
	})
	slices.SortStableFunc(t.Weak, func(x, y SoundTrend) int { return cmp.Compare(y.worth(), x.worth()) })
	slices.SortStableFunc(t.Better, func(x, y SoundTrend) int { return cmp.Compare(y.Clear, x.Clear) })
	t.Weak, t.Better = t.Weak[:min(6, len(t.Weak))], t.Better[:min(3, len(t.Better))]
	return t
}

// spoken counts the different words that were spoken.
func spoken(lessons []coach.Lesson) int {
	words := map[string]bool{}
	for _, l := range lessons {
		for _, w := range l.Assessment.Words {
			if w.Spoken {
				words[strings.ToLower(w.Text)] = true
			}
		}
	}
	return len(words)
}

// tally counts the sure verdicts on each phoneme.
func tally(lessons []coach.Lesson) map[coach.Phoneme]SoundTrend {
	all := map[coach.Phoneme]SoundTrend{}
	for _, l := range lessons {
		for _, w := range l.Assessment.Words {
			if !w.Spoken {
				continue
			}
			for _, p := range w.Phones {
				s, ok := SoundOf(p.Expected)
				if !ok {
					continue
				}
				v := all[p.Expected]
				v.Sound = s
				switch p.Accuracy.Mark() {
				case coach.MarkClear:
					v.Clear++
				case coach.MarkNearly, coach.MarkWork:
					v.ToWork++
				}
				all[p.Expected] = v
			}
		}
	}
	return all
}

// Weights are the weak sounds for Pick, and those that have just become better
// with a little weight, so that they stay.
func (t Trend) Weights() map[coach.Phoneme]float64 {
	w := map[coach.Phoneme]float64{}
	for _, s := range t.Better {
		w[s.Sound.Phoneme] = .1
	}
	for _, s := range t.Weak {
		w[s.Sound.Phoneme] = s.worth()
	}
	return w
}

// Level suggests how hard practice sentences should be, the Value of one of
// Levels: easy ones at first, harder ones as the latest notes are clear.
func (t Trend) Level() string {
	levels := Levels()
	at := 0
	for _, a := range t.Aspects {
		if a.Aspect != coach.Accuracy || len(a.sure()) < few {
			continue
		}
		switch a.Now() {
		case coach.Average:
			at = 1
		case coach.Good:
			at = 2
		case coach.Excellent:
			at = 3
		}
	}
	return levels[at].Value
}

// Progress says a trend in words.
func Progress(t Trend) []coach.Section {
	if t.Notes == 0 {
		return []coach.Section{{Text: NothingYet()}}
	}
	lines := make([]string, 0, len(t.Aspects))
	for _, a := range t.Aspects {
		lines = append(lines, "• "+capital(string(a.Aspect))+" ("+AspectGloss(a.Aspect)+"): "+AspectNow(a))
	}
	all := []coach.Section{{Heading: TrendTitle(t), Text: strings.Join(lines, "\n")}}
	list := func(sounds []SoundTrend) string {
		lines := make([]string, 0, len(sounds))
		for _, s := range sounds {
			lines = append(lines, "• "+s.Sound.ref()+": "+ClearOf(s))
		}
		return strings.Join(lines, "\n")
	}
	if len(t.Better) > 0 {
		all = append(all, coach.Section{Heading: BetterTitle(), Text: list(t.Better)})
	}
	if len(t.Weak) > 0 {
		return append(all, coach.Section{Heading: WeakTitle(t), Text: list(t.Weak)})
	}
	return append(all, coach.Section{Text: WeakTitle(t)})
}

// TrendTitle says of which notes a trend is.
func TrendTitle(t Trend) string {
	lead := "Your last " + count(t.Notes, "voice note")
	if t.Notes == 1 {
		lead = "Your first voice note"
	}
	if span := t.span(); span != "" {
		lead += ", " + span
	}
	return lead
}

// BetterTitle stands over the sounds that have become better.
func BetterTitle() string { return "Clearer lately" }

// WeakTitle stands over the sounds to work on, or in their place.
func WeakTitle(t Trend) string {
	switch {
	case len(t.Weak) > 0:
		return "Sounds to work on"
	case t.Notes >= few:
		return "No single sound stands out as one to work on."
	}
	return "After a few more notes I can tell you which sounds to work on."
}

// ClearOf says how often a sound was clear.
func ClearOf(s SoundTrend) string {
	return fmt.Sprintf("clear in %s of %s", number(s.Clear), number(s.Times()))
}

// AspectNow says where an aspect is, and where it was when that was elsewhere.
func AspectNow(a AspectTrend) string {
	now := a.Now()
	if now == coach.Unscored {
		return "not sure yet"
	}
	words := Grade(coach.Judgement{Label: now, Confidence: 1})
	switch before := a.Before(); {
	case before == coach.Unscored || before == now:
		return words
	case before < now:
		return words + ", up from " + Grade(coach.Judgement{Label: before, Confidence: 1})
	default:
		return words + ", earlier " + Grade(coach.Judgement{Label: before, Confidence: 1})
	}
}

// span says over which time the notes came.
func (t Trend) span() string {
	switch days := int(t.To.Sub(t.From).Hours() / 24); {
	case t.Notes < 2 || t.From.IsZero() || days < 1:
		return ""
	case days < 14:
		return "over " + count(days+1, "day")
	default:
		return "over " + count((days+3)/7, "week")
	}
}
