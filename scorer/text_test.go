package scorer

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// reading is a token's text and all its readings, as one line of a golden file.
func (t Token) line() string {
	var said []string
	for _, words := range t.Spoken {
		said = append(said, strings.Join(words, " "))
	}
	return t.Text + " = " + strings.Join(said, " | ")
}

// TestTokenize compares every reading of the sentences in testdata/text.golden,
// where "> " begins a sentence and each line below it is one token.
// UPDATE_GOLDEN=1 writes the file anew.
func TestTokenize(t *testing.T) {
	const path = "testdata/text.golden"
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(golden)) {
		sentence, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		got.WriteString(line)
		tokens, err := Tokenize(strings.TrimSuffix(sentence, "\n"))
		if err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
		for _, tok := range tokens {
			got.WriteString(tok.line() + "\n")
		}
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(golden), got.String()); diff != "" {
		t.Errorf("readings differ (-golden +got):\n%s", diff)
	}
}

// TestTokenizeUsualReading states what must hold whatever else is accepted:
// the first reading of a sentence, and others that must be among the rest.
func TestTokenizeUsualReading(t *testing.T) {
	for _, tt := range []struct {
		name, text, usual string
		also              string // a reading of the last token
	}{
		{"contractions stay whole", "Don’t you think it's fine?", "don't you think it's fine", ""},
		{"cardinal with and without and", "It weighs 105", "it weighs one hundred five", "one hundred and five"},
		{"year of the last century", "since 1999", "since nineteen ninety nine", "one thousand nine hundred ninety nine"},
		{"year of this century", "in 2024", "in twenty twenty four", "two thousand and twenty four"},
		{"first years of this century", "in 2005", "in two thousand five", "twenty oh five"},
		{"round century", "in 1900", "in nineteen hundred", ""},
		{"decade", "the 1990s", "the nineteen nineties", ""},
		{"decade cut short", "the '90s", "the nineties", ""},
		{"ordinal", "the 21st", "the twenty first", ""},
		{"ordinal with a comma", "the 1,000th", "the one thousandth", ""},
		{"decimal", "3.14", "three point one four", "three point fourteen"},
		{"decimal without a whole part", ".5", "point five", "zero point five"},
		{"grouped thousands", "1,250", "one thousand two hundred fifty", "one thousand two hundred and fifty"},
		{"time", "at 3:30", "at three thirty", "half past three"},
		{"time with oh", "3:05", "three oh five", ""},
		{"full hour", "7:00", "seven o'clock", "seven"},
		{"time of day", "10:15 p.m.", "ten fifteen p m", ""},
		{"a quarter to one", "12:45", "twelve forty five", "quarter to one"},
		{"dollars", "$5", "five dollars", ""},
		{"one dollar", "$1", "one dollar", ""},
		{"dollars and cents", "$3.50", "three dollars fifty", "three dollars and fifty cents"},
		{"pounds", "£3.50", "three pounds fifty", "three fifty"},
		{"euro behind the number", "5€", "five euros", ""},
		{"currency sign apart", "it costs 5 €", "it costs five euros", ""},
		{"millions of dollars", "$5 million", "five million dollars", ""},
		{"percent", "50%", "fifty percent", ""},
		{"unit apart", "5 km", "five kilometers", ""},
		{"unit joined", "60mph", "sixty miles per hour", "sixty miles an hour"},
		{"unit that is a word", "5 in the morning", "five in the morning", ""},
		{"minutes", "in 5 min", "in five minutes", ""},
		{"morning without stops", "at 3 am", "at three ay m", ""},
		{"one of a unit", "1 kg", "one kilogram", ""},
		{"temperature", "20°C", "twenty degrees celsius", "twenty degrees"},
		{"fraction", "3/4", "three quarters", "three fourths"},
		{"half", "1/2", "one half", "a half"},
		{"mixed fraction", "2 1/2", "two and a half", ""},
		{"mixed fraction in one sign", "1½", "one and a half", ""},
		{"telephone number", "555-0199", "five five five zero one nine nine", "five five five oh one nine nine"},
		{"leading zeros", "007", "oh oh seven", "double oh seven"},
		{"range", "10–20", "ten to twenty", ""},
		{"day after its month", "May 5", "may fifth", "the fifth"},
		{"day before its month", "5 May", "the fifth of may", ""},
		{"ordinal day before its month", "5th May", "fifth may", ""},
		{"title", "Dr. Wu", "doctor wu", ""},
		{"road", "on Main St.", "on main street", "saint"},
		{"saint", "St. Paul", "saint paul", ""},
		{"Latin", "e.g. this, etc.", "e g this etcetera", "et cetera"},
		{"abbreviation that ends a sentence as a word", "he sat.", "he sat", ""},
		{"number sign", "No. 5", "number five", ""},
		{"initialism", "the BBC's CEO", "the b b c's c e o", ""},
		{"initialism with a plural", "two TVs", "two t v's", ""},
		{"acronym", "NATO", "nato", ""},
		{"no space after a full stop", "see me.Then go", "see me then go", ""},
		{"dotted initials", "the U.S. team", "the u s team", ""},
		{"doctorate", "a Ph.D. student", "a p h d student", ""},
		{"pronoun is no initialism", "I told US all about IT", "i told u s all about i t", "it"},
		{"sentence in capitals", "WE CALL IT BEAR", "we call it bear", ""},
		{"hyphens", "a well-known 20th-century 5-year-old", "a well known twentieth century five year old", ""},
		{"camel case", "YouTube", "you tube", "youtube"},
		{"Scottish name", "McDonald", "mcdonald", ""},
		{"letters and digits", "B2B MP3 H2O 5G", "b two b m p three h two o five g", ""},
		{"ampersand", "fish & chips at AT&T", "fish and chips at ay t and t", ""},
		{"address", "me@example.com", "me at example dot com", ""},
		{"hashtag", "#winning", "hashtag winning", "winning"},
		{"programming languages", "C++ and C#", "c plus plus and c sharp", ""},
		{"king", "Henry VIII", "henry the eighth", ""},
		{"war", "World War II", "world war two", "the second"},
		{"no Roman numeral", "I saw him", "i saw him", ""},
		{"accents", "naïve café Ångström", "naive cafe angstrom", ""},
		{"ligatures and full width", "ﬁne ＡＢＣ", "fine abc", ""},
		{"drawn-out letters", "sooooo good", "so good", ""},
		{"dropped g", "goin' home", "goin' home", ""},
		{"quotation marks are no apostrophes", "'quoted' words", "quoted words", ""},
		{"no space after a comma", "hello,world.Next", "hello world next", ""},
		{"dash between words", "yes—no – maybe--so", "yes no maybe so", ""},
		{"markdown", "**bold** _it_ `code`", "bold it code", ""},
		{"platforms' emoji and mentions", "hi :wave: <@U123> <a:dance:1234> there", "hi there", ""},
		{"emoji", "good 👍🏽 1️⃣ 🇺🇸 day", "good day", ""},
		{"invisible characters", "so\u00adft he\u200bllo \u202eyou\u202c\x00", "soft hello you", ""},
		{"a word in another script", "I like 寿司 a lot", "i like a lot", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tokens, err := Tokenize(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var usual []string
			for _, tok := range tokens {
				usual = append(usual, tok.Spoken[0]...)
			}
			if got := strings.Join(usual, " "); got != tt.usual {
				t.Errorf("said %q, want %q", got, tt.usual)
			}
			last := tokens[len(tokens)-1].Spoken
			if tt.also != "" && !slices.ContainsFunc(last, func(w []string) bool { return strings.Join(w, " ") == tt.also }) {
				t.Errorf("%q is not among the readings %q", tt.also, last)
			}
		})
	}
}

func TestTokenizeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", coach.ErrNoText},
		{"space", " \t\n", coach.ErrNoText},
		{"punctuation", "... !? —", coach.ErrNoText},
		{"emoji only", "👍🏽 :smile: 🇺🇸", coach.ErrNoText},
		{"control characters", "\x00\x1b\u200b", coach.ErrNoText},
		{"invalid UTF-8", "\xff\xfe", coach.ErrNoText},
		{"Chinese", "你好世界", coach.ErrUnsupportedText},
		{"Arabic", "مرحبا بالعالم", coach.ErrUnsupportedText},
		{"mostly Russian", "скажи hello ещё раз", coach.ErrUnsupportedText},
		{"a number among Chinese", "5 苹果", coach.ErrUnsupportedText},
		{"letters without an end", strings.Repeat("ab", 30), coach.ErrUnsupportedText},
		{"more characters than the limit", strings.Repeat("a ", MaxTextChars/2) + "ab", coach.ErrTextTooLong},
		{"5,000 characters", strings.Repeat("word ", 1000), coach.ErrTextTooLong},
		{"more words than the limit", strings.Repeat("a ", MaxTextWords+1), coach.ErrTextTooLong},
		{"numbers that take minutes to say", strings.Repeat("123456789012345 ", 21), coach.ErrTextTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tokens, err := Tokenize(tt.text); !errors.Is(err, tt.want) {
				t.Errorf("got %d tokens and %v, want %v", len(tokens), err, tt.want)
			}
		})
	}
	t.Run("but no text at its limits", func(t *testing.T) {
		if _, err := Tokenize(strings.TrimSpace(strings.Repeat("a ", MaxTextWords))); err != nil {
			t.Error(err)
		}
	})
}

