// Package slacktest is a stand-in of Slack, held to Slack's documentation: its
// Web API, Socket Mode, the Events API over HTTP, files, response URLs, views and
// installations. A test drives a real client against it over loopback, puts
// workspaces, people and clips into it, and looks at it through a person's eyes:
// what they see, can press, choose and fill in.
//
// It is strict where Slack is: tokens, scopes, membership, the limits of Block
// Kit and of texts, uses and lives of response URLs and triggers. It misbehaves
// where Slack does, when it is told to.
package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The application's own secrets, the same in every Server.
const (
	AppToken      = "xapp-1-A0TEST-1-stand-in"
	SigningSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	ClientID      = "111.222"
	ClientSecret  = "the-client-secret-of-the-stand-in"
)

// Server is the stand-in. Make one with NewServer. Safe for concurrent use.
type Server struct {
	t    testing.TB
	http *httptest.Server

	// AckWithin is how long a delivery may take to be acknowledged, three seconds
	// as Slack's.
	AckWithin time.Duration
	// RetryAfter are the waits before the three redeliveries of Redeliver; Slack's
	// are none, a minute and five.
	RetryAfter []time.Duration

	mu         sync.Mutex
	changed    chan struct{} // closed at the next change
	next       int           // of identifiers
	clock      int64         // of time stamps: micro seconds, each one once
	workspaces []*Workspace
	tokens     map[string]*Workspace
	channels   map[string]*Channel
	files      map[string]*File
	views      map[string]*view
	homes      map[string]*view // by user
	hooks      map[string]*hook
	triggers   map[string]*trigger
	codes      map[string]*Workspace
	refresh    map[string]*Workspace
	uploads    map[string]*File
	faults     []*fault
	chaos      func(method string) Fault
	limits     map[string]time.Time
	calls      map[string]int
	shows      []show
	problems   []string
	sockets    sockets
	eventsURL  string
}

// NewServer starts a stand-in and ends it with the test, which it fails when a
// client sent what Slack would have refused as malformed.
func NewServer(t testing.TB) *Server {
	s := &Server{
		t: t, AckWithin: 3 * time.Second, RetryAfter: []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond},
		changed: make(chan struct{}), clock: time.Now().UnixMicro(),
		tokens: map[string]*Workspace{}, channels: map[string]*Channel{}, files: map[string]*File{},
		views: map[string]*view{}, homes: map[string]*view{}, hooks: map[string]*hook{}, triggers: map[string]*trigger{},
		codes: map[string]*Workspace{}, refresh: map[string]*Workspace{}, uploads: map[string]*File{},
		limits: map[string]time.Time{}, calls: map[string]int{},
	}
	s.sockets.tickets = map[string]bool{}
	s.sockets.waiting = map[string]chan ack{}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.api)
	mux.HandleFunc("GET /link", s.link)
	mux.HandleFunc("POST /hooks/{id}", s.hook)
	mux.HandleFunc("GET /files-pri/{id}/{name}", s.download)
	mux.HandleFunc("POST /upload/{id}", s.upload)
	mux.HandleFunc("GET /signin", s.signIn)
	mux.HandleFunc("GET /oauth/v2/authorize", s.authorize)
	s.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		for _, p := range s.Problems() {
			t.Errorf("slacktest: %s", p)
		}
	})
	return s
}

// Close ends the stand-in before its test ends. It may be repeated.
func (s *Server) Close() {
	s.CloseSockets()
	s.http.CloseClientConnections()
	s.http.Close()
}

// URL is where the stand-in is.
func (s *Server) URL() string { return s.http.URL }

// APIURL is that of the Web API, with its slash.
func (s *Server) APIURL() string { return s.http.URL + "/api/" }

// Problems returns what clients sent that Slack would have refused as malformed,
// and forgets it: what a test expects is no failure.
func (s *Server) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.problems
	s.problems = nil
	return p
}

// Calls is how often a method of the Web API was called.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Fault is how a call goes wrong.
type Fault int

