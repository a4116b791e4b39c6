package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is somebody on Discord.
type User struct {
	ID   string
	Name string
	Bot  bool
	// NoDM: they take no direct messages.
	NoDM bool
}

func (u *User) json() map[string]any {
	return map[string]any{"id": u.ID, "username": u.Name, "discriminator": "0", "global_name": u.Name, "avatar": nil, "bot": u.Bot}
}

type guild struct {
	id, name string
	channels []string
	threads  []string
	perms    uint64
}

type channel struct {
	id, name, guild, parent string
	kind                    int
	people                  [2]string // of a direct message
	messages                []*message
	denied                  uint64 // permissions that the bot does not have here
	gone                    bool
	archived, locked        bool
	archivedAt              time.Time
	typing                  int
}

// Kinds of channel.
const (
	kindText   = 0
	kindDM     = 1
	kindThread = 11
)

// message is one as Discord keeps it.
type message struct {
	id, channel, guild string
	author             *User
	content            string
	kind, flags        int
	attachments        []*blob
	components         []Component
	replyTo            string
	nonce              string
	nonceAt            time.Time
	for_               string // of an ephemeral one, who sees it
	webhook            string
	gone               bool
	token              string // of the interaction that it answers
}

// Permissions that the bot can be denied.
const (
	ViewChannel        = 1 << 10
	SendMessages       = 1 << 11
	AttachFiles        = 1 << 15
	ReadHistory        = 1 << 16
	CreateThreads      = 1 << 35
	SendInThreads      = 1 << 38
	allPermissions     = ViewChannel | SendMessages | AttachFiles | ReadHistory | CreateThreads | SendInThreads
	permissionsManager = 1<<5 | 1<<10
)

func (c *channel) isThread() bool { return c.kind == kindThread }

func (c *channel) lastID() any {
	for _, m := range slices.Backward(c.messages) {
		if m.for_ == "" {
			return m.id // Discord's, too, may be of a message that is gone
		}
	}
	return nil
}

func (s *Server) channelJSON(c *channel) map[string]any {
	j := map[string]any{"id": c.id, "type": c.kind, "last_message_id": c.lastID()}
	if c.guild != "" {
		j["guild_id"], j["name"] = c.guild, c.name
	}
	if c.parent != "" {
		j["parent_id"] = c.parent
		j["thread_metadata"] = map[string]any{"archived": c.archived, "locked": c.locked, "auto_archive_duration": 60, "archive_timestamp": c.archivedAt.UTC().Format(time.RFC3339Nano)}
	}
	if c.kind == kindDM {
		for _, id := range c.people {
			if id != s.bot.ID {
				j["recipients"] = []any{s.users[id].json()}
			}
		}
	}
	return j
}

// messageJSON is the message as the bot is told of it; without its content where
// the intent is missing.
func (s *Server) messageJSON(m *message, content bool) map[string]any {
	j := map[string]any{
		"id": m.id, "channel_id": m.channel, "author": m.author.json(), "type": m.kind, "flags": m.flags,
		"timestamp": timeOf(m.id).UTC().Format(time.RFC3339Nano), "edited_timestamp": nil, "tts": false,
		"mention_everyone": false, "mentions": []any{}, "mention_roles": []any{}, "pinned": false,
		"content": "", "attachments": []any{}, "embeds": []any{}, "components": []any{},
	}
	if m.guild != "" {
		j["guild_id"] = m.guild
	}
	if m.webhook != "" {
		j["webhook_id"] = m.webhook
	}
	if m.replyTo != "" {
		j["message_reference"] = map[string]any{"type": 0, "message_id": m.replyTo, "channel_id": m.channel}
		j["referenced_message"] = nil
		if to := s.find(m.channel, m.replyTo); to != nil {
			r := s.messageJSON(to, content)
			delete(r, "referenced_message")
			j["referenced_message"] = r
		}
	}
	if content || m.guild == "" || m.author == s.bot {
		j["content"] = m.content
		files := []any{}
		for _, b := range m.attachments {
			files = append(files, s.blobJSON(b))
		}
		j["attachments"] = files
		rows := []any{}
		for _, c := range m.components {
			rows = append(rows, c.raw)
		}
		j["components"] = rows
	}
	return j
}

func timeOf(id string) time.Time {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		panic(err) // we made it
	}
	return time.UnixMilli(int64(n>>22) + epoch)
}

