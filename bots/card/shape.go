package card

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"slices"

	"github.com/fogleman/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// shape is one thing to paint. Lengths are pixels of the picture, which is shown
// at half its size on a dense screen. A text stands on the line y, from x on.
type shape struct {
	kind       kind
	x, y, w, h float64
	radius     float64
	fill       uint32
	stroke     uint32
	line       float64 // width of the stroke; 0 is none
	text       string
	style      style
	points     [][2]float64 // of a path
}

type kind int

const (
	box  kind = iota // a rectangle with round corners; a circle when these are round enough
	text             // in fill
	path             // through points, in stroke
)

// width of every picture: 600 of CSS's pixels, which Discord and Slack shrink to
// what they have room for.
const (
	width  = 1200
	margin = 52
	inner  = width - 2*margin
)

// picture is a list of shapes being laid out from top to bottom.
type picture struct {
	*fonts
	shapes []shape
	y      float64 // where the next thing begins
}

// add adds shapes, boxes on whole pixels, so that their edges are sharp.
func (p *picture) add(shapes ...shape) {
	for _, s := range shapes {
		if s.kind == box {
			right, bottom := math.Round(s.x+s.w), math.Round(s.y+s.h)
			s.x, s.y = math.Round(s.x), math.Round(s.y)
			s.w, s.h = right-s.x, bottom-s.y
		}
		p.shapes = append(p.shapes, s)
	}
}

// colors are those of the shapes.
func (p *picture) colors() []uint32 {
	all := []uint32{ground}
	for _, s := range p.shapes {
		for _, c := range []uint32{s.fill, s.stroke} {
			if c != 0 && !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// write puts a text on the line y, and returns where it ends.
func (p *picture) write(x, y float64, s style, c uint32, t string) float64 {
	w := p.width(s, t)
	p.add(shape{kind: text, x: x, y: y, w: w, h: s.size, fill: c, text: t, style: s})
	return x + w
}

// centre puts a text on the line y around x.
func (p *picture) centre(x, y float64, s style, c uint32, t string) {
	p.write(x-p.width(s, t)/2, y, s, c, t)
}

// middle is the base line that puts the capitals of a style in the middle of a
// row.
func middle(top, height float64, s style) float64 {
	const capitals = .727 // of Inter's size
	return math.Round(top + (height+s.size*capitals)/2)
}

// paint draws the shapes, in their order, on a ground of their own.
func (p *picture) paint() (*image.RGBA, error) {
	height := int(math.Ceil(p.y))
	if height <= 0 || height > 8*width {
		return nil, fmt.Errorf("card: a picture of %d pixels' height", height)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	g := gg.NewContextForRGBA(img)
	g.SetColor(rgb(ground))
	g.Clear()
	for _, s := range p.shapes {
		switch s.kind {
		case box:
			if s.fill != 0 {
				g.DrawRoundedRectangle(s.x, s.y, s.w, s.h, s.radius)
				g.SetColor(rgb(s.fill))
				g.Fill()
			}
			if s.line > 0 {
				half := s.line / 2
				g.DrawRoundedRectangle(s.x+half, s.y+half, s.w-s.line, s.h-s.line, max(s.radius-half, 0))
				g.SetColor(rgb(s.stroke))
				g.SetLineWidth(s.line)
				g.Stroke()
			}
		case path:
			for _, at := range s.points {
				g.LineTo(at[0], at[1])
			}
			g.SetColor(rgb(s.stroke))
			g.SetLineWidth(s.line)
			g.SetLineCapRound()
			g.SetLineJoinRound()
			g.Stroke()
		case text:
			d := font.Drawer{
				Dst: img, Src: image.NewUniform(rgb(s.fill)), Face: p.face(s.style),
				Dot: fixed.Point26_6{X: fixed.Int26_6(s.x * 64), Y: fixed.Int26_6(s.y * 64)},
			}
			d.DrawString(s.text)
		}
	}
	return img, nil
}

// maxBytes is the most that a picture's file has; few come near.
const maxBytes = 100_000

// encode paints the picture and makes it a PNG.
func (p *picture) encode() ([]byte, error) {
	img, err := p.paint()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for colors := 64; ; colors /= 2 { // the fewer, the smaller
		b.Reset()
		if err := png.Encode(&b, indexed(img, p.colors(), colors)); err != nil {
			return nil, fmt.Errorf("card: %w", err)
		}
		if b.Len() <= maxBytes || colors <= 16 {
			return b.Bytes(), nil
		}
	}
}
