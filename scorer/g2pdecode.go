package scorer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// G2PMetadataKey is where the graph's own metadata holds its vocabulary.
const G2PMetadataKey = "mynah.g2p"

// MaxG2PLetters is the longest word that the graph takes.
const MaxG2PLetters = 64

// G2PVocabulary says what the inputs and outputs of the grapheme-to-phoneme
// graph mean: a word's letters go in as 1-based indices into Letters; of the
// log posteriors that come out, class 0 is the blank of connectionist temporal
// classification and class i is Symbols[i-1].
type G2PVocabulary struct {
	letters string
	symbols []Sound
}

// ParseG2PVocabulary reads the metadata: {"letters": "abc...", "symbols": ["AA0", ...]}.
func ParseG2PVocabulary(data []byte) (*G2PVocabulary, error) {
	var raw struct {
		Letters string   `json:"letters"`
		Symbols []string `json:"symbols"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("g2p vocabulary: %w", err)
	}
	if raw.Letters == "" || len(raw.Symbols) == 0 {
		return nil, fmt.Errorf("g2p vocabulary: letters or symbols missing")
	}
	v := &G2PVocabulary{letters: raw.Letters}
	for _, s := range raw.Symbols {
		sound, err := ParseSound(s)
		if err != nil {
			return nil, fmt.Errorf("g2p vocabulary: %w", err)
		}
		v.symbols = append(v.symbols, sound)
	}
	return v, nil
}

// Classes is the number of classes of the graph's output.
func (v *G2PVocabulary) Classes() int { return 1 + len(v.symbols) }

// Encode returns the graph's input for a word. A letter that the vocabulary
// lacks is an error, and so is a word that is empty or too long.
func (v *G2PVocabulary) Encode(word string) ([]int64, error) {
	if word == "" || len(word) > MaxG2PLetters {
		return nil, fmt.Errorf("g2p: a word of %d letters, want 1 to %d", len(word), MaxG2PLetters)
	}
	in := make([]int64, len(word))
	for i := range len(word) {
		at := strings.IndexByte(v.letters, word[i])
		if at < 0 {
			return nil, fmt.Errorf("g2p: a letter that is not in the vocabulary")
		}
		in[i] = int64(1 + at)
	}
	return in, nil
}

// Decode reads the best path off the log posteriors (frames x Classes,
// row-major): repeats merged, then blanks dropped. It may be empty.
func (v *G2PVocabulary) Decode(logp []float32) (Pronunciation, error) {
	classes := v.Classes()
	if len(logp) == 0 || len(logp)%classes != 0 {
		return nil, fmt.Errorf("g2p: %d log posteriors are no frames of %d classes", len(logp), classes)
	}
	var p Pronunciation
	last := 0
	for ; len(logp) > 0; logp = logp[classes:] {
		best := 0
		for c, lp := range logp[:classes] {
			if lp > logp[best] {
				best = c
			}
		}
		if best != 0 && best != last {
			p = append(p, v.symbols[best-1])
		}
		last = best
	}
	return p, nil
}
