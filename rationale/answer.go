package rationale

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/mynah-coach/mynah/prompts"
)

// Limits of an answer: more than any set of claims needs.
const maxSegments = 16

var errNoJSON = errors.New("the model's answer is not the JSON asked for")

// parse reads the model's answer: the JSON object of prompts.Schema.
func parse(text string) ([]prompts.Segment, error) {
	var answer struct {
		Segments []prompts.Segment `json:"segments"`
	}
	err := objects(text, func(d *json.Decoder) bool { return d.Decode(&answer) == nil && len(answer.Segments) > 0 })
	if err != nil || len(answer.Segments) > maxSegments {
		return nil, errNoJSON
	}
	return answer.Segments, nil
}

// objects finds the JSON object that take accepts: alone, in a code fence, or after
// thoughts. What stands around it is ignored.
func objects(text string, take func(d *json.Decoder) bool) error {
	if _, after, ok := strings.Cut(text, "</think>"); ok {
		text = after
	}
	for rest := text; ; rest = rest[1:] {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			return errNoJSON
		}
		rest = rest[i:]
		if take(json.NewDecoder(strings.NewReader(rest))) {
			return nil
		}
	}
}
