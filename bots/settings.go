package bots

import (
	"context"
	"slices"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// The choices of settings, and what stands for the record's empty value.
const (
	setExplanations = "explanations" // full
	setLevel        = "level"        // auto
	explanationFull = "full"
	repliesPlace    = "place"
	levelAuto       = "auto"
)

// choices are the asker's settings as they are.
func (d *Desk) choices(ctx context.Context, c coach.Command) ([]coach.Choice, error) {
	r, err := d.learner(ctx, c.Learner)
	if err != nil {
		return nil, err
	}
	rules, err := d.Rules(ctx, c.Place)
	if err != nil {
		return nil, err
	}
	consent := r.Consent
	if consent == unanswered {
		if consent = yes; rules.Consent == coach.ConsentOptIn {
			consent = no
		}
	}
	return prompts.Settings(r.Explanations, r.Replies, r.Level, string(consent)), nil
}

// settings shows the asker's settings, and changes those that have a value.
func (d *Desk) settings(ctx context.Context, c coach.Command) (coach.Answer, error) {
	choices, err := d.choices(ctx, c)
	if err != nil {
		return coach.Answer{}, err
	}
	changed, ok := chosen(choices, c.Values)
	if !ok {
		return say(prompts.NotUnderstood()), nil
	}
	if len(changed) == 0 {
		return coach.Answer{Sections: []coach.Section{prompts.SettingsText()}, Choices: choices}, nil
	}
	var asked answer
	r, err := d.changeAsker(ctx, c, func(r *record) error {
		for _, ch := range changed {
			switch ch.Name {
			case setExplanations:
				r.Explanations = unless(ch.Value, explanationFull)
			case setReplies:
				r.Replies = unless(ch.Value, repliesPlace)
			case setLevel:
				r.Level = unless(ch.Value, levelAuto)
			case setConsent:
				asked = answer(ch.Value)
				r.Consent, r.Said = asked, time.Now()
			}
		}
		return nil
	})
	if err != nil {
		return coach.Answer{}, err
	}
	if asked != unanswered {
		if err := d.wake(ctx, r.Waiting); err != nil {
			return coach.Answer{}, err
		}
	}
	return saved(choices, changed), nil
}

// unless is a value, "" where it is the one that stands for none.
func unless(value, none string) string {
	if value == none {
		return ""
	}
	return value
}

// chosen returns the choices that values change, with their new values; false
// where one of the values is no option.
func chosen(choices []coach.Choice, values map[string]string) (changed []coach.Choice, ok bool) {
	for _, ch := range choices {
		value, given := values[ch.Name]
		if !given {
			continue
		}
		if ch.Channels && validChannels(value) || isOption(ch.Options, value) {
			ch.Value = value
			changed = append(changed, ch)
			continue
		}
		return nil, false
	}
	return changed, true
}

// saved shows choices with the changed ones as they are now.
func saved(choices, changed []coach.Choice) coach.Answer {
	var a coach.Answer
	for _, ch := range changed {
		a.Sections = append(a.Sections, coach.Section{Text: prompts.SettingsSaved(ch)})
		at := slices.IndexFunc(choices, func(o coach.Choice) bool { return o.Name == ch.Name })
		choices[at] = ch
	}
	a.Choices = choices
	return a
}
