package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mynah-coach/mynah/coach"
)

// A recording is a row of messages, each on a subject of its own: part 0, which
// is written last and says how many there are, and the rest of what doesn't fit
// in. All parts bear the token of the Hold that wrote them, so that those of two
// are never taken for one.
//
// This is in place of JetStream's own object store, whose reads may come from a
// replica that hasn't heard of the recording yet, and whose deletes leave the
// bytes on the disk.
const (
	headerPut   = "Mynah-Put"
	headerParts = "Mynah-Parts"

	partSize = 512 << 10 // an ordinary server takes messages of 1 MiB
)

// audioSubject is the subject of a recording's part, or with ">" of all.
func (s *Store) audioSubject(id coach.NoteID, part string) string {
	return s.config.Prefix + ".audio." + token(id) + "." + part
}

// Hold keeps a recording until Release, for Config.HoldAudio at most; see
// coach.AudioHold. Over Config.MaxAudio it is coach.ErrTooLarge. The error of r
// is in the chain of Hold's.
func (s *Store) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(r, s.config.MaxAudio+1))
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if int64(len(b)) > s.config.MaxAudio {
		return fmt.Errorf("hold: %w", coach.ErrTooLarge)
	}
	parts := slices.Collect(slices.Chunk(b, partSize))
	if len(parts) == 0 {
		parts = [][]byte{nil}
	}
	put := nuid.Next()
	for part, data := range slices.Backward(parts) {
		m := &nats.Msg{
			Subject: s.audioSubject(id, strconv.Itoa(part)),
			Header:  nats.Header{headerPut: {put}, headerParts: {strconv.Itoa(len(parts))}},
			Data:    data,
		}
		if _, err := s.publish(ctx, m, jetstream.WithExpectStream(s.audioName())); err != nil {
			return fmt.Errorf("hold: %w", s.diagnose(ctx, err))
		}
	}
	return nil
}

// Held opens what is kept for a note; coach.ErrNotHeld where nothing is. The
// caller closes it.
func (s *Store) Held(ctx context.Context, id coach.NoteID) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, fmt.Errorf("held: %w", err)
	}
	var all []byte
	put := ""
	for part, parts := 0, 1; part < parts; part++ {
		m, err := s.lastOn(ctx, s.audio, s.audioSubject(id, strconv.Itoa(part)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, coach.ErrNotHeld
		}
		if err != nil {
			return nil, fmt.Errorf("held: %w", err)
		}
		if part == 0 {
			put = m.Header.Get(headerPut)
			if parts, err = strconv.Atoi(m.Header.Get(headerParts)); err != nil {
				return nil, fmt.Errorf("held: %s: %w", headerParts, err)
			}
		}
		if m.Header.Get(headerPut) != put {
			return nil, coach.ErrNotHeld // a later Hold has not come to its end
		}
		all = append(all, m.Data...)
	}
	return io.NopCloser(bytes.NewReader(all)), nil
}

// Release drops what is kept for a note, overwriting its bytes on the disk;
// nothing held is not an error.
func (s *Store) Release(ctx context.Context, id coach.NoteID) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := erase(ctx, s.audio, s.audioSubject(id, ">")); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// erase deletes all messages of a subject and overwrites their bytes.
func erase(ctx context.Context, stream jetstream.Stream, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
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
