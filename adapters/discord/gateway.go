package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

// gateway keeps a session with Discord's gateway open through discordgo, which
// is watched from outside: its Open can block for ever on its own lock, it sees
// a dead connection after five missed heartbeats only, and it does not say why
// a connection ended. So its own reconnecting is off; connecting, resuming and
// beginning anew are decided here.
type gateway struct {
	token   string
	http    *http.Client
	intents discordgo.Intent
	times   gatewayTimes
	// event gets every event, one at a time, and must return soon.
	event func(*discordgo.Event)
	log   *slog.Logger
}

// gatewayTimes are the watchdog's.
type gatewayTimes struct {
	ready   time.Duration // from dialling to READY or RESUMED
	ack     time.Duration // age of the last heartbeat's acknowledgement: Discord's interval is 41 s
	check   time.Duration
	backoff time.Duration // before connecting again, doubled with each failure
	max     time.Duration
	// identify is how far apart sessions may begin.
	identify time.Duration
	// stuck is how many sessions may be left behind in discordgo's own deadlock.
	stuck int
}

func defaultGatewayTimes() gatewayTimes {
	return gatewayTimes{
		ready: 30 * time.Second, ack: 75 * time.Second, check: 5 * time.Second,
		backoff: time.Second, max: 2 * time.Minute, identify: 5 * time.Second, stuck: 10,
	}
}

// Close codes after which the same again can only fail.
// https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
const (
	closeAuthentication    = 4004
	closeInvalidShard      = 4010
	closeShardingRequired  = 4011
	closeInvalidVersion    = 4012
	closeInvalidIntents    = 4013
	closeDisallowedIntents = 4014
)

// fatalClose is the operator's word on such a code.
func fatalClose(err error) error {
	var c *websocket.CloseError
	if !errors.As(err, &c) {
		return nil
	}
	switch c.Code {
	case closeAuthentication:
		return errors.New("discord: the bot token was refused")
	case closeShardingRequired:
		return errors.New("discord: the bot is in too many servers for one connection")
	case closeInvalidShard, closeInvalidVersion, closeInvalidIntents:
		return fmt.Errorf("discord: the gateway refuses us (%d)", c.Code)
	}
	return nil
}

var (
	errStuck    = errors.New("discord: the gateway client got stuck again and again; start anew")
	errNotReady = errors.New("the session did not become ready in time")
	errDead     = errors.New("heartbeats are not acknowledged any more")
	errClosed   = errors.New("the connection was closed")
)

// run keeps a session open until ctx ends, and then returns nil.
func (g *gateway) run(ctx context.Context) error {
	// Discord allows 1,000 identifications a day, and takes the token away from
	// who needs more; and one in five seconds.
	daily := rate.NewLimiter(rate.Every(2*time.Minute), 100)
	spaced := rate.NewLimiter(rate.Every(g.times.identify), 1)
	var s *session
	failures, stuck := 0, 0
	for {
		if s == nil {
			// Their one error is that ctx has ended, which hold will see.
			_, _ = daily.Wait(ctx), spaced.Wait(ctx)
			s = g.newSession()
		}
		began := time.Now()
		err := s.hold(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end that was asked for
		}
		if fatal := fatalClose(err); fatal != nil {
			return fatal
		}
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed) && closed.Code == closeDisallowedIntents && g.intents&discordgo.IntentMessageContent != 0:
			g.log.Error("the message-content intent is not switched on for this bot: recordings come by command, message menu and direct message only; switch it on in the developer portal, or set message_content to false")
			g.intents &^= discordgo.IntentMessageContent
			s = nil
		case errors.As(err, &closed) && closed.Code == closeDisallowedIntents:
			return fmt.Errorf("discord: the gateway refuses our intents (%d)", closed.Code)
		case errors.Is(err, errStuck):
			if stuck++; stuck >= g.times.stuck {
				return errStuck
			}
			s = nil
		case errors.Is(err, errNotReady), closed != nil && closed.Code > 4000, failures > 3:
			s = nil // what can't be resumed begins anew
		}
		if time.Since(began) > time.Minute {
			failures = 0
		}
		wait := g.times.max
		if failures < 10 {
			wait = min(wait, g.times.backoff<<failures)
		}
		failures++
		wait = wait/2 + rand.N(wait/2+1)
		g.log.Warn("the gateway connection ended", "error", err, "resume", s != nil, "again in", wait.Round(time.Millisecond))
		pause(ctx, wait)
	}
}

