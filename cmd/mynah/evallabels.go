package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// expertUtterance is one utterance and what its experts gave it: a line of the
// labels.
type expertUtterance struct {
	ID      string                        `json:"id"`
	Wav     string                        `json:"wav"` // path below the corpus
	Speaker string                        `json:"speaker"`
	Age     int                           `json:"age"`    // 0: unknown
	Gender  string                        `json:"gender"` // "f", "m", else unknown
	Text    string                        `json:"text"`
	Scores  map[coach.Aspect]float64      `json:"scores"` // 0-10
	Labels  map[coach.Aspect]*coach.Label `json:"labels"`
	Words   []expertWord                  `json:"words"`
}

// expertWord is a word and its phones, ARPAbet with stress.
type expertWord struct {
	Text        string        `json:"text"`
	Accuracy    float64       `json:"accuracy"` // 0-10
	Label       coach.Label   `json:"label"`
	Phones      []string      `json:"phones"`
	PhoneScores []float64     `json:"phone_scores"` // 0-2
	PhoneLabels []coach.Label `json:"phone_labels"`
}

// classify gives every score that has no label the label of its band.
func (u *expertUtterance) classify(r coach.Rubric) {
	if u.Labels == nil {
		u.Labels = map[coach.Aspect]*coach.Label{}
	}
	for aspect, score := range u.Scores {
		if u.Labels[aspect] == nil {
			l := coach.Classify(r.Sentence, score)
			u.Labels[aspect] = &l
		}
	}
	for i := range u.Words {
		w := &u.Words[i]
		if w.Label == coach.Unscored {
			w.Label = coach.Classify(r.Word, w.Accuracy)
		}
		if len(w.PhoneLabels) == 0 {
			for _, s := range w.PhoneScores {
				w.PhoneLabels = append(w.PhoneLabels, coach.Classify(r.Phone, s))
			}
		}
	}
}

// utterances reads the labels of the speakers asked for. An error is the
// usage's.
func (c *evalCorpusCmd) utterances() ([]expertUtterance, error) {
	path := c.Labels
	if path == "" {
		path = filepath.Join(c.Dir, "resource", "scores.json")
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w; --labels names the experts' labels", path, plainPathError(err))
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	all, err := readExperts(f, func() (kaldi, error) { return readKaldi(filepath.Join(c.Dir, c.Split)) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.Speakers != "" {
		b, err := os.ReadFile(c.Speakers)
		if err != nil {
			return nil, err
		}
		only := strings.Fields(string(b))
		all = slices.DeleteFunc(all, func(u expertUtterance) bool { return !slices.Contains(only, u.Speaker) })
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no utterance that was asked for", path)
	}
	return all, nil
}

// readExperts reads labels in either form: one utterance a line, or the corpus's
// own scores.json, for which split is asked.
func readExperts(in io.Reader, split func() (kaldi, error)) ([]expertUtterance, error) {
	d := json.NewDecoder(bufio.NewReader(in))
	var out []expertUtterance
	for {
		var object json.RawMessage
		if err := d.Decode(&object); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("utterance %d: %w", len(out)+1, err)
		}
		var u expertUtterance
		if err := json.Unmarshal(object, &u); err != nil {
			return nil, fmt.Errorf("utterance %d: %w", len(out)+1, err)
		}
		if u.ID == "" && len(out) == 0 { // an object of objects
			return readScores(object, split)
		}
		out = append(out, u)
	}
}

// corpusScore is an utterance in the corpus's scores.json.
type corpusScore struct {
	Text     string  `json:"text"`
	Accuracy float64 `json:"accuracy"`
	Fluency  float64 `json:"fluency"`
	Prosody  float64 `json:"prosodic"`
	Words    []struct {
		Text        string    `json:"text"`
		Accuracy    float64   `json:"accuracy"`
		Phones      []string  `json:"phones"`
		PhoneScores []float64 `json:"phones-accuracy"`
	} `json:"words"`
}

// readScores reads scores.json, which has both parts of the corpus and neither
// speakers nor paths: those stand in the split's own files.
func readScores(object []byte, split func() (kaldi, error)) ([]expertUtterance, error) {
	var all map[string]corpusScore
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	k, err := split()
	if err != nil {
		return nil, err
	}
	var out []expertUtterance
	for _, id := range slices.Sorted(maps.Keys(k.wav)) {
		s, ok := all[id]
		if !ok {
			return nil, fmt.Errorf("no scores of utterance %s", id)
		}
		speaker, ok := k.speaker[id]
		if !ok {
			return nil, fmt.Errorf("no speaker of utterance %s", id)
		}
		age, _ := strconv.Atoi(k.age[speaker])
		u := expertUtterance{
			ID: id, Wav: k.wav[id], Speaker: speaker, Age: age, Gender: k.gender[speaker], Text: s.Text,
			Scores: map[coach.Aspect]float64{coach.Accuracy: s.Accuracy, coach.Fluency: s.Fluency, coach.Prosody: s.Prosody},
		}
		for _, w := range s.Words {
			if len(w.Phones) != len(w.PhoneScores) {
				return nil, fmt.Errorf("utterance %s: %d phones with %d scores", id, len(w.Phones), len(w.PhoneScores))
			}
			u.Words = append(u.Words, expertWord{Text: w.Text, Accuracy: w.Accuracy, Phones: w.Phones, PhoneScores: w.PhoneScores})
		}
		out = append(out, u)
	}
	return out, nil
}

// kaldi is what the files of one part of the corpus say.
type kaldi struct {
	wav, speaker map[string]string // by utterance
	age, gender  map[string]string // by speaker; where they are not known, nil
}

// readKaldi reads a part of the corpus, in the form of Kaldi's data folders.
func readKaldi(dir string) (k kaldi, err error) {
	for _, file := range []struct {
		name string
		into *map[string]string
		must bool
	}{{"wav.scp", &k.wav, true}, {"utt2spk", &k.speaker, true}, {"spk2age", &k.age, false}, {"spk2gender", &k.gender, false}} {
		path := filepath.Join(dir, file.name)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && !file.must {
			continue
		}
		if err != nil {
			return k, fmt.Errorf("%s: %w", path, plainPathError(err))
		}
		*file.into = map[string]string{}
		for line := range strings.Lines(string(b)) {
			if fields := strings.Fields(line); len(fields) > 1 {
				(*file.into)[fields[0]] = strings.Join(fields[1:], " ")
			}
		}
	}
	return k, nil
}
