package discord

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
)

func TestWhatIsAVoiceNote(t *testing.T) {
	p := parallelPlatform(t)
	open, named := p.channel("open"), p.channel("named")
	l := p.listen(p.adapter(nil), &inbox{})
	ada, dm := p.user("ada"), p.s.DM(p.user("ada"))
	audio := []byte("OggS")
	song := discordtest.Draft{Text: "listen to this", Audio: audio, Name: "song.mp3", Type: "audio/mpeg"}
	prompt := p.s.Say(p.teacher, open, "> **Read**: The cat sat.")
	for name, c := range map[string]struct {
		channels []string
		at       string
		by       *discordtest.User
		draft    discordtest.Draft
		want     bool
		text     string
		ignored  bool // it is seen at once that it is none
	}{
		"a voice message":                           {at: open, draft: discordtest.Draft{Audio: audio, Voice: true}, want: true},
		"a voice message in a named channel":        {channels: []string{named}, at: named, draft: discordtest.Draft{Audio: audio, Voice: true}, want: true},
		"a voice message elsewhere":                 {channels: []string{named}, at: open, draft: discordtest.Draft{Audio: audio, Voice: true}},
		"a voice message of a bot":                  {at: open, by: p.s.AddBot("music"), draft: discordtest.Draft{Audio: audio, Voice: true}, ignored: true},
		"a song where nothing is named":             {at: open, draft: song},
		"an audio file in a named channel":          {channels: []string{named}, at: named, draft: song, want: true, text: "listen to this"},
		"an audio file by direct message":           {channels: []string{named}, at: dm, draft: song, want: true, text: "listen to this"},
		"an audio file in reply to a sentence":      {at: open, draft: discordtest.Draft{Audio: audio, Name: "a.wav", Type: "audio/wav", ReplyTo: prompt}, want: true, text: "Read: The cat sat."},
		"an audio file that does not say it is one": {channels: []string{named}, at: named, draft: discordtest.Draft{Audio: audio, Name: "a.OPUS"}, want: true},
		"a picture": {channels: []string{named}, at: named, draft: discordtest.Draft{Audio: audio, Name: "a.png", Type: "image/png"}, ignored: true},
		"a text":    {channels: []string{named}, at: named, draft: discordtest.Draft{Text: "hello"}, ignored: true},
		"a voice message in reply to what somebody said": {at: open, draft: discordtest.Draft{Audio: audio, Voice: true, ReplyTo: prompt}, want: true, text: "Read: The cat sat."},
	} {
		p.desk.SetRules(coach.Rules{Channels: c.channels})
		by := c.by
		if by == nil {
			by = ada
		}
		before := len(l.inbox.all())
		message := p.s.Write(by, c.at, c.draft)
		marker := p.s.Voice(ada, dm, audio) // is taken whatever the rules; events keep their order
		if !c.ignored {
			l.handled(message)
		}
		l.handled(marker)
		if c.want {
			if n := l.note(message); n.Text != c.text || (n.Place == "") != (c.at == dm) {
				t.Errorf("%s: the sentence is %q, want %q; the place %q", name, n.Text, c.text, n.Place)
			}
			continue
		}
		if n := len(l.inbox.all()); n != before+1 {
			t.Errorf("%s became a note", name)
		}
	}
}

