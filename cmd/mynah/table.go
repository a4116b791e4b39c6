package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// table prints records for people.
type table struct {
	w      io.Writer
	colour bool
	width  int // to wrap the rationale at
}

// mark is how a judgement is shown: coach's sign and words beside the colour,
// which never stands alone.
type mark struct {
	sign, word string
	colour     string // ANSI
}

func markOf(j *coach.Judgement) mark {
	if j == nil {
		return shownAs(coach.MarkUnsure)
	}
	return shownAs(j.Mark())
}

func markOfWord(w wordRecord) mark {
	if !w.Spoken {
		return shownAs(coach.MarkUnheard)
	}
	return markOf(w.Accuracy)
}

func shownAs(m coach.Mark) mark {
	colour := "2"
	switch m {
	case coach.MarkClear:
		colour = "34"
	case coach.MarkNearly:
		colour = "33"
	case coach.MarkWork:
		colour = "31"
	}
	return mark{m.Sign(), string(m), colour}
}

// write prints one record.
func (t *table) write(r record) error {
	var b strings.Builder
	title := harmless(r.File)
	if r.Seconds != nil {
		title += fmt.Sprintf(" · %.1f s", *r.Seconds)
	}
	b.WriteString(t.paint("1", title) + "\n")
	b.WriteString("“" + harmless(r.Text) + "”\n\n")
	if r.Refused != nil {
		b.WriteString("Not scored (" + string(r.Refused.Reason) + ").\n")
		t.wrap(&b, r.Refused.Advice)
		_, err := io.WriteString(t.w, b.String())
		return err
	}
	t.sentence(&b, r.Sentence)
	t.words(&b, r.Words)
	t.pauses(&b, r)
	t.wrap(&b, r.Rationale.Text)
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) sentence(b *strings.Builder, s *sentenceRecord) {
	var rows [][]cell
	for _, aspect := range []struct {
		name      string
		judgement *coach.Judgement
	}{
		{"accuracy", s.Accuracy}, {"fluency", s.Fluency},
		{"prosody", s.Prosody}, {"completeness", s.Completeness},
	} {
		m := markOf(aspect.judgement)
		rows = append(rows, append([]cell{{text: aspect.name}, {m.sign, m.colour, false}}, judged(aspect.judgement)...))
	}
	t.rows(b, rows)
	b.WriteString("\n")
}

func (t *table) words(b *strings.Builder, words []wordRecord) {
	rows := [][]cell{{{"word", "1", false}, {}, {"label", "1", false}, {"score", "1", true}, {"sure", "1", true}, {"sounds to look at", "1", false}}}
	for _, w := range words {
		m := markOfWord(w)
		row := append([]cell{{text: harmless(w.Text)}, {m.sign + " " + m.word, m.colour, false}}, judged(w.Accuracy)...)
		rows = append(rows, append(row, cell{text: sounds(w)}))
	}
	t.rows(b, rows)
	b.WriteString("\n")
}

// judged are the cells of a judgement: label, score, confidence.
func judged(j *coach.Judgement) []cell {
	if j == nil {
		return []cell{{text: "–"}, {}, {}}
	}
	return []cell{
		{text: j.Label.String()},
		{fmt.Sprintf("%.1f", j.Score), "", true},
		{fmt.Sprintf("%.0f%%", 100*j.Confidence), "", true},
	}
}

// mostSounds is how many of a word's poor phones are listed: more would bury
// those that matter.
const mostSounds = 3

// sounds lists the worst of the word's phones below Good.
func sounds(w wordRecord) string {
	poor := slices.DeleteFunc(slices.Clone(w.Phones), func(p phoneRecord) bool {
		return p.Accuracy == nil || p.Accuracy.Label >= coach.Good
	})
	slices.SortStableFunc(poor, func(a, b phoneRecord) int { return cmp.Compare(a.Accuracy.Score, b.Accuracy.Score) })
	var list []string
	for _, p := range poor[:min(len(poor), mostSounds)] {
		s := p.IPA
		switch {
		case p.Heard == nil:
		case *p.Heard == coach.Missing:
			s += " not heard"
		default:
			s += " like " + ipaOf(*p.Heard)
		}
		sure := "not sure"
		if p.Accuracy.Confidence >= coach.Sure {
			sure = fmt.Sprintf("%s, %.0f%%", p.Accuracy.Label, 100*p.Accuracy.Confidence)
		}
		list = append(list, s+" ("+sure+")")
	}
	if more := len(poor) - mostSounds; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// ipaOf writes a phoneme as the expected ones are written.
func ipaOf(p coach.Phoneme) string {
	if s, ok := prompts.SoundOf(p); ok {
		return s.IPA
	}
	return string(p)
}

func (t *table) pauses(b *strings.Builder, r record) {
	for _, p := range r.Pauses {
		if p.After < 0 || p.After >= len(r.Words) {
			continue
		}
		fmt.Fprintf(b, "Pause of %.1f s after “%s”.\n", p.End-p.Start, harmless(r.Words[p.After].Text))
	}
	if len(r.Pauses) > 0 {
		b.WriteString("\n")
	}
}

type cell struct {
	text, colour string
	right        bool
}

// rows writes aligned columns, indented by two.
func (t *table) rows(b *strings.Builder, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c.text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(c.text))
			text := t.paint(c.colour, c.text)
			if c.right {
				text = pad + text
			} else {
				text += pad
			}
			line.WriteString("  " + text)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// harmless takes out what would drive a terminal rather than be shown on it:
// control characters, and those that turn the direction of writing.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// paint colours s where colours are on.
func (t *table) paint(colour, s string) string {
	if !t.colour || colour == "" || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// wrap writes text broken between words at the table's width.
func (t *table) wrap(b *strings.Builder, text string) {
	width := cmp.Or(t.width, 80)
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		column := 0
		for _, word := range strings.Fields(paragraph) {
			n := uniseg.StringWidth(word)
			switch {
			case column == 0:
			case column+1+n > width:
				b.WriteString("\n")
				column = 0
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(harmless(word))
			column += n
		}
		b.WriteString("\n")
	}
}
