package discord

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits is an http.RoundTripper that keeps Discord's rate limits: those of each
// bucket as its headers tell them, the global one of 50 requests a second, and
// the ban of who goes on making invalid requests. It waits, as long as the
// request's context and patience allow, and never holds one bucket up for
// another. An answer of 429 is its caller's to act on; it is remembered here.
//
// https://docs.discord.com/developers/topics/rate-limits
type limits struct {
	next   http.RoundTripper
	global *rate.Limiter

	mu      sync.Mutex
	until   time.Time          // the global limit was hit
	hashes  map[string]string  // of a route, Discord's name for its bucket
	buckets map[string]*bucket // by bucket name, or route while that isn't known, and major parameter
	swept   time.Time
	invalid []time.Time // answers of 401, 403 and 429 in the last ten minutes
}

// bucket is what is known of one.
type bucket struct {
	limit     int // 0: not known yet
	remaining int
	reset     time.Time // zero: no window is open
	window    int       // counts them: an answer to a request of an earlier one is no news
	inFlight  int
	waiting   int
	changed   chan struct{} // closed when a request has come back
}

// The limits that are Discord's and have no header.
const (
	globalPerSecond = 40 // and a burst of 10: in no second more than 50
	globalBurst     = 10
	invalidWindow   = 10 * time.Minute
	invalidLimit    = 5_000 // of 10,000
	defaultPatience = time.Minute
)

func newLimits(next http.RoundTripper) *limits {
	return &limits{
		next:    next,
		global:  rate.NewLimiter(globalPerSecond, globalBurst),
		hashes:  map[string]string{},
		buckets: map[string]*bucket{},
	}
}

// limited is the error for a request that would have had to wait longer than its
// patience, or that was answered 429; or that is not made because so many were
// refused of late that Discord would ban us ("refusals").
type limited struct {
	after time.Duration
	scope string
}

func (l *limited) Error() string {
	return fmt.Sprintf("rate limit (%s): wait %s", l.scope, l.after.Round(time.Millisecond))
}

type patienceKey struct{}

// withPatience bounds how long each request waits for its turn.
func withPatience(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

// RoundTrip implements http.RoundTripper.
func (l *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := l.roundTrip(req)
	if err != nil && req.Body != nil {
		_ = req.Body.Close() // as the interface wants it; once more is harmless
	}
	return res, err
}

func (l *limits) roundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	path := apiPath(req.URL.Path)
	if strings.HasPrefix(path, "/interactions/") {
		// Callbacks are counted nowhere, and each has its own URL.
		return l.next.RoundTrip(req)
	}
	route, major := routeOf(req.Method, path)
	patience, ok := ctx.Value(patienceKey{}).(time.Duration)
	if !ok {
		patience = defaultPatience
	}
	b, window, err := l.acquire(ctx, route, major, time.Now().Add(patience))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(path, "/webhooks/") { // an interaction's follow-ups are not counted globally
		if err := l.global.Wait(ctx); err != nil {
			l.release(b, window, route, major, nil)
			return nil, err
		}
	}
	res, err := l.next.RoundTrip(req)
	if err != nil {
		res = nil
	}
	l.release(b, window, route, major, res)
	return res, err
}

// acquire waits until a request of the route may be made, and counts it.
func (l *limits) acquire(ctx context.Context, route, major string, deadline time.Time) (b *bucket, window int, err error) {
	for {
		b, window, wait, changed, err := l.try(route, major)
		if err != nil {
			return nil, 0, err
		}
		if b != nil {
			return b, window, nil
		}
		now := time.Now()
		if wait > 0 && now.Add(wait).After(deadline) {
			l.give(route, major)
			return nil, 0, &limited{after: wait, scope: "known"}
		}
		if wait <= 0 {
			wait = deadline.Sub(now)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			if !time.Now().Before(deadline) {
				l.give(route, major)
				return nil, 0, &limited{after: time.Second, scope: "in flight"}
			}
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			l.give(route, major)
			return nil, 0, ctx.Err()
		}
		timer.Stop()
		l.give(route, major)
	}
}

// try takes a place in the bucket. Where there is none it says how long to wait
// (0: until changed), and counts the caller as waiting.
func (l *limits) try(route, major string) (b *bucket, window int, wait time.Duration, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.sweep(now)
	if n := len(l.invalid) - invalidLimit; n >= 0 {
		return nil, 0, 0, nil, &limited{after: l.invalid[n].Add(invalidWindow).Sub(now), scope: "refusals"}
	}
	b = l.bucket(route, major)
	if wait = l.until.Sub(now); wait <= 0 || strings.HasPrefix(route, "webhooks ") {
		wait = 0
		// A window that has ended, and one that nobody told us anything of.
		if !b.reset.IsZero() && !now.Before(b.reset) || b.reset.IsZero() && b.inFlight == 0 {
			b.remaining, b.reset = b.limit, time.Time{}
			b.window++
		}
		switch {
		case b.limit == 0 && b.inFlight == 0 && b.reset.IsZero(), b.limit > 0 && b.remaining > 0:
			b.remaining--
			b.inFlight++
			return b, b.window, 0, nil, nil
		case !b.reset.IsZero():
			wait = b.reset.Sub(now)
		}
	}
	b.waiting++
	return nil, 0, wait, b.changed, nil
}