func TestSentenceIsFoundInOrder(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	ada, bob, at := p.user("ada"), p.user("bob"), p.channel("lesson")
	voice := discordtest.Draft{Audio: []byte("OggS"), Voice: true}

	p.desk.Answer(func(coach.Command) (coach.Answer, error) {
		return coach.Answer{Public: true, Sentence: "The prompt's sentence.", Sections: []coach.Section{{Text: "Read: The prompt's sentence."}}}, nil
	})
	i, err := p.s.Command(discordtest.Asker{User: ada, Channel: at}, "practice", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown, _, err := i.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prompt := shown[0].ID
	p.until("the prompt to be remembered", func() bool {
		s, err := d.about(context.Background(), prompt)
		return err == nil && s != ""
	})
	reply := voice
	reply.ReplyTo = prompt
	byReply := l.note(p.s.Write(bob, at, reply))
	if byReply.Text != "The prompt's sentence." {
		t.Errorf("in reply to a prompt the sentence is %q", byReply.Text)
	}
	_, message := p.locate(byReply)
	p.post(d, byReply, coaching(byReply, "Well read."))
	again := l.note(p.s.Write(bob, message, voice)) // in the thread of the answer
	if again.Text != "The prompt's sentence." {
		t.Errorf("in the thread of an answer the sentence is %q", again.Text)
	}
	answer := p.s.Answers(bob, at, message)[0]
	reply.ReplyTo = answer.ID
	if n := l.note(p.s.Write(bob, answer.Channel, reply)); n.Text != "The prompt's sentence." {
		t.Errorf("in reply to an answer the sentence is %q", n.Text)
	}
	p.desk.Open(learnerID(bob.ID), "The open one.")
	reply.ReplyTo = prompt
	if n := l.note(p.s.Write(bob, at, reply)); n.Text != "The open one." {
		t.Errorf("with a prompt open the sentence is %q", n.Text)
	}
	if n := l.note(p.s.Write(ada, p.s.AddThread(at, "talk"), voice)); n.Text != "" {
		t.Errorf("in a thread about nothing the sentence is %q", n.Text)
	}
}

func TestNotesPostedWhileAwayAreFoundOnce(t *testing.T) {
	p := parallelPlatform(t)
	ada, at, dm := p.user("ada"), p.channel("lesson"), p.s.DM(p.user("ada"))
	thread := p.s.AddThread(at, "talk")
	audio := []byte("OggS")
	p.s.Voice(ada, at, audio) // before mynah was ever there
	l := p.listen(p.adapter(nil), &inbox{})
	first := []string{p.s.Voice(ada, at, audio), p.s.Voice(ada, dm, audio)}
	l.handled(first...)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	var missed []string
	for range 230 { // more than two pages
		p.s.Say(p.teacher, at, "chatter")
	}
	for _, c := range []string{at, dm, thread, at} {
		missed = append(missed, p.s.Voice(ada, c, audio))
	}
	deleted := p.s.Voice(ada, at, audio)
	p.s.Delete(at, deleted)
	late := p.s.AddChannel(p.guild, "made meanwhile")
	missed = append(missed, p.s.Voice(ada, late, audio))

	again := p.listen(p.adapter(nil), l.inbox)
	again.handled(missed...)
	again.hears("after")
	if n, want := len(l.inbox.all()), len(first)+len(missed)+1; n != want {
		t.Errorf("%d notes, want %d", n, want)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	// What was dealt with is not looked for again, but for the last half minute.
	counted := &inbox{}
	third := p.listen(p.adapter(nil), counted)
	third.hears("once more")
	if n := len(counted.all()); n != 1 {
		t.Errorf("%d notes were handed in again", n-1)
	}
}

func TestNotesOfLongAgoAreLeft(t *testing.T) {
	p := parallelPlatform(t)
	ada, at := p.user("ada"), p.channel("lesson")
	l := p.listen(p.adapter(nil), &inbox{})
	l.hears("first")
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	old := p.s.Voice(ada, at, []byte("OggS"))
	later := p.listen(p.adapter(func(c *Config) { c.CatchUp = time.Nanosecond }), l.inbox)
	later.hears("after")
	if _, ok := l.inbox.find(messageNote(old)); ok {
		t.Error("a note older than CatchUp was taken in")
	}
}

func TestUnsettledNoteIsFoundAtTheNextStart(t *testing.T) {
	p := parallelPlatform(t)
	down := true
	in := &inbox{refuse: func(coach.VoiceNote) error {
		if down {
			return errors.New("the store is down")
		}
		return nil
	}}
	l := p.listen(p.adapter(nil), in)
	p.until("the server to be known", func() bool {
		_, ok, err := p.shelf.Get(context.Background(), markKey(p.guild))
		return ok && err == nil
	})
	message := p.s.Voice(p.user("ada"), p.channel("lesson"), []byte("OggS"))
	if err := p.result(t.Context(), message, 1); err == nil {
		t.Fatal("a note that was refused is settled")
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	in.mu.Lock()
	down = false
	in.mu.Unlock()
	next := p.listen(p.adapter(nil), in)
	next.note(message)
}

func TestDeletedNotes(t *testing.T) {
	p := parallelPlatform(t)
	ada, at := p.user("ada"), p.channel("lesson")
	entered, open := make(chan struct{}), make(chan struct{})
	in := &inbox{}
	l := p.listen(p.adapter(nil), in)
	l.hears("first")
	in.mu.Lock()
	in.refuse = func(coach.VoiceNote) error { close(entered); <-open; return nil }
	in.mu.Unlock()
	while := p.s.Voice(ada, at, []byte("OggS"))
	<-entered
	p.s.Delete(at, while) // while it is being taken in
	in.refuse = nil       // Accept holds the lock
	close(open)
	withdrawn := func(message string) func() bool {
		return func() bool {
			for _, id := range p.desk.Withdrawn() {
				if id == messageNote(message) {
					return true
				}
			}
			return false
		}
	}
	p.until("its withdrawal", withdrawn(while))
	a, b := p.s.Voice(ada, at, []byte("OggS")), p.s.Voice(ada, at, []byte("OggS"))
	l.handled(a, b)
	p.s.Delete(at, a, b) // a purge
	p.until("both withdrawals", func() bool { return withdrawn(a)() && withdrawn(b)() })
	before := len(p.desk.Withdrawn())
	p.s.Delete(at, p.s.Say(ada, at, "only words"))
	l.hears("after")
	if n := len(p.desk.Withdrawn()); n != before {
		t.Error("a message that was no note was withdrawn")
	}
	// An answer to what is gone goes nowhere.
	n, _ := in.find(messageNote(a))
	p.post(l.Discord, n, coaching(n, "Too late."))
	if got := p.answers(ada, at, a); len(got) != 0 {
		t.Errorf("a deleted note was answered: %q", got)
	}
}

func TestRemovalFromAServer(t *testing.T) {
	p := parallelPlatform(t)
	l := p.listen(p.adapter(nil), &inbox{})
	l.hears("first")
	p.s.RemoveGuild(p.guild)
	p.until("the desk to be told", func() bool { return len(p.desk.Left()) == 1 })
	if got := p.desk.Left()[0]; got != placeID(p.guild) {
		t.Errorf("left %q", got)
	}
	p.until("the mark to go", func() bool {
		_, ok, err := p.shelf.Get(context.Background(), markKey(p.guild))
		return !ok && err == nil
	})
}

func TestPlainText(t *testing.T) {
	for in, want := range map[string]string{
		"The cat sat.":                        "The cat sat.",
		"<@123> please read: **The cat** sat": "please read: The cat sat",
		"> quoted\n# headed\n- listed":        "quoted headed listed",
		"<:wave:123> hi <t:12345:R> <#9>":     "hi",
		"it's 5 * 3 and a_b":                  "it's 5 * 3 and a_b",
		"`code` ||secret||":                   "code secret",
		"1 < 2 > 0 <b>":                       "1 < 2 > 0 <b>",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMarksStayBelowWhatIsOpen(t *testing.T) {
	base := time.Now().Add(-time.Hour)
	id := func(k int) string {
		return fmt.Sprint(mustUint(snowflakeAt(base.Add(time.Duration(k)*time.Minute))) + 7)
	}
	m := newMarks(newPlatform(t).shelf)
	at := func() string {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.of["g"].position(time.Now())
	}
	m.begin("g", id(1))
	if got := at(); got != "" {
		t.Errorf("a place that is behind has the position %q", got)
	}
	m.caughtUp("g", id(0))
	m.begin("g", id(2))
	m.heard("g", id(3))
	for _, c := range []struct {
		settle string
		below  string // the position is below this, and not below what is before it
		above  string
	}{{"", id(1), id(0)}, {id(2), id(1), id(0)}, {id(1), "", id(3)}} {
		if c.settle != "" {
			m.settle("g", c.settle)
		}
		got := at()
		if c.below != "" && !later(c.below, got) || later(c.above, got) {
			t.Errorf("after %q is settled the position is %s, want between %s and %s", c.settle, got, c.above, c.below)
		}
	}
	m.heard("g", snowflakeAt(time.Now()))
	if got := at(); !later(snowflakeAt(time.Now().Add(-slack+time.Second)), got) {
		t.Error("the mark is at what may still have older ones on their way")
	}
	m.lost()
	if got := at(); got != "" {
		t.Errorf("after a lost session the position is %q", got)
	}
}

func mustUint(s string) uint64 {
	var n uint64
	if _, err := fmt.Sscan(s, &n); err != nil {
		panic(err)
	}
	return n
}

func TestNotesInThreadsThatWereArchivedAreFound(t *testing.T) {
	p := parallelPlatform(t)
	ada, at := p.user("ada"), p.channel("lesson")
	before := p.s.AddThread(at, "before")
	p.s.Archive(before)
	l := p.listen(p.adapter(nil), &inbox{})
	l.hears("first")
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	var missed []string
	for k := range 130 { // more than a page
		thread := p.s.AddThread(at, fmt.Sprint(k))
		if k%40 == 0 {
			missed = append(missed, p.s.Voice(ada, thread, []byte("OggS")))
		}
		p.s.Archive(thread)
	}
	requests := p.s.Requests("GET /channels/{channel}/threads/archived/public")
	soon := p.listen(p.adapter(nil), l.inbox)
	soon.hears("soon after")
	if err := soon.stop(); err != nil {
		t.Fatal(err)
	}
	if n := p.s.Requests("GET /channels/{channel}/threads/archived/public"); n != requests {
		t.Errorf("after a moment %d pages of archived threads were read", n-requests)
	}
	long, err := time.Now().Add(-2 * time.Hour).UTC().MarshalText()
	if err := errors.Join(err, p.shelf.Put(t.Context(), aliveKey, long)); err != nil {
		t.Fatal(err)
	}
	next := p.listen(p.adapter(nil), l.inbox)
	for _, m := range missed {
		next.note(m)
	}
}

func TestServersThatRemovedUsWhileAwayAreLeft(t *testing.T) {
	p := parallelPlatform(t)
	other := p.s.AddGuild("Other")
	known := func(guild string) func() bool {
		return func() bool { _, ok, err := p.shelf.Get(context.Background(), markKey(guild)); return ok && err == nil }
	}
	l := p.listen(p.adapter(nil), &inbox{})
	p.until("both servers", func() bool { return known(p.guild)() && known(other)() })
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	p.s.RemoveGuild(other)
	p.listen(p.adapter(nil), l.inbox)
	p.until("the desk to be told", func() bool { return len(p.desk.Left()) > 0 })
	if got := p.desk.Left(); len(got) != 1 || got[0] != placeID(other) {
		t.Errorf("left %q", got)
	}
}
