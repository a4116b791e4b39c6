package download

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	limit = 1000
	audio = "OggS\x00\x02 a recording"
	token = "Bearer a-secret"
)

// platform is a file host over TLS, by two names of its own.
type platform struct {
	*httptest.Server
	c *Client

	mu     sync.Mutex
	dialed []string
}

// serve answers for files.example.com and cdn.example.com.
func serve(t *testing.T, h http.HandlerFunc) *platform {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = strings.Contains(t.Name(), "HTTP2")
	s.StartTLS()
	p := &platform{Server: s, c: New(Config{Hosts: []string{"files.example.com", "cdn.example.com"}, MaxBytes: limit})}
	t.Cleanup(s.Close)
	p.trust(t, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	})
	return p
}

// trust lets the client connect by dial, whatever the name, and takes the
// server's certificate.
func (p *platform) trust(t *testing.T, dial func(context.Context) (net.Conn, error)) {
	t.Cleanup(p.c.CloseIdleConnections)
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	p.c.transport.TLSClientConfig = p.TLS.Clone()
	p.c.transport.TLSClientConfig.RootCAs = roots
	p.c.transport.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		p.mu.Lock()
		p.dialed = append(p.dialed, address)
		p.mu.Unlock()
		return dial(ctx)
	}
}

// read fetches what is at an address, whole.
func read(ctx context.Context, c *Client, address string) ([]byte, error) {
	r, err := c.Get(ctx, address, http.Header{"Authorization": {token}})
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func TestGet(t *testing.T) {
	for _, name := range []string{"HTTP1", "HTTP2"} {
		t.Run(name, func(t *testing.T) {
			var asked *http.Request
			p := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r
				w.Header().Set("Content-Type", "audio/ogg")
				fmt.Fprint(w, audio)
			})
			b, err := read(t.Context(), p.c, "https://files.example.com/a/b?ex=1&hm=2")
			if err != nil || string(b) != audio {
				t.Fatalf("%q, %v", b, err)
			}
			if asked.Header.Get("Authorization") != token || asked.Header.Get("Accept-Encoding") != "identity" ||
				asked.URL.String() != "/a/b?ex=1&hm=2" || asked.Host != "files.example.com" || asked.Proto[:6] != "HTTP/"+name[4:] {
				t.Errorf("asked for %s of %s by %s with %v", asked.URL, asked.Host, asked.Proto, asked.Header)
			}
		})
	}
}

// The limit holds for what a header declares and for what comes.
func TestSize(t *testing.T) {
	body := bytes.Repeat([]byte("a"), 2*limit)
	sized := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(n))
			_, _ = w.Write(body[:n])
		}
	}
	chunked := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			for i := range n {
				_, _ = w.Write(body[i : i+1])
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	lying := func(n int) http.HandlerFunc { // it says n, and then 700 bytes come
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", n, body[:700])
				_ = conn.Close()
			}
		}
	}
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		n    int
		want error
	}{
		"nothing":                        {sized(0), 0, nil},
		"the limit":                      {sized(limit), limit, nil},
		"one byte more":                  {sized(limit + 1), 0, coach.ErrTooLarge},
		"the limit, undeclared":          {chunked(limit), limit, nil},
		"one byte more, undeclared":      {chunked(limit + 1), limit, coach.ErrTooLarge},
		"less than declared":             {lying(701), 700, io.ErrUnexpectedEOF},
		"more than declared":             {lying(699), 699, nil},
		"less than declared, over limit": {lying(limit + 1), 0, coach.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := read(t.Context(), serve(t, tt.h).c, "https://cdn.example.com/x")
			if !errors.Is(err, tt.want) || len(b) != tt.n {
				t.Errorf("%d bytes, %v, want %d, %v", len(b), err, tt.n, tt.want)
			}
		})
	}
}

// A recording without an end is no more than one that is too large, and its host
// is left.
func TestEndlessRecording(t *testing.T) {
	left := make(chan struct{})
	p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 8<<10))
		}
	})
	if b, err := read(t.Context(), p.c, "https://cdn.example.com/x"); !errors.Is(err, coach.ErrTooLarge) || len(b) != limit {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	<-left
}