// session is one of discordgo's, with its connection in our hands.
type session struct {
	*discordgo.Session
	times gatewayTimes

	ready  chan struct{} // READY or RESUMED came; holds one
	closed chan struct{} // discordgo has closed the connection; holds one

	mu   sync.Mutex
	conn net.Conn
}

func (g *gateway) newSession() *session {
	s := &session{times: g.times, ready: make(chan struct{}, 1), closed: make(chan struct{}, 1)}
	dg, err := discordgo.New("Bot " + g.token)
	if err != nil {
		panic(err) // it never fails: its error is of a former way to sign in
	}
	s.Session = dg
	dg.LogLevel = -1 // it would print payloads
	dg.Client = g.http
	dg.ShouldReconnectOnError = false
	dg.ShouldReconnectVoiceOnSessionError = false
	dg.ShouldRetryOnRateLimit = false
	dg.StateEnabled = false
	dg.SyncEvents = true
	dg.Compress = false
	dg.Identify.Intents = g.intents
	dg.Identify.Properties.Browser = "mynah"
	dg.Dialer = &websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: 15 * time.Second,
		NetDialContext:   s.dial,
	}
	dg.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) {
		if e == nil {
			return
		}
		if e.Type == "READY" || e.Type == "RESUMED" {
			notify(s.ready)
		}
		g.event(e)
	})
	dg.AddHandler(func(*discordgo.Session, *discordgo.Disconnect) { notify(s.closed) })
	return s
}

// notify sends without waiting.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dial connects and remembers the connection.
func (s *session) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext(ctx, network, addr)
	if err == nil {
		s.mu.Lock()
		s.conn = c
		s.mu.Unlock()
	}
	return c, err
}

// cut ends the connection without a word, which wakes whoever reads from it.
func (s *session) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close() // it is being thrown away
	}
}

// hold connects (or resumes) and stays until the connection or ctx ends.
func (s *session) hold(ctx context.Context) error {
	drain(s.ready)
	drain(s.closed)
	opened := make(chan error, 1)
	go func() { opened <- s.open() }()
	limit := time.NewTimer(s.times.ready)
	defer limit.Stop()
	open, isReady, isClosed := false, false, false
	for !open || !isReady {
		select {
		case err := <-opened:
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			open = true
		case <-s.ready:
			isReady = true
		case <-s.closed:
			isClosed = true
		case <-limit.C:
			return s.abandon(opened, open, errNotReady)
		case <-ctx.Done():
			return s.abandon(opened, open, ctx.Err())
		}
		if open && isClosed {
			return errClosed
		}
	}
	check := time.NewTicker(s.times.check)
	defer check.Stop()
	for {
		select {
		case <-s.closed:
			return errClosed
		case <-check.C:
			if age, known := s.ackAge(); known && age > s.times.ack {
				// Not with 1000 or 1001, which would end the session.
				return s.close(websocket.CloseServiceRestart, errDead)
			}
		case <-ctx.Done():
			return s.close(websocket.CloseNormalClosure, ctx.Err())
		}
	}
}

// open is Open that no payload can make panic.
func (s *session) open() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("a payload that the client can't take")
		}
	}()
	return s.Open()
}

func drain(c <-chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// ackAge is the age of the last heartbeat's acknowledgement; not known while
// discordgo holds its lock.
func (s *session) ackAge() (time.Duration, bool) {
	if !s.TryRLock() {
		return 0, false
	}
	defer s.RUnlock()
	return time.Since(s.LastHeartbeatAck), true
}

// abandon ends a session that did not get ready. Its Open returns once the
// connection is cut, or never: an operation that wants the lock which Open
// itself holds, as a request to reconnect in its place of READY does, leaves it
// behind for good.
func (s *session) abandon(opened <-chan error, open bool, cause error) error {
	if open {
		return s.close(websocket.CloseServiceRestart, cause)
	}
	s.cut()
	select {
	case err := <-opened:
		if err == nil {
			return s.close(websocket.CloseServiceRestart, cause)
		}
		return cause
	case <-time.After(3 * time.Second):
		return errStuck
	}
}

// close ends an open session in order, within a limit, and returns cause.
func (s *session) close(code int, cause error) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.CloseWithCode(code) // its errors are of a connection that is going anyway
	}()
	select {
	case <-done:
		return cause
	case <-time.After(3 * time.Second):
		s.cut()
		return errStuck
	}
}
