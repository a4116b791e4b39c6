package scorer

import (
	"errors"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// gathered is the evidence that a recording is the text.
func gathered(t *testing.T, samples []float32, text string) evidence {
	t.Helper()
	m := newToneModel()
	sentence, err := New(m, testLexicon, Options{}).Sentence(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Listen(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	p, ok, err := sentence.lattice.align(t.Context(), f, m.manifest.Refusal.detours())
	if err != nil || !ok {
		t.Fatalf("aligned %v, %v", ok, err)
	}
	e, err := sentence.lattice.gather(t.Context(), f, p, sentence.lattice.segments(p))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOrderSpeaksForASentenceReadBadly(t *testing.T) {
	// Every second sound is another.
	poor := "EY TH AE NG G IH D IH S IH N P UW R D AH M T"
	other := "W EH R D UH D Y UW G OW L AE S S AH M ER T"
	well, badly, not := gathered(t, say(spoken), sentence), gathered(t, say(poor), sentence), gathered(t, say(other), sentence)
	if well.order < 6 {
		t.Errorf("well read: %+v", well)
	}
	if badly.order < 2 || badly.order < not.order+2 {
		t.Errorf("order is %.2f of a sentence read badly, %.2f of another one", badly.order, not.order)
	}
	if e := gathered(t, say("AY AY"), "I"); e.order != noOrder {
		t.Errorf("order of one sound is %.2f", e.order)
	}
}

func TestWhatMatchesIsSpeechHoweverUnclear(t *testing.T) {
	m := newToneModel()
	m.manifest.Refusal.MinPosterior = 1.1 // nothing is so clear
	s := New(m, testLexicon, Options{})
	say := func(phones string) coach.Utterance {
		return coach.Utterance{Audio: coach.Audio{Samples: say(phones)}, Text: sentence}
	}
	if _, err := s.Score(t.Context(), say(spoken)); err != nil {
		t.Errorf("the sentence: %v", err)
	}
	_, err := s.Score(t.Context(), say("W EH R D UH D Y UW G OW L AE S S AH M ER"))
	if !errors.Is(err, coach.ErrNoSpeech) || strings.Contains(err.Error(), "match") {
		t.Errorf("something else: error %v, want %v", err, coach.ErrNoSpeech)
	}
}

func TestInDoubtOnlyPoorSpeechIsScored(t *testing.T) {
	// Most sounds are others; and the sentence as it should be.
	poor, well := "EY TH AE NG G IH D IH S IH N B UW R D AH M D", spoken
	for _, tt := range []struct {
		name, phones string
		below        float64 // of zero: the evidence
		doubt        float64
		scored       bool
	}{
		{"poor speech, no doubt allowed", poor, 1, 0, false},
		{"poor speech, within doubt", poor, 1, 2, true},
		{"poor speech, beyond doubt", poor, 3, 2, false},
		{"clear speech, within doubt", well, 1, 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newToneModel()
			r := &m.manifest.Refusal
			r.Bias -= r.weigh(gathered(t, say(tt.phones), sentence)) + tt.below
			r.Doubt = tt.doubt
			a, err := New(m, testLexicon, Options{}).Score(t.Context(), coach.Utterance{Audio: coach.Audio{Samples: say(tt.phones)}, Text: sentence})
			switch {
			case tt.scored && err != nil:
				t.Fatal(err)
			case tt.scored && a.Sentence.Accuracy.Label > coach.Bad:
				t.Errorf("accuracy %+v", a.Sentence.Accuracy)
			case !tt.scored && !errors.Is(err, coach.ErrTextMismatch):
				t.Errorf("error %v, want %v", err, coach.ErrTextMismatch)
			}
		})
	}
}
