package coach

// SampleRate is the rate of every Audio, in Hz.
const SampleRate = 16000

// Audio is decoded speech: mono samples at SampleRate in [-1, 1].
type Audio struct {
	Samples []float32
}

// Seconds is the audio's length.
func (a Audio) Seconds() float64 { return float64(len(a.Samples)) / SampleRate }

// Utterance is what the scorer scores: audio and the sentence that was read.
type Utterance struct {
	Audio Audio
	Text  string // the sentence as the learner saw it
}

// Phoneme is an ARPAbet symbol without stress, as in the model's manifest.
type Phoneme string

// Missing stands in Phone.Heard for a phoneme that was not spoken.
const Missing Phoneme = "missing"

// Span is a stretch of the audio in seconds, End > Start.
type Span struct {
	Start float64 `json:"start"`
	End   float64 `json:"end"`
}

// Phone is the realisation of one expected phoneme.
type Phone struct {
	Expected Phoneme   `json:"expected"`
	IPA      string    `json:"ipa"`    // of Expected
	Stress   int       `json:"stress"` // lexical stress of a vowel: 0 none, 1 primary, 2 secondary
	Heard    *Phoneme  `json:"heard"`  // what was most likely said instead; nil where Expected was
	Accuracy Judgement `json:"accuracy"`
	Span
}

// Word is one word of the sentence, in the sentence's own order and spelling:
// Words and the sentence's words always match one to one.
type Word struct {
	Text     string    `json:"text"`   // as in the sentence, without its punctuation
	Spoken   bool      `json:"spoken"` // false: skipped; Accuracy is then Unscored and the span empty
	Accuracy Judgement `json:"accuracy"`
	Stress   Judgement `json:"stress"`
	Phones   []Phone   `json:"phones"`
	Span
}

// Pause is a silence inside the sentence.
type Pause struct {
	After int `json:"after"` // index of the word before it
	Span
}

// SentenceJudgements are the labels of the whole sentence.
type SentenceJudgements struct {
	Accuracy     Judgement `json:"accuracy"`
	Fluency      Judgement `json:"fluency"`
	Prosody      Judgement `json:"prosody"`
	Completeness Judgement `json:"completeness"`
}

// Of returns the judgement of an aspect, Unscored for one that sentences lack.
func (s SentenceJudgements) Of(a Aspect) Judgement {
	switch a {
	case Accuracy:
		return s.Accuracy
	case Fluency:
		return s.Fluency
	case Prosody:
		return s.Prosody
	case Completeness:
		return s.Completeness
	}
	return Judgement{}
}

// Assessment holds all labels of one utterance.
type Assessment struct {
	Model    string             `json:"model"`   // name and version of what scored it
	Seconds  float64            `json:"seconds"` // length of the audio
	Text     string             `json:"text"`    // the sentence
	Sentence SentenceJudgements `json:"sentence"`
	Words    []Word             `json:"words"`
	Pauses   []Pause            `json:"pauses"`
}
