package bots

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
)

// Intake is the coach.Inbox that adapters get: it keeps a learner from sending
// more than is fair, and a sentence from growing without bound, before anything
// is stored. It counts in memory, in this process alone. The fields are
// options, to be set before the first Accept.
type Intake struct {
	PerMinute int // notes of one learner within a minute; 6 when 0, no limit when negative
	PerDay    int // within 24 hours; 60 when 0, no limit when negative
	MaxText   int // characters of the sentence that are kept, and one more; 4,000 when 0

	// Rules, where set, has the limits of a place, in the stead of the two above
	// (Desk.Rules). Where it fails they hold.
	Rules func(ctx context.Context, place coach.PlaceID) (coach.Rules, error)

	inbox coach.Inbox

	mu      sync.Mutex
	recent  map[coach.LearnerID][]taken // oldest first, none older than a day
	cleaned time.Time
}

// taken is a note that was let in.
type taken struct {
	id coach.NoteID
	at time.Time
}

var _ coach.Inbox = (*Intake)(nil)

// NewIntake returns an Intake before inbox.
func NewIntake(inbox coach.Inbox) *Intake {
	return &Intake{inbox: inbox, recent: map[coach.LearnerID][]taken{}}
}

var (
	errPerMinute = errors.New("more notes in a minute than a learner may send")
	errPerDay    = errors.New("more notes in a day than a learner may send")
)

// Accept hands the note on. A learner over the limits gets *coach.Busy; a note
// that was let in before is handed on again without being counted, for a
// platform repeats what it thinks unheard. A sentence that is too long is cut
// to where it is still too long, for the scorer to say so.
func (i *Intake) Accept(ctx context.Context, note coach.VoiceNote) error {
	perMinute, perDay := i.limits(ctx, note.Place)
	fresh, err := i.admit(note, time.Now(), perMinute, perDay)
	if err != nil {
		return err
	}
	note.Text = clip(strings.ToValidUTF8(note.Text, "\uFFFD"), i.maxText()+1)
	err = i.inbox.Accept(ctx, note)
	if err != nil && fresh {
		i.withdraw(note)
	}
	return err
}

// limits are those of a place, a minute's and a day's.
func (i *Intake) limits(ctx context.Context, place coach.PlaceID) (perMinute, perDay int) {
	if i.Rules != nil {
		if r, err := i.Rules(ctx, place); err == nil {
			return orDefault(r.PerMinute, defaultPerMinute), orDefault(r.PerDay, defaultPerDay)
		}
	}
	return orDefault(i.PerMinute, defaultPerMinute), orDefault(i.PerDay, defaultPerDay)
}

// What a learner may send where nothing else is said.
const (
	defaultPerMinute = 6
	defaultPerDay    = 60
)

// admit counts the note, if it is a fresh one and its learner may send it.
func (i *Intake) admit(note coach.VoiceNote, now time.Time, perMinute, perDay int) (fresh bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clean(now)
	recent := within(i.recent[note.Learner], now, 24*time.Hour)
	for _, t := range recent {
		if t.id == note.ID {
			return false, nil
		}
	}
	for _, limit := range []struct {
		n      int
		window time.Duration
		cause  error
	}{
		{perDay, 24 * time.Hour, errPerDay},
		{perMinute, time.Minute, errPerMinute},
	} {
		in := within(recent, now, limit.window)
		if limit.n >= 0 && len(in) >= limit.n {
			// The window has room again once the n-th latest has left it.
			return false, &coach.Busy{For: in[len(in)-limit.n].at.Add(limit.window).Sub(now), Cause: limit.cause}
		}
	}
	i.recent[note.Learner] = append(recent, taken{note.ID, now})
	return true, nil
}

// withdraw takes back the count of a note that was not accepted after all.
func (i *Intake) withdraw(note coach.VoiceNote) {
	i.mu.Lock()
	defer i.mu.Unlock()
	recent := i.recent[note.Learner]
	for k, t := range recent {
		if t.id == note.ID {
			i.recent[note.Learner] = append(recent[:k:k], recent[k+1:]...)
			return
		}
	}
}

// clean forgets learners who have not been seen for a day.
func (i *Intake) clean(now time.Time) {
	if now.Sub(i.cleaned) < time.Hour {
		return
	}
	i.cleaned = now
	for learner, recent := range i.recent {
		if recent = within(recent, now, 24*time.Hour); len(recent) == 0 {
			delete(i.recent, learner)
		} else {
			i.recent[learner] = recent
		}
	}
}

// within returns the part of recent that is younger than a window.
func within(recent []taken, now time.Time, window time.Duration) []taken {
	for k, t := range recent {
		if now.Sub(t.at) < window {
			return recent[k:]
		}
	}
	return nil
}

func (i *Intake) maxText() int { return orDefault(i.MaxText, 4000) }

func orDefault(n, d int) int {
	if n == 0 {
		return d
	}
	return n
}

// clip returns the first n characters of s.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[end:])
		if end += size; end == len(s) {
			break
		}
	}
	return s[:end]
}
