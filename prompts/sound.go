package prompts

import (
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// Sound is what we can say about one phoneme of General American English.
type Sound struct {
	Phoneme coach.Phoneme
	IPA     string
	Name    string // respelling for a reader who knows no IPA, with its quotes: “th”, short “i”
	Key     string // an everyday word that has the sound
	Vowel   bool
	Cues    []string // ways to make it: at least two, each complete by itself
	Check   string   // how to notice that it worked
	Words   []string // words to practise on: at least three
}

// SoundOf returns what is known about a phoneme; false for a symbol that is not
// one of the 39.
func SoundOf(p coach.Phoneme) (Sound, bool) {
	if s, ok := vowel(p); ok {
		return s, true
	}
	return consonant(p)
}

// Sounds returns all 39, vowels first.
func Sounds() []Sound {
	var all []Sound
	for p := range strings.FieldsSeq(inventory) {
		if s, ok := SoundOf(coach.Phoneme(p)); ok {
			all = append(all, s)
		}
	}
	return all
}

// inventory is the symbols of the CMU dictionary.
const inventory = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"

// shownIn reports whether the letters of a word show the sound: a reader finds
// the “th” in think, but no “z” in his.
func (s Sound) shownIn(word string) bool {
	if strings.EqualFold(word, s.Key) {
		return true
	}
	return !s.Vowel && strings.Contains(strings.ToLower(word), s.letters())
}

// letters returns what stands between the quotes of the name.
func (s Sound) letters() string {
	_, l, _ := strings.Cut(s.Name, "“")
	return strings.TrimSuffix(l, "”")
}

// heardAs names the sound as something that was heard: “s” /s/, or for a vowel
// (whose respelling alone says little) the “ee” /i/ of “see”.
func (s Sound) heardAs() string {
	if s.Vowel {
		return "the " + s.Name + " /" + s.IPA + "/ of “" + s.Key + "”"
	}
	if !strings.HasPrefix(s.Name, "“") {
		return "a " + s.Name + " /" + s.IPA + "/"
	}
	return s.Name + " /" + s.IPA + "/"
}

// contrast returns practice pairs of two sounds, each written with a first, and
// false where none are known.
func contrast(a, b coach.Phoneme) ([][2]string, bool) {
	for _, c := range contrasts {
		if c.a == a && c.b == b || c.a == b && c.b == a {
			var out [][2]string
			for _, p := range strings.Fields(c.pairs) {
				x, y, _ := strings.Cut(p, "/")
				if c.a != a {
					x, y = y, x
				}
				out = append(out, [2]string{x, y})
			}
			return out, len(out) > 0
		}
	}
	return nil, false
}

// ordinal words for places in a word or sentence; "" beyond the tenth.
func ordinal(n int) string {
	names := [...]string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"}
	if n < 0 || n >= len(names) {
		return ""
	}
	return names[n]
}
