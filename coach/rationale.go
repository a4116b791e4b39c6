package coach

import "time"

// ClaimKind says what a claim is about.
type ClaimKind string

// The kinds of claim that a rationale can hold.
const (
	ClaimStrength ClaimKind = "strength" // something that was good: an aspect, a word or a sound
	ClaimSentence ClaimKind = "sentence" // an aspect of the sentence
	ClaimWord     ClaimKind = "word"     // a word to work on
	ClaimPhone    ClaimKind = "phone"    // a sound to work on, in a word
	ClaimPause    ClaimKind = "pause"    // a pause that broke the sentence
	ClaimChange   ClaimKind = "change"   // better (or not) than an earlier time
	ClaimCue      ClaimKind = "cue"      // how to make a sound
	ClaimNext     ClaimKind = "next"     // what to try next; with an aspect, because we are not sure of that aspect; with a phone, because that was the least clear
)

// Claim is one checkable statement of a rationale, with the evidence it rests
// on: which label of the assessment, of which word and phone.
type Claim struct {
	ID         string    `json:"id"` // unique in its rationale: "c1", "c2", ...
	Kind       ClaimKind `json:"kind"`
	Aspect     Aspect    `json:"aspect,omitempty"`
	Word       *int      `json:"word,omitempty"`  // index into Assessment.Words
	Phone      *int      `json:"phone,omitempty"` // index into that word's Phones
	Label      Label     `json:"label,omitempty"`
	Confidence float64   `json:"confidence,omitempty"`
	Expected   Phoneme   `json:"expected,omitempty"`
	Heard      Phoneme   `json:"heard,omitempty"`
	Text       string    `json:"text,omitempty"` // a cue's or next step's own words
}

// Source says who worded a rationale.
type Source string

// The two ways in which a rationale gets its words.
const (
	SourcePlain    Source = "plain"    // the deterministic realiser
	SourceEndpoint Source = "endpoint" // the language model, every claim checked
)

// Rationale is the explanation of an assessment: its claims, and the words.
type Rationale struct {
	Text   string  `json:"text"`
	Source Source  `json:"source"`
	Claims []Claim `json:"claims"`
}

// Lesson is what is remembered of an answered voice note, for a learner's
// history: it lets the next rationale vary and compare.
type Lesson struct {
	Note       NoteID     `json:"note"`
	At         time.Time  `json:"at"`
	Assessment Assessment `json:"assessment"`
	Rationale  Rationale  `json:"rationale"`
}
