// Package discordtest is a stand-in of Discord: its REST API, gateway and CDN on
// loopback, held to what Discord documents. It is strict where Discord is
// lenient: an unknown key, a missing list of allowed mentions, a text that is too
// long is refused, and remembered as a violation that fails the test.
//
// A test makes a Server, peoples it (AddGuild, AddChannel, AddUser), acts as its
// people do (Voice, Say, Command, Press, ...), and reads what they see (See).
// Misbehaviour of Discord's is had by Fail, Limit, Drop and their like.
package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Token is the bot's.
const Token = "MTAw.Gabcde.not-a-real-token"

const version = "/api/v9"

// Server is the stand-in. Its methods are safe for concurrent use.
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	changed  chan struct{} // closed at the next change that somebody may wait for
	clock    time.Duration // ahead of the real one
	lastID   uint64
	bot      *User
	app      string
	content  bool // the message-content intent is on in the portal
	installs map[string]any
	users    map[string]*User
	guilds   map[string]*guild
	channels map[string]*channel
	commands []json.RawMessage
	puts     int

	interactions map[string]*Interaction // by token
	sessions     map[string]*session
	conns        map[*conn]bool
	muteAcks     bool
	quirk        func(op int, n int) []string // extra frames instead of an operation's answer
	identified   int
	resumed      int

	limits     map[string]Limit // by route
	windows    map[string]*window
	global     Limit
	globalSeen window
	faults     []*fault
	chaos      func(route string) Fault
	requests   map[string]int
	blobs      map[string]*blob
	violations []string
	limited    int
}

// NewServer starts a stand-in that ends with the test. The test fails for every
// violation that was not looked at with Violations.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := New()
	t.Cleanup(func() {
		s.Close()
		for _, v := range s.Violations() {
			t.Errorf("Discord would not have it: %s", v)
		}
	})
	return s
}

// New is NewServer for programs that are no tests. The caller closes it.
func New() *Server {
	s := &Server{
		changed: make(chan struct{}), content: true, installs: map[string]any{"0": map[string]any{}, "1": map[string]any{}},
		users: map[string]*User{}, guilds: map[string]*guild{}, channels: map[string]*channel{},
		interactions: map[string]*Interaction{}, sessions: map[string]*session{}, conns: map[*conn]bool{},
		limits: map[string]Limit{}, windows: map[string]*window{}, global: Limit{50, time.Second},
		requests: map[string]int{}, blobs: map[string]*blob{},
	}
	s.app = s.nextID()
	s.bot = &User{ID: s.nextID(), Name: "mynah", Bot: true}
	s.users[s.bot.ID] = s.bot
	for _, l := range []struct {
		route string
		Limit
	}{
		{"POST /channels/{channel}/messages", Limit{5, 5 * time.Second}},
		{"POST /channels/{channel}/messages/{message}/threads", Limit{10, 5 * time.Second}},
		{"POST /channels/{channel}/typing", Limit{5, 5 * time.Second}},
		{"GET /channels/{channel}/messages", Limit{5, time.Second}},
		{"GET /channels/{channel}/messages/{message}", Limit{5, time.Second}},
		{"POST /webhooks/{application}/{token}", Limit{5, 2 * time.Second}},
		{"PATCH /webhooks/{application}/{token}/messages/{message}", Limit{5, 2 * time.Second}},
	} {
		s.limits[l.route] = l.Limit
	}
	s.http = httptest.NewServer(s.routes())
	return s
}

// Close ends all connections and the server.
func (s *Server) Close() {
	s.mu.Lock()
	for c := range s.conns {
		_ = c.ws.NetConn().Close()
	}
	s.mu.Unlock()
	s.http.CloseClientConnections()
	s.http.Close()
}

// APIURL is where the API answers: what Config.APIURL is set to.
func (s *Server) APIURL() string { return s.http.URL + version }

// ApplicationID and BotID are the bot's.
func (s *Server) ApplicationID() string { return s.app }

// BotID is the bot's user.
func (s *Server) BotID() string { return s.bot.ID }

// Violations returns what Discord would not have accepted, and forgets it.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.violations
	s.violations = nil
	return v
}

// violate remembers a violation. s.mu is held.
func (s *Server) violate(format string, args ...any) {
	if len(s.violations) < 50 {
		s.violations = append(s.violations, fmt.Sprintf(format, args...))
	}
}

// Requests is how many requests of a route were made ("POST /channels/{channel}/messages").
func (s *Server) Requests(route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[route]
}

// change wakes whoever waits. s.mu is held.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// epoch is where Discord's identifiers begin.
const epoch = 1420070400000

func (s *Server) now() time.Time { return time.Now().Add(s.clock) }

// nextID makes an identifier, later than all before. s.mu is held, or nobody else
// is there yet.
func (s *Server) nextID() string {
	id := uint64(s.now().UnixMilli()-epoch) << 22
	if id <= s.lastID {
		id = s.lastID + 1
	}
	s.lastID = id
	return strconv.FormatUint(id, 10)
}

// Advance puts Discord's clock forward: links expire, interactions die.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock += d
}

// refusal is an error answer.
type refusal struct {
	status, code int
	message      string
	ordinary     bool // it can happen to who does nothing wrong
}

func refuse(status, code int, message string) *refusal {
	return &refusal{status, code, message, false}
}

