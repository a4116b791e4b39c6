package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// audioOf finds the recording in a message: the attachment of a voice message,
// else the first audio file. What a file is called is the sender's claim; it is
// believed as far as looking at it.
func audioOf(m message) (a attached, voice, ok bool) {
	voice = m.Flags&flagVoice != 0
	for _, a := range m.Attachments {
		if voice || isAudio(a) {
			return a, voice, isSnowflake(a.ID)
		}
	}
	return attached{}, voice, false
}

func isAudio(a attached) bool {
	if kind, _, _ := strings.Cut(a.ContentType, "/"); a.ContentType != "" {
		return strings.EqualFold(kind, "audio") || strings.EqualFold(a.ContentType, "application/ogg")
	}
	switch strings.ToLower(path.Ext(a.Filename)) {
	case ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".wav", ".flac", ".aac":
		return true
	}
	return false
}

// fromPerson tells whether a person wrote the message.
func fromPerson(m message) bool {
	return m.Author != nil && isSnowflake(m.Author.ID) && !m.Author.Bot && m.WebhookID == "" &&
		isSnowflake(m.ID) && isSnowflake(m.ChannelID) &&
		(m.Type == messageDefault || m.Type == messageReply)
}

// arrive takes a message in, if it is a voice note for us. It returns nil once
// that is settled: the note is durable, or its learner was told to come back, or
// it was none.
func (d *Discord) arrive(ctx context.Context, in coach.Inbox, gone *departed, m message) error {
	audio, voice, ok := audioOf(m)
	if !ok || !fromPerson(m) || gone.has(m.ID) {
		return nil
	}
	at, allowed, named, err := d.place(ctx, m)
	if err != nil || !allowed {
		return err
	}
	id, learner := messageNote(m.ID), learnerID(m.Author.ID)
	if known, err := d.accepted(ctx, id); err != nil || known {
		return err
	}
	text, err := d.sentence(ctx, learner, at, m)
	if err != nil {
		return err
	}
	// Where no channel was named, a file of sound may be anything: people share
	// music. It is a voice note when we know what it was to be.
	if !voice && !named && at.kind != inDM && text == "" {
		return nil
	}
	if text == "" && !voice {
		text = plain(m.Content)
	}
	n := coach.VoiceNote{
		ID: id, Platform: coach.Discord, Thread: at.id(), Learner: learner, Place: placeID(at.guild), Text: text,
		Audio: coach.Attachment{
			Ref:  recording{Channel: m.ChannelID, Message: m.ID, File: audio.ID, URL: audio.URL}.ref(),
			Name: audio.Filename, ContentType: audio.ContentType, Size: audio.Size,
		},
		Received: time.Now(),
	}
	err = in.Accept(ctx, n)
	if busy := (*coach.Busy)(nil); errors.As(err, &busy) {
		return d.tellBusy(ctx, at, n, err)
	}
	if err != nil {
		return fmt.Errorf("discord: accept: %w", err)
	}
	if err := d.shelf.Put(ctx, noteKey(id), []byte("{}")); err != nil {
		return fmt.Errorf("discord: note: %w", err)
	}
	// A deletion that did not find the note on the shelf has left its mark before.
	if gone.has(m.ID) {
		return d.withdraw(ctx, id)
	}
	return nil
}

func noteKey(id coach.NoteID) string { return "note." + string(id) }

// accepted tells whether the note is known to be in.
func (d *Discord) accepted(ctx context.Context, id coach.NoteID) (bool, error) {
	_, found, err := d.shelf.Get(ctx, noteKey(id))
	if err != nil {
		return false, fmt.Errorf("discord: note: %w", err)
	}
	return found, nil
}

func (d *Discord) withdraw(ctx context.Context, id coach.NoteID) error {
	if err := d.desk.Withdraw(ctx, id); err != nil {
		return fmt.Errorf("discord: withdraw: %w", err)
	}
	return nil
}

// place finds where a message was written, whether notes are taken there, and
// whether the owner named that channel.
func (d *Discord) place(ctx context.Context, m message) (at where, allowed, named bool, err error) {
	at = where{kind: inDM, channel: m.ChannelID}
	if m.GuildID == "" {
		return at, true, false, nil
	}
	rules, err := d.desk.Rules(ctx, placeID(m.GuildID))
	if err != nil {
		return at, false, false, fmt.Errorf("discord: rules: %w", err)
	}
	c, err := d.channelOf(ctx, m.ChannelID)
	if isRefusal(err) {
		return at, false, false, nil // gone, or not for us to see any more
	}
	if err != nil {
		return at, false, false, err
	}
	at = where{kind: inChannel, guild: m.GuildID, channel: m.ChannelID}
	if c.isThread() {
		at.kind = inThread
	}
	allowed, named = listens(rules, c)
	return at, allowed, named, nil
}

// listens tells whether notes are taken in a channel, and whether it is named.
func listens(rules coach.Rules, c channel) (allowed, named bool) {
	named = slices.Contains(rules.Channels, c.ID) || c.isThread() && slices.Contains(rules.Channels, c.ParentID)
	return named || len(rules.Channels) == 0, named
}

