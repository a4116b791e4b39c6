package scorer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pron makes a pronunciation of classes.
func pron(classes ...int) sounds {
	out := make(sounds, len(classes))
	for i, c := range classes {
		out[i].class = c
	}
	return out
}

// randomFrames are log posteriors that favour nothing.
func randomFrames(r *rand.Rand, frames, classes int) Frames {
	f := Frames{T: frames, Classes: classes}
	for range frames {
		row, sum := make([]float64, classes), 0.0
		for i := range row {
			row[i] = r.ExpFloat64() + .01
			sum += row[i]
		}
		for _, v := range row {
			f.LogPost = append(f.LogPost, float32(math.Log(v/sum)))
		}
	}
	return f
}

// sentences lists every way to say the tokens, as classes.
func sentences(tokens []alternatives) [][]int {
	out := [][]int{nil}
	extend := func(heads [][]int, prons []sounds) (longer [][]int) {
		for _, h := range heads {
			for _, p := range prons {
				one := slices.Clone(h)
				for _, s := range p {
					one = append(one, s.class)
				}
				longer = append(longer, one)
			}
		}
		return longer
	}
	for _, readings := range tokens {
		var next [][]int
		for _, words := range readings {
			heads := out
			for _, prons := range words {
				heads = extend(heads, prons)
			}
			next = append(next, heads...)
		}
		out = next
	}
	return out
}

// ctcLabels turns frame labels into what they say: repeats, then blanks removed.
func ctcLabels(labels []int) []int {
	var out []int
	for i, c := range labels {
		if c != 0 && (i == 0 || labels[i-1] != c) {
			out = append(out, c)
		}
	}
	return out
}

// bruteForce tries every labelling of the frames, by CTC's definition, and
// returns the best that says one of the sentences.
func bruteForce(f Frames, tokens []alternatives) (best float64) {
	ways := sentences(tokens)
	labels := make([]int, f.T)
	best = math.Inf(-1)
	for n := range int(math.Pow(float64(f.Classes), float64(f.T))) {
		var score float64
		for t := range labels {
			labels[t] = n % f.Classes
			n /= f.Classes
			score += float64(f.LogPost[t*f.Classes+labels[t]])
		}
		if score > best && slices.ContainsFunc(ways, func(w []int) bool { return slices.Equal(w, ctcLabels(labels)) }) {
			best = score
		}
	}
	return best
}

func TestAlignFindsTheLikeliestLabelling(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tokens []alternatives
	}{
		{"one phone", []alternatives{{{{pron(1)}}}}},
		{"two words", []alternatives{{{{pron(1, 2)}}}, {{{pron(3)}}}}},
		{"equal neighbours in a word", []alternatives{{{{pron(1, 1)}}}}},
		{"equal neighbours across words", []alternatives{{{{pron(2, 1)}}}, {{{pron(1)}}}}},
		{"two pronunciations", []alternatives{{{{pron(1, 2), pron(3)}}}, {{{pron(1)}}}}},
		{"pronunciations that end and begin alike", []alternatives{{{{pron(1, 2), pron(1, 3)}}}, {{{pron(2), pron(3, 1)}}}}},
		{"two readings", []alternatives{{{{pron(1)}, {pron(2)}}, {{pron(3), pron(2, 3)}}}}},
		{"readings between words", []alternatives{{{{pron(2)}}}, {{{pron(2)}, {pron(1), pron(3)}}, {{pron(1)}}}, {{{pron(1)}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 7))
			l := newLattice(tt.tokens)
			for frames := 1; frames <= 6; frames++ {
				for range 8 {
					f := randomFrames(r, frames, 4)
					want := bruteForce(f, tt.tokens)
					p, ok, err := l.align(t.Context(), f, noDetours())
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						p.score = never
					}
					if math.IsInf(want, -1) == ok || ok && math.Abs(float64(p.score)-want) > 1e-5 {
						t.Fatalf("%d frames: likelihood %v, want %v", frames, p.score, want)
					}
					if !ok {
						continue
					}
					checkPath(t, l, p, f, tt.tokens)
				}
			}
		})
	}
}

// checkPath holds a path to what it says about itself.
func checkPath(t *testing.T, l *lattice, p path, f Frames, tokens []alternatives) {
	t.Helper()
	var score float64
	labels := make([]int, f.T)
	for i, s := range p.states {
		labels[i] = int(l.class[s])
		score += float64(f.LogPost[i*f.Classes+labels[i]])
	}
	if math.Abs(score-float64(p.score)) > 1e-5 {
		t.Errorf("the path's states have likelihood %v, it says %v", score, p.score)
	}
	var said []int
	token, last := 0, -1
	for _, s := range l.segments(p) {
		said = append(said, s.class)
		if s.token < token || s.token > token+1 {
			t.Errorf("token %d follows %d", s.token, token)
		}
		token = s.token
		if s.first <= last || s.last < s.first {
			t.Errorf("frames %d-%d follow %d", s.first, s.last, last)
		}
		last = s.last
		for i := s.first; i <= s.last; i++ {
			if labels[i] != s.class {
				t.Errorf("frame %d has class %d inside a segment of %d", i, labels[i], s.class)
			}
		}
	}
	if !slices.ContainsFunc(sentences(tokens), func(w []int) bool { return slices.Equal(w, said) }) {
		t.Errorf("segments say %v, which is no way to say the sentence", said)
	}
	if diff := cmp.Diff(said, ctcLabels(labels)); diff != "" {
		t.Errorf("segments and states differ:\n%s", diff)
	}
}

