package slack

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/download"
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

// The client as production has it; an address that may be asked is not, for the
// context has ended.
func TestFileHosts(t *testing.T) {
	s, err := New(Config{BotToken: "xoxb-1", AppToken: "xapp-1"}, nil, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for address, want := range map[string]error{
		"https://files.slack.com/files-pri/T1-F1/a.mp4": context.Canceled,
		"https://files.slack-gov.com/x":                 context.Canceled,
		"https://slack-files.com/x":                     download.ErrElsewhere,
		"https://slack.com/x":                           download.ErrElsewhere,
		"http://files.slack.com/x":                      download.ErrElsewhere,
		"https://evil.example/files.slack.com":          download.ErrElsewhere,
	} {
		if _, err := s.download(ended, &session{}, address); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	for _, bad := range []string{"slack.com/api/", "https://slack.com/api", "ftp://x/", "https:///"} {
		if _, err := (Config{APIURL: bad}).standIn(); err == nil {
			t.Errorf("the API URL %q was taken", bad)
		}
	}
}