// give takes a waiting caller out again.
func (l *limits) give(route, major string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.bucket(route, major); b.waiting > 0 {
		b.waiting--
	}
}

// key names the bucket of a route. l.mu is held.
func (l *limits) key(route, major string) string {
	if h, ok := l.hashes[route]; ok {
		return h + " " + major
	}
	return route + " " + major
}

// bucket returns the route's, a new one where there is none. l.mu is held.
func (l *limits) bucket(route, major string) *bucket {
	k := l.key(route, major)
	b, ok := l.buckets[k]
	if !ok {
		b = &bucket{changed: make(chan struct{})}
		l.buckets[k] = b
	}
	return b
}

// release takes a request's answer into account; nil where none came.
func (l *limits) release(b *bucket, window int, route, major string, res *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	b.inFlight--
	if res != nil {
		l.learn(b, window, route, major, res, now)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// learn reads an answer's headers. l.mu is held.
func (l *limits) learn(b *bucket, window int, route, major string, res *http.Response, now time.Time) {
	h := res.Header
	if name := h.Get("X-RateLimit-Bucket"); name != "" && l.hashes[route] != name {
		old := l.key(route, major)
		l.hashes[route] = name
		if l.buckets[old] == b {
			delete(l.buckets, old)
		}
		if _, ok := l.buckets[l.key(route, major)]; !ok {
			l.buckets[l.key(route, major)] = b
		}
	}
	if limit, err := strconv.Atoi(h.Get("X-RateLimit-Limit")); err == nil && limit > 0 {
		if b.limit == 0 {
			b.remaining = limit
		}
		b.limit = limit
	}
	if window == b.window {
		if after, ok := seconds(h.Get("X-RateLimit-Reset-After")); ok {
			b.reset = now.Add(after)
		}
		// Answers come in any order, and some of ours may not be counted in this
		// one: our own count is the lower one, unless others share the bucket.
		if remaining, err := strconv.Atoi(h.Get("X-RateLimit-Remaining")); err == nil {
			b.remaining = min(b.remaining, remaining)
		}
	}
	switch res.StatusCode {
	case http.StatusTooManyRequests:
		after, _ := seconds(h.Get("Retry-After"))
		after = max(after, 50*time.Millisecond)
		if h.Get("X-RateLimit-Global") != "" || h.Get("X-RateLimit-Scope") == "global" {
			l.until = now.Add(after)
		} else {
			b.remaining, b.reset = 0, now.Add(after)
			b.limit = max(b.limit, 1)
		}
		if h.Get("X-RateLimit-Scope") == "shared" {
			return // not ours to answer for
		}
		l.invalid = append(l.invalid, now)
	case http.StatusUnauthorized, http.StatusForbidden:
		l.invalid = append(l.invalid, now)
	}
}

// sweep forgets what is over, so that buckets of threads and interactions don't
// gather. l.mu is held.
func (l *limits) sweep(now time.Time) {
	old := 0
	for old < len(l.invalid) && now.Sub(l.invalid[old]) > invalidWindow {
		old++
	}
	l.invalid = l.invalid[old:]
	if now.Sub(l.swept) < 10*time.Second {
		return
	}
	l.swept = now
	for k, b := range l.buckets {
		if b.inFlight == 0 && b.waiting == 0 && !now.Before(b.reset) {
			delete(l.buckets, k)
		}
	}
}

// seconds reads a header in seconds, with fractions.
func seconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1e6 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// apiPath is the path after the API's version.
func apiPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "/api/"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 && strings.HasPrefix(rest, "v") {
			return rest[i:]
		}
	}
	return path
}

// routeOf splits a request into its route, without identifiers, and its major
// parameter: the channel, the server, or the webhook with its token.
func routeOf(method, path string) (route, major string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 1 {
		switch parts[0] {
		case "channels", "guilds":
			major = parts[1]
		case "webhooks":
			major = parts[1]
			if len(parts) > 2 {
				major += "/" + parts[2]
				parts[2] = "-"
			}
		}
	}
	for i, p := range parts {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "-"
		}
	}
	return parts[0] + " " + method + " " + strings.Join(parts, "/"), major
}
