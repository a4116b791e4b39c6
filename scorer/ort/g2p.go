package ort

import (
	"context"
	"errors"
	"fmt"
)

// spell runs the grapheme-to-phoneme graph over letters, numbered as its
// vocabulary says, and returns its log posteriors: rows of the given width.
func (m *Model) spell(ctx context.Context, letters []int64) (logp []float32, width int, err error) {
	if m.g2p == nil {
		return nil, 0, errors.New("the model has no g2p graph")
	}
	if len(letters) == 0 {
		return nil, 0, errors.New("g2p graph: no letters")
	}
	in, err := row(letters)
	if err != nil {
		return nil, 0, fmt.Errorf("g2p graph: %w", err)
	}
	out, err := m.run(ctx, m.g2p, in)
	if err != nil {
		return nil, 0, err
	}
	if shape := out[0].shape; len(shape) != 3 && len(shape) != 2 {
		return nil, 0, fmt.Errorf("g2p graph: log posteriors of shape %v", shape)
	}
	return out[0].data, int(out[0].shape[len(out[0].shape)-1]), nil
}
