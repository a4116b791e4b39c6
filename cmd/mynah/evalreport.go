package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/agreement"
	"github.com/mynah-coach/mynah/prompts"
)

// evalSchema names the form of evalReport.
const evalSchema = "mynah.eval/1"

// evalReport is what an evaluation found.
type evalReport struct {
	Schema string `json:"schema"`
	Model  string `json:"model"`
	figures
	Refusals    map[coach.Reason]int    `json:"refusals"`
	Confusion   map[string][][]int      `json:"confusion"` // rows: experts' classes, worst first; columns: ours
	Calibration map[string][]calibrated `json:"calibration"`
	Groups      map[string]figures      `json:"groups"` // see evalGroups
	Claims      map[string]claimCount   `json:"claims"` // of what was not refused
}

// figures is the agreement on some utterances, refused ones included, by level:
// accuracy, fluency and prosody of the sentence, word and phone. A level with too
// little to tell is left out.
type figures struct {
	Utterances int                   `json:"utterances"`
	Speakers   int                   `json:"speakers"`
	Refused    int                   `json:"refused"`
	PCC        map[string]float64    `json:"pcc"`
	CI95       map[string][2]float64 `json:"ci95"` // of the PCC, speakers resampled
	QWK        map[string]float64    `json:"qwk"`
	MCC        map[string]float64    `json:"mcc"`
	RMSE       map[string]float64    `json:"rmse"`
	ECE        map[string]float64    `json:"ece"` // of the confidence in the verdict

	Mispronounced map[string]mispronounced `json:"mispronounced"` // by level: "word", "phone"
}

// mispronounced is how well wrong words and phones are found.
type mispronounced struct {
	Wrong             int                `json:"wrong"`    // by the experts: a word below Good, a phone below Average
	Labelled          int                `json:"labelled"` // so by us
	Precision         float64            `json:"precision"`
	Recall            float64            `json:"recall"`
	BestF1            float64            `json:"best_f1"`             // over all thresholds on the score; a phone is wrong below .5
	PrecisionAtRecall map[string]float64 `json:"precision_at_recall"` // likewise
}

// calibrated is the judgements that were about equally sure.
type calibrated struct {
	Confidence float64 `json:"confidence"`
	Right      float64 `json:"right"`
	Count      int     `json:"count"`
}

// claimCount is how often what a reply would say is what experts say.
type claimCount struct {
	Made  int `json:"made"`
	Right int `json:"right"`
}

// evalLevels in the order of the table.
func evalLevels() []string { return []string{"accuracy", "fluency", "prosody", "word", "phone"} }

// evalGroups tells the groups that are reported apart: of speakers, and what was
// not refused.
func evalGroups() map[string]func(expertUtterance, evaluated) bool {
	const grown = 16
	return map[string]func(expertUtterance, evaluated) bool{
		"children": func(u expertUtterance, _ evaluated) bool { return u.Age > 0 && u.Age < grown },
		"adults":   func(u expertUtterance, _ evaluated) bool { return u.Age >= grown },
		"female":   func(u expertUtterance, _ evaluated) bool { return u.Gender == "f" },
		"male":     func(u expertUtterance, _ evaluated) bool { return u.Gender == "m" },
		"scored":   func(_ expertUtterance, d evaluated) bool { return d.Assessment != nil },
	}
}

// pairs are the judgements of one level, experts' and ours.
type pairs struct {
	truth, ours []float64
	theirs      []coach.Label
	given       []coach.Label
	confidence  []float64
	right       []bool
}

func (p *pairs) add(truth float64, label coach.Label, ours coach.Judgement) {
	p.truth, p.ours = append(p.truth, truth), append(p.ours, ours.Score)
	p.theirs, p.given = append(p.theirs, label), append(p.given, ours.Label)
	p.confidence, p.right = append(p.confidence, ours.Confidence), append(p.right, label.Clear() == ours.Label.Clear())
}

func (p *pairs) confusion() agreement.Confusion {
	classes := func(labels []coach.Label) []int {
		out := make([]int, len(labels))
		for i, l := range labels {
			out[i] = int(l - coach.Worst)
		}
		return out
	}
	return agreement.NewConfusion(len(coach.Labels()), classes(p.theirs), classes(p.given))
}

func newPairs() map[string]*pairs {
	all := map[string]*pairs{}
	for _, level := range evalLevels() {
		all[level] = &pairs{}
	}
	return all
}

