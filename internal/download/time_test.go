package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory, so that time stands under
// synctest while both ends wait.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs f with a host, and a client that asks it, whose time is
// synctest's.
func inBubble(t *testing.T, h http.HandlerFunc, f func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
		s.StartTLS()
		defer s.Close()
		p := &platform{Server: s, c: New(Config{Hosts: []string{"files.example.com"}, MaxBytes: limit})}
		p.trust(t, l.dial)
		f(t, p.c)
		p.c.CloseIdleConnections()
	})
}

// write sends bytes at once.
func write(w http.ResponseWriter, text string) {
	fmt.Fprint(w, text)
	_ = http.NewResponseController(w).Flush()
}

func TestTimeLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		h     http.HandlerFunc
		bytes int
		want  error // nil: any
		after time.Duration
	}{
		"no header": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 0, nil, headerLimit},
		"no body": {func(w http.ResponseWriter, r *http.Request) {
			write(w, "")
			<-r.Context().Done()
		}, 0, errLate, idleLimit},
		"a body that stands still": {func(w http.ResponseWriter, r *http.Request) {
			write(w, strings.Repeat("a", 600))
			<-r.Context().Done()
		}, 600, errLate, idleLimit},
		"a body that drips": {func(w http.ResponseWriter, r *http.Request) {
			write(w, strings.Repeat("a", 600))
			drip := time.NewTicker(29 * time.Second)
			defer drip.Stop()
			for {
				select {
				case <-drip.C:
					write(w, "a")
				case <-r.Context().Done():
					return
				}
			}
		}, 610, errLate, wholeLimit},
		"headers that drip": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			left := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, conn); close(left) }()
			defer func() { _ = conn.Close(); <-left }()
			drip := time.NewTicker(time.Second)
			defer drip.Stop()
			for line := "HTTP/1.1 200 OK\r\n"; ; line = "X: y\r\n" {
				fmt.Fprint(conn, line)
				select {
				case <-drip.C:
				case <-left:
					return
				}
			}
		}, 0, nil, headerLimit},
		"redirects that dawdle": {func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(19 * time.Second)
			http.Redirect(w, r, "/x", http.StatusFound)
		}, 0, ErrElsewhere, 4 * 19 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tt.h, func(t *testing.T, c *Client) {
				start := time.Now()
				b, err := read(t.Context(), c, "https://files.example.com/x")
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) || len(b) != tt.bytes {
					t.Errorf("%d bytes, %v", len(b), err)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("ended after %s, want %s", took, tt.after)
				}
				if err != nil && strings.Contains(err.Error(), "example") {
					t.Errorf("the error holds the address: %v", err)
				}
			})
		})
	}
}

// A host that takes a connection and says nothing is left, too.
func TestHandshakeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }() // until ours is closed
		c := New(Config{Hosts: []string{"files.example.com"}, MaxBytes: limit})
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
		start := time.Now()
		if _, err := read(t.Context(), c, "https://files.example.com/x"); err == nil || time.Since(start) != connectLimit {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// Who reads slowly doesn't lose the recording: the host is not at fault.
func TestSlowReader(t *testing.T) {
	text := strings.Repeat("a", limit)
	inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 10 {
			write(w, text[100*i:100*i+100])
			time.Sleep(time.Second)
		}
	}, func(t *testing.T, c *Client) {
		r, err := c.Get(t.Context(), "https://files.example.com/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 600)
		if _, err := io.ReadFull(r, first); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * idleLimit)
		rest, err := io.ReadAll(r)
		if err != nil || string(first)+string(rest) != text {
			t.Errorf("%d more bytes, %v", len(rest), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The download ends with its context, while anything is waited for.
func TestCancelled(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the body": func(w http.ResponseWriter, r *http.Request) {
			write(w, strings.Repeat("a", 600))
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, h, func(t *testing.T, c *Client) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				start := time.Now()
				if _, err := read(ctx, c, "https://files.example.com/x"); !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second {
					t.Errorf("after %s: %v", time.Since(start), err)
				}
				if _, err := read(ctx, c, "https://files.example.com/x"); !errors.Is(err, context.Canceled) {
					t.Errorf("with a context that has ended: %v", err)
				}
			})
		})
	}
}
