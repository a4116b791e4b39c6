package slack

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// gates remember until when Slack wants to be left alone. Slack counts by
// method and workspace, and messages by conversation too, so that is how a gate
// is named: one that is closed holds nobody else up. Safe for concurrent use.
type gates struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newGates() *gates { return &gates{until: map[string]time.Time{}} }

// closed returns how long the gate stays closed, 0 when it is open.
func (g *gates) closed(key string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.until[key]))
}

// shut closes the gate, and forgets those that are open again.
func (g *gates) shut(key string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for k, t := range g.until {
		if t.Before(now) {
			delete(g.until, k)
		}
	}
	g.until[key] = now.Add(d)
}

// call makes one call of Slack's API, unless its gate is closed. channel is of
// the methods that Slack counts by conversation, "" for the others. A rate limit
// becomes a *coach.Snooze, here and for those that come next; an error names the
// method and holds neither an address nor anything that was sent.
func (s *Slack) call(ses *session, method, channel string, f func(api *slack.Client) error) error {
	key := ses.key + "/" + method + "/" + channel
	if d := s.gates.closed(key); d > 0 {
		return fmt.Errorf("slack: %s: %w", method, &coach.Snooze{For: d, Cause: errors.New("rate limited")})
	}
	err := f(ses.api)
	if err == nil {
		return nil
	}
	if d, limited := rateLimit(err); limited {
		s.gates.shut(key, d)
		return fmt.Errorf("slack: %s: %w", method, &coach.Snooze{For: d, Cause: errors.New("rate limited")})
	}
	if badToken(err) {
		s.distrust(ses)
	}
	return fmt.Errorf("slack: %s: %w", method, bare(err))
}

// rateLimit reads the two forms that a rate limit has.
func rateLimit(err error) (time.Duration, bool) {
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return max(limited.RetryAfter, time.Second), true
	}
	if codeIs(err, "ratelimited", "rate_limited", "rate_limit_exceeded", "message_limit_exceeded") {
		return 30 * time.Second, true
	}
	return 0, false
}

// codeOf is the code that Slack refused with, "" where it did not answer so.
func codeOf(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}

func codeIs(err error, codes ...string) bool {
	c := codeOf(err)
	return c != "" && slices.Contains(codes, c)
}

// badToken reports whether it is the token that Slack refused.
func badToken(err error) bool {
	return codeIs(err, "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "invalid_token", "user_removed_from_team", "org_login_required")
}

// bare takes the address out of a transport error: those of response URLs and
// uploads are secrets.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// uncertain reports whether what was asked for may have happened all the same:
// Slack did not say no, its answer was lost.
func uncertain(err error) bool {
	var snooze *coach.Snooze
	if errors.As(err, &snooze) {
		return false
	}
	code := codeOf(err)
	return code == "" || slices.Contains([]string{"internal_error", "fatal_error", "service_unavailable", "request_timeout"}, code)
}