// newEvalReport compares; done has what became of each utterance.
func newEvalReport(utterances []expertUtterance, done []evaluated) evalReport {
	of, all := newFigures(utterances, done)
	r := evalReport{
		Schema: evalSchema, figures: of, Refusals: map[coach.Reason]int{},
		Confusion: map[string][][]int{}, Calibration: map[string][]calibrated{}, Groups: map[string]figures{}, Claims: map[string]claimCount{},
	}
	for i, u := range utterances {
		if done[i].Assessment == nil {
			r.Refusals[done[i].Refused]++
		} else {
			u.count(*done[i].Assessment, r.Claims)
		}
	}
	for _, level := range evalLevels() {
		p := all[level]
		r.Confusion[level] = p.confusion().Counts()
		r.Calibration[level] = []calibrated{}
		for _, b := range agreement.Reliability(p.confidence, p.right) {
			r.Calibration[level] = append(r.Calibration[level], calibrated(b))
		}
	}
	for name, in := range evalGroups() {
		var us []expertUtterance
		var ds []evaluated
		for i, u := range utterances {
			if in(u, done[i]) {
				us, ds = append(us, u), append(ds, done[i])
			}
		}
		if len(us) > 0 {
			r.Groups[name], _ = newFigures(us, ds)
		}
	}
	return r
}

func newFigures(utterances []expertUtterance, done []evaluated) (figures, map[string]*pairs) {
	f := figures{
		Utterances: len(utterances), PCC: map[string]float64{}, CI95: map[string][2]float64{}, QWK: map[string]float64{},
		MCC: map[string]float64{}, RMSE: map[string]float64{}, ECE: map[string]float64{}, Mispronounced: map[string]mispronounced{},
	}
	all, bySpeaker := newPairs(), map[string]map[string]*pairs{}
	for i, u := range utterances {
		if bySpeaker[u.Speaker] == nil {
			bySpeaker[u.Speaker] = newPairs()
		}
		if done[i].Assessment == nil {
			f.Refused++
		}
		if done[i].judged() == nil {
			continue
		}
		u.compare(done[i], func(level string, truth float64, label coach.Label, ours coach.Judgement) {
			if ours.Scored() && label != coach.Unscored {
				all[level].add(truth, label, ours)
				bySpeaker[u.Speaker][level].add(truth, label, ours)
			}
		})
	}
	var speakers []map[string]*pairs
	for _, name := range slices.Sorted(maps.Keys(bySpeaker)) {
		speakers = append(speakers, bySpeaker[name])
	}
	f.Speakers = len(speakers)
	f.Mispronounced["word"] = all["word"].mispronounced(func(label coach.Label, _ float64) bool { return label < coach.Good }, coach.Good)
	f.Mispronounced["phone"] = all["phone"].mispronounced(func(_ coach.Label, score float64) bool { return score < .5 }, coach.Average)
	for _, level := range evalLevels() {
		p := all[level]
		confusion := p.confusion()
		for _, figure := range []struct {
			of    map[string]float64
			value float64
		}{
			{f.PCC, agreement.PCC(p.truth, p.ours)}, {f.RMSE, agreement.RMSE(p.truth, p.ours)},
			{f.QWK, confusion.QWK()}, {f.MCC, confusion.MCC()}, {f.ECE, agreement.ECE(agreement.Reliability(p.confidence, p.right))},
		} {
			if !math.IsNaN(figure.value) { // too little to tell: left out
				figure.of[level] = figure.value
			}
		}
		low, high := agreement.Bootstrap(len(speakers), 300, func(draw []int) float64 {
			var truth, ours []float64
			for _, i := range draw {
				truth, ours = append(truth, speakers[i][level].truth...), append(ours, speakers[i][level].ours...)
			}
			return agreement.PCC(truth, ours)
		})
		if !math.IsNaN(low) {
			f.CI95[level] = [2]float64{low, high}
		}
	}
	return f, all
}

// mispronounced counts what experts call wrong: by their labels, how well our
// labels below the same class find it; by wrong, how well lower scores do.
func (p *pairs) mispronounced(wrong func(coach.Label, float64) bool, below coach.Label) mispronounced {
	m := mispronounced{PrecisionAtRecall: map[string]float64{}}
	positive, score := make([]bool, len(p.truth)), make([]float64, len(p.truth))
	both := 0
	for i := range p.truth {
		positive[i], score[i] = wrong(p.theirs[i], p.truth[i]), -p.ours[i]
		theirs, ours := p.theirs[i] < below, p.given[i] < below
		if theirs {
			m.Wrong++
		}
		if ours {
			m.Labelled++
		}
		if theirs && ours {
			both++
		}
	}
	if m.Labelled > 0 {
		m.Precision = float64(both) / float64(m.Labelled)
	}
	if m.Wrong > 0 {
		m.Recall = float64(both) / float64(m.Wrong)
	}
	var precision []float64
	m.BestF1, precision = agreement.BestF1(score, positive, .5, .6, .7)
	for i, recall := range []string{".50", ".60", ".70"} {
		m.PrecisionAtRecall[recall] = precision[i]
	}
	return m
}

