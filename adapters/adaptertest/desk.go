package adaptertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Desk is the coach.Desk that a Harness's adapters are made with: it remembers
// what it is asked, and answers what a case tells it to. Safe for concurrent
// use.
type Desk struct {
	mu        sync.Mutex
	changed   chan struct{} // closed at the next change
	asked     []coach.Command
	withdrawn []coach.NoteID
	left      []coach.PlaceID
	answer    func(coach.Command) (coach.Answer, error)
	prompts   map[coach.LearnerID]string
	rules     coach.Rules
}

var _ coach.Desk = (*Desk)(nil)

// NewDesk returns a desk that answers everything with "Here you are."
func NewDesk() *Desk {
	return &Desk{changed: make(chan struct{}), prompts: map[coach.LearnerID]string{}}
}

// change makes a change and wakes whoever waits for one.
func (d *Desk) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.changed)
	d.changed = make(chan struct{})
}

// Do is coach.Desk's.
func (d *Desk) Do(_ context.Context, c coach.Command) (coach.Answer, error) {
	d.change(func() { d.asked = append(d.asked, c) })
	d.mu.Lock()
	answer := d.answer
	d.mu.Unlock()
	if answer == nil {
		return say("Here you are."), nil
	}
	return answer(c)
}

// Menu is coach.Desk's: a command of each sort.
func (d *Desk) Menu() []coach.Entry {
	return []coach.Entry{
		{Action: coach.ActPractice, Description: "A sentence to read aloud", Parameters: []coach.Parameter{
			{Name: "level", Description: "How hard it may be", Options: []coach.Option{
				{Value: "beginner", Label: "Beginner"}, {Value: "advanced", Label: "Advanced"},
			}},
			{Name: "sound", Description: "A sound that it should have", Options: []coach.Option{
				{Value: "th", Label: "th as in think"}, {Value: "r", Label: "r as in red"},
			}},
		}},
		{Action: coach.ActProgress, Description: "How you are getting on"},
		{Action: coach.ActSettings, Description: "Your settings"},
		{Action: coach.ActPrivacy, Description: "What is stored of you"},
		{Action: coach.ActForget, Description: "Delete everything that is stored of you"},
		{Action: coach.ActExport, Description: "Everything that is stored of you, as a file"},
		{Action: coach.ActHelp, Description: "What I can do"},
		{Action: coach.ActSetup, Description: "How mynah works here", Admin: true},
		{Action: coach.ActUsage, Description: "How much mynah is used here", Admin: true},
	}
}

// What the desk says of errors.
const (
	busyWords    = "I am answering many people just now. Please try again in a minute."
	apologyWords = "Sorry, something went wrong on my side."
)

// Words is coach.Desk's.
func (d *Desk) Words(err error) string {
	if busy := (*coach.Busy)(nil); errors.As(err, &busy) {
		return busyWords
	}
	return apologyWords
}

// Prompt is coach.Desk's.
func (d *Desk) Prompt(_ context.Context, learner coach.LearnerID) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.prompts[learner], nil
}

// Rules is coach.Desk's.
func (d *Desk) Rules(context.Context, coach.PlaceID) (coach.Rules, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rules, nil
}

// Withdraw is coach.Desk's.
func (d *Desk) Withdraw(_ context.Context, id coach.NoteID) error {
	d.change(func() { d.withdrawn = append(d.withdrawn, id) })
	return nil
}

// Leave is coach.Desk's.
func (d *Desk) Leave(_ context.Context, place coach.PlaceID) error {
	d.change(func() { d.left = append(d.left, place) })
	return nil
}

// Left returns the places that the desk was told of leaving.
func (d *Desk) Left() []coach.PlaceID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.left)
}

// Asked returns what the desk was asked, oldest first.
func (d *Desk) Asked() []coach.Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// Withdrawn returns the notes that the desk was told of.
func (d *Desk) Withdrawn() []coach.NoteID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.withdrawn)
}

// Answer makes the desk answer as f does.
func (d *Desk) Answer(f func(coach.Command) (coach.Answer, error)) {
	d.change(func() { d.answer = f })
}

// Open opens a practice prompt for a learner.
func (d *Desk) Open(learner coach.LearnerID, sentence string) {
	d.change(func() { d.prompts[learner] = sentence })
}

// SetRules sets what holds in every place.
func (d *Desk) SetRules(r coach.Rules) { d.change(func() { d.rules = r }) }

// wait waits until a condition on the desk holds.
func (d *Desk) wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// say is an answer of one text.
func say(text string) coach.Answer {
	return coach.Answer{Sections: []coach.Section{{Text: text}}}
}
