package prompts

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// Grade is a label of the sentence in words, "not sure" where there is none that
// may be told.
func Grade(j coach.Judgement) string {
	if j.Mark() == coach.MarkUnsure {
		return string(coach.MarkUnsure)
	}
	switch j.Label {
	case coach.Worst:
		return "just starting"
	case coach.Bad:
		return "needs work"
	case coach.Average:
		return "getting there"
	case coach.Good:
		return "good"
	}
	return "excellent"
}

// AspectGloss says in plain words what an aspect is about.
func AspectGloss(a coach.Aspect) string {
	switch a {
	case coach.Accuracy:
		return "your sounds"
	case coach.Fluency:
		return "your flow"
	case coach.Prosody:
		return "rhythm and melody"
	case coach.Completeness:
		return "all of the words"
	case coach.Stress:
		return "the strong syllable"
	}
	return ""
}

// SentenceAspects are those that a sentence is judged by, in the order in which
// they are shown.
func SentenceAspects() []coach.Aspect {
	return []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody, coach.Completeness}
}

// howSure says a confidence in words.
func howSure(confidence float64) string {
	switch {
	case confidence >= .9:
		return "very sure"
	case confidence >= .75:
		return "quite sure"
	}
	return "fairly sure"
}

// Heard says what was heard in the place of a phone, "" where nothing else was,
// or where that is not sure.
func Heard(p coach.Phone) string {
	if p.Heard == nil || *p.Heard == p.Expected || p.Accuracy.Mark() == coach.MarkUnsure || p.Accuracy.Mark() == coach.MarkClear {
		return ""
	}
	if *p.Heard == coach.Missing {
		return "left out"
	}
	if s, ok := SoundOf(*p.Heard); ok {
		return "sounded like /" + s.IPA + "/"
	}
	return ""
}

// Details says every label of an assessment: the sentence's, and each word's and
// phone's with how sure it is. In a long sentence clear words are left out
// first, then phones, so that the text keeps to MaxAnswer.
func Details(a coach.Assessment) []coach.Section {
	whole := make([]string, 0, 4)
	for _, aspect := range SentenceAspects() {
		j := a.Sentence.Of(aspect)
		line := "• " + capital(string(aspect)) + " (" + AspectGloss(aspect) + "): " + Grade(j)
		if j.Mark() != coach.MarkUnsure {
			line += ", " + howSure(j.Confidence)
		}
		whole = append(whole, line)
	}
	sections := []coach.Section{{Heading: "The whole sentence", Text: strings.Join(whole, "\n")}}
	flow := pauses(a)
	if s := pace(a); s != "" {
		flow = strings.TrimSpace(s + "\n" + flow)
	}
	if flow != "" {
		sections = append(sections, coach.Section{Heading: "Pace and pauses", Text: flow})
	}
	const heading = "Word by word"
	used := len((coach.Answer{Sections: sections}).Text()) + len(heading) + len(legendNote) + 10
	sections = append(sections, coach.Section{Heading: heading, Text: words(a, MaxAnswer-used) + "\n\n" + legendNote})
	return sections
}

const legendNote = "✓ clear, ~ nearly, ! work on, ? not sure, ✗ not heard"

// words lists the words, in the fullest way that fits.
func words(a coach.Assessment, room int) string {
	ways := []func(coach.Word) string{
		func(w coach.Word) string { return wordLine(w, true) },
		func(w coach.Word) string { return wordLine(w, w.Mark() != coach.MarkClear) },
		func(w coach.Word) string {
			if w.Mark() == coach.MarkClear {
				return ""
			}
			return wordLine(w, true)
		},
		func(w coach.Word) string {
			if w.Mark() == coach.MarkClear {
				return ""
			}
			return wordLine(w, false)
		},
	}
	var text string
	for _, way := range ways {
		var lines []string
		left := 0
		for _, w := range a.Words {
			if l := way(w); l != "" {
				lines = append(lines, l)
			} else {
				left++
			}
		}
		text = strings.Join(lines, "\n")
		if left > 0 {
			text = strings.TrimSpace(text + "\n" + clearWords(left, len(lines)))
		}
		if len([]rune(text)) <= room {
			return text
		}
	}
	const more = "\n… and more"
	runes := []rune(text)[:max(0, room-len(more))]
	text = string(runes)
	if at := strings.LastIndexByte(text, '\n'); at >= 0 {
		text = text[:at]
	}
	return strings.TrimSpace(text + more)
}

func clearWords(n, others int) string {
	if others == 0 {
		return "✓ every word: clear"
	}
	return "✓ " + count(n, "other word") + ": clear"
}

// wordLine is a word with its mark and, when asked for, its phones.
func wordLine(w coach.Word, phones bool) string {
	m := w.Mark()
	line := m.Sign() + " " + cut(strings.Join(strings.Fields(w.Text), " "), maxQuoted) + ": " + string(m)
	if m != coach.MarkUnsure && m != coach.MarkUnheard {
		line += ", " + howSure(w.Accuracy.Confidence)
	}
	if !w.Spoken {
		return line
	}
	if w.Stress.Mark() == coach.MarkWork || w.Stress.Mark() == coach.MarkNearly {
		if at, _, ok := stressed(w); ok && ordinal(at) != "" {
			line += "; make the " + ordinal(at) + " syllable the strong one"
		}
	}
	if !phones || len(w.Phones) == 0 {
		return line
	}
	parts := make([]string, 0, len(w.Phones))
	for _, p := range w.Phones {
		parts = append(parts, phonePart(p))
	}
	return line + "\n   " + strings.Join(parts, " · ")
}

// phonePart is a phone with its mark, and what was heard.
func phonePart(p coach.Phone) string {
	ipa := p.IPA
	if s, ok := soundOf(p); ok {
		ipa = s.IPA
	}
	m := p.Accuracy.Mark()
	part := "/" + cut(ipa, 8) + "/ " + m.Sign()
	if h := Heard(p); h != "" {
		part += " " + h
	}
	if m == coach.MarkWork || m == coach.MarkNearly {
		part += ", " + howSure(p.Accuracy.Confidence)
	}
	return part
}

// pauses lists the long ones, longest first.
func pauses(a coach.Assessment) string {
	long := sane(a).Pauses
	slices.SortStableFunc(long, func(x, y coach.Pause) int {
		switch dx, dy := x.End-x.Start, y.End-y.Start; {
		case dx > dy:
			return -1
		case dx < dy:
			return 1
		}
		return 0
	})
	var lines []string
	for _, p := range long[:min(3, len(long))] {
		lines = append(lines, fmt.Sprintf("• about %s after %s", tenths(p.End-p.Start), wordRef(a, p.After)))
	}
	return strings.Join(lines, "\n")
}

// fewPaced is how many words a pace is told of: of fewer it says little.
const fewPaced = 4

// pace says how fast the words came, from the first to the last, "" where that
// can't be known. It is no judgement: slow is fine.
func pace(a coach.Assessment) string {
	n, first, last := 0, math.Inf(1), math.Inf(-1)
	for _, w := range a.Words {
		if w.Spoken && w.End > w.Start {
			n, first, last = n+1, min(first, w.Start), max(last, w.End)
		}
	}
	perMinute := float64(n) / (last - first) * 60
	if n < fewPaced || !(perMinute > 0 && perMinute < 1000) {
		return ""
	}
	return fmt.Sprintf("• about %d words a minute; take all the time you need", int(math.Round(perMinute/5)*5))
}

// tenths writes seconds, to the tenth.
func tenths(seconds float64) string {
	if !(seconds < 60) {
		return "a minute or more"
	}
	return fmt.Sprintf("%.1f seconds", seconds)
}
