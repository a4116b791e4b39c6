package scorer

import (
	"context"

	"github.com/mynah-coach/mynah/coach"
)

// Model is the seam to the neural networks: two graphs, run by scorer/ort.
// Implementations are safe for concurrent use.
type Model interface {
	Manifest() *Manifest

	// Listen runs the acoustic graph over samples (mono, coach.SampleRate).
	Listen(ctx context.Context, samples []float32) (Frames, error)

	// Judge runs the scoring graph over the frames of one utterance and the
	// phones that the alignment found in them.
	Judge(ctx context.Context, f Frames, phones []AlignedPhone) (Scores, error)
}

// Frames is what the acoustic graph hears: T frames, Manifest.FrameSeconds apart.
type Frames struct {
	T       int
	Classes int       // 1 + the number of phonemes; class 0 is blank (no phone)
	LogPost []float32 // T x Classes log posteriors, row-major
	Hidden  []float32 // T x HiddenSize features for the scoring graph, opaque
}

// AlignedPhone is one expected phoneme and the frames that it was aligned to.
type AlignedPhone struct {
	Class  int // 1-based index into Manifest.Phonemes
	Stress int // 0, 1, 2
	Word   int // 0-based, counting only the words passed; never decreases
	First  int // first frame in the phoneme's state
	Last   int // last frame in it, >= First
}

// Scores is the scoring graph's answer for N phones in W words: scores on the
// corpus's scales (phones 0-2, words and sentence 0-10) and, for each, the
// calibrated probabilities of the five classes, worst first.
type Scores struct {
	Phone, PhoneProbs   []float32 // N, N x 5
	Word, WordProbs     []float32 // W, W x 5
	Stress, StressProbs []float32 // W, W x 5
	Sentence            []float32 // 3: accuracy, fluency, prosody
	SentenceProbs       []float32 // 3 x 5
	Heard               []float32 // N x Classes: probability of each phoneme being what was said; 0: nothing was
}

// Sound is one phoneme of a pronunciation with its lexical stress.
type Sound struct {
	Phoneme coach.Phoneme
	Stress  int // of a vowel: 0 none, 1 primary, 2 secondary; 0 for consonants
}

// Pronunciation is one way to say a word.
type Pronunciation []Sound

// Lexicon knows how words are said. Safe for concurrent use.
type Lexicon interface {
	// Pronounce returns all accepted pronunciations of a spoken word (lower
	// case, letters and apostrophes only), the usual one first; at least one.
	Pronounce(ctx context.Context, word string) ([]Pronunciation, error)
}

// G2P guesses how a word that no list has may be said, likeliest first. It may
// have no answer.
type G2P interface {
	Guess(ctx context.Context, word string) ([]Pronunciation, error)
}

// Token is one word of the sentence as it is written, and as it is spoken:
// "25" is one token spoken as two words.
type Token struct {
	Text   string     // as written, without the punctuation around it
	Spoken [][]string // alternative readings, each a list of spoken words; the usual one first
}
