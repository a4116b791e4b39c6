package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// claim is one task that this process has.
type claim struct {
	id   coach.NoteID
	at   time.Time // its place in the order, should it go back unworked
	stop func() bool

	mu   sync.Mutex
	seq  uint64 // of the claim's last write: the proof of still having it
	over bool
}

// ErrFull is the cause of a *coach.Busy: as many notes as allowed are waiting,
// or the disk is nearly full.
var ErrFull = errors.New("the queue is full")

// busyFor is when a full queue may have room again.
const busyFor = time.Minute

// Accept takes a note in with one durable write. A known note, unfinished or
// finished within Config.KnowFor, is left as it is. With Config.MaxTasks
// waiting, or less than Config.Reserve free on the disk, it is *coach.Busy.
func (s *Store) Accept(ctx context.Context, note coach.VoiceNote) error {
	if err := checkID(note.ID); err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if _, known := s.index.get(note.ID); known {
		return nil
	}
	if err := s.full(); err != nil {
		if _, e := s.last(ctx, note.ID); e == nil {
			return nil
		}
		return &coach.Busy{For: busyFor, Cause: err}
	}
	e := entry{id: note.ID, state: ready, at: time.Now()}
	_, err := s.write(ctx, e, &coach.Task{Note: note}, 0, 0)
	if err != nil && !errors.Is(err, errConflict) {
		return fmt.Errorf("accept: %w", err)
	}
	return nil
}

func (s *Store) full() error {
	if d := s.index.depths(); d.Ready+d.Later+d.Claimed >= s.config.MaxTasks {
		return ErrFull
	}
	if s.embedded != nil && !s.embedded.room() {
		return fmt.Errorf("%w: %w", ErrFull, errDiskFull)
	}
	return nil
}

// Claim blocks until a task is due: first those whose claim lapsed, then by the
// time since which they are due. It returns ctx's error when ctx ends first.
// When ctx ends later, the task goes back as if it had not been claimed.
//
// Save, Finish, Retry and Bury take the very pointer that Claim returned.
func (s *Store) Claim(ctx context.Context) (*coach.Task, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, ok, wait, changed := s.index.pick(time.Now())
		if !ok {
			if err := pause(ctx, wait, changed); err != nil {
				return nil, err
			}
			continue
		}
		t, err := s.take(ctx, e)
		if err == nil {
			return t, nil
		}
		s.index.free(e.id)
		if !errors.Is(err, errConflict) {
			return nil, fmt.Errorf("claim: %w", err)
		}
	}
}

// pause waits for a change, for the time d to pass, or for ctx's end, which is
// its error.
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take claims the picked note, or returns errConflict, with the index mended,
// when it is not as the index had it.
func (s *Store) take(ctx context.Context, picked entry) (*coach.Task, error) {
	m, err := s.last(ctx, picked.id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		s.index.remove(picked.id)
		return nil, errConflict
	}
	if err != nil {
		return nil, err
	}
	if m.Sequence < picked.seq { // a replica that lags
		return nil, pauseConflict(ctx)
	}
	now, err := parseEntry(picked.id, m.Sequence, m.Header)
	if err != nil {
		return nil, err
	}
	if now.seq != picked.seq {
		s.index.set(now, false)
		return nil, errConflict
	}
	var t coach.Task
	if err := s.codec.unpack(m.Data, &t); err != nil {
		return nil, s.buryUnreadable(ctx, now, err)
	}
	t.Attempt++
	now.state, now.owner = claimed, s.owner
	// The claim is written even if ctx ends meanwhile, lest the attempt be
	// counted and nobody know of it.
	written, err := s.write(context.WithoutCancel(ctx), now, &t, picked.seq, 0)
	if err != nil {
		if errors.Is(err, errConflict) {
			s.refresh(ctx, picked.id)
		}
		return nil, err
	}
	c := &claim{id: picked.id, at: picked.at, seq: written.seq}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the store is closed")
	}
	s.claims[&t] = c
	c.stop = context.AfterFunc(ctx, func() { s.giveBack(context.WithoutCancel(ctx), &t) })
	return &t, nil
}

// pauseConflict gives a lagging replica a moment.
func pauseConflict(ctx context.Context) error {
	if err := pause(ctx, 20*time.Millisecond, nil); err != nil {
		return err
	}
	return errConflict
}

// refresh brings one note in the index up to date, as far as it can.
func (s *Store) refresh(ctx context.Context, id coach.NoteID) {
	m, err := s.last(ctx, id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		s.index.remove(id)
		return
	}
	if err != nil {
		return
	}
	if e, err := parseEntry(id, m.Sequence, m.Header); err == nil {
		s.index.set(e, false)
	}
}

// buryUnreadable sets a note aside whose task can't be read any more.
func (s *Store) buryUnreadable(ctx context.Context, e entry, cause error) error {
	s.log.Error("a task is unreadable and set aside", "note", e.id, "error", cause)
	t := &coach.Task{Note: coach.VoiceNote{ID: e.id}, LastError: cause.Error()}
	expect := e.seq
	e.state, e.owner, e.at = dead, "", time.Now()
	if _, err := s.write(ctx, e, t, expect, s.config.KeepDead); err != nil {
		return err
	}
	return errConflict
}

