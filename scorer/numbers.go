package scorer

import (
	"slices"
	"strings"
)

var (
	units = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
		"eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tens   = [...]string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
	scales = [...]string{"", "thousand", "million", "billion", "trillion"}

	irregularOrdinals = map[string]string{"one": "first", "two": "second", "three": "third", "five": "fifth",
		"eight": "eighth", "nine": "ninth", "twelve": "twelfth"}
)

// maxCardinal is the number of digits up to which numbers have a name here;
// longer ones are said digit by digit.
const maxCardinal = 15

// cardinal says a number of at most maxCardinal digits: "105" is one hundred
// five, with "and" (British) one hundred and five.
func cardinal(digits string, and bool) []string {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return []string{units[0]}
	}
	var words []string
	for scale := (len(digits) - 1) / 3; scale >= 0; scale-- {
		end := len(digits) - 3*scale
		group := atoi(digits[max(0, end-3):end])
		if group == 0 {
			continue
		}
		if and && scale == 0 && group < 100 && len(words) > 0 {
			words = append(words, "and")
		}
		words = append(words, below1000(group, and)...)
		if scale > 0 {
			words = append(words, scales[scale])
		}
	}
	return words
}

func below1000(n int, and bool) []string {
	var words []string
	if n >= 100 {
		words = append(words, units[n/100], "hundred")
		if n %= 100; n > 0 && and {
			words = append(words, "and")
		}
	}
	switch {
	case n >= 20:
		words = append(words, tens[n/10])
		if n%10 > 0 {
			words = append(words, units[n%10])
		}
	case n > 0:
		words = append(words, units[n])
	}
	return words
}

// ordinal turns the last word of a number into its ordinal.
func ordinal(words []string) []string {
	return changeLast(words, func(last string) string {
		if o, ok := irregularOrdinals[last]; ok {
			return o
		}
		if y, ok := strings.CutSuffix(last, "y"); ok {
			return y + "ieth"
		}
		return last + "th"
	})
}

// plural puts the last word of a reading in the plural: nineteen nineties.
func plural(words []string) []string {
	return changeLast(words, func(last string) string {
		switch {
		case strings.HasSuffix(last, "y"):
			return strings.TrimSuffix(last, "y") + "ies"
		case strings.HasSuffix(last, "x"):
			return last + "es"
		}
		return last + "s"
	})
}

func changeLast(words []string, change func(string) string) []string {
	out := append([]string(nil), words...)
	if len(out) > 0 {
		out[len(out)-1] = change(out[len(out)-1])
	}
	return out
}

// numberReadings lists how a whole number without separators can be said, the
// usual way first: 1999 as a year, 105 with and without "and", 007 digit by
// digit.
func numberReadings(digits string) [][]string {
	var r readings
	switch {
	case len(digits) > maxCardinal:
	case len(digits) > 1 && digits[0] == '0':
		r.add(oneByOne(digits, "oh"), oneByOne(digits, "zero"))
		if len(digits) == 3 && digits[1] == '0' {
			r.add([]string{"double", "oh", units[digits[2]-'0']})
		}
		r.add(cardinal(digits, false))
	case len(digits) == 4 && isYear(digits):
		r.add(yearReadings(digits)...)
		r.add(cardinal(digits, false), cardinal(digits, true))
	case len(digits) > 4 && !strings.HasSuffix(digits, "00"):
		// Without separators it is more likely a code than a quantity, but
		// both are heard.
		r.add(oneByOne(digits, "zero"), oneByOne(digits, "oh"), cardinal(digits, false), cardinal(digits, true))
	default:
		r.add(cardinalReadings(digits)...)
		if len(digits) == 4 {
			r.add(inPairs(digits)...)
		}
		if len(digits) == 3 {
			r.add(hundreds(digits)...)
		}
	}
	if len(digits) > 2 {
		r.add(oneByOne(digits, "zero"), oneByOne(digits, "oh"))
	}
	return r.list
}

// cardinalReadings lists how a quantity can be said.
func cardinalReadings(digits string) [][]string {
	if len(digits) > maxCardinal {
		return [][]string{oneByOne(digits, "zero"), oneByOne(digits, "oh")}
	}
	var r readings
	plain, and := cardinal(digits, false), cardinal(digits, true)
	r.add(plain, and)
	if len(plain) > 1 && plain[0] == units[1] && (plain[1] == "hundred" || plain[1] == "thousand" || plain[1] == "million") {
		for _, words := range [][]string{plain, and} {
			r.add(append([]string{"a"}, words[1:]...))
		}
	}
	return r.list
}

// isYear reports whether four digits are more likely a year than a quantity.
func isYear(d string) bool { return len(d) == 4 && d >= "1100" && d < "2100" && d[1:] != "000" }

// yearReadings lists how a four-digit year can be said.
func yearReadings(d string) [][]string {
	var r readings
	if d[:3] == "200" {
		r.add(cardinal(d, false), cardinal(d, true))
	}
	r.add(inPairs(d)...)
	if d[:2] == "20" {
		r.add(cardinal(d, false), cardinal(d, true))
	}
	return r.list
}

