package prompts_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/scorer"
)

// phonemes writes a sentence as the bank does, from the lexicon alone: a word
// that it would have to guess is an error.
func phonemes(t *testing.T, lexicon *scorer.CMULexicon, text string) string {
	t.Helper()
	tokens, err := scorer.Tokenize(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var words []string
	for _, token := range tokens {
		var sounds []string
		for _, spoken := range token.Spoken[0] {
			known, err := lexicon.Pronounce(t.Context(), spoken)
			if err != nil {
				t.Errorf("%q: %q: %v", text, spoken, err)
				continue
			}
			for _, s := range known[0] {
				sounds = append(sounds, string(s.Phoneme))
			}
		}
		words = append(words, strings.Join(sounds, " "))
	}
	return strings.Join(words, "|")
}

func written(s prompts.Sentence) string {
	var words []string
	for _, w := range s.Phonemes {
		words = append(words, strings.Trim(fmt.Sprint(w), "[]"))
	}
	return strings.Join(words, "|")
}

func TestPracticePhonemesAreTheLexicons(t *testing.T) {
	lexicon, err := scorer.NewLexicon(nil)
	if err != nil {
		t.Fatal(err)
	}
	var anew strings.Builder
	for _, s := range prompts.Sentences() {
		want := phonemes(t, lexicon, s.Text)
		fmt.Fprintf(&anew, "%s\t%s\t%s\n", s.Level, s.Text, want)
		if d := cmp.Diff(want, written(s)); d != "" && !*update {
			t.Errorf("%q: the bank's phonemes are not the lexicon's (-update writes them; -want +got):\n%s", s.Text, d)
		}
	}
	if *update {
		if err := os.WriteFile("practice.tsv", []byte(anew.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPracticeBankIsWhole(t *testing.T) {
	bank, err := os.ReadFile("practice.tsv")
	if err != nil {
		t.Fatal(err)
	}
	all := prompts.Sentences()
	if lines := strings.Count(string(bank), "\n"); lines != len(all) || lines < 300 {
		t.Errorf("%d lines gave %d sentences", lines, len(all))
	}
	bounds := map[string][2]int{"a2": {5, 9}, "b1": {6, 11}, "b2": {8, 12}, "c1": {9, 14}} // words
	seen := map[string]bool{}
	for _, s := range all {
		words := strings.Fields(s.Text)
		between, ok := bounds[s.Level]
		if !ok || len(words) < between[0] || len(words) > between[1] {
			t.Errorf("%s: %q has %d words", s.Level, s.Text, len(words))
		}
		if len(words) != len(s.Phonemes) {
			t.Errorf("%q: %d words, %d with phonemes", s.Text, len(words), len(s.Phonemes))
		}
		if first, _ := utf8.DecodeRuneInString(s.Text); !unicode.IsUpper(first) || !strings.ContainsAny(s.Text[len(s.Text)-1:], ".?") {
			t.Errorf("%q does not begin and end as a sentence", s.Text)
		}
		if strings.Trim(s.Text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz '.,?:") != "" {
			t.Errorf("%q has characters that are not read alike everywhere", s.Text)
		}
		if seen[s.Text] {
			t.Errorf("%q is there twice", s.Text)
		}
		seen[s.Text] = true
	}
}

// Levels rise: in length, in the length of words and in crowded consonants.
func TestPracticeLevelsRise(t *testing.T) {
	vowel := func(p coach.Phoneme) bool { return strings.ContainsAny(string(p[:1]), "AEIOU") }
	var last [3]float64
	for _, l := range prompts.Levels() {
		var n, words, sounds, clusters float64
		for _, s := range prompts.Sentences() {
			if s.Level != l.Value {
				continue
			}
			n++
			for _, w := range s.Phonemes {
				words++
				sounds += float64(len(w))
				for i := 1; i < len(w); i++ {
					if !vowel(w[i]) && !vowel(w[i-1]) {
						clusters++
					}
				}
			}
		}
		if n < 70 {
			t.Errorf("%s has %v sentences", l.Value, n)
		}
		now := [3]float64{words / n, sounds / words, clusters / n}
		for i, what := range []string{"words in a sentence", "sounds in a word", "clusters in a sentence"} {
			if now[i] <= last[i] {
				t.Errorf("%s has %.2f %s, the level before %.2f", l.Value, now[i], what, last[i])
			}
		}
		last = now
	}
}

func TestPracticeCoversEverySound(t *testing.T) {
	all := prompts.Sentences()
	for _, sound := range prompts.Sounds() {
		twice := map[string]int{}
		total := 0
		for _, s := range all {
			if s.Count(sound.Phoneme) >= 2 {
				twice[s.Level]++
				total++
			}
		}
		if total < 8 {
			t.Errorf("%s: %d sentences have it twice", sound.Phoneme, total)
		}
		for _, l := range prompts.Levels() {
			if twice[l.Value] == 0 {
				t.Errorf("%s: none of level %s has it twice", sound.Phoneme, l.Value)
			}
		}
	}
}

// The contrasts of high functional load are there as words that nothing else
// keeps apart.
func TestPracticeHasMinimalPairs(t *testing.T) {
	all := prompts.Sentences()
	for _, c := range prompts.HighContrasts() {
		n := 0
		for _, s := range all {
			if hasPair(s.Phonemes, c[0], c[1]) {
				n++
			}
		}
		if n < 3 {
			t.Errorf("%s and %s: %d sentences have a minimal pair", c[0], c[1], n)
		}
	}
}

func hasPair(words [][]coach.Phoneme, a, b coach.Phoneme) bool {
	for _, x := range words {
		for _, y := range words {
			if len(x) == len(y) && pair(x, y, a, b) {
				return true
			}
		}
	}
	return false
}

func pair(x, y []coach.Phoneme, a, b coach.Phoneme) bool {
	differ := 0
	for i := range x {
		if x[i] == y[i] {
			continue
		}
		if differ++; x[i] != a || y[i] != b {
			return false
		}
	}
	return differ == 1
}

func TestPick(t *testing.T) {
	th := map[coach.Phoneme]float64{"TH": 1}
	for _, l := range prompts.Levels() {
		for seed := range uint64(20) {
			s := prompts.Pick(l.Value, th, nil, seed)
			if s.Level != l.Value || s.Count("TH") < 2 {
				t.Errorf("seed %d: %s, %q", seed, s.Level, s.Text)
			}
			if again := prompts.Pick(l.Value, th, nil, seed); again.Text != s.Text {
				t.Errorf("seed %d gave %q, then %q", seed, s.Text, again.Text)
			}
		}
	}

	t.Run("every sound of the menu brings sentences that have it twice", func(t *testing.T) {
		for _, o := range prompts.PracticeSounds() {
			p := coach.Phoneme(strings.ToUpper(o.Value))
			for _, l := range prompts.Levels() {
				for seed := range uint64(3) {
					if s := prompts.Pick(l.Value, map[coach.Phoneme]float64{p: 1}, nil, seed); s.Count(p) < 2 {
						t.Errorf("%s at %s: %q", p, l.Value, s.Text)
					}
				}
			}
		}
	})
	t.Run("weights decide", func(t *testing.T) {
		s := prompts.Pick("b1", map[coach.Phoneme]float64{"ZH": 1, "OY": .01}, nil, 3)
		if s.Count("ZH") == 0 {
			t.Errorf("%q has no ZH", s.Text)
		}
	})
	t.Run("what is avoided comes last", func(t *testing.T) {
		seen := map[string]bool{}
		avoid := func(text string) bool { return seen[text] }
		of := 0
		for _, s := range prompts.Sentences() {
			if s.Level == "a2" {
				of++
			}
		}
		for i := range of {
			s := prompts.Pick("a2", nil, avoid, 7)
			if seen[s.Text] {
				t.Fatalf("%q came again after %d of %d", s.Text, i, of)
			}
			seen[s.Text] = true
		}
		if s := prompts.Pick("a2", nil, avoid, 7); s.Level != "a2" {
			t.Errorf("with all avoided: %q of %s", s.Text, s.Level)
		}
	})
	t.Run("seeds bring variety", func(t *testing.T) {
		texts := map[string]bool{}
		for seed := range uint64(200) {
			texts[prompts.Pick("", nil, nil, seed).Text] = true
		}
		if len(texts) < 120 {
			t.Errorf("200 seeds brought %d sentences", len(texts))
		}
	})
	t.Run("a level that does not exist is any", func(t *testing.T) {
		if s := prompts.Pick("z9", th, nil, 1); s.Count("TH") < 2 {
			t.Errorf("%q", s.Text)
		}
	})
	t.Run("a sound that does not exist, weights that are none", func(t *testing.T) {
		nan := 0.0
		nan /= nan
		if s := prompts.Pick("b2", map[coach.Phoneme]float64{"XX": 1, "TH": nan, "R": -1}, nil, 1); s.Level != "b2" {
			t.Errorf("%q", s.Text)
		}
	})
}

func TestPracticeMenus(t *testing.T) {
	sounds := prompts.PracticeSounds()
	if len(sounds) != 25 {
		t.Errorf("%d sounds", len(sounds))
	}
	seen := map[string]bool{}
	for _, o := range append(sounds, prompts.Levels()...) {
		if seen[o.Value] || seen[o.Label] || len(o.Value) > 24 || utf8.RuneCountInString(o.Label) > 70 || o.Label == "" {
			t.Errorf("option %+v", o)
		}
		seen[o.Value], seen[o.Label] = true, true
		if strings.Trim(o.Value, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			t.Errorf("value %q", o.Value)
		}
	}
	for _, want := range []coach.Option{{Value: "th", Label: "th as in think /θ/"}, {Value: "ih", Label: "short “i” as in sit /ɪ/"}} {
		found := false
		for _, o := range sounds {
			found = found || o == want
		}
		if !found {
			t.Errorf("%+v is not on the menu", want)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	weak := map[coach.Phoneme]float64{"TH": 2, "R": 1, "V": .5}
	for i := range b.N {
		prompts.Pick("b1", weak, nil, uint64(i))
	}
}
