package bots

import (
	"context"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// facts are the service's, as they are in a place.
func (d *Desk) facts(rules coach.Rules) prompts.PrivacyFacts {
	f := d.Facts
	f.Consent, f.MinimumAge, f.RetentionDays = rules.Consent, rules.MinimumAge, rules.RetentionDays
	f.WaitDays, f.DisputeDays, f.UsageDays = int(Wait/(24*time.Hour)), disputeDays, usageDays
	return f
}

// before is a reply that comes before the note's answer.
func (d *Desk) before(ctx context.Context, n coach.VoiceNote, kind coach.ReplyKind) (coach.Reply, coach.Rules, error) {
	rules, err := d.Rules(ctx, n.Place)
	if err != nil {
		return coach.Reply{}, rules, err
	}
	s, err := d.style(ctx, n.Learner, n.Place)
	return coach.Reply{Note: n.ID, Learner: n.Learner, Kind: kind, Private: s.private}, rules, err
}

// firstContact is what a learner reads below their first note; with
// ConsentOptIn it asks.
func (d *Desk) firstContact(ctx context.Context, n coach.VoiceNote, kind coach.Consent) (coach.Reply, error) {
	r, rules, err := d.before(ctx, n, coach.ReplyNotice)
	if err != nil {
		return r, err
	}
	if kind != coach.ConsentOptIn {
		r.Text = prompts.FirstNotice(d.facts(rules))
		r.Buttons = []coach.Button{button(prompts.ButtonPrivacy, coach.ActPrivacy)}
		return r, nil
	}
	r.Text = prompts.FirstQuestion(d.facts(rules))
	answers := func(label prompts.Button, a answer, style coach.ButtonStyle) coach.Button {
		return coach.Button{Label: string(label), Action: coach.ActConsent, Note: n.ID, Name: valueAnswer, Value: string(a), Style: style}
	}
	r.Buttons = []coach.Button{
		answers(prompts.ButtonYes, yes, coach.StylePrimary),
		answers(prompts.ButtonNo, no, coach.StylePlain),
		button(prompts.ButtonPrivacy, coach.ActPrivacy),
	}
	return r, nil
}

// question asks for the sentence that a note lacks.
func (d *Desk) question(ctx context.Context, n coach.VoiceNote) (coach.Reply, error) {
	r, _, err := d.before(ctx, n, coach.ReplyQuestion)
	r.Text = prompts.SentenceQuestion()
	r.Buttons = []coach.Button{{Label: string(prompts.ButtonSentence), Action: coach.ActSentence, Note: n.ID, Style: coach.StylePrimary}}
	return r, err
}

// buttons stand under a coaching reply.
func (d *Desk) buttons(n coach.VoiceNote) []coach.Button {
	of := func(label prompts.Button, action coach.Action) coach.Button {
		return coach.Button{Label: string(label), Action: action, Note: n.ID, Name: valueOf, Value: mark(n.Learner)}
	}
	all := []coach.Button{of(prompts.ButtonDetails, coach.ActDetails), of(prompts.ButtonAgain, coach.ActAgain)}
	if d.Voice != nil {
		all = append(all, of(prompts.ButtonHear, coach.ActHear))
	}
	return append(all, of(prompts.ButtonDispute, coach.ActDispute))
}

// withMarks is a rationale with the marked sentence below it.
func withMarks(text string, a coach.Assessment) string {
	if marked := prompts.Marked(a); marked != "" {
		return text + "\n\n" + marked
	}
	return text
}
