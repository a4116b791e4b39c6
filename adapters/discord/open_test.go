package discord

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/download"
)

func TestRecordings(t *testing.T) {
	p := parallelPlatform(t)
	ada, at := p.user("ada"), p.channel("lesson")
	d := p.adapter(func(c *Config) { c.MaxBytes = 1000 })
	l := p.listen(d, &inbox{})
	voice := func(size int) (string, coach.VoiceNote) {
		message := p.s.Voice(ada, at, make([]byte, size))
		return message, l.note(message)
	}
	open := func(n coach.VoiceNote) (int, error) {
		r, err := d.Open(t.Context(), n)
		if err != nil {
			return 0, err
		}
		b, err := io.ReadAll(r)
		return len(b), errors.Join(err, r.Close())
	}
	_, fits := voice(1000)
	if n, err := open(fits); n != 1000 || err != nil {
		t.Errorf("a recording of the limit's size: %d bytes, %v", n, err)
	}
	_, over := voice(1001)
	if _, err := open(over); !errors.Is(err, coach.ErrTooLarge) {
		t.Errorf("a recording over the limit: %v", err)
	}
	over.Audio.Size = 1 // a lie
	if _, err := open(over); !errors.Is(err, coach.ErrTooLarge) {
		t.Errorf("a recording over the limit that lies: %v", err)
	}
	message, n := voice(10)
	p.s.Redirect(message, "https://evil.example/x")
	if _, err := open(n); !errors.Is(err, download.ErrElsewhere) {
		t.Errorf("a redirect off the list: %v", err)
	}
	message, n = voice(10)
	p.s.Refuse(message, 503)
	if _, err := open(n); err == nil || coach.ReasonOf(err) != "" {
		t.Errorf("a host that is out of order: %v, want an error of ours", err)
	}
	message, n = voice(10)
	p.s.Refuse(message, 429)
	if _, err := open(n); !errors.As(err, new(*coach.Snooze)) {
		t.Errorf("a host that limits: %v, want a snooze", err)
	}
	message, n = voice(10)
	p.s.Refuse(message, 403)
	if _, err := open(n); !errors.Is(err, coach.ErrAudioGone) {
		t.Errorf("a link that is refused, and so is a fresh one: %v", err)
	}
	page := l.note(p.s.Voice(ada, at, []byte("<!DOCTYPE html><title>Not a recording</title>")))
	if _, err := open(page); !errors.Is(err, coach.ErrUnsupportedAudio) {
		t.Errorf("a page that is called a recording: %v", err)
	}

	_, n = voice(10)
	message, gone := voice(10)
	reads := p.s.Requests("GET /channels/{channel}/messages/{message}")
	p.s.Advance(25 * time.Hour) // links hold for a day
	if got, err := open(n); got != 10 || err != nil {
		t.Errorf("a link that is over, of a message that is there: %d bytes, %v", got, err)
	}
	if got := p.s.Requests("GET /channels/{channel}/messages/{message}"); got != reads+1 {
		t.Errorf("the message was read %d times", got-reads)
	}
	p.s.Delete(at, message)
	if _, err := open(gone); !errors.Is(err, coach.ErrAudioGone) {
		t.Errorf("a deleted message's recording: %v", err)
	}
	for _, ref := range []string{"", "{}", `{"f":"x"}`, `{"f":"1","m":"2"}`, "https://evil.example/x"} {
		bad := n
		bad.Audio.Ref = ref
		if _, err := open(bad); err == nil {
			t.Errorf("the reference %q was opened", ref)
		}
	}
	for _, link := range []string{
		"http://cdn.discordapp.com/a", "https://cdn.discordapp.com:8443/a", "https://u:p@cdn.discordapp.com/a", "https://cdn.discordapp.com.evil.example/a",
		"https://127.0.0.1/a", "https://evil.example/a", "file:///etc/passwd", "https://cdn.discordapp.com@evil.example/",
	} {
		bad := n
		bad.Audio.Ref = recording{File: "5", URL: link}.ref()
		if _, err := open(bad); !errors.Is(err, download.ErrElsewhere) {
			t.Errorf("%s: %v, want that it is elsewhere", link, err)
		}
	}
}

// The client as production has it; an address that may be asked is not, for the
// context has ended.
func TestRecordingsHosts(t *testing.T) {
	c, err := Config{Token: "x"}.withDefaults().downloads()
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for address, want := range map[string]error{
		"https://cdn.discordapp.com/attachments/1/2/voice-message.ogg":   context.Canceled,
		"https://media.discordapp.net/attachments/1/2/voice-message.ogg": context.Canceled,
		"https://discord.com/api/v9/users/@me":                           download.ErrElsewhere,
		"https://discordapp.com/x":                                       download.ErrElsewhere,
		"http://127.0.0.1/x":                                             download.ErrElsewhere,
	} {
		if _, err := c.Get(ended, address, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}
