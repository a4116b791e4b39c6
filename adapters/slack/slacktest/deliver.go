package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// SendTo makes the stand-in deliver over HTTP, to the routes of an application
// at base, instead of over Socket Mode.
func (s *Server) SendTo(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eventsURL = base
	s.broadcast()
}

// ErrNotAcknowledged is of a delivery that the application did not take in time,
// or refused.
var ErrNotAcknowledged = errors.New("slacktest: the delivery was not acknowledged")

// ack is what an application answered a delivery with.
type ack struct {
	payload json.RawMessage
}

// sockets are the Socket Mode connections.
type sockets struct {
	open     []*socket
	tickets  map[string]bool
	waiting  map[string]chan ack
	next     int
	tooMany  int  // connections that are taken back at once
	disabled bool // Socket Mode is turned off
}

type socket struct {
	write sync.Mutex
	conn  *websocket.Conn
}

func (k *socket) send(v any) error {
	k.write.Lock()
	defer k.write.Unlock()
	_ = k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return k.conn.WriteJSON(v)
}

func (s *Server) openSocket(token string) (map[string]any, error) {
	switch {
	case token == "":
		return nil, no("not_authed")
	case token != AppToken:
		return nil, no("invalid_auth")
	case s.sockets.disabled:
		return nil, no("socket_mode_not_enabled")
	}
	ticket := s.id("K")
	s.sockets.tickets[ticket] = true
	return map[string]any{"url": "ws" + strings.TrimPrefix(s.http.URL, "http") + "/link?ticket=" + ticket}, nil
}

// link is a Socket Mode connection.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	known := s.sockets.tickets[ticket]
	delete(s.sockets.tickets, ticket)
	tooMany := s.sockets.tooMany > 0
	if tooMany {
		s.sockets.tooMany--
	}
	s.mu.Unlock()
	if !known {
		http.Error(w, "bad ticket", http.StatusForbidden)
		return
	}
	conn, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	k := &socket{conn: conn}
	defer func() { _ = conn.Close() }()
	if tooMany {
		_ = k.send(map[string]any{"type": "disconnect", "reason": "too_many_websockets", "debug_info": map[string]any{"host": "stand-in"}})
		return
	}
	_ = k.send(map[string]any{
		"type": "hello", "num_connections": 1, "connection_info": map[string]any{"app_id": "A0TEST"},
		"debug_info": map[string]any{"host": "stand-in", "approximate_connection_time": 18060},
	})
	stop := make(chan struct{})
	var pinging sync.WaitGroup
	pinging.Go(func() { k.ping(stop) })
	s.mu.Lock()
	s.sockets.open = append(s.sockets.open, k)
	s.broadcast()
	s.mu.Unlock()
	for {
		var got struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if err := conn.ReadJSON(&got); err != nil {
			break
		}
		s.mu.Lock()
		if waiting := s.sockets.waiting[got.EnvelopeID]; waiting != nil {
			delete(s.sockets.waiting, got.EnvelopeID)
			waiting <- ack{got.Payload}
		}
		s.mu.Unlock()
	}
	close(stop)
	pinging.Wait()
	s.drop(k)
}

// ping is what Slack does every few seconds; a client that hears none goes.
func (k *socket) ping(stop <-chan struct{}) {
	for {
		if k.conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(time.Second)) != nil {
			return
		}
		select {
		case <-time.After(5 * time.Second):
		case <-stop:
			return
		}
	}
}

func (s *Server) drop(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.sockets.open {
		if other == k {
			s.sockets.open = append(s.sockets.open[:i], s.sockets.open[i+1:]...)
			break
		}
	}
	s.broadcast()
}

// Disconnect makes Slack end all connections for a reason: "refresh_requested",
// "warning", "too_many_websockets" (the next n are taken back at once, too), or
// "link_disabled" (Socket Mode is off until EnableSockets).
func (s *Server) Disconnect(reason string, n int) {
	s.mu.Lock()
	open := append([]*socket(nil), s.sockets.open...)
	s.sockets.open = nil
	switch reason {
	case "too_many_websockets":
		s.sockets.tooMany = n
	case "link_disabled":
		s.sockets.disabled = true
	}
	s.mu.Unlock()
	for _, k := range open {
		_ = k.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "stand-in"}})
		time.AfterFunc(100*time.Millisecond, func() { _ = k.conn.Close() })
	}
}

