package card

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

var update = flag.Bool("update", false, "write the golden files anew")

// pictures dumps to a folder what can be looked at: go test ./bots/card -pictures DIR
var pictures = flag.String("pictures", "", "write the pictures of the cases to this folder")

// drawn is a case as it is laid out, and the text that goes with it.
type drawn struct {
	*picture
	alt string
}

func drawAll(t *testing.T) map[string]drawn {
	t.Helper()
	out := map[string]drawn{}
	for name, r := range cases() {
		p, err := layReply(*r.Assessment, r.Rationale.Claims)
		if err != nil {
			t.Fatal(err)
		}
		out["reply_"+name] = drawn{p, prompts.CardAlt(*r.Assessment, r.Rationale.Claims)}
	}
	for _, n := range []int{1, 5, 20} {
		tr := trend(n)
		p, err := layProgress(tr)
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprintf("progress_%d", n)] = drawn{p, prompts.TrendAlt(tr)}
	}
	return out
}

// dump writes shapes as text, for comparison: how edges are smoothed may change
// with a library, this only with us.
func dump(p *picture) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d x %.0f\n", width, math.Ceil(p.y))
	for _, s := range p.shapes {
		switch s.kind {
		case text:
			weight := "regular"
			if s.style.bold {
				weight = "bold"
			}
			fmt.Fprintf(&b, "text %.0f,%.0f %s %.0f #%06x %s\n", s.x, s.y, weight, s.style.size, s.fill, s.text)
		case path:
			fmt.Fprintf(&b, "path %.0f #%06x", s.line, s.stroke)
			for _, at := range s.points {
				fmt.Fprintf(&b, " %.0f,%.0f", at[0], at[1])
			}
			b.WriteByte('\n')
		default:
			fmt.Fprintf(&b, "box %.0f,%.0f %.0fx%.0f round %.0f #%06x line %.0f #%06x\n", s.x, s.y, s.w, s.h, s.radius, s.fill, s.line, s.stroke)
		}
	}
	return b.String()
}

func TestPicturesAreLaidOutAsBefore(t *testing.T) {
	for name, d := range drawAll(t) {
		file := filepath.Join("testdata", name+".txt")
		got := dump(d.picture)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: -want +got (accept with -update):\n%s", name, diff)
		}
	}
}

// luminance is WCAG 2's relative luminance.
func luminance(c uint32) float64 {
	channel := func(v uint32) float64 {
		x := float64(v&0xff) / 255
		if x <= .04045 {
			return x / 12.92
		}
		return math.Pow((x+.055)/1.055, 2.4)
	}
	return .2126*channel(c>>16) + .7152*channel(c>>8) + .0722*channel(c)
}

