package discord

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
)

// posted has a learner's note taken in, ready to be answered.
func (p *platform) posted(l *listener, at string) (coach.VoiceNote, string) {
	p.t.Helper()
	message := p.s.Voice(p.user("ada"), at, []byte("OggS"))
	n := l.note(message)
	n.Text = "The cat sat."
	return n, message
}

func TestWhereRepliesGo(t *testing.T) {
	const threads = "POST /channels/{channel}/messages/{message}/threads"
	const create = "POST /channels/{channel}/messages"
	for name, c := range map[string]struct {
		before  func(p *platform, at, message string)
		in      func(p *platform) string // where the note is, the channel where nil
		private bool
		kind    coach.ReplyKind
		want    string // thread, channel, dm, or "" for nowhere
		text    string
	}{
		"a thread on the message": {want: "thread"},
		"a thread that is there":  {before: func(p *platform, at, message string) { p.s.StartThread(at, message) }, want: "thread"},
		"the thread that the note is in": {
			in: func(p *platform) string { return p.s.AddThread(p.channel("lesson"), "talk") }, want: "channel",
		},
		"the direct message that the note is in":      {in: func(p *platform) string { return p.s.DM(p.user("ada")) }, want: "dm"},
		"the channel, where no thread may be made":    {before: func(p *platform, at, _ string) { p.s.Deny(at, discordtest.CreateThreads) }, want: "channel"},
		"the channel, where no thread may be written": {before: func(p *platform, at, _ string) { p.s.Deny(at, discordtest.SendInThreads) }, want: "channel"},
		"the channel, where there are too many threads": {
			before: func(p *platform, _, _ string) { p.s.Fail(threads, discordtest.Fault{Status: 400, Code: 160006}) }, want: "channel",
		},
		"the channel, where the thread is locked": {
			before: func(p *platform, at, message string) { p.s.StartThread(at, message); p.s.Lock(message) }, want: "channel",
		},
		"the channel, where the thread was deleted at once": {
			before: func(p *platform, _, _ string) { p.s.Fail(create, discordtest.Fault{Status: 404, Code: 10003}) }, want: "channel",
		},
		"a direct message, where it is private":    {private: true, want: "dm"},
		"private, in a direct message of ours":     {in: func(p *platform) string { return p.s.DM(p.user("ada")) }, private: true, want: "dm"},
		"private, to who takes no direct messages": {before: func(p *platform, _, _ string) { p.user("ada").NoDM = true }, private: true, want: "thread", text: "for you alone"},
		"a private question, to who takes no direct messages": {
			before: func(p *platform, _, _ string) { p.user("ada").NoDM = true }, private: true, kind: coach.ReplyQuestion, want: "thread", text: "Well read.",
		},
		"the channel, where its history may not be read": {
			before: func(p *platform, at, _ string) {
				p.s.Deny(at, discordtest.ReadHistory|discordtest.CreateThreads)
			}, want: "loose",
		},
		"nowhere, where the message in a thread is gone": {
			in:     func(p *platform) string { return p.s.AddThread(p.channel("lesson"), "talk") },
			before: func(p *platform, at, message string) { p.s.Delete(at, message) },
		},
		"nowhere, where the message is gone": {before: func(p *platform, at, message string) { p.s.Delete(at, message) }},
	} {
		t.Run(name, func(t *testing.T) {
			p := parallelPlatform(t)
			d := p.adapter(nil)
			l := p.listen(d, &inbox{})
			at := p.channel("lesson")
			if c.in != nil {
				at = c.in(p)
			}
			n, message := p.posted(l, at)
			if c.before != nil {
				c.before(p, at, message)
			}
			r := coaching(n, "Well read.")
			r.Private = c.private
			if c.kind != "" {
				r.Kind = c.kind
			}
			p.post(d, n, r)
			p.post(p.adapter(nil), n, r) // after a restart
			ada := p.user("ada")
			var seen []discordtest.Message
			switch c.want {
			case "loose":
				for _, m := range p.s.See(ada, at) {
					if m.Author.ID == p.s.BotID() {
						m.ReplyTo, c.want = message, "channel"
						seen = append(seen, m)
					}
				}
			case "dm":
				for _, m := range p.s.See(ada, p.s.DM(ada)) {
					if m.Author.ID == p.s.BotID() {
						seen = append(seen, m)
					}
				}
			default:
				seen = p.s.Answers(ada, at, message)
			}
			if c.want == "" {
				if len(seen) != 0 {
					t.Errorf("answered: %+v", seen)
				}
				return
			}
			if len(seen) != 1 {
				t.Fatalf("%d answers, want one", len(seen))
			}
			got := seen[0]
			if where := map[string]string{"thread": message, "channel": at, "dm": p.s.DM(ada)}[c.want]; got.Channel != where {
				t.Errorf("answered in %s, want the %s, %s", got.Channel, c.want, where)
			}
			text := c.text
			if text == "" {
				text = "Well read."
			}
			if !strings.Contains(got.Text, text) || len(got.Buttons) != 1 {
				t.Errorf("the answer is %q with %d buttons", got.Text, len(got.Buttons))
			}
			if c.want == "channel" && got.ReplyTo != message {
				t.Error("the answer is no reply to the note")
			}
		})
	}
}

