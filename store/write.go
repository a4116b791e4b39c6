package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mynah-coach/mynah/coach"
)

const (
	// attemptTimeout bounds one request; a cluster that elects a new leader
	// leaves requests unanswered.
	attemptTimeout = 2 * time.Second
	// writeTimeout bounds a write with all its attempts: an election and a
	// reconnection fit in.
	writeTimeout = 10 * time.Second
	// retryEvery parts the attempts.
	retryEvery = 100 * time.Millisecond
)

var (
	errConflict = errors.New("the note has changed meanwhile")
	errDiskFull = errors.New("the disk is (nearly) full")
)

// write makes e, with a task as payload, the note's last message, provided that
// its last one is still number expect (0: that there is none); errConflict if
// not. It returns e with its number once the message is durable. A ttl above 0
// ends the message by itself.
//
// An attempt that is left unanswered may have been carried out. So every
// attempt bears the same message ID, which the server knows again, and a
// conflict is checked against what is stored: a cluster also reports one while
// an earlier write to the same subject is still on its way.
func (s *Store) write(ctx context.Context, e entry, task *coach.Task, expect uint64, ttl time.Duration) (entry, error) {
	m := &nats.Msg{Subject: s.taskSubject(e.id), Header: e.header()}
	if task != nil {
		var err error
		if m.Data, err = s.codec.pack(task); err != nil {
			return entry{}, err
		}
		if max := s.conn.MaxPayload(); int64(len(m.Data))+1024 > max {
			return entry{}, fmt.Errorf("a task of %d bytes is over the server's limit of %d", len(m.Data), max)
		}
	}
	id := nuid.Next()
	opts := []jetstream.PublishOpt{
		jetstream.WithMsgID(id),
		jetstream.WithExpectStream(s.tasksName()),
		jetstream.WithExpectLastSequencePerSubject(expect),
	}
	if ttl > 0 {
		opts = append(opts, jetstream.WithMsgTTL(ttl))
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		ack, err := s.publish(ctx, m, opts...)
		switch {
		case err == nil:
			e.seq = ack.Sequence
		case !isConflict(err):
			return entry{}, s.diagnose(caller, err)
		default:
			done, again := s.lookUp(ctx, &e, id, expect)
			if again {
				if err := pause(ctx, retryEvery, nil); err != nil {
					return entry{}, s.diagnose(caller, err)
				}
				continue
			}
			if !done {
				return entry{}, errConflict
			}
		}
		s.index.set(e, false)
		s.note(e, m.Data, ttl)
		return e, nil
	}
}

// publish sends a message until it is answered for, for writeTimeout at most. A
// message that must not be stored twice bears an ID.
func (s *Store) publish(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		ack, err := s.js.PublishMsg(attempt, m, opts...)
		cancel()
		if err == nil || !transient(err) {
			return ack, err
		}
		if s.embedded != nil && !s.embedded.room() { // a full disk leaves writes unanswered
			return nil, err
		}
		if e := pause(ctx, retryEvery, nil); e != nil {
			return nil, errors.Join(e, err)
		}
	}
}

// lookUp finds out what a conflict with a write means: done, that it was the
// write itself, which an earlier attempt had carried out, and e is completed;
// again, that nothing stands against it now.
func (s *Store) lookUp(ctx context.Context, e *entry, id string, expect uint64) (done, again bool) {
	last, err := s.last(ctx, e.id)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return false, expect == 0
	case err != nil:
		return false, true // ctx bounds it
	case last.Header.Get(jetstream.MsgIDHeader) == id:
		e.seq = last.Sequence
		return true, false
	}
	return false, last.Sequence == expect
}

// last returns a note's last message; jetstream.ErrMsgNotFound when there is
// none.
func (s *Store) last(ctx context.Context, id coach.NoteID) (*jetstream.RawStreamMsg, error) {
	return s.lastOn(ctx, s.tasks, s.taskSubject(id))
}

// lastOn returns a subject's last message, as the stream's leader has it.
func (s *Store) lastOn(ctx context.Context, stream jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		m, err := stream.GetLastMsgForSubject(attempt, subject)
		cancel()
		if err == nil || !transient(err) || pause(ctx, retryEvery, nil) != nil {
			return m, err
		}
	}
}

// diagnose wraps the error of a write that failed for good, under a caller's
// ctx. An embedded server has no reason to fail one but its limits and its disk:
// after any other error it is to be started anew.
func (s *Store) diagnose(ctx context.Context, err error) error {
	var api *jetstream.APIError
	limited := errors.As(err, &api) && strings.Contains(api.Description, "maximum")
	if s.embedded != nil && !limited && ctx.Err() == nil {
		s.embedded.sick.Store(true)
		if !s.embedded.room() || api != nil && strings.Contains(api.Description, syscall.ENOSPC.Error()) {
			err = errors.Join(errDiskFull, err)
		}
	}
	return fmt.Errorf("write: %w", err)
}

func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// transient reports whether an error may be over by the next attempt: no
// answer, no leader, no connection.
func transient(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.Code == 503
	}
	for _, t := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
