package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Dispute is a learner's word that something mynah said of a note is wrong. It
// holds what was claimed, of which sound or aspect, and nothing of who said it.
type Dispute struct {
	Place      coach.PlaceID   `json:"place,omitempty"`
	Note       coach.NoteID    `json:"note"`
	Claim      string          `json:"claim"` // its ID in the note's rationale, or "other"
	Kind       coach.ClaimKind `json:"kind,omitempty"`
	Aspect     coach.Aspect    `json:"aspect,omitempty"`
	Label      coach.Label     `json:"label,omitempty"`
	Confidence float64         `json:"confidence,omitempty"`
	Expected   coach.Phoneme   `json:"expected,omitempty"`
	Heard      coach.Phoneme   `json:"heard,omitempty"`
	Model      string          `json:"model,omitempty"`
	At         time.Time       `json:"at"`
}

// disputeDays is how long disputes are kept.
const disputeDays = 365

func disputePrefix(place coach.PlaceID) string { return "dispute." + hashed(place) + "." }

// disputed keeps a dispute; the same one again changes nothing.
func (d *Desk) disputed(ctx context.Context, who coach.LearnerID, v Dispute) error {
	key := disputePrefix(v.Place) + hashed(who) + "." + hashed(v.Note) + "-" + v.Claim
	fresh := false
	_, err := change(ctx, d.lasting, key, func(old *Dispute) error {
		if fresh = old.At.IsZero(); !fresh {
			return errSame
		}
		*old = v
		return nil
	})
	if err != nil || !fresh {
		return err
	}
	return d.count(ctx, v.Place, who, func(u *usageRecord) { u.Disputes++ })
}

// Disputes lists what learners of a place said is wrong, oldest first; of all
// places where place is "". A CLI shows it to the owner, who may look for what
// the model gets wrong.
func (d *Desk) Disputes(ctx context.Context, place coach.PlaceID) ([]Dispute, error) {
	prefix := "dispute."
	if place != "" {
		prefix = disputePrefix(place)
	}
	all, err := d.lasting.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var list []Dispute
	for _, b := range all {
		var v Dispute
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("shelf: a dispute is unreadable: %w", err)
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b Dispute) int { return a.At.Compare(b.At) })
	return list, nil
}

// disputesOf lists a learner's own, by key.
func (d *Desk) disputesOf(ctx context.Context, r record) (map[string][]byte, error) {
	all := map[string][]byte{}
	for place := range r.Places {
		some, err := d.lasting.List(ctx, disputePrefix(place)+hashed(r.ID)+".")
		if err != nil {
			return nil, err
		}
		for key, b := range some {
			all[key] = b
		}
	}
	return all, nil
}

// undispute drops all of a learner's disputes.
func (d *Desk) undispute(ctx context.Context, r record) error {
	all, err := d.disputesOf(ctx, r)
	if err != nil {
		return err
	}
	var errs []error
	for key := range all {
		errs = append(errs, d.lasting.Delete(ctx, key))
	}
	return errors.Join(errs...)
}

// mostButtons is how many buttons every platform shows in a row.
const mostButtons = 5

// dispute keeps that something said of a note is wrong. Where several things
// were said it asks which; it never argues.
func (d *Desk) dispute(ctx context.Context, c coach.Command) (coach.Answer, error) {
	l, refused, err := d.lesson(ctx, c)
	if err != nil || refused != "" {
		return say(refused), err
	}
	id := c.Values[valueClaim]
	options := prompts.DisputeOptions(l.Rationale, l.Assessment, mostButtons)
	if id == "" && len(options) > 2 {
		a := say(prompts.DisputeQuestion())
		for _, o := range options {
			a.Buttons = append(a.Buttons, coach.Button{
				Label: string(prompts.ButtonOf(o.Label)), Action: coach.ActDispute, Note: c.Note, Name: valueClaim, Value: o.Value,
			})
		}
		return a, nil
	}
	if id == "" {
		id = options[0].Value
	}
	if !isOption(options, id) {
		return say(prompts.NotUnderstood()), nil
	}
	v := Dispute{Place: c.Place, Note: c.Note, Claim: id, Model: l.Assessment.Model, At: time.Now().UTC()}
	for _, claim := range l.Rationale.Claims {
		if claim.ID == id {
			v.Kind, v.Aspect, v.Label, v.Confidence = claim.Kind, claim.Aspect, claim.Label, claim.Confidence
			v.Expected, v.Heard = claim.Expected, claim.Heard
		}
	}
	// The record names the place, which is how a /forget finds the dispute.
	if _, err := d.changeAsker(ctx, c, func(*record) error { return nil }); err != nil {
		return coach.Answer{}, err
	}
	if err := d.disputed(ctx, c.Learner, v); err != nil {
		return coach.Answer{}, err
	}
	return say(prompts.DisputeThanks()), nil
}
