// Package adaptertest is the conformance suite of coach.Adapter: what every
// platform's adapter promises, tried through the platform's own eyes. An
// adapter's test makes a Harness over a fake of its platform (for the
// playground: over the real thing) and calls Run.
package adaptertest

import (
	"context"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Clip is a recording that a learner sends on the platform.
type Clip struct {
	Key         string // names the message: the same key again is the platform's redelivery of it
	Learner     string // a name of the test's; the same name is the same learner
	Thread      string // likewise; a platform with one thread per learner goes by Learner
	Text        string // the sentence
	Audio       []byte
	Name        string // file name and type as the sender claims them
	ContentType string
}

// Shown is a reply or an answer as the learner sees it.
type Shown struct {
	Text string // all of its text, in the order of reading
	// Active names whatever in it the platform would act upon and that did not
	// come from us: a mention that notifies, a tag, a link under another text, a
	// formatting that swallows text. Harmless text leaves it empty.
	Active []string

	// The rest is for platforms with a Desk alone.
	Private bool              // nobody else sees it
	Buttons []string          // their labels, in order
	Alts    []string          // of its pictures: what who can't see them is told
	Files   map[string][]byte // by name
}

// Request is something that a learner asks for by typing a command of the
// desk's menu, in the platform's own way.
type Request struct {
	Action  coach.Action
	Values  map[string]string // of the command's parameters
	Learner string            // as in Clip
	Thread  string
	Admin   bool // they may manage the place
}

// Response is what the asker is shown to a command, a button or a form, and
// what they can do with it.
type Response struct {
	Shown []Shown
	Form  *Form // was opened; nothing is shown then
	// Press presses the button of a label. Choose chooses the option of a label
	// under a choice's label. What is not offered is an error.
	Press  func(ctx context.Context, label string) (Response, error)
	Choose func(ctx context.Context, label, option string) (Response, error)
}

// Form asks the learner for a text.
type Form struct {
	Title, Label string
	Send         func(ctx context.Context, text string) (Response, error)
}

// Harness is one adapter on one platform, fresh for each case. Its makers
// register their own clean-up with t.Cleanup.
type Harness struct {
	// Adapter is under test. The suite calls its Listen.
	Adapter coach.Adapter
	// Another is a second adapter of the same platform and installation, as on
	// another machine or after a restart. The suite does not call its Listen.
	Another coach.Adapter

	// Deliver makes the platform deliver the clip once and returns nil when that
	// delivery has been acknowledged, an error when it was not, so that the
	// platform would deliver it again. It blocks until one or the other, and
	// before that until the adapter is listening. Safe for concurrent use.
	Deliver func(ctx context.Context, c Clip) error
	// Seen returns the replies that the learner sees to the note, oldest first.
	Seen func(ctx context.Context, note coach.VoiceNote) ([]Shown, error)
	// Expire makes the platform lose the note's recording.
	Expire func(ctx context.Context, note coach.VoiceNote) error

	// FailPost makes the platform fail the next Post, before it has taken
	// effect, or after, so that only the answer is lost.
	FailPost func(after bool)
	// LimitPost makes the platform refuse the next Post for d, by a rate limit.
	// Nil where the platform has none.
	LimitPost func(d time.Duration)
	// Quiesce closes what the harness itself keeps open toward the adapter, so
	// that what is left running is the adapter's. May be nil.
	Quiesce func()

	// Desk is what Adapter and Another were made with: a NewDesk. Where it is nil
	// the platform has none (the playground), all that follows is nil too, and
	// the cases that need it are skipped.
	Desk *Desk
	// SeenBy is Seen through the eyes of a learner (as in Clip), of the note's or
	// another, who looks wherever the note's learner may be answered: in the
	// thread, in the channel, in a direct message of theirs.
	SeenBy func(ctx context.Context, note coach.VoiceNote, learner string) ([]Shown, error)
	// Delete makes the learner delete the message of the note, and the platform
	// tell the adapter of it.
	Delete func(ctx context.Context, note coach.VoiceNote) error
	// Press makes a learner press the button of a label under the note's replies,
	// and returns what they are shown to it, once it is there.
	Press func(ctx context.Context, note coach.VoiceNote, learner, label string) (Response, error)
	// Ask makes a learner type a command, and returns what they are shown to it,
	// once it is there.
	Ask func(ctx context.Context, r Request) (Response, error)
	// Channel is what coach.Rules calls the channel that a thread (as in Clip) is
	// in. Nil where all threads are in the same one.
	Channel func(thread string) string
}

// Run tries every promise of coach.Adapter, each on a Harness of its own.
func Run(t *testing.T, harness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"a delivery is acknowledged only after the note is accepted", acknowledgedAfterAccept},
		{"a note that could not be accepted is not acknowledged and may come again", refusedMayComeAgain},
		{"a redelivery is the same note", redeliveryIsSameNote},
		{"a note is complete and survives being stored", noteIsComplete},
		{"learners and threads are told apart", learnersAreToldApart},
		{"concurrent deliveries keep their own text and bytes", concurrentDeliveries},
		{"a recording opens byte by byte, again, and on another machine", opensExactBytes},
		{"a lost recording is ErrAudioGone", lostRecordingIsGone},
		{"replies of every kind are shown", everyKindIsShown},
		{"a reply posted again is shown once", postedAgainShownOnce},
		{"a failed post is our error and may be repeated", failedPostMayBeRepeated},
		{"a rate limit is a snooze", rateLimitIsSnooze},
		{"hostile text is shown harmlessly", hostileTextIsHarmless},
		{"a reply is seen by its own learner only", replyStaysInThread},
		{"Listen returns nil when its context ends", listenEnds},
		{"Listen returns in time though the inbox hangs", listenEndsThoughInboxHangs},
		{"Listen leaves no goroutine behind", listenLeaksNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, harness(t))
		})
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"a note without a sentence comes without one", noSentence},
		{"an open practice prompt is the sentence", promptIsSentence},
		{"a practice prompt is shown to all and its sentence opened", practiceIsPublic},
		{"notes are taken only in the place's channels", onlyAllowedChannels},
		{"who sends too many is acknowledged and told so kindly, once", busyIsToldOnce},
		{"notice, question and answer are three posts, each once", threePostsEachOnce},
		{"a private reply is seen by its learner alone", privateReplyIsPrivate},
		{"a deleted note is withdrawn", deletedIsWithdrawn},
		{"a button under a reply reaches the desk, and its answer the asker alone", buttonReachesDesk},
		{"a button of an answer reaches the desk with its values", answersButtonReachesDesk},
		{"a typed command reaches the desk with its values", commandReachesDesk},
		{"only who manages the place asks as such", adminIsThePlatformsWord},
		{"a choice reaches the desk", choiceReachesDesk},
		{"a form opens and its text arrives", formOpensAndArrives},
		{"pictures have alt text, and files their bytes", picturesAndFiles},
		{"hostile text in an answer is shown harmlessly", hostileAnswerIsHarmless},
		{"a desk that fails is an apology", failingDeskApologises},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := harness(t)
			if h.Desk == nil {
				t.Skip("this platform has no desk")
			}
			c.run(t, h)
		})
	}
}
