package scorer

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testVocabulary = `{"letters": "ab'", "symbols": ["AH0", "B", "Z"]}`

func TestG2PVocabulary(t *testing.T) {
	v, err := ParseG2PVocabulary([]byte(testVocabulary))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("letters are numbered from one", func(t *testing.T) {
		got, err := v.Encode("ba'")
		if diff := cmp.Diff([]int64{2, 1, 3}, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	t.Run("a word must be letters of the vocabulary", func(t *testing.T) {
		for _, word := range []string{"", "c", "A", strings.Repeat("a", MaxG2PLetters+1)} {
			if in, err := v.Encode(word); err == nil {
				t.Errorf("%q is %v", word, in)
			}
		}
	})
	frames := func(best ...int) (logp []float32) {
		for _, b := range best {
			row := []float32{-9, -9, -9, -9}
			row[b] = -.1
			logp = append(logp, row...)
		}
		return logp
	}
	t.Run("repeats merge, blanks part them", func(t *testing.T) {
		got, err := v.Decode(frames(0, 2, 2, 0, 2, 1, 1, 3, 0))
		if err != nil || len(got) != 1 || got[0].String() != "B B AH0 Z" {
			t.Errorf("got %v and %v", got, err)
		}
	})
	t.Run("blanks alone say nothing", func(t *testing.T) {
		if got, err := v.Decode(frames(0, 0)); err != nil || len(got) != 0 {
			t.Errorf("got %v and %v", got, err)
		}
	})
	t.Run("alternatives follow by probability, without those that differ in stress", func(t *testing.T) {
		v, err := ParseG2PVocabulary([]byte(`{"letters": "a", "symbols": ["AH0", "AH1", "B", "Z"]}`))
		if err != nil {
			t.Fatal(err)
		}
		l := func(p float64) float32 { return float32(math.Log(p)) }
		never := l(1e-9)
		got, err := v.Decode([]float32{
			never, l(.5), l(.3), l(.2), never, // AH0, AH1 or B
			l(.9), never, never, never, l(.1), // nothing, or Z
		})
		var said []string
		for _, p := range got {
			said = append(said, p.String())
		}
		// AH0 .45, B .18, AH0 Z .05; AH1 is AH0 again, and B Z is under a tenth.
		if diff := cmp.Diff([]string{"AH0", "B", "AH0 Z"}, said); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	t.Run("paths of one pronunciation add up", func(t *testing.T) {
		l := func(p float64) float32 { return float32(math.Log(p)) }
		// The best single path is blank, blank (.36); but AH0 is .64 by three paths.
		got, err := v.Decode([]float32{l(.6), l(.4), l(1e-9), l(1e-9), l(.6), l(.4), l(1e-9), l(1e-9)})
		if err != nil || len(got) != 1 || got[0].String() != "AH0" {
			t.Errorf("got %v and %v", got, err)
		}
	})
	t.Run("values that are no numbers say nothing wrong", func(t *testing.T) {
		nan := float32(math.NaN())
		if _, err := v.Decode([]float32{nan, nan, nan, nan, 0, nan, nan, nan}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a width that is not the vocabulary's is refused", func(t *testing.T) {
		for _, n := range []int{0, 3, 5} {
			if got, err := v.Decode(make([]float32, n)); err == nil {
				t.Errorf("%d values are %v", n, got)
			}
		}
	})
}

func FuzzParseG2PVocabulary(f *testing.F) {
	for _, seed := range []string{testVocabulary, "", "{}", `{"letters": "a", "symbols": ["a"]}`, `{"letters": "a", "symbols": ["AH", "T1"]}`, "[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseG2PVocabulary(data)
		if err != nil {
			return
		}
		if v.Classes() < 2 {
			t.Errorf("%d classes", v.Classes())
		}
		if got, err := v.Decode(make([]float32, 3*v.Classes())); err != nil || len(got) > MaxGuesses {
			t.Errorf("three equal frames are %v and %v", got, err)
		}
	})
}
