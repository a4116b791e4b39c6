package discordtest

import (
	"regexp"
	"slices"
	"strings"
)

// Message is one as a person sees it.
type Message struct {
	ID, Channel string
	Author      *User
	Content     string // as it was sent
	Text        string // as it is read
	// Active is what Discord acts upon in it: formatting, mentions, links.
	Active  []string
	Private bool // nobody else sees it
	ReplyTo string
	Buttons []Component
	Menus   []Component
	Files   []SentFile
}

// SentFile is a file on a message.
type SentFile struct {
	Name, Type, Alt string
	Data            []byte
}

func (s *Server) show(m *message) Message {
	text, active := Render(m.content)
	v := Message{
		ID: m.id, Channel: m.channel, Author: m.author, Content: m.content, Text: text, Active: active,
		Private: m.for_ != "" || s.channels[m.channel].kind == kindDM, ReplyTo: m.replyTo,
	}
	for _, r := range m.components {
		for _, c := range r.in {
			if c.Type == button {
				v.Buttons = append(v.Buttons, c)
			} else {
				v.Menus = append(v.Menus, c)
			}
		}
	}
	for _, b := range m.attachments {
		v.Files = append(v.Files, SentFile{b.name, b.kind, b.alt, b.data})
	}
	return v
}

// See returns what a person sees in a channel, oldest first.
func (s *Server) See(u *User, channelID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channelID]
	if c == nil || c.kind == kindDM && c.people[0] != u.ID {
		return nil
	}
	var seen []Message
	for _, m := range c.messages {
		if m.gone || m.for_ != "" && m.for_ != u.ID || s.interactions[m.token] != nil && s.interactions[m.token].deferred {
			continue
		}
		seen = append(seen, s.show(m))
	}
	return seen
}

// Answers returns what the bot has written to a person's message and that they
// see: in its thread, in replies to it, and by direct message; oldest first.
func (s *Server) Answers(u *User, channelID, id string) []Message {
	all := s.See(u, id) // its thread has its identifier
	for _, m := range s.See(u, channelID) {
		if m.ReplyTo == id {
			all = append(all, m)
		}
	}
	for _, m := range s.See(u, s.DM(u)) {
		if strings.Contains(m.Content, "/"+id) {
			all = append(all, m)
		}
	}
	all = slices.DeleteFunc(all, func(m Message) bool { return m.Author.ID != s.BotID() })
	slices.SortFunc(all, func(a, b Message) int {
		if later(b.ID, a.ID) {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(all, func(a, b Message) bool { return a.ID == b.ID })
}

// Typing is how often the bot was seen typing in a channel.
func (s *Server) Typing(channelID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(channelID).typing
}

// What Discord acts upon, each where it is not escaped. Escapes were replaced by
// a rune of their own before this is looked for.
var activities = []struct {
	name string
	what *regexp.Regexp
}{
	{"mention", regexp.MustCompile(`@everyone|@here|<@[!&]?\d+>|<#\d+>|</[^:>]+:\d+>|<id:\w+>`)},
	{"emoji", regexp.MustCompile(`<a?:\w+:\d+>`)},
	{"time", regexp.MustCompile(`<t:-?\d+(:\w)?>`)},
	{"masked link", regexp.MustCompile(`\[[^\]\n]*\]\([^)\n]*\)`)},
	{"link", regexp.MustCompile(`\w+://[^\s<]+|(?:discord\.gg|discord\.com/invite)/\w+`)},
	{"code", regexp.MustCompile("`[^`]+`")},
	{"italics", regexp.MustCompile(`\*[^*\s](?:[^*]*[^*\s])?\*|\b_[^_]+_\b`)},
	{"underline", regexp.MustCompile(`(?s)__.+?__`)},
	{"strike", regexp.MustCompile(`(?s)~~.+?~~`)},
	{"spoiler", regexp.MustCompile(`(?s)\|\|.+?\|\|`)},
	{"quote", regexp.MustCompile(`(?m)^ *>(?:>>)? `)},
	{"heading", regexp.MustCompile(`(?m)^ *(?:#{1,3}|-#) `)},
	{"list", regexp.MustCompile(`(?m)^ *(?:[-*+]|\d+\.) `)},
	{"unseen", regexp.MustCompile(`[\x{200b}\x{200e}\x{200f}\x{2060}-\x{206f}\x{202a}-\x{202e}\x{feff}\x{e0000}-\x{e007f}\x00-\x08\x0b-\x1f\x7f]`)},
}

var bold = regexp.MustCompile(`(?s)\*\*.+?\*\*`)

// escapable is what a backslash keeps Discord from acting upon: anything but
// letters, digits and spaces.
var escapable = regexp.MustCompile(`(?s)\\([^0-9A-Za-z\s])`)

const firstPrivate rune = 0xF0000 // a plane that no text uses

// Render reads Discord's markup: what is read, and what is acted upon. The bot's
// own bold headings, a line each, and its links to messages count too; tests know
// which they expect.
func Render(content string) (text string, active []string) {
	hidden := escapable.ReplaceAllStringFunc(content, func(s string) string {
		r := []rune(s)[1]
		if r > 0xFFFF {
			return s
		}
		return string(firstPrivate + r)
	})
	for _, hit := range bold.FindAllString(hidden, -1) {
		active = append(active, "bold "+unhide(hit))
	}
	hidden = strings.ReplaceAll(hidden, "**", "")
	for _, a := range activities {
		for _, hit := range a.what.FindAllString(hidden, -1) {
			active = append(active, a.name+" "+unhide(hit))
		}
	}
	return unhide(hidden), active
}

func unhide(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= firstPrivate && r <= firstPrivate+0xFFFF {
			return r - firstPrivate
		}
		return r
	}, s)
}

// Tally counts the bot's answers by the message that they are below: in its
// thread, or in reply to it.
func (s *Server) Tally() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, c := range s.channels {
		for _, m := range c.messages {
			switch {
			case m.author != s.bot || m.gone:
			case m.replyTo != "":
				count[m.replyTo]++
			default:
				count[c.id]++
			}
		}
	}
	return count
}
