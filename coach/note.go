package coach

import "time"

// Platform names where voice notes come from and replies go.
type Platform string

// The platforms that mynah has adapters for.
const (
	Discord    Platform = "discord"
	Slack      Platform = "slack"
	Playground Platform = "playground"
)

// NoteID names a voice note. It is unique over all platforms (it begins with
// the platform's name) and holds only letters, digits, '.', '_' and '-', at most
// 128 bytes, so that it can be a key. Like the other identifiers it is made and
// parsed only by its platform's adapter; to all others it is opaque.
type NoteID string

// ThreadID names the place that a note is answered in.
type ThreadID string

// LearnerID names who sent a note. It is never sent to an endpoint.
type LearnerID string

// PlaceID names the server or workspace that something happens in, whose owner
// sets the Rules there; "" where there is none: the playground, a direct message
// of no server.
type PlaceID string

// Attachment is a voice note's audio as its platform describes it. Name,
// ContentType and Size are the sender's claims: shown, never believed.
type Attachment struct {
	Ref         string `json:"ref"` // for the adapter's Open
	Name        string `json:"name,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size,omitempty"`
}

// VoiceNote is a learner's recording as it arrives, before any download.
type VoiceNote struct {
	ID       NoteID     `json:"id"`
	Platform Platform   `json:"platform"`
	Thread   ThreadID   `json:"thread"`
	Learner  LearnerID  `json:"learner"`
	Place    PlaceID    `json:"place,omitempty"`
	Text     string     `json:"text"` // the sentence that was meant to be read; "" where the learner is still to be asked
	Audio    Attachment `json:"audio"`
	Received time.Time  `json:"received"`
}

// ReplyKind tells apart what a learner can be answered with.
type ReplyKind string

// The kinds of reply.
const (
	ReplyCoaching ReplyKind = "coaching" // an assessment and its rationale
	ReplyAdvice   ReplyKind = "advice"   // the note could not be scored, and what to do about it
	ReplyApology  ReplyKind = "apology"  // our fault; given up

	// These come before a note's answer, at most once each.
	ReplyNotice   ReplyKind = "notice"   // what is stored, at first contact; with buttons where the learner has to say yes
	ReplyQuestion ReplyKind = "question" // which sentence was read
)

// Reply is what is posted in a note's thread. There is exactly one answer to a
// note (coaching, advice or apology), and at most one notice and one question
// before it; note and kind are its identity, so that posting it again is
// harmless.
type Reply struct {
	Note       NoteID      `json:"note"`
	Learner    LearnerID   `json:"learner"`
	Kind       ReplyKind   `json:"kind"`
	Text       string      `json:"text"`              // complete by itself: all that the learner must read
	Reason     Reason      `json:"reason,omitempty"`  // of ReplyAdvice
	Private    bool        `json:"private,omitempty"` // for the learner's eyes only
	Buttons    []Button    `json:"buttons,omitempty"` // on platforms that have them
	Assessment *Assessment `json:"assessment,omitempty"`
	Rationale  *Rationale  `json:"rationale,omitempty"`
}

// Task is a voice note on its way, with everything that was finished so far.
// An attempt starts at the first thing still missing.
type Task struct {
	Note       VoiceNote   `json:"note"`
	Attempt    int         `json:"attempt"` // 1 for the first; counted before any native code runs
	Assessment *Assessment `json:"assessment,omitempty"`
	Reply      *Reply      `json:"reply,omitempty"`
	Posted     bool        `json:"posted,omitempty"`
	Crashes    int         `json:"crashes,omitempty"`    // times that native code was entered for this note and the process never came back
	LastError  string      `json:"last_error,omitempty"` // for the operator; holds nothing of the learner's
	Since      time.Time   `json:"since,omitzero"`       // when it went on after it had waited for its learner
}

// Began is when the service could begin with the note: when it was received,
// or had the answer that it waited for.
func (t *Task) Began() time.Time {
	if !t.Since.IsZero() {
		return t.Since
	}
	return t.Note.Received
}
