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

// write prints the report as a table, an explainer a column.
func (r rationaleReport) write(out io.Writer) error {
	fmt.Fprintf(out, "labels of %s: %d utterances of %d speakers, %d refused\n\n", r.Model, r.Utterances, r.Speakers, r.Refused)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	names := slices.Sorted(maps.Keys(r.Explainers))
	fmt.Fprintln(t, "\t"+strings.Join(names, "\t"))
	row := func(what string, cell func(f rationaleFigures) string) {
		cells := []string{what}
		for _, name := range names {
			cells = append(cells, cell(r.Explainers[name]))
		}
		if strings.Trim(strings.Join(cells[1:], ""), "-") != "" {
			fmt.Fprintln(t, strings.Join(cells, "\t"))
		}
	}
	row("has a rationale", func(f rationaleFigures) string { return f.Rationales.String() })
	row("worded, not plain", func(f rationaleFigures) string { return f.Worded.String() })
	row("broke no rule", func(f rationaleFigures) string {
		if f.FirstTry == nil {
			return "-"
		}
		return f.FirstTry.String()
	})
	for _, level := range []string{"sentence", "word", "sound", "overall", "all"} {
		row("as labelled: "+level, func(f rationaleFigures) string { return f.Agreement[level].String() })
	}
	row("claims read back", func(f rationaleFigures) string { return f.ReadBack.String() })
	row("sentences not understood", func(f rationaleFigures) string { return fmt.Sprint(f.Unread) })
	for _, level := range []string{"sentence", "word", "sound"} {
		row("experts agree, to work on: "+level, func(f rationaleFigures) string { return f.Precision[level].String() })
		row("experts agree, not sure: "+level, func(f rationaleFigures) string { return f.Unsure[level].String() })
		row("experts agree, praise: "+level, func(f rationaleFigures) string { return f.Praise[level].String() })
	}
	row("experts agree, to polish: sound", func(f rationaleFigures) string { return f.Polish.String() })
	row("a worst sound, or its word, is named", func(f rationaleFigures) string { return f.WorstNamed.String() })
	row("a flaw is named", func(f rationaleFigures) string { return f.FlawNamed.String() })
	row("poor speech praised", func(f rationaleFigures) string { return f.PoorPraise.String() })
	row("poor speech: mixed", func(f rationaleFigures) string { return f.PoorMixed.String() })
	row("poor speech: only in doubt", func(f rationaleFigures) string { return f.PoorDoubt.String() })
	row("poor speech: only to polish", func(f rationaleFigures) string { return f.PoorPolish.String() })
	row("good speech blamed", func(f rationaleFigures) string { return f.GoodBlamed.String() })
	row("good speech in doubt", func(f rationaleFigures) string { return f.GoodDoubt.String() })
	for _, what := range []string{"answered", "sentence", "word", "poor praised", "poor mixed"} {
		row("by the judge: "+what, func(f rationaleFigures) string {
			if f.Judge == nil {
				return "-"
			}
			return (*f.Judge)[what].String()
		})
	}
	row("words", func(f rationaleFigures) string { return fmt.Sprintf("%.0f, at most %.0f", f.Words.Mean, f.Words.Max) })
	row("reading level (school year)", func(f rationaleFigures) string { return fmt.Sprintf("%.1f, at most %.1f", f.Grade.Mean, f.Grade.Max) })
	row("a learner's texts differ", func(f rationaleFigures) string { return f.Texts.String() })
	row("their first words differ", func(f rationaleFigures) string { return f.Openings.String() })
	row("their sentences differ", func(f rationaleFigures) string { return f.Sentences.String() })
	return t.Flush()
}

// String is a share as it stands in a table.
func (s share) String() string {
	if s.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%s of %d (%s-%s)", percent(s.Part), s.Of, percent(s.CI95[0]), percent(s.CI95[1]))
}

// percent never rounds up to 100, nor down to 0.
func percent(p float64) string {
	v := math.Round(1000*p) / 10
	switch {
	case math.IsNaN(p):
		return "-"
	case v == 100 && p < 1:
		v = 99.9
	case v == 0 && p > 0:
		v = .1
	}
	return fmt.Sprintf("%.1f %%", v)
}
