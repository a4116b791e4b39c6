package prompts

import (
	"errors"
	"hash/fnv"

	"github.com/mynah-coach/mynah/coach"
)

// Advice says in kind, plain words what a learner can do about err. Of an error
// that is none of coach's learner's errors it returns Apology: its own text is
// for operators only and never part of the answer.
func Advice(err error) string {
	var l *coach.LearnerError
	if !errors.As(err, &l) {
		return Apology()
	}
	switch l.Reason {
	case coach.ErrUnsupportedAudio.Reason:
		return "I couldn't open that recording. Please record it again with the microphone button of your app, or send it as an Ogg, MP3, M4A or WAV file."
	case coach.ErrTooLong.Reason:
		return "That recording is longer than I can listen to. Please send one sentence at a time; a few seconds is enough."
	case coach.ErrTooLarge.Reason:
		return "That file is too big for me. Please send a short voice note of one sentence; the microphone button of your app makes small ones."
	case coach.ErrTooShort.Reason:
		return "That recording ended before the sentence could have been read. Please hold the record button until you have finished the last word, and send it again."
	case coach.ErrNoSpeech.Reason:
		return "I couldn't hear any speech. Please check that the right microphone is on and not muted, come a little closer to it, and read the sentence again."
	case coach.ErrTextMismatch.Reason:
		return "What I heard doesn't match the sentence. Please check that this is the sentence you read, and read all of it, from the first word to the last."
	case coach.ErrNoText.Reason:
		return "I need to know which sentence you are reading. Please write it down with your recording; one English sentence is enough."
	case coach.ErrTextTooLong.Reason:
		return "That text is longer than I can take in one go. Please pick one sentence from it and read that."
	case coach.ErrUnsupportedText.Reason:
		return "I can only coach English for now, and I couldn't read that sentence as English. Please write it in English letters and try again."
	case coach.ErrAudioGone.Reason:
		return "Your recording was gone before I could listen to it; it may have been deleted. Please send it again."
	}
	return "I couldn't work with that recording. Please record the sentence once more and send it again."
}

// Apology is what a learner reads when we failed and have given up.
func Apology() string {
	return "Sorry, something went wrong on my side and I couldn't listen to this one. It wasn't your recording. Please send it again in a little while."
}

// mix hashes strings into a seed for choosing among wordings.
func mix(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p)) // a hash's Write never fails
		h.Write([]byte{0})
	}
	return h.Sum64()
}
