package scorer

import (
	"slices"
	"strings"
)

// variants returns all accepted pronunciations of a word, given those that the
// dictionary has: these, the weak form of a function word, and what the
// regular differences between accents make of them. Two that differ only in
// stress are one. At most MaxPronunciations, the usual one first.
func variants(word string, known []Pronunciation) []Pronunciation {
	var out []Pronunciation
	add := func(p Pronunciation) {
		same := func(q Pronunciation) bool { return slices.EqualFunc(p, q, samePhoneme) }
		if len(p) > 0 && len(out) < MaxPronunciations && !slices.ContainsFunc(out, same) {
			out = append(out, p)
		}
	}
	base := known[:min(len(known), MaxPronunciations/2)]
	for _, p := range base {
		add(p)
	}
	for table := range strings.SplitSeq(moreForms[word], "|") {
		add(parsePronunciation(table))
	}
	for _, p := range base {
		for _, rule := range accentRules {
			add(rule(word, p))
		}
		add(british(word, p))
		add(coalesced(word, british(word, p)))
		add(flapped(word, nonRhotic(word, p))) // Australia
	}
	return out
}

func samePhoneme(a, b Sound) bool { return a.Phoneme == b.Phoneme }

// A rule returns what an accent makes of a pronunciation, or p itself; it does
// not change p.
type rule func(word string, p Pronunciation) Pronunciation

// accentRules are in the order of how many speakers they accept.
var accentRules = []rule{flapped, weakVowels, nonRhotic, merged, rounded, broad, yod, syllabic, coalesced, ePrefix, alveolar, raised, near, hurried, ization, aspiratedWh}

// british is southern British English: several rules at once.
func british(word string, p Pronunciation) Pronunciation {
	for _, r := range []rule{yod, broad, rounded, hurried, ization, nonRhotic} {
		p = r(word, p)
	}
	return p
}

// flapped: T between vowels, before one without stress, is a tap that is heard
// as D in North America (water, party).
func flapped(_ string, p Pronunciation) Pronunciation {
	return rewrite(p, func(i int) []Sound {
		if i == 0 || i+1 >= len(p) || p[i].Phoneme != "T" || !p[i+1].vowel() || p[i+1].Stress > 0 {
			return nil
		}
		if b := p[i-1]; b.vowel() || b.Phoneme == "R" && i > 1 && p[i-2].vowel() {
			return []Sound{{Phoneme: "D"}}
		}
		return nil
	})
}

// weakVowels: without stress IH and AH are hardly told apart (roses, wanted).
func weakVowels(word string, p Pronunciation) Pronunciation {
	ending := len(p) - 2 // -es, -ed
	weakEnding := ending > 0 && (strings.HasSuffix(word, "es") || strings.HasSuffix(word, "ed") || strings.HasSuffix(word, "'s")) &&
		(p[ending+1].Phoneme == "Z" || p[ending+1].Phoneme == "D")
	return rewrite(p, func(i int) []Sound {
		velar := i+1 < len(p) && (p[i+1].Phoneme == "NG" || p[i+1].Phoneme == "K" || p[i+1].Phoneme == "R")
		switch {
		case p[i] == Sound{Phoneme: "IH"} && !velar:
			return []Sound{{Phoneme: "AH"}}
		case p[i] == Sound{Phoneme: "AH"} && weakEnding && i == ending:
			return []Sound{{Phoneme: "IH"}}
		}
		return nil
	})
}

// merged: cot and caught are one vowel for half of North America.
func merged(_ string, p Pronunciation) Pronunciation {
	return rewrite(p, func(i int) []Sound {
		if p[i].Phoneme == "AO" && !before(p, i, "R") {
			return []Sound{{"AA", p[i].Stress}}
		}
		return nil
	})
}

// rounded: outside North America the vowel of lot is rounded.
func rounded(word string, p Pronunciation) Pronunciation {
	if !strings.Contains(word, "o") && !strings.Contains(word, "wa") && !strings.Contains(word, "wha") && !strings.Contains(word, "qua") {
		return p
	}
	return rewrite(p, func(i int) []Sound {
		if p[i].Phoneme == "AA" && !before(p, i, "R") {
			return []Sound{{"AO", p[i].Stress}}
		}
		return nil
	})
}

