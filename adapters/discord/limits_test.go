package discord

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeAPI is a RoundTripper that answers as a test says.
type fakeAPI func(req *http.Request) (*http.Response, error)

func (f fakeAPI) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func response(status int, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("{}"))}
}

func do(ctx context.Context, l *limits, method, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://discord.com/api/v9"+path, nil)
	if err != nil {
		return 0, err
	}
	res, err := l.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// bucketServer counts requests against buckets of 5 in 5 s, by channel, as
// Discord would, and tells of them in headers.
type bucketServer struct {
	mu      sync.Mutex
	used    map[string]int
	until   map[string]time.Time
	refused int
}

func (b *bucketServer) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(rand.N(80 * time.Millisecond)) // the way there
	defer func() { time.Sleep(rand.N(80 * time.Millisecond)) }()
	b.mu.Lock()
	defer b.mu.Unlock()
	key, now := req.URL.Path, time.Now()
	if b.used == nil {
		b.used, b.until = map[string]int{}, map[string]time.Time{}
	}
	if !now.Before(b.until[key]) {
		b.used[key], b.until[key] = 0, now.Add(5*time.Second)
	}
	after := b.until[key].Sub(now)
	if b.used[key] == 5 {
		b.refused++
		return response(429, "Retry-After", decimal(after), "X-RateLimit-Scope", "user"), nil
	}
	b.used[key]++
	return response(200, "X-RateLimit-Bucket", "abcd", "X-RateLimit-Limit", "5",
		"X-RateLimit-Remaining", string(rune('0'+5-b.used[key])), "X-RateLimit-Reset-After", decimal(after)), nil
}

func decimal(d time.Duration) string {
	return strings.TrimSuffix(d.Round(time.Millisecond).Truncate(time.Millisecond).String(), "s")
}

func TestBucketsAreNotOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &bucketServer{}
		l := newLimits(server)
		var all sync.WaitGroup
		began := time.Now()
		took := map[string]time.Duration{}
		var mu sync.Mutex
		for path, n := range map[string]int{"/channels/1/messages": 23, "/channels/2/messages": 5, "/channels/3/messages": 1} {
			for range n {
				all.Go(func() {
					status, err := do(t.Context(), l, "POST", path)
					if err != nil || status != 200 {
						t.Errorf("%s: %d, %v", path, status, err)
					}
					mu.Lock()
					defer mu.Unlock()
					took[path] = max(took[path], time.Since(began))
				})
			}
		}
		all.Wait()
		if server.refused > 0 {
			t.Errorf("%d requests were refused", server.refused)
		}
		if d := took["/channels/1/messages"]; d < 20*time.Second || d > 22*time.Second {
			t.Errorf("23 requests at 5 in 5 s took %s", d)
		}
		if d := took["/channels/2/messages"]; d > time.Second {
			t.Errorf("another channel's took %s", d)
		}
	})
}

func TestBucketSurvivesRequestsWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &bucketServer{}
		broken := true
		l := newLimits(fakeAPI(func(req *http.Request) (*http.Response, error) {
			if broken {
				return nil, errors.New("connection reset")
			}
			return server.RoundTrip(req)
		}))
		for range 20 {
			broken = !broken
			_, err := do(t.Context(), l, "POST", "/channels/1/messages")
			if (err != nil) != broken {
				t.Fatalf("broken %t: %v", broken, err)
			}
			time.Sleep(3 * time.Second)
		}
		broken = true
		for range 6 {
			_, _ = do(t.Context(), l, "POST", "/channels/1/messages")
		}
		broken = false
		if status, err := do(t.Context(), l, "POST", "/channels/1/messages"); err != nil || status != 200 {
			t.Errorf("%d, %v", status, err)
		}
	})
}

func TestBucketsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(&bucketServer{})
		for k := range 2000 {
			if _, err := do(t.Context(), l, "POST", "/channels/"+strings.Repeat("1", k%15+1)+string(rune('0'+k%10))+"/messages"); err != nil {
				t.Fatal(err)
			}
			if _, err := do(t.Context(), l, "PATCH", "/webhooks/1/token"+string(rune('a'+k%26))+strings.Repeat("x", k/26)+"/messages/@original"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if _, err := do(t.Context(), l, "GET", "/users/@me"); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.buckets) > 2 || len(l.hashes) > 4 {
			t.Errorf("%d buckets and %d routes are kept", len(l.buckets), len(l.hashes))
		}
	})
}

func TestRequestsOfManyBucketsRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, peak atomic.Int32
		l := newLimits(fakeAPI(func(*http.Request) (*http.Response, error) {
			peak.Store(max(peak.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			return response(200), nil
		}))
		var all sync.WaitGroup
		began := time.Now()
		for k := range 20 { // edits of 20 interactions, which discordgo would make one by one
			all.Go(func() {
				if _, err := do(t.Context(), l, "PATCH", "/webhooks/1/token"+string(rune('a'+k))+"/messages/@original"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if peak.Load() != 20 || time.Since(began) > 2*time.Second {
			t.Errorf("at most %d at once, %s in all", peak.Load(), time.Since(began))
		}
	})
}

func TestGlobalLimitIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		l := newLimits(fakeAPI(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return response(200), nil
		}))
		var all sync.WaitGroup
		for k := range 300 {
			all.Go(func() {
				if _, err := do(t.Context(), l, "GET", "/channels/"+strings.Repeat("1", k%50+1)+"/x"+string(rune('a'+k/50))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i := range at {
			if j := i + 50; j < len(at) && at[j].Sub(at[i]) < 900*time.Millisecond {
				t.Fatalf("51 requests within %s", at[j].Sub(at[i]))
			}
		}
	})
}

func TestManyRefusalsStopRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		scope := "user"
		l := newLimits(fakeAPI(func(req *http.Request) (*http.Response, error) {
			made++
			if scope == "shared" {
				return response(429, "X-RateLimit-Scope", scope, "Retry-After", "0.001"), nil
			}
			return response(403), nil
		}))
		l.global.SetLimit(1e6)
		l.global.SetBurst(1e6)
		scope = "shared" // is not counted
		for range 6000 {
			if _, err := do(t.Context(), l, "GET", "/channels/1"); err != nil {
				t.Fatal(err)
			}
		}
		scope = "user"
		for range invalidLimit {
			if _, err := do(t.Context(), l, "GET", "/channels/1"); err != nil {
				t.Fatal(err)
			}
		}
		before := made
		if _, err := do(t.Context(), l, "GET", "/channels/2"); !errors.As(err, new(*limited)) || made != before {
			t.Errorf("after %d refusals: %v", invalidLimit, err)
		}
		time.Sleep(invalidWindow + time.Second)
		if _, err := do(t.Context(), l, "GET", "/channels/2"); err != nil {
			t.Errorf("ten minutes later: %v", err)
		}
	})
}

func TestRouteHasNoIdentifiers(t *testing.T) {
	for _, c := range [][4]string{
		{"POST", "/channels/12/messages", "channels POST channels/-/messages", "12"},
		{"GET", "/channels/12/messages/34", "channels GET channels/-/messages/-", "12"},
		{"PATCH", "/webhooks/1/tok.en/messages/@original", "webhooks PATCH webhooks/-/-/messages/@original", "1/tok.en"},
		{"GET", "/users/@me", "users GET users/@me", ""},
	} {
		if route, major := routeOf(c[0], c[1]); route != c[2] || major != c[3] {
			t.Errorf("%s %s: %q, %q", c[0], c[1], route, major)
		}
	}
	if got := apiPath("/api/v9/channels/1"); got != "/channels/1" {
		t.Errorf("path %q", got)
	}
}
