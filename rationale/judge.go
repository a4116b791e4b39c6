package rationale

import (
	"context"
	"encoding/json"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Verdict is what a text says of something.
type Verdict string

// The verdicts.
const (
	VerdictGood  Verdict = "good"
	VerdictPoor  Verdict = "poor"
	VerdictMixed Verdict = "mixed" // of the whole only
	VerdictNone  Verdict = "none"
)

// Judged is what a language model read in a reply.
type Judged struct {
	Overall Verdict
	Aspects map[coach.Aspect]Verdict
	Words   []JudgedWord
}

// JudgedWord is a word, as the model wrote it, that the reply judges.
type JudgedWord struct {
	Word    string  `json:"word"`
	Verdict Verdict `json:"verdict"`
}

// Judge has the endpoint's model read a reply to someone who read the words aloud.
// It is no more than that model's reading, and is used to measure replies, never
// to make them.
func (e *Endpoint) Judge(ctx context.Context, words []string, text string) (Judged, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	answer, err := e.client.complete(ctx, prompts.JudgeSystem(), prompts.JudgeSchema(), func(bool) string { return prompts.JudgeUser(words, text) })
	if err != nil {
		return Judged{}, err
	}
	var said struct {
		Overall  Verdict      `json:"overall"`
		Accuracy Verdict      `json:"accuracy"`
		Fluency  Verdict      `json:"fluency"`
		Prosody  Verdict      `json:"prosody"`
		Words    []JudgedWord `json:"words"`
	}
	if err := objects(answer, func(d *json.Decoder) bool { return d.Decode(&said) == nil && said.Overall != "" }); err != nil {
		return Judged{}, err
	}
	return Judged{
		Overall: said.Overall,
		Aspects: map[coach.Aspect]Verdict{coach.Accuracy: said.Accuracy, coach.Fluency: said.Fluency, coach.Prosody: said.Prosody},
		Words:   said.Words,
	}, nil
}
