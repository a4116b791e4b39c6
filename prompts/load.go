package prompts

import "github.com/mynah-coach/mynah/coach"

// pairLoad is the functional load of two sounds, 0-100: how much English would
// lose if they were one. pairs are words that only the two keep apart, written
// with a first.
type pairLoad struct {
	a, b  coach.Phoneme
	load  int
	pairs string
}

// contrasts holds the contrasts that learners are known to merge. The numbers
// are coarse percentiles of Surendran and Niyogi's entropy measure and of the
// count of minimal pairs, over the CMU dictionary; see docs/rationale.md.
var contrasts = []pairLoad{
	{"K", "T", 99, "key/tea cool/tool back/bat"},
	{"L", "R", 99, "light/right long/wrong glass/grass"},
	{"T", "D", 98, "ten/den seat/seed write/ride"},
	{"IH", "EH", 98, "sit/set bill/bell miss/mess"},
	{"N", "L", 97, "night/light no/low need/lead"},
	{"L", "D", 96, "low/dough lay/day feel/feed"},
	{"AY", "EY", 94, "light/late like/lake my/may"},
	{"AE", "AH", 91, "cat/cut cap/cup ran/run"},
	{"M", "N", 91, "might/night some/sun game/gain"},
	{"R", "D", 90, "rear/dear row/dough rare/dare"},
	{"EH", "AE", 89, "bed/bad men/man pen/pan"},
	{"EY", "AE", 85, "hate/hat cape/cap made/mad"},
	{"IY", "IH", 84, "seat/sit leave/live sheep/ship"},
	{"IH", "EY", 84, "bit/bait fill/fail will/whale"},
	{"P", "B", 84, "pig/big pear/bear cap/cab"},
	{"P", "F", 82, "pan/fan past/fast cheap/chief"},
	{"EH", "EY", 80, "let/late pen/pain tell/tail"},
	{"HH", "R", 76, "hat/rat hide/ride hope/rope"},
	{"K", "G", 76, "cold/gold back/bag class/glass"},
	{"L", "W", 75, "late/wait line/wine let/wet"},
	{"AE", "AA", 71, "hat/hot cap/cop black/block"},
	{"F", "HH", 71, "fat/hat fall/hall feel/heel"},
	{"AA", "AH", 71, "hot/hut cop/cup doll/dull"},
	{"R", "W", 70, "right/white rest/west ring/wing"},
	{"T", "CH", 70, "tip/chip two/chew cat/catch"},
	{"AY", "AE", 70, "bite/bat might/mat kite/cat"},
	{"OW", "UW", 69, "boat/boot show/shoe soap/soup"},
	{"S", "SH", 66, "see/she sell/shell same/shame"},
	{"D", "JH", 64, "dam/jam day/jay paid/page"},
	{"AA", "OW", 62, "not/note cop/cope rod/road"},
	{"S", "Z", 60, "price/prize ice/eyes sip/zip"},
	{"T", "TH", 57, "tree/three tin/thin boat/both"},
	{"CH", "SH", 53, "chip/ship watch/wash cheap/sheep"},
	{"N", "NG", 51, "thin/thing win/wing ran/rang"},
	{"ER", "AH", 48, "bird/bud hurt/hut girl/gull"},
	{"S", "TH", 47, "sink/think sick/thick mouse/mouth"},
	{"AA", "AO", 47, "cot/caught rot/wrought stock/stalk"},
	{"ER", "AA", 47, "shirt/shot curd/cod nerd/nod"},
	{"F", "V", 47, "fan/van leaf/leave safe/save"},
	{"AO", "OW", 40, "bought/boat law/low called/cold"},
	{"CH", "JH", 38, "cheap/jeep choke/joke rich/ridge"},
	{"B", "V", 36, "boat/vote best/vest berry/very"},
	{"Z", "JH", 35, "raise/rage zest/jest"},
	{"OW", "AW", 33, "no/now load/loud known/noun"},
	{"F", "TH", 32, "free/three first/thirst deaf/death"},
	{"Y", "JH", 27, "yet/jet yam/jam yolk/joke"},
	{"V", "W", 24, "vest/west vine/wine vow/wow"},
	{"ER", "AO", 24, "work/walk bird/board first/forced"},
	{"D", "DH", 23, "day/they dough/though den/then"},
	{"V", "DH", 14, "van/than vat/that vow/thou"},
	{"OY", "AO", 11, "boil/ball oil/all coil/call"},
	{"Z", "DH", 7, "zen/then close/clothe tease/teethe"},
	{"Z", "ZH", 7, "bays/beige composer/composure"},
	{"UH", "UW", 6, "full/fool pull/pool soot/suit"},
	{"AH", "UH", 6, "luck/look buck/book tuck/took"},
	{"TH", "DH", 3, "thigh/thy teeth/teethe bath/bathe"},
	{"SH", "ZH", 3, ""},
}

// Loads of what is in no pair: an unlisted substitution seldom makes another
// word; a dropped sound may (call and called, guy and guys).
const (
	loadOther       = 50 // a phone that is off, with nothing said about what was heard
	loadUnlisted    = 30
	loadGrammar     = 95 // final s, z, t, d: plural, third person, past
	loadFinal       = 75
	loadDropped     = 70
	loadStress      = 70
	loadWholeWord   = 80
	loadSkippedWord = 90
)

// load is the functional load of saying heard in the place of expected; final
// says that the phone is the last one of a word of several.
func load(expected, heard coach.Phoneme, final bool) int {
	if heard == coach.Missing {
		switch {
		case final && (expected == "S" || expected == "Z" || expected == "T" || expected == "D"):
			return loadGrammar
		case final:
			return loadFinal
		}
		return loadDropped
	}
	if heard == "" {
		return loadOther
	}
	for _, c := range contrasts {
		if c.a == expected && c.b == heard || c.a == heard && c.b == expected {
			return c.load
		}
	}
	return loadUnlisted
}

// minor reports another sound in the place of a th. International listeners
// seldom lose a word by it, so it is named after all else.
func minor(expected, heard coach.Phoneme) bool {
	return (expected == "TH" || expected == "DH") && heard != "" && heard != coach.Missing
}

// harmless reports the substitutions of th that make hardly any other word, so
// that a learner may be told so: s for th is none (sink for think).
func harmless(expected, heard coach.Phoneme) bool {
	switch expected {
	case "TH":
		return heard == "F" || heard == "T" || heard == "DH"
	case "DH":
		return heard == "V" || heard == "D" || heard == "Z" || heard == "TH"
	}
	return false
}
