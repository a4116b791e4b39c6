package bots

import (
	"context"
	"errors"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// visit is what the desk knows of a note that is not an ordinary one: it waits
// for its learner, or was deleted.
type visit struct {
	Learner   coach.LearnerID `json:"learner,omitempty"`
	Withdrawn bool            `json:"withdrawn,omitempty"`
	Parked    time.Time       `json:"parked,omitzero"` // when it first waited for consent
	Held      time.Time       `json:"held,omitzero"`   // when it first waited for its sentence
	Asked     bool            `json:"asked,omitempty"` // the question for the sentence is posted
	Sentence  string          `json:"sentence,omitempty"`
}

// stage is how far a note has come with the desk.
type stage int

const (
	passes        stage = iota
	gone                // it is to be dropped: deleted, forgotten, not wanted, or waited in vain
	needsNotice         // its learner is to be told what is stored
	needsConsent        // ... and to be asked
	needsSentence       // its learner is to be asked what they read
)

// stands looks where a note is. It changes nothing.
func (d *Desk) stands(ctx context.Context, n coach.VoiceNote) (stage, visit, error) {
	v, err := load[visit](ctx, d.passing, noteKey(n.ID))
	if err != nil {
		return gone, v, err
	}
	dropped, err := d.dropped(ctx, n, v)
	if err != nil || dropped {
		return gone, v, err
	}
	r, err := d.learner(ctx, n.Learner)
	if err != nil {
		return gone, v, err
	}
	rules, err := d.Rules(ctx, n.Place)
	if err != nil {
		return gone, v, err
	}
	switch {
	case r.Consent == no:
		return gone, v, nil
	case r.Consent == yes:
	case rules.Consent == coach.ConsentOptIn:
		if late(v.Parked) {
			return gone, v, nil
		}
		return needsConsent, v, nil
	case r.Notice == nil || !r.Notice.Told:
		return needsNotice, v, nil
	}
	if n.Text == "" && v.Sentence == "" {
		if late(v.Held) {
			return gone, v, nil
		}
		return needsSentence, v, nil
	}
	return passes, v, nil
}

// late reports whether a note that began to wait then has waited in vain.
func late(began time.Time) bool { return !began.IsZero() && time.Since(began) >= Wait }

// dropped reports whether a note was deleted, or came before its learner was
// forgotten or its place left.
func (d *Desk) dropped(ctx context.Context, n coach.VoiceNote, v visit) (bool, error) {
	if v.Withdrawn {
		return true, nil
	}
	forgotten, err := d.since(ctx, forgotKey(n.Learner), n.Received)
	if err != nil || forgotten || n.Place == "" {
		return forgotten, err
	}
	return d.since(ctx, leftKey(n.Place), n.Received)
}

// unwanted reports whether a note that had passed is to be dropped after all.
func (d *Desk) unwanted(ctx context.Context, n coach.VoiceNote) (bool, error) {
	v, err := load[visit](ctx, d.passing, noteKey(n.ID))
	if err != nil {
		return false, err
	}
	if dropped, err := d.dropped(ctx, n, v); err != nil || dropped {
		return dropped, err
	}
	r, err := d.learner(ctx, n.Learner)
	return r.Consent == no, err
}

// greet makes a note the one below which its learner reads the notice of a
// kind, if none is, and says whether it is this one and was posted already. With
// ConsentOptIn the note waits then. As one step, so that of several notes one
// does it.
func (d *Desk) greet(ctx context.Context, n coach.VoiceNote, kind coach.Consent) (mine, told bool, err error) {
	if kind == coach.ConsentOptIn {
		_, err := change(ctx, d.passing, noteKey(n.ID), func(v *visit) error {
			if !v.Parked.IsZero() {
				return errSame
			}
			v.Learner, v.Parked = n.Learner, time.Now()
			return nil
		})
		if err != nil {
			return false, false, err
		}
	}
	var tooMany []coach.NoteID
	_, err = d.changeLearner(ctx, n.Learner, func(r *record) error {
		changed := r.seen(n.Place)
		if kind == coach.ConsentOptIn && r.Consent == unanswered {
			var waits bool
			tooMany, waits = r.wait(n.ID)
			changed = changed || waits
		}
		if r.Notice == nil || r.Notice.stale(n.ID, kind) {
			r.Notice = &notice{Note: n.ID, Kind: kind, At: time.Now()}
			changed = true
		}
		mine, told = r.Notice.Note == n.ID, r.Notice.Told
		if !changed {
			return errSame
		}
		return nil
	})
	return mine, told, errors.Join(err, d.withdrawAll(ctx, tooMany))
}

// stale reports whether another note takes the notice on.
func (s *notice) stale(id coach.NoteID, kind coach.Consent) bool {
	age := time.Since(s.At)
	switch {
	case s.Note == id:
		return false
	case s.Kind != kind:
		return true
	case !s.Told:
		return age >= takeOver
	}
	return kind == coach.ConsentOptIn && age >= askAgain
}

// told notes that the notice below a note is posted.
func (d *Desk) told(ctx context.Context, n coach.VoiceNote) error {
	_, err := d.changeLearner(ctx, n.Learner, func(r *record) error {
		if r.Notice == nil || r.Notice.Note != n.ID || r.Notice.Told {
			return errSame
		}
		r.Notice.Told = true
		return nil
	})
	return err
}

// await notes that a note waits for its sentence.
func (d *Desk) await(ctx context.Context, n coach.VoiceNote) error {
	_, err := change(ctx, d.passing, noteKey(n.ID), func(v *visit) error {
		if !v.Held.IsZero() {
			return errSame
		}
		v.Learner, v.Held = n.Learner, time.Now()
		return nil
	})
	if err != nil {
		return err
	}
	var tooMany []coach.NoteID
	_, err = d.changeLearner(ctx, n.Learner, func(r *record) error {
		changed, waits := r.seen(n.Place), false
		if tooMany, waits = r.wait(n.ID); !waits && !changed {
			return errSame
		}
		return nil
	})
	return errors.Join(err, d.withdrawAll(ctx, tooMany))
}

// withdrawAll drops the oldest of a learner who answers nothing.
func (d *Desk) withdrawAll(ctx context.Context, ids []coach.NoteID) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, d.Withdraw(ctx, id))
	}
	return errors.Join(errs...)
}

