package main

import (
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/model"
)

// corpus are six recordings and their experts' labels; speaker 0813 has two.
func corpus(more ...string) []string {
	return append([]string{"eval", "speechocean762", "../../audio/testdata", "--labels", "testdata/expert-labels.jsonl"}, more...)
}

// The folder and the baseline that `make eval` measures with.
const (
	evalFixture  = "testdata/eval"
	evalBaseline = "testdata/eval/baseline.json"
)

// TestModelIsAsGoodAsItsBaseline is `make eval`: after a change that is meant
// to move the labels, `make eval-baseline` writes down what they are now.
func TestModelIsAsGoodAsItsBaseline(t *testing.T) {
	needModel(t)
	p := newProgram(t, "eval", "speechocean762", evalFixture, "--labels", filepath.Join(evalFixture, "train.jsonl"), "--baseline", evalBaseline)
	if code := p.run(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	t.Logf("\n%s", p.stdout.String())
}

func TestEvalAgreesWithExperts(t *testing.T) {
	needModel(t)
	out := filepath.Join(t.TempDir(), "out")
	p := newProgram(t, corpus("--json", "--out", out)...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	validate(t, schema(t, "eval.schema.json"), []byte(p.stdout.String()))
	var r evalReport
	if err := json.Unmarshal([]byte(p.stdout.String()), &r); err != nil {
		t.Fatal(err)
	}
	if r.Schema != "mynah.eval/1" || r.Utterances != 6 || r.Speakers != 5 || r.Refused != 0 {
		t.Errorf("%s of %d utterances of %d speakers, %d refused", r.Schema, r.Utterances, r.Speakers, r.Refused)
	}
	// One of the six is poor, by the experts and by any model worth shipping.
	for _, level := range []string{"accuracy", "word", "phone"} {
		if r.PCC[level] < .4 {
			t.Errorf("PCC of %s is %.2f", level, r.PCC[level])
		}
	}
	for level, interval := range r.CI95 {
		if interval[0] > interval[1] || r.RMSE[level] <= 0 {
			t.Errorf("%s: interval %v, RMSE %v", level, interval, r.RMSE[level])
		}
	}
	saved, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p.stdout.String(), string(saved)); d != "" {
		t.Errorf("the report in the folder differs (-printed +saved):\n%s", d)
	}
	for _, name := range []string{"confusion.png", "calibration.png"} {
		f, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || img.Bounds().Dx() < 4*img.Bounds().Dy() {
			t.Errorf("%s is no row of five panels: %v", name, err)
		}
	}

	// A run that was cut off goes on where it was: here, after half a line.
	kept := filepath.Join(out, keptFile)
	whole, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(whole)), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d results were kept", len(lines))
	}
	cut := strings.Join(lines[:3], "") + lines[3][:40]
	if err := os.WriteFile(kept, []byte(cut), 0o600); err != nil {
		t.Fatal(err)
	}
	again := newProgram(t, corpus("--json", "--out", out)...)
	if code := again.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, again.stderr.String())
	}
	if d := cmp.Diff(p.stdout.String(), again.stdout.String()); d != "" {
		t.Errorf("a resumed evaluation differs (-whole +resumed):\n%s", d)
	}
	resumed, err := openKept(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := resumed.Close(); err != nil {
		t.Error(err)
	}
	if n := len(resumed.all); n != 6 {
		t.Errorf("%d results can be read back after the cut, want 6", n)
	}
}

// Experts score what a learner would not get labels for: it counts, as it is
// judged when nothing may be refused.
func TestEvalCountsWhatIsRefused(t *testing.T) {
	said := func(score float64) *coach.Assessment {
		j := coach.Judgement{Label: coach.Good, Score: score, Confidence: 1}
		return &coach.Assessment{
			Sentence: coach.SentenceJudgements{Accuracy: j, Fluency: j, Prosody: j},
			Words:    []coach.Word{{Text: "A", Spoken: true, Accuracy: j, Phones: []coach.Phone{{Accuracy: coach.Judgement{Label: coach.Good, Score: score / 5, Confidence: 1}}}}},
		}
	}
	label := coach.Good
	var us []expertUtterance
	for _, score := range []float64{1, 8, 9, 5} {
		us = append(us, expertUtterance{
			Speaker: "s", Scores: map[coach.Aspect]float64{coach.Accuracy: score}, Labels: map[coach.Aspect]*coach.Label{coach.Accuracy: &label},
			Words: []expertWord{{Text: "A", Accuracy: score, Label: label, Phones: []string{"AH0"}, PhoneScores: []float64{score / 5}, PhoneLabels: []coach.Label{label}}},
		})
	}
	refused := evaluated{Refused: "text_mismatch", Every: said(2)}
	r := newEvalReport(us, []evaluated{refused, {Assessment: said(8)}, {Assessment: said(9)}, {Refused: "no_speech"}})
	if r.Utterances != 4 || r.Refused != 2 || r.Refusals["text_mismatch"] != 1 {
		t.Errorf("%d of %d refused: %v", r.Refused, r.Utterances, r.Refusals)
	}
	if want := math.Sqrt(1. / 3); math.Abs(r.RMSE["accuracy"]-want) > 1e-9 { // one off by 1, two right, of one nothing is known
		t.Errorf("RMSE of accuracy %v, want %v", r.RMSE["accuracy"], want)
	}
	if f1 := r.Mispronounced["phone"].BestF1; f1 != 1 {
		t.Errorf("the wrong phone of a refused recording is not found: F1 %v", f1)
	}
	if g := r.Groups["scored"]; g.Utterances != 2 || g.Refused != 0 || g.RMSE["accuracy"] != 0 {
		t.Errorf("what was scored: %+v", g)
	}
}

