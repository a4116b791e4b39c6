package bots

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// consent keeps the asker's answer to whether their notes may be scored, and
// wakes those that waited for it.
func (d *Desk) consent(ctx context.Context, c coach.Command) (coach.Answer, error) {
	said := answer(c.Values[valueAnswer])
	if said != yes && said != no {
		return say(prompts.NotUnderstood()), nil
	}
	if c.Note != "" {
		v, err := load[visit](ctx, d.passing, noteKey(c.Note))
		if err != nil {
			return coach.Answer{}, err
		}
		if v.Learner != "" && v.Learner != c.Learner {
			return say(prompts.NotYours()), nil
		}
	}
	r, err := d.changeAsker(ctx, c, func(r *record) error {
		r.Consent, r.Said = said, time.Now()
		return nil
	})
	if err != nil {
		return coach.Answer{}, err
	}
	if err := d.wake(ctx, r.Waiting); err != nil {
		return coach.Answer{}, err
	}
	if said == no {
		return say(prompts.Declined()), nil
	}
	return say(prompts.Consented(len(r.Waiting) > 0)), nil
}

// mostSentence bounds what is kept of a sentence, in characters; the scorer
// takes fewer, and says so.
const mostSentence = 4001

// sentence takes the sentence of a note that waits for it, or asks for it.
func (d *Desk) sentence(ctx context.Context, c coach.Command) (coach.Answer, error) {
	text := clip(strings.Join(strings.Fields(strings.ToValidUTF8(c.Values[valueSentence], "\uFFFD")), " "), mostSentence)
	v, err := load[visit](ctx, d.passing, noteKey(c.Note))
	if err != nil {
		return coach.Answer{}, err
	}
	if v.Sentence != "" && v.Learner == c.Learner {
		return d.sentenceAgain(ctx, c)
	}
	if refused := v.refuses(c.Learner); refused != "" {
		return say(refused), nil
	}
	if text == "" {
		return coach.Answer{Form: prompts.SentenceForm(c.Note)}, nil
	}
	refused := ""
	_, err = change(ctx, d.passing, noteKey(c.Note), func(v *visit) error {
		if refused = v.refuses(c.Learner); refused != "" {
			return errSame
		}
		v.Sentence = text
		return nil
	})
	if err != nil || refused != "" {
		return say(refused), err
	}
	if err := d.queue.Wake(ctx, c.Note); err != nil {
		return coach.Answer{}, err
	}
	// What the learner sends next is probably the same sentence once more.
	_, err = d.changeAsker(ctx, c, func(r *record) error {
		r.open(text, retryOpen)
		return nil
	})
	return say(prompts.SentenceTaken()), err
}

// sentenceAgain is for a note whose sentence is known: its learner asks once more
// where they were not answered. The crash that kept the answer from them may have
// come before the note was woken, too.
func (d *Desk) sentenceAgain(ctx context.Context, c coach.Command) (coach.Answer, error) {
	r, err := d.learner(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	if !slices.Contains(r.Waiting, c.Note) {
		return say(prompts.SentenceLate()), nil
	}
	if err := d.queue.Wake(ctx, c.Note); err != nil {
		return coach.Answer{}, err
	}
	return say(prompts.SentenceTaken()), nil
}

// refuses says why a note takes no sentence from a learner, "" where it does.
func (v *visit) refuses(learner coach.LearnerID) string {
	switch {
	case v.Learner != "" && v.Learner != learner:
		return prompts.NotYours()
	case v.Held.IsZero(), v.Withdrawn, v.Sentence != "", late(v.Held):
		return prompts.SentenceLate()
	}
	return ""
}