// asked notes that the question for a note's sentence is posted.
func (d *Desk) asked(ctx context.Context, n coach.VoiceNote) error {
	_, err := change(ctx, d.passing, noteKey(n.ID), func(v *visit) error {
		if v.Asked {
			return errSame
		}
		v.Asked = true
		return nil
	})
	return err
}

// arrived notes that a note waits no more, because it passed or is dropped. A
// question for consent goes with a note that is dropped: another of the
// learner's may ask it.
func (d *Desk) arrived(ctx context.Context, n coach.VoiceNote, dropped bool) error {
	r, err := d.learner(ctx, n.Learner)
	if err != nil || r.ID == "" {
		return err // nothing is kept of them: no note of theirs waits
	}
	orphaned := false
	r, err = d.changeLearner(ctx, n.Learner, func(r *record) error {
		changed := r.unwait(n.ID)
		orphaned = dropped && r.Consent == unanswered && r.Notice != nil && r.Notice.Note == n.ID &&
			(r.Notice.Kind == coach.ConsentOptIn || !r.Notice.Told)
		if orphaned {
			r.Notice = nil
		}
		if !changed && !orphaned {
			return errSame
		}
		return nil
	})
	if err != nil {
		return err
	}
	if dropped { // its sentence with it
		_, err = change(ctx, d.passing, noteKey(n.ID), func(v *visit) error {
			if v.Sentence == "" {
				return errSame
			}
			v.Sentence = ""
			return nil
		})
	}
	if orphaned {
		err = errors.Join(err, d.wake(ctx, r.Waiting))
	}
	return err
}

// wake wakes notes.
func (d *Desk) wake(ctx context.Context, ids []coach.NoteID) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, d.queue.Wake(ctx, id))
	}
	return errors.Join(errs...)
}

// Withdraw is coach.Desk's.
func (d *Desk) Withdraw(ctx context.Context, id coach.NoteID) error {
	_, err := change(ctx, d.passing, noteKey(id), func(v *visit) error {
		v.Withdrawn, v.Sentence = true, ""
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(d.audio.Release(ctx, id), d.queue.Wake(ctx, id))
}
