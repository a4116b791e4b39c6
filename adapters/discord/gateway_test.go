package discord

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// A voice message that is posted after whatever happened is heard.
func (l *listener) hears(what string) {
	l.p.t.Helper()
	u, at := l.p.user("ada"), l.p.channel("lesson")
	l.note(l.p.s.Voice(u, at, []byte("OggS "+what)))
}

func TestConnectionsAreResumed(t *testing.T) {
	for name, end := range map[string]func(p *platform){
		"broken off":        func(p *platform) { p.s.Drop(0) },
		"closed by Discord": func(p *platform) { p.s.Drop(4000) },
		"asked to return":   func(p *platform) { p.s.Reconnect() },
	} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			l := p.listen(p.adapter(nil), &inbox{})
			l.hears("before")
			end(p)
			// The gateway keeps what happens meanwhile for who resumes.
			missed := p.s.Voice(p.user("ada"), p.channel("lesson"), []byte("OggS missed"))
			p.until("a resumption", func() bool { return p.s.Resumed() > 0 && p.s.Sessions() > 0 })
			l.note(missed)
			l.hears("after")
			if n := p.s.Identified(); n != 1 {
				t.Errorf("identified %d times, want once", n)
			}
			if n := len(l.inbox.all()); n != 3 {
				t.Errorf("%d notes, want 3", n)
			}
		})
	}
}

func TestLostSessionsBeginAnewAndCatchUp(t *testing.T) {
	for name, end := range map[string]func(p *platform){
		"timed out": func(p *platform) { p.s.Forget(); p.s.Drop(4009) },
		"invalid":   func(p *platform) { p.s.InvalidateSessions() },
	} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			l := p.listen(p.adapter(nil), &inbox{})
			l.hears("before")
			end(p)
			missed := p.s.Voice(p.user("ada"), p.channel("lesson"), []byte("OggS missed"))
			p.until("another session", func() bool { return p.s.Identified() > 1 && p.s.Sessions() > 0 })
			l.note(missed)
			l.hears("after")
		})
	}
}

func TestDeadConnectionIsNoticed(t *testing.T) {
	p := parallelPlatform(t)
	p.s.MuteAcks(true)
	d := p.adapter(nil)
	d.gateway.ack = 300 * time.Millisecond
	l := p.listen(d, &inbox{})
	p.until("a resumption", func() bool { return p.s.Resumed() > 0 })
	p.s.MuteAcks(false)
	l.hears("after")
}

// What discordgo's Open can't take: an operation that wants its lock in place of
// READY, silence, a close, nonsense.
func TestGatewayThatDoesNotGetReady(t *testing.T) {
	for name, frames := range map[string][]string{
		"a request to reconnect in place of READY": {`{"op":7,"d":null}`},
		"an acknowledgement in place of READY":     {`{"op":11}`},
		"silence":                                  {},
		"a close in place of READY":                {"close 4000"},
		"a session that is invalid at once":        {`{"op":9,"d":false}`, "close 4008"},
		"nonsense":                                 {`{"op":`},
		"null":                                     {`null`},
		"READY that is a string":                   {`{"op":0,"t":"READY","s":1,"d":"soon"}`, "close 4000"},
	} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			p.s.Quirk(func(op, n int) []string {
				if op == 2 && n == 0 {
					return frames
				}
				return nil
			})
			d := p.adapter(nil)
			d.gateway.ready = 500 * time.Millisecond
			l := p.listen(d, &inbox{})
			l.hears("after")
			if err := l.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestListenEndsWhereGatewayCannotBeHad(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		want string
	}{
		"the token is refused":    {4004, "token was refused"},
		"too many servers":        {4011, "too many servers"},
		"the intents are refused": {4013, "4013"},
	} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			p.s.Quirk(func(op, _ int) []string {
				if op != 2 {
					return nil
				}
				return []string{fmt.Sprint("close ", c.code)}
			})
			l := p.start(p.adapter(nil), &inbox{})
			select {
			case err := <-l.err:
				l.end = nil
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Listen: %v, want %q in it", err, c.want)
				}
			case <-time.After(patience):
				t.Fatal("Listen goes on")
			}
		})
	}
	t.Run("a client that is stuck again and again", func(t *testing.T) {
		p := parallelPlatform(t)
		p.s.Quirk(func(op, _ int) []string {
			if op != 2 {
				return nil
			}
			return []string{`{"op":7,"d":null}`}
		})
		d := p.adapter(nil)
		d.gateway.ready, d.gateway.stuck = 100*time.Millisecond, 2
		l := p.start(d, &inbox{})
		if err := <-l.err; err == nil || !strings.Contains(err.Error(), "stuck") {
			t.Errorf("Listen: %v, want that it is stuck", err)
		}
		l.end = nil
	})
}

