package discordtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// AddGuild makes a server that the bot is in, with the permissions it asks for,
// and returns its identifier.
func (s *Server) AddGuild(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &guild{id: s.nextID(), name: name, perms: allPermissions}
	s.guilds[g.id] = g
	s.dispatch("GUILD_CREATE", s.guildJSON(g))
	return g.id
}

// RemoveGuild takes the bot out of a server.
func (s *Server) RemoveGuild(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if c.guild == id {
			c.gone = true
		}
	}
	delete(s.guilds, id)
	s.dispatch("GUILD_DELETE", map[string]any{"id": id})
}

// AddChannel makes a text channel in a server.
func (s *Server) AddChannel(guildID, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guilds[guildID]
	c := &channel{id: s.nextID(), kind: kindText, guild: guildID, name: name}
	s.channels[c.id] = c
	g.channels = append(g.channels, c.id)
	s.dispatch("CHANNEL_CREATE", s.channelJSON(c))
	return c.id
}

// AddThread makes a thread in a channel, on no message.
func (s *Server) AddThread(channelID, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.thread(s.must(channelID), s.nextID(), name).id
}

// AddUser makes a person, who is in all servers.
func (s *Server) AddUser(name string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &User{ID: s.nextID(), Name: name}
	s.users[u.ID] = u
	return u
}