// EnableSockets turns Socket Mode on again.
func (s *Server) EnableSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.disabled = false
}

// CloseSockets ends all connections as a failing network does.
func (s *Server) CloseSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sockets.open {
		_ = k.conn.Close()
	}
}

// Sockets is how many connections there are.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets.open)
}

// Listening waits until the application can be delivered to.
func (s *Server) Listening(ctx context.Context) error {
	return s.wait(ctx, func() bool { return s.eventsURL != "" || len(s.sockets.open) > 0 })
}

// attempt is one delivery of one thing.
type attempt struct {
	kind   string // events_api, slash_commands, interactive
	path   string
	body   any
	retry  int
	reason string
}

// deliver sends one thing once and waits for its acknowledgement.
func (s *Server) deliver(ctx context.Context, a attempt) (json.RawMessage, error) {
	if err := s.Listening(ctx); err != nil {
		return nil, fmt.Errorf("%w: nobody listens: %w", ErrNotAcknowledged, err)
	}
	s.mu.Lock()
	base := s.eventsURL
	s.mu.Unlock()
	if base != "" {
		return s.overHTTP(ctx, base, a)
	}
	return s.overSocket(ctx, a)
}

func (s *Server) overSocket(ctx context.Context, a attempt) (json.RawMessage, error) {
	s.mu.Lock()
	if len(s.sockets.open) == 0 {
		s.mu.Unlock()
		return nil, ErrNotAcknowledged
	}
	s.sockets.next++
	k := s.sockets.open[s.sockets.next%len(s.sockets.open)] // any connection may get any event
	id := fmt.Sprintf("envelope-%d", s.sockets.next)
	got := make(chan ack, 1)
	s.sockets.waiting[id] = got
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sockets.waiting, id)
	}()
	out := map[string]any{"type": a.kind, "envelope_id": id, "payload": a.body, "accepts_response_payload": a.kind != "events_api"}
	if a.kind == "events_api" {
		out["retry_attempt"], out["retry_reason"] = a.retry, a.reason
	}
	if err := k.send(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAcknowledged, err)
	}
	select {
	case r := <-got:
		return r.payload, nil
	case <-time.After(s.AckWithin):
		return nil, fmt.Errorf("%w within %s", ErrNotAcknowledged, s.AckWithin)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNotAcknowledged, ctx.Err())
	}
}

// Sign returns the headers that Slack signs a body with, at a time.
func Sign(body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(SigningSecret))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func (s *Server) overHTTP(ctx context.Context, base string, a attempt) (json.RawMessage, error) {
	js, err := json.Marshal(a.body)
	if err != nil {
		return nil, err
	}
	body, contentType := js, "application/json"
	switch a.kind {
	case "interactive":
		body, contentType = []byte(url.Values{"payload": {string(js)}}.Encode()), "application/x-www-form-urlencoded"
	case "slash_commands":
		form := url.Values{}
		for k, v := range a.body.(map[string]any) {
			form.Set(k, fmt.Sprint(v))
		}
		body, contentType = []byte(form.Encode()), "application/x-www-form-urlencoded"
	}
	ctx, cancel := context.WithTimeout(ctx, s.AckWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+a.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = Sign(body, time.Now())
	req.Header.Set("Content-Type", contentType)
	if a.retry > 0 {
		req.Header.Set("X-Slack-Retry-Num", strconv.Itoa(a.retry))
		req.Header.Set("X-Slack-Retry-Reason", a.reason)
	}
	// A connection for each: an idle one would be somebody's goroutine.
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAcknowledged, err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, fmt.Errorf("%w: status %d", ErrNotAcknowledged, resp.StatusCode)
	}
	return got, nil
}

// wrap is the envelope of the Events API.
func (s *Server) wrap(w *Workspace, event map[string]any) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	team := w.ID
	out := map[string]any{
		"token": "verification", "team_id": team, "context_team_id": team, "api_app_id": "A0TEST", "type": "event_callback",
		"event_id": s.id("Ev"), "event_time": time.Now().Unix(), "event": event, "is_ext_shared_channel": false,
		"authorizations": []map[string]any{{
			"enterprise_id": nullable(w.Enterprise), "team_id": team, "user_id": w.BotUser, "is_bot": true, "is_enterprise_install": w.OrgWide,
		}},
	}
	if w.Enterprise != "" {
		out["enterprise_id"], out["context_enterprise_id"] = w.Enterprise, w.Enterprise
	}
	return out
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Event delivers an event, again up to three times until it is acknowledged, as
// Slack does.
func (s *Server) Event(ctx context.Context, w *Workspace, event map[string]any) error {
	body := s.wrap(w, event)
	_, err := s.deliver(ctx, attempt{kind: "events_api", path: "/slack/events", body: body})
	for i, wait := range s.RetryAfter {
		if err == nil || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
		reason := "http_timeout"
		if s.eventsURL == "" {
			reason = "timeout"
		}
		_, err = s.deliver(ctx, attempt{kind: "events_api", path: "/slack/events", body: body, retry: i + 1, reason: reason})
	}
	return err
}