// Save keeps the task's progress and the claim. coach.ErrLost when the claim is
// over.
func (s *Store) Save(ctx context.Context, t *coach.Task) error {
	return s.move(ctx, "save", t, t, func(c *claim) (entry, time.Duration) {
		return entry{state: claimed, at: c.at, owner: s.owner}, 0
	})
}

// Finish ends the task; the note stays known for Config.KnowFor.
func (s *Store) Finish(ctx context.Context, t *coach.Task) error {
	return s.move(ctx, "finish", t, nil, func(*claim) (entry, time.Duration) {
		return entry{state: done, at: time.Now()}, s.config.KnowFor
	})
}

// Retry gives the claim back; see coach.Queue.
func (s *Store) Retry(ctx context.Context, t *coach.Task, after time.Duration, count bool) error {
	kept := *t
	if !count {
		kept.Attempt--
	}
	return s.move(ctx, "retry", t, &kept, func(c *claim) (entry, time.Duration) {
		if after <= 0 {
			return entry{state: ready, at: c.at}, 0
		}
		return entry{state: later, at: time.Now().Add(after)}, 0
	})
}

// Bury ends the task as a dead letter, kept for Config.KeepDead.
func (s *Store) Bury(ctx context.Context, t *coach.Task) error {
	return s.move(ctx, "bury", t, t, func(*claim) (entry, time.Duration) {
		return entry{state: dead, at: time.Now()}, s.config.KeepDead
	})
}

// Wake makes a task due now that waits for its time; one that is claimed, ended
// or unknown stays as it is.
//
// Who gives a waiting note what it waits for writes that down, then wakes it;
// its worker parks it with Retry, then looks whether that was written down
// meanwhile. Whichever comes second finds what the other has done.
func (s *Store) Wake(ctx context.Context, id coach.NoteID) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("wake: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		err := s.tryWake(ctx, id)
		if errors.Is(err, errConflict) { // it has moved on meanwhile, perhaps to wait again
			continue
		}
		if err != nil {
			return fmt.Errorf("wake: %w", err)
		}
		return nil
	}
}

func (s *Store) tryWake(ctx context.Context, id coach.NoteID) error {
	m, err := s.last(ctx, id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if known, ok := s.index.get(id); ok && known.seq > m.Sequence { // a replica that lags
		return pauseConflict(ctx)
	}
	e, err := parseEntry(id, m.Sequence, m.Header)
	if err != nil {
		return err
	}
	if e.state != later {
		return nil
	}
	var t coach.Task
	if err := s.codec.unpack(m.Data, &t); err != nil {
		return err // Claim sets it aside in its time
	}
	_, err = s.write(ctx, entry{id: id, state: ready, at: time.Now()}, &t, e.seq, 0)
	return err
}

// move writes a claimed task's next state, with kept as its payload, and ends
// the claim unless that state is claimed.
func (s *Store) move(ctx context.Context, what string, t, kept *coach.Task, to func(*claim) (entry, time.Duration)) error {
	s.mu.Lock()
	c := s.claims[t]
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%s: %w", what, coach.ErrLost)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return fmt.Errorf("%s: %w", what, coach.ErrLost)
	}
	e, ttl := to(c)
	e.id = c.id
	written, err := s.write(ctx, e, kept, c.seq, ttl)
	switch {
	case errors.Is(err, errConflict):
		s.end(t, c)
		s.refresh(ctx, c.id)
		return fmt.Errorf("%s: %w", what, coach.ErrLost)
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	c.seq = written.seq
	if e.state != claimed {
		s.end(t, c)
	}
	return nil
}

// end forgets a claim. c.mu is held.
func (s *Store) end(t *coach.Task, c *claim) {
	c.over = true
	c.stop()
	s.mu.Lock()
	delete(s.claims, t)
	s.mu.Unlock()
	s.index.free(c.id)
}

// giveBack returns a task whose claim has ended with its ctx, uncounted. Where that
// can't be written, this process may claim it anyhow, others once it is gone.
func (s *Store) giveBack(ctx context.Context, t *coach.Task) {
	s.mu.Lock()
	c := s.claims[t]
	if c == nil || s.closed {
		s.mu.Unlock()
		return
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	// The worker may still be writing to *t; what was saved is what counts.
	if m, err := s.last(ctx, c.id); err == nil && m.Sequence == c.seq {
		var kept coach.Task
		if s.codec.unpack(m.Data, &kept) == nil {
			kept.Attempt--
			_, err = s.write(ctx, entry{id: c.id, state: ready, at: c.at}, &kept, c.seq, 0)
		}
		if err != nil {
			s.log.Warn("a task was not given back", "note", c.id, "error", err)
		}
	}
	s.end(t, c)
}