// nonRhotic: R is said only before a vowel (Wells, Accents of English, 1982).
// The vowel of "here" and "tour" ends in a schwa then.
func nonRhotic(_ string, p Pronunciation) Pronunciation {
	schwa := Sound{Phoneme: "AH"}
	return rewrite(p, func(i int) []Sound {
		linked := i+1 < len(p) && p[i+1].vowel()
		switch s := p[i]; {
		case s == Sound{Phoneme: "ER"} && linked:
			return []Sound{schwa, {Phoneme: "R"}}
		case s == Sound{Phoneme: "ER"}:
			return []Sound{schwa}
		case s.Phoneme == "R" && i > 0 && p[i-1].vowel() && !linked:
			if centring(p[i-1]) {
				return []Sound{schwa}
			}
			return []Sound{}
		case s.Phoneme == "IY" && before(p, i, "R") && (i+2 == len(p) || !p[i+2].vowel()):
			return []Sound{{"IH", s.Stress}}
		}
		return nil
	})
}

// centring reports whether a vowel ends in a schwa where its R is not said.
func centring(s Sound) bool {
	return s.Phoneme == "IH" || s.Phoneme == "IY" || s.Phoneme == "UH" || s.Phoneme == "UW"
}

// near: before R, IY and IH are one vowel.
func near(_ string, p Pronunciation) Pronunciation {
	return rewrite(p, func(i int) []Sound {
		switch {
		case !before(p, i, "R") || p[i].Stress == 0:
		case p[i].Phoneme == "IY":
			return []Sound{{"IH", p[i].Stress}}
		case p[i].Phoneme == "IH":
			return []Sound{{"IY", p[i].Stress}}
		}
		return nil
	})
}

// syllabic: little, listen and beautiful may end without a vowel.
func syllabic(_ string, p Pronunciation) Pronunciation {
	return rewrite(p, func(i int) []Sound {
		if i > 1 && !p[i-1].vowel() && (p[i] == Sound{Phoneme: "AH"} || p[i] == Sound{Phoneme: "IH"}) && (before(p, i, "L") || before(p, i, "N")) &&
			(i+2 == len(p) || !p[i+2].vowel()) && !strings.Contains("L M N R NG", string(p[i-1].Phoneme)) {
			return []Sound{}
		}
		return nil
	})
}

// raised: a weak vowel spelt with e or i is nearer to IH for many (office,
// women, minute).
func raised(word string, p Pronunciation) Pronunciation {
	if !strings.ContainsAny(word, "ei") {
		return p
	}
	return rewrite(p, func(i int) []Sound {
		if i > 0 && p[i] == (Sound{Phoneme: "AH"}) && i+1 < len(p) && strings.Contains(" S T D K F JH CH N V Z ", " "+string(p[i+1].Phoneme)+" ") {
			return []Sound{{Phoneme: "IH"}}
		}
		return nil
	})
}

// broad: bath, dance and half have the vowel of father in the south of
// England. Which words do is not regular.
func broad(word string, p Pronunciation) Pronunciation {
	short := func(s Sound) bool { return s.Phoneme == "AE" && s.Stress > 0 }
	if !slices.ContainsFunc(p, short) || !isBroad(word) {
		return p
	}
	done := false
	return rewrite(p, func(i int) []Sound {
		if done || !short(p[i]) {
			return nil
		}
		done = true
		return []Sound{{"AA", p[i].Stress}}
	})
}

// yod: new, tune and duke have a Y outside North America. Spelling tells them
// from noon and do.
func yod(word string, p Pronunciation) Pronunciation {
	if strings.Contains(word, "oo") || strings.Contains(word, "ou") || !strings.Contains(word, "u") && !strings.Contains(word, "ew") {
		return p
	}
	return rewrite(p, func(i int) []Sound {
		if i > 0 && p[i].Phoneme == "UW" && (p[i-1].Phoneme == "T" || p[i-1].Phoneme == "D" || p[i-1].Phoneme == "N") {
			return []Sound{{Phoneme: "Y"}, p[i]}
		}
		return nil
	})
}

