package card

import (
	"errors"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// ErrNothing is returned for what there is no picture of.
var ErrNothing = errors.New("card: nothing to show")

// Reply draws the card of a coaching reply: the marked sentence with what to fix
// under its words, the fixes (two at most), and the aspects of the sentence. It
// takes some ten milliseconds. The error is ErrNothing where the reply has no
// assessment.
func Reply(r coach.Reply) (*coach.Picture, error) {
	if r.Assessment == nil || len(r.Assessment.Words) == 0 {
		return nil, ErrNothing
	}
	var claims []coach.Claim
	if r.Rationale != nil {
		claims = r.Rationale.Claims
	}
	p, err := layReply(*r.Assessment, claims)
	if err != nil {
		return nil, err
	}
	png, err := p.encode()
	if err != nil {
		return nil, err
	}
	return &coach.Picture{PNG: png, Alt: prompts.CardAlt(*r.Assessment, claims)}, nil
}

// fix is something to do better, and how.
type fix struct {
	claim coach.Claim
	line  string
	cue   string
	mark  coach.Mark
}

// fixesOf returns the fixes of a reply's claims; a fix's cue comes after it.
func fixesOf(a coach.Assessment, claims []coach.Claim) []fix {
	const most = 2
	var all []fix
	for i, c := range claims {
		if !prompts.IsFix(c) || len(all) == most {
			continue
		}
		f := fix{claim: c, line: prompts.Line(c, a)}
		if f.line == "" {
			continue
		}
		switch {
		case c.Heard == coach.Missing && c.Phone == nil:
			f.mark = coach.MarkUnheard
		case prompts.Unsure(c, a):
			f.mark = coach.MarkUnsure
		case c.Label == coach.Average:
			f.mark = coach.MarkNearly
		default:
			f.mark = coach.MarkWork
		}
		if i+1 < len(claims) && claims[i+1].Kind == coach.ClaimCue {
			f.cue = claims[i+1].Text
		}
		all = append(all, f)
	}
	return all
}

// layReply lays a card out.
func layReply(a coach.Assessment, claims []coach.Claim) (*picture, error) {
	f, err := newFonts()
	if err != nil {
		return nil, err
	}
	p := &picture{fonts: f, y: margin}
	fixes := fixesOf(a, claims)
	p.strength(a, claims)
	p.sentence(a, fixes)
	p.fixes(a, claims, fixes)
	p.aspects(a.Sentence)
	p.legend(a, fixes)
	p.y += margin - 8
	return p, nil
}

// strength begins with what was good.
func (p *picture) strength(a coach.Assessment, claims []coach.Claim) {
	for _, c := range claims {
		if c.Kind != coach.ClaimStrength && c.Kind != coach.ClaimChange {
			continue
		}
		s := style{36, true}
		lines := p.wrap(s, p.plain(prompts.Line(c, a)), inner-64, 3)
		if len(lines) == 0 {
			continue
		}
		m := coach.MarkClear
		if c.Label <= coach.Average { // the best of it, or better than it was
			m = coach.MarkNearly
		}
		p.badge(margin, p.y-2, 46, m)
		for i, l := range lines {
			p.write(margin+64, middle(p.y+float64(i)*48, 42, s), s, ink, l)
		}
		p.y += float64(len(lines))*48 + 32
		return
	}
}

// badge is a mark's sign in a circle.
func (p *picture) badge(x, y, size float64, m coach.Mark) {
	t := toneOf(m)
	p.add(shape{kind: box, x: x, y: y, w: size, h: size, radius: size / 2, fill: t.fill, stroke: t.line, line: max(2, size/16)})
	s := style{size * .62, true}
	p.centre(x+size/2, middle(y, size, s), s, t.text, m.Sign())
}

// pill is a word with its mark.
type pill struct {
	text  string
	under string
	mark  coach.Mark // the word's, "" for what is no word
	fix   coach.Mark // of what is to be fixed in it, "" where nothing is
	style style
	words int // that it stands for
	w     float64
}

// Sizes of pills, in shares of the size of their text.
const (
	pillHeight = 1.76
	pillSide   = .5 // room at both sides
	badgeSize  = .74
	badgeGap   = .24
	underLine  = 1.3 // what an under adds to the height, of its own size
	gapX       = .32
	gapY       = .38
)

// mostRows is how many rows a sentence may have.
const mostRows = 12

// sentence lays the words out as pills, in rows.
func (p *picture) sentence(a coach.Assessment, fixes []fix) {
	size := 46.0
	switch n := len(a.Words); {
	case n > 60:
		size = 30
	case n > 30:
		size = 34
	case n > 14:
		size = 40
	}
	rows := p.rows(p.pills(a, fixes, size, true), size)
	if len(rows) > mostRows {
		rows = p.rows(p.pills(a, fixes, size, false), size)
	}
	if left := 0; len(rows) > mostRows {
		for _, r := range rows[mostRows-1:] {
			for _, l := range r {
				left += l.words
			}
		}
		rows = append(rows[:mostRows-1], []pill{p.note(prompts.MoreWords(left), size, left)})
	}
	for _, row := range rows {
		x, height := float64(margin), size*pillHeight
		for _, l := range row {
			if l.under != "" {
				height = size*pillHeight + underStyle(size).size*underLine
			}
		}
		for _, l := range row {
			p.pill(x, p.y, l, size)
			x += l.w + size*gapX
		}
		p.y += height + size*gapY
	}
	p.y += 40 - size*gapY
}

// pills measures the words. With all false, those that are clear are counted
// only.
func (p *picture) pills(a coach.Assessment, fixes []fix, size float64, all bool) []pill {
	var out []pill
	clear := 0
	flush := func() {
		if clear > 0 {
			out = append(out, p.note(prompts.ClearWords(clear), size, clear))
		}
		clear = 0
	}
	for i, w := range a.Words {
		l := pill{text: p.plain(w.Text), mark: w.Mark(), style: style{size, true}, words: 1}
		for _, f := range fixes {
			if f.claim.Word == nil || *f.claim.Word != i {
				continue
			}
			l.fix = f.mark
			if l.under = p.plain(prompts.Under(f.claim, a)); l.under != "" && l.fix != l.mark {
				l.under = l.fix.Sign() + " " + l.under
			}
		}
		if !all && l.mark == coach.MarkClear {
			clear++
			continue
		}
		flush()
		if l.text == "" {
			l.text = "□"
		}
		room := inner - size*(2*pillSide+badgeSize+badgeGap)
		l.style, l.text = p.fit(l.style, l.text, room)
		l.w = size*(2*pillSide+badgeSize+badgeGap) + p.width(l.style, l.text)
		if l.under != "" {
			l.w = max(l.w, size*2*pillSide+p.width(underStyle(size), l.under))
		}
		out = append(out, l)
	}
	flush()
	return out
}

// note stands for words that are not shown.
func (p *picture) note(text string, size float64, words int) pill {
	s := style{size * .75, false}
	return pill{text: text, style: s, words: words, w: size*.4 + p.width(s, text)}
}

func underStyle(size float64) style { return style{max(28, size*.66), false} }

// rows breaks pills into rows.
func (p *picture) rows(pills []pill, size float64) [][]pill {
	var rows [][]pill
	x := 0.0
	for _, l := range pills {
		if len(rows) == 0 || x+l.w > inner+.5 {
			rows, x = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], l)
		x += l.w + size*gapX
	}
	return rows
}

