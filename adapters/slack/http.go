package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"
)

// maxRequest bounds what Slack may send at once; its events are a few kB.
const maxRequest = 2 << 20

// routes are those of the Events API:
//
//	POST /slack/events        events
//	POST /slack/commands      slash commands
//	POST /slack/interactions  buttons, menus, forms, the shortcut
//	GET  /slack/install       the installation, where workspaces may
//	GET  /slack/oauth
//	GET  /healthz
//
// What is still to be done when Slack has been answered goes on under ctx,
// Listen's.
func (l *listener) routes(ctx context.Context) *http.ServeMux {
	mux := l.installRoutes()
	mux.HandleFunc("POST /slack/events", l.signed(func(w http.ResponseWriter, raw []byte) { l.handleEvent(ctx, w, raw) }))
	mux.HandleFunc("POST /slack/commands", l.signed(func(w http.ResponseWriter, raw []byte) { l.handleCommand(ctx, w, raw) }))
	mux.HandleFunc("POST /slack/interactions", l.signed(func(w http.ResponseWriter, raw []byte) { l.handleInteraction(ctx, w, raw) }))
	return mux
}

// serve answers HTTP until ctx ends.
func (l *listener) serve(ctx context.Context, addr string, mux *http.ServeMux) error {
	listening, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("slack: listen: %w", err)
	}
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	l.log.Info("listening for slack over http", "addr", listening.Addr().String())
	if l.cfg.Ready != nil {
		l.cfg.Ready(listening.Addr().String())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listening) }()
	select {
	case err := <-ended:
		return fmt.Errorf("slack: serve: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		err = server.Close()
		if err != nil {
			l.log.Warn("the http server did not end well", "error", err)
		}
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("slack: serve: %w", err)
	}
	return nil
}

// signed lets through what Slack has signed, no more than five minutes ago, by
// the bytes that came. The comparison takes the same time however wrong it is.
func (l *listener) signed(next func(http.ResponseWriter, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, "too large or cut short", http.StatusBadRequest)
			return
		}
		verifier, err := slack.NewSecretsVerifier(r.Header, l.cfg.SigningSecret)
		if err == nil {
			_, err = verifier.Write(raw)
		}
		if err == nil {
			err = verifier.Ensure()
		}
		if err != nil {
			http.Error(w, "not signed by Slack", http.StatusUnauthorized)
			return
		}
		next(w, raw)
	}
}

func (l *listener) handleEvent(ctx context.Context, w http.ResponseWriter, raw []byte) {
	var d delivery
	if err := json.Unmarshal(raw, &d); err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if d.Type == "url_verification" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, d.Challenge)
		return
	}
	wait, cancel := context.WithTimeout(ctx, acceptWithin-200*time.Millisecond)
	defer cancel()
	// The work may end after Slack has given up on it: it is known then when it
	// comes again.
	done := make(chan bool, 1)
	if l.start(wait, ctx, func(ctx context.Context) { done <- l.settled(ctx, d.TeamID, l.event(ctx, d)) }) {
		select {
		case taken := <-done:
			if taken {
				return
			}
		case <-wait.Done():
		}
	}
	http.Error(w, "not taken, please send it again", http.StatusServiceUnavailable)
}

func (l *listener) handleCommand(ctx context.Context, w http.ResponseWriter, raw []byte) {
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	c := slash{
		TeamID: form.Get("team_id"), EnterpriseID: form.Get("enterprise_id"), IsOrg: form.Get("is_enterprise_install"),
		ChannelID: form.Get("channel_id"), UserID: form.Get("user_id"), Text: form.Get("text"),
		ResponseURL: form.Get("response_url"), TriggerID: form.Get("trigger_id"),
	}
	l.later(ctx, w, func(ctx context.Context) { l.slashed(ctx, c) })
}

// later answers Slack, and f goes on.
func (l *listener) later(ctx context.Context, w http.ResponseWriter, f func(ctx context.Context)) {
	wait, cancel := context.WithTimeout(ctx, acceptWithin-time.Second)
	defer cancel()
	if !l.start(wait, ctx, f) {
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}
}

func (l *listener) handleInteraction(ctx context.Context, w http.ResponseWriter, raw []byte) {
	form, err := url.ParseQuery(string(raw))
	var i interaction
	if err == nil {
		err = json.Unmarshal([]byte(form.Get("payload")), &i)
	}
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	answer, rest := l.interact(ctx, i)
	if rest != nil {
		l.later(ctx, w, rest)
		return
	}
	if answer == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		l.log.Warn("an answer could not be written", "error", err)
	}
}
