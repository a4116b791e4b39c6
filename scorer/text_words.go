package scorer

import (
	"regexp"
	"strings"
)

// reader says how the chunks of one sentence are read out.
type reader struct {
	chunks   []chunk
	capitals bool // the sentence is written in capitals
}

// at returns a chunk, an empty one beyond the sentence's ends.
func (r reader) at(i int) chunk {
	if i < 0 || i >= len(r.chunks) {
		return chunk{}
	}
	return r.chunks[i]
}

// symbols are the characters that are said when they stand alone.
var symbols = map[string][][]string{
	"&": {{"and"}}, "+": {{"plus"}, {"and"}}, "@": {{"at"}}, "%": {{"percent"}},
	"=": {{"equals"}, {"is"}, {"is", "equal", "to"}}, "×": {{"times"}, {"by"}}, "÷": {{"divided", "by"}},
}

// specials are words that no rule reads right; in lower case.
var specials = map[string][][]string{
	"c++": {{"c", "plus", "plus"}}, "c#": {{"c", "sharp"}}, "f#": {{"f", "sharp"}},
	"phd": {{"p", "h", "d"}}, "ph.d": {{"p", "h", "d"}}, "phds": {{"p", "h", "d's"}}, "'n": {{"and"}}, "'n'": {{"and"}},
	"24/7": {{"twenty", "four", "seven"}}, "9/11": {{"nine", "eleven"}}, "7-eleven": {{"seven", "eleven"}},
	"w/o": {{"without"}}, "n/a": {{"n", "ay"}, {"not", "applicable"}}, "covid-19": {{"covid", "nineteen"}},
	"ok": {{"okay"}}, "nth": {{"enth"}}, "id": {{"i", "d"}, {"id"}}, "ids": {{"i", "d's"}}, "a/c": {{"ay", "c"}},
}

// generation is 5G or 4S: the letter is no unit.
var generation = regexp.MustCompile(`^\d{1,2}[A-JNO-UX-Z]$`)

// initials are dotted letters: U.S.A, e.g, J.K.
var initials = regexp.MustCompile(`^(?:[A-Za-z]\.)+[A-Za-z](?:'?s)?$`)

// read lists the readings of chunk i, none for one that is not said.
func (r reader) read(i int) [][]string {
	c, before, after := r.at(i), r.at(i-1), r.at(i+1)
	if said, ok := symbols[c.plain]; ok {
		return said
	}
	if said := soleCurrency(c); said != nil {
		return said
	}
	plain := strings.ReplaceAll(c.plain, "–", "-")
	lower := strings.ToLower(plain)
	if said, ok := specials[lower]; ok {
		return said
	}
	if said := r.abbreviation(lower, c, before, after); said != nil {
		return said
	}
	if strings.ContainsFunc(lower, isDigit) {
		if !generation.MatchString(plain) {
			if said := numeric(lower, before, after); said != nil {
				return said
			}
		}
		return r.composite(plain)
	}
	if initials.MatchString(plain) {
		return [][]string{spell(strings.ReplaceAll(plain, ".", ""))}
	}
	if said := r.roman(i); said != nil {
		return said
	}
	if strings.ContainsFunc(plain, func(r rune) bool { return !isLetter(r) && r != '\'' }) {
		return r.composite(plain)
	}
	said := r.word(plain)
	if _, ok := magnitudes[lower]; ok && startsWithMoney(before.plain) {
		unit := moneyUnit(before.plain) // "$5 million" ends in dollars
		return joinEach(said, [][]string{{unit.many}, {unit.one}})
	}
	return said
}

// word lists the readings of letters and apostrophes.
func (r reader) word(w string) [][]string {
	lower := strings.ToLower(w)
	stem, suffix := cutPossessive(w)
	letters := strings.ReplaceAll(stem, "'", "")
	var said readings
	switch {
	case letters == "":
		return nil
	case len(letters) == 1:
		said.add([]string{lower})
	case r.capitals || !isInitialism(stem):
		if parts := camelParts(w); parts != nil {
			said.add(parts)
		}
		if len(letters) <= 5 && len(stem) == len(letters) && !hasVowel(letters) && !interjections.has(collapse(strings.ToLower(stem), 1)) {
			said.add(spellWith(stem, suffix))
		}
		said.add(collapsed(lower)...)
	case spelled.has(stem) || !hasVowel(stem):
		said.add(spellWith(stem, suffix), []string{lower})
	default:
		said.add([]string{lower}, spellWith(stem, suffix))
	}
	return said.list
}

