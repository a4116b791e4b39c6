package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// peers knows which owners of claims are alive, by their heartbeats on a plain
// subject. It judges by this machine's own clock, and only while it hears its
// own heartbeat: a process that was cut off must not think everyone else dead.
type peers struct {
	conn    *nats.Conn
	subject string
	self    string
	lease   time.Duration

	mu    sync.Mutex
	heard map[string]time.Time // by owner; zero after its goodbye
	own   time.Time            // when the own heartbeat was last heard
	since time.Time            // since when all has been heard
}

func newPeers(conn *nats.Conn, prefix, self string, lease time.Duration) *peers {
	now := time.Now()
	return &peers{
		conn: conn, subject: prefix + ".alive", self: self, lease: lease,
		heard: map[string]time.Time{}, own: now, since: now,
	}
}

const goodbye = "-"

// run sends and hears heartbeats until ctx ends, then says goodbye. After every
// beat it calls each.
func (p *peers) run(ctx context.Context, each func()) error {
	sub, err := p.conn.Subscribe(p.subject, func(m *nats.Msg) { p.hear(string(m.Data), time.Now()) })
	if err != nil {
		return fmt.Errorf("heartbeats: %w", err)
	}
	defer func() {
		_ = sub.Unsubscribe()
		_ = p.conn.Publish(p.subject, []byte(goodbye+p.self))
	}()
	beat := time.NewTicker(p.lease / 4)
	defer beat.Stop()
	for {
		_ = p.conn.Publish(p.subject, []byte(p.self)) // while disconnected the next one counts
		each()
		select {
		case <-beat.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *peers) hear(owner string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := strings.CutPrefix(owner, goodbye); ok {
		p.heard[o] = time.Time{}
		return
	}
	if len(owner) > 64 {
		return
	}
	p.heard[owner] = now
	if owner != p.self {
		return
	}
	if now.Sub(p.own) > p.lease/2 { // deaf in between
		p.since = now
	}
	p.own = now
	for o, t := range p.heard {
		if now.Sub(t) > 100*p.lease { // judged long ago: unknown means the same
			delete(p.heard, o)
		}
	}
}

// lapsed reports whether the owner's claims are free. The own ones always are:
// the index knows which of them are in use.
func (p *peers) lapsed(owner string) bool { return p.lapsedAt(owner, time.Now()) }

func (p *peers) lapsedAt(owner string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if owner == p.self {
		return true
	}
	if now.Sub(p.own) > p.lease/2 {
		return false
	}
	last, known := p.heard[owner]
	if known && last.IsZero() {
		return true
	}
	if last.Before(p.since) {
		last = p.since
	}
	return now.Sub(last) > p.lease
}
