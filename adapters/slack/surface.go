package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// surface is where somebody asked, and so where they are answered.
type surface struct {
	team   string
	user   string
	thread thread // where they asked; the channel alone where that was no thread
	// responseURL answers there for half an hour, five times.
	responseURL string
	// triggerID opens a view within three seconds.
	triggerID string
	// replace says that they asked by an element of a message that only they see:
	// the answer takes its place.
	replace bool
	view    string // the modal that they asked in
	home    bool   // or the App Home
}

// command asks the desk on behalf of who is at the surface.
func (sf surface) command(a coach.Action, n coach.NoteID, values map[string]string) coach.Command {
	return coach.Command{
		Action: a, Learner: learnerID(sf.team, sf.user), Place: placeID(sf.team), Thread: sf.thread.id(), Note: n, Values: values,
	}
}

// perform asks the desk and shows its answer. Who can't be answered is told so
// in the desk's words, and an error that nobody was told of is logged.
func (s *Slack) perform(ctx context.Context, sf surface, c coach.Command) {
	a, err := s.do(ctx, sf, c)
	if err != nil {
		s.log.Error("a command failed", "action", c.Action, "place", c.Place, "error", err)
		a = coach.Answer{Sections: []coach.Section{{Text: s.desk.Words(err)}}}
	}
	if err := s.show(ctx, sf, c, a); err != nil && ctx.Err() == nil {
		s.log.Error("an answer could not be shown", "action", c.Action, "place", c.Place, "error", err)
	}
}

// do asks the desk; whether the asker manages the workspace is Slack's word.
func (s *Slack) do(ctx context.Context, sf surface, c coach.Command) (coach.Answer, error) {
	for _, e := range s.desk.Menu() {
		if e.Action == c.Action && e.Admin {
			c.Admin = s.admin(ctx, sf)
		}
	}
	a, err := s.desk.Do(ctx, c)
	if err == nil && c.Action == coach.ActHelp && a.Form == nil {
		a.Sections = append(a.Sections, coach.Section{Text: wordsHow})
	}
	return a, err
}

// admin reports whether Slack says that a user manages the workspace. Where it
// can't be asked the answer is no.
func (s *Slack) admin(ctx context.Context, sf surface) bool {
	key := sf.team + "." + sf.user
	if is, known := s.admins.get(key); known {
		return is
	}
	ses, err := s.session(ctx, sf.team)
	var u *slack.User
	if err == nil {
		err = s.call(ses, "users.info", "", func(api *slack.Client) error {
			var err error
			u, err = api.GetUserInfoContext(ctx, sf.user)
			return err
		})
	}
	if err != nil {
		s.log.Warn("slack did not say who manages the workspace", "team", sf.team, "error", err)
		return false
	}
	is := u.IsAdmin || u.IsOwner || u.IsPrimaryOwner
	s.admins.put(key, is)
	return is
}

// show shows an answer to a command at its surface.
func (s *Slack) show(ctx context.Context, sf surface, c coach.Command, a coach.Answer) error {
	ses, err := s.session(ctx, sf.team)
	if err != nil {
		return err
	}
	switch {
	case a.Form != nil:
		return s.open(ctx, ses, sf, formView(*a.Form, sf), wordsPress)
	case sf.home && (c.Action == coach.ActSettings || c.Action == coach.ActHome):
		return s.publishHome(ctx, sf)
	case (sf.view != "" || sf.home) && len(a.Files) == 0:
		return s.showView(ctx, ses, sf, a) // whose words say what a picture does
	case len(a.Files) > 0:
		return s.showFiles(ctx, ses, sf, a, s.picture(ctx, ses, a))
	case a.Picture != nil:
		if picture := s.picture(ctx, ses, a); picture != "" {
			return s.showFiles(ctx, ses, sf, a, picture)
		}
	}
	if a.Public && !sf.thread.direct() {
		return s.showPublic(ctx, ses, sf, a)
	}
	k := newKit()
	k.answer(a, "")
	return s.whisper(ctx, ses, sf, k.content(a.Text()))
}

// tell says one thing to who is at the surface, and to nobody else.
func (s *Slack) tell(ctx context.Context, sf surface, text string) error {
	ses, err := s.session(ctx, sf.team)
	if err != nil {
		return err
	}
	if sf.view != "" || sf.home {
		return s.showView(ctx, ses, sf, coach.Answer{Sections: []coach.Section{{Text: text}}})
	}
	k := newKit()
	k.text("", text)
	return s.whisper(ctx, ses, sf, k.content(text))
}

