package slacktest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxText = 40_000
	// maxMessage is about where Slack says msg_blocks_too_long, which is nowhere
	// documented.
	maxMessage = 13_200
)

func (s *Server) authTest(c call) (map[string]any, error) {
	out := map[string]any{
		"url": "https://" + c.w.Name + ".slack.com/", "team": c.w.Name, "user": "mynah", "team_id": c.w.ID, "user_id": c.w.BotUser, "bot_id": c.w.BotID,
	}
	if c.w.Enterprise != "" {
		out["enterprise_id"] = c.w.Enterprise
	}
	return out, nil
}

func (s *Server) usersInfo(c call) (map[string]any, error) {
	u := c.w.user(c.args.Get("user"))
	if u == nil {
		return nil, no("user_not_found")
	}
	return map[string]any{"user": map[string]any{"id": u.ID, "team_id": c.w.ID, "name": u.Name, "is_admin": u.admin, "is_owner": false}}, nil
}

func (s *Server) conversationsOpen(c call) (map[string]any, error) {
	u := c.w.user(c.args.Get("users"))
	if u == nil {
		return nil, no("user_not_found")
	}
	return map[string]any{"channel": map[string]any{"id": c.w.direct(u).ID}}, nil
}

// speak finds where a bot may post.
func (s *Server) speak(w *Workspace, id, thread string) (*Channel, error) {
	if u := w.user(id); u != nil {
		return w.direct(u), nil
	}
	ch := s.channels[id]
	switch {
	case ch == nil || ch.w != w:
		return nil, no("channel_not_found")
	case !ch.members[w.BotUser]:
		return nil, no("not_in_channel")
	case ch.archived:
		return nil, no("is_archived")
	}
	if thread != "" {
		root := ch.message(thread)
		if root == nil {
			return nil, no("thread_not_found")
		}
		if root.ThreadTS != "" && root.ThreadTS != root.TS {
			return nil, no("cannot_reply_to_message")
		}
	}
	return ch, nil
}

// content checks what a message says.
func (s *Server) content(w *Workspace, text, blocks string) (json.RawMessage, error) {
	if text == "" && blocks == "" {
		return nil, no("no_text")
	}
	if utf8.RuneCountInString(text) > maxText {
		return nil, no("msg_too_long")
	}
	if blocks == "" || blocks == "null" || blocks == "[]" {
		return nil, nil
	}
	if text == "" {
		s.problem("a message with blocks has no fallback text")
	}
	raw := json.RawMessage(blocks)
	if wrong := s.checkBlocks(w, raw, surfaceMessage); len(wrong) > 0 {
		s.problem("invalid blocks: %s", strings.Join(wrong, "; "))
		return nil, &refused{code: "invalid_blocks", messages: wrong}
	}
	if utf8.RuneCount(raw) > 2*maxMessage || textLength(raw) > maxMessage {
		return nil, no("msg_blocks_too_long")
	}
	if notReady := s.unreadyPictures(w, raw); notReady {
		return nil, &refused{code: "invalid_blocks", messages: []string{"invalid slack file"}}
	}
	return raw, nil
}

func (s *Server) postMessage(c call) (map[string]any, error) {
	ch, err := s.speak(c.w, c.args.Get("channel"), c.args.Get("thread_ts"))
	if err != nil {
		return nil, err
	}
	blocks, err := s.content(c.w, c.args.Get("text"), c.args.Get("blocks"))
	if err != nil {
		return nil, err
	}
	m := &Message{ThreadTS: c.args.Get("thread_ts"), Text: c.args.Get("text"), Blocks: blocks, plain: c.args.Get("mrkdwn") == "false"}
	if meta := c.args.Get("metadata"); meta != "" {
		var v struct {
			EventType    string         `json:"event_type"`
			EventPayload map[string]any `json:"event_payload"`
		}
		if json.Unmarshal([]byte(meta), &v) != nil || v.EventType == "" || v.EventPayload == nil {
			return nil, no("invalid_metadata_format")
		}
		m.Metadata = json.RawMessage(meta)
	}
	if c.args.Get("unfurl_links") != "false" || c.args.Get("unfurl_media") != "false" {
		s.problem("a message lets links unfurl")
	}
	ch.add(m)
	if root := ch.message(m.Root()); root != nil {
		root.status = ""
	}
	s.sharePictures(ch, m)
	s.show(m, "")
	return map[string]any{"channel": ch.ID, "ts": m.TS, "message": m.json()}, nil
}

