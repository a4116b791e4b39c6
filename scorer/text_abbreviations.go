package scorer

import "strings"

// short is what an abbreviation stands for.
type short struct {
	said string // the readings, '|' between them
	stop bool   // only with its full stop: "no." but not "no"
	word bool   // is a common word in lower case; with stop: "he sat."
}

// abbreviations in lower case, without the full stop at their end.
var abbreviations = map[string]short{
	"mr": {said: "mister"}, "mrs": {said: "missus"}, "ms": {said: "ms|miss"}, "messrs": {said: "messrs"},
	"dr": {said: "doctor|drive"}, "prof": {said: "professor|prof"}, "st": {said: "saint|street"},
	"jr": {said: "junior"}, "sr": {said: "senior"}, "etc": {said: "etcetera|et cetera"}, "vs": {said: "versus"}, "v": {said: "versus|v", stop: true},
	"e.g": {said: "e g|for example|for instance"}, "i.e": {said: "i e|that is"}, "eg": {said: "e g|for example"}, "ie": {said: "i e|that is"},
	"a.m": {said: "ay m"}, "p.m": {said: "p m"}, "a.k.a": {said: "ay k ay|also known as"}, "aka": {said: "ay k ay|also known as"},
	"approx": {said: "approximately"}, "dept": {said: "department"}, "govt": {said: "government"}, "est": {said: "established|estimated", stop: true},
	"inc": {said: "incorporated|ink", stop: true}, "ltd": {said: "limited"}, "corp": {said: "corporation", stop: true}, "co": {said: "company|co", stop: true},
	"bros": {said: "brothers", stop: true}, "assn": {said: "association"}, "univ": {said: "university", stop: true},
	"fig": {said: "figure", stop: true, word: true}, "vol": {said: "volume"}, "ch": {said: "chapter", stop: true}, "pp": {said: "pages", stop: true},
	"ave": {said: "avenue"}, "blvd": {said: "boulevard"}, "rd": {said: "road"}, "hwy": {said: "highway"}, "mt": {said: "mount"}, "apt": {said: "apartment", stop: true, word: true},
	"gen": {said: "general", stop: true}, "col": {said: "colonel", stop: true}, "sgt": {said: "sergeant"}, "capt": {said: "captain"}, "lt": {said: "lieutenant"}, "cpl": {said: "corporal"},
	"gov": {said: "governor", stop: true}, "sen": {said: "senator", stop: true}, "rep": {said: "representative", stop: true, word: true}, "rev": {said: "reverend", stop: true}, "hon": {said: "honorable", stop: true}, "pres": {said: "president", stop: true},
	"jan": {said: "january", stop: true, word: true}, "feb": {said: "february"}, "mar": {said: "march", stop: true}, "apr": {said: "april"},
	"jun": {said: "june", stop: true}, "jul": {said: "july", stop: true}, "aug": {said: "august", stop: true}, "sep": {said: "september", stop: true}, "sept": {said: "september"},
	"oct": {said: "october", stop: true}, "nov": {said: "november", stop: true}, "dec": {said: "december", stop: true},
	"mon": {said: "monday", stop: true}, "tue": {said: "tuesday"}, "tues": {said: "tuesday"}, "wed": {said: "wednesday", stop: true, word: true}, "thu": {said: "thursday"},
	"thur": {said: "thursday"}, "thurs": {said: "thursday"}, "fri": {said: "friday"}, "sat": {said: "saturday", stop: true, word: true}, "sun": {said: "sunday", stop: true, word: true},
	"asap": {said: "ay s ay p|asap|as soon as possible"}, "btw": {said: "by the way|b t w"}, "pls": {said: "please"}, "thx": {said: "thanks"},
	"ft": {said: "feet|foot|fort", stop: true}, "min": {said: "minutes|minute", stop: true}, "misc": {said: "miscellaneous"},
	"tel": {said: "telephone|tel", stop: true}, "ext": {said: "extension"}, "temp": {said: "temperature|temp", stop: true}, "intl": {said: "international"},
}

// abbreviation lists the readings of an abbreviation, nil where c is none.
func (r reader) abbreviation(lower string, c, before, after chunk) [][]string {
	if endsInDigit(before.plain) {
		if u, ok := unitNames[lower]; ok && (c.stop || !ambiguousUnits.has(lower)) {
			return u.readings(isOne(before.plain))
		}
	}
	if strings.TrimSuffix(lower, "s") == "no" && c.stop && after.plain != "" && isDigit(rune(after.plain[0])) {
		return [][]string{{"number"}, {"no"}} // "No. 5"
	}
	a, ok := abbreviations[lower]
	if !ok || a.stop && !c.stop {
		return nil
	}
	// Names of days, months and ranks are capitalised; "he sat." is none.
	if a.word && isLower(rune(c.plain[0])) {
		return nil
	}
	var said readings
	for phrase := range strings.SplitSeq(a.said, "|") {
		said.add(strings.Fields(phrase))
	}
	if a.stop {
		said.add([]string{lower}) // it may only be the sentence's end: "ask Max."
	}
	if n := len(said.list); r.capitals && a.word {
		said.list[0], said.list[n-1] = said.list[n-1], said.list[0]
	}
	// "Main St." and "Sunset Dr." name roads, "St. Ives" and "Dr. Wu" don't.
	if (lower == "st" || lower == "dr") && before.plain != "" && isUpper(rune(before.plain[0])) && (after.plain == "" || !isUpper(rune(after.plain[0]))) {
		said.list[0], said.list[1] = said.list[1], said.list[0]
	}
	return said.list
}
