package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// Hold keeps a recording until Release, for Config.HoldAudio at most; see
// coach.AudioHold. Over Config.MaxAudio it is coach.ErrTooLarge. The error of r
// is in the chain of Hold's.
func (s *Store) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	// Read first: chunks of a reader that fails half-way would stay behind.
	b, err := io.ReadAll(io.LimitReader(r, s.config.MaxAudio+1))
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if int64(len(b)) > s.config.MaxAudio {
		return fmt.Errorf("hold: %w", coach.ErrTooLarge)
	}
	put, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if _, err := s.audio.Put(put, jetstream.ObjectMeta{Name: token(id)}, bytes.NewReader(b)); err != nil {
		return fmt.Errorf("hold: %w", s.diagnose(ctx, err))
	}
	return nil
}

// Held opens what is kept for a note; coach.ErrNotHeld where nothing is. The
// caller closes it. Its bytes are checked against their SHA-256 first.
func (s *Store) Held(ctx context.Context, id coach.NoteID) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, fmt.Errorf("held: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	b, err := s.audio.GetBytes(ctx, token(id))
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, coach.ErrNotHeld
	}
	if err != nil {
		return nil, fmt.Errorf("held: %w", err)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Release drops what is kept for a note, overwriting its bytes on the disk;
// nothing held is not an error.
func (s *Store) Release(ctx context.Context, id coach.NoteID) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	info, err := s.audio.GetInfo(ctx, token(id))
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	bucket := s.config.Prefix + "-audio"
	chunks, err := s.js.Stream(ctx, "OBJ_"+bucket)
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := erase(ctx, chunks, "$O."+bucket+".C."+info.NUID); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := s.audio.Delete(ctx, token(id)); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// erase deletes all messages of a subject and overwrites their bytes.
func erase(ctx context.Context, stream jetstream.Stream, subject string) error {
	for seq := uint64(1); ; {
		m, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SecureDeleteMsg(ctx, m.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		seq = m.Sequence + 1
	}
}
