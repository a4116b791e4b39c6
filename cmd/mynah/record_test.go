package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// schema reads a schema of docs.
func schema(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks one printed record against the schema.
func validate(t testing.TB, s *jsonschema.Schema, line []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%#v\n%s", err, line)
	}
}

// sampleAssessment has every case that a record tells apart.
func sampleAssessment() coach.Assessment {
	s, missing := coach.Phoneme("S"), coach.Missing
	judged := func(l coach.Label, score, confidence float64) coach.Judgement {
		return coach.Judgement{Label: l, Score: score, Confidence: confidence}
	}
	return coach.Assessment{
		Model: "test 1", Seconds: 2.5, Text: "I <think> it “walked” café 日本.",
		Sentence: coach.SentenceJudgements{
			Accuracy: judged(coach.Average, 6.25, .81), Fluency: judged(coach.Good, 8, .7),
			Prosody: judged(coach.Bad, 4, .41), Completeness: judged(coach.Excellent, 10, 1),
		},
		Words: []coach.Word{
			{Text: "I", Spoken: true, Accuracy: judged(coach.Excellent, 9.9, .93), Stress: judged(coach.Excellent, 10, .99),
				Phones: []coach.Phone{{Expected: "AY", IPA: "aɪ", Stress: 1, Accuracy: judged(coach.Excellent, 2, .97), Span: coach.Span{Start: .1, End: .3}}},
				Span:   coach.Span{Start: .1, End: .3}},
			{Text: "think", Spoken: true, Accuracy: judged(coach.Bad, 3.2, .82), Stress: judged(coach.Excellent, 10, .99),
				Phones: []coach.Phone{
					{Expected: "TH", IPA: "θ", Heard: &s, Accuracy: judged(coach.Bad, .6, .9), Span: coach.Span{Start: .3, End: .4}},
					{Expected: "K", IPA: "k", Heard: &missing, Accuracy: judged(coach.Worst, .1, .66), Span: coach.Span{Start: .4, End: .41}},
				},
				Span: coach.Span{Start: .3, End: .6}},
			{Text: "it", Spoken: true, Accuracy: judged(coach.Average, 6, .45), Span: coach.Span{Start: .6, End: .8}},
			{Text: "walked", Phones: []coach.Phone{{Expected: "W", IPA: "w"}}},
			{Text: "café", Spoken: true, Accuracy: judged(coach.Average, 6, .65), Span: coach.Span{Start: 1.2, End: 1.5},
				Phones: []coach.Phone{{Expected: "EY", IPA: "eɪ", Stress: 1, Accuracy: judged(coach.Average, 1.1, .6), Span: coach.Span{Start: 1.3, End: 1.5}}}},
			{Text: "日本", Spoken: true, Accuracy: judged(coach.Good, 8, .6), Span: coach.Span{Start: 1.5, End: 2}},
		},
		Pauses: []coach.Pause{{After: 2, Span: coach.Span{Start: .8, End: 1.2}}},
	}
}

func sampleRationale() coach.Rationale {
	one, zero := 1, 0
	return coach.Rationale{
		Text:   "Your “I” was very clear. In “think”, put the tip of the tongue lightly between the teeth and let the air flow; it came out like /s/.",
		Source: coach.SourcePlain,
		Claims: []coach.Claim{{ID: "c1", Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Word: &one, Phone: &zero,
			Label: coach.Bad, Confidence: .9, Expected: "TH", Heard: "S"}},
	}
}

func TestRecordIsWhatTheSchemaSays(t *testing.T) {
	s := schema(t, "assessment.schema.json")
	seconds := .2
	for name, r := range map[string]record{
		"assessed":              newRecord("a.ogg", sampleAssessment(), sampleRationale()),
		"assessed-without-more": newRecord("a.ogg", coach.Assessment{Model: "m", Words: []coach.Word{{Text: "a"}}}, coach.Rationale{Text: "x", Source: coach.SourceEndpoint}),
		"refused":               newRefusal("a.ogg", "test 1", "Hello", &seconds, coach.ErrTooShort.Reason, prompts.Advice(coach.ErrTooShort)),
		"refused-undecoded":     newRefusal("-", "test 1", "", nil, coach.ErrUnsupportedAudio.Reason, prompts.Advice(coach.ErrUnsupportedAudio)),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			validate(t, s, b)
			var indented bytes.Buffer
			if err := json.Indent(&indented, b, "", "  "); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(name, "refused") { // whose advice is another package's to word
				golden(t, "record-"+name+".json", indented.String()+"\n")
			}
		})
	}
}

// The schema would notice records that break the contract.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t, "assessment.schema.json")
	good, err := json.Marshal(newRecord("a.ogg", sampleAssessment(), sampleRationale()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new string }{
		{"another version", `assessment/1`, `assessment/2`},
		{"a label that is none", `"label":"Bad"`, `"label":"bad"`},
		{"a score of 0 for no judgement", `"accuracy":null`, `"accuracy":{"label":null,"score":0,"confidence":0}`},
		{"a phone's score on the words' scale", `"score":0.6`, `"score":6`},
		{"a confidence over 1", `"confidence":0.81`, `"confidence":1.5`},
		{"another phoneme set", `"expected":"TH"`, `"expected":"θ"`},
		{"refused and scored", `"refused":null`, `"refused":{"reason":"no_speech","advice":"x"}`},
		{"an unknown field", `"pauses"`, `"pausen":1,"pauses"`},
		{"no text", `"text":"I \u003cthink`, `"texts":"I \u003cthink`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(string(good), tt.old) {
				t.Fatalf("the record has no %s", tt.old)
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(good), tt.old, tt.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(doc) == nil {
				t.Errorf("%s passes for %s", tt.new, tt.old)
			}
		})
	}
}

func TestTableDoesNotDriveTheTerminal(t *testing.T) {
	const hostile = "\x1b]0;title\a\x1b[2J\u202egnp.exe\u2066\r\x00\u009b31m"
	a := sampleAssessment()
	a.Text, a.Words[2].Text = hostile, hostile
	var b strings.Builder
	for _, r := range []record{newRecord(hostile, a, coach.Rationale{Text: hostile}), newRefusal(hostile, "m", hostile, nil, "no_text", hostile)} {
		if err := (&table{w: &b}).write(r); err != nil {
			t.Fatal(err)
		}
	}
	if i := strings.IndexAny(b.String(), "\x1b\a\r\x00\u009b\u202e\u2066"); i >= 0 {
		t.Errorf("%q is written", b.String()[i:])
	}
}

func TestTable(t *testing.T) {
	assessed := newRecord("notes/a.ogg", sampleAssessment(), sampleRationale())
	refused := newRefusal("b.ogg", "test 1", "Hello there", nil, "no_speech", "There was no voice in the recording. Please try again a little closer to the microphone.")
	for name, tt := range map[string]struct {
		record record
		table  table
	}{
		"assessed":          {assessed, table{}},
		"assessed-coloured": {assessed, table{colour: true, width: 40}},
		"refused":           {refused, table{width: 60}},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			tt.table.w = &b
			if err := tt.table.write(tt.record); err != nil {
				t.Fatal(err)
			}
			golden(t, "table-"+name+".txt", b.String())
		})
	}
}
