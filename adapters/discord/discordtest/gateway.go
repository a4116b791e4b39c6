package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// The gateway's operations.
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opResume         = 6
	opReconnect      = 7
	opInvalidSession = 9
	opHello          = 10
	opAck            = 11
)

const intentContent = 1 << 15

// session is a bot's, which outlives its connection for a while.
type session struct {
	id      string
	intents int
	seq     int64
	log     []frame // for who resumes
	conn    *conn   // nil while there is none
}

type frame struct {
	Op   int    `json:"op"`
	Data any    `json:"d"`
	Seq  *int64 `json:"s"`
	Type string `json:"t,omitempty"`
}

// conn is a connection. Frames are written by one goroutine, in order.
type conn struct {
	ws   *websocket.Conn
	out  chan any // frame, raw string or closing
	done chan struct{}
	end  sync.Once
	// ending: we have begun to close; what the client says to it is no word of
	// its own on its session.
	ending atomic.Bool
}

// closing is a close frame to be written.
type closing int

func (c *conn) send(v any) {
	select {
	case c.out <- v:
	case <-c.done:
	}
}

func (c *conn) write() {
	for {
		select {
		case v := <-c.out:
			var err error
			switch v := v.(type) {
			case string:
				err = c.ws.WriteMessage(websocket.TextMessage, []byte(v))
			case closing:
				c.ending.Store(true)
				err = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(int(v), ""), time.Now().Add(time.Second))
				c.stop()
			default:
				err = c.ws.WriteJSON(v)
			}
			if err != nil {
				c.stop()
			}
		case <-c.done:
			return
		}
	}
}

func (c *conn) stop() {
	c.end.Do(func() {
		close(c.done)
		_ = c.ws.Close()
	})
}

func (s *Server) getGateway(*request) (any, *refusal) {
	return map[string]any{
		"url": "ws" + strings.TrimPrefix(s.http.URL, "http") + "/gateway/ws/", "shards": 1,
		"session_start_limit": map[string]any{"total": 1000, "remaining": 1000 - s.identified, "reset_after": 0, "max_concurrency": 1},
	}, nil
}

func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &conn{ws: ws, out: make(chan any, 1024), done: make(chan struct{})}
	s.mu.Lock()
	s.conns[c] = true
	if q := r.URL.Query(); q.Get("encoding") != "json" || q.Get("v") == "" {
		s.violate("gateway: %s", r.URL.RawQuery)
	}
	s.mu.Unlock()
	var writing sync.WaitGroup
	writing.Go(c.write)
	c.send(frame{Op: opHello, Data: map[string]any{"heartbeat_interval": s.heartbeat().Milliseconds()}})
	s.read(c)
	c.stop()
	writing.Wait()
	s.mu.Lock()
	delete(s.conns, c)
	for _, sess := range s.sessions {
		if sess.conn == c {
			sess.conn = nil
		}
	}
	s.change()
	s.mu.Unlock()
}

func (s *Server) heartbeat() time.Duration { return 41250 * time.Millisecond }

// read takes what a client sends until the connection ends.
func (s *Server) read(c *conn) {
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if ce, ok := err.(*websocket.CloseError); ok { //nolint:errorlint // gorilla's own, never wrapped
				closed = ce
			}
			if closed != nil && !c.ending.Load() && (closed.Code == websocket.CloseNormalClosure || closed.Code == websocket.CloseGoingAway) {
				s.endSession(c)
			}
			return
		}
		var in struct {
			Op   int             `json:"op"`
			Data json.RawMessage `json:"d"`
		}
		if err := json.Unmarshal(b, &in); err != nil {
			c.send(closing(4002))
			return
		}
		if s.odd(c, in.Op) {
			continue
		}
		switch in.Op {
		case opHeartbeat:
			s.mu.Lock()
			mute := s.muteAcks
			s.mu.Unlock()
			if !mute {
				c.send(frame{Op: opAck})
			}
		case opIdentify:
			s.identify(c, in.Data)
		case opResume:
			s.resume(c, in.Data)
		default:
			s.mu.Lock()
			s.violate("gateway: operation %d", in.Op)
			s.mu.Unlock()
			c.send(closing(4001))
		}
	}
}

// odd answers an operation with what a test has put in place of its answer.
func (s *Server) odd(c *conn, op int) bool {
	s.mu.Lock()
	var frames []string
	if s.quirk != nil {
		n := s.identified
		if op == opResume {
			n = s.resumed
		}
		frames = s.quirk(op, n)
		if frames != nil && op == opIdentify {
			s.identified++
		}
	}
	s.mu.Unlock()
	for _, f := range frames {
		if code := 0; strings.HasPrefix(f, "close ") {
			_, _ = fmt.Sscanf(f, "close %d", &code)
			c.send(closing(code))
			continue
		}
		c.send(f)
	}
	return frames != nil
}

// endSession forgets a session that its client closed in order.
func (s *Server) endSession(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sess := range s.sessions {
		if sess.conn == c {
			delete(s.sessions, id)
		}
	}
}

