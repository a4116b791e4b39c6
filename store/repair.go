package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// repair compares the stream with the journal that the process before has left.
// Where the stream lacks something, its file is damaged, and it is built anew
// from all that either has. Nothing else has the stream yet; interrupted, the
// repair begins again from the journal.
func (s *Store) repair(ctx context.Context) error {
	j, records, err := openJournal(filepath.Join(s.config.Dir, "journal"))
	if err != nil {
		return err
	}
	s.journal = j
	lost, err := s.compare(ctx, records)
	if err != nil {
		return fmt.Errorf("compare notes and journal: %w", err)
	}
	if lost > 0 {
		s.log.Error("the notes' file is damaged and built anew", "lost", lost, "known", len(records))
		if err := j.replace(records); err != nil { // what the stream alone had
			return err
		}
		if err := s.rebuild(ctx, records); err != nil {
			return fmt.Errorf("build the notes' stream anew: %w", err)
		}
	}
	return j.replace(records)
}

// doneChecked is how long ago a note may have been finished for repair to look
// at it. An older one that the disk brings back costs some work, no more: its
// reply is there, and posting it again is harmless.
const doneChecked = day

// compare completes records from the stream and counts what the stream lacks.
func (s *Store) compare(ctx context.Context, records map[coach.NoteID]record) (lost int, err error) {
	info, err := s.tasks.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return 0, err
	}
	cut := false // whether the stream ends before the journal does
	for _, r := range records {
		cut = cut || r.Seq > info.State.LastSeq
	}
	check := map[coach.NoteID]bool{}
	for id, r := range records {
		if r.ended() {
			continue
		}
		check[id] = cut || r.State != done || time.Since(r.At) < doneChecked
	}
	for subject := range info.State.Subjects {
		if id := noteOf(subject); records[id].ID == "" {
			check[id] = true
		}
	}
	for id, needed := range check {
		if !needed {
			continue
		}
		r := records[id]
		m, err := s.last(ctx, id)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound), err == nil && m.Sequence < r.Seq:
			if !r.ended() { // it may have gone by itself just now
				lost++
			}
		case err != nil:
			return 0, err
		case m.Sequence > r.Seq:
			if records[id], err = recordOf(id, m); err != nil {
				return 0, err
			}
		}
	}
	return lost, nil
}

// rebuild makes the stream anew and writes all records to it, bringing their
// numbers up to date.
func (s *Store) rebuild(ctx context.Context, records map[coach.NoteID]record) error {
	if err := s.js.DeleteStream(ctx, s.tasksName()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := s.makeStreams(ctx); err != nil {
		return err
	}
	for id, r := range records {
		if r.ended() {
			delete(records, id)
			continue
		}
		var err error
		if r.Seq, err = s.restore(ctx, r); err != nil {
			return err
		}
		records[id] = r
	}
	return nil
}

// restore writes a record to the stream and returns its message's number.
func (s *Store) restore(ctx context.Context, r record) (uint64, error) {
	e := entry{id: r.ID, state: r.State, at: r.At}
	if e.state == claimed {
		e.owner = "before" // nobody any more, so it is free
	}
	m := &nats.Msg{Subject: s.taskSubject(r.ID), Header: e.header(), Data: r.Task}
	opts := []jetstream.PublishOpt{jetstream.WithExpectStream(s.tasksName())}
	if !r.Ends.IsZero() {
		opts = append(opts, jetstream.WithMsgTTL(time.Until(r.Ends).Truncate(time.Second)))
	}
	ack, err := s.publish(ctx, m, opts...)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// recordOf makes a journal's record of a note's message.
func recordOf(id coach.NoteID, m *jetstream.RawStreamMsg) (record, error) {
	e, err := parseEntry(id, m.Sequence, m.Header)
	if err != nil {
		return record{}, err
	}
	r := record{ID: id, Seq: e.seq, State: e.state, At: e.at, Task: m.Data}
	if v := m.Header.Get(jetstream.MsgTTLHeader); v != "" {
		ttl, err := time.ParseDuration(v)
		if err != nil {
			return record{}, fmt.Errorf("note %s: %s: %w", id, jetstream.MsgTTLHeader, err)
		}
		r.Ends = m.Time.Add(ttl)
	}
	return r, nil
}

// note adds a written state to the journal. A journal that fails costs only
// itself.
func (s *Store) note(e entry, task []byte, ttl time.Duration) {
	if s.journal == nil {
		return
	}
	r := record{ID: e.id, Seq: e.seq, State: e.state, At: e.at, Task: task}
	if ttl > 0 {
		r.Ends = time.Now().Add(ttl)
	}
	if err := s.journal.add(r); err != nil {
		s.log.Warn("the journal was not written", "error", err)
	}
}
