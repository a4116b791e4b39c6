package bots

import (
	"context"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// progress shows the asker how their latest notes went.
func (d *Desk) progress(ctx context.Context, c coach.Command) (coach.Answer, error) {
	t, err := d.trend(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	a := coach.Answer{Sections: prompts.Progress(t), Buttons: []coach.Button{button(prompts.ButtonPractice, coach.ActPractice)}}
	if d.Picture == nil || t.Notes == 0 {
		return a, nil
	}
	if a.Picture, err = d.Picture(t); err != nil { // the words say the same
		d.log().Error("progress is not drawn", "error", err)
		a.Picture = nil
	}
	return a, nil
}

// home is progress, the next practice and the settings on one page.
func (d *Desk) home(ctx context.Context, c coach.Command) (coach.Answer, error) {
	t, err := d.trend(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	choices, err := d.choices(ctx, c)
	if err != nil {
		return coach.Answer{}, err
	}
	return coach.Answer{
		Sections: append(prompts.Progress(t), prompts.SettingsText()),
		Choices:  choices,
		Buttons: []coach.Button{
			{Label: string(prompts.ButtonPractice), Action: coach.ActPractice, Style: coach.StylePrimary},
			button(prompts.ButtonPrivacy, coach.ActPrivacy),
			button(prompts.ButtonHelp, coach.ActHelp),
		},
	}, nil
}

// help says what mynah does.
func (d *Desk) help(_ context.Context, c coach.Command) (coach.Answer, error) {
	return coach.Answer{
		Sections: prompts.Help(d.Menu(), c.Admin),
		Buttons:  []coach.Button{button(prompts.ButtonPractice, coach.ActPractice), button(prompts.ButtonPrivacy, coach.ActPrivacy)},
	}, nil
}

// details shows the asker every label of a note of theirs.
func (d *Desk) details(ctx context.Context, c coach.Command) (coach.Answer, error) {
	l, refused, err := d.lesson(ctx, c)
	if err != nil || refused != "" {
		return say(refused), err
	}
	return coach.Answer{Sections: prompts.Details(l.Assessment)}, nil
}