// cutPossessive splits an ending off: 's, or the plural s of an initialism.
func cutPossessive(w string) (stem, suffix string) {
	for _, s := range []string{"'s", "'S"} {
		if stem, ok := strings.CutSuffix(w, s); ok {
			return stem, "'s"
		}
	}
	if stem, ok := strings.CutSuffix(w, "s"); ok && len(stem) > 1 && !strings.ContainsFunc(stem, func(r rune) bool { return !isUpper(r) }) {
		return stem, "'s"
	}
	return w, ""
}

// isInitialism reports whether a word may be the first letters of others.
func isInitialism(w string) bool {
	return len(w) >= 2 && len(w) <= 6 && !strings.ContainsFunc(w, func(r rune) bool { return !isUpper(r) })
}

// spelled are the initialisms with a vowel that are not said as a word.
const spelled wordSet = `AI API ATM BA BBA CEO CFO CIA COO CTO DIY DNA EU FAQ FBI GPA HIV IBM ID IOS IPA IPO IQ IT MBA
MIA MRI NBA NYU OTT PA PIN QA RNA RSI SUV TOEIC UAE UCLA UFO UI UK UN URL US USA USB USSR UX VIP ECG EEG EKG IELTS AA AC
AD ADHD AM AMA AP ASMR BAE BIOS CAD CBE CE DEA DOJ DUI EPA ESL EFL EST ET ETA EV GI HQ IE IEEE IMF IMO IOU IP IPCC IRA IRS
ISP IV IVF LA LOL MIT NGO OCD OECD OMG OST PTA QE RPA RIP SEO SOS TBA UEFA UHD UPS USD VAT VIPS VOA WHO YMCA`

// interjections have no vowel letter and are words all the same.
const interjections wordSet = `hmm hm mm mmm shh sh psst pst pfft brr grr zzz tsk tsks mr mrs ms vs nth cwm crwth nd rd st th`

// wordSet is a set of words with white space between them. It is searched from
// its start: a short list needs no index, and a constant no memory.
type wordSet string

func (s wordSet) has(word string) bool {
	for from := 0; word != ""; {
		at := strings.Index(string(s[from:]), word)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(word)
		if (at == 0 || s[at-1] <= ' ') && (end == len(s) || s[end] <= ' ') {
			return true
		}
		from = end
	}
	return false
}

func hasVowel(w string) bool { return strings.ContainsAny(w, "aeiouyAEIOUY") }

// spell says a word letter by letter. The letter A is "ay", as the word "a" is
// mostly said otherwise.
func spell(w string) []string {
	stem, suffix := cutPossessive(w)
	return spellWith(stem, suffix)
}

func spellWith(letters, suffix string) []string {
	var words []string
	for _, r := range strings.ToLower(letters) {
		switch {
		case r == 'a':
			words = append(words, "ay")
		case isLower(r):
			words = append(words, string(r))
		}
	}
	if n := len(words); n > 0 {
		words[n-1] += suffix
	}
	return words
}

// camelParts splits YouTube and iPhone, but not McDonald; nil for one part.
func camelParts(w string) []string {
	var parts []string
	start := 0
	for i := 1; i < len(w); i++ {
		if isUpper(rune(w[i])) && isLower(rune(w[i-1])) {
			if p := w[start:i]; p != "Mc" && p != "Mac" && p != "O'" {
				parts, start = append(parts, strings.ToLower(p)), i
			}
		}
	}
	if parts == nil {
		return nil
	}
	return append(parts, strings.ToLower(w[start:]))
}

// collapsed reads drawn-out letters ("sooo") as one or two of them.
func collapsed(w string) [][]string {
	if two := collapse(w, 2); two != w {
		return [][]string{{collapse(w, 1)}, {two}}
	}
	return [][]string{{w}}
}

// collapse shortens runs of three and more of the same letter to n.
func collapse(w string, n int) string {
	var b strings.Builder
	for i := 0; i < len(w); {
		j := i
		for j < len(w) && w[j] == w[i] {
			j++
		}
		run := j - i
		if run > 2 {
			run = n
		}
		b.WriteString(strings.Repeat(w[i:i+1], run))
		i = j
	}
	return b.String()
}

var (
	runs = regexp.MustCompile(`[A-Za-z']+|[0-9]+|[^A-Za-z0-9']+`)

	// romans are those that are no words and hardly initialisms.
	romans = map[string]string{"II": "2", "III": "3", "IV": "4", "VI": "6", "VII": "7", "VIII": "8", "IX": "9", "XI": "11", "XII": "12",
		"XIII": "13", "XIV": "14", "XV": "15", "XVI": "16", "XVII": "17", "XVIII": "18", "XIX": "19", "XX": "20", "XXI": "21"}
)

