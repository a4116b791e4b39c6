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
