package slacktest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Workspace is one that the application may be installed in.
type Workspace struct {
	s          *Server
	ID         string
	Enterprise string // of a Grid organisation
	Name       string
	Token      string // of the bot
	BotUser    string
	BotID      string
	Scopes     []string
	Installed  bool
	// OrgWide says that the installation is the whole organisation's.
	OrgWide bool
	// Rotate says that tokens are rotated, by OAuth.
	Rotate bool
	// ExpiresIn is what OAuth says of a rotated token's life, in seconds.
	ExpiresIn int
	// NoStatus makes assistant.threads.setStatus be refused.
	NoStatus bool

	users []*User
}

// AllScopes are what the manifest asks for.
func AllScopes() []string {
	return []string{
		"app_mentions:read", "channels:history", "chat:write", "commands", "files:read", "files:write",
		"groups:history", "im:history", "im:write", "reactions:write", "users:read",
	}
}

// AddWorkspace makes a workspace in which the application is installed.
func (s *Server) AddWorkspace(name string) *Workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &Workspace{s: s, ID: s.id("T"), Name: name, BotUser: s.id("U"), BotID: s.id("B"), Scopes: AllScopes(), Installed: true}
	w.Token = "xoxb-" + w.ID + "-1"
	s.tokens[w.Token] = w
	s.workspaces = append(s.workspaces, w)
	return w
}

// SetScopes changes what the bot may do.
func (w *Workspace) SetScopes(scopes ...string) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.Scopes = scopes
}

// Join puts the workspace into an Enterprise Grid organisation, whose
// installation is then the one that holds for it.
func (w *Workspace) Join(enterprise string, orgWide bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.Enterprise, w.OrgWide = enterprise, orgWide
}

// User is a person.
type User struct {
	w    *Workspace
	ID   string
	Name string

	admin bool
}

// AddUser makes a person of the workspace.
func (w *Workspace) AddUser(name string) *User {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	u := &User{w: w, ID: w.s.id("U"), Name: name}
	w.users = append(w.users, u)
	return u
}

// SetAdmin says whether the person manages the workspace.
func (u *User) SetAdmin(admin bool) {
	u.w.s.mu.Lock()
	defer u.w.s.mu.Unlock()
	u.admin = admin
}

func (w *Workspace) user(id string) *User {
	if i := slices.IndexFunc(w.users, func(u *User) bool { return u.ID == id }); i >= 0 {
		return w.users[i]
	}
	return nil
}

// Channel is a conversation.
type Channel struct {
	w        *Workspace
	ID       string
	Name     string
	members  map[string]bool
	archived bool
	messages []*Message
}

// AddChannel makes a public channel with the people in it, and the bot.
func (w *Workspace) AddChannel(name string, users ...*User) *Channel {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.addChannel("C", name, users...)
}

func (w *Workspace) addChannel(kind, name string, users ...*User) *Channel {
	c := &Channel{w: w, ID: w.s.id(kind), Name: name, members: map[string]bool{w.BotUser: true}}
	for _, u := range users {
		c.members[u.ID] = true
	}
	w.s.channels[c.ID] = c
	return c
}

// Direct is the person's direct message with the bot.
func (u *User) Direct() *Channel {
	u.w.s.mu.Lock()
	defer u.w.s.mu.Unlock()
	return u.w.direct(u)
}

func (w *Workspace) direct(u *User) *Channel {
	for _, c := range w.s.channels {
		if c.w == w && c.isDirect() && c.members[u.ID] {
			return c
		}
	}
	return w.addChannel("D", "directmessage", u)
}

// Workspace is the one that the conversation is in.
func (c *Channel) Workspace() *Workspace { return c.w }

func (c *Channel) isDirect() bool { return strings.HasPrefix(c.ID, "D") }

// Invite lets people into the channel.
func (c *Channel) Invite(users ...*User) {
	c.w.s.mu.Lock()
	defer c.w.s.mu.Unlock()
	for _, u := range users {
		c.members[u.ID] = true
	}
}

// Kick takes the bot out of the channel.
func (c *Channel) Kick() {
	c.w.s.mu.Lock()
	defer c.w.s.mu.Unlock()
	delete(c.members, c.w.BotUser)
}

// Archive archives the channel.
func (c *Channel) Archive() {
	c.w.s.mu.Lock()
	defer c.w.s.mu.Unlock()
	c.archived = true
}

// Message is one in a channel.
type Message struct {
	Channel  *Channel
	TS       string
	ThreadTS string
	User     string // empty where the bot posted it
	Text     string // as Slack keeps it: escaped
	Blocks   json.RawMessage
	Metadata json.RawMessage
	Files    []*File

	plain     bool   // posted with mrkdwn off
	only      string // an ephemeral message's only reader
	deleted   bool
	reactions map[string]bool // of the bot
	status    string          // of the bot, in the thread that it begins
	mention   bool
}

// Root is the time stamp of the thread that the message is in, or begins.
func (m *Message) Root() string {
	if m.ThreadTS != "" {
		return m.ThreadTS
	}
	return m.TS
}

// Reactions are the bot's to the message.
func (m *Message) Reactions() []string {
	m.Channel.w.s.mu.Lock()
	defer m.Channel.w.s.mu.Unlock()
	var names []string
	for n := range m.reactions {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Status is what the bot shows that it is doing in the thread that the message
// begins.
func (m *Message) Status() string {
	m.Channel.w.s.mu.Lock()
	defer m.Channel.w.s.mu.Unlock()
	return m.status
}

func (c *Channel) message(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts && m.only == "" && !m.deleted {
			return m
		}
	}
	return nil
}

// Message finds a message by its time stamp, nil where there is none.
func (c *Channel) Message(ts string) *Message {
	c.w.s.mu.Lock()
	defer c.w.s.mu.Unlock()
	return c.message(ts)
}

// add puts a message into the channel.
func (c *Channel) add(m *Message) *Message {
	m.Channel, m.TS = c, c.w.s.ts()
	m.reactions = map[string]bool{}
	c.messages = append(c.messages, m)
	return m
}

// escape is how Slack keeps what people type.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// json is the message as events and methods show it.
func (m *Message) json() map[string]any {
	out := map[string]any{"type": "message", "ts": m.TS, "text": m.Text}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.User != "" {
		out["user"] = m.User
	} else {
		out["user"], out["bot_id"] = m.Channel.w.BotUser, m.Channel.w.BotID
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if len(m.Metadata) > 0 {
		out["metadata"] = m.Metadata
	}
	if len(m.Files) > 0 {
		var files []map[string]any
		for _, f := range m.Files {
			files = append(files, f.inEvent())
		}
		out["files"], out["subtype"] = files, "file_share"
	}
	return out
}
