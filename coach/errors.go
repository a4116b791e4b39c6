package coach

import (
	"errors"
	"fmt"
	"time"
)

// Reason is the stable, documented code of a learner's error.
type Reason string

// LearnerError is an error that the learner can mend: it is answered with
// advice and never retried. The exported sentinels below are all there are;
// wrap them with %w to add an operator's detail (never a learner's text).
type LearnerError struct {
	Reason Reason
	what   string
}

func (e *LearnerError) Error() string { return e.what }

// The learner's errors.
var (
	ErrUnsupportedAudio = &LearnerError{"unsupported_audio", "audio cannot be decoded"}
	ErrTooLong          = &LearnerError{"too_long", "audio is longer than the limit"}
	ErrTooLarge         = &LearnerError{"too_large", "file is larger than the limit"}
	ErrTooShort         = &LearnerError{"too_short", "audio is too short for the sentence"}
	ErrNoSpeech         = &LearnerError{"no_speech", "no speech in the audio"}
	ErrTextMismatch     = &LearnerError{"text_mismatch", "speech does not match the sentence"}
	ErrNoText           = &LearnerError{"no_text", "the sentence has no words"}
	ErrTextTooLong      = &LearnerError{"text_too_long", "the sentence is longer than the limit"}
	ErrUnsupportedText  = &LearnerError{"unsupported_text", "the sentence is not English text"}
	ErrAudioGone        = &LearnerError{"audio_gone", "the recording is no longer there"}
)

// ReasonOf returns the code of the learner's error in err's chain, "" where
// there is none: then the error is ours.
func ReasonOf(err error) Reason {
	var l *LearnerError
	if errors.As(err, &l) {
		return l.Reason
	}
	return ""
}

// Errors of the store's interfaces.
var (
	ErrNotHeld = errors.New("no audio is held for this note")
	ErrLost    = errors.New("the claim lapsed and is another worker's now")
)

// Snooze is an error that asks for a later try and does not count as an
// attempt: a rate limit, a starting endpoint.
type Snooze struct {
	For   time.Duration
	Cause error
}

func (s *Snooze) Error() string { return fmt.Sprintf("wait %s: %v", s.For, s.Cause) }

// Unwrap returns the cause.
func (s *Snooze) Unwrap() error { return s.Cause }

// Busy is Accept's error for a note that it did not take: its learner has sent
// too many of late, or more are waiting than the service can answer. Sending it
// again at once would only end the same way, so an adapter acknowledges the
// note to its platform and tells the learner to try again after For.
type Busy struct {
	For   time.Duration
	Cause error
}

func (b *Busy) Error() string { return fmt.Sprintf("busy for %s: %v", b.For, b.Cause) }

// Unwrap returns the cause.
func (b *Busy) Unwrap() error { return b.Cause }