// The ways in which calls go wrong.
const (
	NoFault     Fault = iota
	FailBefore        // a 500, and nothing has happened
	FailAfter         // a 500, though it has happened
	BreakBefore       // the connection breaks
	BreakAfter        // it breaks when it has happened
	LimitOnce         // a 429 with a Retry-After of one second, which is then over
)

// Chaos lets calls of the Web API go wrong as choose says, one at a time; nil
// ends it.
func (s *Server) Chaos(choose func(method string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chaos = choose
}

// chosen is the fault that a call has by chaos.
func (s *Server) chosen(method string) *fault {
	if s.chaos == nil {
		return nil
	}
	broken := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	failed := func(w http.ResponseWriter) { http.Error(w, "<html>oops</html>", http.StatusBadGateway) }
	switch s.chaos(method) {
	case FailBefore:
		return &fault{method, false, failed}
	case FailAfter:
		return &fault{method, true, failed}
	case BreakBefore:
		return &fault{method, false, broken}
	case BreakAfter:
		return &fault{method, true, broken}
	case LimitOnce:
		return &fault{method, false, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}}
	}
	return nil
}

// fault is one call that goes wrong.
type fault struct {
	method string
	after  bool
	answer func(w http.ResponseWriter)
}

// Fail makes the next call of a method fail with a 500: before it has taken
// effect, or after, so that only the answer is lost.
func (s *Server) Fail(method string, after bool) {
	s.fault(method, after, func(w http.ResponseWriter) { http.Error(w, "<html>oops</html>", http.StatusInternalServerError) })
}

// Refuse makes the next call of a method be answered with an error code.
func (s *Server) Refuse(method, code string) {
	s.fault(method, false, func(w http.ResponseWriter) { refuse(w, code) })
}

func (s *Server) fault(method string, after bool, answer func(w http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{method, after, answer})
}

// Limit makes a method answer 429 for d, with what is left of it as Retry-After;
// in one channel alone where that is not "".
func (s *Server) Limit(method, channel string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[method+"/"+channel] = time.Now().Add(d)
}

// takeFault takes the first fault of a method.
func (s *Server) takeFault(method string) *fault {
	i := slices.IndexFunc(s.faults, func(f *fault) bool { return f.method == method })
	if i < 0 {
		return nil
	}
	f := s.faults[i]
	s.faults = slices.Delete(s.faults, i, i+1)
	return f
}

// call is one call of the Web API.
type call struct {
	w      *Workspace
	method string
	args   url.Values
}

// refused is a call's error code, with its details.
type refused struct {
	code     string
	messages []string
	needed   string
}

func (r *refused) Error() string { return r.code }

func no(code string) error { return &refused{code: code} }

