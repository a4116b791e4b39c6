package rationale_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// FuzzVerify gives the verifier any words for any claims: what it keeps is
// printable, cites a claim that exists, and quotes only what may be quoted.
func FuzzVerify(f *testing.F) {
	f.Add("c1", "Your “r” in “red” was clear.")
	f.Add("c2", "The “l” /l/ in “light” sounded more like “r” /ɹ/.")
	f.Add("c3", "Press the tip of your tongue to the ridge behind your top teeth, and let the air pass along the sides.")
	f.Add("c4 c5", "“v”//“ “” /ɹ/ \"' /")
	f.Add("c6", "@everyone **light** http://x 'a' ‘b’")
	a, claims := lesson()
	f.Fuzz(func(t *testing.T, ids, text string) {
		kept, broken := rationale.Verify([]prompts.Segment{{Text: text, Claims: strings.Fields(ids)}}, claims, a, nil)
		if len(kept)+len(broken) != 1 {
			t.Fatalf("%d kept, %d broken", len(kept), len(broken))
		}
		for _, s := range kept {
			if len(s.Claims) == 0 || prompts.Words(s.Text) > 60 || strings.ContainsAny(s.Text, "@<>[]{}*_`|#~\\\n") {
				t.Errorf("kept %q of %v", s.Text, s.Claims)
			}
		}
	})
}

// FuzzAnswer lets an endpoint answer anything at all.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"segments":[{"claims":["c1"],"text":"You read smoothly."}]}`, "```json\n{}\n```", `{"segments":[{"claims":null,"text":null}]}`,
		`{{{{`, `<think>{`, `{"segments":"x"}`, `[]`, "\xff\xfe", `{"segments":[{"claims":["c1","c1"],"text":"\u0000"}]}`,
	} {
		f.Add(s)
	}
	var content string
	e := serve(f, rationale.Config{}, func(w http.ResponseWriter, _ request) { answer(w, content) })
	a := flawed()
	plain, err := rationale.Plain{}.Explain(f.Context(), a, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		content = s
		r, err := e.Explain(t.Context(), a, nil)
		if err != nil || prompts.Words(r.Text) > prompts.MaxWords {
			t.Fatalf("%v: %q", err, r.Text)
		}
		if r.Source == coach.SourcePlain && r.Text != plain.Text {
			t.Errorf("plain, but %q", r.Text)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
