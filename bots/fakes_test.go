package bots_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

// world is all that a worker talks to: small real things whose every operation
// can be told to fail.
type world struct {
	storetest.Memory

	// on, where set, is called at the start of each operation outside of the
	// store: "open", "read", "decode", "score", "explain", "post".
	on func(ctx context.Context, op string) error

	platform coach.Platform      // the playground where empty
	shown    func(r coach.Reply) // where set, is called when a learner sees a reply
	refuse   coach.NoteID        // below which nothing can be posted

	mu      sync.Mutex
	calls   map[string]int
	replies map[coach.NoteID][]coach.Reply // as the learner sees them: a note's same reply of a kind once
	posts   int
	earlier [][]coach.Lesson // that explain was given
}

func (w *world) op(ctx context.Context, op string) error {
	w.mu.Lock()
	if w.calls == nil {
		w.calls = map[string]int{}
		w.replies = map[coach.NoteID][]coach.Reply{}
	}
	w.calls[op]++
	w.mu.Unlock()
	if w.on == nil {
		return nil
	}
	return w.on(ctx, op)
}

func (w *world) worker() *bots.Worker {
	return bots.NewWorker(w, w, w, decoder{w}, scorer{w}, explainer{w}, adapter{w})
}

type adapter struct{ *world }

func (a adapter) Platform() coach.Platform                      { return cmp.Or(a.platform, coach.Playground) }
func (adapter) Listen(ctx context.Context, _ coach.Inbox) error { <-ctx.Done(); return nil }

func (a adapter) Open(ctx context.Context, n coach.VoiceNote) (io.ReadCloser, error) {
	if err := a.op(ctx, "open"); err != nil {
		return nil, err
	}
	return io.NopCloser(reading{func() error { return a.op(ctx, "read") }, strings.NewReader("audio " + string(n.ID))}), nil
}

// reading is a download.
type reading struct {
	op func() error
	r  io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.op(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (a adapter) Post(ctx context.Context, thread coach.ThreadID, r coach.Reply) error {
	if err := a.op(ctx, "post"); err != nil {
		return err
	}
	if thread == "" || r.Text == "" {
		return errors.New("an empty reply")
	}
	if r.Note == a.refuse {
		return errOurs
	}
	if a.show(r) && a.shown != nil {
		a.shown(r)
	}
	return nil
}

// show reports whether the reply was not there yet.
func (w *world) show(r coach.Reply) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posts++
	if slices.ContainsFunc(w.replies[r.Note], func(o coach.Reply) bool { return o.Kind == r.Kind }) {
		return false
	}
	w.replies[r.Note] = append(w.replies[r.Note], r)
	return true
}

// kinds lists the kinds of the replies to a note, in their order.
func (w *world) kinds(id coach.NoteID) []coach.ReplyKind {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []coach.ReplyKind
	for _, r := range w.replies[id] {
		all = append(all, r.Kind)
	}
	return all
}

type decoder struct{ *world }

func (d decoder) Decode(ctx context.Context, r io.Reader) (coach.Audio, error) {
	if err := d.op(ctx, "decode"); err != nil {
		return coach.Audio{}, err
	}
	b, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(b), "audio ") {
		return coach.Audio{}, fmt.Errorf("%d bytes: %w", len(b), coach.ErrUnsupportedAudio)
	}
	return coach.Audio{Samples: make([]float32, len(b))}, nil
}

type scorer struct{ *world }

func (s scorer) Score(ctx context.Context, u coach.Utterance) (coach.Assessment, error) {
	if err := s.op(ctx, "score"); err != nil {
		return coach.Assessment{}, err
	}
	return coach.Assessment{Model: "fake", Text: u.Text, Seconds: u.Audio.Seconds()}, nil
}

type explainer struct{ *world }

func (e explainer) Explain(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	e.mu.Lock()
	e.earlier = append(e.earlier, earlier)
	e.mu.Unlock()
	if err := e.op(ctx, "explain"); err != nil {
		return coach.Rationale{}, err
	}
	return coach.Rationale{Text: "On: " + now.Text, Source: coach.SourcePlain}, nil
}

var errOurs = errors.New("out of order")