// numbered are words that a number follows, and determiners those that hold a
// capital at the start of a sentence only.
const (
	numbered wordSet = `war part chapter volume act scene type phase book level grade class section title article stage unit lesson page
appendix table figure bowl olympiad vol ch mark version episode rocky ii`
	determiners wordSet = "The A An My His Her Your Our Their Its"
)

// roman reads a Roman numeral where it surely is one: after a name or after
// what is numbered.
func (r reader) roman(i int) [][]string {
	digits, ok := romans[r.at(i).plain]
	before := r.at(i - 1).plain
	after := numbered.has(strings.ToLower(before))
	if !ok || before == "" || !after && (r.capitals || !isUpper(rune(before[0])) || isInitialism(before) || determiners.has(before)) {
		return nil
	}
	n := cardinal(digits, false)
	the := joinWords([]string{"the"}, ordinal(n))
	if after {
		return [][]string{n, the}
	}
	return [][]string{the, n}
}

// composite reads what is made of several parts: well-known, B2B, AT&T,
// me@example.com.
func (r reader) composite(plain string) [][]string {
	// A hyphen parts words that are read each by itself: 20th-century.
	if strings.Contains(plain, "-") {
		var said [][][]string
		for p := range strings.SplitSeq(plain, "-") {
			if p != "" {
				said = append(said, r.part(p))
			}
		}
		return joinEach(said...)
	}
	parts := runs.FindAllString(plain, -1)
	said := make([][][]string, 0, len(parts))
	for i, p := range parts {
		before, after := ' ', ' '
		if i > 0 {
			before = rune(parts[i-1][len(parts[i-1])-1])
		}
		if i+1 < len(parts) {
			after = rune(parts[i+1][0])
		}
		switch {
		case isDigit(rune(p[0])):
			n := numberReadings(p)
			said = append(said, n[:min(3, len(n))])
		case isLetter(rune(p[0])) || p[0] == '\'':
			w := strings.Trim(p, "'")
			switch {
			case w == "":
			case (before == '&' || after == '&') && len(w) <= 2 && w == strings.ToUpper(w):
				said = append(said, [][]string{spell(w)})
			case (isDigit(before) || isDigit(after)) && len(w) <= 3 && (!hasVowel(w) || len(w) == 1 || w == strings.ToUpper(w)):
				said = append(said, [][]string{spell(w)})
			default:
				said = append(said, r.word(w))
			}
		default:
			for j, s := range p {
				b, a := before, after
				if j > 0 {
					b = ' '
				}
				if j+len(string(s)) < len(p) {
					a = ' '
				}
				if words := connector(s, b, a); words != nil {
					said = append(said, words)
				}
			}
		}
	}
	return joinEach(said...)
}

// part reads what stands on one side of a hyphen.
func (r reader) part(plain string) [][]string {
	parts := reader{chunks: []chunk{{text: plain, plain: plain}}, capitals: r.capitals}
	return parts.read(0)
}

// connector says a symbol inside a token, by what is beside it; nil for one
// that is not said. An empty reading says that it may be left out.
func connector(s, before, after rune) [][]string {
	switch s {
	case '.':
		if isDigit(before) && isDigit(after) {
			return [][]string{{"point"}, {"dot"}}
		}
		return [][]string{{"dot"}, {"point"}}
	case ',':
		return [][]string{{"point"}, {"comma"}}
	case '/':
		return [][]string{{}, {"slash"}, {"or"}}
	case '&':
		return [][]string{{"and"}}
	case '@':
		return [][]string{{"at"}}
	case '+':
		return [][]string{{"plus"}, {"and"}}
	case '=':
		return [][]string{{"equals"}, {"is"}}
	case '%':
		return [][]string{{"percent"}}
	case '×':
		return [][]string{{"times"}, {"by"}}
	case '÷':
		return [][]string{{"divided", "by"}}
	case '°':
		return [][]string{{"degrees"}, {"degree"}}
	case '#':
		switch {
		case isDigit(after):
			return [][]string{{"number"}, {"hashtag"}, {"hash"}}
		case isLetter(after):
			return [][]string{{"hashtag"}, {}}
		}
		return [][]string{{"sharp"}}
	default:
		if unit, ok := currencies[s]; ok {
			return [][]string{{unit.many}}
		}
	}
	return nil
}
