package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/reader"
	"github.com/mynah-coach/mynah/prompts"
)

// rationaleEval is the command on the recordings that `make eval` measures with.
func rationaleEval(more ...string) []string {
	return append([]string{"eval", "rationale", evalFixture, "--labels", filepath.Join(evalFixture, "train.jsonl")}, more...)
}

func rationaleReportOf(t *testing.T, more ...string) rationaleReport {
	t.Helper()
	p := newProgram(t, rationaleEval(append(more, "--json")...)...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	validate(t, schema(t, "eval.rationale.schema.json"), []byte(p.stdout.String()))
	var r rationaleReport
	if err := json.Unmarshal([]byte(p.stdout.String()), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// The bars: every utterance has a rationale, and all that it says is as labelled.
func TestRepliesSayWhatTheLabelsSay(t *testing.T) {
	needModel(t)
	dir := t.TempDir()
	for _, from := range []string{"model", "experts"} {
		t.Run(from, func(t *testing.T) {
			r := rationaleReportOf(t, "--from", from, "--out", dir)
			f := r.Explainers["plain"]
			if r.Schema != rationaleSchema || r.Utterances < 50 || len(r.Explainers) != 1 {
				t.Errorf("%s of %d utterances by %d", r.Schema, r.Utterances, len(r.Explainers))
			}
			if f.Rationales.Part != 1 || f.Rationales.Of != r.Utterances-r.Refused {
				t.Errorf("%+v have a rationale", f.Rationales)
			}
			for _, level := range []string{"sentence", "word", "sound", "all"} {
				if a := f.Agreement[level]; a.Part != 1 || a.Of < 5 {
					t.Errorf("%s is as labelled: %+v", level, a)
				}
			}
			if f.ReadBack.Part != 1 || f.Unread != 0 {
				t.Errorf("read back %+v, %d not understood", f.ReadBack, f.Unread)
			}
			if f.Texts.Part != 1 || f.Words.Max > prompts.MaxWords {
				t.Errorf("texts %+v, words %+v", f.Texts, f.Words)
			}
			if from == "experts" && (f.PoorPraise.Part > 0 || f.GoodBlamed.Part > 0 || f.Precision["sound"].Part < 1) {
				t.Errorf("of the experts' own labels: %+v", f)
			}
			odd, err := os.ReadFile(filepath.Join(dir, "odd-plain.jsonl"))
			if err != nil || len(odd) > 0 {
				t.Errorf("%v: %s", err, odd)
			}
		})
	}
}

// opposite turns every label over.
func opposite(a coach.Assessment) coach.Assessment {
	turn := func(j *coach.Judgement) {
		if !j.Scored() {
			return
		}
		if j.Label = coach.Worst + coach.Excellent - j.Label; j.Label == coach.Average {
			j.Label = coach.Good
		}
		j.Score = 10 - j.Score
	}
	a.Words = slices.Clone(a.Words)
	for i := range a.Words {
		w := &a.Words[i]
		w.Phones = slices.Clone(w.Phones)
		turn(&w.Accuracy)
		for j := range w.Phones {
			turn(&w.Phones[j].Accuracy)
		}
	}
	for _, j := range []*coach.Judgement{&a.Sentence.Accuracy, &a.Sentence.Fluency, &a.Sentence.Prosody} {
		turn(j)
	}
	return a
}

// A measure that can't fail measures nothing: what replies say of other labels
// than those that they are held against must be found out.
func TestFalseClaimsAreFoundOut(t *testing.T) {
	f, err := os.Open(filepath.Join(evalFixture, "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	utterances, err := readExperts(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	claims, found := 0, 0
	for i := range utterances {
		utterances[i].classify(coach.Rubric{})
		a := utterances[i].assessment()
		for _, c := range reader.Read(prompts.Realise(prompts.Choose(a, nil), a, nil), texted(a)).Claims {
			if c.Aspect == string(coach.Completeness) {
				continue // all words were spoken, whatever their labels
			}
			if claims++; !bearsOut(opposite(a), c) {
				found++
			}
		}
		w := a.Words[r.IntN(len(a.Words))].Text + "xyz" // a word that isn't there
		if got := reader.Read("“"+w+"” was clear.", texted(a)); len(got.Unread) != 1 || len(got.Claims) != 0 {
			t.Errorf("%q is taken for one of %q", w, texted(a))
		}
	}
	if claims < 100 || found != claims {
		t.Errorf("%d of %d false claims were found out", found, claims)
	}
}

// What another program answers to the requests is measured as an endpoint's.
func TestEvalRationaleOfAnswers(t *testing.T) {
	needModel(t)
	dir := t.TempDir()
	requests, answers := filepath.Join(dir, "requests.jsonl"), filepath.Join(dir, "answers.jsonl")
	p := newProgram(t, rationaleEval("--from", "experts", "--requests", requests)...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	in, err := os.Open(requests)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out strings.Builder
	n := 0
	for lines := bufio.NewScanner(in); lines.Scan(); n++ {
		var r askedFor
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.System == "" || r.User == "" || len(r.Plain) == 0 {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		segments, _ := json.Marshal(map[string]any{"segments": r.Plain})
		answer := string(segments)
		if n%4 == 0 {
			answer = `{"segments":[{"claims":["c1"],"text":"You are a native speaker."}]}`
		}
		line, _ := json.Marshal(map[string]string{"id": r.ID, "answer": answer})
		out.Write(append(line, '\n'))
	}
	if err := os.WriteFile(answers, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f := rationaleReportOf(t, "--from", "experts", "--answers", answers, "--out", dir).Explainers["answers"]
	good := float64(n-(n+3)/4) / float64(n)
	if f.FirstTry == nil || f.FirstTry.Of != n || f.FirstTry.Part != good || f.Worded.Part != good {
		t.Errorf("first try %+v, worded %+v, want %.3f", f.FirstTry, f.Worded, good)
	}
	if f.Agreement["all"].Part != 1 || f.Rationales.Part != 1 {
		t.Errorf("agreement %+v of %+v", f.Agreement["all"], f.Rationales)
	}
	verified, err := os.ReadFile(filepath.Join(dir, "verified.jsonl"))
	if err != nil || strings.Count(string(verified), `"whole":true`) != n-(n+3)/4 || !strings.Contains(string(verified), `"broken":["topic"]`) {
		t.Errorf("%v: %.300s", err, verified)
	}
	// The same folder, other answers: nothing of the first ones is kept.
	none := regexp.MustCompile(`"answer":"(\\.|[^"\\])*"`).ReplaceAllString(out.String(), `"answer":"{}"`)
	if err := os.WriteFile(answers, []byte(none), 0o600); err != nil {
		t.Fatal(err)
	}
	f = rationaleReportOf(t, "--from", "experts", "--answers", answers, "--out", dir).Explainers["answers"]
	if f.FirstTry == nil || f.FirstTry.Of != n || f.FirstTry.Part != 0 || f.Worded.Part != 0 {
		t.Errorf("of empty answers: first try %+v, worded %+v", f.FirstTry, f.Worded)
	}
	if err := os.WriteFile(answers, []byte(`{"id":"other","answer":"{}"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p = newProgram(t, rationaleEval("--from", "experts", "--answers", answers)...)
	if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), "answers none of the utterances") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

func TestEvalRationalePrintsATable(t *testing.T) {
	needModel(t)
	p := newProgram(t, rationaleEval("--from", "experts")...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	for _, want := range []string{"plain", "has a rationale", "100.0 %", "poor speech praised", "a learner's texts differ"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, p.stdout.String())
		}
	}
}

func TestGrade(t *testing.T) {
	easy, hard := grade("The cat sat on the mat. It was red."), grade("Considerable articulatory imprecision notwithstanding, intelligibility predominated throughout.")
	if easy > 2 || hard < 12 {
		t.Errorf("grades %.1f and %.1f", easy, hard)
	}
}

// reworder is an endpoint that says every claim as it is told to, and reads every
// reply as one that praises the first word and nothing else.
func reworder(t *testing.T, worded, judged *atomic.Int32) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Messages []struct{ Content string } }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || len(q.Messages) != 2 {
			http.Error(w, "?", http.StatusBadRequest)
			return
		}
		var data struct {
			Sentence string
			Claims   []struct{ ID, Says string }
		}
		_ = json.Unmarshal([]byte(q.Messages[1].Content), &data)
		var said any
		if q.Messages[0].Content == prompts.JudgeSystem() {
			judged.Add(1)
			said = map[string]any{"overall": "good", "accuracy": "none", "fluency": "none", "prosody": "none",
				"words": []map[string]string{{"word": strings.Fields(data.Sentence)[0], "verdict": "good"}}}
		} else {
			worded.Add(1)
			var segments []prompts.Segment
			for _, c := range data.Claims {
				segments = append(segments, prompts.Segment{Text: c.Says, Claims: []string{c.ID}})
			}
			said = map[string]any{"segments": segments}
		}
		content, _ := json.Marshal(said)
		quoted, _ := json.Marshal(string(content))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":%s}}]}`, quoted)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

func TestEvalRationaleOfAnEndpoint(t *testing.T) {
	needModel(t)
	var worded, judged atomic.Int32
	dir := t.TempDir()
	args := []string{"--from", "experts", "--out", dir, "--set", "llm.url=" + reworder(t, &worded, &judged), "--judge"}
	r := rationaleReportOf(t, args...)
	f := r.Explainers["endpoint"]
	if f.Worded.Part != 1 || f.Agreement["all"].Part != 1 || f.ReadBack.Part != 1 || f.Rationales.Of != r.Utterances {
		t.Errorf("%+v", f)
	}
	if n := int(worded.Load()); n != r.Utterances {
		t.Errorf("%d utterances were worded with %d requests", r.Utterances, n)
	}
	j := *f.Judge
	if j["answered"].Part != 1 || j["poor praised"].Part != 1 || j["poor praised"].Of != f.PoorPraise.Of || j["word"].Of != r.Utterances || r.Explainers["plain"].Judge == nil {
		t.Errorf("the judge read %+v", j)
	}
	// A second run goes on from what was kept.
	again := rationaleReportOf(t, args...)
	if n := int(worded.Load()); n != r.Utterances {
		t.Errorf("asked again: %d requests", n)
	}
	if d := cmp.Diff(f.Agreement, again.Explainers["endpoint"].Agreement); d != "" {
		t.Error(d)
	}
	p := newProgram(t, rationaleEval("--judge")...)
	if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), "llm.url") {
		t.Errorf("a judge without an endpoint: exit code %d: %s", code, p.stderr.String())
	}
}
