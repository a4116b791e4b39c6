package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	// pingWithin is how long the connection may be silent: Slack pings about
	// every ten seconds.
	pingWithin = 45 * time.Second
	// shortLife is a connection that ended too soon: Slack takes it back at once
	// when there are too many. Then the next waits.
	shortLife = 10 * time.Second
	// longestWait between two connections.
	longestWait = 2 * time.Minute
	// acceptWithin is how long Slack waits for an acknowledgement.
	acceptWithin = 3 * time.Second
)

// envelope is what Socket Mode wraps everything into.
type envelope struct {
	Type         string          `json:"type"`
	EnvelopeID   string          `json:"envelope_id"`
	Payload      json.RawMessage `json:"payload"`
	RetryAttempt int             `json:"retry_attempt"`
}

// socket listens by Socket Mode until ctx ends. It returns an error when Slack
// refuses the app-level token.
func (l *listener) socket(ctx context.Context) error {
	// The library connects anew at once whenever Slack asks it to. Where that is
	// because there are too many connections already it would go on for ever, so
	// the request for the next address is held back.
	pace := &paced{RoundTripper: l.http.Transport}
	api := slack.New("", slack.OptionAppLevelToken(l.cfg.AppToken), slack.OptionAPIURL(l.cfg.apiURL()),
		slack.OptionHTTPClient(&http.Client{Transport: pace, Timeout: apiTimeout + longestWait}))
	for {
		client := socketmode.New(api, socketmode.OptionPingInterval(pingWithin), socketmode.OptionReadLimit(8<<20),
			socketmode.OptionLog(log.New(io.Discard, "", 0)))
		ended := make(chan error, 1)
		run, stop := context.WithCancel(ctx)
		go func() { ended <- client.RunContext(run) }()
		err := l.events(ctx, client, ended, pace)
		stop()
		if refusedApp(err) {
			return fmt.Errorf("slack: the app-level token is refused: %w", bare(err))
		}
		if ctx.Err() == nil {
			l.log.Warn("socket mode ended and is begun again", "error", bare(err))
		}
		select {
		case <-time.After(shortLife):
		case <-ctx.Done():
			return nil
		}
	}
}

// refusedApp reports whether the app-level token is of no use.
func refusedApp(err error) bool {
	if err == nil {
		return false
	}
	for _, code := range []string{"invalid_auth", "account_inactive", "not_authed", "token_revoked", "not_allowed_token_type", "missing_scope"} {
		if err.Error() == code {
			return true
		}
	}
	var status slack.StatusCodeError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

// events takes what the client hands on until it ends or ctx does.
func (l *listener) events(ctx context.Context, client *socketmode.Client, ended <-chan error, pace *paced) error {
	for {
		select {
		case err := <-ended:
			return err
		case e := <-client.Events:
			if err := l.socketEvent(ctx, client, e, pace); err != nil {
				return err
			}
		case <-ctx.Done():
			// The client ends by the same context; what it still has to hand on is
			// dropped, unacknowledged.
			for {
				select {
				case <-client.Events:
				case err := <-ended:
					return err
				}
			}
		}
	}
}

func (l *listener) socketEvent(ctx context.Context, client *socketmode.Client, e socketmode.Event, pace *paced) error {
	switch e.Type {
	case socketmode.EventTypeConnected:
		pace.connected()
	case socketmode.EventTypeHello:
		l.log.Info("connected by socket mode")
	case socketmode.EventTypeConnectionError:
		if failed, ok := e.Data.(*slack.ConnectionErrorEvent); ok {
			if refusedApp(failed.ErrorObj) {
				return failed.ErrorObj
			}
			l.log.Warn("socket mode can't connect", "attempt", failed.Attempt, "wait", failed.Backoff, "error", bare(failed.ErrorObj))
		}
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand:
		if e.Request != nil {
			l.receive(ctx, client, envelope{e.Request.Type, e.Request.EnvelopeID, e.Request.Payload, e.Request.RetryAttempt})
		}
	case socketmode.EventTypeErrorBadMessage:
		// An event that the library does not know may be one that we do.
		if bad, ok := e.Data.(*socketmode.ErrorBadMessage); ok {
			var env envelope
			if err := json.Unmarshal(bad.Message, &env); err == nil && env.EnvelopeID != "" {
				l.receive(ctx, client, env)
			}
		}
	case socketmode.EventTypeErrorWriteFailed:
		l.log.Warn("an acknowledgement was lost with its connection: slack delivers it again")
	}
	return nil
}

// receive works on one envelope by itself, and acknowledges it when that is done.
// It does not block: while the library connects anew it takes no acknowledgement,
// and waits itself until what it has to say is heard. Nor does an acknowledgement
// wait for longer than Slack would.
func (l *listener) receive(ctx context.Context, client *socketmode.Client, env envelope) {
	ack := func(payload any) {
		ctx, cancel := context.WithTimeout(ctx, acceptWithin)
		defer cancel()
		if err := client.AckCtx(ctx, env.EnvelopeID, payload); err != nil {
			l.log.Warn("an acknowledgement could not be sent", "error", err)
		}
	}
	l.work.Go(func() {
		wait, cancel := context.WithTimeout(ctx, acceptWithin)
		defer cancel()
		if l.enter(wait) {
			l.inside(ctx, func(ctx context.Context) { l.unwrap(ctx, env, ack) })
		}
	})
}

// unwrap does what an envelope asks for.
func (l *listener) unwrap(ctx context.Context, env envelope, ack func(payload any)) {
	switch env.Type {
	case socketmode.RequestTypeEventsAPI:
		var d delivery
		err := json.Unmarshal(env.Payload, &d)
		if err == nil {
			err = l.event(ctx, d)
		} else {
			err = unreadable(err)
		}
		if l.settled(ctx, d.TeamID, err) {
			ack(nil)
		}
	case socketmode.RequestTypeSlashCommands:
		ack(nil)
		var c slash
		if err := json.Unmarshal(env.Payload, &c); err == nil {
			l.slashed(ctx, c)
		}
	case socketmode.RequestTypeInteractive:
		var i interaction
		if err := json.Unmarshal(env.Payload, &i); err != nil {
			l.log.Warn("an unreadable interaction came", "error", unreadable(err))
			ack(nil)
			return
		}
		answer, rest := l.interact(ctx, i)
		ack(answer)
		if rest != nil {
			rest(ctx)
		}
	}
}

// settled reports whether an event is to be acknowledged, and logs why not.
func (l *listener) settled(ctx context.Context, team string, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, errUnreadable):
		l.log.Warn("an unreadable event came", "team", team)
		return true
	case ctx.Err() == nil:
		l.log.Error("an event could not be taken, slack will deliver it again", "team", team, "error", err)
	}
	return false
}

// paced holds the request for a connection back after connections that did not
// last.
type paced struct {
	http.RoundTripper

	mu    sync.Mutex
	since time.Time // of the latest connection
	short int       // how many in a row did not last
}

func (p *paced) connected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Now()
}

func (p *paced) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		return 0
	}
	if time.Since(p.since) > shortLife {
		p.short = 0
		return 0
	}
	p.short++
	if p.short == 1 { // it may just have been Slack's own refresh
		return 0
	}
	return min(time.Second<<min(p.short-2, 10), longestWait)
}

// RoundTrip implements http.RoundTripper.
func (p *paced) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/apps.connections.open") {
		select {
		case <-time.After(p.wait()):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	return p.RoundTripper.RoundTrip(req)
}
