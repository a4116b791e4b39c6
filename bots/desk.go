package bots

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Voice speaks a sentence as a model for learners.
type Voice interface {
	Speak(ctx context.Context, text string) (coach.File, error)
}

// Desk is the coach.Desk of all platforms. What it keeps stands on two shelves,
// so any machine of a service can answer anything. The fields are options, to be
// set before its first use; their zero values are useful.
type Desk struct {
	Defaults coach.Rules  // of every place; a limit of 0 is Intake's, below 0 none; retention of 0 is 90 days
	Voice    Voice        // nil: no model voice
	Log      *slog.Logger // of what is not told to who asks; discarded when nil

	// Facts is what the service does with what it learns. What depends on a place
	// or is the desk's own doing (consent, age, retention, how long notes wait and
	// disputes are kept) is filled in.
	Facts prompts.PrivacyFacts

	// Picture draws a learner's progress. Nil: there is no picture.
	Picture func(t prompts.Trend) (*coach.Picture, error)

	// Discard drops a dead letter, when its learner is forgotten; one that is
	// none (any more) is not an error. Nil where dead letters go by themselves.
	Discard func(ctx context.Context, id coach.NoteID) error

	queue            coach.Queue
	audio            coach.AudioHold
	history          coach.History
	lasting, passing coach.Shelf

	mu    sync.Mutex
	rules map[coach.PlaceID]cachedRules
}

var _ coach.Desk = (*Desk)(nil)

// NewDesk returns the desk of a service: of its queue, audio and history, with a
// shelf whose values stay, and one whose values go by themselves after a while,
// which has to be longer than a note is known to the queue.
func NewDesk(queue coach.Queue, audio coach.AudioHold, history coach.History, lasting, passing coach.Shelf) *Desk {
	return &Desk{
		queue: queue, audio: audio, history: history, lasting: lasting, passing: passing,
		rules: map[coach.PlaceID]cachedRules{},
	}
}

// Do is coach.Desk's.
func (d *Desk) Do(ctx context.Context, c coach.Command) (coach.Answer, error) {
	do, known := map[coach.Action]func(context.Context, coach.Command) (coach.Answer, error){
		coach.ActPractice: d.practise,
		coach.ActProgress: d.progress,
		coach.ActHome:     d.home,
		coach.ActSettings: d.settings,
		coach.ActPrivacy:  d.privacy,
		coach.ActConsent:  d.consent,
		coach.ActForget:   d.forget,
		coach.ActExport:   d.export,
		coach.ActHelp:     d.help,
		coach.ActSentence: d.sentence,
		coach.ActDetails:  d.details,
		coach.ActAgain:    d.again,
		coach.ActHear:     d.hear,
		coach.ActDispute:  d.dispute,
		coach.ActSetup:    d.setup,
		coach.ActUsage:    d.showUsage,
	}[c.Action]
	if !known {
		return say(prompts.NotUnderstood()), nil
	}
	if of := c.Values[valueOf]; of != "" && of != mark(c.Learner) {
		return say(prompts.NotYours()), nil
	}
	a, err := do(ctx, c)
	if err != nil {
		return coach.Answer{}, fmt.Errorf("%s: %w", c.Action, err)
	}
	return a, nil
}

// Menu is coach.Desk's.
func (d *Desk) Menu() []coach.Entry { return prompts.Menu() }

// Words is coach.Desk's.
func (d *Desk) Words(err error) string {
	busy := (*coach.Busy)(nil)
	switch {
	case !errors.As(err, &busy):
		return prompts.Advice(err)
	case errors.Is(err, errPerMinute), errors.Is(err, errPerDay):
		return prompts.TooMany(busy.For)
	}
	return prompts.Busy(busy.For)
}

func (d *Desk) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

// The values of commands, beside those of the choices.
const (
	valueOf       = "of" // whose the note is that a button is under: mark of the learner
	valueLevel    = "level"
	valueSound    = "sound"
	valueAnswer   = "answer"
	valueConfirm  = "confirm"
	valueSentence = "sentence"
	valueClaim    = "claim"
)

// say is an answer of one text, for the asker alone.
func say(text string) coach.Answer {
	return coach.Answer{Sections: []coach.Section{{Text: text}}}
}

// button is one for an action, without a note.
func button(label prompts.Button, action coach.Action) coach.Button {
	return coach.Button{Label: string(label), Action: action}
}

// changeAsker changes the record of who asks.
func (d *Desk) changeAsker(ctx context.Context, c coach.Command, f func(r *record) error) (record, error) {
	return d.changeLearner(ctx, c.Learner, func(r *record) error {
		r.seen(c.Place)
		return f(r)
	})
}
