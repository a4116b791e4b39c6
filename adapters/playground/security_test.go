package playground

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// raw sends a request as it stands and returns the response.
func raw(t *testing.T, s *service, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestHosts(t *testing.T) {
	s := serve(t, Config{AllowedHosts: []string{"Mynah.example"}}, nil)
	for host, allowed := range map[string]bool{
		"localhost":                  true,
		"LocalHost:8080":             true,
		"127.0.0.1:1":                true,
		"[::1]:8080":                 true,
		"mynah.example":              true,
		"mynah.example:443":          true,
		"evil.example":               false,
		"evil.example:8080":          false,
		"localhost.evil.example":     false,
		"127.0.0.1.evil.example":     false,
		"evil.example/localhost":     false,
		"192.168.0.7":                false,
		"0.0.0.0":                    false,
		"":                           false,
		"2130706433":                 false,
		"mynah.example.":             false,
		"mynah.example@evil.example": false,
	} {
		for _, path := range []string{"/", "/api/thread", "/api/settings", "/app.js"} {
			res := raw(t, s, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
			if got := res.StatusCode == http.StatusOK; got != allowed {
				t.Errorf("Host %q, %s: answered %s", host, path, res.Status)
			}
			if !allowed && len(res.Cookies()) > 0 {
				t.Errorf("Host %q, %s: got a cookie", host, path)
			}
		}
	}
	if res := raw(t, s, "GET /healthz HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n"); res.StatusCode != http.StatusOK {
		t.Errorf("a probe was answered %s", res.Status)
	}
}

func TestCrossOriginRequestsAreRefused(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := mustClient(t, s.url)
	contentType, body := ordinary().encode()
	for name, header := range map[string]http.Header{
		"by fetch metadata": {"Sec-Fetch-Site": {"cross-site"}},
		"from a sibling":    {"Sec-Fetch-Site": {"same-site"}},
		"by origin":         {"Origin": {"https://evil.example"}},
		"from a file":       {"Origin": {"null"}},
	} {
		for method, path := range map[string]string{"POST": "api/notes", "DELETE": "api/thread"} {
			req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header.Clone()
			req.Header.Set("Content-Type", contentType)
			res, err := c.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s %s was answered %s", method, path, name, res.Status)
			}
		}
	}
	if n := len(s.inbox.all()); n != 0 {
		t.Errorf("%d notes were accepted", n)
	}
}

func TestHeaders(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := mustClient(t, s.url)
	for _, path := range []string{"", "app.js", "icon.svg", "api/thread", "api/settings", "nowhere", "api/nowhere", "healthz"} {
		h := c.get(t, path).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"X-Frame-Options":              "DENY",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("/%s has %s %q, want %q", path, name, h.Get(name), want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("/%s has a policy without %s", path, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("/%s has the policy %s", path, policy)
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "microphone=(self)") || !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
			t.Errorf("/%s has the permissions %q", path, h.Get("Permissions-Policy"))
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("/%s can be read by other origins", path)
		}
	}
}

func TestHTTPSCookieIsSecure(t *testing.T) {
	s := serve(t, Config{HTTPS: true}, nil)
	res := raw(t, s, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if cookies := res.Cookies(); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("cookies %v, want a secure one", cookies)
	}
}

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}|@import|innerHTML|insertAdjacentHTML|document\.write|eval\(|new Function`)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*[^/])?>[^<]|\son[a-z]+\s*=|\sstyle\s*=|javascript:`)
	p, err := newPage()
	if err != nil {
		t.Fatal(err)
	}
	for url, a := range p.files {
		text := strings.ReplaceAll(string(a.body), "http://www.w3.org/2000/svg", "") // a name, not an address
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s holds %q", url, found)
		}
		if strings.HasSuffix(a.name, ".html") {
			if found := inline.FindString(text); found != "" {
				t.Errorf("%s holds %q", url, found)
			}
		}
	}
}

func TestPageFiles(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := mustClient(t, s.url)
	for path, contentType := range map[string]string{
		"": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "base.css": "text/css; charset=utf-8",
		"sentences.json": "application/json", "icon.svg": "image/svg+xml",
	} {
		res := c.get(t, path)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != contentType || len(res.body) == 0 {
			t.Errorf("/%s answered %s, %s", path, res.Status, res.Header.Get("Content-Type"))
		}
		again := raw(t, s, fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %s\r\nConnection: close\r\n\r\n", path, res.Header.Get("ETag")))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("/%s unchanged answered %s", path, again.Status)
		}
	}
	for _, path := range []string{"index.html", "page/app.js", "../page.go", "%2e%2e/page.go", "page.go", "app.js/"} {
		res := raw(t, s, "GET /"+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if res.StatusCode == http.StatusOK {
			t.Errorf("/%s was served", path)
		}
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time-out")
	}
	s := serve(t, Config{}, nil)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.ReadAll(conn); err != nil { // until the server closes it
		t.Fatalf("the header was waited for %s: %v", time.Since(began), err)
	}
	if took := time.Since(began); took < headerTimeout/2 {
		t.Errorf("the connection was closed after %s already", took)
	}
}

func TestHugeHeadersAreRefused(t *testing.T) {
	s := serve(t, Config{}, nil)
	res := raw(t, s, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Huge: "+strings.Repeat("a", 40<<10)+"\r\n\r\n")
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %s", res.Status)
	}
}

func TestAShutdownCutsSlowUploadsOff(t *testing.T) {
	s := serve(t, Config{}, nil)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	contentType, body := ordinary().encode()
	if _, err := fmt.Fprintf(conn, "POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		contentType, len(body)+100, body[:len(body)-20]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // for the request to be under way; whatever the test sees, it must see in time
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Listen took %s to end", took)
	}
	if n := len(s.inbox.all()); n != 0 {
		t.Errorf("%d notes were accepted of half an upload", n)
	}
}