func (s *Server) identify(c *conn, data json.RawMessage) {
	var in struct {
		Token      string            `json:"token"`
		Intents    *int              `json:"intents"`
		Properties map[string]string `json:"properties"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identified++
	switch err := json.Unmarshal(data, &in); {
	case err != nil:
		c.send(closing(4002))
		return
	case in.Token != "Bot "+Token && in.Token != Token:
		c.send(closing(4004))
		return
	case in.Intents == nil || *in.Intents < 0:
		c.send(closing(4013))
		return
	case *in.Intents&intentContent != 0 && !s.content:
		c.send(closing(4014))
		return
	}
	if *in.Intents&^(1|1<<9|1<<12|intentContent) != 0 {
		s.violate("gateway: intents %b are more than mynah needs", *in.Intents)
	}
	sess := &session{id: "s" + s.nextID(), intents: *in.Intents, conn: c}
	s.sessions[sess.id] = sess
	guilds := []any{}
	for _, g := range s.guilds {
		guilds = append(guilds, map[string]any{"id": g.id, "unavailable": true})
	}
	s.deliver(sess, "READY", map[string]any{
		"v": 9, "user": s.bot.json(), "guilds": guilds, "session_id": sess.id, "private_channels": []any{},
		"resume_gateway_url": "ws" + strings.TrimPrefix(s.http.URL, "http") + "/gateway/ws/",
		"application":        map[string]any{"id": s.app, "flags": 0},
	})
	for _, g := range s.guilds {
		s.deliver(sess, "GUILD_CREATE", s.guildJSON(g))
	}
	s.change()
}

func (s *Server) guildJSON(g *guild) map[string]any {
	channels, threads := []any{}, []any{}
	for _, id := range g.channels {
		if c := s.channels[id]; !c.gone {
			channels = append(channels, s.channelJSON(c))
		}
	}
	for _, id := range g.threads {
		if c := s.channels[id]; !c.gone && !c.archived {
			threads = append(threads, s.channelJSON(c))
		}
	}
	return map[string]any{
		"id": g.id, "name": g.name, "unavailable": false, "joined_at": timeOf(g.id).UTC().Format(time.RFC3339),
		"channels": channels, "threads": threads, "members": []any{}, "roles": []any{}, "emojis": []any{},
	}
}

func (s *Server) resume(c *conn, data json.RawMessage) {
	var in struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     int64  `json:"seq"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumed++
	if err := json.Unmarshal(data, &in); err != nil {
		c.send(closing(4002))
		return
	}
	sess := s.sessions[in.Session]
	switch {
	case in.Token != "Bot "+Token && in.Token != Token:
		c.send(closing(4004))
		return
	case sess == nil:
		c.send(frame{Op: opInvalidSession, Data: false})
		return
	case in.Seq > sess.seq:
		c.send(closing(4007))
		return
	}
	sess.conn = c
	for _, f := range sess.log {
		if *f.Seq > in.Seq {
			c.send(f)
		}
	}
	s.deliver(sess, "RESUMED", map[string]any{})
	s.change()
}

// deliver sends an event to a session, and keeps it for a resume. s.mu is held.
func (s *Server) deliver(sess *session, event string, data any) {
	b, err := json.Marshal(data) // as it is now
	if err != nil {
		panic(err)
	}
	sess.seq++
	seq := sess.seq
	f := frame{Op: opDispatch, Data: json.RawMessage(b), Seq: &seq, Type: event}
	if sess.log = append(sess.log, f); len(sess.log) > 5000 {
		sess.log = sess.log[len(sess.log)-2500:]
	}
	if sess.conn != nil {
		sess.conn.send(f)
	}
}

// dispatch sends an event to all sessions. s.mu is held.
func (s *Server) dispatch(event string, data any) {
	for _, sess := range s.sessions {
		s.deliver(sess, event, data)
	}
}

// announce tells of a message, as each session's intents allow. s.mu is held.
func (s *Server) announce(m *message) {
	for _, sess := range s.sessions {
		j := s.messageJSON(m, sess.intents&intentContent != 0)
		if m.nonce != "" {
			j["nonce"] = m.nonce
		}
		s.deliver(sess, "MESSAGE_CREATE", j)
	}
}

// Dispatch sends any event, as it is, to all sessions.
func (s *Server) Dispatch(event string, data json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dispatch(event, data)
}

// Sessions is how many sessions have a connection.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected()
}

func (s *Server) connected() int {
	n := 0
	for _, sess := range s.sessions {
		if sess.conn != nil {
			n++
		}
	}
	return n
}

// Identified and Resumed count sessions' beginnings and resumptions.
func (s *Server) Identified() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identified
}

// Resumed counts resumptions, tried ones too.
func (s *Server) Resumed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resumed
}

// Drop closes every gateway connection with a code; 0 breaks it off.
func (s *Server) Drop(code int) {
	s.each(func(c *conn) {
		if code == 0 {
			c.stop()
			return
		}
		c.send(closing(code))
	})
}

// Reconnect asks every connection to come back.
func (s *Server) Reconnect() { s.each(func(c *conn) { c.send(frame{Op: opReconnect}) }) }

// Forget forgets every session: none can be resumed.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = map[string]*session{}
}

// InvalidateSessions forgets every session and says so.
func (s *Server) InvalidateSessions() {
	s.Forget()
	s.each(func(c *conn) { c.send(frame{Op: opInvalidSession, Data: false}) })
}

func (s *Server) each(f func(c *conn)) {
	s.mu.Lock()
	var all []*conn
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

// MuteAcks makes the gateway leave heartbeats without an answer, or not.
func (s *Server) MuteAcks(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muteAcks = on
}

// Quirk puts frames in place of the answer to an operation (2 identify, 6
// resume); f gets the operation and how many there were before, and returns nil
// for the ordinary answer. A frame of "close 4000" closes the connection.
func (s *Server) Quirk(f func(op, n int) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirk = f
}

// DenyUserInstall says in the portal that people can't install the bot for
// themselves.
func (s *Server) DenyUserInstall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.installs, "1")
}

// SetContentIntent switches the privileged intent on or off in the portal.
func (s *Server) SetContentIntent(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content = on
}
