package prompts

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mynah-coach/mynah/coach"
)

// maxAlt is the most characters of a picture's text (coach.Picture.Alt).
const maxAlt = 1000

// Line words one claim by itself, for a picture or a list: “think” came through
// clearly. It is "" for a claim that has no words, or that the assessment does
// not bear out.
func Line(c coach.Claim, a coach.Assessment) string {
	if c.Word != nil && (*c.Word < 0 || *c.Word >= len(a.Words)) || c.Phone != nil && phoneAt(c, a) == nil {
		return ""
	}
	if p := phoneAt(c, a); p != nil {
		if _, ok := soundOf(*p); !ok {
			return ""
		}
	}
	w := wording{a: a}
	var options []string
	switch {
	case c.Kind == coach.ClaimStrength:
		options = w.strength(c)
	case c.Kind == coach.ClaimChange:
		options = w.change(c)
	case (c.Kind == coach.ClaimWord || c.Kind == coach.ClaimPause) && c.Word == nil, c.Kind == coach.ClaimPhone && c.Phone == nil:
	case IsFix(c):
		options = w.fix(c, 0)
	default:
		options = []string{c.Text}
	}
	if len(options) == 0 {
		return ""
	}
	return capital(options[0])
}

// Under is what a picture shows under the word of a fix: the phone and what was
// heard in its place, when that is sure.
func Under(c coach.Claim, a coach.Assessment) string {
	switch p := phoneAt(c, a); {
	case c.Kind == coach.ClaimPause:
		return "a pause after it"
	case p != nil:
		ipa := "/" + cut(p.IPA, 8) + "/"
		if s, ok := soundOf(*p); ok {
			ipa = "/" + s.IPA + "/"
		}
		if Unsure(c, a) {
			return ipa + " not sure"
		}
		if h := Heard(*p); h != "" {
			return ipa + " " + h
		}
		return ipa
	case c.Word == nil, c.Heard == coach.Missing:
		return ""
	case c.Aspect == coach.Stress:
		if at, _, ok := stressed(a.Words[*c.Word]); ok && ordinal(at) != "" {
			return "stress: " + ordinal(at) + " syllable"
		}
		return "stress"
	}
	return "the whole word"
}

// NoFix is what stands where fixes would: why there is none, where that is not
// plain, and what to do next.
func NoFix(a coach.Assessment, claims []coach.Claim) (why, next string) {
	for _, c := range claims {
		if c.Kind == coach.ClaimNext {
			next = c.Text
		}
	}
	unsure := 0
	for _, w := range a.Words {
		if w.Mark() == coach.MarkUnsure {
			unsure++
		}
	}
	switch {
	case unsure*2 > len(a.Words):
		why = "I'm not sure enough of this recording to correct anything."
	case next == "":
		why = "Nothing here stands out enough to correct."
	}
	return why, next
}

// ClearWords stands for clear words that a picture has no room for.
func ClearWords(n int) string { return "… " + count(n, "clear word") + " …" }

// MoreWords stands for those at the end of the sentence.
func MoreWords(n int) string { return "… and " + count(n, "more word") }

// CardAlt says the same as the picture of a reply, for who can't see it, in at
// most 1,000 characters: the marked sentence, the aspects, and the fixes. In a
// long sentence clear words are left out.
func CardAlt(a coach.Assessment, claims []coach.Claim) string {
	var tail strings.Builder
	tail.WriteString(" The whole sentence:")
	for i, aspect := range SentenceAspects() {
		if i > 0 {
			tail.WriteByte(',')
		}
		tail.WriteString(" " + string(aspect) + " " + Grade(a.Sentence.Of(aspect)))
	}
	tail.WriteByte('.')
	fixes := 0
	for i, c := range claims {
		if !IsFix(c) || Line(c, a) == "" {
			continue
		}
		fixes++
		fmt.Fprintf(&tail, " To work on, %d: %s", fixes, Line(c, a))
		if i+1 < len(claims) && claims[i+1].Kind == coach.ClaimCue {
			tail.WriteString(" " + claims[i+1].Text)
		}
	}
	if fixes == 0 {
		why, next := NoFix(a, claims)
		tail.WriteString(" " + strings.TrimSpace(why+" "+next))
	}
	var lead string
	for _, c := range claims {
		if c.Kind == coach.ClaimStrength || c.Kind == coach.ClaimChange {
			lead = Line(c, a) + " "
			break
		}
	}
	lead += "Word by word: "
	rest := cut(tail.String(), maxAlt-len([]rune(lead))-60)
	return lead + altWords(a, maxAlt-len([]rune(lead+rest))-1) + "." + rest
}

// altWords says each word's mark, leaving clear words out where there is no room
// for all.
func altWords(a coach.Assessment, room int) string {
	if len(a.Words) == 0 {
		return "no words"
	}
	for _, all := range []bool{true, false} {
		var parts []string
		clear := 0
		for _, w := range a.Words {
			m := w.Mark()
			if !all && m == coach.MarkClear {
				clear++
				continue
			}
			parts = append(parts, cut(visible(w.Text), maxQuoted)+" ("+string(m)+")")
		}
		if clear > 0 {
			parts = append(parts, count(clear, "other word")+" (clear)")
		}
		text := strings.Join(parts, ", ")
		if len([]rune(text)) <= room {
			return text
		}
		if !all {
			return cut(text, max(room, 1))
		}
	}
	return ""
}

// visible is a word without what is invisible or turns others around.
func visible(word string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cs, unicode.Co) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(word, ""))), " ")
}

// TrendAlt says the same as the picture of a trend, for who can't see it, in at
// most 1,000 characters.
func TrendAlt(t Trend) string {
	return cut(strings.Join(strings.Fields(coach.Answer{Sections: Progress(t)}.Text()), " "), maxAlt)
}
