package bots

import (
	"context"
	"slices"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// record is what the desk keeps of a learner, beside their lessons.
type record struct {
	ID      coach.LearnerID             `json:"id"`
	Places  map[coach.PlaceID]time.Time `json:"places,omitempty"` // when they were last seen there, to the hour
	Consent answer                      `json:"consent,omitempty"`
	Said    time.Time                   `json:"said,omitzero"` // when Consent was answered
	Notice  *notice                     `json:"notice,omitempty"`
	Waiting []coach.NoteID              `json:"waiting,omitempty"` // notes that wait for an answer of theirs
	Buried  []coach.NoteID              `json:"buried,omitempty"`  // notes that became dead letters

	Explanations string `json:"explanations,omitempty"` // "short"; full where empty
	Replies      string `json:"replies,omitempty"`      // "thread" or "me"; as the place has it where empty
	Level        string `json:"level,omitempty"`        // that they chose

	Prompt *prompt  `json:"prompt,omitempty"` // the open one
	Recent []string `json:"recent,omitempty"` // hashes of the latest practice sentences, newest last
}

// answer is a learner's to whether their notes may be scored.
type answer string

const (
	unanswered answer = ""
	yes        answer = "yes"
	no         answer = "no"
)

// notice is what a learner is told at first contact, below one note of theirs.
type notice struct {
	Note coach.NoteID  `json:"note"`
	Kind coach.Consent `json:"kind"`           // with ConsentOptIn it asks
	At   time.Time     `json:"at"`             // when the note took it on
	Told bool          `json:"told,omitempty"` // it was posted
}

// prompt is a sentence that the learner was asked to read.
type prompt struct {
	Sentence string    `json:"sentence"`
	Until    time.Time `json:"until"`
}

// Wait is how long a note waits for its learner's answer, and its recording is
// held for it, before it is dropped.
const Wait = 7 * 24 * time.Hour

const (
	promptOpen  = 24 * time.Hour  // for which a practice prompt stays open
	retryOpen   = time.Hour       // for which a note's own sentence does
	takeOver    = 2 * time.Minute // after which another note posts a notice that is not there yet
	askAgain    = 24 * time.Hour  // after which a new note asks for consent again
	mostWaiting = 20              // notes of one learner, that nobody fills the queue with what is never answered
	mostBuried  = 100
	mostRecent  = 40
)

func (d *Desk) learner(ctx context.Context, id coach.LearnerID) (record, error) {
	return load[record](ctx, d.lasting, learnerKey(id))
}

// changeLearner changes a learner's record, which is made where there is none.
func (d *Desk) changeLearner(ctx context.Context, id coach.LearnerID, f func(r *record) error) (record, error) {
	return change(ctx, d.lasting, learnerKey(id), func(r *record) error {
		r.ID = id
		return f(r)
	})
}

// seen notes that the learner is one of a place's. It reports a change.
func (r *record) seen(place coach.PlaceID) bool {
	now := time.Now()
	if now.Sub(r.Places[place]) < time.Hour {
		return false
	}
	if r.Places == nil {
		r.Places = map[coach.PlaceID]time.Time{}
	}
	r.Places[place] = now.UTC().Truncate(time.Hour)
	return true
}

// wait puts a note among those that wait, and returns the ones that are now too
// many. It reports a change.
func (r *record) wait(id coach.NoteID) (tooMany []coach.NoteID, changed bool) {
	if slices.Contains(r.Waiting, id) {
		return nil, false
	}
	r.Waiting = append(r.Waiting, id)
	over := max(0, len(r.Waiting)-mostWaiting)
	tooMany, r.Waiting = r.Waiting[:over:over], r.Waiting[over:]
	return tooMany, true
}

// unwait takes a note out of those that wait. It reports a change.
func (r *record) unwait(id coach.NoteID) bool {
	n := len(r.Waiting)
	r.Waiting = slices.DeleteFunc(r.Waiting, func(w coach.NoteID) bool { return w == id })
	return len(r.Waiting) < n
}

// lastSeen is when the learner was last seen anywhere.
func (r *record) lastSeen() time.Time {
	var last time.Time
	for _, at := range r.Places {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// prompted is the sentence of the open prompt, "" where none is.
func (r *record) prompted() string {
	if r.Prompt == nil || !time.Now().Before(r.Prompt.Until) {
		return ""
	}
	return r.Prompt.Sentence
}

// Prompt is coach.Desk's.
func (d *Desk) Prompt(ctx context.Context, learner coach.LearnerID) (string, error) {
	r, err := d.learner(ctx, learner)
	return r.prompted(), err
}

// style is how a learner wants to be answered in a place.
type style struct {
	short, private bool
}

func (d *Desk) style(ctx context.Context, id coach.LearnerID, place coach.PlaceID) (style, error) {
	r, err := d.learner(ctx, id)
	if err != nil {
		return style{}, err
	}
	rules, err := d.Rules(ctx, place)
	if err != nil {
		return style{}, err
	}
	return style{short: r.Explanations == "short", private: r.private(rules)}, nil
}

// private reports whether replies go to the learner alone.
func (r *record) private(rules coach.Rules) bool {
	switch r.Replies {
	case "me":
		return true
	case "thread":
		return false
	}
	return rules.Private
}
