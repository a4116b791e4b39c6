package card

import (
	_ "embed" // the font
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// Inter, subset to Latin, the phonetic alphabet of English and the marks; see
// docs/coaching-card.md. Its licence stands beside it.
//
//go:embed font/Inter-Regular.ttf
var interRegular []byte

//go:embed font/Inter-Bold.ttf
var interBold []byte

// style is a text's size in pixels and its weight.
type style struct {
	size float64
	bold bool
}

// fonts measures and draws text. It is of one picture, for faces keep state.
type fonts struct {
	regular, bold *sfnt.Font
	faces         map[style]font.Face
	buffer        sfnt.Buffer
}

func newFonts() (*fonts, error) {
	regular, err := opentype.Parse(interRegular)
	if err != nil {
		return nil, fmt.Errorf("card: font: %w", err)
	}
	bold, err := opentype.Parse(interBold)
	if err != nil {
		return nil, fmt.Errorf("card: font: %w", err)
	}
	f := &fonts{regular: regular, bold: bold, faces: map[style]font.Face{}}
	return f, nil
}

// face returns the face of a style.
func (f *fonts) face(s style) font.Face {
	if face, ok := f.faces[s]; ok {
		return face
	}
	of := f.regular
	if s.bold {
		of = f.bold
	}
	face, err := opentype.NewFace(of, &opentype.FaceOptions{Size: s.size, DPI: 72, Hinting: font.HintingNone})
	if err != nil { // never: the options are good
		panic(fmt.Sprintf("card: face of %v: %v", s, err))
	}
	f.faces[s] = face
	return face
}

// width of a text on one line.
func (f *fonts) width(s style, text string) float64 {
	return float64(font.MeasureString(f.face(s), text)) / 64
}

// has reports whether the font has a character.
func (f *fonts) has(r rune) bool {
	i, err := f.regular.GlyphIndex(&f.buffer, r)
	return err == nil && i != 0
}

// plain is a text as it can be drawn: on one line, without what is invisible or
// turns others around, and with a box for what the font lacks.
func (f *fonts) plain(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, "□")) {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.M, unicode.Cs):
			continue
		case !f.has(r):
			r = '□'
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fit returns the text in the largest style, from s down to half its size, in
// which it is no wider than width; cut where it still is.
func (f *fonts) fit(s style, text string, width float64) (style, string) {
	least := s.size / 2
	for s.size > least && f.width(s, text) > width {
		s.size = max(least, min(s.size-1, float64(int(s.size*width/f.width(s, text)))))
	}
	return s, f.cut(s, text, width)
}

// cut shortens a text to a width.
func (f *fonts) cut(s style, text string, width float64) string {
	if f.width(s, text) <= width {
		return text
	}
	runes := []rune(text)
	low, high := 0, len(runes) // of runes that fit with an ellipsis
	for low < high {
		mid := (low + high + 1) / 2
		if f.width(s, string(runes[:mid])+"…") <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return strings.TrimSpace(string(runes[:low])) + "…"
}

// wrap breaks a text into as few lines as width allows, at most n of them, and
// makes these about equally long.
func (f *fonts) wrap(s style, text string, width float64, n int) []string {
	lines := f.greedy(s, text, width, n)
	if len(lines) < 2 {
		return lines
	}
	narrow := width * .7
	for width-narrow > 12 {
		if mid := (narrow + width) / 2; len(f.greedy(s, text, mid, n+1)) > len(lines) {
			narrow = mid
		} else {
			width = mid
		}
	}
	return f.greedy(s, text, width, n)
}

// greedy fills line after line.
func (f *fonts) greedy(s style, text string, width float64, n int) []string {
	var lines []string
	line := ""
	words := strings.Fields(text)
	for i, w := range words {
		next := w
		if line != "" {
			next = line + " " + w
		}
		if line == "" || f.width(s, next) <= width {
			line = next
			continue
		}
		if len(lines) == n-1 {
			return append(lines, f.cut(s, line+" "+strings.Join(words[i:], " "), width))
		}
		lines = append(lines, f.cut(s, line, width))
		line = w
	}
	if line != "" {
		lines = append(lines, f.cut(s, line, width))
	}
	return lines
}