// Redirects are followed from one host of the platform to another, with the
// credentials and without the former address, and nowhere else.
func TestRedirects(t *testing.T) {
	for to, want := range map[string]bool{
		"/there":                                    true,
		"https://cdn.example.com/there":             true,
		"https://CDN.example.com:443/there":         true,
		"https://evil.example.com/there":            false,
		"https://cdn.example.com.evil.test/there":   false,
		"https://cdn.example.com:8443/there":        false,
		"https://u:p@cdn.example.com/there":         false,
		"http://cdn.example.com/there":              false,
		"https://127.0.0.1/there":                   false,
		"http://169.254.169.254/latest/meta-data":   false,
		"file:///etc/passwd":                        false,
		"https://files.example.com/here?again=ever": false,
	} {
		t.Run(to, func(t *testing.T) {
			asked := 0
			p := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if asked++; r.URL.Path == "/here" {
					http.Redirect(w, r, to, http.StatusFound)
					return
				}
				if r.Header.Get("Authorization") != token || r.Referer() != "" {
					t.Errorf("asked with %v", r.Header)
				}
				fmt.Fprint(w, audio)
			})
			b, err := read(t.Context(), p.c, "https://files.example.com/here?signed=secret")
			if want {
				if err != nil || string(b) != audio {
					t.Errorf("%q, %v", b, err)
				}
				return
			}
			var status *StatusError
			if !errors.Is(err, ErrElsewhere) || !errors.As(err, &status) || status.Code != http.StatusFound {
				t.Fatalf("%q, %v", b, err)
			}
			if strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds an address: %v", err)
			}
			if len(p.dialed) != 1 || p.dialed[0] != "files.example.com:443" || asked > maxRedirects+1 {
				t.Errorf("asked %d times, dialed %q", asked, p.dialed)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	p := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, audio) })
	for address, want := range map[string]bool{
		"https://files.example.com/files-pri/T1-F1/a.mp4":     true,
		"https://FILES.example.com:443/files-pri/T1-F1/a.mp4": true,
		"https://cdn.example.com":                             true,
		"http://files.example.com/x":                          false,
		"https://files.example.com:8443/x":                    false,
		"https://files.example.com.evil.test/x":               false,
		"https://files.example.com./x":                        false,
		"https://evil.test/files.example.com":                 false,
		"https://files.example.com@evil.test/x":               false,
		"https://user:pw@files.example.com/x":                 false,
		"https://example.com/x":                               false,
		"https://127.0.0.1/x":                                 false,
		"https://2130706433/x":                                false,
		"https://0177.0.0.1/x":                                false,
		"https://[::1]/x":                                     false,
		"https://169.254.169.254/latest":                      false,
		"https:files.example.com/x":                           false,
		"//files.example.com/x":                               false,
		"ftp://files.example.com/x":                           false,
		"file:///etc/passwd":                                  false,
		"https://files.example.com/%zz":                       false,
		"":                                                    false,
	} {
		b, err := read(t.Context(), p.c, address)
		if want && (err != nil || string(b) != audio) || !want && !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %q, %v, want %t", address, b, err, want)
		}
	}
}

func TestOnlyPublicAddressesAreDialed(t *testing.T) {
	c := New(Config{Hosts: []string{"localhost"}, MaxBytes: limit})
	for _, address := range []string{
		"127.0.0.1:443", "0.0.0.0:443", "10.0.0.1:443", "10.255.255.255:443", "172.16.0.1:443", "172.31.255.255:443", "192.168.0.1:443", "192.168.1.0:443",
		"169.254.169.254:443", "100.64.0.1:443", "255.255.255.255:443", "192.0.0.8:443", "192.0.0.170:443", "192.0.0.171:443", "198.18.0.1:443", "192.0.2.1:443",
		"198.51.100.1:443", "203.0.113.1:443",
		"224.0.0.1:443", "240.0.0.1:443", "[::1]:443", "[::]:443", "[fc00::1]:443", "[fd12::1]:443", "[fe80::1]:443", "[ff02::1]:443",
		"[::ffff:169.254.169.254]:443", "[::ffff:127.0.0.1]:443", "[64:ff9b::7f00:1]:443", "[64:ff9b::a9fe:a9fe]:443", "[2001:db8::1]:443", "[2002:7f00:1::]:443", "3.125.1.1:22", "3.125.1.1:80",
	} {
		network := "tcp4"
		if address[0] == '[' {
			network = "tcp6"
		}
		if c.control(network, address, nil) == nil {
			t.Errorf("%s may be dialed", address)
		}
	}
	if err := c.control("tcp4", "3.125.1.1:443", nil); err != nil {
		t.Errorf("a public address may not be dialed: %v", err)
	}
	// A name of the list that leads inside, by the dialer as it is.
	if _, err := read(t.Context(), c, "https://localhost/x"); !errors.Is(err, ssrf.ErrProhibitedIP) {
		t.Errorf("a name of this machine: %v", err)
	}
	// A proxy of the environment would dial for us.
	if c.transport.Proxy != nil {
		t.Error("downloads go through a proxy")
	}
}

