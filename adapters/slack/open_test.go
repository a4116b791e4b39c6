package slack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// read opens a note and reads it.
func (r *running) read(t *testing.T, n coach.VoiceNote) ([]byte, error) {
	t.Helper()
	f, err := r.Open(r.ctx(t), n)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func TestFileIsNotReadyYet(t *testing.T) {
	r := run(t)
	c := r.clip("Soon.")
	c.NotReady, c.HTML = 2, 2
	_, n := r.post(t, c)
	for i := range 4 {
		_, err := r.read(t, n)
		var snooze *coach.Snooze
		if !errors.As(err, &snooze) || snooze.For <= 0 {
			t.Fatalf("try %d: %v, want a snooze", i+1, err)
		}
	}
	b, err := r.read(t, n)
	if err != nil || string(b) != string(c.Audio) {
		t.Errorf("at last: %q, %v", b, err)
	}
	// What has not come for long is an error of ours.
	c.HTML = 9
	_, n = r.post(t, c)
	n.Received = time.Now().Add(-time.Hour)
	_, err = r.read(t, n)
	var snooze *coach.Snooze
	if err == nil || errors.As(err, &snooze) || coach.ReasonOf(err) != "" {
		t.Errorf("after an hour: %v, want an error of ours", err)
	}
}

func TestSizeLimit(t *testing.T) {
	r := run(t, func(_ *running, c *Config) { c.MaxBytes = 1000 })
	for size, want := range map[int]coach.Reason{0: "", 999: "", 1000: "", 1001: coach.ErrTooLarge.Reason, 5000: coach.ErrTooLarge.Reason} {
		c := r.clip("Long.")
		c.Audio = make([]byte, size)
		_, n := r.post(t, c)
		b, err := r.read(t, n)
		if coach.ReasonOf(err) != want || want == "" && (err != nil || len(b) != size) {
			t.Errorf("%d bytes: read %d, %v, want %q", size, len(b), err, want)
		}
	}
	// A response that says less than it is.
	l := &limited{from: strings.NewReader(strings.Repeat("x", 11)), left: 10, read: func() {}}
	b, err := io.ReadAll(l)
	if len(b) != 10 || !errors.Is(err, coach.ErrTooLarge) {
		t.Errorf("read %d, %v", len(b), err)
	}
}

// The token may go to Slack's file hosts alone, whatever a file says of where it
// is, and wherever Slack itself redirects to.
func TestTokenGoesNowhereElse(t *testing.T) {
	var asked, leaked atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.RawQuery, "xox") {
			leaked.Add(1)
		}
		_, _ = io.WriteString(w, "OggS something")
	}))
	defer evil.Close()
	r := run(t)
	for name, edit := range map[string]func(address string) (elsewhere, redirect string){
		"the file is elsewhere": func(a string) (string, string) { return a, "" },
		"a redirect elsewhere":  func(a string) (string, string) { return "", a },
		"credentials in the URL": func(a string) (string, string) {
			return strings.Replace(a, "http://", "http://files.slack.com@", 1), ""
		},
	} {
		c := r.clip("Evil.")
		c.Elsewhere, c.Redirect = edit(evil.URL + "/x")
		_, n := r.post(t, c)
		n.Received = time.Now().Add(-time.Hour)
		if _, err := r.read(t, n); err == nil {
			t.Errorf("%s: it was read", name)
		} else {
			noSecrets(t, err.Error())
		}
	}
	if asked.Load() != 0 || leaked.Load() != 0 {
		t.Errorf("another host was asked %d times, with the token %d times", asked.Load(), leaked.Load())
	}
}

func TestFileHosts(t *testing.T) {
	production, err := newFileHosts("")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"https://files.slack.com/files-pri/T1-F1/a.mp4":     true,
		"https://FILES.slack.com:443/files-pri/T1-F1/a.mp4": true,
		"https://files.slack-gov.com/x":                     true,
		"http://files.slack.com/x":                          false,
		"https://files.slack.com:8443/x":                    false,
		"https://files.slack.com.evil.example/x":            false,
		"https://evil.example/files.slack.com":              false,
		"https://files.slack.com@evil.example/x":            false,
		"https://user:pw@files.slack.com/x":                 false,
		"https://slack-files.com/x":                         false,
		"https://127.0.0.1/x":                               false,
		"https://169.254.169.254/latest":                    false,
		"ftp://files.slack.com/x":                           false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := production.allow(u); got != want {
			t.Errorf("%s allowed: %t, want %t", address, got, want)
		}
	}
	for _, address := range []string{
		"127.0.0.1:443", "0.0.0.0:443", "10.0.0.1:443", "172.16.0.1:443", "172.31.255.255:443", "192.168.0.1:443", "192.168.1.0:443",
		"169.254.169.254:443", "100.64.0.1:443", "255.255.255.255:443", "192.0.0.8:443", "192.0.0.171:443", "198.18.0.1:443", "192.0.2.1:443",
		"224.0.0.1:443", "240.0.0.1:443", "[::1]:443", "[::]:443", "[fc00::1]:443", "[fd12::1]:443", "[fe80::1]:443", "[ff02::1]:443",
		"[::ffff:169.254.169.254]:443", "[64:ff9b::a9fe:a9fe]:443", "[2001:db8::1]:443", "[2002:7f00:1::]:443", "3.125.1.1:22", "3.125.1.1:80",
	} {
		network := "tcp4"
		if address[0] == '[' {
			network = "tcp6"
		}
		if production.control(network, address, nil) == nil {
			t.Errorf("%s may be dialled", address)
		}
	}
	if err := production.control("tcp4", "3.125.1.1:443", nil); err != nil {
		t.Errorf("a public address may not be dialled: %v", err)
	}
	for _, bad := range []string{"slack.com/api/", "https://slack.com/api", "ftp://x/", "https:///"} {
		if _, err := newFileHosts(bad); err == nil {
			t.Errorf("the API URL %q was taken", bad)
		}
	}
}

// A proxy of the environment would dial for us, past the check of addresses.
func TestDownloadsUseNoProxy(t *testing.T) {
	hosts, err := newFileHosts("")
	if err != nil {
		t.Fatal(err)
	}
	if hosts.client().Transport.(*http.Transport).Proxy != nil {
		t.Error("downloads go through a proxy")
	}
}

func TestStalledDownloadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Canceled) })
	b := newBody(r, 100, cancel)
	b.idle.Reset(time.Millisecond)
	if _, err := b.ReadByte(); !errors.Is(err, context.Canceled) {
		t.Errorf("a download that stands still ends with %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