// whisper shows a message to the asker alone: in their direct message, by the
// response URL, as an ephemeral message, or at last in a direct message.
func (s *Slack) whisper(ctx context.Context, ses *session, sf surface, c content) error {
	if sf.responseURL != "" && (sf.replace || !sf.thread.direct()) {
		err := s.respond(ctx, ses, sf, c, slack.ResponseTypeEphemeral)
		if err == nil {
			return nil
		}
		s.log.Debug("the response URL was of no use", "error", err)
	}
	if sf.thread.direct() {
		err := s.plainly(c, func(opts []slack.MsgOption) error {
			return s.say(ctx, ses, sf.thread.channel, in(sf.thread, opts), new(posting))
		})
		if err == nil || !codeIs(err, "channel_not_found", "not_in_channel") {
			return err
		}
		// A direct message with somebody else, in which a command was typed.
		if sf.responseURL != "" {
			return s.respond(ctx, ses, sf, c, slack.ResponseTypeEphemeral)
		}
		return err
	}
	err := s.plainly(c, func(opts []slack.MsgOption) error {
		return s.call(ses, "chat.postEphemeral", sf.thread.channel, func(api *slack.Client) error {
			_, err := api.PostEphemeralContext(ctx, sf.thread.channel, sf.user, in(sf.thread, opts)...)
			return err
		})
	})
	if !codeIs(err, "not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "messages_tab_disabled") {
		return err
	}
	channel, err := s.openDirect(ctx, ses, sf.user)
	if err != nil {
		return err
	}
	return s.plainly(c, func(opts []slack.MsgOption) error { return s.say(ctx, ses, channel, opts, new(posting)) })
}

// in puts a message into the thread, where there is one.
func in(t thread, opts []slack.MsgOption) []slack.MsgOption {
	if t.ts == "" {
		return opts
	}
	return append(opts, slack.MsgOptionTS(t.ts))
}

// plainly sends a message with its blocks, and without them where Slack does not
// take them.
func (s *Slack) plainly(c content, send func(opts []slack.MsgOption) error) error {
	err := send(c.options())
	if unfit(err) {
		err = send(c.plainOptions())
	}
	return err
}

// respond answers by the response URL. What it refuses (it is used up, or over,
// or does not like the blocks) is answered another way.
func (s *Slack) respond(ctx context.Context, ses *session, sf surface, c content, kind string) error {
	if !s.ours(sf.responseURL) {
		return errors.New("slack: respond: the response URL is not Slack's")
	}
	opts := in(sf.thread, c.options())
	opts = append(opts, slack.MsgOptionResponseURL(sf.responseURL, kind))
	if sf.replace && kind == slack.ResponseTypeEphemeral {
		opts = append(opts, slack.MsgOptionReplaceOriginal(sf.responseURL))
	}
	if _, _, err := ses.api.PostMessageContext(ctx, "", opts...); err != nil {
		return fmt.Errorf("slack: respond: %w", bare(err))
	}
	return nil
}

// ours reports whether a response URL leads to Slack's API host: it comes with a
// signed request, but costs nothing to check.
func (s *Slack) ours(address string) bool {
	for _, host := range []string{"https://hooks.slack.com/", "https://hooks.slack-gov.com/"} {
		if strings.HasPrefix(address, host) {
			return true
		}
	}
	return s.standIn != nil && strings.HasPrefix(address, s.standIn.Scheme+"://"+s.standIn.Host+"/")
}

// showPublic posts an answer that others may see. One with a sentence to read is
// remembered, so that a recording in its thread is known to be of it.
func (s *Slack) showPublic(ctx context.Context, ses *session, sf surface, a coach.Answer) error {
	k := newKit()
	k.answer(a, "")
	c := k.content(a.Text())
	var p posting
	err := s.plainly(c, func(opts []slack.MsgOption) error { return s.say(ctx, ses, sf.thread.channel, in(sf.thread, opts), &p) })
	if codeIs(err, "not_in_channel", "channel_not_found", "is_archived", "restricted_action") {
		return s.whisper(ctx, ses, sf, c)
	}
	if err != nil || a.Sentence == "" {
		return err
	}
	if err := s.shelf.Put(ctx, promptKey(thread{sf.team, p.Channel, p.TS}), []byte(a.Sentence)); err != nil {
		return fmt.Errorf("slack: shelf: %w", err)
	}
	return nil
}

// picture uploads an answer's picture, and returns "" where there is none or it
// can't be: the words say the same.
func (s *Slack) picture(ctx context.Context, ses *session, a coach.Answer) string {
	if a.Picture == nil || !s.can(ses, "files:write") {
		return ""
	}
	id, err := s.upload(ctx, ses, "picture.png", a.Picture.PNG, a.Picture.Alt, "", "")
	if err != nil {
		s.log.Warn("a picture could not be uploaded", "error", err)
		return ""
	}
	s.settle(ctx, ses, id)
	return id
}

// showFiles sends an answer with files or a picture. An ephemeral message holds
// none, so what is for the asker alone goes to their direct message.
func (s *Slack) showFiles(ctx context.Context, ses *session, sf surface, a coach.Answer, picture string) error {
	to := sf.thread
	if !a.Public && !to.direct() || sf.view != "" || sf.home {
		channel, err := s.openDirect(ctx, ses, sf.user)
		if err != nil {
			return err
		}
		to = thread{team: sf.team, channel: channel}
	}
	k := newKit()
	k.answer(a, picture)
	err := s.plainly(k.content(a.Text()), func(opts []slack.MsgOption) error {
		return s.say(ctx, ses, to.channel, in(to, opts), new(posting))
	})
	if err != nil {
		return err
	}
	for _, f := range a.Files {
		if _, err := s.upload(ctx, ses, f.Name, f.Data, "", to.channel, to.ts); err != nil {
			words := s.desk.Words(err)
			if codeIs(err, "missing_scope") {
				words = wordsNoFiles
			}
			return errors.Join(err, s.tell(ctx, sf, words))
		}
	}
	if to.channel == sf.thread.channel {
		return nil
	}
	return s.tell(ctx, sf, wordsSent)
}
