package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// patience bounds whatever must happen; only a failing test waits so long.
const patience = 30 * time.Second

// listenEndLimit is how soon Listen returns when its context ends.
const listenEndLimit = 5 * time.Second

// inbox is a small real coach.Inbox that remembers what it accepted.
type inbox struct {
	// before is called before a note is taken; an error refuses it.
	before func(ctx context.Context, n coach.VoiceNote) error

	mu    sync.Mutex
	notes []coach.VoiceNote // in order of arrival, each once
	calls []coach.VoiceNote // every Accept, twins too
}

var errInbox = errors.New("the inbox is full")

func (b *inbox) Accept(ctx context.Context, n coach.VoiceNote) error {
	if b.before != nil {
		if err := b.before(ctx, n); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, n)
	for _, known := range b.notes {
		if known.ID == n.ID {
			return nil
		}
	}
	b.notes = append(b.notes, n)
	return nil
}

func (b *inbox) accepted() []coach.VoiceNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]coach.VoiceNote(nil), b.notes...)
}

// session is a Harness whose adapter listens.
type session struct {
	Harness
	t     *testing.T
	inbox *inbox
	end   context.CancelFunc // of Listen
	ended chan error
}

// listen starts the adapter and ends it with the test.
func listen(t *testing.T, h Harness, in *inbox) *session {
	t.Helper()
	run, end := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &session{Harness: h, t: t, inbox: in, end: end, ended: make(chan error, 1)}
	go func() { s.ended <- h.Adapter.Listen(run, in) }()
	t.Cleanup(func() { s.stop() })
	return s
}

// ctx is for what the test itself does.
func (s *session) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// stop ends Listen, once, and checks that it returns nil in time.
func (s *session) stop() {
	s.t.Helper()
	if s.end == nil {
		return
	}
	s.end()
	s.end = nil
	began := time.Now()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("Listen returned %v, want nil", err)
		}
		if took := time.Since(began); took > listenEndLimit {
			s.t.Errorf("Listen returned %s after its context ended, want at most %s", took, listenEndLimit)
		}
	case <-time.After(patience):
		s.t.Errorf("Listen did not return within %s after its context ended", patience)
	}
}

// clip is an ordinary one, different for each key.
func clip(key string) Clip {
	return Clip{
		Key:         key,
		Learner:     "ada",
		Thread:      "lesson",
		Text:        "Sentence " + key + " is read aloud.",
		Audio:       []byte("OggS the recording " + key),
		Name:        "voice-message.ogg",
		ContentType: "audio/ogg",
	}
}

// deliver delivers the clip and returns the note that it became.
func (s *session) deliver(c Clip) coach.VoiceNote {
	s.t.Helper()
	if err := s.Deliver(s.ctx(), c); err != nil {
		s.t.Fatalf("delivery of %s was not acknowledged: %v", c.Key, err)
	}
	for _, n := range s.inbox.accepted() {
		if n.Text == c.Text {
			return n
		}
	}
	s.t.Fatalf("delivery of %s was acknowledged, and its note never accepted", c.Key)
	return coach.VoiceNote{}
}

// seen returns what the learner sees below the note.
func (s *session) seen(n coach.VoiceNote) []Shown {
	s.t.Helper()
	shown, err := s.Seen(s.ctx(), n)
	if err != nil {
		s.t.Fatalf("look at the thread: %v", err)
	}
	return shown
}

// seenOne is seen where exactly one reply must be.
func (s *session) seenOne(n coach.VoiceNote) Shown {
	s.t.Helper()
	shown := s.seen(n)
	if len(shown) != 1 {
		s.t.Fatalf("the learner sees %d replies, want 1", len(shown))
	}
	return shown[0]
}

func (s *session) post(a coach.Adapter, n coach.VoiceNote, r coach.Reply) {
	s.t.Helper()
	if err := a.Post(s.ctx(), n.Thread, r); err != nil {
		s.t.Fatalf("Post: %v", err)
	}
}

// reply is of the given kind, with all that the service sends with such a one.
func reply(n coach.VoiceNote, kind coach.ReplyKind, text string) coach.Reply {
	r := coach.Reply{Note: n.ID, Learner: n.Learner, Kind: kind, Text: text}
	switch kind {
	case coach.ReplyAdvice:
		r.Reason = coach.ErrNoSpeech.Reason
	case coach.ReplyCoaching:
		r.Assessment = assessment(n.Text)
		r.Rationale = &coach.Rationale{
			Text: text, Source: coach.SourcePlain,
			Claims: []coach.Claim{{ID: "c1", Kind: coach.ClaimStrength, Aspect: coach.Fluency, Label: coach.Good, Confidence: 0.8}},
		}
	}
	return r
}

// assessment is a whole one of a two-word sentence.
func assessment(text string) *coach.Assessment {
	good := coach.Judgement{Label: coach.Good, Score: 7.5, Confidence: 0.8}
	bad := coach.Judgement{Label: coach.Bad, Score: 0.5, Confidence: 0.9}
	heard := coach.Phoneme("S")
	return &coach.Assessment{
		Model: "test", Seconds: 1.5, Text: text,
		Sentence: coach.SentenceJudgements{Accuracy: good, Fluency: good, Prosody: good, Completeness: good},
		Words: []coach.Word{
			{
				Text: "think", Spoken: true, Accuracy: bad, Stress: good, Span: coach.Span{Start: 0.1, End: 0.6},
				Phones: []coach.Phone{{Expected: "TH", IPA: "θ", Heard: &heard, Accuracy: bad, Span: coach.Span{Start: 0.1, End: 0.2}}},
			},
			{Text: "so"},
		},
		Pauses: []coach.Pause{{After: 0, Span: coach.Span{Start: 0.6, End: 1}}},
	}
}

// validNoteID says what is wrong with an ID, "" where nothing is.
func validNoteID(id coach.NoteID, p coach.Platform) string {
	if len(id) == 0 || len(id) > 128 {
		return fmt.Sprintf("has %d bytes, want 1 to 128", len(id))
	}
	for _, r := range id {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
		default:
			return fmt.Sprintf("holds %q", r)
		}
	}
	if len(id) <= len(p) || string(id[:len(p)]) != string(p) {
		return "does not begin with the platform's name"
	}
	return ""
}