func (s *Server) postEphemeral(c call) (map[string]any, error) {
	ch, err := s.speak(c.w, c.args.Get("channel"), c.args.Get("thread_ts"))
	if err != nil {
		return nil, err
	}
	if !ch.members[c.args.Get("user")] {
		return nil, no("user_not_in_channel")
	}
	blocks, err := s.content(c.w, c.args.Get("text"), c.args.Get("blocks"))
	if err != nil {
		return nil, err
	}
	m := ch.add(&Message{
		ThreadTS: c.args.Get("thread_ts"), Text: c.args.Get("text"), Blocks: blocks, only: c.args.Get("user"), plain: c.args.Get("mrkdwn") == "false",
	})
	s.show(m, m.only)
	return map[string]any{"message_ts": m.TS}, nil
}

// history is of a thread, where there is a ts, or of a conversation.
func (s *Server) history(c call) (map[string]any, error) {
	ch := s.channels[c.args.Get("channel")]
	if ch == nil || ch.w != c.w || !ch.members[c.w.BotUser] {
		return nil, no("channel_not_found")
	}
	need := "channels:history"
	if ch.isDirect() {
		need = "im:history"
	}
	if !strings.Contains(strings.Join(c.w.Scopes, " "), need) {
		return nil, &refused{code: "missing_scope", needed: need}
	}
	ts, oldest := c.args.Get("ts"), c.args.Get("oldest")
	if ts != "" && ch.message(ts) == nil {
		return nil, no("thread_not_found")
	}
	var all []map[string]any
	for _, m := range ch.messages {
		inThread := ts != "" && m.Root() == ts
		atTop := ts == "" && m.ThreadTS == ""
		if m.only != "" || m.deleted || !inThread && !atTop || oldest != "" && before(m.TS, oldest) && m.TS != ts {
			continue
		}
		j := m.json()
		if c.args.Get("include_all_metadata") != "1" && c.args.Get("include_all_metadata") != "true" {
			delete(j, "metadata")
		}
		all = append(all, j)
	}
	limit, err := strconv.Atoi(c.args.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 100
	}
	from, _ := strconv.Atoi(c.args.Get("cursor"))
	from = min(from, len(all))
	to := min(from+limit, len(all))
	out := map[string]any{"messages": all[from:to], "has_more": to < len(all)}
	if to < len(all) {
		out["response_metadata"] = map[string]any{"next_cursor": strconv.Itoa(to)}
	}
	return out, nil
}

func before(a, b string) bool {
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return x < y
}

func (s *Server) react(c call) (map[string]any, error) {
	ch := s.channels[c.args.Get("channel")]
	if ch == nil || ch.w != c.w {
		return nil, no("channel_not_found")
	}
	m, name := ch.message(c.args.Get("timestamp")), c.args.Get("name")
	switch {
	case m == nil:
		return nil, no("message_not_found")
	case name == "":
		return nil, no("invalid_name")
	case c.method == "reactions.add" && m.reactions[name]:
		return nil, no("already_reacted")
	case c.method == "reactions.remove" && !m.reactions[name]:
		return nil, no("no_reaction")
	}
	if c.method == "reactions.add" {
		m.reactions[name] = true
	} else {
		delete(m.reactions, name)
	}
	return nil, nil
}

func (s *Server) setStatus(c call) (map[string]any, error) {
	if c.w.NoStatus {
		return nil, no("not_allowed")
	}
	ch := s.channels[c.args.Get("channel_id")]
	if ch == nil || ch.w != c.w {
		return nil, no("channel_not_found")
	}
	m := ch.message(c.args.Get("thread_ts"))
	if m == nil {
		return nil, no("thread_not_found")
	}
	m.status = c.args.Get("status")
	return nil, nil
}

// hook is a response URL.
type hook struct {
	w        *Workspace
	user     string
	channel  *Channel
	original *Message
	uses     int
	made     time.Time
}

const (
	hookUses  = 5
	hookLife  = 30 * time.Minute
	triggerIn = 3 * time.Second
)