func TestWithoutMessageContent(t *testing.T) {
	for name, set := range map[string]bool{"as set": false, "though it is set: the portal refuses it": true} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			p.s.SetContentIntent(false)
			named := p.channel("lesson")
			p.desk.SetRules(coach.Rules{Channels: []string{named}})
			l := p.listen(p.adapter(func(c *Config) { c.MessageContent = set }), &inbox{})
			ada := p.user("ada")
			p.s.Voice(ada, named, []byte("OggS unheard"))
			p.until("the hint", func() bool { return len(p.s.See(ada, named)) == 2 })
			p.s.Voice(ada, named, []byte("OggS unheard again"))
			direct := p.s.Voice(ada, p.s.DM(ada), []byte("OggS heard"))
			if n := l.note(direct); n.Place != "" {
				t.Errorf("a direct message is of the place %q", n.Place)
			}
			seen := p.s.See(ada, named)
			if len(seen) != 3 || !strings.Contains(seen[1].Text, "/assess") {
				t.Errorf("in the channel are %d messages, want two recordings and one hint", len(seen))
			}
		})
	}
}

func TestOddEventsCostNothing(t *testing.T) {
	p := parallelPlatform(t)
	l := p.listen(p.adapter(nil), &inbox{})
	at := p.channel("lesson")
	for event, payloads := range map[string][]string{
		"MESSAGE_CREATE": {
			`null`, `"x"`, `[]`, `7`, `{}`, `{"id":7}`, `{"id":"x","author":{"id":"1"}}`, `{"id":"1","author":null}`,
			`{"id":"1","channel_id":"` + at + `","author":{"id":"2"},"attachments":[null]}`,
			`{"id":"1","channel_id":"` + at + `","author":{"id":"2"},"flags":8192,"attachments":[{}]}`,
			`{"id":"1","channel_id":"` + at + `","author":"2","attachments":"none"}`,
		},
		"MESSAGE_DELETE":      {`null`, `{}`, `{"id":5}`, `{"id":"-1"}`},
		"MESSAGE_DELETE_BULK": {`{"ids":null}`, `{"ids":["x",""]}`, `{"ids":[1]}`},
		"MESSAGE_UPDATE":      {`{}`, `{"id":"1","components":[{"type":99}]}`},
		"INTERACTION_CREATE":  {`{}`, `{"id":"1","type":2,"data":null}`, `{"id":"1","type":77,"token":"t","channel_id":"1","user":{"id":"3"},"data":{}}`},
		"THREAD_CREATE":       {`{"id":null}`},
		"A_NEW_ONE":           {`{"x":1}`, `null`},
	} {
		for _, payload := range payloads {
			p.s.Dispatch(event, json.RawMessage(payload))
		}
	}
	l.hears("after all that")
	// Components that nobody knows yet, on a message that is a voice note.
	message := p.s.Voice(p.user("ada"), at, []byte("OggS with components"))
	l.note(message)
	p.s.Dispatch("MESSAGE_CREATE", json.RawMessage(`{"id":"`+message+`9","channel_id":"`+at+`","guild_id":"`+p.guild+`","author":{"id":"`+p.user("ada").ID+
		`"},"flags":8192,"attachments":[{"id":"5","filename":"v.ogg","url":"https://cdn.discordapp.com/x"}],"components":[{"type":99,"x":[]},{"type":1,"components":[{"type":20}]}]}`))
	l.note(message + "9")
}