// The refusals that are documented.
func unknownChannel() *refusal { return refuse(404, 10003, "Unknown Channel") }
func unknownMessage() *refusal { return refuse(404, 10008, "Unknown Message") }
func unknownWebhook() *refusal { return refuse(404, 10015, "Unknown Webhook") }
func noAccess() *refusal       { return refuse(403, 50001, "Missing Access") }
func noPermission() *refusal   { return refuse(403, 50013, "Missing Permissions") }
func badForm(what string) *refusal {
	return refuse(400, 50035, "Invalid Form Body: "+what)
}

// request is one of the API's.
type request struct {
	*http.Request
	body  []byte
	files map[int]upload
}

type upload struct {
	name, kind string
	data       []byte
}

type handler func(r *request) (any, *refusal)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for route, h := range map[string]handler{
		"GET /gateway":                                             s.getGateway,
		"GET /gateway/bot":                                         s.getGateway,
		"GET /users/@me":                                           s.getMe,
		"GET /users/@me/guilds":                                    s.getGuilds,
		"POST /users/@me/channels":                                 s.postDM,
		"GET /applications/@me":                                    s.getApplication,
		"GET /applications/{application}/commands":                 s.getCommands,
		"PUT /applications/{application}/commands":                 s.putCommands,
		"GET /channels/{channel}":                                  s.getChannel,
		"GET /guilds/{guild}":                                      s.getGuild,
		"GET /channels/{channel}/threads/archived/public":          s.getArchived,
		"GET /channels/{channel}/messages":                         s.getMessages,
		"GET /channels/{channel}/messages/{message}":               s.getMessage,
		"POST /channels/{channel}/messages":                        s.postMessage,
		"POST /channels/{channel}/typing":                          s.postTyping,
		"POST /channels/{channel}/messages/{message}/threads":      s.postThread,
		"POST /interactions/{interaction}/{token}/callback":        s.postCallback,
		"POST /webhooks/{application}/{token}":                     s.postFollowup,
		"GET /webhooks/{application}/{token}/messages/{message}":   s.getWebhookMessage,
		"PATCH /webhooks/{application}/{token}/messages/{message}": s.patchWebhookMessage,
	} {
		method, path, _ := strings.Cut(route, " ")
		mux.Handle(method+" "+version+path, s.serve(route, h))
	}
	mux.HandleFunc("GET /gateway/ws/", s.serveGateway)
	mux.HandleFunc("GET /attachments/", s.serveBlob)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.violate("%s %s is no route that this stand-in knows", r.Method, r.URL.Path)
		s.mu.Unlock()
		write(w, 404, map[string]any{"message": "404: Not Found", "code": 0})
	})
	return mux
}

// serve is a route with all that is common to them: limits, faults, the token,
// the body.
func (s *Server) serve(route string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[route]++
		s.mu.Unlock()
		req, wrong := readRequest(r)
		f := s.faultOf(route)
		if !s.pass(w, route, r, f) {
			return
		}
		if r.Header.Get("Authorization") != "Bot "+Token && !strings.Contains(route, "{token}") {
			write(w, 401, map[string]any{"message": "401: Unauthorized", "code": 0})
			return
		}
		if f.Hang > 0 {
			select {
			case <-time.After(f.Hang):
			case <-r.Context().Done():
				return
			}
		}
		if f.Status != 0 && !f.After {
			fail(w, f)
			return
		}
		var answer any
		if wrong == nil {
			s.mu.Lock()
			answer, wrong = h(req)
			s.change()
			s.mu.Unlock()
		}
		switch {
		case f.Status != 0:
			fail(w, f)
		case wrong != nil:
			if !wrong.ordinary && (wrong.code == 50035 || wrong.code == 50109 || wrong.code == 50006) {
				s.mu.Lock()
				s.violate("%s: %s", route, wrong.message)
				s.mu.Unlock()
			}
			write(w, wrong.status, map[string]any{"message": wrong.message, "code": wrong.code})
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			write(w, http.StatusOK, answer)
		}
	})
}

// fail answers as a proxy before Discord does, or breaks the connection.
func fail(w http.ResponseWriter, f Fault) {
	if f.Status < 0 {
		panic(http.ErrAbortHandler)
	}
	if f.Code != 0 {
		write(w, f.Status, map[string]any{"message": "refused", "code": f.Code})
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, "<html><body>upstream connect error</body></html>")
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away
}

// readRequest reads JSON, or a multipart body with files.
func readRequest(r *http.Request) (*request, *refusal) {
	req := &request{Request: r, files: map[int]upload{}}
	all, err := io.ReadAll(io.LimitReader(r.Body, 26<<20))
	if err != nil {
		return req, badForm("the body broke off")
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(all) > 25<<20 {
		return req, refuse(413, 40005, "Request entity too large")
	}
	if err != nil || kind != "multipart/form-data" {
		if len(all) > 0 && kind != "application/json" {
			return req, badForm("a body of type " + kind)
		}
		req.body = all
		return req, nil
	}
	parts := multipart.NewReader(bytes.NewReader(all), params["boundary"])
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return req, nil
		}
		if err != nil {
			return req, badForm("the parts can't be read")
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return req, badForm("a part broke off")
		}
		if p.FormName() == "payload_json" {
			req.body = b
			continue
		}
		var n int
		if _, err := fmt.Sscanf(p.FormName(), "files[%d]", &n); err != nil || p.FileName() == "" {
			return req, badForm("a part called " + p.FormName())
		}
		if len(b) > 10<<20 {
			return req, refuse(413, 40005, "Request entity too large")
		}
		req.files[n] = upload{p.FileName(), p.Header.Get("Content-Type"), b}
	}
}