func later(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// find returns a message that is there, nil where none is.
func (s *Server) find(channelID, id string) *message {
	c := s.channels[channelID]
	if c == nil {
		return nil
	}
	for _, m := range slices.Backward(c.messages) {
		if m.id == id && !m.gone {
			return m
		}
	}
	return nil
}

// open returns a channel in which the bot has permissions.
func (s *Server) open(id string, permissions uint64) (*channel, *refusal) {
	c := s.channels[id]
	if c == nil || c.gone {
		return nil, unknownChannel()
	}
	denied := c.denied
	if g := s.guilds[c.guild]; g != nil {
		denied |= allPermissions &^ g.perms
	}
	if p := s.channels[c.parent]; p != nil {
		denied |= p.denied
	}
	if c.kind == kindDM && c.people[0] != s.bot.ID && c.people[1] != s.bot.ID {
		return nil, noAccess()
	}
	switch {
	case c.kind == kindDM:
	case denied&ViewChannel != 0:
		return nil, noAccess()
	case denied&permissions != 0:
		return nil, noPermission()
	}
	return c, nil
}

func (s *Server) getMe(*request) (any, *refusal) { return s.bot.json(), nil }

func (s *Server) getApplication(*request) (any, *refusal) {
	flags := 0
	if s.content {
		flags |= 1 << 19
	}
	return map[string]any{"id": s.app, "name": "mynah", "flags": flags, "bot_public": true, "integration_types_config": s.installs}, nil
}

func (s *Server) getGuilds(*request) (any, *refusal) {
	all := []any{}
	for _, g := range s.guilds {
		all = append(all, map[string]any{"id": g.id, "name": g.name, "owner": false, "permissions": strconv.FormatUint(g.perms, 10)})
	}
	return all, nil
}

func (s *Server) getGuild(r *request) (any, *refusal) {
	g := s.guilds[r.PathValue("guild")]
	if g == nil {
		return nil, refuse(404, 10004, "Unknown Guild")
	}
	return map[string]any{"id": g.id, "name": g.name}, nil
}

func (s *Server) getArchived(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), ReadHistory)
	if no != nil {
		return nil, no
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 2 || limit > 100 {
		return nil, badForm("limit")
	}
	var found []*channel
	for _, t := range s.channels {
		if t.parent == c.id && t.archived && !t.gone {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *channel) int { return b.archivedAt.Compare(a.archivedAt) })
	if b := r.URL.Query().Get("before"); b != "" {
		at, err := time.Parse(time.RFC3339Nano, b)
		if err != nil {
			return nil, badForm("before")
		}
		found = slices.DeleteFunc(found, func(t *channel) bool { return !t.archivedAt.Before(at) })
	}
	more := len(found) > limit
	all := []any{}
	for _, t := range found[:min(limit, len(found))] {
		all = append(all, s.channelJSON(t))
	}
	return map[string]any{"threads": all, "members": []any{}, "has_more": more}, nil
}

func (s *Server) getChannel(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), 0)
	if no != nil {
		return nil, no
	}
	return s.channelJSON(c), nil
}

func (s *Server) postDM(r *request) (any, *refusal) {
	var in struct {
		Recipient string `json:"recipient_id"`
	}
	if err := strict(r.body, &in); err != nil {
		return nil, badForm(err.Error())
	}
	u := s.users[in.Recipient]
	if u == nil || u.Bot {
		return nil, refuse(400, 50033, "Invalid Recipient(s)")
	}
	return s.channelJSON(s.dm(u)), nil
}

// dm returns the direct messages between a user and the bot.
func (s *Server) dm(u *User) *channel {
	for _, c := range s.channels {
		if c.kind == kindDM && c.people == [2]string{u.ID, s.bot.ID} {
			return c
		}
	}
	c := &channel{id: s.nextID(), kind: kindDM, people: [2]string{u.ID, s.bot.ID}}
	s.channels[c.id] = c
	return c
}

func (s *Server) getMessages(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), ReadHistory)
	if no != nil {
		return nil, no
	}
	q := r.URL.Query()
	limit := 50
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 || n > 100 {
			return nil, badForm("limit")
		}
		limit = n
	}
	var found []*message
	for _, m := range c.messages {
		if m.gone || m.for_ != "" || !later(m.id, q.Get("after")) {
			continue
		}
		if found = append(found, m); len(found) == limit && q.Has("after") {
			break
		}
	}
	found = found[max(0, len(found)-limit):]
	slices.Reverse(found) // newest first, of those right after
	all := []any{}
	for _, m := range found {
		j := s.messageJSON(m, s.content)
		delete(j, "guild_id") // only events have it
		all = append(all, j)
	}
	return all, nil
}

