package card

import (
	"math"
	"slices"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Trend is what Progress draws; prompts.TrendOf makes it of lessons.
type Trend = prompts.Trend

// Progress draws how a learner's latest notes went: a small chart for each
// aspect of the sentence, all on the same scale, and below them the sounds to
// work on, and those that have become better, with how often they were clear.
// The error is ErrNothing where there are no notes.
func Progress(t Trend) (*coach.Picture, error) {
	if t.Notes == 0 || len(t.Aspects) == 0 {
		return nil, ErrNothing
	}
	p, err := layProgress(t)
	if err != nil {
		return nil, err
	}
	png, err := p.encode()
	if err != nil {
		return nil, err
	}
	return &coach.Picture{PNG: png, Alt: prompts.TrendAlt(t)}, nil
}

func layProgress(t Trend) (*picture, error) {
	f, err := newFonts()
	if err != nil {
		return nil, err
	}
	p := &picture{fonts: f, y: margin}
	heading := style{36, true}
	p.write(margin, middle(p.y, 42, heading), heading, ink, prompts.TrendTitle(t))
	name := style{28, true}
	p.write(width-margin-p.width(name, "mynah"), middle(p.y, 42, name), name, brand, "mynah")
	p.y += 42 + 34
	const gap, height = 24.0, 360.0
	w := (inner - gap) / 2
	for i, a := range t.Aspects {
		x := margin + float64(i%2)*(w+gap)
		p.chart(x, p.y, w, height, a)
		if i%2 == 1 || i == len(t.Aspects)-1 {
			p.y += height + gap
		}
	}
	p.y += 16
	from, long := p.columns(slices.Concat(t.Better, t.Weak))
	if len(t.Better) > 0 {
		p.bars(prompts.BetterTitle(), coach.MarkClear, t.Better, from, long)
		p.y += 20
	}
	if len(t.Weak) > 0 {
		p.bars(prompts.WeakTitle(t), coach.MarkWork, t.Weak, from, long)
	} else {
		p.advice(margin, inner, "", prompts.WeakTitle(t))
	}
	p.y += margin - 24
	return p, nil
}

// chart draws an aspect's labels, oldest at the left, on five lines of which the
// first and the last are named. What is not sure is a gap.
func (p *picture) chart(x, y, w, h float64, a prompts.AspectTrend) {
	const pad, dot = 28.0, 9.0
	p.add(shape{kind: box, x: x, y: y, w: w, h: h, radius: 24, stroke: edge, line: 2})
	p.write(x+pad, y+52, style{28, false}, muted, title(string(a.Aspect)))
	now, text := p.fit(style{34, true}, prompts.AspectNow(a), w-2*pad)
	p.write(x+pad, y+96, now, ink, text)

	labels := coach.Labels()
	left, right, top, bottom := x+pad, x+w-pad, y+170, y+h-66
	level := func(l coach.Label) float64 {
		return bottom - (bottom-top)*float64(l-labels[0])/float64(len(labels)-1)
	}
	for _, l := range labels {
		p.add(shape{kind: path, stroke: edge, line: 2, points: [][2]float64{{left, level(l)}, {right, level(l)}}})
	}
	small := style{24, false}
	p.write(left, top-20, small, muted, prompts.Grade(surely(labels[len(labels)-1])))
	p.write(left, bottom+38, small, muted, prompts.Grade(surely(labels[0])))

	at := func(i int) float64 {
		if len(a.Judgements) < 2 {
			return (left + right) / 2
		}
		return left + dot + (right-left-2*dot)*float64(i)/float64(len(a.Judgements)-1)
	}
	var run [][2]float64
	var dots []shape
	for i, j := range a.Judgements {
		if j.Mark() == coach.MarkUnsure {
			continue // the line goes on over the gap
		}
		cx, cy := at(i), level(j.Label)
		run = append(run, [2]float64{cx, cy})
		dots = append(dots, shape{kind: box, x: cx - dot, y: cy - dot, w: 2 * dot, h: 2 * dot, radius: dot, fill: brand, stroke: ground, line: 2})
	}
	if len(run) > 1 {
		p.add(shape{kind: path, stroke: brand, line: 4, points: run})
	}
	p.add(dots...)
}

func surely(l coach.Label) coach.Judgement { return coach.Judgement{Label: l, Confidence: 1} }

// Styles of a bar's name and count.
func barName() style  { return style{30, false} }
func barCount() style { return style{28, false} }

// columns is where bars begin and how long they are, beside the names and counts
// of all sounds.
func (p *picture) columns(sounds []prompts.SoundTrend) (from, long float64) {
	const gap = 30.0
	names, counts := 0.0, 0.0
	for _, t := range sounds {
		names = math.Max(names, p.width(barName(), t.Sound.Label()))
		counts = math.Max(counts, p.width(barCount(), prompts.ClearOf(t)))
	}
	return margin + names + gap, inner - names - counts - 2*gap
}

// bars shows sounds under a heading: how often each was clear, as a bar and in
// words.
func (p *picture) bars(heading string, m coach.Mark, sounds []prompts.SoundTrend, from, long float64) {
	const row, thick = 60.0, 22.0
	s := style{32, true}
	p.badge(margin, p.y, 44, m)
	p.write(margin+62, middle(p.y, 44, s), s, ink, heading)
	p.y += 58
	for _, t := range sounds {
		p.write(margin, middle(p.y, row, barName()), barName(), ink, t.Sound.Label())
		top := p.y + (row-thick)/2
		p.add(shape{kind: box, x: from, y: top, w: long, h: thick, radius: thick / 2, stroke: track, line: 2})
		if t.Clear > 0 {
			w := math.Max(thick, long*float64(t.Clear)/float64(t.Times()))
			p.add(shape{kind: box, x: from, y: top, w: w, h: thick, radius: thick / 2, fill: brand})
		}
		count := prompts.ClearOf(t)
		p.write(width-margin-p.width(barCount(), count), middle(p.y, row, barCount()), barCount(), muted, count)
		p.y += row
	}
}
