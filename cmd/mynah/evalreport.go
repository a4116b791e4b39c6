package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/agreement"
	"github.com/mynah-coach/mynah/prompts"
)

// evalReport is what an evaluation found, by level: accuracy, fluency and
// prosody of the sentence, word and phone.
type evalReport struct {
	Schema     string                `json:"schema"`
	Model      string                `json:"model"`
	Utterances int                   `json:"utterances"`
	Speakers   int                   `json:"speakers"`
	Refused    int                   `json:"refused"`
	PCC        map[string]float64    `json:"pcc"`
	CI95       map[string][2]float64 `json:"ci95"` // of the PCC, speakers resampled
	QWK        map[string]float64    `json:"qwk"`
	MCC        map[string]float64    `json:"mcc"`
	RMSE       map[string]float64    `json:"rmse"`
	ECE        map[string]float64    `json:"ece"` // of the confidence in the verdict
	Mispron    mispronunciation      `json:"mispronounced_phones"`
	Claims     map[string]claimCount `json:"claims"`
}

// mispronunciation is how well the score finds the phones that experts put
// below .5.
type mispronunciation struct {
	F1          float64 `json:"f1"`
	PrecisionAt float64 `json:"precision_at_recall_50"`
}

// claimCount is how often what a reply would say is what experts say.
type claimCount struct {
	Made  int `json:"made"`
	Right int `json:"right"`
}

// evalLevels in the order of the table.
func evalLevels() []string { return []string{"accuracy", "fluency", "prosody", "word", "phone"} }

// pairs are the scores of one level, experts' and ours.
type pairs struct {
	truth, ours []float64
	trueClass   []int
	ourClass    []int
	confidence  []float64
	right       []bool
}

func (p *pairs) add(truth float64, label coach.Label, ours coach.Judgement) {
	p.truth, p.ours = append(p.truth, truth), append(p.ours, ours.Score)
	p.trueClass, p.ourClass = append(p.trueClass, int(label-coach.Worst)), append(p.ourClass, int(ours.Label-coach.Worst))
	p.confidence, p.right = append(p.confidence, ours.Confidence), append(p.right, label.Clear() == ours.Label.Clear())
}

func newEvalReport(utterances []expertUtterance, done map[string]evaluated) evalReport {
	r := evalReport{
		Schema: "mynah.eval/1", Utterances: len(utterances),
		PCC: map[string]float64{}, CI95: map[string][2]float64{}, QWK: map[string]float64{},
		MCC: map[string]float64{}, RMSE: map[string]float64{}, ECE: map[string]float64{}, Claims: map[string]claimCount{},
	}
	all := map[string]*pairs{}
	bySpeaker := map[string]map[string]*pairs{}
	for _, level := range evalLevels() {
		all[level] = &pairs{}
	}
	for _, u := range utterances {
		if bySpeaker[u.Speaker] == nil {
			bySpeaker[u.Speaker] = map[string]*pairs{}
			for _, level := range evalLevels() {
				bySpeaker[u.Speaker][level] = &pairs{}
			}
		}
		d := done[u.ID]
		if d.Assessment == nil {
			r.Refused++
			continue
		}
		add := func(level string, truth float64, label coach.Label, ours coach.Judgement) {
			if ours.Scored() && label != coach.Unscored {
				all[level].add(truth, label, ours)
				bySpeaker[u.Speaker][level].add(truth, label, ours)
			}
		}
		u.compare(*d.Assessment, add)
		u.count(*d.Assessment, r.Claims)
	}
	var speakers []map[string]*pairs
	for _, name := range slices.Sorted(maps.Keys(bySpeaker)) {
		speakers = append(speakers, bySpeaker[name])
	}
	r.Speakers = len(speakers)
	for _, level := range evalLevels() {
		p := all[level]
		confusion := agreement.NewConfusion(len(coach.Labels()), p.trueClass, p.ourClass)
		for _, figure := range []struct {
			of    map[string]float64
			value float64
		}{
			{r.PCC, agreement.PCC(p.truth, p.ours)}, {r.RMSE, agreement.RMSE(p.truth, p.ours)},
			{r.QWK, confusion.QWK()}, {r.MCC, confusion.MCC()}, {r.ECE, agreement.ECE(p.confidence, p.right)},
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
			r.CI95[level] = [2]float64{low, high}
		}
	}
	p := all["phone"]
	wrong, score := make([]bool, len(p.truth)), make([]float64, len(p.truth))
	for i := range p.truth {
		wrong[i], score[i] = p.truth[i] < .5, -p.ours[i]
	}
	f1, precision := agreement.BestF1(score, wrong, .5)
	r.Mispron = mispronunciation{f1, precision[0]}
	return r
}

// compare pairs the experts' scores with ours. Words and phones are left out
// where the sentence was split otherwise than the experts had it.
func (u expertUtterance) compare(a coach.Assessment, add func(level string, truth float64, label coach.Label, ours coach.Judgement)) {
	for _, aspect := range []coach.Aspect{coach.Accuracy, coach.Fluency, coach.Prosody} {
		if l := u.Labels[aspect]; l != nil {
			add(string(aspect), u.Scores[aspect], *l, a.Sentence.Of(aspect))
		}
	}
	if len(a.Words) != len(u.Words) {
		return
	}
	for i, w := range u.Words {
		// What was not heard counts as experts count it: 0.
		unheard := coach.Judgement{Label: coach.Worst, Confidence: 1}
		ours := a.Words[i]
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

// write prints the report as tables.
func (r evalReport) write(out io.Writer) error {
	fmt.Fprintf(out, "%s: %d utterances of %d speakers, %d refused\n\n", r.Model, r.Utterances, r.Speakers, r.Refused)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tPCC\t95 %\tQWK\tMCC\tRMSE\tECE\t")
	for _, l := range evalLevels() {
		between := "-"
		if ci, ok := r.CI95[l]; ok {
			between = fmt.Sprintf("%.3f-%.3f", ci[0], ci[1])
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l, figure(r.PCC, l), between, figure(r.QWK, l), figure(r.MCC, l), figure(r.RMSE, l), figure(r.ECE, l))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nphones that experts put below .5: best F1 %.3f, precision %.3f at recall .50\n\n", r.Mispron.F1, r.Mispron.PrecisionAt)
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what replies say\ttimes\tas experts do")
	for _, name := range slices.Sorted(maps.Keys(r.Claims)) {
		n := r.Claims[name]
		fmt.Fprintf(t, "%s\t%d\t%.0f %%\n", name, n.Made, math.Round(100*float64(n.Right)/float64(n.Made)))
	}
	return t.Flush()
}

// figure is one cell of the table.
func figure(of map[string]float64, level string) string {
	if v, ok := of[level]; ok {
		return fmt.Sprintf("%.3f", v)
	}
	return "-"
}
