package bots

import (
	"context"
	"errors"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// forgetLearner drops all that is kept of a learner, everywhere: first the
// notes that are still on their way, by a tombstone that names nobody, then
// what is known already.
func (d *Desk) forgetLearner(ctx context.Context, id coach.LearnerID) error {
	tombstone, err := time.Now().MarshalJSON()
	if err != nil {
		return err
	}
	if err := d.passing.Put(ctx, forgotKey(id), tombstone); err != nil {
		return err
	}
	return d.dropLearner(ctx, id)
}

// dropLearner drops what is known of a learner, their record last, so that a
// dropping that failed on the way finds again what is left.
func (d *Desk) dropLearner(ctx context.Context, id coach.LearnerID) error {
	r, err := d.learner(ctx, id)
	if err != nil {
		return err
	}
	r.ID = id
	errs := []error{d.history.Forget(ctx, id), d.undispute(ctx, r)}
	for place := range r.Places {
		errs = append(errs, d.uncount(ctx, place, id))
	}
	for _, n := range r.Waiting {
		errs = append(errs, d.audio.Release(ctx, n), d.passing.Delete(ctx, noteKey(n)), d.queue.Wake(ctx, n))
	}
	if d.Discard != nil {
		for _, n := range r.Buried {
			errs = append(errs, d.Discard(ctx, n))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return d.lasting.Delete(ctx, learnerKey(id))
}

// Leave is coach.Desk's.
func (d *Desk) Leave(ctx context.Context, place coach.PlaceID) error {
	if place == "" {
		return nil
	}
	tombstone, err := time.Now().MarshalJSON()
	if err != nil {
		return err
	}
	if err := d.passing.Put(ctx, leftKey(place), tombstone); err != nil {
		return err
	}
	errs := []error{d.eachLearner(ctx, func(r record) error {
		if _, here := r.Places[place]; !here {
			return nil
		}
		if len(r.Places) == 1 {
			return d.forgetLearner(ctx, r.ID)
		}
		_, err := d.changeLearner(ctx, r.ID, func(r *record) error {
			delete(r.Places, place)
			return nil
		})
		return err
	})}
	for _, prefix := range []string{disputePrefix(place), usagePrefix(place)} {
		all, err := d.lasting.List(ctx, prefix)
		errs = append(errs, err)
		for key := range all {
			errs = append(errs, d.lasting.Delete(ctx, key))
		}
	}
	errs = append(errs, d.lasting.Delete(ctx, placeKey(place)))
	d.mu.Lock()
	delete(d.rules, place)
	d.mu.Unlock()
	return errors.Join(errs...)
}

// eachLearner calls do for every learner, and goes on when one fails.
func (d *Desk) eachLearner(ctx context.Context, do func(r record) error) error {
	all, err := d.lasting.List(ctx, "learner.")
	if err != nil {
		return err
	}
	var errs []error
	for key := range all {
		r, err := load[record](ctx, d.lasting, key)
		if err == nil && r.ID != "" { // else forgotten meanwhile
			err = do(r)
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// Sweep drops what has been kept for long enough: lessons beyond the shortest
// retention of their learner's places, records of learners who have not been
// seen for longer than that, disputes of a year ago, and old usage. It is to be
// called every hour or so; twice is harmless.
func (d *Desk) Sweep(ctx context.Context) error {
	now := time.Now()
	errs := []error{d.eachLearner(ctx, func(r record) error {
		days, err := d.retention(ctx, r)
		if err != nil {
			return err
		}
		before := now.AddDate(0, 0, -days)
		if seen := r.lastSeen(); r.Consent != no && len(r.Waiting) == 0 && seen.Before(before) && !seen.IsZero() {
			return d.dropLearner(ctx, r.ID) // a note of theirs may be on its way
		}
		return d.history.Trim(ctx, r.ID, before)
	})}
	usage, err := d.lasting.List(ctx, "usage.")
	errs = append(errs, err)
	for key := range usage {
		if day, err := usageDay(key); err == nil && now.Sub(day) > usageDays*24*time.Hour {
			errs = append(errs, d.lasting.Delete(ctx, key))
		}
	}
	disputes, err := d.lasting.List(ctx, "dispute.")
	errs = append(errs, err)
	for key := range disputes {
		if v, err := load[Dispute](ctx, d.lasting, key); err == nil && now.Sub(v.At) > disputeDays*24*time.Hour {
			errs = append(errs, d.lasting.Delete(ctx, key))
		}
	}
	return errors.Join(errs...)
}

// retention is for how many days a learner's lessons are kept: the fewest that
// any of their places asks for.
func (d *Desk) retention(ctx context.Context, r record) (int, error) {
	days := d.defaults().RetentionDays
	for place := range r.Places {
		rules, err := d.Rules(ctx, place)
		if err != nil {
			return 0, err
		}
		days = min(days, rules.RetentionDays)
	}
	return days, nil
}
