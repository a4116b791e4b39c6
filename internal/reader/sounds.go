package reader

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// symbols reads a sign of the phonetic alphabet, in all the ways in which one is
// written: the phoneme's symbol in the CMU dictionary, "" for none.
func symbols(sign string) string {
	return map[string]string{
		"ɑ": "AA", "ɑː": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɔ": "AO", "ɔː": "AO", "aʊ": "AW", "aɪ": "AY", "ɛ": "EH", "e": "EH",
		"ɝ": "ER", "ɚ": "ER", "ɜː": "ER", "ɜ": "ER", "eɪ": "EY", "ɪ": "IH", "i": "IY", "iː": "IY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY",
		"ʊ": "UH", "u": "UW", "uː": "UW", "b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH",
		"dʒ": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T",
		"θ": "TH", "v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH",
	}[sign]
}

// spellings reads the letters by which people who know no phonetic alphabet name a
// sound, with the word before them where it matters.
func spellings(letters string) string {
	return map[string]string{
		"ah": "AA", "short a": "AE", "short u": "AH", "weak uh": "AH", "uh": "AH", "aw": "AO", "ow": "AW", "long i": "AY", "short e": "EH",
		"er": "ER", "long a": "EY", "short i": "IH", "ee": "IY", "oh": "OW", "oy": "OY", "short oo": "UH", "long oo": "UW", "b": "B",
		"ch": "CH", "d": "D", "voiced th": "DH", "f": "F", "g": "G", "hard g": "G", "h": "HH", "j": "JH", "k": "K", "l": "L", "m": "M",
		"n": "N", "ng": "NG", "p": "P", "r": "R", "s": "S", "sh": "SH", "t": "T", "th": "TH", "v": "V", "w": "W", "y": "Y", "z": "Z", "zh": "ZH",
	}[letters]
}

// reference is a word of the sentence, or a sound, that a text points at.
type reference struct {
	word  int // -1: none
	sound string
	place Place
}

var (
	reBefore   = regexp.MustCompile(`(?i)(?:(\w+)\s+)?(?:(short|long|hard|voiced|weak)\s+)?$`)
	reNthWord  = regexp.MustCompile(`(?i)\bthe (first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth) word\b|\bword (\d+)\b`)
	reInBefore = regexp.MustCompile(`(?i)\b(?:in|after|of|word|said|say|about) (?:the )?(?:\w+ )?$`)
	reSoundPad = regexp.MustCompile(`^\s*(?:/|sounds?\b|in\b)`)
)

// references reads the words and sounds that a text names, in order. With no
// words, every quote that can be a sound is one.
func references(s string, words []string) []reference {
	var out []reference
	for _, m := range reNthWord.FindAllStringSubmatch(s, -1) {
		n, _ := strconv.Atoi(m[2])
		if m[1] != "" {
			n = int(placeOf(m[1]))
		}
		if n >= 1 && n <= len(words) {
			out = append(out, reference{word: n - 1})
		}
	}
	for _, m := range reReference.FindAllStringSubmatchIndex(s, -1) {
		token := s[m[0]:m[1]]
		before, after := s[:m[0]], s[m[1]:]
		at := reBefore.FindStringSubmatch(before)
		place := placeOf(at[1])
		switch {
		case strings.HasPrefix(token, "/"):
			sound := symbols(strings.Trim(token, "/"))
			// The sign of letters just before it says what they say.
			if n := len(out) - 1; n >= 0 && out[n].sound != "" && strings.HasSuffix(strings.TrimSpace(before), "”") {
				out[n].sound = sound
				continue
			}
			out = append(out, reference{word: -1, sound: sound, place: place})
		case !strings.HasPrefix(token, "“") && !strings.HasPrefix(token, `"`):
			out = append(out, reference{word: -1, sound: strings.TrimRight(token, "012"), place: place})
		default:
			out = append(out, quoted(strings.ToLower(strings.Trim(token, `“”"`)), strings.ToLower(at[2]), before, after, place, words)...)
		}
	}
	return out
}

// quoted reads what stands in quotes: a sound by its letters, a word of the
// sentence, several of them, or something that is neither.
func quoted(q, kind, before, after string, place Place, words []string) []reference {
	sound := spellings(strings.TrimSpace(kind + " " + q))
	if sound == "" {
		sound = spellings(q)
	}
	at := indexes(words, q)
	if sound != "" && (len(at) == 0 || kind != "" || reSoundPad.MatchString(after) && !reInBefore.MatchString(before)) {
		return []reference{{word: -1, sound: sound, place: place}}
	}
	switch {
	case len(at) > 1 && place > 0 && int(place) <= len(at):
		return []reference{{word: at[place-1]}}
	case len(at) > 0:
		return []reference{{word: at[0]}}
	case words == nil:
		return nil
	case strings.Contains(q, " "):
		var out []reference
		for f := range strings.FieldsSeq(q) {
			for _, i := range indexes(words, f)[:min(1, len(indexes(words, f)))] {
				out = append(out, reference{word: i})
			}
		}
		if len(out) == len(strings.Fields(q)) {
			return out
		}
	}
	return []reference{{word: -1}}
}

func placeOf(word string) Place {
	word = strings.ToLower(word)
	if word == "final" || word == "last" {
		return Final
	}
	return Place(slices.Index(strings.Fields("first second third fourth fifth sixth seventh eighth ninth tenth"), word) + 1)
}

// indexes are the places of a word in the sentence, whatever its case.
func indexes(words []string, q string) []int {
	var out []int
	for i, w := range words {
		if strings.EqualFold(strings.ReplaceAll(w, "’", "'"), strings.ReplaceAll(q, "’", "'")) {
			out = append(out, i)
		}
	}
	return out
}

// firstSound is the first sound of some references, "" where none is one.
func firstSound(refs []reference) string {
	for _, r := range refs {
		if r.sound != "" {
			return r.sound
		}
	}
	return ""
}
