package scorer

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// errNoGuess says that a word is in no list and that there is no network to
// guess it.
var errNoGuess = errors.New("unknown word, and no model to guess it")

// unknown returns the pronunciations of a word that the dictionary lacks: by
// its parts where it has any, else guessed.
func (l *CMULexicon) unknown(ctx context.Context, word string) ([]Pronunciation, error) {
	// "shimerda's" and "goin'" end alike whatever the word is.
	for _, c := range clitics {
		stem, ok := strings.CutSuffix(word, c.spelling)
		if !ok || strings.Trim(stem, "'") == "" {
			continue
		}
		stems := l.known(stem)
		if stems == nil {
			var err error
			if stems, err = l.unknown(ctx, stem); err != nil {
				return nil, err
			}
		}
		return each(stems, c.join), nil
	}
	if g, ok := strings.CutSuffix(word, "in'"); ok {
		if full := l.known(g + "ing"); full != nil {
			return each(full, func(p Pronunciation) Pronunciation { return alveolar("ing", p) }), nil
		}
	}
	if bare := strings.ReplaceAll(word, "'", ""); bare != word {
		if known := l.known(bare); known != nil {
			return known, nil
		}
		return l.unknown(ctx, bare)
	}
	if !hasVowel(word) {
		return l.spelt(word), nil
	}
	if derived := l.derived(word); derived != nil {
		return derived, nil
	}
	// Two known words make a compound (livestream) or a name only looks like
	// one: both the guess and the compound are accepted.
	compound := l.compound(word)
	if l.g2p == nil {
		if compound == nil {
			return nil, errNoGuess
		}
		return compound, nil
	}
	guesses, err := l.g2p.Guess(ctx, word)
	switch {
	case err != nil:
		return nil, err
	case len(guesses) > 0:
		return slices.Insert(guesses, 1, compound...), nil
	case compound != nil:
		return compound, nil
	}
	return l.spelt(word), nil
}

// moreWords are words of today, and British ones, that the dictionary lacks and
// whose spelling misleads.
var moreWords = map[string]string{
	"aeroplane": "EH1 R AH0 P L EY2 N", "airbnb": "EH1 R B IY2 AH0 N B IY1", "brexit": "B R EH1 K S IH0 T", "chatbot": "CH AE1 T B AA2 T", "chatgpt": "CH AE1 T JH IY2 P IY2 T IY1",
	"covid": "K OW1 V IH0 D", "ebook": "IY1 B UH2 K", "emoji": "IH0 M OW1 JH IY0", "gigahertz": "G IH1 G AH0 HH ER2 T S", "kilohertz": "K IH1 L AH0 HH ER2 T S", "jewellery": "JH UW1 AH0 L R IY0",
	"maths": "M AE1 TH S", "mynah": "M AY1 N AH0", "nappy": "N AE1 P IY0", "nought": "N AO1 T", "paise": "P AY1 S AH0", "prof": "P R AA1 F", "pyjamas": "P AH0 JH AA1 M AH0 Z",
	"ramen": "R AA1 M AH0 N", "selfie": "S EH1 L F IY0", "sorta": "S AO1 R T AH0", "spelt": "S P EH1 L T", "tiktok": "T IH1 K T AA2 K", "vlog": "V L AA1 G", "wechat": "W IY1 CH AE2 T",
	"youtuber": "Y UW1 T UW2 B ER0", "zeroth": "Z IH1 R OW0 TH", "enth": "EH1 N TH", "bilibili": "B IH1 L IY0 B IH1 L IY0", "whatsapp": "W AH1 T S AE2 P",
}

// clitic is an ending with an apostrophe that any word can have.
type clitic struct {
	spelling string
	join     func(Pronunciation) Pronunciation
}

var clitics = []clitic{
	{"'s", sibilantEnding}, {"s'", sibilantEnding},
	{"'ll", ending("AH0 L")}, {"'ve", ending("AH0 V")}, {"'re", ending("ER0")}, {"n't", ending("AH0 N T")},
	{"'d", func(p Pronunciation) Pronunciation {
		if p[len(p)-1].vowel() {
			return append(slices.Clip(p), Sound{Phoneme: "D"})
		}
		return dentalEnding(p)
	}},
}

