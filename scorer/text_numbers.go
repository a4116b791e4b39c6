package scorer

import (
	"regexp"
	"strings"
)

// unit is the name of what is counted, in one or more words.
type unit struct{ one, many, other string } // other: what it may be called as well

func (u unit) readings(one bool) [][]string {
	var r readings
	if !one {
		r.add(strings.Fields(u.many)) // the singular is right as well: a five dollar bill
	}
	r.add(strings.Fields(u.one), strings.Fields(u.other))
	return r.list
}

// unitNames are the units that are written short, in lower case.
var unitNames = map[string]unit{
	"km": {"kilometer", "kilometers", "k"}, "m": {"meter", "meters", "m"}, "cm": {"centimeter", "centimeters", ""}, "mm": {"millimeter", "millimeters", ""},
	"kg": {"kilogram", "kilograms", "kilos"}, "g": {"gram", "grams", "g"}, "mg": {"milligram", "milligrams", ""}, "t": {"ton", "tons", "t"},
	"l": {"liter", "liters", "l"}, "ml": {"milliliter", "milliliters", "m l"}, "cl": {"centiliter", "centiliters", ""},
	"mph": {"mile per hour", "miles per hour", "miles an hour"}, "km/h": {"kilometer per hour", "kilometers per hour", "kilometers an hour"},
	"kmh": {"kilometer per hour", "kilometers per hour", "kilometers an hour"}, "kph": {"kilometer per hour", "kilometers per hour", "kilometers an hour"},
	"m/s": {"meter per second", "meters per second", "meters a second"},
	"ft":  {"foot", "feet", ""}, "in": {"inch", "inches", "in"}, "mi": {"mile", "miles", ""}, "yd": {"yard", "yards", ""}, "yds": {"yard", "yards", ""},
	"lb": {"pound", "pounds", ""}, "lbs": {"pound", "pounds", ""}, "oz": {"ounce", "ounces", ""},
	"h": {"hour", "hours", "h"}, "hr": {"hour", "hours", ""}, "hrs": {"hour", "hours", ""}, "min": {"minute", "minutes", "min"}, "mins": {"minute", "minutes", ""},
	"s": {"second", "seconds", "s"}, "sec": {"second", "seconds", ""}, "secs": {"second", "seconds", ""}, "ms": {"millisecond", "milliseconds", "m s"},
	"yr": {"year", "years", ""}, "yrs": {"year", "years", ""},
	"kb": {"kilobyte", "kilobytes", "k b"}, "mb": {"megabyte", "megabytes", "m b"}, "gb": {"gigabyte", "gigabytes", "g b"}, "tb": {"terabyte", "terabytes", "t b"},
	"mbps": {"megabit per second", "megabits per second", "m b p s"}, "gbps": {"gigabit per second", "gigabits per second", "g b p s"},
	"hz": {"hertz", "hertz", ""}, "khz": {"kilohertz", "kilohertz", ""}, "mhz": {"megahertz", "megahertz", ""}, "ghz": {"gigahertz", "gigahertz", ""},
	"w": {"watt", "watts", "w"}, "kw": {"kilowatt", "kilowatts", ""}, "mw": {"megawatt", "megawatts", ""}, "kwh": {"kilowatt hour", "kilowatt hours", ""}, "v": {"volt", "volts", "v"},
	"kcal": {"calorie", "calories", "kilocalories"}, "cal": {"calorie", "calories", ""}, "px": {"pixel", "pixels", ""}, "pt": {"point", "points", ""}, "pts": {"point", "points", ""},
	"°": {"degree", "degrees", ""}, "°c": {"degree celsius", "degrees celsius", "degrees"}, "°f": {"degree fahrenheit", "degrees fahrenheit", "degrees"},
	"m2": {"square meter", "square meters", ""}, "km2": {"square kilometer", "square kilometers", ""}, "m3": {"cubic meter", "cubic meters", ""}, "cm3": {"cubic centimeter", "cubic centimeters", ""},
	"ft2": {"square foot", "square feet", ""}, "am": {"ay m", "ay m", "am"}, "pm": {"p m", "p m", ""},
	"k": {"k", "k", "thousand"}, "bn": {"billion", "billion", ""}, "mn": {"million", "million", ""}, "b": {"b", "b", "billion"},
	"x": {"times", "times", "x"}, "%": {"percent", "percent", ""}, "p": {"p", "p", "pence"}, "°k": {"degree kelvin", "degrees kelvin", "kelvin"},
}

