package slacktest

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
)

// Seen is what a person sees of a message, a modal or their App Home.
type Seen struct {
	Text    string // in the order of reading
	Title   string // of a modal
	Private bool   // nobody else sees it
	Buttons []string
	Choices []string // labels of menus
	Alts    []string
	Files   map[string][]byte
	// Active names what Slack would act upon: mentions, links under another text,
	// formatting, characters that hide or reorder others. Links into the workspace
	// are not among it.
	Active []string
	// Input is a form's field's label, "" where there is none.
	Input string

	message *Message
	view    *view
}

// show is something that was shown, in order.
type show struct {
	user    string // who alone sees it, "" for all of the channel
	message *Message
	view    *view
	answer  bool // to a response URL
}

func (s *Server) show(m *Message, user string) {
	s.shows = append(s.shows, show{user: user, message: m})
}

func (s *Server) showView(v *view) {
	s.shows = append(s.shows, show{user: v.user, view: v, answer: true})
}

// sees reports whether a person sees something that was shown.
func (u *User) sees(w show) bool {
	if w.view != nil {
		return w.view.user == u.ID
	}
	if w.message.deleted {
		return false
	}
	if w.message.only != "" {
		return w.message.only == u.ID
	}
	return w.message.Channel.members[u.ID]
}

// See returns what the bot said in a conversation that the person sees, oldest
// first: in a thread, or all where thread is "".
func (u *User) See(c *Channel, thread string) []Seen {
	u.w.s.mu.Lock()
	defer u.w.s.mu.Unlock()
	var seen []Seen
	for _, m := range c.messages {
		if m.User == "" && u.sees(show{message: m}) && (thread == "" || m.Root() == thread) {
			seen = append(seen, u.w.s.seen(m))
		}
	}
	return seen
}

// Home is the person's App Home, false where none was published.
func (u *User) Home() (Seen, bool) {
	u.w.s.mu.Lock()
	defer u.w.s.mu.Unlock()
	v := u.w.s.homes[u.ID]
	if v == nil {
		return Seen{}, false
	}
	return u.w.s.seenView(v), true
}

// Blocks are what the thing seen is made of, as it was sent.
func (s Seen) Blocks() json.RawMessage {
	if s.view != nil {
		return s.view.blocks
	}
	return s.message.Blocks
}

// TS is the message's time stamp, "" for a view.
func (s Seen) TS() string {
	if s.message == nil {
		return ""
	}
	return s.message.TS
}

// Message is the message that was seen, nil for a view.
func (s Seen) Message() *Message { return s.message }

func (s *Server) seen(m *Message) Seen {
	out := Seen{Private: m.only != "" || m.Channel.isDirect(), message: m, Files: map[string][]byte{}}
	if len(m.Blocks) > 0 {
		s.read(&out, m.Channel.w, m.Blocks)
		out.active(m.Text, false) // the notification's text
	} else if m.Text != "" {
		out.Text = html.UnescapeString(m.Text)
		out.active(m.Text, !m.plain)
	}
	for _, f := range m.Files {
		out.Files[f.Name] = f.Data
		if f.Alt != "" {
			out.Alts = append(out.Alts, f.Alt)
		}
	}
	out.hidden()
	return out
}

func (s *Server) seenView(v *view) Seen {
	out := Seen{Private: true, view: v, Title: v.title, Files: map[string][]byte{}}
	s.read(&out, v.w, v.blocks)
	out.hidden()
	return out
}

// read reads blocks from top to bottom.
func (s *Server) read(out *Seen, w *Workspace, raw json.RawMessage) {
	var lines []string
	blocks, _ := parse(raw).([]any)
	for _, v := range blocks {
		b, _ := v.(map[string]any)
		switch b["type"] {
		case "rich_text":
			lines = append(lines, out.rich(w, b))
		case "section", "header":
			lines = append(lines, out.object(b["text"]))
			if e, ok := b["accessory"].(map[string]any); ok {
				out.Choices = append(out.Choices, out.object(b["text"]))
				lines = append(lines, chosen(e))
			}
		case "input":
			out.Input = out.object(b["label"])
			lines = append(lines, out.Input)
		case "image":
			alt, _ := b["alt_text"].(string)
			out.Alts = append(out.Alts, alt)
		case "actions":
			elements, _ := b["elements"].([]any)
			for _, e := range elements {
				button, _ := e.(map[string]any)
				out.Buttons = append(out.Buttons, out.object(button["text"]))
			}
		}
	}
	out.Text = strings.Join(lines, "\n")
}

// chosen is the option that a menu shows.
func chosen(e map[string]any) string {
	o, _ := e["initial_option"].(map[string]any)
	text, _ := o["text"].(map[string]any)
	label, _ := text["text"].(string)
	return label
}

// object reads a text object.
func (s *Seen) object(v any) string {
	o, _ := v.(map[string]any)
	text, _ := o["text"].(string)
	if o["type"] == "mrkdwn" {
		s.active(text, true)
		return html.UnescapeString(text)
	}
	if emoji, _ := o["emoji"].(bool); emoji {
		if code := emojiCode.FindString(text); code != "" {
			s.Active = append(s.Active, "emoji "+code)
		}
	}
	return text
}

func (s *Seen) rich(w *Workspace, b map[string]any) string {
	var text strings.Builder
	walkInOrder(b["elements"], func(o map[string]any) {
		t, _ := o["text"].(string)
		switch o["type"] {
		case "text":
			text.WriteString(t)
		case "link":
			text.WriteString(t)
			if u, _ := o["url"].(string); !strings.HasPrefix(u, "https://"+w.Name+".slack.com/") {
				s.Active = append(s.Active, "link "+u)
			}
		case "user", "usergroup", "channel", "broadcast", "emoji", "date":
			s.Active = append(s.Active, fmt.Sprint(o["type"]))
		}
	})
	return text.String()
}

func walkInOrder(v any, visit func(o map[string]any)) {
	list, _ := v.([]any)
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			visit(o)
			walkInOrder(o["elements"], visit)
		}
	}
}

var (
	emojiCode = regexp.MustCompile(`:[a-z0-9_+-]+:`)
	brackets  = regexp.MustCompile(`<[^<>\s][^<>]*>`)
	markup    = regexp.MustCompile("(?m)(^|\\W)(\\*[^*\\n]+\\*|_[^_\\n]+_|~[^~\\n]+~|`[^`\\n]+`)(\\W|$)|```|^(>|&gt;)")
)

// active notes what Slack makes of a text with markup: what is between < and >
// always, the rest where formatting is on.
func (s *Seen) active(text string, formatted bool) {
	s.Active = append(s.Active, brackets.FindAllString(text, -1)...)
	if formatted {
		for _, m := range markup.FindAllString(text, -1) {
			s.Active = append(s.Active, "formatting "+m)
		}
	}
}

// hidden notes characters that hide or reorder others.
func (s *Seen) hidden() {
	for _, r := range s.Text {
		if r != '\n' && r != '\t' && r != '\u200d' && r != '\u200c' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)) {
			s.Active = append(s.Active, fmt.Sprintf("character %U", r))
		}
	}
}
