package scorer

import (
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
		if err != nil || got.String() != "B B AH0 Z" {
			t.Errorf("got %v and %v", got, err)
		}
	})
	t.Run("blanks alone say nothing", func(t *testing.T) {
		if got, err := v.Decode(frames(0, 0)); err != nil || len(got) != 0 {
			t.Errorf("got %v and %v", got, err)
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
		if p, err := v.Decode(make([]float32, 3*v.Classes())); err != nil || len(p) != 0 {
			t.Errorf("three equal frames are %v and %v", p, err)
		}
	})
}
