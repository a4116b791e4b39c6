package playground

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/mynah-coach/mynah/coach"
)

// Limits of the HTTP server.
const (
	headerTimeout  = 5 * time.Second  // a client that trickles its header
	readTimeout    = 60 * time.Second // a client that trickles its recording
	writeTimeout   = 90 * time.Second // beyond readTimeout: a slow upload is answered too
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	maxConnections = 1024
	maxStreams     = 256 // open event streams

	shutdownTimeout = 3500 * time.Millisecond // for requests under way when Listen's ctx ends
)

// Listen implements coach.Adapter: it serves the page and its API until ctx
// ends, and gives requests under way a few seconds to finish.
func (p *Playground) Listen(ctx context.Context, in coach.Inbox) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.cfg.Addr)
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	s, err := newServer(ctx, p, in)
	if err != nil {
		return errors.Join(fmt.Errorf("playground: %w", err), listener.Close())
	}

	// Requests outlive ctx by shutdownTimeout: a recording that has been sent is
	// accepted all the same.
	requests, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	server := &http.Server{
		Handler:           s.handler(),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug), // clients' broken connections
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()
	if p.cfg.Ready != nil {
		p.cfg.Ready(pageURL(listener.Addr()))
	}

	select {
	case err := <-served:
		cutOff()
		s.handlers.Lock() // waits for the handlers, and lets no more in
		return fmt.Errorf("playground: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(requests, shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		p.log.Warn("requests cut off at shutdown", "error", err)
		cutOff()
		_ = server.Close() // it has nothing left to report
	}
	err = <-served
	s.handlers.Lock() // waits for the handlers, and lets no more in
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("playground: %w", err)
	}
	return nil
}

// pageURL is how a browser on this machine reaches the listener.
func pageURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String() + "/"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// server is one Listen.
type server struct {
	*Playground
	in       coach.Inbox
	closing  <-chan struct{} // event streams end with it
	handlers sync.RWMutex    // held for reading by every handler at work
	streams  chan struct{}   // a slot for each open event stream
	uploads  turnstile
	page     http.Handler
	hosts    map[string]bool
}

func newServer(ctx context.Context, p *Playground, in coach.Inbox) (*server, error) {
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	s := &server{
		Playground: p,
		in:         in,
		closing:    ctx.Done(),
		streams:    make(chan struct{}, maxStreams),
		page:       page,
		hosts:      map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true},
	}
	if host, _, err := net.SplitHostPort(p.cfg.Addr); err == nil && host != "" {
		s.hosts[strings.ToLower(host)] = true
	}
	for _, h := range p.cfg.AllowedHosts {
		s.hosts[strings.ToLower(h)] = true
	}
	return s, nil
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/notes", s.postNote)
	mux.HandleFunc("GET /api/notes/{id}", s.getNote)
	mux.HandleFunc("GET /api/events", s.getEvents)
	mux.HandleFunc("GET /api/thread", s.getThread)
	mux.HandleFunc("DELETE /api/thread", s.deleteThread)
	mux.HandleFunc("GET /api/settings", s.getSettings)
	mux.HandleFunc("GET /", s.getPage)

	guarded := s.allowedHost(http.NewCrossOriginProtection().Handler(mux))
	outer := http.NewServeMux()
	// A probe calls us by any name, and learns nothing but that we are up.
	outer.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	outer.Handle("/", guarded)
	return s.counted(secured(outer))
}

// counted lets Listen wait for every handler: http.Server.Close does not.
func (s *server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.handlers.TryRLock() { // Listen is returning
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer s.handlers.RUnlock()
		next.ServeHTTP(w, r)
	})
}

// allowedHost refuses requests by a name that is not ours.
func (s *server) allowedHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hosts[hostName(r.Host)] {
			http.Error(w, "This host name is not among the playground's allowed hosts.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName is a Host header without its port and brackets, in lower case.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(host)
}

// secured sets what every response says to the browser: load nothing from
// elsewhere, run no inline script, be framed by nobody, keep the microphone
// to this page.
func secured(next http.Handler) http.Handler {
	headers := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
			"connect-src 'self'; media-src blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; " +
			"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"X-Frame-Options":              "DENY",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), " +
			"payment=(), usb=(), serial=()",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		next.ServeHTTP(w, r)
	})
}

// turnstile lets one request at a time work on a note, so that twins of a POST
// don't put a recording back that has been answered and released.
type turnstile struct {
	mu   sync.Mutex
	busy map[coach.NoteID]chan struct{} // closed when the note is free again
}

// enter waits until the note is free or ctx ends. leave must be called after a
// nil error.
func (t *turnstile) enter(ctx context.Context, id coach.NoteID) (leave func(), err error) {
	for {
		t.mu.Lock()
		other, taken := t.busy[id]
		if !taken {
			if t.busy == nil {
				t.busy = map[coach.NoteID]chan struct{}{}
			}
			free := make(chan struct{})
			t.busy[id] = free
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.busy, id)
				close(free)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