func TestAlignBreaksTiesTowardsStaying(t *testing.T) {
	f := Frames{T: 5, Classes: 3, LogPost: make([]float32, 15)} // everything equally likely
	l := newLattice([]alternatives{{{{pron(1, 2)}}}})
	p, ok, err := l.align(t.Context(), f, noDetours())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	// The end is the last blank; going back, each state stays as long as it can.
	want := []segment{{latticeSound{class: 1}, 0, 0}, {latticeSound{class: 2}, 1, 1}}
	if diff := cmp.Diff(want, l.segments(p), cmp.AllowUnexported(segment{}, latticeSound{})); diff != "" {
		t.Error(diff)
	}
}

// peaky are frames in which the given classes are nearly certain.
func peaky(classes int, labels ...int) Frames {
	f := Frames{T: len(labels), Classes: classes}
	for _, c := range labels {
		for k := range classes {
			p := .1 / float64(classes-1)
			if k == c {
				p = .9
			}
			f.LogPost = append(f.LogPost, float32(math.Log(p)))
		}
	}
	return f
}

func TestAlignLeavesTheSentence(t *testing.T) {
	word := func(classes ...int) alternatives { return alternatives{{{pron(classes...)}}} }
	d := detours{skipPhone: -3, insertStart: -2, insertFrame: -1}
	for _, tt := range []struct {
		name    string
		tokens  []alternatives
		said    []int // frames
		skipped []bool
		filled  []int // frames
	}{
		{"not where all was said", []alternatives{word(1, 2), word(3, 4)}, []int{0, 1, 2, 0, 3, 4, 0}, []bool{false, false}, nil},
		{"for a skipped word", []alternatives{word(1, 2), word(3, 4, 3), word(5, 6)}, []int{0, 1, 2, 0, 5, 6, 0}, []bool{false, true, false}, nil},
		{"for a skipped beginning", []alternatives{word(1, 2), word(3, 4, 3), word(5, 6)}, []int{0, 3, 4, 3, 0, 5, 6, 0}, []bool{true, false, false}, nil},
		{"for a skipped end", []alternatives{word(1, 2), word(3, 4, 3), word(5, 6)}, []int{0, 1, 2, 0, 3, 4, 3, 0}, []bool{false, false, true}, nil},
		{"for two skipped words", []alternatives{word(1, 2), word(3, 4, 3), word(2, 2), word(5, 6)}, []int{0, 1, 2, 0, 0, 5, 6, 0}, []bool{false, true, true, false}, nil},
		{"for a false start", []alternatives{word(1, 2), word(3, 4)}, []int{0, 5, 6, 5, 6, 0, 1, 2, 0, 3, 4, 0}, []bool{false, false}, []int{1, 2, 3, 4}},
		{"for an insertion", []alternatives{word(1, 2), word(3, 4)}, []int{0, 1, 2, 0, 6, 5, 6, 5, 0, 3, 4, 0}, []bool{false, false}, []int{4, 5, 6, 7}},
		{"for an end too many", []alternatives{word(1, 2), word(3, 4)}, []int{0, 1, 2, 0, 3, 4, 0, 6, 5, 6, 5}, []bool{false, false}, []int{7, 8, 9, 10}},
		{"for another word in place", []alternatives{word(1, 2), word(3, 4, 3), word(5, 6)}, []int{0, 1, 2, 0, 6, 1, 6, 1, 0, 5, 6, 0}, []bool{false, true, false}, []int{4, 5, 6, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLattice(tt.tokens)
			p, ok, err := l.align(t.Context(), peaky(7, tt.said...), d)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if diff := cmp.Diff(tt.skipped, p.skipped); diff != "" {
				t.Errorf("skipped tokens (-want +got):\n%s", diff)
			}
			var filled []int
			for i, f := range l.filled(p) {
				if f && tt.said[i] != 0 {
					filled = append(filled, i)
				}
			}
			if diff := cmp.Diff(tt.filled, filled); diff != "" {
				t.Errorf("frames of other speech (-want +got):\n%s", diff)
			}
			diverted := slices.Contains(tt.skipped, true) || tt.filled != nil
			if got := leaves(l, p); got != diverted {
				t.Errorf("that it leaves the sentence is %v", got)
			}
			for _, s := range l.segments(p) {
				if p.skipped[s.token] {
					t.Errorf("a skipped token has segment %+v", s)
				}
			}
		})
	}
}

// leaves reports whether a path skips a token or uses a filler.
func leaves(l *lattice, p path) bool {
	return slices.Contains(p.skipped, true) || slices.Contains(l.filled(p), true)
}

// TestDetoursOnlyAdd holds the two alignments together: with detours a path is
// at least as likely, and the same where it made none.
func TestDetoursOnlyAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	l := newLattice([]alternatives{{{{pron(1, 2), pron(2)}}}, {{{pron(3)}}}, {{{pron(1, 1)}}}})
	same := 0
	for range 300 {
		f := randomFrames(r, 8, 4)
		plain, _, err := l.align(t.Context(), f, noDetours())
		if err != nil {
			t.Fatal(err)
		}
		free, ok, err := l.align(t.Context(), f, detours{skipPhone: -1.5, insertStart: -2, insertFrame: -.3})
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if free.score < plain.score {
			t.Fatalf("likelihood %v with detours, %v without", free.score, plain.score)
		}
		if !leaves(l, free) {
			same++
			if diff := cmp.Diff(plain.states, free.states); diff != "" {
				t.Fatalf("paths differ without a detour:\n%s", diff)
			}
		}
	}
	if same == 0 || same == 300 {
		t.Errorf("%d of 300 paths made no detour: nothing was compared", same)
	}
}
