package slack

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

func TestSocketModeConnectsAgain(t *testing.T) {
	for reason, n := range map[string]int{"refresh_requested": 0, "warning": 0, "too_many_websockets": 1} {
		t.Run(reason, func(t *testing.T) {
			r := run(t)
			r.post(t, r.clip("before"))
			r.slack().Disconnect(reason, n)
			r.post(t, r.clip("after"))
		})
	}
	t.Run("a broken connection", func(t *testing.T) {
		r := run(t)
		r.slack().CloseSockets()
		r.post(t, r.clip("after"))
	})
	t.Run("Slack's API fails for a while", func(t *testing.T) {
		r := run(t)
		r.slack().Fail("apps.connections.open", false)
		r.slack().Refuse("apps.connections.open", "internal_error")
		r.slack().Disconnect("refresh_requested", 0)
		r.post(t, r.clip("after"))
	})
	t.Run("link_disabled", func(t *testing.T) {
		r := run(t)
		r.slack().Disconnect("link_disabled", 0)
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(r.log.String(), "socket_mode_not_enabled"); {
			if time.Now().After(deadline) {
				t.Fatal("nothing was logged")
			}
			time.Sleep(10 * time.Millisecond)
		}
		r.slack().EnableSockets()
		r.post(t, r.clip("after"))
	})
}

// An acknowledgement that is lost with its connection makes Slack deliver again,
// over the next one.
func TestAcknowledgementLostWithItsConnection(t *testing.T) {
	first := true
	r := run(t, func(r *running, _ *Config) {
		r.inbox.before = func(coach.VoiceNote) error {
			r.inbox.mu.Lock()
			defer r.inbox.mu.Unlock()
			if first {
				first = false
				r.slack().CloseSockets()
			}
			return nil
		}
	})
	r.slack().AckWithin = 500 * time.Millisecond
	m := r.slack().Post(r.clip("one"))
	if err := r.slack().Event(r.ctx(t), r.ws, m.MessageEvent()); err != nil {
		t.Fatal(err)
	}
	r.inbox.one(t)
}

// A connection that breaks while more is at work than the library has room for
// acknowledgements of must not stop it from connecting anew.
func TestBrokenConnectionUnderLoad(t *testing.T) {
	hold := make(chan struct{})
	var held atomic.Int32
	r := run(t, func(r *running, _ *Config) {
		r.inbox.before = func(coach.VoiceNote) error { held.Add(1); <-hold; return nil }
	})
	const clips = 200
	var told sync.WaitGroup
	for range clips {
		m := r.slack().Post(r.clip("one of many"))
		told.Go(func() {
			for r.slack().EventOnce(r.ctx(t), r.ws, m.MessageEvent()) != nil && t.Context().Err() == nil {
			}
		})
	}
	for held.Load() < maxConcurrent {
		time.Sleep(time.Millisecond)
	}
	r.slack().CloseSockets()
	close(hold)
	told.Wait()
	if n := len(r.inbox.accepted()); n != clips {
		t.Errorf("%d notes, want %d", n, clips)
	}
}

func TestWrongTokensEndListen(t *testing.T) {
	p := newPlatform(t, false)
	for name, c := range map[string]Config{
		"bot": {BotToken: "xoxb-wrong", AppToken: slacktest.AppToken, APIURL: p.slack.APIURL()},
		"app": {BotToken: p.ws.Token, AppToken: "xapp-wrong", APIURL: p.slack.APIURL()},
	} {
		s := p.adapter(c)
		err := s.Listen(t.Context(), &memoryInbox{})
		if err == nil || !strings.Contains(err.Error(), "token is refused") || !strings.Contains(err.Error(), "invalid_auth") {
			t.Errorf("%s: Listen returned %v", name, err)
			continue
		}
		noSecrets(t, err.Error())
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paced{}
		if got := p.wait(); got != 0 {
			t.Errorf("the first connection waits %s", got)
		}
		var waits []time.Duration
		for range 12 {
			p.connected()
			waits = append(waits, p.wait())
		}
		if waits[0] != 0 || waits[1] != time.Second || waits[2] != 2*time.Second || waits[11] != longestWait {
			t.Errorf("connections that are taken back at once wait %v", waits)
		}
		p.connected()
		time.Sleep(time.Hour)
		if got := p.wait(); got != 0 {
			t.Errorf("after one that lasted the next waits %s", got)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"nothing":                  {},
		"no app token":             {BotToken: "xoxb-1"},
		"HTTP without the secret":  {BotToken: "xoxb-1", Addr: ":0"},
		"a client without secret":  {AppToken: "xapp-1", ClientID: "1"},
		"installs without a shelf": {AppToken: "xapp-1", ClientID: "1", ClientSecret: "2", PublicURL: "https://x"},
		"a relative API URL":       {AppToken: "xapp-1", BotToken: "xoxb-1", APIURL: "/api/"},
	} {
		if _, err := New(c, nil, nil, nil, discardLog()); err == nil {
			t.Errorf("%s was taken", name)
		} else if found := c.Probe(t.Context()); c.APIURL == "" && (len(found) != 1 || found[0].OK || found[0].Fix == "") {
			t.Errorf("%s: found %+v", name, found)
		}
	}
	if !errors.Is(unreadable(errFull), errUnreadable) {
		t.Error("an unreadable event is not known as one")
	}
}
