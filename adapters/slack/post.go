package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// posting is what the shelf keeps of a reply: Slack has no key by which it would
// know a message that is sent again, so we write down what we are about to do.
type posting struct {
	State   postState `json:"state"`
	At      time.Time `json:"at"`                // of the first attempt
	Began   time.Time `json:"began"`             // of the latest
	Lost    time.Time `json:"lost,omitzero"`     // when Slack's answer to the latest message was given up
	Channel string    `json:"channel,omitempty"` // where it goes, or went, when that is not the note's thread
	TS      string    `json:"ts,omitempty"`
	Picture string    `json:"picture,omitempty"` // uploaded already
}

type postState string

const (
	postBegun  postState = "begun"  // somebody is at it, or died at it
	postUnsure postState = "unsure" // Slack's answer was lost
	postFailed postState = "failed" // Slack said no
	postDone   postState = "done"
)

// postWithin bounds one attempt. Another machine takes over after it, and looks
// in the thread first.
const postWithin = 30 * time.Second

// landWithin is how long a message may still take to be seen in its thread when
// its sender has given up: a call that is cut short is often carried out.
const landWithin = time.Second

func postKey(r coach.Reply) string { return "post." + string(r.Note) + "." + string(r.Kind) }

// Post implements coach.Adapter. Another machine's attempt at the same reply
// that is still going on is a *coach.Snooze.
func (s *Slack) Post(ctx context.Context, id coach.ThreadID, r coach.Reply) error {
	n, err := parseNote(r.Note)
	if err != nil {
		return err
	}
	t, err := parseThread(id)
	if err != nil {
		return err
	}
	if t.team != n.team || t.channel != n.channel || t.ts == "" {
		return errors.New("slack: post: the note is not of this thread")
	}
	ses, err := s.session(ctx, n.team)
	if err != nil {
		return err
	}
	p, before, err := s.beginPost(ctx, postKey(r))
	if err != nil || p.State == postDone {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, postWithin-10*time.Second)
	defer cancel()
	there, err := s.arrived(bounded, ses, t, r, &p, before)
	looked := err == nil
	if looked && !there {
		err = s.deliver(bounded, ses, t, r, &p)
	}
	switch {
	case err == nil:
		p.State = postDone
	case !looked:
		p.State = postUnsure
	case uncertain(err):
		p.State, p.Lost = postUnsure, time.Now()
	default:
		p.State = postFailed
	}
	// What happened is written down though ctx has ended meanwhile.
	keep, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if kept := s.keepPost(keep, postKey(r), p); err == nil && kept != nil {
		return kept
	}
	if err != nil {
		return err
	}
	s.worked(keep, ses, n, t, r)
	return nil
}

// beginPost writes down that an attempt begins. before is what was known: unless
// it is empty or a plain no, the reply may be there already.
func (s *Slack) beginPost(ctx context.Context, key string) (p posting, before postState, err error) {
	err = s.shelf.Update(ctx, key, func(old []byte) ([]byte, error) {
		p = posting{At: time.Now()}
		if old != nil {
			if err := json.Unmarshal(old, &p); err != nil {
				return nil, err
			}
		}
		before = p.State
		if p.State == postDone {
			return old, nil
		}
		if left := postWithin - time.Since(p.Began); p.State == postBegun && left > 0 {
			return nil, &coach.Snooze{For: left, Cause: errors.New("another attempt is going on")}
		}
		p.State, p.Began = postBegun, time.Now()
		return json.Marshal(p)
	})
	if err != nil {
		return p, before, fmt.Errorf("slack: post: %w", err)
	}
	return p, before, nil
}

func (s *Slack) keepPost(ctx context.Context, key string, p posting) error {
	b, err := json.Marshal(p)
	if err == nil {
		err = s.shelf.Put(ctx, key, b)
	}
	if err != nil {
		return fmt.Errorf("slack: post: %w", err)
	}
	return nil
}