// ambiguousUnits are words or letters when a space parts them from the number.
const ambiguousUnits wordSet = "in s a l w v b k x p t"

var magnitudes = map[string][]string{
	"k": {"thousand"}, "m": {"million"}, "mn": {"million"}, "mm": {"million"}, "b": {"billion"}, "bn": {"billion"}, "tn": {"trillion"},
	"hundred": {"hundred"}, "thousand": {"thousand"}, "million": {"million"}, "billion": {"billion"}, "trillion": {"trillion"},
}

// money is a currency: its unit and the hundredth of it.
type money struct {
	unit
	cent unit
}

var currencies = map[rune]money{
	'$': {unit{"dollar", "dollars", ""}, unit{"cent", "cents", ""}}, '€': {unit{"euro", "euros", ""}, unit{"cent", "cents", ""}},
	'£': {unit{"pound", "pounds", ""}, unit{"penny", "pence", "p"}}, '¥': {unit{"yen", "yen", "yuan"}, unit{}},
	'₹': {unit{"rupee", "rupees", ""}, unit{"paisa", "paise", ""}}, '₩': {unit{"won", "won", ""}, unit{}},
	'₽': {unit{"ruble", "rubles", ""}, unit{"kopeck", "kopecks", ""}}, '¢': {unit{"cent", "cents", ""}, unit{}},
}

const amount = `(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?` // whole part and fraction; at least one of them is checked by its user

