package card

import (
	"image/color"

	"github.com/mynah-coach/mynah/coach"
)

// The card brings its own dark ground, so that it is the same on light and dark
// pages. Every text has a contrast of at least 4.5:1 on what is under it.
const (
	ground = 0x1d1a27
	panel  = 0x2a2538
	edge   = 0x4a4360
	track  = 0x80778f // of meters and charts
	ink    = 0xf5f2fb
	muted  = 0xbdb5cc
	brand  = 0xbda6f5
)

// tone is how a mark is coloured: with Okabe and Ito's palette, which people
// with any colour vision tell apart, lightened to be read on the dark ground.
type tone struct{ text, line, fill uint32 }

func toneOf(m coach.Mark) tone {
	switch m {
	case coach.MarkClear:
		return tone{text: 0x8fd0f7, line: 0x56b4e9, fill: 0x22303f}
	case coach.MarkNearly:
		return tone{text: 0xf5c04f, line: 0xe69f00, fill: 0x392e22}
	case coach.MarkWork:
		return tone{text: 0xffa273, line: 0xff8445, fill: 0x3f2a2b}
	}
	return tone{text: muted, line: track, fill: 0x2a2635}
}

func rgb(c uint32) color.RGBA {
	return color.RGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 255}
}
