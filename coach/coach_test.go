package coach_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

func TestLabelJSON(t *testing.T) {
	for _, l := range append(coach.Labels(), coach.Unscored) {
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var back coach.Label
		if err := json.Unmarshal(b, &back); err != nil || back != l {
			t.Errorf("%v became %s became %v (%v)", l, b, back, err)
		}
	}
	var l coach.Label
	for _, bad := range []string{`"good"`, `"Superb"`, `3`, `{}`} {
		if err := json.Unmarshal([]byte(bad), &l); err == nil {
			t.Errorf("%s was read as %v", bad, l)
		}
	}
	for _, l := range append(coach.Labels(), coach.Unscored) {
		if want := l == coach.Good || l == coach.Excellent; l.Clear() != want {
			t.Errorf("%v clear: %v", l, l.Clear())
		}
	}
	if coach.Label(9).String() == "" {
		t.Error("a label outside the rubric prints as nothing")
	}
}

func TestClassify(t *testing.T) {
	bands := []coach.Band{{Label: coach.Worst}, {Label: coach.Bad, From: 0.5}, {Label: coach.Average, From: 1}, {Label: coach.Good, From: 1.5}, {Label: coach.Excellent, From: 1.9}}
	for score, want := range map[float64]coach.Label{
		-1: coach.Worst, 0: coach.Worst, 0.49: coach.Worst, 0.5: coach.Bad, 0.99: coach.Bad,
		1: coach.Average, 1.5: coach.Good, 1.89: coach.Good, 1.9: coach.Excellent, 2: coach.Excellent,
	} {
		if got := coach.Classify(bands, score); got != want {
			t.Errorf("score %v is %v, want %v", score, got, want)
		}
	}
	if got := coach.Classify(nil, 1); got != coach.Unscored {
		t.Errorf("without bands a score is %v", got)
	}
}

func TestReasonOf(t *testing.T) {
	ours := errors.New("disk full")
	for _, tc := range []struct {
		err  error
		want coach.Reason
	}{
		{nil, ""},
		{ours, ""},
		{coach.ErrNoSpeech, "no_speech"},
		{fmt.Errorf("score: %w", fmt.Errorf("detail: %w", coach.ErrTextMismatch)), "text_mismatch"},
		{errors.Join(ours, coach.ErrTooLong), "too_long"},
		{&coach.Snooze{Cause: ours}, ""},
	} {
		if got := coach.ReasonOf(tc.err); got != tc.want {
			t.Errorf("ReasonOf(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
	wrapped := fmt.Errorf("post: %w", &coach.Snooze{Cause: ours})
	var s *coach.Snooze
	if !errors.As(wrapped, &s) || !errors.Is(wrapped, ours) {
		t.Error("a snooze hides its cause")
	}
}

// The stored form of a task is read again by later versions and other
// machines: nothing may be lost on the way.
func TestTaskJSONRoundTrip(t *testing.T) {
	one, heard := 1, coach.Missing
	want := coach.Task{
		Note:    coach.VoiceNote{ID: "playground-1", Platform: coach.Playground, Text: "I think", Audio: coach.Attachment{Ref: "1", Size: 9}},
		Attempt: 2,
		Assessment: &coach.Assessment{
			Model: "m", Seconds: 1.5, Text: "I think",
			Sentence: coach.SentenceJudgements{Fluency: coach.Judgement{Label: coach.Good, Score: 7, Confidence: .5}},
			Words: []coach.Word{{Text: "think", Spoken: true, Span: coach.Span{Start: .2, End: .6}, Phones: []coach.Phone{
				{Expected: "K", IPA: "k", Heard: &heard, Accuracy: coach.Judgement{Label: coach.Bad, Score: .6}},
			}}},
			Pauses: []coach.Pause{{After: 0, Span: coach.Span{Start: .1, End: .2}}},
		},
		Reply: &coach.Reply{Note: "playground-1", Kind: coach.ReplyCoaching, Text: "Well done.", Rationale: &coach.Rationale{
			Text: "Well done.", Source: coach.SourcePlain, Claims: []coach.Claim{{ID: "c1", Kind: coach.ClaimPhone, Word: &one, Label: coach.Bad, Expected: "K", Heard: coach.Missing}},
		}},
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got coach.Task
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the task changed (-want +got):\n%s", d)
	}
}

func TestSentenceJudgementsOf(t *testing.T) {
	s := coach.SentenceJudgements{
		Accuracy: coach.Judgement{Label: coach.Worst}, Fluency: coach.Judgement{Label: coach.Bad},
		Prosody: coach.Judgement{Label: coach.Average}, Completeness: coach.Judgement{Label: coach.Good},
	}
	for a, want := range map[coach.Aspect]coach.Label{
		coach.Accuracy: coach.Worst, coach.Fluency: coach.Bad, coach.Prosody: coach.Average,
		coach.Completeness: coach.Good, coach.Stress: coach.Unscored,
	} {
		if got := s.Of(a).Label; got != want {
			t.Errorf("%s is %v, want %v", a, got, want)
		}
	}
}
