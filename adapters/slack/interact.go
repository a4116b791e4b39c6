package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// interaction is what Slack sends when somebody presses a button, chooses from a
// menu, sends a form or uses the message shortcut.
type interaction struct {
	Type        string  `json:"type"`
	CallbackID  string  `json:"callback_id"`
	TriggerID   string  `json:"trigger_id"`
	ResponseURL string  `json:"response_url"`
	Team        *named  `json:"team"`
	Enterprise  *named  `json:"enterprise"`
	IsOrg       bool    `json:"is_enterprise_install"`
	User        person  `json:"user"`
	Channel     *named  `json:"channel"`
	Message     message `json:"message"`
	Container   struct {
		MessageTS   string `json:"message_ts"`
		ThreadTS    string `json:"thread_ts"`
		ChannelID   string `json:"channel_id"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Actions []struct {
		ActionID              string                 `json:"action_id"`
		Value                 string                 `json:"value"`
		SelectedOption        struct{ Value string } `json:"selected_option"`
		SelectedConversations []string               `json:"selected_conversations"`
	} `json:"actions"`
	View *struct {
		ID                 string `json:"id"`
		Type               string `json:"type"`
		CallbackID         string `json:"callback_id"`
		PrivateMetadata    string `json:"private_metadata"`
		AppInstalledTeamID string `json:"app_installed_team_id"`
		State              struct {
			Values map[string]map[string]struct{ Value string } `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

type named struct {
	ID string `json:"id"`
}

type person struct {
	ID     string `json:"id"`
	TeamID string `json:"team_id"`
}

// team is the workspace: a view says through which it was opened, and for one of
// a whole organisation nothing else does.
func (i interaction) team() string {
	switch {
	case i.View != nil && i.View.AppInstalledTeamID != "":
		return i.View.AppInstalledTeamID
	case i.Team != nil && i.Team.ID != "":
		return i.Team.ID
	}
	return i.User.TeamID
}

// surface is where the interaction happened. ok is false for one that no client
// of Slack's makes.
func (i interaction) surface() (sf surface, ok bool) {
	sf = surface{team: i.team(), user: i.User.ID, responseURL: i.ResponseURL, triggerID: i.TriggerID}
	channel, ts := i.Container.ChannelID, i.Container.ThreadTS
	if channel == "" && i.Channel != nil {
		channel = i.Channel.ID
	}
	if ts == "" {
		ts = i.Message.ThreadTS
	}
	sf.thread = thread{sf.team, channel, ts}
	sf.replace = i.Container.IsEphemeral
	if i.View != nil {
		if i.View.Type == "home" {
			sf.home = true
		} else {
			sf.view = i.View.ID
		}
		var state formState
		if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &state); err == nil {
			if t, err := parseThread(coach.ThreadID(state.Thread)); err == nil {
				sf.thread = t
			}
		}
	}
	if sf.thread.channel == "" { // in the App Home: the direct message beside it
		sf.thread.channel = sf.user
	}
	ok = slackIDs.MatchString(sf.team) && slackIDs.MatchString(sf.user) && slackIDs.MatchString(sf.thread.channel) &&
		(sf.thread.ts == "" || timeStamps.MatchString(sf.thread.ts))
	return sf, ok
}

// interact does what an interaction asks for. What it returns is what Slack
// waits for, nil for nothing; then rest, unless it is nil, is still to be done
// after Slack has been answered.
func (l *listener) interact(ctx context.Context, i interaction) (answer any, rest func(context.Context)) {
	sf, ok := i.surface()
	if !ok {
		return nil, nil
	}
	if i.IsOrg && i.Enterprise != nil {
		if err := l.belongs(ctx, sf.team, i.Enterprise.ID); err != nil {
			l.log.Error("the shelf of installations failed", "error", err)
		}
	}
	switch i.Type {
	case "block_actions":
		return nil, func(ctx context.Context) { l.acted(ctx, sf, i) }
	case "view_submission":
		return l.submitted(ctx, sf, i), nil
	case "message_action":
		return nil, func(ctx context.Context) { l.shortcut(ctx, sf, i) }
	}
	return nil, nil
}

// acted does what buttons and menus ask for.
func (l *listener) acted(ctx context.Context, sf surface, i interaction) {
	for _, a := range i.Actions {
		kind, rest, _ := strings.Cut(a.ActionID, "/")
		switch kind {
		case pressID:
			var p press
			if err := json.Unmarshal([]byte(a.Value), &p); err != nil || p.Action == "" {
				continue
			}
			var values map[string]string
			if p.Name != "" {
				values = map[string]string{p.Name: p.Value}
			}
			at := sf
			if at.thread.ts == "" && p.Note != "" && !sf.home && sf.view == "" {
				at.thread = threadOf(p.Note, sf.thread)
			}
			l.perform(ctx, at, at.command(p.Action, p.Note, values))
		case chooseID:
			action, rest, _ := strings.Cut(rest, "/")
			name, _, _ := strings.Cut(rest, "/")
			value := a.SelectedOption.Value
			if value == "" {
				value = strings.Join(a.SelectedConversations, ",")
			}
			l.perform(ctx, sf, sf.command(coach.Action(action), "", map[string]string{name: value}))
		}
	}
}

// threadOf is the thread of a note's message, in the conversation that the
// button was in; a button in another one, a direct message, has no thread.
func threadOf(id coach.NoteID, t thread) thread {
	if n, err := parseNote(id); err == nil && n.channel == t.channel && n.team == t.team {
		t.ts = n.ts
	}
	return t
}

// submitWithin bounds what a form may take: Slack closes it in three seconds.
const submitWithin = 2500 * time.Millisecond

// submitted takes a form's text. The form stays, with a word on it, when that
// fails, so that nothing that was typed is lost.
func (l *listener) submitted(ctx context.Context, sf surface, i interaction) any {
	var state formState
	if i.View == nil || i.View.CallbackID != formCallback || json.Unmarshal([]byte(i.View.PrivateMetadata), &state) != nil {
		return nil
	}
	text := i.View.State.Values[formBlock][formInput].Value
	ctx, cancel := context.WithTimeout(ctx, submitWithin)
	defer cancel()
	c := sf.command(state.Action, state.Note, map[string]string{state.Name: text})
	a, err := l.do(ctx, sf, c)
	if err != nil {
		l.log.Error("a command failed", "action", c.Action, "place", c.Place, "error", err)
		return slack.NewErrorsViewSubmissionResponse(map[string]string{formBlock: shorten(l.desk.Words(err), maxLabelText)})
	}
	if a.Form != nil {
		v := formView(*a.Form, sf)
		return slack.NewUpdateViewSubmissionResponse(&v)
	}
	v := infoView(a, sf)
	return slack.NewUpdateViewSubmissionResponse(&v)
}

// shortcut takes the clips of a message that somebody used the shortcut on.
func (l *listener) shortcut(ctx context.Context, sf surface, i interaction) {
	m := i.Message
	m.Channel = sf.thread.channel
	words, err := l.assess(ctx, sf, m)
	if err != nil {
		var busy *coach.Busy
		if !errors.As(err, &busy) {
			l.log.Error("a shortcut failed", "error", err)
		}
		words = l.desk.Words(err)
	}
	sf.thread.ts = m.root()
	if err := l.tell(ctx, sf, words); err != nil && ctx.Err() == nil {
		l.log.Error("an answer could not be shown", "error", err)
	}
}

// assess accepts a message's clips, and returns what its learner is told.
func (l *listener) assess(ctx context.Context, sf surface, m message) (string, error) {
	if !timeStamps.MatchString(m.TS) || m.ThreadTS != "" && !timeStamps.MatchString(m.ThreadTS) {
		return wordsNoClip, nil
	}
	if clips := m.clips(); len(clips) == 0 {
		return wordsNoClip, nil
	}
	if m.User != sf.user {
		return wordsNotYours, nil
	}
	ses, err := l.session(ctx, sf.team)
	if err != nil {
		return "", err
	}
	words := wordsNoClip
	for _, f := range m.clips() {
		if !slackIDs.MatchString(f.ID) {
			continue
		}
		// Here mynah may not be in the conversation, and then sees no file of it.
		f, err := l.fileInfo(ctx, ses, f.ID)
		if errors.Is(err, coach.ErrAudioGone) || codeIs(err, "access_denied", "not_visible") {
			return wordsInvite, nil
		}
		if err != nil {
			return "", err
		}
		if !f.clip() {
			continue
		}
		if err := l.take(ctx, sf.team, m, f, true); err != nil {
			return "", err
		}
		words = wordsListening
	}
	return words, nil
}