// AddBot makes another bot.
func (s *Server) AddBot(name string) *User {
	u := s.AddUser(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Bot = true
	return u
}

// DM is the channel of direct messages between a person and the bot.
func (s *Server) DM(u *User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dm(u).id
}

// Deny takes permissions from the bot in a channel and its threads.
func (s *Server) Deny(channelID string, permissions uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(channelID).denied |= permissions
}

// DenyGuild takes permissions from the bot in a server.
func (s *Server) DenyGuild(guildID string, permissions uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guilds[guildID].perms &^= permissions
}

// Lock locks a thread.
func (s *Server) Lock(thread string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(thread).locked = true
}

// Archive archives a thread.
func (s *Server) Archive(thread string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.must(thread)
	t.archived, t.archivedAt = true, s.now()
	s.dispatch("THREAD_UPDATE", s.channelJSON(t))
}

// Draft is a message that a person writes.
type Draft struct {
	Text    string
	ReplyTo string // a message of the channel
	Audio   []byte // nil: no file
	Name    string // of the file; with ContentType, what the sender claims
	Type    string
	Voice   bool // recorded with Discord's own recorder
}

// Write posts a person's message and returns its identifier.
func (s *Server) Write(u *User, channelID string, d Draft) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.must(channelID)
	m := &message{id: s.nextID(), channel: c.id, guild: c.guild, author: u, content: d.Text}
	if d.ReplyTo != "" {
		m.kind, m.replyTo = 19, d.ReplyTo
	}
	if d.Audio != nil {
		b := blob{name: d.Name, kind: d.Type, data: d.Audio, seconds: 2.5}
		if d.Voice {
			m.flags |= voice
			m.content = ""
			b.name, b.kind = orElse(d.Name, "voice-message.ogg"), orElse(d.Type, "audio/ogg")
		}
		m.attachments = []*blob{s.keep(c.id, b)}
	}
	c.archived = false
	c.messages = append(c.messages, m)
	s.announce(m)
	return m.id
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Say writes a text.
func (s *Server) Say(u *User, channelID, text string) string {
	return s.Write(u, channelID, Draft{Text: text})
}

// Voice posts a voice message, as Discord's recorder makes it.
func (s *Server) Voice(u *User, channelID string, audio []byte) string {
	return s.Write(u, channelID, Draft{Audio: audio, Voice: true})
}

// Redeliver sends a message's event once more.
func (s *Server) Redeliver(channelID, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(channelID, id); m != nil {
		s.announce(m)
	}
}

// Delete deletes messages; several at once are one event.
func (s *Server) Delete(channelID string, ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.must(channelID)
	for _, m := range c.messages {
		if slices.Contains(ids, m.id) {
			m.gone = true
			for _, b := range m.attachments {
				b.gone = true
			}
		}
	}
	at := map[string]any{"channel_id": c.id}
	if c.guild != "" {
		at["guild_id"] = c.guild
	}
	if len(ids) == 1 {
		at["id"] = ids[0]
		s.dispatch("MESSAGE_DELETE", at)
		return
	}
	at["ids"] = ids
	s.dispatch("MESSAGE_DELETE_BULK", at)
}

// Asker is somebody who uses a command, a component or a form, somewhere.
type Asker struct {
	User    *User
	Channel string
	Admin   bool // they manage the server
	// Outside: the bot is not in the server, the asker has installed it for
	// themselves.
	Outside bool
}

// begin makes an interaction and sends it to the bot. s.mu is held.
func (s *Server) begin(a Asker, kind int, on *message, data map[string]any) *Interaction {
	c := s.must(a.Channel)
	i := &Interaction{ID: s.nextID(), s: s, user: a.User, channel: c, on: on, began: s.now(), outside: a.Outside}
	i.Token = "aW50ZXJhY3Rpb24." + i.ID
	s.interactions[i.Token] = i
	j := map[string]any{
		"id": i.ID, "application_id": s.app, "type": kind, "token": i.Token, "version": 1,
		"channel_id": c.id, "channel": s.channelJSON(c), "data": data, "locale": "en-US",
		"app_permissions": strconv.FormatUint(allPermissions, 10), "entitlements": []any{},
		"attachment_size_limit": 10 << 20,
	}
	owners := map[string]any{"1": a.User.ID}
	switch {
	case c.guild != "":
		permissions := uint64(ViewChannel | SendMessages)
		if a.Admin {
			permissions |= permissionsManager
		}
		j["guild_id"], j["context"] = c.guild, 0
		j["member"] = map[string]any{"user": a.User.json(), "permissions": strconv.FormatUint(permissions, 10), "roles": []any{}}
		if !a.Outside {
			owners = map[string]any{"0": c.guild}
		}
	default:
		j["user"], j["context"] = a.User.json(), 1
		if a.Outside {
			j["context"] = 2
		}
	}
	j["authorizing_integration_owners"] = owners
	if on != nil {
		j["message"] = s.messageJSON(on, true)
	}
	i.event = j
	s.dispatch("INTERACTION_CREATE", j)
	return i
}

// Again sends the interaction's event once more.
func (i *Interaction) Again() {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.s.dispatch("INTERACTION_CREATE", i.event)
}

// File is given to a command.
type File struct {
	Name, Type string
	Data       []byte
}

// Command types a command. Options are strings; files are given to those that
// take one.
func (s *Server) Command(a Asker, name string, options map[string]string, files map[string]File) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.commandNamed(name, 1)
	if c == nil {
		return nil, fmt.Errorf("no command is called %q", name)
	}
	if err := s.mayUse(a, c); err != nil {
		return nil, err
	}
	given, resolved := []any{}, map[string]any{}
	for _, o := range c.Options {
		if f, ok := files[o.Name]; ok && o.Type == 11 {
			b := s.keep(a.Channel, blob{name: f.Name, kind: f.Type, data: f.Data})
			given = append(given, map[string]any{"name": o.Name, "type": 11, "value": b.id})
			resolved[b.id] = s.blobJSON(b)
			continue
		}
		v, ok := options[o.Name]
		if !ok {
			if o.Required {
				return nil, fmt.Errorf("%s wants %s", name, o.Name)
			}
			continue
		}
		if len(o.Choices) > 0 && !slices.ContainsFunc(o.Choices, func(c struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		},
		) bool {
			return c.Value == v
		}) {
			return nil, fmt.Errorf("%s has no choice %q", o.Name, v)
		}
		given = append(given, map[string]any{"name": o.Name, "type": o.Type, "value": v})
	}
	return s.begin(a, 2, nil, map[string]any{
		"id": s.nextID(), "name": name, "type": 1, "options": given, "resolved": map[string]any{"attachments": resolved},
	}), nil
}

// mayUse tells whether Discord offers a command to somebody.
func (s *Server) mayUse(a Asker, c *registered) error {
	kind, context := 0, 0
	if a.Outside {
		kind = 1
	}
	if s.must(a.Channel).guild == "" {
		if context = 1; a.Outside {
			context = 2
		}
	}
	if !slices.Contains(c.Types, kind) && s.must(a.Channel).guild != "" || !slices.Contains(c.Contexts, context) {
		return errors.New("the command is not offered here")
	}
	if c.Members != nil && *c.Members != "" && !a.Admin {
		return errors.New("the command is not offered to them")
	}
	return nil
}