// EventOnce delivers an event once.
func (s *Server) EventOnce(ctx context.Context, w *Workspace, event map[string]any) error {
	_, err := s.deliver(ctx, attempt{kind: "events_api", path: "/slack/events", body: s.wrap(w, event)})
	return err
}

func (c *Channel) kind() string {
	if c.isDirect() {
		return "im"
	}
	return "channel"
}

// MessageEvent is the message as the application hears of it.
func (m *Message) MessageEvent() map[string]any {
	m.Channel.w.s.mu.Lock()
	defer m.Channel.w.s.mu.Unlock()
	e := m.json()
	e["channel"], e["channel_type"], e["event_ts"], e["client_msg_id"] = m.Channel.ID, m.Channel.kind(), m.TS, "c0ffee"
	return e
}

// MentionEvent is the same message as the one who is mentioned hears of it.
func (m *Message) MentionEvent() map[string]any {
	e := m.MessageEvent()
	e["type"] = "app_mention"
	delete(e, "subtype")
	delete(e, "channel_type")
	return e
}

// FileEvent is the news of the message's file.
func (m *Message) FileEvent() map[string]any {
	m.Channel.w.s.mu.Lock()
	defer m.Channel.w.s.mu.Unlock()
	f := m.Files[0]
	return map[string]any{
		"type": "file_shared", "file_id": f.ID, "file": map[string]any{"id": f.ID}, "user_id": m.User, "channel_id": m.Channel.ID, "event_ts": m.TS,
	}
}

// events are all that the application hears of a message, by its scopes.
func (m *Message) events() []map[string]any {
	scopes := strings.Join(m.Channel.w.Scopes, " ")
	var out []map[string]any
	history := "channels:history"
	if m.Channel.isDirect() {
		history = "im:history"
	}
	if strings.Contains(scopes, history) {
		out = append(out, m.MessageEvent())
	}
	if m.mention && !m.Channel.isDirect() && strings.Contains(scopes, "app_mentions:read") {
		out = append(out, m.MentionEvent())
	}
	if len(m.Files) > 0 && strings.Contains(scopes, "files:read") {
		out = append(out, m.FileEvent())
	}
	return out
}

// Tell delivers all events of a message at once, as Slack does, and returns when
// all are acknowledged.
func (s *Server) Tell(ctx context.Context, m *Message) error {
	var all sync.WaitGroup
	events := m.events()
	errs := make([]error, len(events))
	for i, e := range events {
		all.Go(func() { errs[i] = s.Event(ctx, m.Channel.w, e) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// PostClip posts a clip and tells the application.
func (s *Server) PostClip(ctx context.Context, c Clip) (*Message, error) {
	m := s.Post(c)
	return m, s.Tell(ctx, m)
}

// Say posts a text of a person and tells the application.
func (s *Server) Say(ctx context.Context, u *User, c *Channel, thread, text string, mention bool) (*Message, error) {
	s.mu.Lock()
	m := c.add(&Message{ThreadTS: thread, User: u.ID, mention: mention})
	m.Text, m.Blocks = typed(text, c.w.BotUser, mention)
	s.mu.Unlock()
	return m, s.Tell(ctx, m)
}

// Uninstall removes the application from the workspace and tells it so, in two
// events of which either comes first.
func (s *Server) Uninstall(ctx context.Context, w *Workspace, revokedFirst bool) error {
	s.mu.Lock()
	w.Installed = false
	s.mu.Unlock()
	events := []map[string]any{{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": map[string]any{"oauth": []string{}, "bot": []string{w.BotUser}}}}
	if revokedFirst {
		events[0], events[1] = events[1], events[0]
	}
	for _, e := range events {
		if err := s.Event(ctx, w, e); err != nil {
			return err
		}
	}
	return nil
}
