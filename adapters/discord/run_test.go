package discord

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
)

const patience = 20 * time.Second

// Tests here wait more than they work: discordgo takes a second to close. So
// more of them run at once than there are processors, if nobody says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// inbox is a small real coach.Inbox.
type inbox struct {
	mu     sync.Mutex
	notes  []coach.VoiceNote
	refuse func(coach.VoiceNote) error
}

func (b *inbox) Accept(_ context.Context, n coach.VoiceNote) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		if err := b.refuse(n); err != nil {
			return err
		}
	}
	for _, known := range b.notes {
		if known.ID == n.ID {
			return nil
		}
	}
	b.notes = append(b.notes, n)
	return nil
}

func (b *inbox) all() []coach.VoiceNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]coach.VoiceNote(nil), b.notes...)
}

func (b *inbox) find(id coach.NoteID) (coach.VoiceNote, bool) {
	for _, n := range b.all() {
		if n.ID == id {
			return n, true
		}
	}
	return coach.VoiceNote{}, false
}

// listener is an adapter that listens.
type listener struct {
	*Discord
	p     *platform
	inbox *inbox
	end   context.CancelFunc
	err   chan error
}

// listen starts an adapter and waits for its session.
func (p *platform) listen(d *Discord, in *inbox) *listener {
	p.t.Helper()
	l := p.start(d, in)
	p.until("a session", func() bool { return p.s.Sessions() > 0 })
	return l
}

func (p *platform) start(d *Discord, in *inbox) *listener {
	ctx, end := context.WithCancel(context.Background())
	l := &listener{Discord: d, p: p, inbox: in, end: end, err: make(chan error, 1)}
	go func() { l.err <- d.Listen(ctx, in) }()
	p.t.Cleanup(func() { l.stop() })
	return l
}

// stop ends Listen, once, and returns its error.
func (l *listener) stop() error {
	l.p.t.Helper()
	if l.end == nil {
		return nil
	}
	l.end()
	l.end = nil
	select {
	case err := <-l.err:
		return err
	case <-time.After(patience):
		l.p.t.Error("Listen did not end")
		return nil
	}
}

// until waits until a condition holds.
func (p *platform) until(what string, holds func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := p.s.Until(ctx, holds); err != nil {
		p.t.Fatalf("waited in vain for %s", what)
	}
}

// note waits for the note of a message.
func (l *listener) note(message string) coach.VoiceNote {
	l.p.t.Helper()
	var n coach.VoiceNote
	l.p.until("the note of message "+message, func() bool {
		var ok bool
		n, ok = l.inbox.find(messageNote(message))
		return ok
	})
	return n
}

// handled waits until messages were dealt with.
func (l *listener) handled(messages ...string) {
	l.p.t.Helper()
	ctx, cancel := context.WithTimeout(l.p.t.Context(), patience)
	defer cancel()
	for _, m := range messages {
		if err := l.p.result(ctx, m, 1); err != nil {
			l.p.t.Fatalf("message %s: %v", m, err)
		}
	}
}

func coaching(n coach.VoiceNote, text string) coach.Reply {
	return coach.Reply{
		Note: n.ID, Learner: n.Learner, Kind: coach.ReplyCoaching, Text: text,
		Assessment: &coach.Assessment{Model: "test", Text: n.Text},
		Buttons:    []coach.Button{{Label: "Details", Action: coach.ActDetails, Note: n.ID}},
	}
}

func (p *platform) post(d *Discord, n coach.VoiceNote, r coach.Reply) {
	p.t.Helper()
	if err := d.Post(p.t.Context(), n.Thread, r); err != nil {
		p.t.Fatalf("Post: %v", err)
	}
}

// answers is what the note's learner sees below it.
func (p *platform) answers(u *discordtest.User, channel, message string) []string {
	var all []string
	for _, m := range p.s.Answers(u, channel, message) {
		all = append(all, m.Text)
	}
	return all
}

func parallelPlatform(t *testing.T) *platform {
	t.Parallel()
	return newPlatform(t)
}
