package card

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// bits of a channel by which colours are told apart; a quarter of the bytes, and
// the eye sees no difference on smoothed edges.
const bits = 5

// cell is where a colour falls.
func cell(r, g, b uint8) int {
	const drop = 8 - bits
	return int(r>>drop)<<(2*bits) | int(g>>drop)<<bits | int(b>>drop)
}

// plane is all colours that fall into one cell.
type plane struct {
	cell, count int
	color       color.RGBA // the one that is most of it: of a plain area, exactly
}

// indexed is a picture with a palette of at most n colours (256 or fewer), a third
// of the size as a PNG and quicker to encode: first those that must stay as they
// are, then what is met most, each with its most common colour.
func indexed(img *image.RGBA, must []uint32, n int) *image.Paletted {
	var counts [1 << (3 * bits)]int
	var leads [1 << (3 * bits)]struct {
		color color.RGBA
		votes int
	}
	for at := 0; at < len(img.Pix); {
		px := binary.LittleEndian.Uint32(img.Pix[at:])
		n := 1 // pixels in a row that are the same: most are
		for at += 4; at < len(img.Pix) && binary.LittleEndian.Uint32(img.Pix[at:]) == px; at += 4 {
			n++
		}
		c := color.RGBA{uint8(px), uint8(px >> 8), uint8(px >> 16), 255}
		i := cell(c.R, c.G, c.B)
		counts[i] += n
		switch l := &leads[i]; { // the vote of Boyer and Moore
		case l.color == c:
			l.votes += n
		case l.votes < n:
			l.color, l.votes = c, n-l.votes
		default:
			l.votes -= n
		}
	}
	for _, c := range must {
		c := rgb(c)
		i := cell(c.R, c.G, c.B)
		counts[i] += len(img.Pix) // before all others
		leads[i].color = c
	}
	var planes []plane
	for i, n := range counts {
		if n > 0 {
			planes = append(planes, plane{i, n, leads[i].color})
		}
	}
	slices.SortFunc(planes, func(x, y plane) int { return cmp.Or(cmp.Compare(y.count, x.count), cmp.Compare(x.cell, y.cell)) })
	kept := planes[:min(n, len(planes))]
	var index [1 << (3 * bits)]uint8
	colors := make(color.Palette, len(kept))
	for i, p := range kept {
		index[p.cell] = uint8(i)
		colors[i] = p.color
	}
	for _, p := range planes[len(kept):] {
		index[p.cell] = uint8(colors.Index(p.color))
	}
	out := image.NewPaletted(img.Rect, colors)
	var last uint32
	var is uint8 // of last; none is fully transparent, so the first is looked up
	for i := range out.Pix {
		if px := binary.LittleEndian.Uint32(img.Pix[4*i:]); px != last {
			last, is = px, index[cell(uint8(px), uint8(px>>8), uint8(px>>16))]
		}
		out.Pix[i] = is
	}
	return out
}