// coalesced: T and D melt with that Y (tune like "choon").
func coalesced(word string, p Pronunciation) Pronunciation {
	p = yod(word, p)
	return rewrite(p, func(i int) []Sound {
		switch {
		case p[i].Phoneme == "T" && before(p, i, "Y"):
			return []Sound{{Phoneme: "CH"}}
		case p[i].Phoneme == "D" && before(p, i, "Y"):
			return []Sound{{Phoneme: "JH"}}
		case p[i].Phoneme == "Y" && i > 0 && (p[i-1].Phoneme == "T" || p[i-1].Phoneme == "D"):
			return []Sound{}
		}
		return nil
	})
}

// ePrefix: believe, return and enough begin with IH, IY or a schwa.
func ePrefix(word string, p Pronunciation) Pronunciation {
	first := strings.IndexAny(word, "aeiouy")
	if first < 0 || word[first] != 'e' || first > 2 {
		return p
	}
	for i, s := range p {
		if !s.vowel() {
			continue
		}
		if s.Stress > 0 || s.Phoneme != "IH" && s.Phoneme != "AH" || i+2 >= len(p) || before(p, i, "R") {
			return p
		}
		q := slices.Clone(p)
		q[i].Phoneme = "IY"
		return q
	}
	return p
}

// alveolar: going, said as "goin'".
func alveolar(word string, p Pronunciation) Pronunciation {
	n := len(p)
	if !strings.HasSuffix(word, "ing") || n < 4 || p[n-1].Phoneme != "NG" || p[n-2] != (Sound{Phoneme: "IH"}) {
		return p
	}
	q := slices.Clone(p)
	q[n-1].Phoneme = "N"
	return q
}

// hurried: outside North America hurry and courage have the vowel of cut
// before their R.
func hurried(_ string, p Pronunciation) Pronunciation {
	return rewrite(p, func(i int) []Sound {
		if p[i].Phoneme == "ER" && p[i].Stress == 1 && i+1 < len(p) && p[i+1].vowel() {
			return []Sound{{"AH", 1}, {Phoneme: "R"}}
		}
		return nil
	})
}

// ization: organisation keeps the vowel of organise in Britain.
func ization(word string, p Pronunciation) Pronunciation {
	if !strings.Contains(word, "isation") && !strings.Contains(word, "ization") {
		return p
	}
	return rewrite(p, func(i int) []Sound {
		if i+2 < len(p) && (p[i].Phoneme == "IH" || p[i].Phoneme == "AH") && p[i+1].Phoneme == "Z" && p[i+2].Phoneme == "EY" {
			return []Sound{{"AY", 2}}
		}
		return nil
	})
}

// aspiratedWh: which is not witch for some.
func aspiratedWh(word string, p Pronunciation) Pronunciation {
	if !strings.HasPrefix(word, "wh") || p[0].Phoneme != "W" {
		return p
	}
	return append(Pronunciation{{Phoneme: "HH"}}, p...)
}

