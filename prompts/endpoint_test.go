package prompts_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// What a model is told, word for word: a change of it changes what models answer.
func TestPromptsOfAnEndpoint(t *testing.T) {
	a := wrong(wrong(say("the red light is very big"), 2, 0, coach.Worst, "R"), 4, 0, coach.Average, "W")
	earlier := []coach.Lesson{answer(a, nil)}
	claims := prompts.Choose(a, earlier)
	var b strings.Builder
	for _, part := range []string{
		prompts.System(),
		prompts.User(claims, a, earlier, false, nil),
		prompts.User(claims, a, earlier, true, nil),
		prompts.User(claims, a, earlier, false, map[string]string{"c2": "it was missing"}),
		string(prompts.Schema(claims)),
		prompts.JudgeSystem(),
		prompts.JudgeUser([]string{"the", "red", "light"}, "“red” was clear."),
		string(prompts.JudgeSchema()),
	} {
		b.WriteString(part + "\n\n")
	}
	golden(t, "endpoint.txt", b.String())
	for _, schema := range []json.RawMessage{prompts.Schema(claims), prompts.JudgeSchema()} {
		if !json.Valid(schema) {
			t.Errorf("no JSON: %s", schema)
		}
	}
}
