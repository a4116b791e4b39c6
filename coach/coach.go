package coach

import (
	"context"
	"io"
	"time"
)

// Adapter connects one platform.
type Adapter interface {
	// Platform is the same for the adapter's whole life.
	Platform() Platform

	// Listen hands every voice note to in until ctx ends, then returns nil; it
	// acknowledges a note to the platform only after in.Accept returned nil.
	// It returns an error only when it can't go on.
	Listen(ctx context.Context, in Inbox) error

	// Open streams a note's audio from the platform. The caller closes it. A
	// recording that the platform has no more is ErrAudioGone.
	Open(ctx context.Context, note VoiceNote) (io.ReadCloser, error)

	// Post answers in the note's thread, or to the learner alone where the reply
	// is private. Posting the same reply (same Reply.Note and Kind) again is
	// harmless: the learner sees one. A rate limit is a *Snooze.
	Post(ctx context.Context, thread ThreadID, r Reply) error
}

// Indicator is an Adapter that can show that a note is being worked on (a typing
// indicator, a reaction). What it shows goes with the note's reply at the latest.
// It is called at the start of every attempt; its error is of no consequence.
type Indicator interface {
	Working(ctx context.Context, note VoiceNote) error
}

// Inbox takes voice notes in.
type Inbox interface {
	// Accept returns nil once the note is durable. A note that is known already
	// (same ID) is not an error and not taken twice.
	Accept(ctx context.Context, note VoiceNote) error
}

// Queue holds accepted notes until they are finished. Every method is safe for
// concurrent use, by several processes too.
type Queue interface {
	Inbox

	// Claim blocks until a task is due and counts the attempt durably before it
	// returns. The claim is kept alive until Finish, Retry or Bury, or until ctx
	// ends; a crash lets it lapse, and another Claim returns the task as last
	// saved.
	Claim(ctx context.Context) (*Task, error)

	// Save keeps the task's progress. ErrLost when the claim has lapsed.
	Save(ctx context.Context, t *Task) error

	// Finish ends the task: it will not be claimed again, and a twin of its note
	// is still known to Accept.
	Finish(ctx context.Context, t *Task) error

	// Retry gives the claim back; the task is due again after the delay. With
	// count false the attempt is not counted (a snooze).
	Retry(ctx context.Context, t *Task, after time.Duration, count bool) error

	// Bury ends the task as a dead letter, kept for the operator.
	Bury(ctx context.Context, t *Task) error

	// Wake makes a task due now that waits for its time. One that is claimed,
	// ended or unknown is left as it is, which is not an error.
	Wake(ctx context.Context, id NoteID) error
}

// AudioHold keeps the bytes of recordings until their note is answered.
type AudioHold interface {
	// Hold reads r to its end and keeps it under the note's ID, in place of what
	// was there; nothing is kept when r or ctx fails.
	Hold(ctx context.Context, id NoteID, r io.Reader) error
	// Held opens what is kept; ErrNotHeld where nothing is. The caller closes it.
	Held(ctx context.Context, id NoteID) (io.ReadCloser, error)
	// Release drops it; nothing held is not an error.
	Release(ctx context.Context, id NoteID) error
}

// History remembers learners' lessons, newest first, within the retention that
// the owner has set.
type History interface {
	Remember(ctx context.Context, learner LearnerID, l Lesson) error // the same note again replaces it
	Earlier(ctx context.Context, learner LearnerID, n int) ([]Lesson, error)
	Forget(ctx context.Context, learner LearnerID) error
	// Trim drops the learner's lessons that are older than before.
	Trim(ctx context.Context, learner LearnerID, before time.Time) error
}

// Shelf is a small durable map, shared by all machines of a service. Keys are
// parts of [A-Za-z0-9_=/-] with single dots between them, at most 256 bytes.
// Values go by themselves when the shelf's time is over.
type Shelf interface {
	Put(ctx context.Context, key string, value []byte) error // in place of the former value
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Delete(ctx context.Context, key string) error // none is not an error
	// List returns all keys that begin with prefix, with their values.
	List(ctx context.Context, prefix string) (map[string][]byte, error)
	// Update puts what change makes of the key's value (nil: none is there yet),
	// as one step: change is called again when another writer came between. It
	// deletes the key when change returns nil, and leaves it as it is when change
	// fails, whose error it returns wrapped.
	Update(ctx context.Context, key string, change func(old []byte) ([]byte, error)) error
}

// Decoder turns a recording's bytes into samples. Audio that can't be decoded
// is ErrUnsupportedAudio, over the limits ErrTooLong or ErrTooLarge.
type Decoder interface {
	Decode(ctx context.Context, r io.Reader) (Audio, error)
}

// Scorer gives an utterance its labels. It refuses what it can't score with a
// learner's error (ErrNoSpeech, ErrTextMismatch, ...). Safe for concurrent use.
type Scorer interface {
	Score(ctx context.Context, u Utterance) (Assessment, error)
}

// Explainer words an assessment for its learner; earlier lessons come newest
// first. It always has an answer: an error means only that ctx ended.
type Explainer interface {
	Explain(ctx context.Context, now Assessment, earlier []Lesson) (Rationale, error)
}
