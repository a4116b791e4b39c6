package scorer

import (
	"bytes"
	"slices"
	"testing"
)

// Whatever the dictionary lists for a word is accepted, but for what is one to
// a listener: stress.
func TestPronounceAcceptsEveryEntry(t *testing.T) {
	l := newTestLexicon(t, nil)
	words, entries := 0, 0
	for i := range l.lines {
		w, _, _ := bytes.Cut(l.line(i), []byte("\t"))
		word := string(w)
		known := l.known(word)
		accepted := variants(word, known)
		words++
		for _, p := range known {
			entries++
			if !slices.ContainsFunc(accepted, func(q Pronunciation) bool { return slices.EqualFunc(p, q, samePhoneme) }) {
				t.Errorf("%s: %s is not accepted, %v are", word, p, accepted)
			}
		}
	}
	t.Logf("%d entries of %d words", entries, words)
	if words < 100_000 {
		t.Errorf("the dictionary has %d words", words)
	}
}