// inPairs says four digits as two numbers: nineteen ninety nine, nineteen oh
// five, nineteen hundred.
func inPairs(d string) [][]string {
	high, low := cardinal(d[:2], false), cardinal(d[2:], false)
	switch {
	case d[0] == '0' || d[1:] == "000":
		return nil
	case d[2:] == "00":
		return [][]string{joinWords(high, []string{"hundred"})}
	case d[2] == '0':
		said := [][]string{joinWords(high, []string{"oh"}, low)}
		if d[1] != '0' { // nineteen hundred and five, but not twenty hundred
			said = append(said, joinWords(high, []string{"hundred"}, low), joinWords(high, []string{"hundred", "and"}, low))
		}
		return said
	}
	return [][]string{joinWords(high, low)}
}

// hundreds says three digits as room numbers are said: three oh five, four
// fifty.
func hundreds(d string) [][]string {
	switch {
	case d[1:] == "00":
		return nil
	case d[1] == '0':
		return [][]string{{units[d[0]-'0'], "oh", units[d[2]-'0']}}
	}
	return [][]string{joinWords([]string{units[d[0]-'0']}, cardinal(d[1:], false))}
}

// oneByOne says each digit by itself.
func oneByOne(digits, zero string) []string {
	words := make([]string, 0, len(digits))
	for i := range len(digits) {
		if digits[i] == '0' {
			words = append(words, zero)
		} else {
			words = append(words, units[digits[i]-'0'])
		}
	}
	return words
}

// decimalReadings says a number with a fractional part ("3", "14"): three
// point one four. An empty whole part is zero or left out.
func decimalReadings(whole, fraction string) [][]string {
	var r readings
	var wholes [][]string
	switch strings.Trim(whole, "0") {
	case "":
		wholes = [][]string{{"zero"}, {}, {"oh"}, {"nought"}}
		if whole == "" {
			wholes[0], wholes[1] = wholes[1], wholes[0]
		}
	default:
		wholes = cardinalReadings(whole)
	}
	for _, w := range wholes {
		r.add(joinWords(w, []string{"point"}, oneByOne(fraction, "zero")))
	}
	r.add(joinWords(wholes[0], []string{"point"}, oneByOne(fraction, "oh")))
	if len(fraction) == 2 && fraction[0] != '0' {
		r.add(joinWords(wholes[0], []string{"point"}, cardinal(fraction, false)))
		if len(whole) < 3 && fraction < "60" {
			r.add(joinWords(wholes[0], cardinal(fraction, false))) // a time, as Britain writes it
		}
	}
	return r.list
}

// fractionReadings says a numerator over a denominator: one half, a half,
// three quarters, one over two.
func fractionReadings(num, den string) [][]string {
	if len(num) > 3 || len(den) > 4 || strings.Trim(den, "0") == "" {
		return joinEach(cardinalReadings(num), [][]string{{"over"}, {"slash"}}, cardinalReadings(den))
	}
	one := strings.TrimLeft(num, "0") == "1"
	var names [][]string
	switch strings.TrimLeft(den, "0") {
	case "1":
		return joinEach(cardinalReadings(num), [][]string{{"over"}, {"slash"}}, cardinalReadings(den))
	case "2":
		names = [][]string{{"half"}}
		if !one {
			names = [][]string{{"halves"}}
		}
	case "4":
		names = [][]string{{"quarter"}, {"fourth"}}
	default:
		names = [][]string{ordinal(cardinal(den, false))}
	}
	var r readings
	for _, name := range names {
		if !one && name[0] != "halves" {
			name = plural(name)
		}
		r.add(joinWords(cardinal(num, false), name))
		if one {
			r.add(joinWords([]string{"a"}, name))
		}
	}
	r.add(joinWords(cardinal(num, false), []string{"over"}, cardinal(den, false)))
	return r.list
}

// maxReadings bounds the alternatives of one token: each costs the alignment
// a path.
const maxReadings = 8

// readings collects different readings, in order, up to maxReadings.
type readings struct{ list [][]string }

func (r *readings) add(more ...[]string) {
	for _, words := range more {
		if len(words) > 0 {
			r.addPart(words)
		}
	}
}

// addPart is add for the part of a reading, which may be empty.
func (r *readings) addPart(words []string) {
	known := slices.ContainsFunc(r.list, func(k []string) bool { return slices.Equal(k, words) })
	if !known && len(r.list) < maxReadings {
		r.list = append(r.list, words)
	}
}

// joinWords concatenates word lists into a new one.
func joinWords(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// joinEach is joinWords for every combination of the parts' readings, up to
// maxReadings, the usual ones first.
func joinEach(parts ...[][]string) [][]string {
	combined := [][]string{{}}
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		// The first alternatives of each part combine first: a bounded list must
		// not spend itself on the last part's.
		var next readings
		for rank := 0; rank < len(combined)+len(part)-1; rank++ {
			for i := 0; i <= rank && i < len(combined); i++ {
				if j := rank - i; j < len(part) {
					next.addPart(joinWords(combined[i], part[j]))
				}
			}
		}
		combined = next.list
	}
	var whole readings
	whole.add(combined...)
	return whole.list
}

// atoi reads a short string of ASCII digits.
func atoi(digits string) int {
	n := 0
	for i := range len(digits) {
		n = 10*n + int(digits[i]-'0')
	}
	return n
}
