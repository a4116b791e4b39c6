package adaptertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
)

func acknowledgedAfterAccept(t *testing.T, h Harness) {
	arrived, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	in := &inbox{before: func(ctx context.Context, _ coach.VoiceNote) error {
		once.Do(func() { close(arrived) })
		select {
		case <-open:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	s := listen(t, h, in)
	acknowledged := make(chan error, 1)
	go func() { acknowledged <- h.Deliver(s.ctx(), clip("a")) }()
	select {
	case <-arrived:
	case <-time.After(patience):
		t.Fatal("the note never reached the inbox")
	}
	select {
	case err := <-acknowledged:
		t.Fatalf("the delivery ended (%v) while the inbox was still at work", err)
	case <-time.After(150 * time.Millisecond):
	}
	close(open)
	if err := <-acknowledged; err != nil {
		t.Fatalf("the accepted note was not acknowledged: %v", err)
	}
}

func refusedMayComeAgain(t *testing.T, h Harness) {
	var mu sync.Mutex
	refusals := 1
	in := &inbox{before: func(context.Context, coach.VoiceNote) error {
		mu.Lock()
		defer mu.Unlock()
		if refusals > 0 {
			refusals--
			return errInbox
		}
		return nil
	}}
	s := listen(t, h, in)
	if err := h.Deliver(s.ctx(), clip("a")); err == nil {
		t.Fatal("the delivery was acknowledged though the inbox had refused the note")
	}
	note := s.deliver(clip("a"))
	if got := s.read(h.Adapter, note); !bytes.Equal(got, clip("a").Audio) {
		t.Errorf("after a refusal the recording reads %q, want %q", got, clip("a").Audio)
	}
}

func redeliveryIsSameNote(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	for range 3 {
		s.deliver(clip("a"))
	}
	s.deliver(clip("b"))
	s.deliver(clip("a"))
	notes := s.inbox.accepted()
	if len(notes) != 2 {
		t.Fatalf("two messages, one of them delivered four times, became %d notes", len(notes))
	}
	if notes[0].ID == notes[1].ID {
		t.Fatalf("two messages have the same note ID")
	}
}

func noteIsComplete(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	before := time.Now()
	c := clip("a")
	c.Text = "“Façade” costs 5 % <b>more</b> & that’s it…"
	n := s.deliver(c)
	if n.Platform != h.Adapter.Platform() || n.Platform == "" {
		t.Errorf("platform %q, want the adapter's, %q", n.Platform, h.Adapter.Platform())
	}
	if wrong := validNoteID(n.ID, n.Platform); wrong != "" {
		t.Errorf("the note's ID %s", wrong)
	}
	if n.Thread == "" || n.Learner == "" || n.Audio.Ref == "" {
		t.Errorf("thread %q, learner %q or reference %q is missing", n.Thread, n.Learner, n.Audio.Ref)
	}
	// A platform's clock may be a little off ours.
	if n.Received.Before(before.Add(-time.Minute)) || n.Received.After(time.Now().Add(time.Minute)) {
		t.Errorf("received at %s, want about now, %s", n.Received, time.Now())
	}
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var stored coach.VoiceNote
	if err := json.Unmarshal(b, &stored); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(n, stored); diff != "" {
		t.Errorf("the note changes by being stored (-before +after):\n%s", diff)
	}
	if got := s.read(h.Adapter, stored); !bytes.Equal(got, c.Audio) {
		t.Errorf("the stored note's recording reads %q, want %q", got, c.Audio)
	}
}

func learnersAreToldApart(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	a, b := clip("a"), clip("b")
	other := clip("c")
	other.Learner, other.Thread = "bob", "other lesson"
	first, second, third := s.deliver(a), s.deliver(b), s.deliver(other)
	if first.Learner != second.Learner || first.Thread != second.Thread {
		t.Errorf("two notes of one learner in one thread have learners %q, %q and threads %q, %q",
			first.Learner, second.Learner, first.Thread, second.Thread)
	}
	if first.Learner == third.Learner || first.Thread == third.Thread {
		t.Errorf("notes of two learners in two threads have learners %q, %q and threads %q, %q",
			first.Learner, third.Learner, first.Thread, third.Thread)
	}
}

func concurrentDeliveries(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	const learners, each, twins = 4, 4, 2
	var clips []Clip
	for l := range learners {
		for k := range each {
			c := clip(fmt.Sprintf("%d-%d", l, k))
			c.Learner, c.Thread = fmt.Sprint("learner ", l), fmt.Sprint("thread ", l)
			clips = append(clips, c)
		}
	}
	var all sync.WaitGroup
	for _, c := range clips {
		for range twins {
			all.Go(func() {
				if err := h.Deliver(s.ctx(), c); err != nil {
					t.Errorf("delivery of %s was not acknowledged: %v", c.Key, err)
				}
			})
		}
	}
	all.Wait()
	notes := s.inbox.accepted()
	if len(notes) != len(clips) {
		t.Fatalf("%d messages, each delivered %d times, became %d notes", len(clips), twins, len(notes))
	}
	byText := map[string]coach.VoiceNote{}
	for _, n := range notes {
		byText[n.Text] = n
	}
	for _, c := range clips {
		n, ok := byText[c.Text]
		if !ok {
			t.Errorf("no note has the text of %s", c.Key)
			continue
		}
		if got := s.read(h.Adapter, n); !bytes.Equal(got, c.Audio) {
			t.Errorf("the recording of %s reads %q", c.Key, got)
		}
	}
}

// read opens the note's recording and reads all of it.
func (s *session) read(a coach.Adapter, n coach.VoiceNote) []byte {
	s.t.Helper()
	r, err := a.Open(s.ctx(), n)
	if err != nil {
		s.t.Fatalf("Open: %v", err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		s.t.Fatalf("read the recording: %v", err)
	}
	return b
}

func opensExactBytes(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	big := clip("a")
	big.Audio = make([]byte, 1<<20+7)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range big.Audio {
		big.Audio[i] = byte(source.Uint32())
	}
	n := s.deliver(big)
	for range 2 {
		if !bytes.Equal(s.read(h.Adapter, n), big.Audio) {
			t.Error("the recording differs from what was sent")
		}
	}
	if !bytes.Equal(s.read(h.Another, n), big.Audio) {
		t.Error("on another machine the recording differs from what was sent")
	}
	s.stop()
	if !bytes.Equal(s.read(h.Adapter, n), big.Audio) {
		t.Error("after Listen the recording differs from what was sent")
	}
}

func lostRecordingIsGone(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	if err := h.Expire(s.ctx(), n); err != nil {
		t.Fatal(err)
	}
	r, err := h.Adapter.Open(s.ctx(), n)
	if err == nil { // what is gone may show only when it is read
		_, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	if !errors.Is(err, coach.ErrAudioGone) {
		t.Errorf("Open of a lost recording: %v, want ErrAudioGone", err)
	}
}

func listenEnds(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	s.deliver(clip("a"))
	s.stop()
	late, cancel := context.WithTimeout(s.ctx(), 300*time.Millisecond)
	defer cancel()
	if err := h.Deliver(late, clip("b")); err == nil {
		t.Error("a delivery after the end of Listen was acknowledged")
	}
	if got := len(s.inbox.accepted()); got != 1 {
		t.Errorf("%d notes were accepted, want the one before the end", got)
	}
}

func listenEndsThoughInboxHangs(t *testing.T, h Harness) {
	arrived := make(chan struct{})
	var once sync.Once
	in := &inbox{before: func(ctx context.Context, _ coach.VoiceNote) error {
		once.Do(func() { close(arrived) })
		<-ctx.Done()
		return ctx.Err()
	}}
	s := listen(t, h, in)
	acknowledged := make(chan error, 1)
	go func() { acknowledged <- h.Deliver(s.ctx(), clip("a")) }()
	select {
	case <-arrived:
	case <-time.After(patience):
		t.Fatal("the note never reached the inbox")
	}
	s.stop()
	if err := <-acknowledged; err == nil {
		t.Error("a note that was never accepted was acknowledged")
	}
}

func listenLeaksNothing(t *testing.T, h Harness) {
	before := goleak.IgnoreCurrent()
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	s.post(h.Adapter, n, reply(n, coach.ReplyCoaching, "Well read."))
	s.seenOne(n)
	s.stop()
	if h.Quiesce != nil {
		h.Quiesce()
	}
	goleak.VerifyNone(t, before)
}