// arrived reports whether an earlier attempt has posted the reply. Where it can't
// look, that stays unknown.
func (s *Slack) arrived(ctx context.Context, ses *session, t thread, r coach.Reply, p *posting, before postState) (bool, error) {
	if before != postBegun && before != postUnsure {
		return false, nil
	}
	select {
	case <-time.After(landWithin - time.Since(p.Lost)):
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return s.find(ctx, ses, t, r, p)
}

// deliver posts the reply where it belongs.
func (s *Slack) deliver(ctx context.Context, ses *session, t thread, r coach.Reply, p *posting) error {
	if r.Private && !t.direct() {
		return s.postDirect(ctx, ses, t, r, p)
	}
	err := s.send(ctx, ses, t, r, p, nil)
	if codeIs(err, "not_in_channel", "channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "restricted_action_thread_locked", "cannot_reply_to_message", "thread_not_found", "message_not_found") {
		// We can't speak there (any more): the learner alone still gets the answer.
		return s.postDirect(ctx, ses, t, r, p)
	}
	return err
}

// postDirect posts to the learner alone, with a way back to the recording.
func (s *Slack) postDirect(ctx context.Context, ses *session, t thread, r coach.Reply, p *posting) error {
	_, user, err := parseLearner(r.Learner)
	if err != nil {
		return err
	}
	channel, err := s.openDirect(ctx, ses, user)
	if err != nil {
		return err
	}
	n, err := parseNote(r.Note)
	if err != nil {
		return err
	}
	// Should we die after posting, this is where it is looked for.
	p.Channel = channel
	if err := s.keepPost(ctx, postKey(r), *p); err != nil {
		return err
	}
	return s.send(ctx, ses, thread{team: t.team, channel: channel}, r, p, func(k *kit) {
		if link := permalink(ses.URL, t, n.ts); link != "" {
			k.link(wordsYour, link)
		}
	})
}

// openDirect returns the conversation with a user. Without the scope to open one
// the user's own identifier does, for messages.
func (s *Slack) openDirect(ctx context.Context, ses *session, user string) (string, error) {
	key := "direct." + ses.Team + "." + user
	if known, found, err := s.shelf.Get(ctx, key); err != nil {
		return "", fmt.Errorf("slack: shelf: %w", err)
	} else if found {
		return string(known), nil
	}
	var channel string
	err := s.call(ses, "conversations.open", "", func(api *slack.Client) error {
		c, _, _, err := api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
		if err == nil {
			channel = c.ID
		}
		return err
	})
	if codeIs(err, "missing_scope") {
		return user, nil
	}
	if err != nil {
		return "", err
	}
	if err := s.shelf.Put(ctx, key, []byte(channel)); err != nil {
		return "", fmt.Errorf("slack: shelf: %w", err)
	}
	return channel, nil
}

// permalink is the address of a message, as Slack makes it.
func permalink(workspace string, t thread, ts string) string {
	u, err := url.Parse(workspace)
	if err != nil || u.Host == "" {
		return ""
	}
	u = u.JoinPath("archives", t.channel, "p"+strings.ReplaceAll(ts, ".", ""))
	if t.ts != "" && t.ts != ts {
		u.RawQuery = url.Values{"thread_ts": {t.ts}, "cid": {t.channel}}.Encode()
	}
	return u.String()
}

// Metadata of our messages, by which a reply is known again.
const (
	replyEvent   = "mynah_reply"
	noteMetadata = "note"
	kindMetadata = "kind"
)

// send posts the reply as one message: its text, its card and its buttons.
func (s *Slack) send(ctx context.Context, ses *session, t thread, r coach.Reply, p *posting, before func(*kit)) error {
	picture := s.drawn(ctx, ses, r, p)
	build := func(picture *coach.Picture) content {
		k := newKit()
		if before != nil {
			before(k)
		}
		k.text("", r.Text)
		if picture != nil {
			k.image(p.Picture, picture.Alt)
		}
		k.buttons(r.Buttons)
		return k.content(r.Text)
	}
	extra := []slack.MsgOption{slack.MsgOptionMetadata(slack.SlackMetadata{
		EventType:    replyEvent,
		EventPayload: map[string]any{noteMetadata: string(r.Note), kindMetadata: string(r.Kind)},
	})}
	if t.ts != "" {
		extra = append(extra, slack.MsgOptionTS(t.ts))
	}
	c := build(picture)
	err := s.say(ctx, ses, t.channel, append(c.options(), extra...), p)
	if picture != nil && unfit(err) {
		// The picture may not be ready yet, or not be liked: the words are all there.
		c = build(nil)
		err = s.say(ctx, ses, t.channel, append(c.options(), extra...), p)
	}
	if unfit(err) {
		err = s.say(ctx, ses, t.channel, append(c.plainOptions(), extra...), p)
	}
	return err
}

// say posts one message.
func (s *Slack) say(ctx context.Context, ses *session, channel string, opts []slack.MsgOption, p *posting) error {
	return s.call(ses, "chat.postMessage", channel, func(api *slack.Client) error {
		in, ts, err := api.PostMessageContext(ctx, channel, opts...)
		if err == nil {
			p.Channel, p.TS = in, ts
		}
		return err
	})
}

// drawn returns the reply's card once it is uploaded, nil where there is none:
// the words say the same.
func (s *Slack) drawn(ctx context.Context, ses *session, r coach.Reply, p *posting) *coach.Picture {
	if s.card == nil || r.Kind != coach.ReplyCoaching || r.Assessment == nil || !s.can(ses, "files:write") {
		return nil
	}
	picture, err := s.card(r)
	if err != nil {
		s.log.Warn("the card could not be drawn", "note", r.Note, "error", err)
		return nil
	}
	if picture == nil || p.Picture != "" {
		return picture
	}
	if p.Picture, err = s.upload(ctx, ses, "card.png", picture.PNG, picture.Alt, "", ""); err != nil {
		s.log.Warn("the card could not be uploaded", "note", r.Note, "error", err)
		return nil
	}
	s.settle(ctx, ses, p.Picture)
	return picture
}

// settle waits a little for an uploaded picture: Slack refuses to show one that
// it has not looked at yet.
func (s *Slack) settle(ctx context.Context, ses *session, picture string) {
	for wait := 200 * time.Millisecond; wait < 3*time.Second; wait *= 2 {
		if f, err := s.fileInfo(ctx, ses, picture); err != nil || f.Mimetype != "" {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// lackFor is how long a scope that was missing is not tried again: it may be
// given meanwhile.
const lackFor = 10 * time.Minute

// can reports whether an optional scope, or another thing that a workspace may
// not allow, was not refused of late.
func (s *Slack) can(ses *session, scope string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.lacking[ses.key+"/"+scope]) > lackFor
}

// lacks notes that it was refused, and says so once in a while.
func (s *Slack) lacks(ses *session, scope string) {
	if s.can(ses, scope) {
		s.log.Info("slack does not allow it here", "team", ses.Team, "what", scope)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacking[ses.key+"/"+scope] = time.Now()
}

// find looks for a reply that an earlier attempt may have posted. It needs the
// right to read the conversation; without it the reply is posted again, which is
// better than not at all.
func (s *Slack) find(ctx context.Context, ses *session, t thread, r coach.Reply, p *posting) (bool, error) {
	in := thread{t.team, t.channel, t.ts}
	if p.Channel != "" && p.Channel != t.channel {
		in = thread{team: t.team, channel: p.Channel}
	}
	if in.channel == "" || strings.HasPrefix(in.channel, "U") || strings.HasPrefix(in.channel, "W") {
		return false, nil
	}
	oldest := strconv.FormatInt(p.At.Add(-time.Minute).Unix(), 10)
	cursor := ""
	for range 10 {
		messages, next, err := s.history(ctx, ses, in, oldest, cursor)
		if codeIs(err, "missing_scope", "not_in_channel", "channel_not_found", "thread_not_found") {
			s.log.Warn("a reply whose posting was cut short is posted again: the conversation can't be read", "note", r.Note, "reason", codeOf(err))
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, m := range messages {
			if m.Metadata.EventType == replyEvent && m.Metadata.EventPayload[noteMetadata] == string(r.Note) && m.Metadata.EventPayload[kindMetadata] == string(r.Kind) {
				p.Channel, p.TS = in.channel, m.Timestamp
				return true, nil
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return false, nil
}

// history reads a thread, or a conversation where t has no time.
func (s *Slack) history(ctx context.Context, ses *session, t thread, oldest, cursor string) (messages []slack.Message, next string, err error) {
	const limit = 200
	if t.ts == "" {
		err = s.call(ses, "conversations.history", "", func(api *slack.Client) error {
			got, err := api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
				ChannelID: t.channel, Oldest: oldest, Cursor: cursor, Limit: limit, IncludeAllMetadata: true,
			})
			if err == nil {
				messages, next = got.Messages, got.ResponseMetaData.NextCursor
			}
			return err
		})
		return messages, next, err
	}
	err = s.call(ses, "conversations.replies", "", func(api *slack.Client) error {
		var err error
		messages, _, next, err = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: t.channel, Timestamp: t.ts, Oldest: oldest, Cursor: cursor, Limit: limit, IncludeAllMetadata: true,
		})
		return err
	})
	return messages, next, err
}
