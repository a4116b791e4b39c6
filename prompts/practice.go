package prompts

import (
	"cmp"
	_ "embed" // the bank
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// bank holds the practice sentences, a line each: level, sentence, and its
// phonemes, words parted by bars. The phonemes are the lexicon's; a test writes
// them (go test ./prompts -run Practice -update) and proves them.
//
//go:embed practice.tsv
var bank string

// Sentence is one to read aloud.
type Sentence struct {
	Level    string // the Value of one of Levels
	Text     string
	Phonemes [][]coach.Phoneme // of each of Text's words, in order, as the lexicon says them first
}

// Count is how often the sentence has a phoneme.
func (s Sentence) Count(p coach.Phoneme) int {
	n := 0
	for _, w := range s.Phonemes {
		for _, q := range w {
			if q == p {
				n++
			}
		}
	}
	return n
}

// line is a sentence as the bank has it.
type line struct{ level, text, sounds string }

// lines yields the bank's lines.
func lines() iter.Seq[line] {
	return func(yield func(line) bool) {
		for l := range strings.Lines(bank) {
			level, rest, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
			text, sounds, _ := strings.Cut(rest, "\t")
			if !yield(line{level, text, sounds}) {
				return
			}
		}
	}
}

func (l line) sentence() Sentence {
	s := Sentence{Level: l.level, Text: l.text}
	for w := range strings.SplitSeq(l.sounds, "|") {
		var phonemes []coach.Phoneme
		for p := range strings.FieldsSeq(w) {
			phonemes = append(phonemes, coach.Phoneme(p))
		}
		s.Phonemes = append(s.Phonemes, phonemes)
	}
	return s
}

// practice is how much practice of a phoneme the sentence gives: nothing for
// none, less for each further one, and half for one in a small word such as
// "the", which is weak in good speech.
func (l line) practice(sound coach.Phoneme) float64 {
	left, text := 1.0, l.text
	for w := range strings.SplitSeq(l.sounds, "|") {
		var written string
		written, text, _ = strings.Cut(text, " ")
		n := 0
		for p := range strings.FieldsSeq(w) {
			if p == string(sound) {
				n++
			}
		}
		if n == 0 {
			continue
		}
		rest := .6
		if FunctionWord(strings.Trim(written, ".,:;?!")) {
			rest = .8
		}
		left *= math.Pow(rest, float64(n))
	}
	return 1 - left
}

// Sentences returns the whole bank, easy levels first.
func Sentences() []Sentence {
	var all []Sentence
	for l := range lines() {
		all = append(all, l.sentence())
	}
	return all
}

// Pick chooses a sentence to practise on: of a level ("" or one that does not
// exist: of any), rich in the sounds by their weights (none: any sentence), and
// none whose text avoid reports (nil: none is avoided) as long as others are
// left. Among those that are about as good, the seed decides: the same arguments
// always give the same sentence. It takes time in proportion to the bank, and to
// the sounds that have a weight: give it the few that matter.
func Pick(level string, sounds map[coach.Phoneme]float64, avoid func(text string) bool, seed uint64) Sentence {
	if !slices.ContainsFunc(Levels(), func(o coach.Option) bool { return o.Value == level }) {
		level = ""
	}
	var of, fresh []line
	for l := range lines() {
		if level != "" && l.level != level {
			continue
		}
		of = append(of, l)
		if avoid == nil || !avoid(l.text) {
			fresh = append(fresh, l)
		}
	}
	if len(fresh) == 0 {
		fresh = of
	}
	wanted := wantedSounds(sounds)
	values := make([]float64, len(fresh))
	best := 0.0
	for i, l := range fresh {
		for _, w := range wanted {
			values[i] += w.weight * l.practice(w.sound)
		}
		best = max(best, values[i])
	}
	const nearly = .8 // of the best is as good: learners want variety, too
	var good []line
	for i, l := range fresh {
		if values[i] >= nearly*best {
			good = append(good, l)
		}
	}
	return good[mix(level, strconv.FormatUint(seed, 10))%uint64(len(good))].sentence()
}

type wantedSound struct {
	sound  coach.Phoneme
	weight float64
}

// wantedSounds lists what has a weight, in an order of its own, so that sums of
// floats don't depend on the map's.
func wantedSounds(sounds map[coach.Phoneme]float64) []wantedSound {
	var out []wantedSound
	for p, w := range sounds {
		if w > 0 {
			out = append(out, wantedSound{p, min(w, 1e6)})
		}
	}
	slices.SortFunc(out, func(a, b wantedSound) int { return strings.Compare(string(a.sound), string(b.sound)) })
	return out
}

// Levels returns the levels of sentences, easy first, for a menu. They go by
// length, by how common the words are and by how consonants crowd; they are
// named after the levels of the Common European Framework of Reference because
// learners know these, and say nothing about a learner's own level.
func Levels() []coach.Option {
	return []coach.Option{
		{Value: "a2", Label: "A2: short sentences, everyday words"},
		{Value: "b1", Label: "B1: everyday life and work"},
		{Value: "b2", Label: "B2: longer sentences, harder words"},
		{Value: "c1", Label: "C1: long words and crowded sounds"},
	}
}

// maxMenu is the most options that a platform's menu takes.
const maxMenu = 25

// PracticeSounds returns the sounds worth choosing from a menu, at most 25, the
// most rewarding first: by functional load, and by how hard they are for
// learners. The value is the phoneme in lower case. Pick takes all 39.
func PracticeSounds() []coach.Option {
	type ranked struct {
		sound Sound
		value float64
	}
	var all []ranked
	for _, s := range Sounds() {
		most := 0
		for _, c := range contrasts {
			if c.a == s.Phoneme || c.b == s.Phoneme {
				most = max(most, c.load)
			}
		}
		if !s.Vowel {
			if l := load(s.Phoneme, coach.Missing, true); l == loadGrammar {
				most = max(most, l)
			}
		}
		all = append(all, ranked{s, float64(most) * difficulty(s.Phoneme)})
	}
	slices.SortStableFunc(all, func(x, y ranked) int { return cmp.Compare(y.value, x.value) })
	var out []coach.Option
	for _, r := range all[:min(maxMenu, len(all))] {
		out = append(out, coach.Option{Value: strings.ToLower(string(r.sound.Phoneme)), Label: r.sound.Label()})
	}
	return out
}

// Label names the sound in a menu or beside a bar: th as in think /θ/.
func (s Sound) Label() string {
	name := s.Name
	if strings.HasPrefix(name, "“") {
		name = strings.Trim(name, "“”")
	}
	return name + " as in " + s.Key + " /" + s.IPA + "/"
}
