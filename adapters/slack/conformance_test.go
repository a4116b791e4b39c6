package slack

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestConformance(t *testing.T) {
	for name, http := range map[string]bool{"socket mode": false, "events API": true} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness { return newPlatform(t, http).harness() })
		})
	}
}

// platform is a workspace with the people and threads that a test names.
type platform struct {
	t     *testing.T
	slack *slacktest.Server
	ws    *slacktest.Workspace
	desk  *adaptertest.Desk
	shelf coach.Shelf
	http  bool

	mu       sync.Mutex
	users    map[string]*slacktest.User
	channels map[string]*slacktest.Channel
	roots    map[string]*slacktest.Message
	clips    map[string]*slacktest.Message
}

func newPlatform(t *testing.T, http bool) *platform {
	s := slacktest.NewServer(t)
	return &platform{
		t: t, slack: s, ws: s.AddWorkspace("acme"), desk: adaptertest.NewDesk(), shelf: storetest.NewShelf(), http: http,
		users: map[string]*slacktest.User{}, channels: map[string]*slacktest.Channel{},
		roots: map[string]*slacktest.Message{}, clips: map[string]*slacktest.Message{},
	}
}

func (p *platform) config() Config {
	c := Config{BotToken: p.ws.Token, APIURL: p.slack.APIURL()}
	if p.http {
		c.Addr, c.SigningSecret = "127.0.0.1:0", slacktest.SigningSecret
		c.Ready = func(addr string) { p.slack.SendTo("http://" + addr) }
	} else {
		c.AppToken = slacktest.AppToken
	}
	return c
}

func (p *platform) adapter(c Config) *Slack {
	p.t.Helper()
	s, err := New(c, p.desk, p.shelf, nil, discardLog())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(s.http.CloseIdleConnections)
	p.t.Cleanup(s.files.CloseIdleConnections)
	return s
}

func (p *platform) harness() adaptertest.Harness {
	another := p.config()
	another.Ready = nil
	return adaptertest.Harness{
		Adapter:   p.adapter(p.config()),
		Another:   p.adapter(another),
		Deliver:   p.deliver,
		Seen:      p.seen,
		Expire:    func(_ context.Context, n coach.VoiceNote) error { p.slack.Lose(p.message(n)); return nil },
		FailPost:  func(after bool) { p.slack.Fail("chat.postMessage", after) },
		LimitPost: func(d time.Duration) { p.slack.Limit("chat.postMessage", "", d) },
		Desk:      p.desk,
		SeenBy:    p.seenBy,
		Delete:    func(ctx context.Context, n coach.VoiceNote) error { return p.slack.Delete(ctx, p.message(n)) },
		Press:     p.press,
		Ask:       p.ask,
		Channel:   func(thread string) string { c, _ := p.thread(thread); return c.ID },
	}
}

func (p *platform) user(name string) *slacktest.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users[name] == nil {
		p.users[name] = p.ws.AddUser(name)
		for _, c := range p.channels {
			c.Invite(p.users[name])
		}
	}
	return p.users[name]
}

// thread is in a channel of its own, that everybody is in.
func (p *platform) thread(name string) (*slacktest.Channel, *slacktest.Message) {
	host := p.user("host")
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.channels[name] == nil {
		var all []*slacktest.User
		for _, u := range p.users {
			all = append(all, u)
		}
		p.channels[name] = p.ws.AddChannel(name, all...)
		p.roots[name] = p.slack.Post(slacktest.Clip{User: host, Channel: p.channels[name], Text: "Let's read!"})
	}
	return p.channels[name], p.roots[name]
}

func (p *platform) deliver(ctx context.Context, c adaptertest.Clip) error {
	u := p.user(c.Learner)
	channel, root := p.thread(c.Thread)
	p.mu.Lock()
	m := p.clips[c.Key]
	if m == nil {
		m = p.slack.Post(slacktest.Clip{
			User: u, Channel: channel, Thread: root.TS, Text: c.Text, Audio: c.Audio, Name: c.Name, ContentType: c.ContentType,
		})
		p.clips[c.Key] = m
	}
	p.mu.Unlock()
	return p.slack.EventOnce(ctx, p.ws, m.MessageEvent())
}

