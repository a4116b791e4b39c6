package coach

// Mark is how a judgement is shown beside its colour, so that nobody has to
// tell colours apart: a sign, and the words that it stands for. Every display
// uses the same ones, by the same rule.
type Mark string

// The marks.
const (
	MarkClear   Mark = "clear"
	MarkNearly  Mark = "nearly"
	MarkWork    Mark = "work on"
	MarkUnsure  Mark = "not sure" // a confidence under Sure, and where there is no label
	MarkUnheard Mark = "not heard"
)

// Marks returns all marks, best first.
func Marks() []Mark { return []Mark{MarkClear, MarkNearly, MarkWork, MarkUnsure, MarkUnheard} }

// Sign is the mark's one character.
func (m Mark) Sign() string {
	switch m {
	case MarkClear:
		return "✓"
	case MarkNearly:
		return "~"
	case MarkWork:
		return "!"
	case MarkUnheard:
		return "✗"
	}
	return "?"
}

// Mark is the judgement's. A judgement without a label is never a bad one.
func (j Judgement) Mark() Mark {
	switch {
	case !j.Scored(), !(j.Confidence >= Sure):
		return MarkUnsure
	case j.Label.Clear():
		return MarkClear
	case j.Label == Average:
		return MarkNearly
	}
	return MarkWork
}

// Mark is the word's: MarkUnheard where it was skipped, its accuracy's where
// it was spoken.
func (w Word) Mark() Mark {
	if !w.Spoken {
		return MarkUnheard
	}
	return w.Accuracy.Mark()
}
