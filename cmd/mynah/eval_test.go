package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus are six recordings and their experts' labels; speaker 0813 has two.
func corpus(more ...string) []string {
	return append([]string{"eval", "speechocean762", "../../audio/testdata", "--labels", "testdata/expert-labels.jsonl"}, more...)
}

func TestEvalAgreesWithExperts(t *testing.T) {
	needModel(t)
	kept := filepath.Join(t.TempDir(), "kept.jsonl")
	p := newProgram(t, corpus("--json", "--keep", kept)...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
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

	// A run that was cut off goes on where it was: here, after half a line.
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
	again := newProgram(t, corpus("--json", "--keep", kept)...)
	if code := again.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, again.stderr.String())
	}
	if d := cmp.Diff(p.stdout.String(), again.stdout.String()); d != "" {
		t.Errorf("a resumed evaluation differs (-whole +resumed):\n%s", d)
	}
	resumed, err := openKept(kept, r.Model)
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
	p := newProgram(t, corpus("--speakers", speakers, "--json")...)
	if code := p.run(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	var r evalReport
	if err := json.Unmarshal([]byte(p.stdout.String()), &r); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.PCC["accuracy"]; ok || r.Utterances != 1 {
		t.Errorf("PCC of one recording: %v", r.PCC)
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
	for _, tt := range []struct{ name, labels, speakers, want string }{
		{"nobody that is asked for", `{"id":"1","speaker":"a"}`, "b", "no utterance of the speakers"},
		{"no labels", "", "", "no utterance"},
		{"labels that are none", `{"id":`, "", "utterance 1"},
		{"a class that is none", `{"labels":{"accuracy":"Superb"}}`, "", "Superb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"eval", "speechocean762", dir, "--labels", file("labels", tt.labels)}
			if tt.speakers != "" {
				args = append(args, "--speakers", file("speakers", tt.speakers))
			}
			p := newProgram(t, args...)
			if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), tt.want) {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
		})
	}
}