// suffix is an ending that a known word can take.
type suffix struct {
	spelling string
	vowel    bool // begins with a vowel: the stem loses its E and doubles its consonant
	join     func(Pronunciation) Pronunciation
}

var suffixes = []suffix{
	{"s", false, sibilantEnding}, {"es", true, sibilantEnding}, {"ed", true, dentalEnding}, {"ing", true, ending("IH0 NG")},
	{"ings", true, ending("IH0 NG Z")}, {"er", true, ending("ER0")}, {"ers", true, ending("ER0 Z")}, {"est", true, ending("AH0 S T")},
	{"ly", false, ending("L IY0")}, {"ness", false, ending("N AH0 S")}, {"less", false, ending("L AH0 S")}, {"ful", false, ending("F AH0 L")},
	{"ment", false, ending("M AH0 N T")}, {"ments", false, ending("M AH0 N T S")}, {"able", true, ending("AH0 B AH0 L")}, {"ably", true, ending("AH0 B L IY0")},
	{"ish", true, ending("IH0 SH")}, {"y", true, ending("IY0")}, {"like", false, ending("L AY2 K")}, {"ship", false, ending("SH IH2 P")}, {"ism", true, ending("IH2 Z AH0 M")},
}

// prefix is what can stand before a known word.
type prefix struct {
	spelling string
	sounds   string // ARPAbet
}

var prefixes = []prefix{
	{"un", "AH0 N"}, {"re", "R IY0"}, {"non", "N AA0 N"}, {"over", "OW2 V ER0"}, {"under", "AH2 N D ER0"},
	{"out", "AW2 T"}, {"anti", "AE2 N T IY0"}, {"mis", "M IH0 S"}, {"pre", "P R IY0"}, {"semi", "S EH2 M IY0"},
	{"super", "S UW2 P ER0"}, {"inter", "IH2 N T ER0"}, {"sub", "S AH0 B"}, {"micro", "M AY2 K R OW0"}, {"multi", "M AH2 L T IY0"},
	{"mega", "M EH2 G AH0"}, {"auto", "AO2 T OW0"}, {"cyber", "S AY2 B ER0"}, {"bio", "B AY2 OW0"}, {"eco", "IY2 K OW0"},
	{"post", "P OW2 S T"}, {"self", "S EH2 L F"}, {"ultra", "AH2 L T R AH0"}, {"video", "V IH2 D IY0 OW0"}, {"tele", "T EH2 L AH0"},
	{"dis", "D IH0 S"},
}

// derived takes endings and beginnings off until a known word is left, and
// reads British spellings as American ones; nil where that leads nowhere.
func (l *CMULexicon) derived(word string) []Pronunciation {
	if american := l.american(word); american != nil {
		return american
	}
	for _, s := range suffixes {
		stem, ok := strings.CutSuffix(word, s.spelling)
		if !ok || len(stem) < 3 {
			continue
		}
		for _, spelling := range stemSpellings(stem, s) {
			known := l.known(spelling)
			if known == nil {
				known = l.american(spelling)
			}
			if known != nil {
				return each(known, s.join)
			}
		}
	}
	if stem, ok := strings.CutSuffix(word, "cally"); ok { // magically
		if known := l.known(stem + "c"); known != nil {
			return each(known, ending("L IY0"))
		}
	}
	for _, p := range prefixes {
		stem, ok := strings.CutPrefix(word, p.spelling)
		if !ok || len(stem) < 4 {
			continue
		}
		known := l.known(stem)
		if known == nil {
			known = l.derived(stem)
		}
		if known != nil {
			return each(known, func(q Pronunciation) Pronunciation { return append(parsePronunciation(p.sounds), q...) })
		}
	}
	return nil
}

