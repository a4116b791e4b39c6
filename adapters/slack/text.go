package slack

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean drops what is not text from a text: control characters, and the
// invisible ones that reorder, join or hide what is beside them.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\u200d' || r == '\u200c': // joiners that some scripts are written with
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == utf8.RuneError, r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// escape makes a text one that Slack shows as it is where it would read markup:
// a mention, a link, a date are made by the three characters alone.
func escape(text string) string {
	return escapes.Replace(clean(text))
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// shorten cuts a text to n characters, at the end of a sentence, else of a word.
func shorten(text string, n int) string {
	head, tail := split(text, n-1)
	if tail == "" {
		return head
	}
	return head + "…"
}

// split cuts a text in two, the first part at most n characters: after a line, a
// sentence, or a word, whichever leaves at least half of it.
func split(text string, n int) (head, tail string) {
	if utf8.RuneCountInString(text) <= n {
		return text, ""
	}
	cut := 0
	for i := range n {
		_, size := utf8.DecodeRuneInString(text[cut:])
		cut += size
		_ = i
	}
	for _, end := range []string{"\n", ". ", "! ", "? ", " "} {
		if i := strings.LastIndex(text[:cut], end); i >= cut/2 {
			return strings.TrimRight(text[:i+1], " \n"), strings.TrimLeft(text[i+1:], " \n")
		}
	}
	return text[:cut], text[cut:]
}

// angles are what Slack puts between < and > in a message's text.
var angles = regexp.MustCompile(`<([^<>]*)>`)

// said is what a colleague wrote with a clip, as they read it: without mentions,
// links as their own words, and unescaped.
func said(m message) string {
	if text := textOf(m.Blocks); text != "" {
		return tidy(text)
	}
	text := angles.ReplaceAllStringFunc(m.Text, func(token string) string {
		inner := token[1 : len(token)-1]
		target, label, labelled := strings.Cut(inner, "|")
		switch {
		case strings.HasPrefix(inner, "@"), strings.HasPrefix(inner, "!"), strings.HasPrefix(inner, "#"):
			return " "
		case labelled:
			return label
		}
		return target
	})
	return tidy(html.UnescapeString(text))
}

// tidy makes one line of a text.
func tidy(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// element is a part of a rich text block: what Slack's composer makes of what
// was typed. It says the words apart from their formatting.
type element struct {
	Type     string    `json:"type"`
	Text     any       `json:"text"` // a string where the type is text or link
	URL      string    `json:"url"`
	Elements []element `json:"elements"`
}

// textOf collects the words of rich text blocks; mentions and emoji are none.
func textOf(blocks []element) string {
	var b strings.Builder
	var walk func(e element)
	walk = func(e element) {
		text, _ := e.Text.(string)
		switch e.Type {
		case "text":
			b.WriteString(text)
		case "link":
			if text == "" {
				text = e.URL
			}
			b.WriteString(text)
		case "user", "usergroup", "channel", "broadcast", "emoji":
			b.WriteByte(' ')
		}
		for _, inner := range e.Elements {
			walk(inner)
		}
		if strings.HasPrefix(e.Type, "rich_text_") {
			b.WriteByte('\n')
		}
	}
	for _, e := range blocks {
		if e.Type == "rich_text" {
			walk(e)
		}
	}
	return b.String()
}