func (s *Server) newHook(w *Workspace, user string, ch *Channel, original *Message) string {
	id := s.id("H")
	s.hooks[id] = &hook{w, user, ch, original, hookUses, time.Now()}
	return s.URL() + "/hooks/" + id
}

// ExpireResponses ends all response URLs that were given out.
func (s *Server) ExpireResponses() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks {
		h.made = h.made.Add(-hookLife)
	}
}

// hook takes what is sent to a response URL.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Text         string          `json:"text"`
		Blocks       json.RawMessage `json:"blocks"`
		ThreadTS     string          `json:"thread_ts"`
		ResponseType string          `json:"response_type"`
		Replace      bool            `json:"replace_original"`
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["response_url"]++
	h := s.hooks[r.PathValue("id")]
	switch {
	case err != nil:
		hookError(w, http.StatusBadRequest, "invalid_payload")
		return
	case h == nil, time.Since(h.made) >= hookLife:
		hookError(w, http.StatusNotFound, "expired_url")
		return
	case h.uses == 0:
		hookError(w, http.StatusNotFound, "used_url")
		return
	}
	blocks, err := s.content(h.w, in.Text, string(in.Blocks))
	if err != nil {
		hookError(w, http.StatusBadRequest, err.Error())
		return
	}
	h.uses--
	m := &Message{ThreadTS: in.ThreadTS, Text: in.Text, Blocks: blocks}
	if in.ResponseType != "in_channel" {
		m.only = h.user
	}
	if in.Replace && h.original != nil {
		h.original.deleted = true
		m.ThreadTS = h.original.ThreadTS
	}
	h.channel.add(m)
	s.show(m, m.only)
	s.shows[len(s.shows)-1].answer = true
	s.broadcast()
	_, _ = w.Write([]byte("ok"))
}

func hookError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": code})
}

// authorize is the page on which somebody lets the application in: they do so
// at once, for the workspace of the query's team or the first.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	var ws *Workspace
	for _, other := range s.workspaces {
		if ws == nil || other.ID == q.Get("team") {
			ws = other
		}
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if q.Get("client_id") != ClientID || err != nil || ws == nil || q.Get("scope") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := s.id("X")
	s.codes[code] = ws
	ws.Scopes = strings.Split(q.Get("scope"), ",")
	v := url.Values{"code": {code}, "state": {q.Get("state")}}
	back.RawQuery = v.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// Code is what a browser brings back from the page of a workspace.
func (s *Server) Code(w *Workspace) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.id("X")
	s.codes[code] = w
	return code
}

// access exchanges a code, or a refresh token, for a token. Each works once.
func (s *Server) access(args url.Values) (map[string]any, error) {
	if args.Get("client_id") != ClientID || args.Get("client_secret") != ClientSecret {
		return nil, no("bad_client_secret")
	}
	var w *Workspace
	if args.Get("grant_type") == "refresh_token" {
		w = s.refresh[args.Get("refresh_token")]
		delete(s.refresh, args.Get("refresh_token"))
		if w == nil {
			return nil, no("invalid_refresh_token")
		}
	} else {
		w = s.codes[args.Get("code")]
		delete(s.codes, args.Get("code"))
		if w == nil {
			return nil, no("invalid_code")
		}
	}
	w.Installed = true
	kind := "xoxb-"
	if w.Rotate {
		kind = "xoxe.xoxb-"
	}
	w.Token = kind + w.ID + "-" + s.id("N")
	s.tokens[w.Token] = w
	out := map[string]any{
		"access_token": w.Token, "token_type": "bot", "scope": strings.Join(w.Scopes, ","), "bot_user_id": w.BotUser, "app_id": "A0TEST",
		"team": map[string]any{"id": w.ID, "name": w.Name}, "enterprise": nil, "is_enterprise_install": w.OrgWide,
		"authed_user": map[string]any{"id": "U0INSTALLER"},
	}
	if w.Enterprise != "" {
		out["enterprise"] = map[string]any{"id": w.Enterprise, "name": "organisation"}
	}
	if w.OrgWide {
		out["team"] = nil
	}
	if w.Rotate {
		refresh := "xoxe-1-" + s.id("R")
		s.refresh[refresh] = w
		out["refresh_token"], out["expires_in"] = refresh, w.ExpiresIn
	}
	return out, nil
}
