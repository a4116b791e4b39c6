package ort

import (
	"context"
	"errors"
	"fmt"

	"github.com/mynah-coach/mynah/scorer"
)

var _ scorer.G2P = (*Model)(nil)

// Guess implements scorer.G2P with the model's grapheme-to-phoneme graph. A
// model that has none knows no word.
func (m *Model) Guess(ctx context.Context, word string) ([]scorer.Pronunciation, error) {
	if m.g2p == nil {
		return nil, errors.New("the model has no g2p graph")
	}
	letters, err := m.vocabulary.Encode(word)
	if err != nil {
		return nil, err
	}
	in, err := row(letters)
	if err != nil {
		return nil, fmt.Errorf("g2p graph: %w", err)
	}
	out, err := m.run(ctx, m.g2p, in)
	if err != nil {
		return nil, err
	}
	shape := out[0].shape
	if want := int64(m.vocabulary.Classes()); len(shape) != 3 || !out[0].is(1, shape[1], want) {
		return nil, fmt.Errorf("g2p graph: shape %v, want [1 U %d]", shape, want)
	}
	p, err := m.vocabulary.Decode(out[0].data)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// readVocabulary reads what the graph's letters and classes mean from its own
// metadata.
func readVocabulary(g *graph) (*scorer.G2PVocabulary, error) {
	text, err := g.metadata(scorer.G2PMetadataKey)
	if err != nil {
		return nil, err
	}
	v, err := scorer.ParseG2PVocabulary([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s graph: %w", g.name, err)
	}
	return v, nil
}