func (p *platform) message(n coach.VoiceNote) *slacktest.Message {
	id, err := parseNote(n.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.clips {
		if m.TS == id.ts {
			return m
		}
	}
	p.t.Fatalf("no message is the note %s", n.ID)
	return nil
}

func (p *platform) learner(n coach.VoiceNote) string {
	_, id, err := parseLearner(n.Learner)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, u := range p.users {
		if u.ID == id {
			return name
		}
	}
	p.t.Fatalf("nobody is %s", n.Learner)
	return ""
}

func (p *platform) seen(ctx context.Context, n coach.VoiceNote) ([]adaptertest.Shown, error) {
	return p.seenBy(ctx, n, p.learner(n))
}

// replies are what a learner sees of the note's, in the thread and alone.
func (p *platform) replies(n coach.VoiceNote, learner string) []slacktest.Seen {
	u, m := p.user(learner), p.message(n)
	var all []slacktest.Seen
	for _, seen := range append(u.See(m.Channel, m.Root()), u.See(u.Direct(), "")...) {
		var meta struct {
			EventPayload map[string]string `json:"event_payload"`
		}
		_ = json.Unmarshal(seen.Message().Metadata, &meta)
		if len(meta.EventPayload) == 0 || meta.EventPayload["note"] == string(n.ID) {
			all = append(all, seen)
		}
	}
	return all
}

func (p *platform) seenBy(_ context.Context, n coach.VoiceNote, learner string) ([]adaptertest.Shown, error) {
	var shown []adaptertest.Shown
	for _, seen := range p.replies(n, learner) {
		shown = append(shown, toShown(seen))
	}
	return shown, nil
}

func toShown(s slacktest.Seen) adaptertest.Shown {
	return adaptertest.Shown{Text: s.Text, Active: s.Active, Private: s.Private, Buttons: s.Buttons, Alts: s.Alts, Files: s.Files}
}

func (p *platform) press(ctx context.Context, n coach.VoiceNote, learner, label string) (adaptertest.Response, error) {
	r := slacktest.Response{Seen: p.replies(n, learner)}
	for _, seen := range r.Seen {
		for _, b := range seen.Buttons {
			if b == label {
				return toResponse(p.user(learner).Press(ctx, seen, label))
			}
		}
	}
	return adaptertest.Response{}, errNoButton(label)
}

type errNoButton string

func (e errNoButton) Error() string { return "no button " + string(e) }

func toResponse(r slacktest.Response, err error) (adaptertest.Response, error) {
	if err != nil {
		return adaptertest.Response{}, err
	}
	out := adaptertest.Response{
		Press: func(ctx context.Context, label string) (adaptertest.Response, error) {
			return toResponse(r.Press(ctx, label))
		},
		Choose: func(ctx context.Context, label, option string) (adaptertest.Response, error) {
			return toResponse(r.Choose(ctx, label, option))
		},
	}
	if form, ok := r.Form(); ok {
		out.Form = &adaptertest.Form{Title: form.Title, Label: form.Input, Send: func(ctx context.Context, text string) (adaptertest.Response, error) {
			return toResponse(r.Send(ctx, text))
		}}
		return out, nil
	}
	for _, seen := range r.Seen {
		out.Shown = append(out.Shown, toShown(seen))
	}
	return out, nil
}

func (p *platform) ask(ctx context.Context, r adaptertest.Request) (adaptertest.Response, error) {
	name := r.Learner
	if r.Admin {
		name += " who manages"
	}
	u := p.user(name)
	u.SetAdmin(r.Admin)
	channel, _ := p.thread(r.Thread)
	words := []string{string(r.Action)}
	for k, v := range r.Values {
		words = append(words, k+"="+v)
	}
	return toResponse(u.Command(ctx, channel, strings.Join(words, " ")))
}
