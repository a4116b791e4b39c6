package bots

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// privacy says what is kept of the asker, and where.
func (d *Desk) privacy(ctx context.Context, c coach.Command) (coach.Answer, error) {
	rules, err := d.Rules(ctx, c.Place)
	if err != nil {
		return coach.Answer{}, err
	}
	return coach.Answer{
		Sections: prompts.Privacy(d.facts(rules)),
		Buttons:  []coach.Button{button(prompts.ButtonExport, coach.ActExport), button(prompts.ButtonForget, coach.ActForget)},
	}, nil
}

// forget drops all that is kept of the asker, once they have confirmed it.
func (d *Desk) forget(ctx context.Context, c coach.Command) (coach.Answer, error) {
	switch answer(c.Values[valueConfirm]) {
	case yes:
		if err := d.forgetLearner(ctx, c.Learner); err != nil {
			return coach.Answer{}, err
		}
		return say(prompts.Forgotten()), nil
	case no:
		return say(prompts.ForgetKept()), nil
	}
	lessons, err := d.history.Earlier(ctx, c.Learner, -1)
	if err != nil {
		return coach.Answer{}, err
	}
	confirms := func(label prompts.Button, a answer, style coach.ButtonStyle) coach.Button {
		return coach.Button{Label: string(label), Action: coach.ActForget, Name: valueConfirm, Value: string(a), Style: style}
	}
	a := say(prompts.ForgetQuestion(len(lessons)))
	a.Buttons = []coach.Button{
		confirms(prompts.ButtonForget, yes, coach.StyleDanger),
		confirms(prompts.ButtonKeep, no, coach.StylePlain),
		button(prompts.ButtonExport, coach.ActExport),
	}
	return a, nil
}

// Export is everything that is kept of a learner, as they get it.
type Export struct {
	Schema   string                 `json:"schema"` // "mynah.export/1"
	At       time.Time              `json:"exported_at"`
	Learner  record                 `json:"learner"`            // settings, consent, places, the open prompt
	Lessons  []coach.Lesson         `json:"lessons"`            // newest first
	Disputes []Dispute              `json:"disputes,omitempty"` // oldest first
	Waiting  map[coach.NoteID]visit `json:"waiting,omitempty"`  // notes that wait for an answer of the learner's; their recordings are held until then
	Active   []ActiveDay            `json:"active_days,omitempty"`
}

// ActiveDay is a day on which a learner counted among a place's active ones.
type ActiveDay struct {
	Place coach.PlaceID `json:"place"`
	Day   string        `json:"day"`
}

// exportSchema names the form of an Export.
const exportSchema = "mynah.export/1"

// export gives the asker everything that is kept of them.
func (d *Desk) export(ctx context.Context, c coach.Command) (coach.Answer, error) {
	e, err := d.exportOf(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return coach.Answer{}, err
	}
	a := say(prompts.Exported())
	a.Files = []coach.File{{Name: "mynah-export-" + e.At.Format(time.DateOnly) + ".json", ContentType: "application/json", Data: append(b, '\n')}}
	return a, nil
}

func (d *Desk) exportOf(ctx context.Context, id coach.LearnerID) (e Export, err error) {
	e = Export{Schema: exportSchema, At: time.Now().UTC().Truncate(time.Second), Waiting: map[coach.NoteID]visit{}}
	if e.Learner, err = d.learner(ctx, id); err != nil {
		return e, err
	}
	e.Learner.ID = id
	if e.Lessons, err = d.history.Earlier(ctx, id, -1); err != nil {
		return e, err
	}
	disputes, err := d.disputesOf(ctx, e.Learner)
	if err != nil {
		return e, err
	}
	for _, b := range disputes {
		var v Dispute
		if err := json.Unmarshal(b, &v); err != nil {
			return e, fmt.Errorf("shelf: a dispute is unreadable: %w", err)
		}
		e.Disputes = append(e.Disputes, v)
	}
	slices.SortFunc(e.Disputes, func(a, b Dispute) int { return a.At.Compare(b.At) })
	for _, n := range e.Learner.Waiting {
		if e.Waiting[n], err = load[visit](ctx, d.passing, noteKey(n)); err != nil {
			return e, err
		}
	}
	for place := range e.Learner.Places {
		days, err := d.activeDays(ctx, place, id)
		if err != nil {
			return e, err
		}
		e.Active = append(e.Active, days...)
	}
	slices.SortFunc(e.Active, func(a, b ActiveDay) int { return strings.Compare(a.Day+string(a.Place), b.Day+string(b.Place)) })
	return e, nil
}
