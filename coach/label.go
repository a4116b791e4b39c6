package coach

import (
	"encoding/json"
	"fmt"
)

// Label is an ordinal class of the rubric, worst first. The zero value is
// Unscored: no label could be given, which is not the same as a bad one.
type Label int8

// The five classes of arXiv 2606.09470, and none.
const (
	Unscored Label = iota
	Worst
	Bad
	Average
	Good
	Excellent
)

// labelNames is indexed by Label.
var labelNames = [...]string{"", "Worst", "Bad", "Average", "Good", "Excellent"}

// Labels returns the five scored classes, worst first.
func Labels() []Label { return []Label{Worst, Bad, Average, Good, Excellent} }

// String returns the class's name, "" for Unscored.
func (l Label) String() string {
	if l < 0 || int(l) >= len(labelNames) {
		return fmt.Sprintf("Label(%d)", int8(l))
	}
	return labelNames[l]
}

// ParseLabel is the inverse of String. It is case-sensitive.
func ParseLabel(s string) (Label, error) {
	for i, n := range labelNames {
		if n == s {
			return Label(i), nil
		}
	}
	return Unscored, fmt.Errorf("label %q is none of Worst, Bad, Average, Good, Excellent", s)
}

// MarshalJSON writes the class's name, null for Unscored.
func (l Label) MarshalJSON() ([]byte, error) {
	if l == Unscored {
		return []byte("null"), nil
	}
	return json.Marshal(l.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Label) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == nil {
		*l = Unscored
		return nil
	}
	p, err := ParseLabel(*s)
	if err != nil {
		return err
	}
	*l = p
	return nil
}

// Judgement is one label, the score it was read off, and the confidence in its
// verdict: the probability, calibrated on held-out speakers, that experts would
// put it on the same side, Good or better for the labels Good and Excellent,
// below Good for the others. That is what a learner is told, and what may be
// wrong to tell; the probability of exactly one class of five says less.
type Judgement struct {
	Label      Label   `json:"label"`
	Score      float64 `json:"score"`
	Confidence float64 `json:"confidence"`
}

// Clear reports whether the label's verdict is that nothing needs work: Good or
// better. It is false for a judgement that is not scored.
func (l Label) Clear() bool { return l >= Good }

// Sure is the confidence from which a verdict is told to a learner plainly.
// Below it every display says "not sure", so that marks and words never differ.
// It was chosen on speakers held out of training (docs/rationale.md).
const Sure = 0.65

// Scored reports whether the judgement carries a label at all.
func (j Judgement) Scored() bool { return j.Label != Unscored }

// Aspect is what a sentence's or word's label is about.
type Aspect string

// The aspects that experts score.
const (
	Accuracy     Aspect = "accuracy"
	Fluency      Aspect = "fluency"
	Prosody      Aspect = "prosody"
	Completeness Aspect = "completeness"
	Stress       Aspect = "stress"
)

// Band is one class of a rubric: the lowest score that belongs to it.
type Band struct {
	Label Label   `json:"label"`
	From  float64 `json:"from"`
}

// Rubric holds the ordered bands (worst first) of each level. It comes with
// the model, in its manifest: training and service read the same one.
type Rubric struct {
	Sentence []Band `json:"sentence"`
	Word     []Band `json:"word"`
	Phone    []Band `json:"phone"`
}

// Classify returns the class of a score in bands ordered worst first, Unscored
// where there are none.
func Classify(bands []Band, score float64) Label {
	l := Unscored
	for i, b := range bands {
		if i == 0 || score >= b.From {
			l = b.Label
		}
	}
	return l
}
