package bots

import (
	"context"
	"regexp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// setup shows a place's rules to who manages it, and changes those that have a
// value.
func (d *Desk) setup(ctx context.Context, c coach.Command) (coach.Answer, error) {
	if refused := managing(c); refused != "" {
		return say(refused), nil
	}
	p, err := load[placeRecord](ctx, d.lasting, placeKey(c.Place))
	if err != nil {
		return coach.Answer{}, err
	}
	choices := prompts.Setup(p.Set, d.defaults())
	changed, ok := chosen(choices, c.Values)
	if !ok {
		return say(prompts.NotUnderstood()), nil
	}
	if len(changed) == 0 {
		return coach.Answer{Sections: []coach.Section{prompts.SetupText()}, Choices: choices}, nil
	}
	p, err = change(ctx, d.lasting, placeKey(c.Place), func(p *placeRecord) error {
		p.ID = c.Place
		if p.Set == nil {
			p.Set = map[string]string{}
		}
		for _, ch := range changed {
			p.Set[ch.Name] = ch.Value
		}
		return nil
	})
	if err != nil {
		return coach.Answer{}, err
	}
	d.cache(c.Place, p)
	return saved(choices, changed), nil
}

// showUsage shows who manages a place how much mynah is used there.
func (d *Desk) showUsage(ctx context.Context, c coach.Command) (coach.Answer, error) {
	if refused := managing(c); refused != "" {
		return say(refused), nil
	}
	sums, err := d.usage(ctx, c.Place, 1, 7, 30)
	if err != nil {
		return coach.Answer{}, err
	}
	var a coach.Answer
	for _, u := range sums {
		a.Sections = append(a.Sections, prompts.UsageOf(u.Days, u.Notes, u.Refused, u.Failed, u.Disputes, u.Learners))
	}
	return a, nil
}

// managing is why the asker may not manage the command's place, "" where they
// may.
func managing(c coach.Command) string {
	switch {
	case !c.Admin:
		return prompts.NotAllowed()
	case c.Place == "":
		return prompts.NoPlace()
	}
	return ""
}

// channelIDs is what a list of channels looks like. Which channels there are is
// the adapter's to know.
var channelIDs = regexp.MustCompile(`^[A-Za-z0-9_-]+(,[A-Za-z0-9_-]+)*$`)

// mostChannels bounds what is kept of a list of channels, in bytes.
const mostChannels = 4000

func validChannels(value string) bool {
	return value == "" || len(value) <= mostChannels && channelIDs.MatchString(value)
}
