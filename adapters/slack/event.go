package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// delivery is what the Events API brings, over HTTP and over Socket Mode alike.
type delivery struct {
	Type           string          `json:"type"`
	Challenge      string          `json:"challenge"`
	TeamID         string          `json:"team_id"`
	EnterpriseID   string          `json:"enterprise_id"`
	EventID        string          `json:"event_id"`
	EventTime      int64           `json:"event_time"`
	Event          json.RawMessage `json:"event"`
	Authorizations []struct {
		EnterpriseID        string `json:"enterprise_id"`
		TeamID              string `json:"team_id"`
		IsEnterpriseInstall bool   `json:"is_enterprise_install"`
	} `json:"authorizations"`
}

// installed is the workspace through whose installation the event came. In a
// channel that is shared with another organisation that is not always the one
// that the event happened in.
func (d delivery) installed() (team, enterprise string) {
	if len(d.Authorizations) > 0 {
		a := d.Authorizations[0]
		if a.TeamID != "" {
			return a.TeamID, a.EnterpriseID
		}
		return d.TeamID, a.EnterpriseID
	}
	return d.TeamID, d.EnterpriseID
}

// message is a message event, or a part of one, or a message of an interaction.
type message struct {
	Type        string    `json:"type"`
	Subtype     string    `json:"subtype"`
	Channel     string    `json:"channel"`
	ChannelType string    `json:"channel_type"`
	User        string    `json:"user"`
	BotID       string    `json:"bot_id"`
	Text        string    `json:"text"`
	Blocks      []element `json:"blocks"`
	TS          string    `json:"ts"`
	ThreadTS    string    `json:"thread_ts"`
	Files       []file    `json:"files"`
	Hidden      bool      `json:"hidden"`

	DeletedTS string   `json:"deleted_ts"`
	Message   *message `json:"message"`          // of message_changed: what it is now
	Previous  *message `json:"previous_message"` // and of message_deleted: what it was
}

// root is the time stamp of the thread that the message is in or begins.
func (m message) root() string {
	if m.ThreadTS != "" {
		return m.ThreadTS
	}
	return m.TS
}

// clips are the message's files that can be listened to, and those of which that
// is not known yet.
func (m message) clips() []file {
	var clips []file
	for _, f := range m.Files {
		if f.clip() || f.checkFirst() {
			clips = append(clips, f)
		}
	}
	return clips
}

// event does what a delivery asks for. Nil acknowledges it; what could not be
// done, but may be later, is an error, and Slack delivers it again.
func (l *listener) event(ctx context.Context, d delivery) error {
	if d.Type == "app_rate_limited" {
		l.log.Warn("slack holds events back: more than 30,000 came within an hour", "team", d.TeamID)
		return nil
	}
	if d.Type != "event_callback" || len(d.Event) == 0 {
		return nil
	}
	team, enterprise := d.installed()
	if !slackIDs.MatchString(team) {
		return nil
	}
	if len(d.Authorizations) > 0 && d.Authorizations[0].IsEnterpriseInstall {
		if err := l.belongs(ctx, team, enterprise); err != nil {
			return err
		}
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(d.Event, &kind); err != nil {
		return unreadable(err)
	}
	switch kind.Type {
	case "message", "app_mention":
		var m message
		if err := json.Unmarshal(d.Event, &m); err != nil {
			return unreadable(err)
		}
		return l.message(ctx, team, d.EventID, m)
	case "file_shared":
		return l.fileShared(ctx, team, d.Event)
	case "file_deleted":
		return l.fileDeleted(ctx, team, d.Event)
	case "app_home_opened":
		return l.homeOpened(ctx, team, d.Event)
	case "tokens_revoked":
		return l.tokensRevoked(ctx, team, enterprise, d)
	case "app_uninstalled":
		return l.leave(ctx, team, enterprise, time.Unix(d.EventTime, 0))
	}
	return nil
}

// errUnreadable is of an event that will never be readable: it is acknowledged,
// because it would only come again.
var errUnreadable = errors.New("unreadable event")

func unreadable(err error) error { return fmt.Errorf("%w: %w", errUnreadable, err) }

func (l *listener) tokensRevoked(ctx context.Context, team, enterprise string, d delivery) error {
	var e struct {
		Tokens struct {
			Bot []string `json:"bot"`
		} `json:"tokens"`
	}
	if err := json.Unmarshal(d.Event, &e); err != nil {
		return unreadable(err)
	}
	if len(e.Tokens.Bot) == 0 { // a person's own, of which we have none
		return nil
	}
	return l.leave(ctx, team, enterprise, time.Unix(d.EventTime, 0))
}

// message takes one that came as a message or as a mention.
func (l *listener) message(ctx context.Context, team, event string, m message) error {
	switch {
	case m.Subtype == "message_deleted":
		return l.deleted(ctx, team, m)
	case m.Subtype == "message_changed":
		// Deleting the message that a thread begins with leaves a tombstone.
		if m.Message != nil && m.Message.Subtype == "tombstone" {
			return l.deleted(ctx, team, m)
		}
		return nil
	case m.BotID != "" || m.User == "" || m.Hidden:
		return nil
	case m.Subtype != "" && m.Subtype != "file_share" && m.Subtype != "thread_broadcast":
		return nil
	case !slackIDs.MatchString(m.Channel) || !slackIDs.MatchString(m.User) || !timeStamps.MatchString(m.TS):
		return nil
	}
	if m.ThreadTS != "" && !timeStamps.MatchString(m.ThreadTS) {
		return nil
	}
	if clips := m.clips(); len(clips) > 0 {
		return l.arrive(ctx, team, m, clips)
	}
	if len(m.Files) == 0 && (m.Type == "app_mention" || isDirect(m.Channel)) {
		return l.spoken(ctx, team, event, m)
	}
	return nil
}

// deleted withdraws the notes of a message that is no more.
func (l *listener) deleted(ctx context.Context, team string, m message) error {
	ts := m.DeletedTS
	if m.Previous == nil {
		return nil
	}
	if ts == "" {
		ts = m.Previous.TS
	}
	if !slackIDs.MatchString(m.Channel) || !timeStamps.MatchString(ts) {
		return nil
	}
	for _, f := range m.Previous.clips() {
		if !slackIDs.MatchString(f.ID) {
			continue
		}
		if err := l.desk.Withdraw(ctx, note{team, m.Channel, ts, f.ID}.id()); err != nil {
			return fmt.Errorf("slack: withdraw: %w", err)
		}
	}
	return nil
}