// stemSpellings lists how a stem may be spelt without its suffix, the likely
// ones first: hop+ing and hope+ing, run and runn+ing, happy and happi+ly.
func stemSpellings(stem string, s suffix) []string {
	n := len(stem)
	if y, ok := strings.CutSuffix(stem, "i"); ok && s.spelling != "s" {
		return []string{y + "y", stem, stem + "e"}
	}
	if !s.vowel {
		return []string{stem}
	}
	last, beforeLast := stem[n-1], stem[n-2]
	isVowel := func(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }
	switch {
	case s.spelling == "es":
		return []string{stem + "e", stem}
	case last == beforeLast && !isVowel(last):
		return []string{stem, stem[:n-1]}
	case !isVowel(last) && isVowel(beforeLast) && !isVowel(stem[n-3]) && last != 'w' && last != 'x':
		return []string{stem + "e", stem} // a short stem would have doubled its consonant
	}
	return []string{stem, stem + "e"}
}

// britishSpellings and what America writes; tried one at a time.
var britishSpellings = [][2]string{
	{"our", "or"}, {"tre", "ter"}, {"bre", "ber"}, {"isation", "ization"}, {"ise", "ize"}, {"ising", "izing"}, {"yse", "yze"}, {"ysing", "yzing"}, {"ence", "ense"},
	{"ogue", "og"}, {"oul", "ol"}, {"ll", "l"}, {"ae", "e"}, {"oe", "e"}, {"gg", "g"}, {"ey", "y"}, {"mme", "m"}, {"eable", "able"}, {"yre", "ire"}, {"wilful", "willful"},
}

// american looks a British spelling up in its American form.
func (l *CMULexicon) american(word string) []Pronunciation {
	for _, b := range britishSpellings {
		if at := strings.LastIndex(word, b[0]); at > 0 {
			if known := l.known(word[:at] + b[1] + word[at+len(b[0]):]); known != nil {
				return known
			}
		}
	}
	return nil
}

// compound reads a word as two known ones; nil where it is none.
func (l *CMULexicon) compound(word string) []Pronunciation {
	const least = 4 // shorter parts are found in any name
	for i := len(word) - least; i >= least; i-- {
		first, second := l.known(word[:i]), l.known(word[i:])
		if first == nil || second == nil {
			continue
		}
		p := slices.Clone(first[0])
		for _, s := range second[0] {
			if s.Stress == 1 {
				s.Stress = 2
			}
			p = append(p, s)
		}
		return []Pronunciation{p}
	}
	return nil
}

// spelt says a word by the names of its letters.
func (l *CMULexicon) spelt(word string) []Pronunciation {
	var p Pronunciation
	for _, letter := range spell(word) {
		if name := l.known(letter); name != nil {
			p = append(p, name[0]...)
		}
	}
	return []Pronunciation{p}
}

// each makes a new pronunciation of every one.
func each(ps []Pronunciation, change func(Pronunciation) Pronunciation) []Pronunciation {
	out := make([]Pronunciation, len(ps))
	for i, p := range ps {
		out[i] = change(p)
	}
	return out
}

// ending returns what appends symbols.
func ending(symbols string) func(Pronunciation) Pronunciation {
	sounds := parsePronunciation(symbols)
	return func(p Pronunciation) Pronunciation { return append(slices.Clip(p), sounds...) }
}

// sibilantEnding is -s: IH Z after hissing sounds, S after voiceless ones.
func sibilantEnding(p Pronunciation) Pronunciation {
	switch p[len(p)-1].Phoneme {
	case "S", "Z", "SH", "ZH", "CH", "JH":
		return append(slices.Clip(p), Sound{Phoneme: "IH"}, Sound{Phoneme: "Z"})
	case "P", "T", "K", "F", "TH":
		return append(slices.Clip(p), Sound{Phoneme: "S"})
	}
	return append(slices.Clip(p), Sound{Phoneme: "Z"})
}

// dentalEnding is -ed: IH D after T and D, T after voiceless sounds.
func dentalEnding(p Pronunciation) Pronunciation {
	switch p[len(p)-1].Phoneme {
	case "T", "D":
		return append(slices.Clip(p), Sound{Phoneme: "IH"}, Sound{Phoneme: "D"})
	case "P", "K", "F", "TH", "S", "SH", "CH":
		return append(slices.Clip(p), Sound{Phoneme: "T"})
	}
	return append(slices.Clip(p), Sound{Phoneme: "D"})
}