var (
	moneyBefore = regexp.MustCompile(`^(-)?(?:us|a|au|c|ca|hk|nz|s|sg)?([$£€¥₹₩₽])` + amount + `(k|mn|mm|m|bn|b|tn)?$`)
	moneyAfter  = regexp.MustCompile(`^(-)?` + amount + `([$£€¥₹₩₽¢])$`)
	clockTime   = regexp.MustCompile(`^(\d{1,2})(?:[:.]([0-5]\d))?(?::([0-5]\d))?(am|pm|a\.m|p\.m)?$`)
	ordinalForm = regexp.MustCompile(`^(\d{1,3}(?:,\d{3})+|\d{1,15})(?:st|nd|rd|th)$`)
	decade      = regexp.MustCompile(`^'?(\d\d|\d{4})'?s$`)
	fraction    = regexp.MustCompile(`^(?:(\d+)\+)?(\d+)/(\d+)$`)
	date        = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d\d)$`)
	isoDate     = regexp.MustCompile(`^(\d{4})[/.-](\d\d)[/.-](\d\d)$`)
	span        = regexp.MustCompile(`^(\d[\d,.:]*)-(\d[\d,.:]*)([a-z%°]+)?$`)
	phoneNumber = regexp.MustCompile(`^\+?\d+(?:-\d+){1,6}$|^\d{3}\.\d{3}\.\d{4}$|^\+\d{6,}$`)
	dimensions  = regexp.MustCompile(`^(\d{1,5})[x×](\d{1,5})$`)
	quantity    = regexp.MustCompile(`^([-+])?` + amount + `(\+|[a-z%°][a-z%°/23]*)?$`)
)

// numeric lists the readings of a chunk with digits in it, in lower case; nil
// where it is no number of any kind known.
func numeric(s string, before, after chunk) [][]string {
	for _, read := range []func(string, chunk, chunk) [][]string{
		readMoney, readOrdinal, readDecade, readDate, readFraction, readTime, readPhone, readSpan, readDimensions, readQuantity,
	} {
		if said := read(s, before, after); said != nil {
			return said
		}
	}
	return nil
}

func readMoney(s string, _, after chunk) [][]string {
	var sign, symbol, whole, cents, scale string
	if m := moneyBefore.FindStringSubmatch(s); m != nil {
		sign, symbol, whole, cents, scale = m[1], m[2], m[3], m[4], m[5]
	} else if m := moneyAfter.FindStringSubmatch(s); m != nil {
		sign, whole, cents, symbol = m[1], m[2], m[3], m[4]
	}
	if symbol == "" || whole+cents == "" {
		return nil
	}
	cur := currencies[[]rune(symbol)[0]]
	whole = strings.ReplaceAll(whole, ",", "")
	var minus [][]string
	if sign != "" {
		minus = [][]string{{"minus"}, {"negative"}}
	}
	_, scaled := magnitudes[strings.ToLower(after.plain)]
	switch {
	case scale != "":
		return joinEach(minus, amountReadings(whole, cents), [][]string{magnitudes[scale], {scale[:1]}}, [][]string{{cur.many}, {}})
	case scaled && len(after.plain) > 2:
		return joinEach(minus, amountReadings(whole, cents))
	case len(cents) != 2 || cur.cent.one == "":
		return joinEach(minus, amountReadings(whole, cents), cur.readings(whole == "1" && cents == ""))
	}
	var r readings
	wholes := joinEach(cardinalReadings(whole), cur.readings(isOne(whole)))
	parts := joinEach(cardinalReadings(cents), cur.cent.readings(isOne(strings.TrimPrefix(cents, "0"))))
	switch {
	case cents == "00":
		r.add(wholes...)
	case strings.Trim(whole, "0") == "":
		r.add(parts...)
	default:
		w, c := cardinal(whole, false), cardinal(cents, false)
		r.add(joinWords(wholes[0], c), joinWords(wholes[0], parts[0]), joinWords(wholes[0], []string{"and"}, parts[0]))
		if cents[0] == '0' {
			r.add(joinWords(w, []string{"oh"}, c))
		} else {
			r.add(joinWords(w, c))
		}
	}
	return joinEach(minus, r.list)
}

func readOrdinal(s string, before, after chunk) [][]string {
	m := ordinalForm.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	digits := strings.ReplaceAll(m[1], ",", "")
	if strings.Trim(digits, "0") == "" {
		return nil
	}
	var r readings
	plain := ordinal(cardinal(digits, false))
	r.add(plain)
	if isMonth(before) {
		r.add(joinWords([]string{"the"}, plain))
	}
	if isMonth(after) {
		r.add(joinWords(plain, []string{"of"}), joinWords([]string{"the"}, plain, []string{"of"}))
	}
	r.add(ordinal(cardinal(digits, true)))
	if len(digits) == 3 && digits[0] == '1' {
		rest := ordinal(cardinal(digits, true)[1:])
		r.add(joinWords([]string{"a"}, rest), rest) // the hundredth
	}
	return r.list
}

func readDecade(s string, _, _ chunk) [][]string {
	m := decade.FindStringSubmatch(s)
	if m == nil || m[1][len(m[1])-1] != '0' {
		return nil
	}
	var r readings
	if d := m[1]; len(d) == 2 {
		r.add(plural(cardinal(d, false)))
	} else {
		for _, y := range yearReadings(d) {
			r.add(plural(y))
		}
	}
	return r.list
}

func readDate(s string, _, _ chunk) [][]string {
	var year, first, second string
	if m := isoDate.FindStringSubmatch(s); m != nil {
		year, first, second = m[1], m[2], m[3]
	} else if m := date.FindStringSubmatch(s); m != nil {
		first, second, year = m[1], m[2], m[3]
	} else {
		return nil
	}
	years := numberReadings(year)
	if len(year) == 4 {
		years = yearReadings(year)
	}
	var r readings
	add := func(month, day string) {
		if m, d := atoi(month), atoi(day); 1 <= m && m <= 12 && 1 <= d && d <= 31 {
			name, nth := []string{monthNames[m-1]}, ordinal(cardinal(day, false))
			for _, y := range years[:min(2, len(years))] {
				r.add(joinWords(name, nth, y), joinWords([]string{"the"}, nth, []string{"of"}, name, y))
			}
		}
	}
	add(first, second)
	add(second, first)
	return r.list
}

func readFraction(s string, before, _ chunk) [][]string {
	m := fraction.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	said := fractionReadings(m[2], m[3])
	switch {
	case m[1] != "":
		return joinEach(cardinalReadings(m[1]), [][]string{{"and"}}, withArticle(said))
	case isWhole(before.plain):
		return joinEach([][]string{{"and"}}, withArticle(said))
	}
	return said
}

// withArticle puts "a half" before "one half": five and a half.
func withArticle(said [][]string) [][]string {
	if len(said) > 1 && said[1][0] == "a" {
		said[0], said[1] = said[1], said[0]
	}
	return said
}

func readTime(s string, _, _ chunk) [][]string {
	m := clockTime.FindStringSubmatch(s)
	if m == nil || m[4] == "" && !strings.Contains(s, ":") || atoi(m[1]) > 24 {
		return nil
	}
	hour, minute, second, half := m[1], m[2], m[3], m[4]
	h := cardinal(hour, false)
	var r readings
	switch {
	case minute == "":
		r.add(h)
	case second != "":
		r.add(joinWords(h, clockMinutes(minute), clockMinutes(second)))
		r.add(joinWords(h, cardinal(minute, false), cardinal(second, false)))
		r.add(joinWords(h, []string{"hours"}, cardinal(minute, false), []string{"minutes", "and"}, cardinal(second, false), []string{"seconds"}))
	case minute == "00":
		if half != "" {
			r.add(h)
		} else if atoi(hour) > 12 || atoi(hour) == 0 {
			r.add(joinWords(h, []string{"hundred"}))
		}
		r.add(joinWords(h, []string{"o'clock"}), h)
	default:
		r.add(joinWords(h, clockMinutes(minute)))
		if minute[0] == '0' {
			r.add(joinWords(h, cardinal(minute, false)), joinWords(h, []string{"zero"}, cardinal(minute, false)))
		}
		if n := atoi(hour); n > 0 && half == "" {
			next := cardinal(string([]byte{'0' + byte((n%12+1)/10), '0' + byte((n%12+1)%10)}), false)
			switch minute {
			case "30":
				r.add(joinWords([]string{"half", "past"}, h))
			case "15":
				r.add(joinWords([]string{"quarter", "past"}, h), joinWords([]string{"a", "quarter", "past"}, h))
			case "45":
				r.add(joinWords([]string{"quarter", "to"}, next), joinWords([]string{"a", "quarter", "to"}, next))
			}
		}
	}
	switch {
	case half == "":
		return r.list
	case half[0] == 'a':
		return joinEach(r.list, [][]string{{"ay", "m"}})
	}
	return joinEach(r.list, [][]string{{"p", "m"}})
}

// clockMinutes: three oh five, three thirty.
func clockMinutes(m string) []string {
	if m[0] == '0' {
		return oneByOne(m, "oh")
	}
	return cardinal(m, false)
}

// readPhone says digits one by one where their grouping tells that they are a
// number to dial.
func readPhone(s string, _, _ chunk) [][]string {
	digits := strings.Map(func(r rune) rune {
		if isDigit(r) {
			return r
		}
		return -1
	}, s)
	if !phoneNumber.MatchString(s) || len(digits) < 7 {
		return nil
	}
	var r readings
	for _, zero := range []string{"zero", "oh"} {
		said := oneByOne(digits, zero)
		if s[0] == '+' {
			r.add(joinWords([]string{"plus"}, said))
		}
		r.add(said)
	}
	return r.list
}

func readSpan(s string, before, after chunk) [][]string {
	m := span.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	from, to := numeric(m[1], chunk{}, chunk{}), numeric(m[2]+m[3], chunk{}, chunk{})
	if from == nil || to == nil {
		return nil
	}
	return joinEach(from[:min(2, len(from))], [][]string{{"to"}, {}}, to[:min(2, len(to))])
}

// readDimensions reads four by four.
func readDimensions(s string, _, _ chunk) [][]string {
	m := dimensions.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	return joinEach(cardinalReadings(m[1])[:1], [][]string{{"by"}, {"times"}, {"x"}}, cardinalReadings(m[2])[:1])
}

// readQuantity reads plain and signed numbers, and those with their unit
// directly behind them.
func readQuantity(s string, before, after chunk) [][]string {
	m := quantity.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return nil
	}
	sign, whole, rest, name := m[1], m[2], m[3], m[4]
	grouped := strings.Contains(whole, ",")
	whole = strings.ReplaceAll(whole, ",", "")
	var tail [][]string
	switch u, known := unitNames[name]; {
	case name == "+":
		tail = [][]string{{"plus"}}
	case known:
		tail = u.readings(whole == "1" && rest == "")
	case name != "":
		return nil
	}
	var said [][]string
	switch {
	case rest != "" || grouped || name != "":
		said = amountReadings(whole, rest)
	default:
		said = dayReadings(whole, before, after)
	}
	var head [][]string
	switch sign {
	case "-":
		head = [][]string{{"minus"}, {"negative"}}
	case "+":
		head = [][]string{{"plus"}}
	}
	return joinEach(head, said, tail)
}

// dayReadings reads a whole number, which beside a month is a day.
func dayReadings(whole string, before, after chunk) [][]string {
	said := numberReadings(whole)
	if len(whole) > 2 || atoi(whole) < 1 || atoi(whole) > 31 {
		return said
	}
	nth := ordinal(cardinal(whole, false))
	var r readings
	switch {
	case isMonth(before):
		r.add(nth, joinWords([]string{"the"}, nth))
	case isMonth(after):
		r.add(joinWords([]string{"the"}, nth, []string{"of"}), nth, joinWords(nth, []string{"of"}))
	}
	r.add(said...)
	return r.list
}

// amountReadings reads a quantity with or without a fractional part.
func amountReadings(whole, fraction string) [][]string {
	if fraction != "" {
		return decimalReadings(whole, fraction)
	}
	return cardinalReadings(whole)
}

var monthNames = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// isMonth reports whether a chunk names a month, capitalised as English wants
// ("may" is none).
func isMonth(c chunk) bool {
	if len(c.plain) < 3 || !isUpper(rune(c.plain[0])) {
		return false
	}
	lower := strings.ToLower(c.plain)
	for _, m := range monthNames {
		if lower == m || lower == m[:3] || lower == "sept" {
			return true
		}
	}
	return false
}

func endsInDigit(s string) bool { return s != "" && isDigit(rune(s[len(s)-1])) }

func isOne(s string) bool { return s == "1" }

// isWhole reports whether s is a whole number.
func isWhole(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isDigit(r) })
}

func startsWithMoney(s string) bool { return moneyBefore.MatchString(strings.ToLower(s)) }

// soleCurrency reads "5 €", where the sign is a token by itself.
func soleCurrency(c chunk) [][]string {
	for r, cur := range currencies {
		if c.plain == string(r) {
			return cur.readings(false)
		}
	}
	return nil
}

// moneyUnit is the unit of what startsWithMoney.
func moneyUnit(s string) unit {
	for _, r := range s {
		if c, ok := currencies[r]; ok {
			return c.unit
		}
	}
	return unit{}
}