func (s *Server) getMessage(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), ReadHistory)
	if no != nil {
		return nil, no
	}
	m := s.find(c.id, r.PathValue("message"))
	if m == nil || m.for_ != "" {
		return nil, unknownMessage()
	}
	return s.messageJSON(m, s.content), nil
}

func (s *Server) postTyping(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), SendMessages)
	if no == nil {
		c.typing++
	}
	return nil, no
}

func (s *Server) postThread(r *request) (any, *refusal) {
	c, no := s.open(r.PathValue("channel"), CreateThreads)
	if no != nil {
		return nil, no
	}
	var in struct {
		Name    string `json:"name"`
		Archive int    `json:"auto_archive_duration"`
		Slow    int    `json:"rate_limit_per_user"`
	}
	if err := strict(r.body, &in); err != nil {
		return nil, badForm(err.Error())
	}
	switch {
	case len(in.Name) < 1 || len([]rune(in.Name)) > 100:
		return nil, badForm("name")
	case !slices.Contains([]int{0, 60, 1440, 4320, 10080}, in.Archive):
		return nil, badForm("auto_archive_duration")
	case c.kind != kindText:
		return nil, refuse(400, 50024, "Cannot execute action on this channel type")
	}
	m := s.find(c.id, r.PathValue("message"))
	if m == nil {
		return nil, unknownMessage()
	}
	if s.channels[m.id] != nil {
		return nil, refuse(400, 160004, "A thread has already been created for this message")
	}
	t := s.thread(c, m.id, in.Name)
	s.dispatch("MESSAGE_UPDATE", s.messageJSON(m, false)) // it has a thread now
	return s.channelJSON(t), nil
}

// thread makes a thread; on a message where the identifier is one's.
func (s *Server) thread(parent *channel, id, name string) *channel {
	t := &channel{id: id, kind: kindThread, guild: parent.guild, parent: parent.id, name: name}
	s.channels[id] = t
	g := s.guilds[parent.guild]
	g.threads = append(g.threads, id)
	s.dispatch("THREAD_CREATE", s.channelJSON(t))
	return t
}

func (s *Server) getCommands(*request) (any, *refusal) {
	all := []any{}
	for _, raw := range s.commands {
		var c map[string]any
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, refuse(500, 0, "")
		}
		// As Discord gives them back: with its own keys, in another order.
		c["id"], c["application_id"], c["version"] = s.app, s.app, s.app
		c["nsfw"], c["dm_permission"] = false, true
		all = append(all, c)
	}
	slices.Reverse(all)
	return all, nil
}

// Commands are the names of the registered commands, and how often they were
// registered.
func (s *Server) Commands() (names []string, registered int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range s.commands {
		var c struct{ Name string }
		if err := json.Unmarshal(raw, &c); err == nil {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names, s.puts
}

func (s *Server) putCommands(r *request) (any, *refusal) {
	if r.PathValue("application") != s.app {
		return nil, noAccess()
	}
	var in []json.RawMessage
	if err := json.Unmarshal(r.body, &in); err != nil {
		return nil, badForm("not a list")
	}
	counts, names := map[int]int{}, map[string]bool{}
	for _, raw := range in {
		c, err := checkCommand(raw)
		if err != nil {
			return nil, badForm(err.Error())
		}
		for _, kind := range c.Types {
			if _, ok := s.installs[strconv.Itoa(kind)]; !ok {
				return nil, badForm("integration_types: not one of the app's")
			}
		}
		key := fmt.Sprint(c.Type, " ", c.Name)
		if counts[c.Type]++; names[key] {
			return nil, badForm("two commands are called " + c.Name)
		}
		names[key] = true
	}
	if counts[1] > 100 || counts[2] > 15 || counts[3] > 15 {
		return nil, badForm("too many commands")
	}
	s.commands = in
	s.puts++
	return in, nil
}

// commandNamed is a registered command, nil where none is.
func (s *Server) commandNamed(name string, kind int) *registered {
	for _, raw := range s.commands {
		if c, err := checkCommand(raw); err == nil && c.Name == name && c.Type == kind {
			return c
		}
	}
	return nil
}

// must returns a channel, and panics where there is none: a test's mistake.
func (s *Server) must(id string) *channel {
	c := s.channels[id]
	if c == nil {
		panic("discordtest: no channel " + strings.ToValidUTF8(id, "?"))
	}
	return c
}
