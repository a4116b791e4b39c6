package discord

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// Discord's limits on a message.
// https://docs.discord.com/developers/resources/message#create-message
const (
	maxContent = 2000
	maxAlt     = 1024
)

// escape makes text that Discord shows as it is written: nothing in it formats,
// mentions, links or hides. What can't be seen, and what turns the direction of
// writing, is left out.
func escape(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(visible(text), "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		escapeLine(&b, line)
	}
	return b.String()
}

func escapeLine(b *strings.Builder, line string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	start := true // of a line, a mark means a heading, a list, a quotation, small print
	for i, r := range line {
		switch r {
		case '\\', '*', '_', '~', '`', '|', '<', '>', '[', ']', '(', ')', '@', '#':
			b.WriteByte('\\')
		case ':':
			if strings.HasPrefix(line[i:], "://") {
				b.WriteByte('\\')
			}
		case '-', '+':
			if start {
				b.WriteByte('\\')
			}
		case '.':
			// "1." makes a list; "discord.gg/x" invites.
			if isNumber(line[indent:i]) || strings.HasPrefix(line[i:], ".gg/") {
				b.WriteByte('\\')
			}
		}
		if i >= indent {
			start = false
		}
		b.WriteRune(r)
	}
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// visible drops what can't be seen: controls, marks that are of no width or turn
// the direction of writing, tags.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\u200c' || r == '\u200d': // some scripts and emoji need these between letters
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return -1
		case r == '\u034f' || r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u2800':
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD"))
}

// length is a text's in the units that Discord's limit is safe in.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// fit cuts what can be seen of a plain text so that what escaping makes of it is at most limit long:
// at the end of a line or sentence if there is one in its last half, else
// between words.
func fit(text string, limit int) (shown, rest string) {
	runes := []rune(visible(text))
	// What is seen takes at least its own room.
	if len(runes) <= limit && length(escape(string(runes))) <= limit {
		return string(runes), ""
	}
	lo, hi := 0, min(limit, len(runes))
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if length(escape(string(runes[:mid]))) <= limit-2 {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	cut, more := lo, "…"
	for _, ends := range []func(i int) bool{
		func(i int) bool { return runes[i-1] == '\n' },
		func(i int) bool {
			return strings.ContainsRune(".!?", runes[i-1]) && (i == len(runes) || unicode.IsSpace(runes[i]))
		},
		func(i int) bool { return unicode.IsSpace(runes[i-1]) },
	} {
		i := lo
		for i > lo/2 && !ends(i) {
			i--
		}
		if i > lo/2 {
			cut = i
			break
		}
	}
	shown = strings.TrimRightFunc(string(runes[:cut]), unicode.IsSpace)
	return shown + " " + more, strings.TrimLeftFunc(string(runes[cut:]), unicode.IsSpace)
}

// cut shortens a text that is not escaped to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// label is one line of text in a component, where nothing is acted upon.
func label(s string, n int) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	if s == "" {
		s = "…"
	}
	return cut(s, n)
}