var spokenWord = regexp.MustCompile(`^'?[a-z][a-z']*$`)

func FuzzTokenize(f *testing.F) {
	for _, seed := range []string{
		"“Don’t worry,” she said—it’s O'Brien's café…", "$5.05 £3 €20,50 -$5 5€ $5 million", "3:30pm 12:45 99:99 1:2:3",
		"1½ 2-1/2 0/0 1/0 10–20% 1e5 1,23,4", "U.S.A. e.g. a.m. J.K. No. 5", "#5 @me a@b.c C++ C# &&& ++ == 4x4 ×÷°",
		"你好 hello 1️⃣ 👍🏽 \u202e\u200b\x00", "AT&T R&B WWII World War II '90s 'tis rock 'n' roll", "00000000000000000000 999999999999999999999",
		"x²  ㎏ ℃ ⅞ ﷺ ǅ ŉ ª", "--a-- -.5 .a. a..b a.b.c.d /// 1/2/3/4", "'s 's's s's I'd've 'em''", "°c 20 ° %% 5%5% a=b=c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := Tokenize(text)
		if err != nil {
			if coach.ReasonOf(err) == "" || tokens != nil {
				t.Fatalf("%v with %d tokens: not a learner's error", err, len(tokens))
			}
			return
		}
		rest := cleanText(text)
		spoken := 0
		for _, tok := range tokens {
			_, after, found := strings.Cut(rest, tok.Text)
			if !found {
				t.Fatalf("%q is not in what is left of the sentence, %q", tok.Text, rest)
			}
			rest = after
			if strings.ContainsFunc(tok.Text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) {
				t.Errorf("%q shows what it should not", tok.Text)
			}
			if len(tok.Spoken) == 0 || len(tok.Spoken) > maxReadings {
				t.Errorf("%q has %d readings", tok.Text, len(tok.Spoken))
			}
			for _, words := range tok.Spoken {
				if len(words) == 0 {
					t.Errorf("%q has an empty reading", tok.Text)
				}
				for _, w := range words {
					if !spokenWord.MatchString(w) {
						t.Errorf("%q is said %q", tok.Text, w)
					}
				}
			}
			spoken += len(tok.Spoken[0])
		}
		if len(tokens) == 0 || len(tokens) > MaxTextWords || spoken > MaxSpokenWords {
			t.Errorf("%d tokens, %d spoken words", len(tokens), spoken)
		}
	})
}