// What was kept is not taken for another model, recording or sentence.
func TestKeptResultsAreTheirOwn(t *testing.T) {
	u := expertUtterance{Text: "A B", Words: []expertWord{{Text: "A", Phones: []string{"AH0"}}}}
	other := u
	other.Words = []expertWord{{Text: "A", Phones: []string{"EY1"}}}
	seen := map[string]string{}
	for name, key := range map[string]string{
		"first": keptKey([]byte("m"), []byte("r"), u), "model": keptKey([]byte("n"), []byte("r"), u),
		"recording": keptKey([]byte("m"), []byte("s"), u), "pronunciation": keptKey([]byte("m"), []byte("r"), other),
		"border": keptKey([]byte("mr"), nil, u),
	} {
		if same, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", name, same)
		}
		seen[key] = name
	}
}

func TestEvalOfSomeSpeakers(t *testing.T) {
	needModel(t)
	speakers := filepath.Join(t.TempDir(), "speakers")
	if err := os.WriteFile(speakers, []byte("0813\n1336\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, corpus("--speakers", speakers)...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	for _, want := range []string{"3 utterances of 2 speakers, 0 refused", "PCC", "accuracy", "phone", "what replies say"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, p.stdout.String())
		}
	}
}

// One recording has no correlation: that is said, not a broken number.
func TestEvalOfOneRecording(t *testing.T) {
	needModel(t)
	speakers := filepath.Join(t.TempDir(), "speakers")
	if err := os.WriteFile(speakers, []byte("1336"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, corpus("--speakers", speakers, "--json", "--out", t.TempDir())...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	validate(t, schema(t, "eval.schema.json"), []byte(p.stdout.String()))
	var r evalReport
	if err := json.Unmarshal([]byte(p.stdout.String()), &r); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.PCC["accuracy"]; ok || r.Utterances != 1 {
		t.Errorf("PCC of one recording: %v", r.PCC)
	}
}

func TestEvalHoldsAgainstABaseline(t *testing.T) {
	of := func(refused int, word float64) evalReport {
		return evalReport{Schema: evalSchema, Model: "m 1", figures: figures{Utterances: 100, Speakers: 9, Refused: refused, PCC: map[string]float64{"word": word, "phone": .7}}}
	}
	for _, tt := range []struct {
		name string
		now  evalReport
		want string
	}{
		{"the same", of(1, .6), ""},
		{"better", of(0, .9), ""},
		{"a little worse", of(3, .585), ""},
		{"worse", of(1, .57), "word: PCC 0.570, was 0.600"},
		{"more are refused", of(4, .6), "refused: 4, was 1"},
		{"nothing to tell", evalReport{figures: figures{Utterances: 100, Speakers: 9}}, "word: PCC 0.000"},
		{"other recordings", evalReport{figures: figures{Utterances: 60, Speakers: 9}}, "100 utterances of 9 speakers, this is of 60 of 9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := of(1, .6)
			err := tt.now.holdAgainst(&before, .02)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// The corpus's own scores.json says the same as the labels that were made of it.
func TestEvalReadsTheCorpussOwnScores(t *testing.T) {
	m, err := scorer.ReadManifest(model.Files())
	if err != nil {
		t.Fatal(err)
	}
	lines := (&evalCorpusCmd{Labels: "testdata/eval/train.jsonl"})
	want, err := lines.utterances()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	scores := map[string]any{"999": map[string]any{"text": "OF THE OTHER PART"}}
	var wavs, speakers, ages, genders strings.Builder
	for _, u := range want {
		var words []any
		for _, w := range u.Words {
			words = append(words, map[string]any{
				"text": w.Text, "accuracy": w.Accuracy, "stress": 10, "total": 10, "phones": w.Phones,
				"phones-accuracy": w.PhoneScores, "mispronunciations": []any{},
			})
		}
		scores[u.ID] = map[string]any{
			"text": u.Text, "accuracy": u.Scores["accuracy"], "fluency": u.Scores["fluency"], "prosodic": u.Scores["prosody"],
			"completeness": 10.0, "total": 8, "words": words,
		}
		wavs.WriteString(u.ID + "\t" + u.Wav + "\n")
		speakers.WriteString(u.ID + " " + u.Speaker + "\n")
		ages.WriteString(u.Speaker + "\t" + string(rune('0'+u.Age/10)) + string(rune('0'+u.Age%10)) + "\n")
		genders.WriteString(u.Speaker + " " + u.Gender + "\n")
	}
	b, err := json.Marshal(scores)
	if err != nil {
		t.Fatal(err)
	}
	write("resource/scores.json", string(b))
	write("train/wav.scp", wavs.String())
	write("train/utt2spk", speakers.String())
	write("train/spk2age", ages.String())
	write("train/spk2gender", genders.String())

	got, err := (&evalCorpusCmd{Dir: dir, Split: "train"}).utterances()
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].classify(m.Rubric)
	}
	unlabelled := 0 // the labels were made of scores that the file doesn't have
	for i := range want {
		for j := range want[i].Words {
			if want[i].Words[j].Label != got[i].Words[j].Label {
				unlabelled++
				want[i].Words[j].Label = got[i].Words[j].Label
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" || unlabelled > 2 {
		t.Errorf("%d words have other labels (-lines +scores.json):\n%s", unlabelled, d)
	}

	if _, err := (&evalCorpusCmd{Dir: dir, Split: "test"}).utterances(); err == nil || !strings.Contains(err.Error(), "wav.scp") {
		t.Errorf("a part that is not there: %v", err)
	}
}

func TestEvalOfNothing(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct{ name, labels, speakers, baseline, want string }{
		{"nobody that is asked for", `{"id":"1","speaker":"a"}`, "b", "", "no utterance that was asked for"},
		{"no labels", "", "", "", "no utterance"},
		{"labels that are none", `{"id":`, "", "", "utterance 1"},
		{"a class that is none", `{"labels":{"accuracy":"Superb"}}`, "", "", "Superb"},
		{"scores of another shape", `{"1":{"words":7}}`, "", "", "cannot unmarshal"},
		{"scores of a corpus without its files", `{"1":{"text":"A"}}`, "", "", "wav.scp: no such file"},
		{"a baseline that is none", `{"id":"1","speaker":"a"}`, "", `{}`, "is no report"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"eval", "speechocean762", dir, "--labels", file("labels", tt.labels)}
			if tt.speakers != "" {
				args = append(args, "--speakers", file("speakers", tt.speakers))
			}
			if tt.baseline != "" {
				args = append(args, "--baseline", file("baseline", tt.baseline))
			}
			p := newProgram(t, args...)
			if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), tt.want) {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
		})
	}
	t.Run("no labels named", func(t *testing.T) {
		p := newProgram(t, "eval", "speechocean762", dir)
		if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), "scores.json: no such file") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
	t.Run("a recording that is missing", func(t *testing.T) {
		needModel(t)
		p := newProgram(t, "eval", "speechocean762", dir, "--labels", file("labels", `{"id":"1","wav":"none.wav","speaker":"a","text":"A"}`))
		if code := p.run(t); code != exitFailure || !strings.Contains(p.stderr.String(), "none.wav: no such file") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
}

// A score without a label gets its band's.
func TestClassify(t *testing.T) {
	m, err := scorer.ReadManifest(model.Files())
	if err != nil {
		t.Fatal(err)
	}
	given := coach.Worst
	u := expertUtterance{
		Scores: map[coach.Aspect]float64{coach.Accuracy: 8, coach.Fluency: 10},
		Labels: map[coach.Aspect]*coach.Label{coach.Fluency: &given},
		Words:  []expertWord{{Accuracy: 6, PhoneScores: []float64{2, 1.2, 0}}},
	}
	u.classify(m.Rubric)
	if *u.Labels[coach.Accuracy] != coach.Good || *u.Labels[coach.Fluency] != coach.Worst {
		t.Errorf("sentence %v", u.Labels)
	}
	if w := u.Words[0]; w.Label != coach.Average || !cmp.Equal(w.PhoneLabels, []coach.Label{coach.Excellent, coach.Average, coach.Worst}) {
		t.Errorf("word %v, phones %v", w.Label, w.PhoneLabels)
	}
}
