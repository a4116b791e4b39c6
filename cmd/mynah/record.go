package main

import (
	"github.com/mynah-coach/mynah/coach"
)

// recordSchema names the version of what assess --json prints, documented in
// docs/assessment-json.md and docs/assessment.schema.json. Fields may be added
// to a version; a change of what one means makes a new one.
const recordSchema = "mynah.assessment/1"

// record is one recording as assess --json prints it. What could not be judged
// is null, never zero.
type record struct {
	Schema    string           `json:"schema"`
	File      string           `json:"file"`
	Model     string           `json:"model"`
	Seconds   *float64         `json:"seconds"` // null where it could not be decoded
	Text      string           `json:"text"`
	Refused   *refusal         `json:"refused"`
	Sentence  *sentenceRecord  `json:"sentence"` // null where refused
	Words     []wordRecord     `json:"words"`
	Pauses    []coach.Pause    `json:"pauses"`
	Rationale *rationaleRecord `json:"rationale"` // null where refused
}

type refusal struct {
	Reason coach.Reason `json:"reason"`
	Advice string       `json:"advice"`
}

type sentenceRecord struct {
	Accuracy     *coach.Judgement `json:"accuracy"`
	Fluency      *coach.Judgement `json:"fluency"`
	Prosody      *coach.Judgement `json:"prosody"`
	Completeness *coach.Judgement `json:"completeness"`
}

type wordRecord struct {
	Text     string           `json:"text"`
	Spoken   bool             `json:"spoken"`
	Start    *float64         `json:"start"` // null where not spoken
	End      *float64         `json:"end"`
	Accuracy *coach.Judgement `json:"accuracy"`
	Stress   *coach.Judgement `json:"stress"`
	Phones   []phoneRecord    `json:"phones"`
}

type phoneRecord struct {
	Expected coach.Phoneme    `json:"expected"`
	IPA      string           `json:"ipa"`
	Stress   int              `json:"stress"`
	Heard    *coach.Phoneme   `json:"heard"`
	Start    *float64         `json:"start"`
	End      *float64         `json:"end"`
	Accuracy *coach.Judgement `json:"accuracy"`
}

type rationaleRecord struct {
	Text   string        `json:"text"`
	Source coach.Source  `json:"source"`
	Claims []coach.Claim `json:"claims"`
}

// newRecord puts the record of an assessed recording together.
func newRecord(file string, a coach.Assessment, why coach.Rationale) record {
	r := record{
		Schema:  recordSchema,
		File:    file,
		Model:   a.Model,
		Seconds: &a.Seconds,
		Text:    a.Text,
		Sentence: &sentenceRecord{
			Accuracy:     scored(a.Sentence.Accuracy),
			Fluency:      scored(a.Sentence.Fluency),
			Prosody:      scored(a.Sentence.Prosody),
			Completeness: scored(a.Sentence.Completeness),
		},
		Words:     make([]wordRecord, len(a.Words)),
		Pauses:    orEmpty(a.Pauses),
		Rationale: &rationaleRecord{Text: why.Text, Source: why.Source, Claims: orEmpty(why.Claims)},
	}
	for i, w := range a.Words {
		word := wordRecord{
			Text: w.Text, Spoken: w.Spoken,
			Accuracy: scored(w.Accuracy), Stress: scored(w.Stress),
			Phones: make([]phoneRecord, len(w.Phones)),
		}
		word.Start, word.End = times(w.Span)
		for j, p := range w.Phones {
			phone := phoneRecord{Expected: p.Expected, IPA: p.IPA, Stress: p.Stress, Heard: p.Heard, Accuracy: scored(p.Accuracy)}
			phone.Start, phone.End = times(p.Span)
			word.Phones[j] = phone
		}
		r.Words[i] = word
	}
	return r
}

// newRefusal is the record of a recording that was refused; seconds is nil
// where it could not be decoded.
func newRefusal(file, model, text string, seconds *float64, reason coach.Reason, advice string) record {
	return record{
		Schema: recordSchema, File: file, Model: model, Text: text, Seconds: seconds,
		Refused: &refusal{Reason: reason, Advice: advice},
		Words:   []wordRecord{}, Pauses: []coach.Pause{},
	}
}

// scored is nil for a judgement without a label.
func scored(j coach.Judgement) *coach.Judgement {
	if !j.Scored() {
		return nil
	}
	return &j
}

// times are nil for the empty span of what was not spoken.
func times(s coach.Span) (start, end *float64) {
	if s.End <= s.Start {
		return nil, nil
	}
	return &s.Start, &s.End
}

// orEmpty makes nil the empty list that JSON wants.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