func (p *picture) pill(x, y float64, l pill, size float64) {
	row := size * pillHeight
	if l.mark == "" {
		p.write(x+size*.2, middle(y, row, l.style), l.style, muted, l.text)
		return
	}
	t := toneOf(l.mark)
	height, line := row, 2.0
	if l.under != "" {
		height += underStyle(size).size * underLine
	}
	of := t // what is to be fixed has its own colour
	if l.fix != "" {
		of, line = toneOf(l.fix), 5
	}
	p.add(shape{kind: box, x: x, y: y, w: l.w, h: height, radius: size * .42, fill: t.fill, stroke: of.line, line: line})
	s := style{size * .8, true}
	p.centre(x+size*(pillSide+badgeSize/2), middle(y, row, s), s, t.text, l.mark.Sign())
	from := x + size*(pillSide+badgeSize+badgeGap)
	to := p.write(from, middle(y, row, l.style), l.style, ink, l.text)
	if l.mark == coach.MarkUnheard {
		at := y + row/2 + size*.06
		p.add(shape{kind: path, stroke: t.text, line: max(2, size/14), points: [][2]float64{{from, at}, {to, at}}})
	}
	if l.under != "" {
		p.write(x+size*pillSide, y+row+underStyle(size).size*.62, underStyle(size), of.text, l.under)
	}
}