// Whatever a post was cut off by, and however much later it is tried again, its
// learner sees one answer: Discord forgets nonces after some minutes.
func TestPostsAreRepeatedHarmlessly(t *testing.T) {
	type cut func(p *platform, s *cutShelf)
	fails := func(route string, after bool) cut {
		return func(p *platform, _ *cutShelf) { p.s.Fail(route, discordtest.Fault{Status: 502, After: after}) }
	}
	breaks := func(p *platform, _ *cutShelf) {
		p.s.Fail("POST /channels/{channel}/messages", discordtest.Fault{Status: -1, After: true})
	}
	shelfFails := func(k int) cut { return func(_ *platform, s *cutShelf) { s.fail(k) } }
	for name, c := range map[string]cut{
		"the thread is not made":            fails("POST /channels/{channel}/messages/{message}/threads", false),
		"the thread is made":                fails("POST /channels/{channel}/messages/{message}/threads", true),
		"the message is not made":           fails("POST /channels/{channel}/messages", false),
		"the message is made":               fails("POST /channels/{channel}/messages", true),
		"the connection breaks off":         breaks,
		"the shelf fails before":            shelfFails(1),
		"the shelf fails after":             shelfFails(2),
		"the shelf fails with the sentence": shelfFails(3),
	} {
		for where, private := range map[string]bool{"in a thread": false, "by direct message": true} {
			if private && strings.Contains(name, "thread") {
				continue
			}
			t.Run(name+" "+where, func(t *testing.T) {
				p := parallelPlatform(t)
				shelf := &cutShelf{Shelf: p.shelf}
				p.shelf = shelf
				l := p.listen(p.adapter(nil), &inbox{})
				at := p.channel("lesson")
				n, message := p.posted(l, at)
				if err := l.stop(); err != nil { // which writes marks, too
					t.Fatal(err)
				}
				r := coaching(n, "Well read.")
				r.Private = private
				c(p, shelf)
				if err := p.adapter(nil).Post(t.Context(), n.Thread, r); err == nil {
					t.Fatal("the post did not fail")
				}
				p.s.Advance(10 * time.Minute)
				p.post(p.adapter(nil), n, r)
				p.s.Advance(10 * time.Minute)
				p.post(p.adapter(nil), n, r)
				if got := p.answers(p.user("ada"), at, message); len(got) != 1 {
					t.Errorf("the learner sees %q", got)
				}
			})
		}
	}
}

// cutShelf fails the k-th Put from when it is told to.
type cutShelf struct {
	coach.Shelf
	mu   sync.Mutex
	left int
}

func (s *cutShelf) fail(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = k
}

func (s *cutShelf) Put(ctx context.Context, key string, value []byte) error {
	s.mu.Lock()
	s.left--
	now := s.left == 0
	s.mu.Unlock()
	if now {
		return errors.New("the shelf fails")
	}
	return s.Shelf.Put(ctx, key, value)
}

func TestTwoMachinesAnswerOnce(t *testing.T) {
	p := parallelPlatform(t)
	l := p.listen(p.adapter(nil), &inbox{})
	at := p.channel("lesson")
	for range 10 {
		n, message := p.posted(l, at)
		r := coaching(n, "Well read.")
		var all sync.WaitGroup
		for range 4 {
			d := p.adapter(nil)
			all.Go(func() {
				err := d.Post(t.Context(), n.Thread, r)
				for snooze := (*coach.Snooze)(nil); errors.As(err, &snooze); { // as a worker does
					time.Sleep(snooze.For)
					err = d.Post(t.Context(), n.Thread, r)
				}
				if err != nil {
					t.Errorf("Post: %v", err)
				}
			})
		}
		all.Wait()
		if got := p.answers(p.user("ada"), at, message); len(got) != 1 {
			t.Fatalf("the learner sees %d answers", len(got))
		}
	}
}

