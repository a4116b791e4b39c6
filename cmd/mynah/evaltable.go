package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// write prints the report as tables.
func (r evalReport) write(out io.Writer) error {
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(r.Refusals)) {
		why = append(why, fmt.Sprintf(", %s %d", reason, r.Refusals[reason]))
	}
	fmt.Fprintf(out, "%s: %d utterances of %d speakers, %d refused%s\n\n", r.Model, r.Utterances, r.Speakers, r.Refused, strings.Join(why, ""))

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

	fmt.Fprintln(out)
	fmt.Fprint(t, "PCC of\tspeakers\tutterances\trefused\t")
	for _, l := range evalLevels() {
		fmt.Fprintf(t, "%s\t", l)
	}
	fmt.Fprintln(t)
	for _, name := range slices.Sorted(maps.Keys(r.Groups)) {
		g := r.Groups[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t", name, g.Speakers, g.Utterances, g.Refused)
		for _, l := range evalLevels() {
			fmt.Fprintf(t, "%s\t", figure(g.PCC, l))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}

	fmt.Fprintln(out)
	fmt.Fprintln(t, "finding what experts call wrong\twrong\tlabelled\tprecision\trecall\tbest F1\tprecision at recall .50\t.60\t.70\t")
	for _, row := range [][2]string{{"word", "words below Good"}, {"phone", "phones below Average"}} {
		m := r.Mispronounced[row[0]]
		fmt.Fprintf(t, "%s\t%d\t%d\t%.3f\t%.3f\t%.3f\t", row[1], m.Wrong, m.Labelled, m.Precision, m.Recall, m.BestF1)
		for _, recall := range slices.Sorted(maps.Keys(m.PrecisionAtRecall)) {
			fmt.Fprintf(t, "%.3f\t", m.PrecisionAtRecall[recall])
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}

	fmt.Fprintln(out)
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