// compare pairs the experts' scores with ours. Words and phones are left out
// where the sentence was split otherwise than the experts had it.
func (u expertUtterance) compare(done evaluated, add func(level string, truth float64, label coach.Label, ours coach.Judgement)) {
	a := *done.judged()
	for _, aspect := range []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody} {
		if l := u.Labels[aspect]; l != nil {
			add(string(aspect), u.Scores[aspect], *l, a.Sentence.Of(aspect))
		}
	}
	if len(a.Words) != len(u.Words) {
		return
	}
	// Words that replies say nothing of but that they couldn't be made out are
	// judged all the same: experts score them too, and call few of them left out.
	unheard := coach.Judgement{Label: coach.Worst, Confidence: 1}
	for i, w := range u.Words {
		ours := a.Words[i]
		if !ours.Spoken && done.Every != nil {
			ours = done.Every.Words[i]
		}
		if !ours.Spoken {
			ours.Accuracy = unheard
		}
		add("word", w.Accuracy, w.Label, ours.Accuracy)
		if len(ours.Phones) != len(w.PhoneScores) || len(w.PhoneLabels) != len(w.PhoneScores) {
			continue
		}
		for j, s := range w.PhoneScores {
			judged := unheard
			if ours.Spoken {
				judged = ours.Phones[j].Accuracy
			}
			add("phone", s, w.PhoneLabels[j], judged)
		}
	}
}

// count adds what a reply would claim. A sound to work on is right where
// experts are below 1.5 of 2, a word or an aspect where they are below 7 of 10;
// a strength where they are not.
func (u expertUtterance) count(a coach.Assessment, counts map[string]claimCount) {
	if len(a.Words) != len(u.Words) {
		return
	}
	for _, c := range prompts.Choose(a, nil) {
		var truth, good float64
		level := "sentence"
		switch {
		case c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext || c.Aspect == coach.Completeness || c.Aspect == coach.Stress:
			continue
		case c.Phone != nil:
			if *c.Phone >= len(u.Words[*c.Word].PhoneScores) {
				continue
			}
			level, truth, good = "sound", u.Words[*c.Word].PhoneScores[*c.Phone], 1.5
		case c.Word != nil && c.Kind != coach.ClaimPause:
			level, truth, good = "word", u.Words[*c.Word].Accuracy, 7
		case c.Kind == coach.ClaimPause:
			truth, good = u.Scores[coach.Fluency], 7
		default:
			truth, good = u.Scores[c.Aspect], 7
		}
		what, right := level+" praised", truth >= good
		if prompts.IsFix(c) {
			what, right = level+" to work on", truth < good
			if prompts.Unsure(c, a) {
				what += ", not sure"
			}
		}
		n := counts[what]
		n.Made++
		if right {
			n.Right++
		}
		counts[what] = n
	}
}

// encode writes the report as JSON.
func (r evalReport) encode(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// save leaves the report and its pictures in a folder, which exists.
func (r evalReport) save(dir string) error {
	f, err := os.Create(filepath.Join(dir, "report.json"))
	if err != nil {
		return err
	}
	if err := errors.Join(r.encode(f), f.Close()); err != nil {
		return err
	}
	return errors.Join(
		confusionPicture(r).save(filepath.Join(dir, "confusion.png")),
		calibrationPicture(r).save(filepath.Join(dir, "calibration.png")))
}

// readEvalReport reads a report that was kept.
func readEvalReport(path string) (*evalReport, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, plainPathError(err))
	}
	var r evalReport
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Schema != evalSchema {
		return nil, fmt.Errorf("%s is no report of `mynah eval ... --json`", path)
	}
	return &r, nil
}

// holdAgainst returns an error that says where the report is worse than an
// earlier one of the same recordings: a correlation lower by more than margin,
// or over 2 % more of them refused.
func (r evalReport) holdAgainst(earlier *evalReport, margin float64) error {
	if r.Utterances != earlier.Utterances || r.Speakers != earlier.Speakers {
		return fmt.Errorf("the baseline is of %d utterances of %d speakers, this is of %d of %d", earlier.Utterances, earlier.Speakers, r.Utterances, r.Speakers)
	}
	var worse []string
	for _, level := range evalLevels() {
		before, ok := earlier.PCC[level]
		if now := r.PCC[level]; ok && now < before-margin {
			worse = append(worse, fmt.Sprintf("%s: PCC %.3f, was %.3f", level, now, before))
		}
	}
	if r.Refused > earlier.Refused+r.Utterances/50 {
		worse = append(worse, fmt.Sprintf("refused: %d, was %d", r.Refused, earlier.Refused))
	}
	if len(worse) > 0 {
		return fmt.Errorf("worse than the baseline of %s:\n  %s", earlier.Model, strings.Join(worse, "\n  "))
	}
	return nil
}
