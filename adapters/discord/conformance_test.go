package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestConformance(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		if !strings.Contains(t.Name(), "goroutine") { // whose case counts everybody's
			t.Parallel()
		}
		return newPlatform(t).harness()
	})
}

// platform is a server of Discord's with mynah in it.
type platform struct {
	t     *testing.T
	s     *discordtest.Server
	desk  *adaptertest.Desk
	shelf coach.Shelf

	guild   string
	teacher *discordtest.User

	mu       sync.Mutex
	users    map[string]*discordtest.User
	channels map[string]string
	messages map[string]*sentClip // by clip's key
	results  map[string][]error   // of a message, as its handling ended
	changed  chan struct{}
}

type sentClip struct {
	channel, id string
	deliveries  int
}

func newPlatform(t *testing.T) *platform {
	p := &platform{
		t: t, s: discordtest.NewServer(t), desk: adaptertest.NewDesk(), shelf: storetest.NewShelf(),
		users: map[string]*discordtest.User{}, channels: map[string]string{}, messages: map[string]*sentClip{},
		results: map[string][]error{}, changed: make(chan struct{}),
	}
	p.s.Speed(20)
	p.guild = p.s.AddGuild("English")
	p.teacher = p.s.AddUser("teacher")
	return p
}

// adapter returns one that is quick to come back.
func (p *platform) adapter(change func(*Config)) *Discord {
	p.t.Helper()
	cfg := Config{Token: discordtest.Token, APIURL: p.s.APIURL(), MessageContent: true}
	if change != nil {
		change(&cfg)
	}
	d, err := New(cfg, p.desk, p.shelf, nil, testLog(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	d.gateway = gatewayTimes{
		ready: 5 * time.Second, ack: time.Minute, check: 20 * time.Millisecond,
		backoff: 20 * time.Millisecond, max: 200 * time.Millisecond, identify: time.Millisecond, stuck: 3,
	}
	d.settled = p.settle
	p.t.Cleanup(func() {
		d.api.http.CloseIdleConnections()
		d.cdn.CloseIdleConnections()
	})
	return d
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// logWriter writes to a test's log while the test runs.
type logWriter struct{ t *testing.T }

func (w logWriter) Write(b []byte) (int, error) {
	defer func() { _ = recover() }() // the test has ended
	if testing.Verbose() {
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func (p *platform) settle(message string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[message] = append(p.results[message], err)
	close(p.changed)
	p.changed = make(chan struct{})
}

// result waits for the n-th time that a message's handling ended.
func (p *platform) result(ctx context.Context, message string, n int) error {
	for {
		p.mu.Lock()
		changed, results := p.changed, p.results[message]
		p.mu.Unlock()
		if len(results) >= n {
			return results[n-1]
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *platform) user(name string) *discordtest.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users[name] == nil {
		p.users[name] = p.s.AddUser(name)
	}
	return p.users[name]
}

func (p *platform) channel(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.channels[name] == "" {
		p.channels[name] = p.s.AddChannel(p.guild, name)
	}
	return p.channels[name]
}

// userOf finds the learner of a note.
func (p *platform) userOf(n coach.VoiceNote) *discordtest.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.users {
		if learnerID(u.ID) == n.Learner {
			return u
		}
	}
	p.t.Errorf("no user is %s", n.Learner)
	return nil
}

func (p *platform) harness() adaptertest.Harness {
	return adaptertest.Harness{
		Adapter: p.adapter(nil), Another: p.adapter(nil),
		Deliver: p.deliver, Expire: p.expire,
		Seen: func(_ context.Context, n coach.VoiceNote) ([]adaptertest.Shown, error) {
			return p.seen(n, p.userOf(n)), nil
		},
		FailPost: func(after bool) {
			p.s.Fail("POST /channels/{channel}/messages", discordtest.Fault{Status: 500, After: after})
		},
		LimitPost: func(d time.Duration) {
			p.s.Fail("POST /channels/{channel}/messages", discordtest.Fault{Limit: d, Scope: "user"})
		},
		Quiesce: p.s.Close,
		Desk:    p.desk,
		SeenBy: func(_ context.Context, n coach.VoiceNote, learner string) ([]adaptertest.Shown, error) {
			return p.seen(n, p.user(learner)), nil
		},
		Delete: func(_ context.Context, n coach.VoiceNote) error {
			at, message := p.locate(n)
			p.s.Delete(at, message)
			return nil
		},
		Press:   p.press,
		Ask:     p.ask,
		Channel: p.channel,
	}
}

// locate is where a note's message is.
func (p *platform) locate(n coach.VoiceNote) (channel, message string) {
	id, err := parseNote(n.ID)
	at, err2 := parseThread(n.Thread)
	if err := errors.Join(err, err2); err != nil {
		p.t.Error(err)
	}
	return at.channel, id.message
}

// deliver posts the clip as a voice message, in reply to its sentence where it
// has one; and sends the event again when it was posted before.
func (p *platform) deliver(ctx context.Context, c adaptertest.Clip) error {
	if err := p.s.Until(ctx, func() bool { return p.s.Sessions() > 0 }); err != nil {
		return err
	}
	u, at := p.user(c.Learner), p.channel(c.Thread)
	p.mu.Lock()
	sent, again := p.messages[c.Key]
	if !again {
		d := discordtest.Draft{Audio: c.Audio, Voice: true, Name: c.Name, Type: c.ContentType}
		if c.Text != "" {
			d.ReplyTo = p.s.Say(p.teacher, at, c.Text)
		}
		sent = &sentClip{channel: at, id: p.s.Write(u, at, d)}
		p.messages[c.Key] = sent
	}
	sent.deliveries++
	n := sent.deliveries
	p.mu.Unlock()
	if again {
		p.s.Redeliver(sent.channel, sent.id)
	}
	return p.result(ctx, sent.id, n)
}

func (p *platform) expire(_ context.Context, n coach.VoiceNote) error {
	_, message := p.locate(n)
	p.s.Lose(message)
	return nil
}

func (p *platform) seen(n coach.VoiceNote, u *discordtest.User) []adaptertest.Shown {
	at, message := p.locate(n)
	return shown(p.s.Answers(u, at, message))
}

func shown(messages []discordtest.Message) []adaptertest.Shown {
	var all []adaptertest.Shown
	for _, m := range messages {
		v := adaptertest.Shown{Text: m.Text, Private: m.Private, Files: map[string][]byte{}}
		for _, a := range m.Active {
			if !ours(m, a) {
				v.Active = append(v.Active, a)
			}
		}
		for _, b := range m.Buttons {
			v.Buttons = append(v.Buttons, b.Label)
		}
		for _, f := range m.Files {
			if f.Alt != "" {
				v.Alts = append(v.Alts, f.Alt)
			}
			v.Files[f.Name] = f.Data
		}
		all = append(all, v)
	}
	return all
}

// ours tells whether what Discord acts upon was put there by us: a heading, a
// link to the note.
func ours(m discordtest.Message, active string) bool {
	kind, what, _ := strings.Cut(active, " ")
	switch kind {
	case "bold":
		return !strings.Contains(what, "\n") && strings.HasPrefix(m.Content, "**") || strings.Contains(m.Content, "\n**")
	case "link":
		return strings.HasPrefix(m.Content, wordsAbout+what) || strings.HasPrefix(m.Content, wordsBelow+what)
	}
	return false
}

func (p *platform) press(ctx context.Context, n coach.VoiceNote, learner, label string) (adaptertest.Response, error) {
	at, message := p.locate(n)
	u := p.user(learner)
	return p.pressOn(ctx, u, p.s.Answers(u, at, message), label)
}

func (p *platform) pressOn(ctx context.Context, u *discordtest.User, messages []discordtest.Message, label string) (adaptertest.Response, error) {
	for _, m := range messages {
		for _, b := range m.Buttons {
			if b.Label != label {
				continue
			}
			a := discordtest.Asker{User: u, Channel: m.Channel}
			i, err := p.s.Press(a, m.ID, label)
			return p.response(ctx, a, i, err)
		}
	}
	return adaptertest.Response{}, fmt.Errorf("no button %q", label)
}

func (p *platform) ask(ctx context.Context, r adaptertest.Request) (adaptertest.Response, error) {
	if err := p.s.Until(ctx, func() bool { return p.s.Sessions() > 0 }); err != nil {
		return adaptertest.Response{}, err
	}
	a := discordtest.Asker{User: p.user(r.Learner), Channel: p.channel(r.Thread), Admin: r.Admin}
	i, err := p.s.Command(a, string(r.Action), r.Values, nil)
	return p.response(ctx, a, i, err)
}

// response is what an interaction came to.
func (p *platform) response(ctx context.Context, a discordtest.Asker, i *discordtest.Interaction, err error) (adaptertest.Response, error) {
	if err != nil {
		return adaptertest.Response{}, err
	}
	messages, form, err := i.Await(ctx)
	if err != nil {
		return adaptertest.Response{}, err
	}
	r := adaptertest.Response{
		Shown: shown(messages),
		Press: func(ctx context.Context, label string) (adaptertest.Response, error) {
			return p.pressOn(ctx, a.User, messages, label)
		},
		Choose: func(ctx context.Context, label, option string) (adaptertest.Response, error) {
			i, err := p.s.Choose(a, messages[len(messages)-1].ID, label, label+": "+option)
			return p.response(ctx, a, i, err)
		},
	}
	if form != nil {
		r.Form = &adaptertest.Form{
			Title: form.Title, Label: form.Label,
			Send: func(ctx context.Context, text string) (adaptertest.Response, error) {
				i, err := p.s.Submit(a, form, text)
				return p.response(ctx, a, i, err)
			},
		}
	}
	return r, nil
}