// A stand-in may be on this machine and without TLS; what else is there is not
// asked.
func TestStandIn(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, audio) })
	s, other := httptest.NewServer(answer), httptest.NewServer(answer)
	defer s.Close()
	defer other.Close()
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Hosts: []string{"files.example.com"}, MaxBytes: limit, StandIn: at})
	defer c.CloseIdleConnections()
	if b, err := read(t.Context(), c, s.URL+"/x"); err != nil || string(b) != audio {
		t.Errorf("of the stand-in: %q, %v", b, err)
	}
	for _, address := range []string{other.URL + "/x", "https://" + at.Host + "/x", "http://files.example.com/x"} {
		if _, err := read(t.Context(), c, address); !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %v", address, err)
		}
	}
	// One that answers in the host's place.
	c = New(Config{Hosts: []string{"files.example.com"}, MaxBytes: limit, StandIn: at, Wrap: func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			req.URL.Scheme, req.URL.Host = at.Scheme, at.Host
			return next.RoundTrip(req)
		})
	}})
	defer c.CloseIdleConnections()
	if b, err := read(t.Context(), c, "https://files.example.com/x"); err != nil || string(b) != audio {
		t.Errorf("in the host's place: %q, %v", b, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// What comes compressed is not unpacked, so that the limit is of what comes.
func TestCompressed(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 500*limit))
	_ = z.Close()
	if bomb.Len() > limit {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	coding := "gzip"
	p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/ogg")
		w.Header().Set("Content-Encoding", coding)
		_, _ = w.Write(bomb.Bytes())
	})
	if b, err := read(t.Context(), p.c, "https://files.example.com/x"); !errors.Is(err, errEncoded) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
	coding = "Identity" // a file that is an archive by itself
	if b, err := read(t.Context(), p.c, "https://files.example.com/x"); err != nil || !bytes.Equal(b, bomb.Bytes()) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
}

func TestPages(t *testing.T) {
	for _, tt := range []struct {
		contentType, body string
		want              error
	}{
		{"text/html", "Please sign in", ErrPage},
		{"TEXT/HTML;charset=utf-8", "<p>", ErrPage},
		{"application/xhtml+xml", "<?xml?>", ErrPage},
		{"audio/mp4", "<!DOCTYPE html><html><title>Sign in</title></html>", ErrPage},
		{"audio/mp4", "\ufeff\r\n <html>", ErrPage},
		{"", "<!doctype html >", ErrPage},
		{"audio/mp4", "\x00\x00\x00\x20ftypM4A " + strings.Repeat("<html>", 90), nil},
		{"application/octet-stream", audio, nil},
		{"text/plain", audio, nil},
		{"audio/ogg", "", nil},
		{"; what", audio, nil},
	} {
		p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tt.contentType)
			fmt.Fprint(w, tt.body)
		})
		b, err := read(t.Context(), p.c, "https://files.example.com/x")
		if !errors.Is(err, tt.want) || tt.want == nil && string(b) != tt.body {
			t.Errorf("%q of %q: %q, %v", tt.body, tt.contentType, b, err)
		}
	}
}

func TestStatus(t *testing.T) {
	soon := time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		code     int
		after    string
		min, max time.Duration
	}{
		{404, "", 0, 0},
		{410, "7", 7 * time.Second, 7 * time.Second},
		{429, "1.5", 1500 * time.Millisecond, 1500 * time.Millisecond},
		{429, "1e300", time.Hour, time.Hour},
		{429, soon, 9 * time.Minute, 10 * time.Minute},
		{429, "Mon, 02 Jan 2006 15:04:05 GMT", 0, 0},
		{503, "-1", 0, 0},
		{503, "NaN", 0, 0},
		{503, "later", 0, 0},
		{206, "", 0, 0}, // a part was not asked for
		{204, "", 0, 0},
	} {
		p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.after)
			w.WriteHeader(tt.code)
		})
		_, err := read(t.Context(), p.c, "https://files.example.com/secret")
		var status *StatusError
		if !errors.As(err, &status) || status.Code != tt.code || status.RetryAfter < tt.min || status.RetryAfter > tt.max {
			t.Errorf("%d after %q: %#v", tt.code, tt.after, err)
			continue
		}
		if errors.Is(err, ErrElsewhere) || coach.ReasonOf(err) != "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", tt.code, err)
		}
	}
}