// fixes says what to work on and how; where there is nothing, what to do next.
func (p *picture) fixes(a coach.Assessment, claims []coach.Claim, fixes []fix) {
	const pad, left, gap = 36.0, 70.0, 30.0
	top := p.y
	at := len(p.shapes)
	p.add(shape{}) // becomes the panel when its height is known
	p.y += pad
	for i, f := range fixes {
		if i > 0 {
			p.y += gap
		}
		p.badge(margin+pad, p.y-3, 48, f.mark)
		p.advice(margin+pad+left, inner-2*pad-left, f.line, f.cue)
	}
	if len(fixes) == 0 {
		line, next := prompts.NoFix(a, claims)
		p.advice(margin+pad, inner-2*pad, line, next)
	}
	p.y += pad - 4
	p.shapes[at] = shape{kind: box, x: margin, y: top, w: inner, h: math.Round(p.y) - top, radius: 28, fill: panel}
	p.y += 36
}

// advice is what is to be done and below it how, either of them "".
func (p *picture) advice(x, w float64, what, how string) {
	const lead, below = 46.0, 44.0
	bold, regular := style{34, true}, style{32, false}
	for _, l := range p.wrap(bold, p.plain(what), w, 3) {
		p.write(x, middle(p.y, 42, bold), bold, ink, l)
		p.y += lead
	}
	if what != "" && how != "" {
		p.y += 6
	}
	for _, l := range p.wrap(regular, p.plain(how), w, 4) {
		p.write(x, middle(p.y, 40, regular), regular, ink, l)
		p.y += below
	}
}

// aspects are the labels of the sentence, as words with a meter.
func (p *picture) aspects(s coach.SentenceJudgements) {
	const gap, pad, height = 20.0, 24.0, 158.0
	all := prompts.SentenceAspects()
	w := (inner - gap*float64(len(all)-1)) / float64(len(all))
	for i, aspect := range all {
		x := margin + float64(i)*(w+gap)
		p.add(shape{kind: box, x: x, y: p.y, w: w, h: height, radius: 24, stroke: edge, line: 2})
		p.write(x+pad, p.y+48, style{28, false}, muted, title(string(aspect)))
		j := s.Of(aspect)
		word, grade := p.fit(style{34, true}, prompts.Grade(j), w-2*pad)
		p.write(x+pad, p.y+92, word, ink, grade)
		p.meter(x+pad, p.y+height-40, w-2*pad, steps(j))
	}
	p.y += height + 34
}

// steps is how far a label is on a meter, 0 where it is not sure.
func steps(j coach.Judgement) int {
	if j.Mark() == coach.MarkUnsure {
		return 0
	}
	return int(j.Label)
}

// meter shows how many of five steps are reached, by filling and by outline.
func (p *picture) meter(x, y, w float64, n int) {
	const gap, height = 8.0, 16.0
	labels := coach.Labels()
	each := (w - gap*float64(len(labels)-1)) / float64(len(labels))
	for i := range labels {
		s := shape{kind: box, x: x + float64(i)*(each+gap), y: y, w: each, h: height, radius: height / 2}
		if i < n {
			s.fill = brand
		} else {
			s.stroke, s.line = track, 2
		}
		p.add(s)
	}
}

// legend says what the marks stand for that are there.
func (p *picture) legend(a coach.Assessment, fixes []fix) {
	used := map[coach.Mark]bool{}
	for _, f := range fixes {
		used[f.mark] = true
	}
	for _, w := range a.Words {
		used[w.Mark()] = true
	}
	s := style{28, false}
	x := float64(margin)
	for _, m := range coach.Marks() {
		if used[m] {
			p.badge(x, p.y, 38, m)
			x = p.write(x+50, middle(p.y, 38, s), s, muted, string(m)) + 32
		}
	}
	name := style{28, true}
	p.write(width-margin-p.width(name, "mynah"), middle(p.y, 38, name), name, brand, "mynah")
	p.y += 38
}

// title begins with a capital letter.
func title(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
