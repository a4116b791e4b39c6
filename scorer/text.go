package scorer

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mynah-coach/mynah/coach"
)

// Limits of a sentence. They are far above what a voice note holds.
const (
	MaxTextChars   = 1000 // Unicode code points
	MaxTextWords   = 150  // tokens
	MaxSpokenWords = 300  // words of the usual readings: long numbers are many words
	maxWordLetters = 45   // no English word is longer
)

// Tokenize splits a sentence into its words and says how each can be read out:
// "Dr. Wu paid $5 in 1999" are five tokens, the last of them "nineteen ninety
// nine" or "one thousand nine hundred (and) ninety nine".
//
// Tokens are in the sentence's order. A token's Text is found in the sentence
// in its own spelling, normalised to NFC, without the punctuation around it and
// without invisible characters. Emoji, punctuation, markup and words in other
// scripts give no token. Spoken words consist of a-z and the apostrophe only.
//
// The errors are coach.ErrNoText (nothing to say), coach.ErrTextTooLong and
// coach.ErrUnsupportedText (more of it is in other scripts than in Latin, or
// it has "words" that can be none).
func Tokenize(text string) ([]Token, error) {
	text = strings.TrimSpace(text)
	// Counting stops mattering long before a hostile text has been copied around.
	if len(text) > MaxTextChars*utf8.UTFMax || utf8.RuneCountInString(text) > MaxTextChars {
		return nil, coach.ErrTextTooLong
	}
	chunks, foreign := chunksOf(cleanText(text))
	latin := 0
	for _, c := range chunks {
		for _, run := range letterRuns.FindAllString(c.plain, -1) {
			if latin += len(run); len(run) > maxWordLetters && len(collapse(run, 2)) > maxWordLetters {
				return nil, coach.ErrUnsupportedText
			}
		}
	}
	switch {
	case foreign > latin:
		return nil, coach.ErrUnsupportedText
	case len(chunks) == 0:
		return nil, coach.ErrNoText
	case len(chunks) > MaxTextWords:
		return nil, coach.ErrTextTooLong
	}

	r := reader{chunks: chunks, capitals: inCapitals(chunks)}
	tokens := make([]Token, 0, len(chunks))
	spoken := 0
	for i, c := range chunks {
		if said := r.read(i); len(said) > 0 {
			tokens = append(tokens, Token{Text: c.text, Spoken: said})
			spoken += len(said[0])
		}
	}
	switch {
	case len(tokens) == 0:
		return nil, coach.ErrNoText
	case spoken > MaxSpokenWords:
		return nil, coach.ErrTextTooLong
	}
	return tokens, nil
}

var (
	letterRuns = regexp.MustCompile(`[A-Za-z]+`)

	// What chat platforms put in for emoji and mentions.
	markup = regexp.MustCompile(`<a?:\w{1,32}:\d{1,20}>|<(?:@[!&]?|#|!)\w{1,32}(?:\|[^<>]{0,80})?>`)
	// Slack's and Discord's :emoji: names; at most one in two letters of prose
	// follows a colon, so the space before it tells.
	shortcode = regexp.MustCompile(`(^|[\s:]):[a-z+][a-z0-9_+-]{1,31}:`)
)

