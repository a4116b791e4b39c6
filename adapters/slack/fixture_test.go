package slack

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

// memoryInbox is a small real coach.Inbox.
type memoryInbox struct {
	// before is asked before a note is taken; an error refuses it.
	before func(coach.VoiceNote) error

	mu    sync.Mutex
	notes []coach.VoiceNote
	calls int
}

func (b *memoryInbox) Accept(_ context.Context, n coach.VoiceNote) error {
	if b.before != nil {
		if err := b.before(n); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if !slices.ContainsFunc(b.notes, func(known coach.VoiceNote) bool { return known.ID == n.ID }) {
		b.notes = append(b.notes, n)
	}
	return nil
}

func (b *memoryInbox) accepted() []coach.VoiceNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.notes)
}

// one is the only note.
func (b *memoryInbox) one(t *testing.T) coach.VoiceNote {
	t.Helper()
	notes := b.accepted()
	if len(notes) != 1 {
		t.Fatalf("%d notes were accepted, want 1", len(notes))
	}
	return notes[0]
}

// logged is a log that can be read back.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is an adapter that listens in a workspace of two people and a channel.
type running struct {
	*Slack
	*platform
	desk     *adaptertest.Desk
	shelf    coach.Shelf
	draw     func(coach.Reply) (*coach.Picture, error)
	inbox    *memoryInbox
	ada, bob *slacktest.User
	channel  *slacktest.Channel
	log      *logged
	ended    chan error
	end      context.CancelFunc
}

// change says how a test's adapter differs from the ordinary one.
type change func(r *running, c *Config)

func overHTTP(r *running, _ *Config) { r.platform.http = true }

// run starts an adapter, and ends it with the test.
func run(t *testing.T, changes ...change) *running {
	t.Helper()
	p := newPlatform(t, false)
	r := &running{platform: p, desk: p.desk, shelf: p.shelf, inbox: &memoryInbox{}, log: &logged{}, ended: make(chan error, 1)}
	r.ada, r.bob = p.user("ada"), p.user("bob")
	r.channel = p.ws.AddChannel("english", r.ada, r.bob)
	for _, f := range changes {
		f(r, new(Config))
	}
	cfg := p.config()
	for _, f := range changes {
		f(r, &cfg)
	}
	s, err := New(cfg, p.desk, p.shelf, r.draw, slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	r.Slack = s
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r.end = cancel
	go func() { r.ended <- s.Listen(ctx, r.inbox) }()
	t.Cleanup(func() { r.stop(t) })
	if err := p.slack.Listening(r.ctx(t)); err != nil {
		t.Fatal(err)
	}
	return r
}

// stop ends Listen, once.
func (r *running) stop(t *testing.T) {
	t.Helper()
	if r.end == nil {
		return
	}
	r.end()
	r.end = nil
	if err := <-r.ended; err != nil {
		t.Errorf("Listen: %v", err)
	}
}

func (r *running) ctx(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// clip is an ordinary one of Ada's.
func (r *running) clip(text string) slacktest.Clip {
	return slacktest.Clip{User: r.ada, Channel: r.channel, Text: text, Audio: []byte("\x00\x00\x00\x18ftypM4A the recording")}
}

// post posts a clip, tells the adapter of it, and returns its note.
func (r *running) post(t *testing.T, c slacktest.Clip) (*slacktest.Message, coach.VoiceNote) {
	t.Helper()
	before := len(r.inbox.accepted())
	m, err := r.slack().PostClip(r.ctx(t), c)
	if err != nil {
		t.Fatal(err)
	}
	notes := r.inbox.accepted()[before:]
	if len(notes) != 1 {
		t.Fatalf("the clip became %d notes, want 1", len(notes))
	}
	return m, notes[0]
}

func (r *running) slack() *slacktest.Server { return r.platform.slack }

// reply is an answer to a note.
func answer(n coach.VoiceNote, text string) coach.Reply {
	return coach.Reply{Note: n.ID, Learner: n.Learner, Kind: coach.ReplyCoaching, Text: text, Assessment: &coach.Assessment{Text: n.Text}}
}

var errFull = errors.New("the inbox is full")

// noSecrets fails when a log or an error holds one.
func noSecrets(t *testing.T, text string, more ...string) {
	t.Helper()
	for _, secret := range append(more, "xoxb-", "xapp-", "xoxe", slacktest.SigningSecret, slacktest.ClientSecret, "/hooks/") {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in: %s", secret, text)
		}
	}
}

// shownText is all that was shown.
func shownText(r slacktest.Response, err error) (string, error) {
	var all []string
	for _, seen := range r.Seen {
		all = append(all, seen.Text)
	}
	return strings.Join(all, "\n"), err
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
