package scorer

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed" // CMUdict
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// packedCMUdict is CMUdict as `python -m mynah_g2p pack` writes it: gzip of
// lines; the first names the symbols, each further one is a word and its
// pronunciations with tabs between them, sorted by word. A pronunciation has a
// byte for each symbol: firstSymbol + its place in the first line.
//
//go:embed lexicon/cmudict.txt.gz
var packedCMUdict []byte

const firstSymbol = 0x30

// MaxPronunciations is the most that CMULexicon returns for one word: each
// costs the alignment a path.
const MaxPronunciations = 8

// CMULexicon is a Lexicon over the CMU pronouncing dictionary: General American,
// with the variants of other accents that are right as well (see variants).
// Words that it lacks are derived from those that it has, or guessed.
type CMULexicon struct {
	g2p     G2P
	symbols []Sound
	text    []byte   // the lines of words
	lines   []uint32 // where each line begins in text
}

var _ Lexicon = (*CMULexicon)(nil)

// NewLexicon unpacks the dictionary (about 5 MB in memory). g2p guesses
// the words that no rule can derive; without it they are an error.
func NewLexicon(g2p G2P) (*CMULexicon, error) {
	l := &CMULexicon{g2p: g2p}
	if err := l.unpack(packedCMUdict); err != nil {
		return nil, fmt.Errorf("lexicon: %w", err)
	}
	return l, nil
}

func (l *CMULexicon) unpack(packed []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	header, rest, ok := bytes.Cut(text, []byte("\n"))
	if !ok || len(rest) == 0 || rest[len(rest)-1] != '\n' {
		return fmt.Errorf("no words, or the last line is cut off")
	}
	for s := range strings.FieldsSeq(string(header)) {
		sound, err := ParseSound(s)
		if err != nil {
			return err
		}
		l.symbols = append(l.symbols, sound)
	}
	l.text = rest
	l.lines = make([]uint32, 0, bytes.Count(rest, []byte("\n")))
	for at := 0; at < len(rest); {
		l.lines = append(l.lines, uint32(at))
		line := l.line(len(l.lines) - 1)
		_, coded, ok := bytes.Cut(line, []byte("\t"))
		if !ok || len(coded) == 0 {
			return fmt.Errorf("line %d has no pronunciation", len(l.lines))
		}
		for _, c := range coded {
			if c != '\t' && (c < firstSymbol || int(c-firstSymbol) >= len(l.symbols)) {
				return fmt.Errorf("line %d has an unknown symbol", len(l.lines))
			}
		}
		at += len(line) + 1
	}
	return nil
}

// Pronounce implements Lexicon. Only G2P.Guess can fail, or a word with
// anything but a-z and apostrophes.
func (l *CMULexicon) Pronounce(ctx context.Context, word string) ([]Pronunciation, error) {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz'") != "" || strings.Trim(word, "'") == "" {
		return nil, fmt.Errorf("lexicon: not a spoken word")
	}
	known := l.known(word)
	if known == nil {
		var err error
		if known, err = l.unknown(ctx, word); err != nil {
			return nil, fmt.Errorf("lexicon: %w", err)
		}
	}
	return variants(word, known), nil
}

// known returns the pronunciations that are listed, nil where none is.
func (l *CMULexicon) known(word string) []Pronunciation {
	if p, ok := moreWords[word]; ok {
		return []Pronunciation{parsePronunciation(p)}
	}
	i := sort.Search(len(l.lines), func(i int) bool {
		w, _, _ := bytes.Cut(l.line(i), []byte("\t"))
		return string(w) >= word
	})
	if i == len(l.lines) {
		return nil
	}
	w, coded, _ := bytes.Cut(l.line(i), []byte("\t"))
	if string(w) != word {
		return nil
	}
	var out []Pronunciation
	for p := range bytes.SplitSeq(coded, []byte("\t")) {
		pron := make(Pronunciation, len(p))
		for j, c := range p {
			pron[j] = l.symbols[c-firstSymbol]
		}
		out = append(out, pron)
	}
	return out
}

// line returns line i without its end.
func (l *CMULexicon) line(i int) []byte {
	rest := l.text[l.lines[i]:]
	return rest[:bytes.IndexByte(rest, '\n')]
}

// ParseSound reads an ARPAbet symbol, with its stress where it has one: "AH0".
func ParseSound(symbol string) (Sound, error) {
	name := strings.TrimRight(symbol, "012")
	s := Sound{Phoneme: coach.Phoneme(name)}
	switch digits := symbol[len(name):]; {
	case name == "" || len(digits) > 1 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return Sound{}, fmt.Errorf("%q is no ARPAbet symbol", symbol)
	case digits != "":
		s.Stress = int(digits[0] - '0')
	}
	if vowel := strings.ContainsRune("AEIOU", rune(name[0])); vowel != (len(symbol) > len(name)) {
		return Sound{}, fmt.Errorf("%q: vowels have a stress, consonants have none", symbol)
	}
	return s, nil
}

// parsePronunciation reads symbols of our own tables, which tests have read.
func parsePronunciation(symbols string) Pronunciation {
	var p Pronunciation
	for s := range strings.FieldsSeq(symbols) {
		if sound, err := ParseSound(s); err == nil {
			p = append(p, sound)
		}
	}
	return p
}

// String writes the symbols with their stress, spaces between them.
func (p Pronunciation) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(s.Phoneme))
		if s.vowel() {
			b.WriteByte('0' + byte(s.Stress))
		}
	}
	return b.String()
}

// vowel reports whether the phoneme is a vowel: exactly those of ARPAbet begin
// with one of these letters.
func (s Sound) vowel() bool {
	return s.Phoneme != "" && strings.IndexByte("AEIOU", s.Phoneme[0]) >= 0
}
