package rationale_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

func TestJudgeReadsAReply(t *testing.T) {
	var asked request
	said := "Let me see. {\"x\":1}\n```json\n" + `{"overall":"mixed","accuracy":"none","fluency":"good","prosody":"none","words":[{"word":"light","verdict":"poor"}]}` + "\n```"
	e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
		asked = r
		answer(w, said)
	})
	words := strings.Fields("the red light")
	got, err := e.Judge(t.Context(), words, "You read smoothly. “light” was hard to make out.")
	want := rationale.Judged{
		Overall: rationale.VerdictMixed,
		Aspects: map[coach.Aspect]rationale.Verdict{coach.Accuracy: "none", coach.Fluency: "good", coach.Prosody: "none"},
		Words:   []rationale.JudgedWord{{Word: "light", Verdict: rationale.VerdictPoor}},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if asked.Messages[0].Content != prompts.JudgeSystem() || !strings.Contains(asked.Messages[1].Content, "the red light") {
		t.Errorf("asked %q", asked.Messages)
	}
	said = "I would rather not."
	if _, err := e.Judge(t.Context(), words, "Fine."); err == nil {
		t.Error("prose was taken for a judgement")
	}
}