func refuse(w http.ResponseWriter, code string) {
	answer(w, map[string]any{"ok": false, "error": code})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

// api answers one method of the Web API.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	method := r.PathValue("method")
	args, err := arguments(r)
	if err != nil {
		refuse(w, "invalid_form_data")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	if s.limited(w, method, args.Get("channel")) {
		return
	}
	f := s.takeFault(method)
	if f == nil {
		f = s.chosen(method)
	}
	if f != nil && !f.after {
		f.answer(w)
		return
	}
	got, err := s.do(w, method, args, token(r, args))
	s.broadcast()
	if f != nil {
		f.answer(w)
		return
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	if got == nil {
		got = map[string]any{}
	}
	got["ok"] = true
	answer(w, got)
}

func (s *Server) refuse(w http.ResponseWriter, err error) {
	out := map[string]any{"ok": false, "error": err.Error()}
	if r, ok := err.(*refused); ok { //nolint:errorlint // our own, never wrapped
		if len(r.messages) > 0 {
			out["response_metadata"] = map[string]any{"messages": r.messages}
		}
		if r.needed != "" {
			out["needed"] = r.needed
		}
	}
	answer(w, out)
}

func (s *Server) limited(w http.ResponseWriter, method, channel string) bool {
	for _, key := range []string{method + "/", method + "/" + channel} {
		if left := time.Until(s.limits[key]); left > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((left + time.Second - 1).Seconds())))
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"ok":false,"error":"ratelimited"}`))
			return true
		}
	}
	return false
}

// arguments reads a form, or a JSON body whose values stay JSON.
func arguments(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err := r.ParseForm()
		return r.PostForm, err
	}
	var body map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	args := url.Values{}
	for k, v := range body {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		args.Set(k, text)
	}
	return args, nil
}

func token(r *http.Request, args url.Values) string {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && bearer != "" {
		return bearer
	}
	return args.Get("token")
}

// do carries a method out.
func (s *Server) do(w http.ResponseWriter, method string, args url.Values, token string) (map[string]any, error) {
	switch method {
	case "apps.connections.open":
		return s.openSocket(token)
	case "oauth.v2.access":
		return s.access(args)
	}
	m, known := methods()[method]
	if !known {
		return nil, no("unknown_method")
	}
	ws := s.tokens[token]
	switch {
	case token == "":
		return nil, no("not_authed")
	case ws == nil:
		return nil, no("invalid_auth")
	case !ws.Installed:
		return nil, no("account_inactive")
	case ws.Token != token:
		return nil, no("token_expired")
	}
	w.Header().Set("X-OAuth-Scopes", strings.Join(ws.Scopes, ","))
	if m.scope != "" && !slices.Contains(ws.Scopes, m.scope) {
		return nil, &refused{code: "missing_scope", needed: m.scope}
	}
	return m.do(s, call{ws, method, args})
}

// method is one of the Web API's that need a bot token.
type method struct {
	scope string
	do    func(s *Server, c call) (map[string]any, error)
}

func methods() map[string]method {
	return map[string]method{
		"auth.test":                    {"", (*Server).authTest},
		"users.info":                   {"users:read", (*Server).usersInfo},
		"chat.postMessage":             {"chat:write", (*Server).postMessage},
		"chat.postEphemeral":           {"chat:write", (*Server).postEphemeral},
		"conversations.open":           {"im:write", (*Server).conversationsOpen},
		"conversations.history":        {"", (*Server).history},
		"conversations.replies":        {"", (*Server).history},
		"files.info":                   {"files:read", (*Server).filesInfo},
		"files.getUploadURLExternal":   {"files:write", (*Server).getUploadURL},
		"files.completeUploadExternal": {"files:write", (*Server).completeUpload},
		"reactions.add":                {"reactions:write", (*Server).react},
		"reactions.remove":             {"reactions:write", (*Server).react},
		"assistant.threads.setStatus":  {"chat:write", (*Server).setStatus},
		"views.open":                   {"", (*Server).viewsOpen},
		"views.push":                   {"", (*Server).viewsOpen},
		"views.update":                 {"", (*Server).viewsUpdate},
		"views.publish":                {"", (*Server).viewsPublish},
	}
}

// Tally counts the bot's messages by the value of a key of their metadata.
func (s *Server) Tally(key string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, c := range s.channels {
		for _, m := range c.messages {
			var meta struct {
				EventPayload map[string]any `json:"event_payload"`
			}
			if m.User == "" && len(m.Metadata) > 0 && json.Unmarshal(m.Metadata, &meta) == nil && !m.deleted {
				count[fmt.Sprint(meta.EventPayload[key])]++
			}
		}
	}
	return count
}

// broadcast tells who waits that something changed.
func (s *Server) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until a condition holds. The condition is called under the lock.
func (s *Server) wait(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := holds(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// id makes an identifier of a kind: C, D, F, T, U ...
func (s *Server) id(kind string) string {
	s.next++
	return fmt.Sprintf("%s0%07X", kind, s.next)
}

// ts makes a time stamp, later than all before.
func (s *Server) ts() string {
	s.clock = max(s.clock+1, time.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.clock/1e6, s.clock%1e6)
}

func (s *Server) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}
