package discordtest

import (
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limit is so many requests in a window.
type Limit struct {
	Requests int
	Window   time.Duration
}

// window counts one bucket's requests.
type window struct {
	used  int
	until time.Time
}

// take counts a request; not ok when the window is full.
func (w *window) take(l Limit, now time.Time) (left int, reset time.Duration, ok bool) {
	if !now.Before(w.until) {
		w.used, w.until = 0, now.Add(l.Window)
	}
	reset = w.until.Sub(now)
	if w.used >= l.Requests {
		return 0, reset, false
	}
	w.used++
	return l.Requests - w.used, reset, true
}

// SetLimit sets the limit of a route's buckets, each of its channels having one.
func (s *Server) SetLimit(route string, l Limit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[route] = l
}

// Speed makes all limits n times as wide: tests that send much have no time.
func (s *Server) Speed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.global.Requests *= n
	for route, l := range s.limits {
		l.Window /= time.Duration(n)
		s.limits[route] = l
	}
}

// A Fault is something that goes wrong with one request.
type Fault struct {
	Status int           // it is answered with; negative breaks the connection off
	Code   int           // Discord's own, of a refusal in JSON
	After  bool          // it takes effect all the same
	Hang   time.Duration // before it is looked at
	Limit  time.Duration // it is answered 429, and so are the bucket's for so long
	Scope  string        // of that: user, shared or global
}

type fault struct {
	route string
	Fault
}

// Fail makes the next request of a route go wrong.
func (s *Server) Fail(route string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{route, f})
}

// Chaos asks f what goes wrong with every request; the zero Fault is nothing.
// Nil ends it.
func (s *Server) Chaos(f func(route string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chaos = f
}

// faultOf takes the fault that is next for a route.
func (s *Server) faultOf(route string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.route == route {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			return f.Fault
		}
	}
	if s.chaos != nil {
		return s.chaos(route)
	}
	return Fault{}
}

// major is the part of a path that has limits of its own.
func major(r *http.Request) string {
	if t := r.PathValue("token"); t != "" {
		return r.PathValue("application") + t
	}
	return r.PathValue("channel")
}

// pass holds a request to the limits; when it returns false the request has been
// answered.
func (s *Server) pass(w http.ResponseWriter, route string, r *http.Request, f Fault) bool {
	if strings.HasPrefix(route, "POST /interactions") {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	key := route + " " + major(r)
	b := s.windows[key]
	if b == nil {
		b = &window{}
		s.windows[key] = b
	}
	if f.Limit > 0 {
		if f.Scope == "global" {
			s.globalSeen = window{used: math.MaxInt, until: now.Add(f.Limit)}
		} else {
			b.used, b.until = math.MaxInt, now.Add(f.Limit)
		}
		tooMany(w, f.Limit, f.Scope)
		return false
	}
	if !strings.HasPrefix(route, "GET /gateway") && !strings.Contains(route, "/webhooks/") {
		if _, reset, ok := s.globalSeen.take(s.global, now); !ok {
			s.violate("%s: more than %d requests in %s, or one during a global limit", route, s.global.Requests, s.global.Window)
			tooMany(w, reset, "global")
			return false
		}
	}
	l, ok := s.limits[route]
	if !ok {
		l = Limit{30, 10 * time.Second}
	}
	left, reset, ok := b.take(l, now)
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(route))
	h := w.Header()
	h.Set("X-RateLimit-Bucket", strconv.FormatUint(sum.Sum64(), 16))
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.Requests))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset", decimal(time.Duration(now.Add(reset).UnixNano())))
	h.Set("X-RateLimit-Reset-After", decimal(reset))
	if !ok {
		s.limited++
		tooMany(w, reset, "user")
	}
	return ok
}

func decimal(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// Limited is how often a bucket's limit was run into, other than by Fail.
func (s *Server) Limited() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limited
}

func tooMany(w http.ResponseWriter, d time.Duration, scope string) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	h.Set("X-RateLimit-Scope", scope)
	if scope == "global" {
		h.Set("X-RateLimit-Global", "true")
	}
	write(w, http.StatusTooManyRequests, map[string]any{
		"message": "You are being rate limited.", "retry_after": d.Seconds(), "global": scope == "global",
	})
}
