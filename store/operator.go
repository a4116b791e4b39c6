package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// Depth counts notes by state.
type Depth struct {
	Ready   int // may be claimed now
	Later   int // wait for their next try
	Claimed int // are being worked on
	Dead    int // were given up
}

// DeadLetter is a note that was given up.
type DeadLetter struct {
	Task coach.Task
	At   time.Time
}

// ErrNoDeadLetter says that a note is no dead letter, or none any more.
var ErrNoDeadLetter = errors.New("no dead letter of this ID")

// ErrAnswered says that a dead letter has been answered with an apology: a note
// gets one reply, so trying again would show the learner nothing.
var ErrAnswered = errors.New("the note has been answered with an apology")

// Depth counts the notes as this process knows them, at most moments old.
func (s *Store) Depth() Depth {
	d := s.index.depths()
	d.Dead = len(s.buried())
	return d
}

// buried returns the dead letters still kept: the server drops them at the end
// of their time without a word.
func (s *Store) buried() []entry {
	all := s.index.in(dead)
	oldest := time.Now().Add(-s.config.KeepDead)
	return slices.DeleteFunc(all, func(e entry) bool {
		if e.at.After(oldest) {
			return false
		}
		s.index.remove(e.id)
		return true
	})
}

// DeadLetters returns the dead letters, oldest first.
func (s *Store) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	entries := s.buried()
	slices.SortFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	var letters []DeadLetter
	for _, e := range entries {
		l, _, err := s.deadLetter(ctx, e.id)
		if errors.Is(err, ErrNoDeadLetter) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
		letters = append(letters, l)
	}
	return letters, nil
}

func (s *Store) deadLetter(ctx context.Context, id coach.NoteID) (DeadLetter, entry, error) {
	if err := checkID(id); err != nil {
		return DeadLetter{}, entry{}, err
	}
	m, err := s.last(ctx, id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, entry{}, ErrNoDeadLetter
	}
	if err != nil {
		return DeadLetter{}, entry{}, err
	}
	e, err := parseEntry(id, m.Sequence, m.Header)
	if err != nil {
		return DeadLetter{}, entry{}, err
	}
	if e.state != dead {
		return DeadLetter{}, entry{}, ErrNoDeadLetter
	}
	l := DeadLetter{At: e.at}
	if err := s.codec.unpack(m.Data, &l.Task); err != nil {
		return DeadLetter{}, entry{}, err
	}
	return l, e, nil
}

// Revive makes a dead letter due again, with all its attempts before it.
// ErrNoDeadLetter, or ErrAnswered when an apology has been posted.
func (s *Store) Revive(ctx context.Context, id coach.NoteID) error {
	l, e, err := s.deadLetter(ctx, id)
	if err != nil {
		return fmt.Errorf("revive: %w", err)
	}
	t := l.Task
	if t.Posted {
		return fmt.Errorf("revive: %w", ErrAnswered)
	}
	t.Attempt, t.Crashes = 0, 0
	if t.Reply != nil && t.Reply.Kind == coach.ReplyApology {
		t.Reply = nil
	}
	_, err = s.write(ctx, entry{id: id, state: ready, at: time.Now()}, &t, e.seq, 0)
	if errors.Is(err, errConflict) {
		err = ErrNoDeadLetter
	}
	if err != nil {
		return fmt.Errorf("revive: %w", err)
	}
	return nil
}

// Drop forgets a dead letter and its audio; its note stays known to Accept.
// ErrNoDeadLetter when there is none.
func (s *Store) Drop(ctx context.Context, id coach.NoteID) error {
	_, e, err := s.deadLetter(ctx, id)
	if err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	if err := s.Release(ctx, id); err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	_, err = s.write(ctx, entry{id: id, state: done, at: time.Now()}, nil, e.seq, s.config.KnowFor)
	if errors.Is(err, errConflict) {
		err = ErrNoDeadLetter
	}
	if err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	return nil
}
