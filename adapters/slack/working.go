package slack

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// What shows that a note is being worked on, kept beside it until its answer.
const (
	shownStatus   = "status"
	shownReaction = "reaction"
)

func workingKey(id coach.NoteID) string { return "working." + string(id) }

// Working implements coach.Indicator: a status in the thread, and where Slack
// does not allow one, or others are not to see one, a reaction.
func (s *Slack) Working(ctx context.Context, v coach.VoiceNote) error {
	n, err := parseNote(v.ID)
	if err != nil {
		return err
	}
	t, err := parseThread(v.Thread)
	if err != nil {
		return err
	}
	ses, err := s.session(ctx, n.team)
	if err != nil {
		return err
	}
	shown := shownReaction
	if s.can(ses, shownStatus) && !s.quiet(ctx, v, t) {
		err = s.setStatus(ctx, ses, t, statusListening)
		if err == nil {
			shown = shownStatus
		} else if codeOf(err) != "" {
			s.lacks(ses, shownStatus)
		}
	}
	if shown == shownReaction {
		if err := s.react(ctx, ses, n, reactionWorking, true); err != nil {
			return err
		}
	}
	if err := s.shelf.Put(ctx, workingKey(v.ID), []byte(shown)); err != nil {
		return fmt.Errorf("slack: shelf: %w", err)
	}
	return nil
}

// quiet reports whether replies in the place are private, so that a reaction is
// all that others see.
func (s *Slack) quiet(ctx context.Context, v coach.VoiceNote, t thread) bool {
	if t.direct() {
		return false
	}
	rules, err := s.desk.Rules(ctx, v.Place)
	return err != nil || rules.Private
}

func (s *Slack) setStatus(ctx context.Context, ses *session, t thread, status string) error {
	return s.call(ses, "assistant.threads.setStatus", "", func(api *slack.Client) error {
		return api.SetAssistantThreadsStatusContext(ctx, slack.AssistantThreadsSetStatusParameters{
			ChannelID: t.channel, ThreadTS: t.ts, Status: status,
		})
	})
}

// react adds or removes a reaction. That it is so already is fine; that mynah
// may not react at all is not worth a word each time.
func (s *Slack) react(ctx context.Context, ses *session, n note, name string, add bool) error {
	if !s.can(ses, "reactions:write") {
		return nil
	}
	method, at := "reactions.remove", slack.NewRefToMessage(n.channel, n.ts)
	if add {
		method = "reactions.add"
	}
	err := s.call(ses, method, "", func(api *slack.Client) error {
		if add {
			return api.AddReactionContext(ctx, name, at)
		}
		return api.RemoveReactionContext(ctx, name, at)
	})
	if codeIs(err, "missing_scope") {
		s.lacks(ses, "reactions:write")
		return nil
	}
	if codeIs(err, "already_reacted", "no_reaction", "message_not_found", "not_reactable", "too_many_reactions", "too_many_emoji") {
		return nil
	}
	return err
}

// worked takes away what showed that a note is being worked on. Where the answer
// went to the learner alone, a reaction tells others that there was one. A
// failure leaves a mark on a message, and is not worth failing for.
func (s *Slack) worked(ctx context.Context, ses *session, n note, t thread, r coach.Reply) {
	key := workingKey(r.Note)
	shown, found, err := s.shelf.Get(ctx, key)
	if err == nil && found {
		switch string(shown) {
		case shownReaction:
			err = s.react(ctx, ses, n, reactionWorking, false)
		case shownStatus:
			if r.Private && !t.direct() { // a reply in the thread ends the status by itself
				err = s.setStatus(ctx, ses, t, "")
			}
		}
		if err == nil {
			err = s.shelf.Delete(ctx, key)
		}
	}
	answer := r.Kind == coach.ReplyCoaching || r.Kind == coach.ReplyAdvice || r.Kind == coach.ReplyApology
	if err == nil && answer && r.Private && !t.direct() {
		err = s.react(ctx, ses, n, reactionAnswered, true)
	}
	if err != nil {
		s.log.Warn("the sign of work could not be taken away", "note", r.Note, "error", err)
	}
}
