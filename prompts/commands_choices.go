package prompts

import (
	"slices"
	"strconv"

	"github.com/mynah-coach/mynah/coach"
)

// SettingsText stands over a learner's choices.
func SettingsText() coach.Section {
	return coach.Section{Heading: "Your settings", Text: "They hold from your next voice note on."}
}

// Settings are a learner's choices: "explanations" (full, short), "replies"
// (place, thread, me), "level" (auto, or one of Levels). Values are those of
// now; what is none of them stands for the first one. opted says that the
// learner was asked for consent, whose answer ("yes", "no") can be changed as
// "consent"; "" leaves it out.
func Settings(explanations, replies, level, consent string) []coach.Choice {
	all := []coach.Choice{
		choice(coach.ActSettings, "explanations", "How much I explain", explanations,
			coach.Option{Value: "full", Label: "Up to two things to work on, and how"},
			coach.Option{Value: "short", Label: "Only the one thing that matters most"}),
		choice(coach.ActSettings, "replies", "Who sees my answers", replies,
			coach.Option{Value: "place", Label: "As this place has it"},
			coach.Option{Value: "thread", Label: "Everyone in the thread"},
			coach.Option{Value: "me", Label: "Only me"}),
		choice(coach.ActSettings, "level", "How hard practice sentences are", level,
			append([]coach.Option{{Value: "auto", Label: "As my latest notes suggest"}}, Levels()...)...),
	}
	if consent != "" {
		all = append(all, choice(coach.ActSettings, "consent", "May I listen to your voice notes", consent,
			coach.Option{Value: "yes", Label: "Yes"}, coach.Option{Value: "no", Label: "No: I leave them alone"}))
	}
	return all
}

// choice is one setting; a value of now that is none of the options becomes the
// first.
func choice(action coach.Action, name, label, now string, options ...coach.Option) coach.Choice {
	if !slices.ContainsFunc(options, func(o coach.Option) bool { return o.Value == now }) {
		now = options[0].Value
	}
	return coach.Choice{Action: action, Name: name, Label: label, Value: now, Options: options}
}

// SettingsSaved says that a choice is kept.
func SettingsSaved(c coach.Choice) string {
	for _, o := range c.Options {
		if o.Value == c.Value {
			return "Saved. " + c.Label + ": " + o.Label + "."
		}
	}
	return "Saved. " + c.Label + "."
}

// SetupText stands over an owner's choices.
func SetupText() coach.Section {
	return coach.Section{Heading: "How I work here", Text: "These hold for everyone here, from the next voice note on. Limits can't go beyond those of the machine that I run on."}
}

// Setup are an owner's choices: "channels", "consent", "minimum_age",
// "retention", "per_minute", "per_day", "replies". set holds what the owner has
// set, by name; service what holds where nothing is set, beyond which nothing is
// offered.
func Setup(set map[string]string, service coach.Rules) []coach.Choice {
	consent := []coach.Option{
		{Value: string(coach.ConsentNotice), Label: "Tell them once what is kept"},
		{Value: string(coach.ConsentOptIn), Label: "Ask first: nothing is downloaded before a yes"},
	}
	if service.Consent == coach.ConsentOptIn {
		consent = consent[1:]
	}
	ages := []coach.Option{{Value: "0", Label: "Nothing is said about age"}}
	if service.MinimumAge > 0 {
		ages[0].Label = strconv.Itoa(service.MinimumAge) + " or older"
	}
	for _, years := range []int{13, 14, 15, 16, 18, 21} {
		if years > service.MinimumAge {
			ages = append(ages, coach.Option{Value: strconv.Itoa(years), Label: strconv.Itoa(years) + " or older"})
		}
	}
	replies := []coach.Option{
		{Value: "public", Label: "Everyone in the thread"},
		{Value: "private", Label: "The learner alone"},
	}
	if service.Private {
		slices.Reverse(replies)
	}
	return []coach.Choice{
		{Action: coach.ActSetup, Name: "channels", Label: "Where I answer voice notes", Value: set["channels"], Channels: true},
		choice(coach.ActSetup, "consent", "Before someone's first note", set["consent"], consent...),
		choice(coach.ActSetup, "minimum_age", "From which age", set["minimum_age"], ages...),
		limit("retention", "How long results are kept", set["retention"], service.RetentionDays, "day", 7, 30, 60, 90, 180, 365),
		limit("per_minute", "Voice notes a learner, in a minute", set["per_minute"], service.PerMinute, "note", 1, 2, 3, 6, 12, 30),
		limit("per_day", "Voice notes a learner, in a day", set["per_day"], service.PerDay, "note", 5, 10, 20, 40, 60, 100, 200),
		choice(coach.ActSetup, "replies", "Who sees my answers, unless the learner chose otherwise", set["replies"], replies...),
	}
}

// limit is a choice among numbers below a service's own, which is none where it
// is not above 0.
func limit(name, label, now string, service int, unit string, values ...int) coach.Choice {
	own := coach.Option{Value: "0", Label: "No limit"}
	if service > 0 {
		own.Label = count(service, unit)
	}
	options := []coach.Option{own}
	for _, v := range values {
		if service <= 0 || v < service {
			options = append(options, coach.Option{Value: strconv.Itoa(v), Label: count(v, unit)})
		}
	}
	return choice(coach.ActSetup, name, label, now, options...)
}
