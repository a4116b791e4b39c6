package discord

import (
	"path"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

const (
	maxRows      = 5 // of components in a message
	maxInRow     = 5 // buttons
	maxOptions   = 25
	maxFiles     = 10
	maxFileBytes = 9 << 20 // all of them together; Discord's limit is 10 MiB for each
)

// say is a message of a text alone. Discord takes the spaces around it away, and
// what was sent must be what is found again.
func say(text string) outgoing {
	shown, _ := fit(text, maxContent)
	return outgoing{
		Content:         strings.TrimSpace(escape(shown)),
		AllowedMentions: noMentions(),
		Components:      []component{},
		Attachments:     []attachment{},
		Flags:           flagSuppressEmbeds,
	}
}

// attach adds a file, with the text for who can't see it; false where Discord
// has no room for it.
func (o *outgoing) attach(name, kind string, data []byte, alt string) bool {
	if len(o.files) == maxFiles || o.bytes()+len(data) > maxFileBytes {
		return false
	}
	o.Attachments = append(o.Attachments, attachment{ID: len(o.files), Filename: name, Description: cut(visible(alt), maxAlt)})
	o.files = append(o.files, upload{name: name, contentType: kind, data: data})
	return true
}

// message is a reply as it is posted.
func (d *Discord) message(r coach.Reply) outgoing {
	o := say(r.Text)
	o.Components = d.buttons(asksAction, r.Buttons)
	if d.card == nil || r.Kind != coach.ReplyCoaching || r.Assessment == nil {
		return o
	}
	picture, err := d.card(r)
	switch {
	case err != nil: // the text alone suffices
		d.log.Error("the card was not drawn", "note", r.Note, "error", err)
	case picture != nil && len(picture.PNG) > 0:
		o.attach("mynah.png", "image/png", picture.PNG, picture.Alt)
	}
	return o
}

// buttons lays buttons out in rows; those that Discord has no room for are left
// out.
func (d *Discord) buttons(form string, buttons []coach.Button) []component {
	rows := []component{}
	for _, b := range buttons {
		c, ok := d.button(form, b)
		if !ok {
			continue
		}
		if n := len(rows); n == 0 || len(rows[n-1].Components) == maxInRow {
			if n == maxRows {
				break
			}
			rows = append(rows, component{Type: componentRow})
		}
		last := &rows[len(rows)-1]
		last.Components = append(last.Components, c)
	}
	return rows
}

func (d *Discord) button(form string, b coach.Button) (component, bool) {
	id, err := asked{form: form, action: b.Action, note: b.Note, name: b.Name, value: b.Value}.customID()
	if err != nil {
		d.log.Error("a button is left out", "action", b.Action, "error", err)
		return component{}, false
	}
	style := buttonSecondary
	switch b.Style {
	case coach.StylePrimary:
		style = buttonPrimary
	case coach.StyleDanger:
		style = buttonDanger
	}
	return component{Type: componentButton, Style: style, Label: label(b.Label, 80), CustomID: id}, true
}

// menu is a choice as a menu in a row of its own.
func (d *Discord) menu(c coach.Choice) (component, bool) {
	id, err := asked{form: asksChoice, action: c.Action, name: c.Name}.customID()
	if err != nil || (!c.Channels && len(c.Options) == 0) {
		d.log.Error("a choice is left out", "action", c.Action, "name", c.Name, "error", err)
		return component{}, false
	}
	m := component{CustomID: id, Placeholder: label(c.Label, 150), MaxValues: 1}
	if c.Channels {
		none := 0
		m.Type, m.MinValues, m.MaxValues = componentChannels, &none, maxOptions
		m.ChannelTypes = []int{channelText, channelVoice, channelAnnouncement, threadPublic, threadPrivate, channelStage}
		for id := range strings.SplitSeq(c.Value, ",") {
			if isSnowflake(id) && len(m.Defaults) < maxOptions {
				m.Defaults = append(m.Defaults, pick{ID: id, Type: "channel"})
			}
		}
	} else {
		m.Type = componentSelect
		for _, o := range c.Options[:min(len(c.Options), maxOptions)] {
			// A closed menu shows what is chosen alone, so that says of what.
			m.Options = append(m.Options, option{
				Label: label(c.Label+": "+o.Label, 100), Value: o.Value, Default: o.Value == c.Value,
			})
		}
	}
	return component{Type: componentRow, Components: []component{m}}, true
}

// pieces are the parts of an answer's text, as it is posted: formatted by us and
// otherwise escaped, each short enough for a message; as many as are shown, and
// more where there is more.
func pieces(a coach.Answer) []string {
	var all []string
	size := 0
	for _, s := range a.Sections {
		head := ""
		if h := label(s.Heading, 200); s.Heading != "" {
			head = "**" + escape(h) + "**"
		}
		for rest := s.Text; (rest != "" || head != "") && size <= maxTexts*maxContent; {
			var shown string
			room := maxContent - length(head) - 1
			if shown, rest = fit(rest, room); head != "" {
				all = append(all, head+"\n"+escape(shown))
				head = ""
			} else {
				all = append(all, escape(shown))
			}
			size += length(all[len(all)-1])
		}
	}
	return all
}

// maxTexts is how many messages of text one answer may be: whoever installed us
// for themselves may be sent five in all.
const maxTexts = 3

// bytes is the size of a message's files.
func (o *outgoing) bytes() (n int) {
	for _, f := range o.files {
		n += len(f.data)
	}
	return n
}

// answer is a desk's answer as the messages that show it: one, if Discord's
// limits allow. The first is complete as far as it goes; components and files
// are on the last of the texts.
func (d *Discord) answer(a coach.Answer) []outgoing {
	texts := []string{""}
	for _, p := range pieces(a) {
		last := &texts[len(texts)-1]
		switch {
		case *last == "":
			*last = p
		case length(*last)+2+length(p) <= maxContent:
			*last += "\n\n" + p
		default:
			texts = append(texts, p)
		}
	}
	var whole string
	if len(texts) > maxTexts { // the rest is in a file
		whole = a.Text()
		texts = texts[:1]
	}
	var messages []outgoing
	for _, text := range texts {
		m := say("")
		m.Content = strings.TrimSpace(text)
		messages = append(messages, m)
	}
	last := &messages[len(messages)-1]
	if whole != "" {
		last.attach("all.txt", "text/plain; charset=utf-8", []byte(whole), "")
	}
	if a.Picture != nil && len(a.Picture.PNG) > 0 {
		last.attach("picture.png", "image/png", a.Picture.PNG, a.Picture.Alt)
	}
	leftOut := false
	for _, f := range a.Files {
		if !last.attach(fileName(f.Name), f.ContentType, f.Data, "") {
			d.log.Error("a file is too large for Discord", "bytes", len(f.Data))
			leftOut = true
		}
	}
	if leftOut {
		messages = append(messages, say(wordsTooLarge))
	}
	rows := []component{}
	for _, c := range a.Choices {
		if m, ok := d.menu(c); ok {
			rows = append(rows, m)
		}
	}
	rows = append(rows, d.buttons(asksInPlace, a.Buttons)...)
	for len(rows) > 0 {
		n := min(maxRows, len(rows))
		messages[len(messages)-1].Components, rows = rows[:n], rows[n:]
		if len(rows) > 0 {
			messages = append(messages, say("…"))
		}
	}
	if len(messages) == 1 && messages[0].Content == "" && len(messages[0].files) == 0 {
		messages[0].Content = "…"
	}
	return messages
}

// fileName is a name that Discord takes and shows as it is.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, path.Base(name))
	if strings.Trim(name, "._") == "" {
		return "file"
	}
	return name
}

// form is a form as a modal.
func (d *Discord) form(f coach.Form) (modal, error) {
	id, err := asked{form: asksText, action: f.Action, note: f.Note, name: f.Name}.customID()
	if err != nil {
		return modal{}, err
	}
	style, required := textShort, true
	if f.MaxLength > 100 {
		style = textParagraph
	}
	input := component{
		Type: componentText, CustomID: "text", Style: style, Label: label(f.Label, 45),
		MinLength: 1, MaxLength: min(max(f.MaxLength, 1), 4000), Required: &required,
	}
	if f.Placeholder != "" {
		input.Placeholder = label(f.Placeholder, 100)
	}
	return modal{CustomID: id, Title: label(f.Title, 45), Components: []component{{Type: componentRow, Components: []component{input}}}}, nil
}