func contrast(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// under is the colour below a shape: of the last filled box before it that
// covers its middle.
func under(shapes []shape, i int) uint32 {
	s := shapes[i]
	x, y := s.x+s.w/2, s.y+s.h/2
	if s.kind == text {
		y = s.y - s.h/4
	}
	on := uint32(ground)
	for _, b := range shapes[:i] {
		if b.kind == box && b.fill != 0 && x >= b.x && x <= b.x+b.w && y >= b.y && y <= b.y+b.h {
			on = b.fill
		}
	}
	return on
}

// On light pages and on dark ones what counts is the card's own ground.
func TestTextsCanBeRead(t *testing.T) {
	if got := contrast(0xffffff, 0); math.Abs(got-21) > 1e-9 {
		t.Fatalf("black on white has a contrast of %v", got)
	}
	for name, d := range drawAll(t) {
		for i, s := range d.shapes {
			switch {
			case s.kind == text:
				if c := contrast(s.fill, under(d.shapes, i)); c < 4.5 {
					t.Errorf("%s: %q has a contrast of %.2f", name, s.text, c)
				}
				if s.style.size < 22 && !strings.Contains(name, "long_words") {
					t.Errorf("%s: %q is %v pixels high", name, s.text, s.style.size)
				}
			case s.kind == box && s.line > 0 && s.stroke != edge: // what tells something
				if c := contrast(s.stroke, ground); c < 3 && s.fill != brand {
					t.Errorf("%s: an outline #%06x has a contrast of %.2f", name, s.stroke, c)
				}
			}
		}
	}
}

// Nothing leaves the picture, and no text runs over another.
func TestNothingOverlaps(t *testing.T) {
	for name, d := range drawAll(t) {
		var texts []shape
		for _, s := range d.shapes {
			top, bottom := s.y, s.y+s.h
			if s.kind == text {
				top, bottom = s.y-.74*s.style.size, s.y+.22*s.style.size
			}
			if s.kind != path && (s.x < margin-.5 || s.x+s.w > width-margin+.5 || top < margin-4 || bottom > d.y-margin/2) {
				t.Errorf("%s: %q at %.0f,%.0f to %.0f,%.0f leaves the margins", name, s.text, s.x, top, s.x+s.w, bottom)
			}
			if s.kind != text {
				continue
			}
			for _, o := range texts {
				if s.x < o.x+o.w && o.x < s.x+s.w && top < o.y+.22*o.style.size && o.y-.74*o.style.size < bottom {
					t.Errorf("%s: %q is over %q", name, s.text, o.text)
				}
			}
			texts = append(texts, s)
		}
	}
}

func TestPicturesAreSmall(t *testing.T) {
	for name, d := range drawAll(t) {
		file, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > maxBytes {
			t.Errorf("%s: %d bytes", name, len(file))
		}
		if *pictures != "" {
			if err := os.WriteFile(filepath.Join(*pictures, name+".png"), file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		img, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != width || b.Dy() > 2000 || b.Dy() < 400 {
			t.Errorf("%s: %v", name, b)
		}
		for _, c := range d.colors() { // no mark may take on another's colour
			if !slices.Contains(img.(*image.Paletted).Palette, color.Color(rgb(c))) {
				t.Errorf("%s: #%06x is gone", name, c)
			}
		}
		for _, at := range [][2]int{{0, 0}, {width - 1, 0}, {width / 2, img.Bounds().Dy() - 1}} {
			r, g, b, a := img.At(at[0], at[1]).RGBA()
			if c := r>>8<<16 | g>>8<<8 | b>>8; c != ground || a != 0xffff {
				t.Errorf("%s: %v is #%06x, not the ground", name, at, c)
			}
		}
	}
}

func TestIndexed(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 100, 1))
	for x := range 100 {
		c := rgb(0x101010)
		switch {
		case x%10 < 3: // of the same cell, and less of it
			c = rgb(0x111111)
		case x >= 98:
			c = rgb(0xc0ffee)
		case x >= 90:
			c = rgb(0x00ff00 + uint32(x)<<16) // rare ones
		}
		img.Set(x, 0, c)
	}
	got := indexed(img, []uint32{0xc0ffee}, 3)
	if len(got.Palette) != 3 || got.At(5, 0) != rgb(0x101010) || got.At(0, 0) != rgb(0x101010) || got.At(99, 0) != rgb(0xc0ffee) {
		t.Errorf("%v: %v, %v, %v", got.Palette, got.At(0, 0), got.At(5, 0), got.At(99, 0))
	}
	if near := got.At(95, 0).(color.RGBA); near.G != 255 || near.B > 64 {
		t.Errorf("a rare green became %v", near)
	}
}

// What a picture says is in its text, in words.
func TestAltSaysTheSame(t *testing.T) {
	all := drawAll(t)
	for name, d := range all {
		alt := d.alt
		if n := utf8.RuneCountInString(alt); n < 60 || n > 1000 {
			t.Errorf("%s: %d characters: %q", name, n, alt)
		}
		if strings.ContainsFunc(alt, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) {
			t.Errorf("%s: hidden characters in %q", name, alt)
		}
	}
	for name, wants := range map[string][]string{
		"reply_usual":    {"“important” was clear. Word by word: I (clear), think (work on), it (clear), is (not sure), very (nearly), important (clear)", "“think” sounded closer to “s” /s/", "tongue tip lightly between", "accuracy getting there", "prosody not sure"},
		"reply_unspoken": {"close (not heard)", "I couldn't make out “close”", "completeness needs work"},
		"reply_endless":  {"To work on, 1:", "completeness excellent"},
		"progress_20":    {"20 voice notes, over 5 weeks", "up from needs work", "“th” /θ/ as in “think”: clear in 20 of 20", "“r” /ɹ/ as in “red”: clear in 20 of 60"},
	} {
		for _, want := range wants {
			if alt := all[name].alt; !strings.Contains(alt, want) {
				t.Errorf("%s: %q lacks %q", name, alt, want)
			}
		}
	}
}

// Colour is never alone: every word stands beside the sign of its mark, and the
// legend says what the sign means.
func TestEveryWordHasItsSign(t *testing.T) {
	for name, r := range cases() {
		p, err := layReply(*r.Assessment, r.Rationale.Claims)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, s := range p.shapes {
			if s.kind == text {
				texts = append(texts, s.text)
			}
		}
		for _, w := range r.Assessment.Words {
			if i := slices.Index(texts, p.plain(w.Text)); i > 0 && name == "usual" && texts[i-1] != w.Mark().Sign() {
				t.Errorf("%s: %q stands beside %q", name, w.Text, texts[i-1])
			}
			if !slices.Contains(texts, string(w.Mark())) {
				t.Errorf("%s: the legend lacks %q", name, w.Mark())
			}
		}
	}
	t.Run("what is to be fixed stands under its word", func(t *testing.T) {
		r := cases()["usual"]
		p, _ := layReply(*r.Assessment, r.Rationale.Claims)
		all := dump(p)
		for _, want := range []string{"/θ/ sounded like /s/", "/v/ sounded like /w/"} {
			if strings.Count(all, want) != 1 {
				t.Errorf("%q is there %d times", want, strings.Count(all, want))
			}
		}
	})
	t.Run("what is not sure is not said", func(t *testing.T) {
		r := cases()["usual"]
		for i := range r.Assessment.Words {
			for j := range r.Assessment.Words[i].Phones {
				r.Assessment.Words[i].Phones[j].Accuracy.Confidence = .6
			}
		}
		claims := prompts.Choose(*r.Assessment, nil)
		p, _ := layReply(*r.Assessment, claims)
		if all := dump(p); strings.Contains(all, "sounded like") {
			t.Error(all)
		}
	})
}

func TestAtMostTwoFixes(t *testing.T) {
	r := cases()["much"]
	var claims []coach.Claim
	for i := range r.Assessment.Words {
		claims = append(claims, coach.Claim{Kind: coach.ClaimWord, Aspect: coach.Accuracy, Word: &i, Label: coach.Bad, Confidence: .9})
	}
	if got := len(fixesOf(*r.Assessment, claims)); got != 2 {
		t.Errorf("%d fixes", got)
	}
}

func TestNothingToShow(t *testing.T) {
	for _, r := range []coach.Reply{{}, {Assessment: &coach.Assessment{}}, {Kind: coach.ReplyAdvice, Text: "Please send it again."}} {
		if p, err := Reply(r); !errors.Is(err, ErrNothing) || p != nil {
			t.Errorf("%v, %v", p, err)
		}
	}
	if p, err := Progress(prompts.TrendOf(nil, 20)); !errors.Is(err, ErrNothing) || p != nil {
		t.Errorf("%v, %v", p, err)
	}
	t.Run("a reply without a rationale has a card", func(t *testing.T) {
		r := cases()["usual"]
		r.Rationale = nil
		if p, err := Reply(r); err != nil || p.Alt == "" {
			t.Errorf("%v, %v", p, err)
		}
	})
}

// The font has every sign and every symbol that prompts knows.
func TestFontHasWhatIsSaid(t *testing.T) {
	f, err := newFonts()
	if err != nil {
		t.Fatal(err)
	}
	said := "ˈˌːə…–—“”‘’•·→□ÄÖÜäöüßéèñçøåŁłŠšž"
	for _, s := range prompts.Sounds() {
		said += s.IPA + s.Name + s.Key
	}
	for _, m := range coach.Marks() {
		said += m.Sign() + string(m)
	}
	for _, r := range said {
		for _, of := range []style{{30, false}, {30, true}} {
			if _, ok := f.face(of).GlyphAdvance(r); !ok || !f.has(r) {
				t.Errorf("no %q (%U)", r, r)
			}
			if i, err := f.bold.GlyphIndex(&f.buffer, r); err != nil || i == 0 {
				t.Errorf("no bold %q (%U)", r, r)
			}
		}
	}
}

func TestSameReplySamePicture(t *testing.T) {
	r := cases()["clear"]
	want, err := Reply(r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		t.Run("at the same time", func(t *testing.T) {
			t.Parallel()
			if got, err := Reply(r); err != nil || !bytes.Equal(got.PNG, want.PNG) || got.Alt != want.Alt {
				t.Errorf("another picture, %v", err)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	f, err := newFonts()
	if err != nil {
		t.Fatal(err)
	}
	s := style{32, false}
	long := strings.Repeat("a sentence of several words ", 12)
	for _, tt := range []struct {
		text string
		n    int
	}{{"", 3}, {"one", 1}, {long, 2}, {long, 20}, {strings.Repeat("x", 400) + " y", 3}} {
		lines := f.wrap(s, tt.text, 500, tt.n)
		if len(lines) > tt.n {
			t.Errorf("%d lines of %d", len(lines), tt.n)
		}
		for _, l := range lines {
			if f.width(s, l) > 500 {
				t.Errorf("%q is too wide", l)
			}
		}
		if joined := strings.Join(lines, " "); !strings.Contains(joined, "…") && joined != strings.TrimSpace(tt.text) {
			t.Errorf("%q became %q", tt.text, joined)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add("I think it is important", uint64(3), .9)
	f.Add("\u202e\u0301 <@1> 👍🏽 مرحبا", uint64(9), math.NaN())
	f.Add(strings.Repeat("supercalifragilistic ", 60), uint64(77), 2.0)
	f.Fuzz(func(t *testing.T, sentence string, seed uint64, confidence float64) {
		words := strings.Split(sentence, " ")
		var specs []string
		for i, w := range words[:min(len(words), 150)] {
			specs = append(specs, []string{"a", "b:!", "c:~ TH>S! IH", "d:?", "e:x"}[(uint64(i)+seed)%5])
			_ = w
		}
		r := reply([4]coach.Judgement{judged(coach.Label(seed%6), confidence), {}, judged(coach.Bad, confidence)}, specs...)
		for i := range r.Assessment.Words {
			r.Assessment.Words[i].Text = words[i]
		}
		r.Rationale.Claims = prompts.Choose(*r.Assessment, nil)
		p, err := Reply(r)
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(p.PNG))
		if err != nil || c.Width != width || c.Height > 2400 || len(p.PNG) > maxBytes || utf8.RuneCountInString(p.Alt) > 1000 {
			t.Errorf("%v, %d x %d, %d bytes, %d characters", err, c.Width, c.Height, len(p.PNG), utf8.RuneCountInString(p.Alt))
		}
	})
}

func BenchmarkReply(b *testing.B) {
	for _, name := range []string{"usual", "long"} {
		r := cases()[name]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Reply(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkProgress(b *testing.B) {
	tr := trend(20)
	for b.Loop() {
		if _, err := Progress(tr); err != nil {
			b.Fatal(err)
		}
	}
}
