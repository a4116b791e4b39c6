package bots

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// usageRecord counts a place's day, in UTC. Of learners it holds shortened
// hashes, to count each once, and nothing of how they did.
type usageRecord struct {
	Notes     int      `json:"notes,omitempty"`   // that were coached
	Refused   int      `json:"refused,omitempty"` // that were answered with advice
	Failed    int      `json:"failed,omitempty"`  // that we failed
	Disputes  int      `json:"disputes,omitempty"`
	Learners  []string `json:"learners,omitempty"`
	Forgotten int      `json:"forgotten,omitempty"` // learners who are no longer among Learners
}

// usageDays is how long usage is kept.
const usageDays = 60

// mostDaily bounds a day's record; a place with more learners than that a day
// counts so many.
const mostDaily = 20_000

func usagePrefix(place coach.PlaceID) string { return "usage." + hashed(place) + "." }

func usageKey(place coach.PlaceID, at time.Time) string {
	return usagePrefix(place) + at.UTC().Format(time.DateOnly)
}

// usageDay is the day that a key of usageKey is for.
func usageDay(key string) (time.Time, error) {
	return time.Parse(time.DateOnly, key[strings.LastIndexByte(key, '.')+1:])
}

// mark is how a learner is counted.
func mark(id coach.LearnerID) string { return hashed(id)[:12] }

// count counts something that a learner did in a place.
func (d *Desk) count(ctx context.Context, place coach.PlaceID, who coach.LearnerID, what func(u *usageRecord)) error {
	_, err := change(ctx, d.lasting, usageKey(place, time.Now()), func(u *usageRecord) error {
		what(u)
		if m := mark(who); !slices.Contains(u.Learners, m) && len(u.Learners) < mostDaily {
			u.Learners = append(u.Learners, m)
		}
		return nil
	})
	return err
}

// answered keeps that a note was answered. A crash after it counts the note
// once more. What came between a learner's /forget and this is put right: a
// lesson of before is dropped again.
func (d *Desk) answered(ctx context.Context, n coach.VoiceNote, kind coach.ReplyKind) error {
	at, err := load[time.Time](ctx, d.passing, forgotKey(n.Learner))
	if err != nil {
		return err
	}
	if !at.IsZero() && !n.Received.After(at) {
		return d.history.Trim(ctx, n.Learner, at.Add(time.Nanosecond))
	}
	_, err = d.changeLearner(ctx, n.Learner, func(r *record) error {
		if !r.seen(n.Place) {
			return errSame
		}
		return nil
	})
	return errors.Join(err, d.count(ctx, n.Place, n.Learner, func(u *usageRecord) {
		switch kind {
		case coach.ReplyCoaching:
			u.Notes++
		case coach.ReplyAdvice:
			u.Refused++
		default:
			u.Failed++
		}
	}))
}

// buried keeps that a note has become a dead letter, for its learner's /forget.
func (d *Desk) buried(ctx context.Context, n coach.VoiceNote) error {
	_, err := d.changeLearner(ctx, n.Learner, func(r *record) error {
		r.unwait(n.ID)
		if !slices.Contains(r.Buried, n.ID) {
			r.Buried = append(r.Buried, n.ID)
			r.Buried = r.Buried[max(0, len(r.Buried)-mostBuried):]
		}
		return nil
	})
	return errors.Join(err, d.count(ctx, n.Place, n.Learner, func(u *usageRecord) { u.Failed++ }))
}

// Usage is how much mynah was used in a place within some days, without
// anyone's results.
type Usage struct {
	Days     int
	Notes    int // that were coached
	Refused  int // that were answered with advice
	Failed   int // that we failed
	Disputes int
	Learners int // who were active, each counted once; at least so many where some have been forgotten
}

// usage sums the days of a place up, to the latest of each number of days.
func (d *Desk) usage(ctx context.Context, place coach.PlaceID, days ...int) ([]Usage, error) {
	all, err := d.lasting.List(ctx, usagePrefix(place))
	if err != nil {
		return nil, err
	}
	sums := make([]Usage, len(days))
	learners := make([]map[string]bool, len(days))
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for key, value := range all {
		day, err := usageDay(key)
		if err != nil {
			continue // not ours
		}
		var u usageRecord
		if err := json.Unmarshal(value, &u); err != nil {
			return nil, fmt.Errorf("shelf: usage is unreadable: %w", err)
		}
		for i, n := range days {
			if today.Sub(day) >= time.Duration(n)*24*time.Hour {
				continue
			}
			s := &sums[i]
			s.Notes += u.Notes
			s.Refused += u.Refused
			s.Failed += u.Failed
			s.Disputes += u.Disputes
			s.Learners += u.Forgotten
			if learners[i] == nil {
				learners[i] = map[string]bool{}
			}
			for _, l := range u.Learners {
				learners[i][l] = true
			}
		}
	}
	for i, n := range days {
		sums[i].Days = n
		sums[i].Learners += len(learners[i])
	}
	return sums, nil
}

// uncount takes a learner's hash out of a place's usage. The sums stay.
func (d *Desk) uncount(ctx context.Context, place coach.PlaceID, who coach.LearnerID) error {
	all, err := d.lasting.List(ctx, usagePrefix(place))
	if err != nil {
		return err
	}
	m := mark(who)
	var errs []error
	for key, value := range all {
		if !bytes.Contains(value, []byte(m)) {
			continue
		}
		_, err := change(ctx, d.lasting, key, func(u *usageRecord) error {
			n := len(u.Learners)
			if u.Learners = slices.DeleteFunc(u.Learners, func(l string) bool { return l == m }); len(u.Learners) == n {
				return errSame
			}
			u.Forgotten++
			return nil
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// activeDays are the days on which a learner counted in a place.
func (d *Desk) activeDays(ctx context.Context, place coach.PlaceID, who coach.LearnerID) ([]ActiveDay, error) {
	all, err := d.lasting.List(ctx, usagePrefix(place))
	if err != nil {
		return nil, err
	}
	var days []ActiveDay
	for key, value := range all {
		day, err := usageDay(key)
		if err == nil && bytes.Contains(value, []byte(mark(who))) {
			days = append(days, ActiveDay{place, day.Format(time.DateOnly)})
		}
	}
	return days, nil
}
