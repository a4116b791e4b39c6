package rationale

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mynah-coach/mynah/prompts"
)

// reading is a segment's text taken apart, in lower case.
type reading struct {
	quoted    []string // what stands in quotes
	symbols   []string // what stands between slashes
	spelt     []string // "the r sound", "the th in": the letters
	likened   []string // the sound or word after "like", "closer to" and such; a symbol with a slash
	arpabet   bool     // it holds an ARPAbet code
	name      bool     // it holds a capital letter where no sentence begins
	words     []string // the words outside quotes and slashes
	set       map[string]bool
	flat      string // the words with single spaces, and one before and after
	sentences []sentence
}

type sentence struct {
	words    []string
	anchored bool // it quotes a word or a sound
}

var (
	reDouble  = regexp.MustCompile(`"([^"]*)"`)
	reSingle  = regexp.MustCompile(`(^|[\s(])['‘]([^'’‘]+)['’]([\s.,;:!?)]|$)`)
	reQuoted  = regexp.MustCompile(`“([^”]*)”`)
	reNamed   = regexp.MustCompile(`(?i)(?:\b(?:hard|voiced|weak|short|long) )?“[^”]*”`) // “g”, and a hard “g”: no verdict
	reSymbol  = regexp.MustCompile(`/([^/\s]{1,4})/`)
	reSpelt   = regexp.MustCompile(`(?i)\b([a-z]{1,2})[ -]sounds?\b|\b(?:the|your|that|this|an?|letters?|sound|consonant|vowel)\s+([a-z]{1,2})\b`)
	reLikened = regexp.MustCompile(`(?i)\b(?:like|close to|closer to|near to|nearer to|towards?)\s+(?:(?:a|an|the|hard|voiced|weak|short|long|more|sound)\s+){0,3}(?:“([^”]*)”|/([^/\s]{1,4})/)`)
	reARPAbet = regexp.MustCompile(`\b(?:AA|AE|AH|AO|AW|AY|CH|DH|EH|ER|EY|HH|IH|IY|JH|NG|OW|OY|SH|TH|UH|UW|ZH)[0-2]?\b`)
	reWord    = regexp.MustCompile(`[\p{L}\p{N}]+(?:'[\p{L}]+)*`)
	reEnd     = regexp.MustCompile(`[.!?;:…]+`)
	reLink    = regexp.MustCompile(`(?i)https?:|www\.|\b[a-z0-9-]+\.[a-z]{2,}\b|\bmailto\b`)
)

// shortWords are words, not sounds that are spelt.
const shortWords = " a of my no to it on so or in i is as at an am be by do go he if me up us we oh ok "

// tidy brings what models do to a text into one form: compatibility characters,
// white space, quotes, bold marks.
func tidy(text string) string {
	text = norm.NFKC.String(text)
	text = strings.NewReplacer("*", "", "`", "", "’", "'", "„", "“").Replace(text)
	text = strings.Join(strings.Fields(text), " ")
	text = reDouble.ReplaceAllString(text, "“$1”")
	for range 2 { // the space between two of them ends one and begins the next
		text = reSingle.ReplaceAllString(text, "$1“$2”$3")
	}
	return text
}

// printable reports plain text: letters of English and of the phonetic
// alphabet, digits, everyday punctuation, closed quotes and slashes, no link.
func printable(text string) bool {
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Latin, r), r >= '0' && r <= '9', strings.ContainsRune(" .,;:!?'“”()-–—…/&%$€£ʰˈˌːθβχ", r):
		default:
			return false
		}
	}
	open := 0
	for _, r := range text {
		switch r {
		case '“':
			open++
		case '”':
			open--
		}
		if open < 0 || open > 1 {
			return false
		}
	}
	rest := reSymbol.ReplaceAllString(text, "")
	return open == 0 && !strings.Contains(rest, "/") && !reLink.MatchString(strings.ReplaceAll(text, "...", "…"))
}