// MessageCommand uses a command of a message's menu.
func (s *Server) MessageCommand(a Asker, name, id string) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.commandNamed(name, 3)
	if c == nil {
		return nil, fmt.Errorf("no message command is called %q", name)
	}
	if err := s.mayUse(a, c); err != nil {
		return nil, err
	}
	m := s.find(a.Channel, id)
	if m == nil {
		return nil, errors.New("no such message")
	}
	return s.begin(a, 2, nil, map[string]any{
		"id": s.nextID(), "name": name, "type": 3, "target_id": id,
		"resolved": map[string]any{"messages": map[string]any{id: s.messageJSON(m, true)}},
	}), nil
}

// sees returns a message that somebody sees. s.mu is held.
func (s *Server) sees(a Asker, id string) (*message, error) {
	m := s.find(a.Channel, id)
	if m == nil || m.for_ != "" && m.for_ != a.User.ID {
		return nil, errors.New("they don't see that message")
	}
	return m, nil
}

// Press presses the button of a label on a message.
func (s *Server) Press(a Asker, id, label string) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.sees(a, id)
	if err != nil {
		return nil, err
	}
	for _, r := range m.components {
		for _, c := range r.in {
			if c.Type == button && c.Label == label {
				return s.begin(a, 3, m, map[string]any{"custom_id": c.CustomID, "component_type": button}), nil
			}
		}
	}
	return nil, fmt.Errorf("no button %q", label)
}

// PressID presses a button of a custom_id, as an old message of the bot's has it.
func (s *Server) PressID(a Asker, id, customID string) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.sees(a, id)
	if err != nil {
		return nil, err
	}
	return s.begin(a, 3, m, map[string]any{"custom_id": customID, "component_type": button}), nil
}

// Choose chooses options, by label, of the menu whose placeholder is given; of a
// menu of channels, their identifiers.
func (s *Server) Choose(a Asker, id, placeholder string, labels ...string) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.sees(a, id)
	if err != nil {
		return nil, err
	}
	for _, r := range m.components {
		for _, c := range r.in {
			if c.Type == button || c.Placeholder != placeholder {
				continue
			}
			if len(labels) < c.MinValues || len(labels) > c.MaxValues {
				return nil, fmt.Errorf("%q takes %d to %d", placeholder, c.MinValues, c.MaxValues)
			}
			values := slices.Clone(labels)
			for k, l := range labels {
				i := slices.IndexFunc(c.Options, func(o Option) bool { return o.Label == l })
				switch {
				case c.Type == channelSelect && s.channels[l] == nil, c.Type == stringMenu && i < 0:
					return nil, fmt.Errorf("%q has no option %q", placeholder, l)
				case c.Type == stringMenu:
					values[k] = c.Options[i].Value
				}
			}
			return s.begin(a, 3, m, map[string]any{"custom_id": c.CustomID, "component_type": c.Type, "values": values}), nil
		}
	}
	return nil, fmt.Errorf("no menu %q", placeholder)
}

// Submit sends a form that was opened, with a text in its field.
func (s *Server) Submit(a Asker, f *Modal, text string) (*Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len([]rune(text)); n > f.MaxLength || n < f.MinLength || f.Required && n == 0 {
		return nil, fmt.Errorf("the form takes %d to %d characters", f.MinLength, f.MaxLength)
	}
	return s.begin(a, 5, nil, map[string]any{
		"custom_id": f.CustomID,
		"components": []any{map[string]any{"type": 1, "components": []any{
			map[string]any{"type": 4, "custom_id": f.Field, "value": text},
		}}},
	}), nil
}

// Until waits until a condition holds that changes with what the bot does; the
// condition must call no method of the Server but is told when to look.
func (s *Server) Until(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(100 * time.Millisecond): // what holds may depend on more than us
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// StartThread makes a thread on a message.
func (s *Server) StartThread(channelID, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thread(s.must(channelID), message, "a thread")
}
