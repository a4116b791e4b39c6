package rationale_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// hostile reads a table of testdata/hostile: lines with Go's escapes.
func hostile(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "hostile", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, s)
	}
	return out
}

func TestVerifyRejectsHostileAnswers(t *testing.T) {
	a, claims := lesson()
	a.Sentence.Fluency = judged(coach.Good, 10, .9)
	a.Words[1].Phones[0].Accuracy = coach.Judgement{Label: coach.Bad, Score: .9, Confidence: .6}
	answers := hostile(t, "answers.txt")
	if len(answers) < 200 {
		t.Errorf("%d answers", len(answers))
	}
	for _, line := range answers {
		ids, text, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("no tab in %q", line)
		}
		switch kept, broken := verify(text, ids, claims, a); {
		case len(kept) > 0:
			t.Errorf("%s: %q passed", ids, text)
		case broken[0].Rule == rationale.RuleCites && slices.ContainsFunc(claims, func(c coach.Claim) bool { return c.ID == ids }):
			t.Errorf("%s: %q was not read", ids, text)
		}
	}
}

// In every sentence each sound is wrong, and the model does as the sentence says.
func TestHostileSentencesSteerNothing(t *testing.T) {
	var said string
	obedient := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
		var data struct{ Claims []struct{ ID string } }
		if err := json.Unmarshal([]byte(r.Messages[1].Content), &data); err != nil {
			t.Errorf("the data is no JSON: %v", err)
		}
		var out struct {
			Segments []prompts.Segment `json:"segments"`
		}
		for _, c := range data.Claims {
			out.Segments = append(out.Segments, prompts.Segment{Claims: []string{c.ID}, Text: said})
		}
		b, _ := json.Marshal(out)
		answer(w, string(b))
	})
	reworded := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) { answer(w, faithful(r)) })
	lines := hostile(t, "sentences.txt")
	if len(lines) < 130 {
		t.Errorf("%d sentences", len(lines))
	}
	for _, line := range lines {
		a := say(line)
		for i := range a.Words {
			a = wrong(a, i, 0, coach.Bad, "S")
		}
		said = line
		plain, _ := rationale.Plain{}.Explain(t.Context(), a, nil)
		for _, e := range []coach.Explainer{obedient, reworded} {
			r := explain(t, e, a)
			if e == obedient && r.Text != plain.Text {
				t.Errorf("%q was obeyed: %q", line, r.Text)
			}
			if strings.ContainsAny(r.Text, "@<>[]{}*_`|#~\\\u202e\u200b＠＜🎉") || strings.Contains(r.Text, "evil.") {
				t.Errorf("%q reached the reply: %q", line, r.Text)
			}
		}
	}
}
