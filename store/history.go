package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// lessonSubject hides the learner's ID behind its SHA-256, which also fits any
// ID into a subject.
func (s *Store) lessonSubject(learner coach.LearnerID) string {
	sum := sha256.Sum256([]byte(learner))
	return s.config.Prefix + ".lesson." + hex.EncodeToString(sum[:16])
}

// Remember adds a lesson. Beyond Config.Lessons the learner's oldest goes;
// after Config.LessonAge each goes by itself.
func (s *Store) Remember(ctx context.Context, learner coach.LearnerID, l coach.Lesson) error {
	b, err := s.codec.pack(l)
	if err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	// Twice is harmless, for Earlier shows the later one. So no message ID.
	m := &nats.Msg{Subject: s.lessonSubject(learner), Data: b}
	if _, err := s.publish(ctx, m, jetstream.WithExpectStream(s.config.Prefix+"-lessons")); err != nil {
		return fmt.Errorf("remember: %w", s.diagnose(ctx, err))
	}
	return nil
}

// Earlier returns at most n lessons, newest first; all when n < 0.
func (s *Store) Earlier(ctx context.Context, learner coach.LearnerID, n int) ([]coach.Lesson, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	var lessons []coach.Lesson
	err := s.eachLesson(ctx, learner, func(_ *jetstream.RawStreamMsg, l coach.Lesson) {
		lessons = slices.DeleteFunc(lessons, func(o coach.Lesson) bool { return o.Note == l.Note })
		lessons = append(lessons, l)
	})
	if err != nil {
		return nil, fmt.Errorf("earlier lessons: %w", err)
	}
	slices.Reverse(lessons)
	slices.SortStableFunc(lessons, func(a, b coach.Lesson) int { return b.At.Compare(a.At) })
	if n >= 0 && len(lessons) > n {
		lessons = lessons[:n]
	}
	return lessons, nil
}

// eachLesson hands over a learner's messages in the order of their writing, all
// but those that can't be read.
func (s *Store) eachLesson(ctx context.Context, learner coach.LearnerID, each func(*jetstream.RawStreamMsg, coach.Lesson)) error {
	subject := s.lessonSubject(learner)
	for seq := uint64(1); ; {
		m, err := s.lessons.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		seq = m.Sequence + 1
		var l coach.Lesson
		if err := s.codec.unpack(m.Data, &l); err != nil {
			s.log.Error("a lesson is unreadable", "message", m.Sequence, "error", err)
			continue
		}
		each(m, l)
	}
}

// Trim drops the learner's lessons that are older than before, overwriting their
// bytes on the disk. A lesson that was replaced is as old as what replaced it.
func (s *Store) Trim(ctx context.Context, learner coach.LearnerID, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	messages := map[coach.NoteID][]uint64{}
	at := map[coach.NoteID]time.Time{}
	err := s.eachLesson(ctx, learner, func(m *jetstream.RawStreamMsg, l coach.Lesson) {
		messages[l.Note] = append(messages[l.Note], m.Sequence)
		at[l.Note] = l.At
	})
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	for note, old := range messages {
		if !at[note].Before(before) {
			continue
		}
		for _, seq := range old { // the replaced ones first, lest one of them show again
			if err := s.lessons.SecureDeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
				return fmt.Errorf("trim: %w", err)
			}
		}
	}
	return nil
}

// Forget drops all of a learner's lessons, overwriting their bytes on the disk.
func (s *Store) Forget(ctx context.Context, learner coach.LearnerID) error {
	if err := erase(ctx, s.lessons, s.lessonSubject(learner)); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}