func TestLimitsOfOneChannelHoldNobodyElseUp(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	slow, _ := p.posted(l, p.channel("slow"))
	quick, message := p.posted(l, p.channel("quick"))
	p.s.Fail("POST /channels/{channel}/messages/{message}/threads", discordtest.Fault{Limit: 30 * time.Second, Scope: "shared"})
	err := d.Post(t.Context(), slow.Thread, coaching(slow, "Well read."))
	var snooze *coach.Snooze
	if !errors.As(err, &snooze) || snooze.For < 20*time.Second {
		t.Fatalf("Post: %v, want a snooze of half a minute", err)
	}
	began := time.Now()
	if err := d.Post(t.Context(), slow.Thread, coaching(slow, "Well read.")); !errors.As(err, &snooze) || time.Since(began) > time.Second {
		t.Errorf("again: %v after %s, want a snooze at once, without a request", err, time.Since(began))
	}
	p.post(d, quick, coaching(quick, "Well read."))
	if got := p.answers(p.user("ada"), p.channel("quick"), message); len(got) != 1 {
		t.Errorf("in the other channel: %q", got)
	}
	// A global limit is everybody's.
	p.s.Fail("GET /channels/{channel}", discordtest.Fault{Limit: 10 * time.Second, Scope: "global"})
	if err := d.api.call(t.Context(), "GET", "/channels/"+p.channel("third"), nil, nil); !errors.As(err, new(*limited)) {
		t.Fatalf("a global limit: %v", err)
	}
	third, _ := p.posted(l, p.channel("quick"))
	if err := d.Post(t.Context(), third.Thread, coaching(third, "Well read.")); !errors.As(err, &snooze) || snooze.For < 5*time.Second {
		t.Errorf("under a global limit: %v, want a snooze", err)
	}
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	at := p.channel("lesson")
	p.s.Fail("GET /channels/{channel}", discordtest.Fault{Limit: 30 * time.Second, Scope: "user"})
	if err := d.api.call(t.Context(), "GET", "/channels/"+at, nil, nil); err == nil {
		t.Fatal("no limit")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := d.api.call(ctx, "GET", "/channels/"+at, nil, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestCardIsShownWithItsText(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	at := p.channel("lesson")
	for name, c := range map[string]struct {
		card func(coach.Reply) (*coach.Picture, error)
		want int
	}{
		"a card": {func(coach.Reply) (*coach.Picture, error) {
			return &coach.Picture{PNG: []byte("png"), Alt: strings.Repeat("é", 1100)}, nil
		}, 1},
		"none":               {func(coach.Reply) (*coach.Picture, error) { return nil, nil }, 0},
		"one that fails":     {func(coach.Reply) (*coach.Picture, error) { return nil, errors.New("no font") }, 0},
		"one that is no PNG": {func(coach.Reply) (*coach.Picture, error) { return &coach.Picture{}, nil }, 0},
	} {
		d.card = c.card
		n, message := p.posted(l, at)
		p.post(d, n, coaching(n, "Well read."))
		got := p.s.Answers(p.user("ada"), at, message)
		if len(got) != 1 || len(got[0].Files) != c.want || !strings.Contains(got[0].Text, "Well read.") {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if c.want == 1 && len([]rune(got[0].Files[0].Alt)) != maxAlt {
			t.Errorf("%s: alt text of %d characters", name, len([]rune(got[0].Files[0].Alt)))
		}
	}
}

func TestAnswerWithoutItsCardWhereFilesAreNotAllowed(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	d.card = func(coach.Reply) (*coach.Picture, error) { return &coach.Picture{PNG: []byte("png"), Alt: "alt"}, nil }
	l := p.listen(d, &inbox{})
	at := p.channel("lesson")
	p.s.Deny(at, discordtest.AttachFiles)
	n, message := p.posted(l, at)
	p.post(d, n, coaching(n, "Well read."))
	if got := p.s.Answers(p.user("ada"), at, message); len(got) != 1 || len(got[0].Files) != 0 || got[0].Channel != message {
		t.Errorf("%+v", got)
	}
}

func TestWorkingIsTyping(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	at := p.channel("lesson")
	n, _ := p.posted(l, at)
	if err := d.Working(t.Context(), n); err != nil || p.s.Typing(at) != 1 {
		t.Errorf("typing %d times, %v", p.s.Typing(at), err)
	}
}

func TestForeignIdentifiersAreRefused(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	good := coach.Reply{Note: "discord-1", Learner: "discord-2", Kind: coach.ReplyAdvice, Text: "x"}
	for _, c := range []struct {
		thread coach.ThreadID
		change func(*coach.Reply)
	}{
		{"", nil},
		{"c-1", nil},
		{"x-1-2", nil},
		{"c-1-2/../3", nil},
		{"c-1-2", func(r *coach.Reply) { r.Note = "slack-1" }},
		{"c-1-2", func(r *coach.Reply) { r.Note = "discord-../1" }},
		{"c-1-2", func(r *coach.Reply) { r.Learner = "2" }},
	} {
		r := good
		if c.change != nil {
			c.change(&r)
		}
		if err := d.Post(t.Context(), c.thread, r); !errors.Is(err, errForeign) {
			t.Errorf("%q, %+v: %v", c.thread, r, err)
		}
	}
	if n := p.s.Requests("POST /channels/{channel}/messages"); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
