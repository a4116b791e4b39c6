package playground

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

// memoryShelf is a storetest.MemoryShelf that can be watched.
type memoryShelf struct {
	*storetest.MemoryShelf

	mu       sync.Mutex
	log      []shelved // every Put, for watchers
	changed  chan struct{}
	putError error // of the next Put
}

func newMemoryShelf() *memoryShelf {
	return &memoryShelf{MemoryShelf: storetest.NewShelf(), changed: make(chan struct{})}
}

var errShelf = errors.New("the shelf failed")

func (s *memoryShelf) Put(ctx context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.putError; err != nil {
		s.putError = nil
		return err
	}
	if err := s.MemoryShelf.Put(ctx, key, value); err != nil {
		return err
	}
	s.log = append(s.log, shelved{key, bytes.Clone(value)})
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *memoryShelf) Watch(ctx context.Context, prefix string, changed func(string, []byte)) error {
	for next := 0; ; {
		s.mu.Lock()
		news, more := s.log[next:], s.changed
		next = len(s.log)
		s.mu.Unlock()
		for _, e := range news {
			if strings.HasPrefix(e.key, prefix) {
				changed(e.key, e.value)
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil
		}
	}
}

// memoryHold is a small real coach.AudioHold.
type memoryHold struct {
	mu   sync.Mutex
	held map[coach.NoteID][]byte
	fail error // of the next Hold
}

func newMemoryHold() *memoryHold { return &memoryHold{held: map[coach.NoteID][]byte{}} }

func (h *memoryHold) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	b, err := io.ReadAll(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := errors.Join(err, h.fail, ctx.Err()); err != nil {
		h.fail = nil
		return err
	}
	h.held[id] = b
	return nil
}

func (h *memoryHold) Held(_ context.Context, id coach.NoteID) (io.ReadCloser, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.held[id]
	if !ok {
		return nil, coach.ErrNotHeld
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (h *memoryHold) Release(_ context.Context, id coach.NoteID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, id)
	return nil
}

func (h *memoryHold) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}

// memoryInbox is a small real coach.Inbox; err, when set, refuses the next.
type memoryInbox struct {
	mu       sync.Mutex
	notes    []coach.VoiceNote
	err      error
	accepted chan coach.VoiceNote // buffered; every new note
}

func newMemoryInbox() *memoryInbox { return &memoryInbox{accepted: make(chan coach.VoiceNote, 1000)} }

func (b *memoryInbox) Accept(_ context.Context, n coach.VoiceNote) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err; err != nil {
		b.err = nil
		return err
	}
	for _, known := range b.notes {
		if known.ID == n.ID {
			return nil
		}
	}
	b.notes = append(b.notes, n)
	b.accepted <- n
	return nil
}

func (b *memoryInbox) refuseNext(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *memoryInbox) all() []coach.VoiceNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]coach.VoiceNote(nil), b.notes...)
}