// rewrite copies p with some sounds replaced: where to returns nil the sound
// stays, an empty list drops it.
func rewrite(p Pronunciation, to func(i int) []Sound) Pronunciation {
	out := make(Pronunciation, 0, len(p)+1)
	for i, s := range p {
		if r := to(i); r != nil {
			out = append(out, r...)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// before reports whether sound i stands directly before a phoneme.
func before(p Pronunciation, i int, phoneme string) bool {
	return i+1 < len(p) && string(p[i+1].Phoneme) == phoneme
}

// isBroad reports whether a word or the stem of its inflection is of the BATH
// set.
func isBroad(word string) bool {
	if broadWords.has(word) {
		return true
	}
	for _, suffix := range []string{"'s", "s", "es", "d", "ed", "ing", "r", "er", "ers", "est", "es'", "room", "rooms", "ly", "ment", "men", "man"} {
		if stem, ok := strings.CutSuffix(word, suffix); ok && broadWords.has(stem) {
			return true
		}
	}
	return false
}

const broadWords wordSet = `ask bask basket bath path aftermath grass class pass past last fast cast mast master plaster disaster castle vast glass
brass dance danc chance france glance advance enhance plant grant slant aunt can't shan't branch ranch half calf laugh staff after afternoon
craft draft raft shaft aircraft rather example sample command demand slander answer task mask flask nasty broadcast forecast contrast
breakfast ghastly avalanche lance prance stance trance pasture rascal casket clasp grasp gasp rasp alas blast caste chaff daft graph
paragraph photograph telegraph graft haft laughter behalf calve halve moustache mustache nastily overcast perchance plantation
raspberry repast remand reprimand surpass telecast trespass underpass bypass afterwards afterward outcast steadfast fasten fastening
advantage vantage disadvantage chancellor chandler commander bathroom pathway classmate classroom grassland glasshouse passport password
passtime pastime pastor basketball headmaster webmaster webcast podcast lasting everlasting mastery masterpiece castaway casting`

// moreForms are pronunciations that the dictionary lacks: weak forms of
// function words, and British ones that no rule gives.
var moreForms = map[string]string{
	"a": "EY1|AH0", "an": "AE1 N|AH0 N", "and": "N|AE1 N|AH0 N", "as": "AH0 Z", "at": "AH0 T", "am": "AH0 M|M", "are": "AH0|AA1",
	"because": "B IH0 K AO1 Z|B IH0 K AH0 Z|B IY0 K AH0 Z|B IH0 K AA1 Z", "been": "B IY1 N", "but": "B AH0 T", "can": "K AH0 N", "can't": "K AA1 N T", "could": "K AH0 D",
	"do": "D AH0", "does": "D AH0 Z", "for": "F AO1|F AH0", "from": "F R AH0 M|F R AA1 M|F R AO1 M", "had": "HH AH0 D|AH0 D|D", "has": "HH AH0 Z|AH0 Z", "have": "HH AH0 V|AH0 V",
	"he": "IY0", "her": "ER0|HH ER1|HH AH0", "him": "IH0 M", "his": "IH0 Z", "into": "IH0 N T AH0|IH0 N T UW1", "just": "JH AH0 S T|JH IH0 S T", "me": "M IH0",
	"must": "M AH0 S T|M AH0 S", "my": "M AY1", "not": "N AO1 T", "of": "AH0 V|AO1 V|AH0", "on": "AH0 N", "or": "ER0|AO1|AH0", "our": "AA1 R|AW1 AH0|AA1", "shall": "SH AH0 L", "she": "SH IH0",
	"should": "SH AH0 D", "so": "S AH0", "some": "S AH0 M", "than": "DH AH0 N", "that": "DH AH0 T", "the": "DH AH0|DH IY0", "their": "DH ER0|DH EH1", "them": "DH AH0 M|AH0 M", "there": "DH ER0|DH EH1",
	"to": "T UW1|T AH0", "us": "AH0 S", "was": "W AH0 Z|W AO1 Z", "we": "W IH0", "were": "W ER0|W AH0", "what": "W AH1 T|W AA1 T|W AO1 T", "will": "W AH0 L|AH0 L", "would": "W AH0 D|AH0 D|D",
	"you": "Y AH0", "your": "Y ER0|Y AO1|Y AH0|Y UH1 R", "you're": "Y AO1 R|Y UH1 R|Y ER0", "it's": "IH1 T S", "i'm": "AY1 M|AA1 M", "i'll": "AY1 L|AA1 L", "they're": "DH EH1 R|DH ER0", "we're": "W IH1 R|W ER0",

	"schedule": "SH EH1 JH UH0 L|SH EH1 D Y UW0 L", "schedules": "SH EH1 JH UH0 L Z|SH EH1 D Y UW0 L Z", "scheduled": "SH EH1 JH UH0 L D|SH EH1 D Y UW0 L D",
	"tomato": "T AH0 M AA1 T OW2", "tomatoes": "T AH0 M AA1 T OW2 Z", "vase": "V AA1 Z|V EY1 Z", "privacy": "P R IH1 V AH0 S IY0", "vitamin": "V IH1 T AH0 M IH0 N", "vitamins": "V IH1 T AH0 M IH0 N Z",
	"leisure": "L EH1 ZH ER0|L EH1 ZH AH0", "advertisement": "AH0 D V ER1 T IH0 S M AH0 N T|AE2 D V ER0 T AY1 Z M AH0 N T", "garage": "G AE1 R AA2 ZH|G AE1 R IH0 JH", "herb": "HH ER1 B", "herbs": "HH ER1 B Z",
	"clerk": "K L AA1 K", "route": "R UW1 T|R AW1 T", "mobile": "M OW1 B AY2 L", "missile": "M IH1 S AY2 L", "missiles": "M IH1 S AY2 L Z", "fragile": "F R AE1 JH AY2 L", "hostile": "HH AO1 S T AY2 L", "fertile": "F ER1 T AY2 L",
	"laboratory": "L AH0 B AO1 R AH0 T R IY0", "either": "AY1 DH ER0|AY1 DH AH0|IY1 DH ER0", "neither": "N AY1 DH ER0|N AY1 DH AH0|N IY1 DH ER0", "figure": "F IH1 G ER0|F IH1 G AH0", "figures": "F IH1 G ER0 Z|F IH1 G AH0 Z",
	"process": "P R OW1 S EH2 S", "progress": "P R OW1 G R EH2 S", "project": "P R OW1 JH EH2 K T|P R AO1 JH EH2 K T", "data": "D EY1 T AH0|D AA1 T AH0|D AE1 T AH0", "status": "S T EY1 T AH0 S", "yogurt": "Y AO1 G ER0 T|Y AO1 G AH0 T",
	"zebra": "Z EH1 B R AH0", "issue": "IH1 S Y UW0", "issues": "IH1 S Y UW0 Z", "tissue": "T IH1 S Y UW0", "ate": "EH1 T", "often": "AO1 F T AH0 N|AO1 F AH0 N|AA1 F T AH0 N", "again": "AH0 G EY1 N", "against": "AH0 G EY1 N S T",
	"says": "S EH1 Z", "shone": "SH AO1 N", "want": "W AO1 N T|W AA1 N T", "wants": "W AO1 N T S", "wanted": "W AO1 N T IH0 D", "real": "R IY1 AH0 L|R IH1 AH0 L", "really": "R IY1 AH0 L IY0|R IH1 AH0 L IY0", "z": "Z EH1 D", "h": "HH EY1 CH", "lieutenant": "L EH0 F T EH1 N AH0 N T", "medicine": "M EH1 D S AH0 N",
	"secretary": "S EH1 K R AH0 T R IY0", "necessary": "N EH1 S AH0 S R IY0|N EH1 S AH0 S EH0 R IY0", "dictionary": "D IH1 K SH AH0 N R IY0", "library": "L AY1 B R IY0", "february": "F EH1 B R UW0 ER0 IY0|F EH1 B R IY0",
	"category": "K AE1 T AH0 G R IY0", "territory": "T EH1 R AH0 T R IY0", "military": "M IH1 L AH0 T R IY0", "ordinary": "AO1 R D AH0 N R IY0|AO1 D AH0 N R IY0", "temporary": "T EH1 M P R AH0 R IY0|T EH1 M P ER0 R IY0", "january": "JH AE1 N Y AH0 R IY0|JH AE1 N Y UW0 R IY0",
	"brochure": "B R OW1 SH ER0|B R OW1 SH AH0", "debris": "D EH1 B R IY0", "ballet": "B AE1 L EY0", "cafe": "K AE1 F EY0", "detail": "D IY1 T EY2 L", "details": "D IY1 T EY2 L Z", "address": "AH0 D R EH1 S", "adult": "AE1 D AH2 L T", "adults": "AE1 D AH2 L T S",
	"weekend": "W IY2 K EH1 N D", "research": "R IH0 S ER1 CH|R IY1 S ER0 CH", "semi": "S EH1 M IY0", "anti": "AE1 N T IY0", "multi": "M AH1 L T IY0", "dynasty": "D IH1 N AH0 S T IY0", "evolution": "IY2 V AH0 L UW1 SH AH0 N", "glacier": "G L AE1 S IY0 AH0",
	"tortoise": "T AO1 R T AH0 S|T AO1 T AH0 S", "turquoise": "T ER1 K W OY2 Z", "water": "W AO1 T AH0|W AA1 T ER0|W AO1 D ER0", "year": "Y ER1", "years": "Y ER1 Z",
}
