package scorer

import "math"

// none marks a state that belongs to no sound.
const none = -1

// A lattice holds every way to say a sentence as the states of a CTC
// alignment (Graves et al. 2006): each sound is a state, with an optional
// blank before, between and after sounds, mandatory between equal ones. The
// words' alternative readings and pronunciations lie side by side between
// shared blanks, the *boundaries*: one before each token and one after the
// last.
//
// For recordings that differ from the sentence, a token can be skipped at a
// cost (from its boundary to the next, in no time), and at each boundary there
// is a *filler*, which takes any sounds at a cost.
//
// A lattice is read-only once it is built.
type lattice struct {
	sounds []latticeSound
	usual  [][]int // for each token, its sounds in the usual reading and pronunciation
	least  []int   // for each token, the fewest sounds of any way to say it

	// The states, in an order in which time never runs backwards. Those that
	// can come before state s (besides s itself) are before[at[s]:at[s+1]],
	// preferred first. State fillers+i is the filler of boundary i: it emits
	// anything, and can only follow boundaries[i].
	class      []int32 // what the state emits; 0 is blank
	sound      []int32 // index in sounds, none for blanks
	at, before []int32
	boundaries []int32 // one more than tokens
	fillers    int32   // also the number of states that are not fillers
	ends       []int32 // where a path may end, preferred first
}

// latticeSound is one expected sound of one alternative.
type latticeSound struct {
	class, stress int
	token         int
}

// alternatives are the ways to say one token: readings, each of words, each
// with pronunciations; the usual ones first, none of them empty.
type alternatives [][][]sounds

// least is the fewest sounds of any way to say the token.
func (a alternatives) least() int {
	fewest := math.MaxInt
	for _, words := range a {
		n := 0
		for _, prons := range words {
			shortest := len(prons[0])
			for _, p := range prons[1:] {
				shortest = min(shortest, len(p))
			}
			n += shortest
		}
		fewest = min(fewest, n)
	}
	return fewest
}

// sounds is a pronunciation in the model's classes.
type sounds []struct{ class, stress int }

// maxBefore keeps an index into a state's predecessors within a byte.
const maxBefore = 250

// newLattice builds the lattice of a sentence's tokens.
func newLattice(tokens []alternatives) *lattice {
	l := &lattice{usual: make([][]int, len(tokens))}
	b := latticeBuilder{l: l}
	for i, readings := range tokens {
		// The filler's place is known only at the end; see finish.
		boundary := b.boundary(true)
		l.least = append(l.least, readings.least())
		before := b.lasts
		var lasts []int32
		for r, words := range readings {
			blank := boundary
			b.lasts = before
			for w, prons := range words {
				if w > 0 {
					blank = b.boundary(false)
				}
				from := b.lasts
				b.lasts = nil
				for p, pron := range prons {
					b.pronunciation(i, pron, blank, from, r == 0 && p == 0)
				}
			}
			lasts = append(lasts, b.lasts...)
		}
		b.lasts = lasts
	}
	end := b.boundary(true)
	return b.finish(append([]int32{end}, b.lasts...))
}

// latticeBuilder adds states to a lattice from left to right.
type latticeBuilder struct {
	l     *lattice
	lasts []int32 // the last sounds of everything that the next word can follow
}

// add appends a state that can follow the states before.
func (b *latticeBuilder) add(class, sound int, before ...int32) int32 {
	l := b.l
	l.at = append(l.at, int32(len(l.before)))
	l.before = append(l.before, before...)
	l.class = append(l.class, int32(class))
	l.sound = append(l.sound, int32(sound))
	return int32(len(l.class) - 1)
}

// boundary appends the blank that is shared by all words before and after it.
// Between tokens it has a filler, which it can follow; none stands in for it.
func (b *latticeBuilder) boundary(token bool) int32 {
	before := b.lasts
	if token {
		before = append(append([]int32{}, before...), none)
	}
	s := b.add(0, none, before...)
	if token {
		b.l.boundaries = append(b.l.boundaries, s)
	}
	return s
}

// pronunciation appends one pronunciation's states after the blank, or
// directly after the sounds of the word before.
func (b *latticeBuilder) pronunciation(token int, pron sounds, blank int32, from []int32, usual bool) {
	l := b.l
	for k, s := range pron {
		if k > 0 {
			last := int32(len(l.class) - 1)
			blank = b.add(0, none, last)
			from = []int32{last}
		}
		before := []int32{blank}
		for _, f := range from {
			if l.class[f] != int32(s.class) && len(before) < maxBefore {
				before = append(before, f)
			}
		}
		l.sounds = append(l.sounds, latticeSound{class: s.class, stress: s.stress, token: token})
		if usual {
			l.usual[token] = append(l.usual[token], len(l.sounds)-1)
		}
		b.add(s.class, len(l.sounds)-1, before...)
	}
	b.lasts = append(b.lasts, int32(len(l.class)-1))
}

// finish gives the fillers their numbers.
func (b *latticeBuilder) finish(ends []int32) *lattice {
	l := b.l
	l.fillers = int32(len(l.class))
	l.at = append(l.at, int32(len(l.before)))
	i := int32(0)
	for j, p := range l.before {
		if p == none {
			l.before[j] = l.fillers + i
			i++
		}
	}
	l.ends = append(ends, l.fillers+int32(len(l.boundaries))-1)
	return l
}

// states is the number of states, fillers included.
func (l *lattice) states() int { return int(l.fillers) + len(l.boundaries) }

// phones is the number of sounds of the usual alternatives.
func (l *lattice) phones() int {
	n := 0
	for _, t := range l.usual {
		n += len(t)
	}
	return n
}