// sentence finds what was meant to be read: the learner's open prompt, what the
// note replies to, what its thread is about. "" where none of them is there.
func (d *Discord) sentence(ctx context.Context, learner coach.LearnerID, at where, m message) (string, error) {
	text, err := d.desk.Prompt(ctx, learner)
	if err != nil {
		return "", fmt.Errorf("discord: prompt: %w", err)
	}
	if text == "" && m.Reference != nil && m.Reference.Type == 0 {
		if text, err = d.about(ctx, m.Reference.MessageID); err != nil {
			return "", err
		}
		if r := m.Referenced; text == "" && r != nil && r.Author != nil && !r.Author.Bot {
			text = plain(r.Content)
		}
	}
	if text == "" && at.kind == inThread {
		// A thread on a message has that message's identifier.
		if text, err = d.about(ctx, at.channel); err != nil {
			return "", err
		}
	}
	return text, nil
}

func promptKey(message string) string { return "prompt." + message }

// about returns the sentence that a message is known to be about.
func (d *Discord) about(ctx context.Context, message string) (string, error) {
	if !isSnowflake(message) {
		return "", nil
	}
	b, found, err := d.shelf.Get(ctx, promptKey(message))
	if err != nil {
		return "", fmt.Errorf("discord: prompt: %w", err)
	}
	var p prompt
	if found {
		if err := json.Unmarshal(b, &p); err != nil {
			return "", fmt.Errorf("discord: prompt: %w", err)
		}
	}
	return p.Sentence, nil
}

// prompt is what the shelf says of a message that a sentence is known of.
type prompt struct {
	Sentence string          `json:"sentence"`
	Learner  coach.LearnerID `json:"learner"` // who read it, or asked for it
}

// tellAbout remembers what messages are about.
func (d *Discord) tellAbout(ctx context.Context, p prompt, messages ...string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("discord: prompt: %w", err)
	}
	for _, m := range messages {
		if p.Sentence == "" || !isSnowflake(m) {
			continue
		}
		if err := d.shelf.Put(ctx, promptKey(m), b); err != nil {
			return fmt.Errorf("discord: prompt: %w", err)
		}
	}
	return nil
}

// forget drops the sentences that a learner read. The rest of what is on our
// shelf is of messages, and says nothing of what was in them.
func (d *Discord) forget(ctx context.Context, learner coach.LearnerID) error {
	all, err := d.shelf.List(ctx, promptKey(""))
	if err != nil {
		return fmt.Errorf("discord: forget: %w", err)
	}
	for key, b := range all {
		var p prompt
		if json.Unmarshal(b, &p) == nil && p.Learner != learner {
			continue
		}
		if err := d.shelf.Delete(ctx, key); err != nil {
			return fmt.Errorf("discord: forget: %w", err)
		}
	}
	return nil
}

// Discord's own notation in a message: mentions, emoji of a server, times; and
// what only formats.
var (
	notation = regexp.MustCompile(`<(?:@[!&]?|#|a?:\w+:|t:)[\w:-]*>`)
	quoting  = regexp.MustCompile(`(?m)^(?:>>>|>|#{1,3}|-#|[-*]) `)
	marking  = regexp.MustCompile("[*_~`|]{2,}|`")
)

// plain is a person's text as it is read, without Discord's notation.
func plain(content string) string {
	s := notation.ReplaceAllString(content, " ")
	s = quoting.ReplaceAllString(s, "")
	s = marking.ReplaceAllString(s, "")
	return strings.Join(strings.Fields(s), " ")
}

// places is a bounded memory of what was looked up on Discord, by identifier.
type places struct {
	mu sync.Mutex
	of map[string]channel
}

const maxPlaces = 2_000

func (p *places) get(id string) (channel, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.of[id]
	return c, ok
}

func (p *places) put(id string, c channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil || len(p.of) >= maxPlaces { // now and then, all of it is looked up again
		p.of = map[string]channel{}
	}
	p.of[id] = c
}

func (p *places) drop(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, id)
}

// channelOf looks a channel up.
func (d *Discord) channelOf(ctx context.Context, id string) (channel, error) {
	if c, ok := d.channels.get(id); ok {
		return c, nil
	}
	var c channel
	if err := d.api.call(ctx, http.MethodGet, "/channels/"+id, nil, &c); err != nil {
		return channel{}, err
	}
	d.channels.put(id, c)
	return c, nil
}

// departed remembers messages that were deleted of late: their events may come
// before those of their making are dealt with.
type departed struct {
	mu    sync.Mutex
	ids   map[string]bool
	order []string
}

const maxDeparted = 4_096

func (g *departed) add(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ids == nil {
		g.ids = map[string]bool{}
	}
	if g.ids[id] {
		return
	}
	g.ids[id] = true
	if g.order = append(g.order, id); len(g.order) > maxDeparted {
		delete(g.ids, g.order[0])
		g.order = g.order[1:]
	}
}

func (g *departed) has(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ids[id]
}
