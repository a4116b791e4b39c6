package scorer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guesser is a G2P that has one answer for every word.
type guesser struct {
	says Pronunciation
	err  error
}

func (g guesser) Guess(context.Context, string) ([]Pronunciation, error) {
	if g.says == nil {
		return nil, g.err
	}
	return []Pronunciation{g.says}, g.err
}

func newTestLexicon(t testing.TB, g2p G2P) *CMULexicon {
	t.Helper()
	l, err := NewLexicon(g2p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func pronounce(t *testing.T, l *CMULexicon, word string) []string {
	t.Helper()
	ps, err := l.Pronounce(t.Context(), word)
	if err != nil {
		t.Fatalf("%s: %v", word, err)
	}
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

func TestPronounceAcceptsVariants(t *testing.T) {
	l := newTestLexicon(t, nil)
	for _, tt := range []struct {
		name, word, usual string
		also              []string
		never             []string
	}{
		{"dictionary's own variants", "schedule", "S K EH1 JH UH0 L", []string{"S K EH1 JH UW0 L", "SH EH1 D Y UW0 L"}, nil},
		{"weak forms", "and", "AH0 N D", []string{"AE1 N D", "N", "AH0 N"}, nil},
		{"weak form of to", "to", "T UW1", []string{"T AH0"}, nil},
		{"the before vowels", "the", "DH AH0", []string{"DH IY0"}, nil},
		{"tap between vowels", "water", "W AO1 T ER0", []string{"W AO1 D ER0", "W AO1 T AH0"}, nil},
		{"tap after r", "party", "P AA1 R T IY0", []string{"P AA1 R D IY0", "P AA1 T IY0"}, nil},
		{"no tap before stress", "attack", "AH0 T AE1 K", nil, []string{"AH0 D AE1 K"}},
		{"no tap at the start", "two", "T UW1", nil, []string{"D UW1"}},
		{"r unsaid before a consonant", "world's", "W ER1 L D Z", nil, nil},
		{"r unsaid at the end", "car", "K AA1 R", []string{"K AA1"}, nil},
		{"r said before a vowel", "carry", "K AE1 R IY0", nil, []string{"K AE1 IY0"}},
		{"schwa for r", "here", "HH IY1 R", []string{"HH IH1 AH0", "HH IH1 R"}, nil},
		{"broad a", "dance", "D AE1 N S", []string{"D AA1 N S"}, nil},
		{"broad a in an inflection", "classes", "K L AE1 S AH0 Z", []string{"K L AA1 S AH0 Z"}, nil},
		{"no broad a elsewhere", "cat", "K AE1 T", nil, []string{"K AA1 T"}},
		{"rounded lot", "hot", "HH AA1 T", []string{"HH AO1 T"}, nil},
		{"father is not rounded", "father", "F AA1 DH ER0", nil, []string{"F AO1 DH ER0"}},
		{"cot and caught", "dog", "D AO1 G", []string{"D AA1 G"}, nil},
		{"north is not cot", "north", "N AO1 R TH", []string{"N AO1 TH"}, []string{"N AA1 R TH"}},
		{"yod", "new", "N UW1", []string{"N Y UW1"}, nil},
		{"yod that melts", "tune", "T UW1 N", []string{"T Y UW1 N", "CH UW1 N"}, nil},
		{"no yod in noon", "noon", "N UW1 N", nil, []string{"N Y UW1 N"}},
		{"no yod in do", "do", "D UW1", nil, []string{"D Y UW1", "JH UW1"}},
		{"weak vowels", "roses", "R OW1 Z IH0 Z", []string{"R OW1 Z AH0 Z"}, nil},
		{"e in a prefix", "believe", "B IH0 L IY1 V", []string{"B IY0 L IY1 V", "B AH0 L IY1 V"}, nil},
		{"no vowel before l", "little", "L IH1 T AH0 L", []string{"L IH1 T L", "L IH1 D AH0 L"}, nil},
		{"ing", "walking", "W AO1 K IH0 NG", []string{"W AO1 K IH0 N"}, nil},
		{"sing keeps its ng", "sing", "S IH1 NG", nil, []string{"S IH1 N"}},
		{"wh", "which", "W IH1 CH", []string{"HH W IH1 CH"}, nil},
		{"both accents at once", "better", "B EH1 T ER0", []string{"B EH1 D ER0", "B EH1 T AH0", "B EH1 D AH0"}, nil},
		{"hurry", "hurry", "HH ER1 IY0", []string{"HH AH1 R IY0"}, nil},
		{"organization", "organization", "AO2 R G AH0 N AH0 Z EY1 SH AH0 N", []string{"AO2 G AH0 N AY2 Z EY1 SH AH0 N"}, nil},
		{"letter z", "z", "Z IY1", []string{"Z EH1 D"}, nil},
		{"can't of Britain", "can't", "K AE1 N T", []string{"K AA1 N T"}, nil},
		{"an abbreviation is not the word", "us", "AH1 S", []string{"AH0 S"}[:0], []string{"Y UW2 EH1 S"}},
		{"think is no sink", "think", "TH IH1 NG K", nil, []string{"S IH1 NG K", "T IH1 NG K", "F IH1 NG K"}},
		{"light is no right", "light", "L AY1 T", nil, []string{"R AY1 T"}},
		{"ship is no sheep", "ship", "SH IH1 P", nil, []string{"SH IY1 P"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := pronounce(t, l, tt.word)
			if got[0] != tt.usual {
				t.Errorf("usually %s, want %s", got[0], tt.usual)
			}
			for _, p := range tt.also {
				if !slices.Contains(got, p) {
					t.Errorf("%s is not among %q", p, got)
				}
			}
			for _, p := range tt.never {
				if slices.Contains(got, p) {
					t.Errorf("%s is accepted: %q", p, got)
				}
			}
		})
	}
}

func TestPronounceDerivesUnknownWords(t *testing.T) {
	guess := parsePronunciation("Z AO1 G")
	l := newTestLexicon(t, guesser{says: guess})
	for _, tt := range []struct{ name, word, want string }{
		{"possessive after a hiss", "jones's", "JH OW1 N Z IH0 Z"},
		{"possessive after a voiceless sound", "footballer's", "F UH1 T B AO2 L ER0 Z"},
		{"possessive of a guess", "zxog's", "Z AO1 G Z"},
		{"contraction of a guess", "zxog'll", "Z AO1 G AH0 L"},
		{"two contractions", "i'd've", "AY1 D AH0 V"},
		{"past after t", "frighted", "F R AY1 T IH0 D"},
		{"past, doubled consonant", "jumpped", "JH AH1 M P T"},
		{"silent e before ing", "vibing", "V AY1 B IH0 NG"},
		{"y becomes i", "grumpily", "G R AH1 M P IY0 L IY0"},
		{"suffix ness", "rashness", "R AE1 SH N AH0 S"},
		{"a word of today", "vlogs", "V L AA1 G Z"},
		{"prefix", "unquenchable", "AH0 N K W EH1 N CH AH0 B AH0 L"},
		{"British our", "flavour", "F L EY1 V ER0"},
		{"British our with an ending", "labours", "L EY1 B ER0 Z"},
		{"British ence", "offence", "AH0 F EH1 N S"},
		{"no vowel letter: spelt", "xzq", "EH1 K S Z IY1 K Y UW1"},
		{"apostrophe inside", "o'sullivan", "OW0 S AH1 L AH0 V AH0 N"},
		{"dropped g", "wintering'", "W IH1 N T ER0 IH0 NG"},
		{"nothing known", "zxoga", "Z AO1 G"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := pronounce(t, l, tt.word); got[0] != tt.want {
				t.Errorf("%s is said %q, want %s first", tt.word, got, tt.want)
			}
		})
	}
	t.Run("a compound beside the guess", func(t *testing.T) {
		want := []string{"Z AO1 G", "L AY1 V S T R IY2 M"}
		if got := pronounce(t, l, "livestream"); !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
			t.Errorf("got %q, want both of %q", got, want)
		}
	})
	t.Run("spelt where the guess is silence", func(t *testing.T) {
		if got := pronounce(t, newTestLexicon(t, guesser{}), "zxoga"); !strings.HasPrefix(got[0], "Z IY1 EH1 K S") {
			t.Errorf("got %q", got)
		}
	})
}

func TestPronounceFails(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name, word string
		g2p        G2P
		want       error
	}{
		{"guesser fails", "zxoga", guesser{err: broken}, broken},
		{"guesser of a stem fails", "zxoga's", guesser{err: broken}, broken},
		{"no guesser", "zxoga", nil, errNoGuess},
		{"empty", "", nil, nil},
		{"only an apostrophe", "'", nil, nil},
		{"capital", "Hello", nil, nil},
		{"digit", "a1", nil, nil},
		{"tab", "a\tb", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := newTestLexicon(t, tt.g2p).Pronounce(t.Context(), tt.word)
			if err == nil || ps != nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v and %v, want %v", ps, err, tt.want)
			}
			if err != nil && len(tt.word) > 2 && strings.Contains(err.Error(), tt.word) {
				t.Errorf("the learner's text is in the error: %v", err)
			}
		})
	}
}

