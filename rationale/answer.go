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

// parse reads the model's answer: the JSON object of prompts.Schema, alone, in
// a code fence, or after thoughts. What stands around it is ignored.
func parse(text string) ([]prompts.Segment, error) {
	if _, after, ok := strings.Cut(text, "</think>"); ok {
		text = after
	}
	for rest := text; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			return nil, errNoJSON
		}
		rest = rest[i:]
		var answer struct {
			Segments []prompts.Segment `json:"segments"`
		}
		if err := json.NewDecoder(strings.NewReader(rest)).Decode(&answer); err == nil && len(answer.Segments) > 0 {
			if len(answer.Segments) > maxSegments {
				return nil, errNoJSON
			}
			return answer.Segments, nil
		}
		rest = rest[1:]
	}
}
