package slack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// slash is a slash command, as Slack sends it.
type slash struct {
	TeamID       string `json:"team_id"`
	EnterpriseID string `json:"enterprise_id"`
	IsOrg        any    `json:"is_enterprise_install"` // true, or "true"
	ChannelID    string `json:"channel_id"`
	UserID       string `json:"user_id"`
	Text         string `json:"text"`
	ResponseURL  string `json:"response_url"`
	TriggerID    string `json:"trigger_id"`
}

// slashed answers a slash command.
func (l *listener) slashed(ctx context.Context, c slash) {
	if !slackIDs.MatchString(c.TeamID) || !slackIDs.MatchString(c.UserID) || !slackIDs.MatchString(c.ChannelID) {
		return
	}
	if fmt.Sprint(c.IsOrg) == "true" {
		if err := l.belongs(ctx, c.TeamID, c.EnterpriseID); err != nil {
			l.log.Error("the shelf of installations failed", "error", err)
		}
	}
	sf := surface{
		team: c.TeamID, user: c.UserID, thread: thread{team: c.TeamID, channel: c.ChannelID},
		responseURL: c.ResponseURL, triggerID: c.TriggerID,
	}
	action, values := l.read(c.Text)
	l.perform(ctx, sf, sf.command(action, "", values))
}

// spoken answers a command that was said to mynah, by a mention or in a direct
// message: slash commands can't be typed in threads.
func (l *listener) spoken(ctx context.Context, team, event string, m message) error {
	if ok, err := l.allowed(ctx, team, m.Channel); err != nil || !ok {
		return err
	}
	first, err := l.once(ctx, "said."+team+"."+m.Channel+"."+m.TS)
	if err != nil || !first {
		return err
	}
	sf := surface{team: team, user: m.User, thread: thread{team, m.Channel, m.ThreadTS}}
	action, values := l.read(said(m))
	l.perform(ctx, sf, sf.command(action, "", values))
	return nil
}

// read understands a typed command as kindly as it can: whatever the case, by a
// word's beginning, with "level advanced", "level=advanced" or "advanced". What
// it does not understand asks for help.
func (s *Slack) read(text string) (coach.Action, map[string]string) {
	words := strings.Fields(clean(text))
	if len(words) == 0 {
		return coach.ActHelp, nil
	}
	entry, ok := s.entry(strings.ToLower(strings.TrimLeft(words[0], "/!")))
	if !ok {
		return coach.ActHelp, nil
	}
	return entry.Action, values(entry, words[1:])
}

// entry finds the command of a word, or of a beginning that only one has.
func (s *Slack) entry(word string) (coach.Entry, bool) {
	var begins []coach.Entry
	for _, e := range s.desk.Menu() {
		switch {
		case string(e.Action) == word:
			return e, true
		case len(word) > 1 && strings.HasPrefix(string(e.Action), word):
			begins = append(begins, e)
		}
	}
	if len(begins) == 1 {
		return begins[0], true
	}
	return coach.Entry{}, false
}

// values reads the words after a command.
func values(e coach.Entry, words []string) map[string]string {
	got := map[string]string{}
	for i := 0; i < len(words); i++ {
		name, value, _ := strings.Cut(strings.ReplaceAll(words[i], ":", "="), "=")
		p := slices.IndexFunc(e.Parameters, func(p coach.Parameter) bool { return strings.EqualFold(p.Name, name) })
		if p < 0 {
			fill(got, e, words[i])
			continue
		}
		if value == "" && i+1 < len(words) {
			i++
			value = words[i]
		}
		if value != "" {
			got[e.Parameters[p].Name] = option(e.Parameters[p], value)
		}
	}
	return got
}

// option is the value that a word stands for: one of the parameter's, or the
// word itself, which the desk answers kindly.
func option(p coach.Parameter, word string) string {
	for _, o := range p.Options {
		if strings.EqualFold(o.Value, word) || strings.EqualFold(o.Label, word) {
			return o.Value
		}
	}
	return strings.ToLower(word)
}

// fill gives a word that names no parameter to the one that has it as an option,
// else to the first that takes any text.
func fill(got map[string]string, e coach.Entry, word string) {
	for _, p := range e.Parameters {
		for _, o := range p.Options {
			if got[p.Name] == "" && (strings.EqualFold(o.Value, word) || strings.EqualFold(o.Label, word)) {
				got[p.Name] = o.Value
				return
			}
		}
	}
	for _, p := range e.Parameters {
		if len(p.Options) == 0 {
			got[p.Name] = strings.TrimSpace(got[p.Name] + " " + word)
			return
		}
	}
	for _, p := range e.Parameters { // not understood: the desk says what there is
		if got[p.Name] == "" {
			got[p.Name] = strings.ToLower(word)
			return
		}
	}
}
