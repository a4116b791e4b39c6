package prompts

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
)

const maxQuoted = 30 // runes of a word in quotes; everyday English words are shorter

// quotable reports whether a word can stand in quotes in any chat as it is: no
// mention, link or markup, no character that hides or turns others.
func quotable(word string) bool {
	if word == "" || utf8.RuneCountInString(word) > maxQuoted {
		return false
	}
	letters, digits := false, 0
	for i, r := range word {
		switch {
		case unicode.IsLetter(r):
			letters = true
		case unicode.IsDigit(r):
			if digits++; digits > 9 {
				return false // a telephone or account number is not repeated
			}
		case r == '.': // fine in U.S. and 3.5, but not in a domain name
			rest := word[i+1:]
			if n, _ := leadingLetters(rest); n > 1 {
				return false
			}
		case strings.ContainsRune("'’-&%$€£", r):
		default:
			return false
		}
	}
	return letters || digits > 0
}

func leadingLetters(s string) (int, string) {
	n := 0
	for i, r := range s {
		if !unicode.IsLetter(r) {
			return n, s[i:]
		}
		n++
	}
	return n, ""
}

// wordRef names a word of the sentence: “think”, the second “the” where it
// stands there twice, and the third word where quoting it would not be safe.
func wordRef(a coach.Assessment, i int) string {
	w := a.Words[i].Text
	if !quotable(w) {
		if o := ordinal(i); o != "" {
			return "the " + o + " word"
		}
		return "word " + strconv.Itoa(i+1)
	}
	before, all := 0, 0
	for j := range a.Words {
		if strings.EqualFold(a.Words[j].Text, w) {
			if all++; j < i {
				before++
			}
		}
	}
	if o := ordinal(before); all > 1 && o != "" {
		return "the " + o + " “" + w + "”"
	}
	return "“" + w + "”"
}

// soundOf is the sound of an expected phone; an unstressed AH is the weak vowel.
func soundOf(p coach.Phone) (Sound, bool) {
	if weak(p) {
		return schwa(), true
	}
	return SoundOf(p.Expected)
}

// weak reports the vowel of most unstressed syllables, a sound of its own.
func weak(p coach.Phone) bool { return p.Expected == "AH" && p.Stress == 0 }

// soundRef names a phone in its word: the “th” /θ/ in “think”; the final “t”
// /t/ in “past”; the “z” /z/ (as in “zoo”) in “his”.
func soundRef(a coach.Assessment, word, phone int) string {
	w := a.Words[word]
	s, _ := soundOf(w.Phones[phone])
	var b strings.Builder
	b.WriteString("the ")
	if pos := position(w, phone, s); pos != "" {
		b.WriteString(pos + " ")
	}
	b.WriteString(s.Name + " /" + s.IPA + "/")
	if !s.shownIn(w.Text) {
		b.WriteString(" (as in “" + s.Key + "”)")
	}
	b.WriteString(" in " + wordRef(a, word))
	return b.String()
}

// position tells the same sound twice in a word apart, and points out a final
// consonant, which learners drop.
func position(w coach.Word, phone int, s Sound) string {
	before, all := 0, 0
	for j, p := range w.Phones {
		if p.Expected == w.Phones[phone].Expected {
			if all++; j < phone {
				before++
			}
		}
	}
	if final(w, phone) && !s.Vowel {
		return "final"
	}
	if all > 1 {
		return ordinal(before)
	}
	return ""
}

// final reports whether a phone ends a word of several.
func final(w coach.Word, phone int) bool {
	return len(w.Phones) > 1 && phone == len(w.Phones)-1
}

// phrase quotes the words from..to of the sentence as one group, "" where one
// of them can't be quoted.
func phrase(a coach.Assessment, from, to int) string {
	var ws []string
	for i := max(from, 0); i <= min(to, len(a.Words)-1); i++ {
		if !quotable(a.Words[i].Text) {
			return ""
		}
		ws = append(ws, a.Words[i].Text)
	}
	if len(ws) < 2 {
		return ""
	}
	return "“" + strings.Join(ws, " ") + "”"
}

// stressed returns the index of the stressed syllable and the number of
// syllables; false where the word has one syllable or no marked stress.
func stressed(w coach.Word) (at, of int, ok bool) {
	at = -1
	for _, p := range w.Phones {
		if s, known := SoundOf(p.Expected); known && s.Vowel {
			if p.Stress == 1 && at < 0 {
				at = of
			}
			of++
		}
	}
	return at, of, at >= 0 && of > 1
}

// FunctionWord reports one of the small words that carry grammar: they are
// weak in good speech, so a flaw in one is seldom worth a learner's time.
func FunctionWord(w string) bool {
	const words = " a an the of to in on at by for from with as and or but so if than that this is am are was were be been it its i you he she we they me him her us them my your his our their do does did have has had will would can could shall should may must not no up out off there i'm it's he's she's we're they're you're i'll "
	return strings.Contains(words, " "+strings.ToLower(strings.ReplaceAll(w, "’", "'"))+" ")
}

// capital makes the first letter a capital one, if a letter comes first.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Words counts the words of a text: what stands between white space.
func Words(text string) int { return len(strings.Fields(text)) }