// cleanText takes out what is never said and not shown either: invisible
// characters, emoji, stray combining marks. What it leaves is in NFC.
func cleanText(text string) string {
	text = markup.ReplaceAllString(text, " ")
	text = shortcode.ReplaceAllString(text, "$1 ")
	runes := []rune(norm.NFC.String(strings.ToValidUTF8(text, " ")))
	var b strings.Builder
	for i, r := range runes {
		switch {
		case isKeycap(runes[i:]):
			b.WriteByte(' ')
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.M), r == '™', r == '®', r == '©', r == '℠':
			// Gone without a gap: a soft hyphen or a joiner stands inside a word.
		case unicode.In(r, unicode.Co, unicode.Cs, unicode.Sk, unicode.So) && foldRune(r) == "" && r != '`' && r != '^':
			b.WriteByte(' ')
		case !unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isKeycap reports whether an emoji such as "1" in a box begins here.
func isKeycap(rs []rune) bool {
	const keycap, selector = '\u20e3', '\ufe0f'
	return len(rs) > 1 && rs[1] == keycap || len(rs) > 2 && rs[1] == selector && rs[2] == keycap
}

// folds are the characters that Unicode's compatibility forms leave as they
// are and that we read as ASCII (or as one of the symbols kept).
var folds = map[rune]string{
	'’': "'", '‘': "'", 'ʼ': "'", '‛': "'", '′': "'", '´': "'", '`': "'", 'ʻ': "'", 'ʹ': "'",
	'‐': "-", '‑': "-", '‒': "-", '−': "-", '–': "–", '—': " ", '―': " ",
	'⁄': "/", '∕': "/", '№': "#", '×': "×", '÷': "÷", '°': "°",
	'ß': "ss", 'ẞ': "SS", 'æ': "ae", 'Æ': "Ae", 'œ': "oe", 'Œ': "Oe", 'ø': "o", 'Ø': "O", 'ł': "l", 'Ł': "L",
	'đ': "d", 'Đ': "D", 'ð': "th", 'Ð': "Th", 'þ': "th", 'Þ': "Th", 'ı': "i", 'ŋ': "ng", 'ħ': "h", 'Ħ': "H",
	'ə': "a", 'Ə': "A", 'ɑ': "a", 'ɡ': "g", 'ŧ': "t", 'Ŧ': "T", 'ĸ': "k",
	'£': "£", '€': "€", '¥': "¥", '₹': "₹", '₩': "₩", '₽': "₽", '¢': "¢",
}

// foldRune returns what a character is read as: ASCII or one of the symbols of
// folds, "" where it is neither.
func foldRune(r rune) string {
	if r < utf8.RuneSelf {
		return string(r)
	}
	if s, ok := folds[r]; ok {
		return s
	}
	var b strings.Builder
	for _, f := range norm.NFKD.String(string(r)) {
		switch s, ok := folds[f]; {
		case unicode.Is(unicode.M, f):
		case f < utf8.RuneSelf:
			b.WriteRune(f)
		case ok:
			b.WriteString(s)
		default:
			return ""
		}
	}
	return b.String()
}

// chunk is what will be one token.
type chunk struct {
	text  string // as written
	plain string // folded to ASCII and a few symbols, case kept; not empty
	stop  bool   // a full stop follows directly: "Dr."
}

// glyph is a folded character and where it comes from.
type glyph struct {
	r   rune
	src int // index of the character
}

// chunksOf cuts cleaned text into chunks and counts the letters of scripts that
// are not read.
func chunksOf(text string) (chunks []chunk, foreign int) {
	source := []rune(text)
	var glyphs []glyph
	for i, r := range source {
		folded := foldRune(r)
		if folded == "" {
			if unicode.IsLetter(r) {
				foreign++
			}
			folded = " "
		}
		vulgar := utf8.RuneCountInString(folded) > 1 && strings.Contains(folded, "/")
		if n := len(glyphs); vulgar && n > 0 && isDigit(glyphs[n-1].r) {
			glyphs = append(glyphs, glyph{'+', i}) // one and a half, not eleven halves
		}
		for _, f := range folded {
			glyphs = append(glyphs, glyph{f, i})
		}
	}
	at := func(i int) rune {
		if i < 0 || i >= len(glyphs) {
			return ' '
		}
		return glyphs[i].r
	}
	start := -1
	for i := 0; i <= len(glyphs); i++ {
		if i < len(glyphs) && belongs(at, i) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			var plain strings.Builder
			for _, g := range glyphs[start:i] {
				plain.WriteRune(g.r)
			}
			c := chunk{plain: plain.String(), stop: at(i) == '.' && at(i+1) != '.'}
			end := glyphs[i-1].src + 1
			if c.stop && initials.MatchString(c.plain) {
				end = glyphs[i].src + 1 // the last stop of "U.S." is the word's own
			}
			c.text = string(source[glyphs[start].src:end])
			chunks = append(chunks, c)
			start = -1
		}
	}
	return chunks, foreign
}

// belongs reports whether the character at i is part of a word, number or
// spoken symbol, by what stands beside it.
func belongs(at func(int) rune, i int) bool {
	before, r, after := at(i-1), at(i), at(i+1)
	alone := before == ' ' && after == ' '
	switch {
	case isAlnum(r):
		return true
	case r == '\'':
		return isLetter(before) && (isAlnum(after) || keepsApostrophe(at, i)) || isDigit(before) && after == 's' ||
			!isAlnum(before) && leadsApostrophe(at, i)
	case r == '-':
		return isAlnum(after) && (isAlnum(before) || before == '.' && isLetter(at(i-2))) ||
			before == ' ' && (isDigit(after) || isCurrency(after) && isDigit(at(i+2)))
	case r == '–': // a range of numbers; a pause elsewhere
		return isDigit(before) && isDigit(after)
	case r == '.':
		switch {
		case isDigit(after):
			return isAlnum(before) || before == ' ' || before == '-' || isCurrency(before)
		case isLetter(after): // example.com, e.g. but not "end.Next"
			return isLetter(before) && (isUpper(before) || !isUpper(after) || at(i-2) == '.' || at(i-2) == 'P' && before == 'h') ||
				isDigit(before) && (isLower(after)) || before == ' ' && isLower(after)
		}
		return false
	case r == ',' || r == ':':
		return isDigit(before) && isDigit(after)
	case r == '/':
		return isAlnum(before) && isAlnum(after)
	case r == '&':
		return isAlnum(before) && isAlnum(after) || alone
	case r == '@':
		return isAlnum(after) || alone
	case r == '#':
		return isAlnum(after) && !isAlnum(before) || isUpper(before) && !isAlnum(at(i-2)) && !isAlnum(after)
	case r == '+':
		return isAlnum(after) || isAlnum(before) || alone || before == '+' && isAlnum(at(i-2))
	case r == '=':
		return alone || isAlnum(before) && isAlnum(after)
	case r == '%':
		return isDigit(before) || alone
	case r == '×' || r == '÷':
		return isAlnum(before) && isAlnum(after) || alone
	case r == '°':
		return isDigit(before) || isLetter(after)
	case isCurrency(r):
		return isDigit(after) || isDigit(before) || after == '.' && isDigit(at(i+2)) || alone && isDigit(at(i-2))
	}
	return false
}

// keepsApostrophe: goin' is said without its G.
func keepsApostrophe(at func(int) rune, i int) bool {
	return unicode.ToLower(at(i-1)) == 'n' && unicode.ToLower(at(i-2)) == 'i' && isLetter(at(i-3)) && !isAlnum(at(i+1))
}

// leadsApostrophe: the few words that begin with one; before others it is a
// quotation mark.
func leadsApostrophe(at func(int) rune, i int) bool {
	var b strings.Builder
	for j := i + 1; isAlnum(at(j)); j++ {
		b.WriteRune(unicode.ToLower(at(j)))
	}
	switch w := b.String(); w {
	case "em", "cause", "til", "tis", "twas", "bout", "round", "n":
		return true
	default:
		return len(w) == 3 && isDigit(rune(w[0])) && w[1] == '0' && w[2] == 's' // the '90s
	}
}

func isLower(r rune) bool    { return 'a' <= r && r <= 'z' }
func isUpper(r rune) bool    { return 'A' <= r && r <= 'Z' }
func isDigit(r rune) bool    { return '0' <= r && r <= '9' }
func isLetter(r rune) bool   { return isLower(r) || isUpper(r) }
func isAlnum(r rune) bool    { return isLetter(r) || isDigit(r) }
func isCurrency(r rune) bool { return strings.ContainsRune("$£€¥₹₩₽¢", r) }

// inCapitals reports whether the whole sentence is written in capitals, which
// then say nothing about a word.
func inCapitals(chunks []chunk) bool {
	words := 0
	for _, c := range chunks {
		if strings.ContainsFunc(c.plain, isLower) {
			return false
		}
		if len(letterRuns.FindString(c.plain)) > 1 {
			words++
		}
	}
	return words > 1
}