func read(text string) reading {
	r := reading{set: map[string]bool{}}
	for _, m := range reQuoted.FindAllStringSubmatch(text, -1) {
		r.quoted = append(r.quoted, fold(m[1]))
	}
	for _, m := range reLikened.FindAllStringSubmatch(text, -1) {
		if m[2] != "" {
			m[2] = "/" + fold(m[2])
		}
		r.likened = append(r.likened, fold(m[1])+m[2])
	}
	marked := reNamed.ReplaceAllString(text, "§")
	for _, m := range reSymbol.FindAllStringSubmatch(marked, -1) {
		r.symbols = append(r.symbols, fold(m[1]))
	}
	marked = reSymbol.ReplaceAllString(marked, "§")
	for _, m := range reSpelt.FindAllStringSubmatch(marked, -1) {
		if l := strings.ToLower(m[1] + m[2]); !strings.Contains(shortWords, " "+l+" ") {
			r.spelt = append(r.spelt, l)
		}
	}
	r.arpabet = reARPAbet.MatchString(marked)
	for _, part := range reEnd.Split(marked, -1) {
		s := sentence{anchored: strings.Contains(part, "§")}
		for i, m := range reWord.FindAllString(part, -1) {
			w := fold(m)
			first := []rune(m)[0]
			if i > 0 && unicode.IsUpper(first) && w != "i" && !strings.HasPrefix(w, "i'") {
				r.name = true
			}
			s.words = append(s.words, w)
			r.set[w] = true
		}
		if len(s.words) > 0 || s.anchored {
			r.sentences = append(r.sentences, s)
			r.words = append(r.words, s.words...)
		}
	}
	r.flat = " " + strings.Join(r.words, " ") + " "
	return r
}

// fold brings a word or a quote into the form in which two are compared.
func fold(s string) string {
	s = strings.ToLower(norm.NFKC.String(s))
	s = strings.ReplaceAll(s, "’", "'")
	return strings.Trim(strings.ReplaceAll(s, "ɡ", "g"), " .,;:!?")
}

// letters are those of a sound's respelling.
func letters(s prompts.Sound) string {
	_, l, _ := strings.Cut(s.Name, "“")
	return strings.TrimSuffix(l, "”")
}

// has reports one of the words.
func (r reading) has(words map[string]bool) bool { return r.count(words) > 0 }

func (r reading) count(words map[string]bool) int {
	n := 0
	for _, w := range r.words {
		if words[w] {
			n++
		}
	}
	return n
}

// hasBeyond reports one of the words that the other reading lacks.
func (r reading) hasBeyond(words map[string]bool, other reading) bool {
	return slices.ContainsFunc(r.words, func(w string) bool { return words[w] && !other.set[w] })
}

// mentions reports one of the phrases, whole words only.
func (r reading) mentions(phrases []string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(r.flat, " "+p+" ") })
}

// mentionsBeyond reports one of the phrases that the other reading lacks.
func (r reading) mentionsBeyond(phrases []string, other reading) bool {
	return slices.ContainsFunc(phrases, func(p string) bool {
		return strings.Contains(r.flat, " "+p+" ") && !strings.Contains(other.flat, " "+p+" ")
	})
}

// verdicts counts words of praise and of blame. A negation shortly before one
// turns it over ("not clear"); with goals, praise that is aimed at ("could be
// clearer", "to make it clear", "nearly good") counts as neither.
func (r reading) verdicts(l *lexicon, goals bool) (praise, blame int) {
	for _, s := range r.sentences {
		for i, w := range s.words {
			good, bad := l.praises[w], l.blames[w]
			if !good && !bad || w == "well" && i > 0 && s.words[i-1] == "as" {
				continue
			}
			if good && i > 0 && s.words[i-1] == "least" {
				continue // of several, which says nothing of how it was; see scope
			}
			before := s.words[max(0, i-3):i]
			turned := slices.ContainsFunc(before, func(b string) bool { return l.negations[b] || strings.HasSuffix(b, "n't") })
			aimed := goals && slices.ContainsFunc(before, func(b string) bool { return l.aims[b] })
			switch {
			case good && turned, bad && !turned:
				blame++
			case good && aimed:
			default:
				praise++
			}
		}
	}
	return praise, blame
}

// negated reports that a word stands shortly after a negation, at its first place.
func (r reading) negated(l *lexicon, w string) bool {
	for _, s := range r.sentences {
		if i := slices.Index(s.words, w); i >= 0 {
			return slices.ContainsFunc(s.words[max(0, i-3):i], func(b string) bool {
				return l.negations[b] || strings.HasSuffix(b, "n't") || b == "off" || b == "away"
			})
		}
	}
	return false
}
