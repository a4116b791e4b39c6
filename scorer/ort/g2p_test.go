package ort

import (
	"io/fs"
	"testing"

	"github.com/mynah-coach/mynah/scorer/model"
)

// TestShippedGraphGuesses holds the graph, its encoding and its decoding to
// what the program that trained it reads off the same words (`python -m
// mynah_g2p say`), right and wrong guesses alike.
func TestShippedGraphGuesses(t *testing.T) {
	if _, err := acquire(libraryPath(t)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	}()
	data, err := fs.ReadFile(model.Files(), "g2p.onnx")
	if err != nil {
		t.Fatal(err)
	}
	options, err := sessionOptions(CPU, 1)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGraph("g2p", data, []string{"letters"}, []string{"logp"}, options)
	if err := options.Destroy(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{g2p: g, turns: make(chan struct{}, 1)}
	defer func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	}()
	if m.vocabulary, err = readVocabulary(g); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]string{
		"o": "OW1", "shimerda": "SH IH0 M EH1 R D AH0", "kaliko": "K AH0 L IY1 K OW0", "effectual": "IH0 F EH1 K CH UW0 AH0 L",
		"zhangwei": "Z AE1 NG W EY2", "blorptastic": "B L AO1 R P T AE1 S T IH0 K", "siobhan": "SH AH0 B AA0 N",
		"hermione": "HH ER0 M IY0 OW1 N IY0", "pikachu": "P IH0 K AA1 CH UW0", "okonkwo": "OW0 K AA1 NG K W OW0",
	} {
		got, err := m.Guess(t.Context(), word)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || got[0].String() != want {
			t.Errorf("%s is said %v, want %s first", word, got, want)
		}
	}
}