// TestLexiconHoldsItsPromises reads every word of the dictionary.
func TestLexiconHoldsItsPromises(t *testing.T) {
	l := newTestLexicon(t, nil)
	if len(l.lines) < 120_000 {
		t.Fatalf("%d words", len(l.lines))
	}
	last := ""
	for i := range l.lines {
		w, _, _ := bytes.Cut(l.line(i), []byte("\t"))
		word := string(w)
		if word <= last {
			t.Fatalf("%q stands after %q", word, last)
		}
		last = word
		known := l.known(word)
		ps := variants(word, known)
		if len(ps) == 0 || len(ps) > MaxPronunciations || !slices.Equal(ps[0], known[0]) {
			t.Errorf("%s: %d pronunciations, the first %v, want %v", word, len(ps), ps, known[0])
		}
		for j, p := range ps {
			if len(p) == 0 {
				t.Errorf("%s: an empty pronunciation", word)
			}
			for _, q := range ps[:j] {
				if slices.EqualFunc(p, q, samePhoneme) {
					t.Errorf("%s: %v twice", word, p)
				}
			}
			for _, s := range p {
				if s.Stress != 0 && !s.vowel() {
					t.Errorf("%s: %v stresses a consonant", word, p)
				}
			}
		}
	}
}

// TestTablesAreARPAbet reads the symbols that parsePronunciation trusts.
func TestTablesAreARPAbet(t *testing.T) {
	tables := maps.Clone(moreForms)
	maps.Copy(tables, moreWords)
	for word, forms := range tables {
		for form := range strings.SplitSeq(forms, "|") {
			if got := parsePronunciation(form).String(); got != form {
				t.Errorf("%s: %q was read as %q", word, form, got)
			}
		}
	}
	for _, p := range prefixes {
		if got := parsePronunciation(p.sounds).String(); got != p.sounds || got == "" || p.spelling == "" {
			t.Errorf("prefix %q: %q was read as %q", p.spelling, p.sounds, got)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(text))
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, packed := range map[string][]byte{
		"nothing":            nil,
		"not gzip":           []byte("AA0 AA1\n"),
		"cut off":            packedCMUdict[:len(packedCMUdict)/2],
		"no words":           pack("AA0 AA1\n"),
		"an unfinished line": pack("AA0 B\na\t0"),
		"unknown symbol":     pack("AA0 b\na\t0\n"),
		"unknown code":       pack("AA0 B\na\t9\n"),
		"no pronunciation":   pack("AA0 B\na\n"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := new(CMULexicon).unpack(packed); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestParseSound(t *testing.T) {
	for symbol, want := range map[string]Sound{"AH0": {"AH", 0}, "ER2": {"ER", 2}, "NG": {"NG", 0}} {
		if got, err := ParseSound(symbol); err != nil || got != want {
			t.Errorf("%s: got %v and %v", symbol, got, err)
		}
	}
	for _, symbol := range []string{"", "0", "AH", "T1", "AH00", "AH3", "ah0", "A H", "AH0 "} {
		if got, err := ParseSound(symbol); err == nil {
			t.Errorf("%q is read as %v", symbol, got)
		}
	}
}

func FuzzPronounce(f *testing.F) {
	l := newTestLexicon(f, guesser{says: parsePronunciation("Z AO1 G")})
	for _, seed := range []string{"hello", "zxog's's", "''s", "i'd've", "unununder", "s'", "n't", "in'", "wh", "colour", "rererererere", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "A", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		ps, err := l.Pronounce(t.Context(), word)
		spoken := strings.Trim(word, "abcdefghijklmnopqrstuvwxyz'") == "" && strings.Trim(word, "'") != ""
		if (err == nil) != spoken {
			t.Fatalf("%q: %v", word, err)
		}
		if err != nil {
			return
		}
		again, _ := l.Pronounce(t.Context(), word)
		if diff := cmp.Diff(ps, again); diff != "" {
			t.Errorf("%q is said differently the second time:\n%s", word, diff)
		}
		if len(ps) == 0 || len(ps) > MaxPronunciations {
			t.Errorf("%q has %d pronunciations", word, len(ps))
		}
		for _, p := range ps {
			if len(p) == 0 {
				t.Errorf("%q may be silence", word)
			}
		}
	})
}

func BenchmarkPronounce(b *testing.B) {
	l := newTestLexicon(b, nil)
	for b.Loop() {
		if _, err := l.Pronounce(b.Context(), "schedule"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewLexicon(b *testing.B) {
	for b.Loop() {
		if _, err := NewLexicon(nil); err != nil {
			b.Fatal(err)
		}
	}
}
