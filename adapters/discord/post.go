package discord

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// postPatience is how long a post waits for its turn; what takes longer is a
// snooze, so that a slow channel doesn't keep a worker from the others.
const postPatience = 3 * time.Second

// posted is what the shelf says of a reply: where it was meant to go, and what
// it became.
type posted struct {
	Channel string    `json:"channel,omitempty"` // that it was last tried in
	At      time.Time `json:"at,omitzero"`       // when it was first tried there
	Message string    `json:"message,omitempty"` // once it is known to be there
	NoDM    bool      `json:"no_dm,omitempty"`   // its learner takes no direct messages
	Notice  string    `json:"notice,omitempty"`  // the text of a notice that an interaction's message shows
}

// toInteraction is posted.Channel of an answer to an interaction.
const toInteraction = "interaction"

// post is a reply on its way.
type post struct {
	*Discord
	key    string
	nonce  string
	note   note
	user   string
	at     where
	record posted
}

// Post implements coach.Adapter. What Discord forgets within minutes (a nonce
// that it knows) is made good by the shelf: before a message is made, where is
// written down, and another attempt looks there for it first.
func (d *Discord) Post(ctx context.Context, thread coach.ThreadID, r coach.Reply) error {
	ctx = withPatience(ctx, postPatience)
	at, err := parseThread(thread)
	if err != nil {
		return fmt.Errorf("discord: post: %w", err)
	}
	p, err := d.newPost(ctx, at, r.Note, r.Learner, string(r.Kind))
	if err != nil || p.record.Message != "" {
		return err
	}
	m := d.message(r)
	err = p.send(ctx, m, r)
	if gone := refused(err); gone == codeUnknownMessage || gone == codeUnknownChannel {
		return d.withdraw(ctx, r.Note) // deleted meanwhile: there is nobody to answer
	}
	if err != nil {
		return snoozed(err)
	}
	if r.Kind == coach.ReplyCoaching && r.Assessment != nil {
		// Who replies to it, or writes in its thread, means its sentence.
		return d.tellAbout(ctx, prompt{r.Assessment.Text, r.Learner}, p.record.Message, p.note.message)
	}
	return nil
}

// newPost reads what is known of a post.
func (d *Discord) newPost(ctx context.Context, at where, id coach.NoteID, learner coach.LearnerID, kind string) (*post, error) {
	n, err := parseNote(id)
	if err != nil {
		return nil, fmt.Errorf("discord: post: %w", err)
	}
	user, err := parseLearner(learner)
	if err != nil {
		return nil, fmt.Errorf("discord: post: %w", err)
	}
	sum := sha256.Sum256([]byte(string(id) + " " + kind))
	p := &post{
		Discord: d, note: n, user: user, at: at,
		key:   "post." + string(id) + "." + kind,
		nonce: base64.RawURLEncoding.EncodeToString(sum[:])[:25],
	}
	b, found, err := d.shelf.Get(ctx, p.key)
	if err != nil {
		return nil, fmt.Errorf("discord: post: %w", err)
	}
	if found {
		if err := json.Unmarshal(b, &p.record); err != nil {
			d.log.Error("an unreadable record of a post is replaced", "note", id)
		}
	}
	return p, nil
}

// snoozed makes a *coach.Snooze of a rate limit.
func snoozed(err error) error {
	var l *limited
	if errors.As(err, &l) {
		return &coach.Snooze{For: l.after, Cause: err}
	}
	return err
}

// keep writes the post's record.
func (p *post) keep(ctx context.Context) error {
	b, err := json.Marshal(p.record)
	if err == nil {
		err = p.shelf.Put(ctx, p.key, b)
	}
	if err != nil {
		return fmt.Errorf("discord: post: %w", err)
	}
	return nil
}

// send posts to where the reply belongs.
func (p *post) send(ctx context.Context, m outgoing, r coach.Reply) error {
	token, alive, err := p.token(ctx, r.Note)
	if err != nil {
		return err
	}
	// A message that was named to us by command is answered below itself, if
	// others may see that; what else came by an interaction is answered there.
	below := p.note.message != "" && !r.Private && p.at.kind != byToken
	if alive && !below {
		done, err := p.interaction(ctx, token, m, r)
		if done || err != nil {
			return err
		}
	}
	switch {
	case r.Private && p.at.kind != inDM, p.at.kind == byToken, p.note.message == "" && p.at.kind != inDM:
		err = p.direct(ctx, m, r)
	default:
		err = p.open(ctx, m)
	}
	if err == nil && alive && below {
		p.pointTo(ctx, token)
	}
	return err
}

// open posts where everybody in the conversation sees it: in a thread on the
// note's message, in the thread that it is in, in the direct message; in the
// channel where there can be no thread.
func (p *post) open(ctx context.Context, m outgoing) error {
	if p.at.kind == inChannel && p.note.message != "" && (p.record.Channel == "" || p.record.Channel == p.note.message) {
		err := p.thread(ctx)
		if err == nil {
			err = p.create(ctx, p.note.message, "", m)
		}
		if !isRefusal(err) || refused(err) == codeUnknownMessage || refused(err) == codeUnknownChannel && p.record.Channel == "" {
			return err
		}
		p.log.Info("a reply goes to the channel: there can be no thread", "channel", p.at.channel, "code", refused(err))
	}
	return p.create(ctx, p.at.channel, p.note.message, m)
}

const threadName = "Pronunciation coaching"

// thread makes the thread on the note's message, or finds it made.
func (p *post) thread(ctx context.Context) error {
	if p.record.Channel == p.note.message {
		return nil // it was there when this was tried before
	}
	err := p.api.call(ctx, http.MethodPost, "/channels/"+p.at.channel+"/messages/"+p.note.message+"/threads", struct {
		Name    string `json:"name"`
		Archive int    `json:"auto_archive_duration"` // minutes; the shortest, for a server's active threads are limited
	}{threadName, 60}, nil)
	if refused(err) == codeThreadExists {
		return nil
	}
	return err
}

// create makes the message in a channel, as a reply where replyTo is set. What an
// earlier attempt may have left there is looked for first.
func (p *post) create(ctx context.Context, channel, replyTo string, m outgoing) error {
	if p.record.Channel == channel {
		found, err := p.find(ctx, channel, replyTo, m.Content)
		if err != nil {
			return err
		}
		if found != "" {
			p.record.Message = found
			return p.keep(ctx)
		}
	} else {
		p.record = posted{Channel: channel, At: time.Now(), NoDM: p.record.NoDM}
		if err := p.keep(ctx); err != nil {
			return err
		}
	}
	m.Nonce, m.EnforceNonce = p.nonce, true
	if replyTo != "" {
		m.Reference = &reference{MessageID: replyTo, FailIfNotExists: true}
	}
	var made message
	path := "/channels/" + channel + "/messages"
	err := p.api.call(ctx, http.MethodPost, path, m, &made, m.files...)
	if refused(err) == codeCannotReply {
		m.Reference = nil
		err = p.api.call(ctx, http.MethodPost, path, m, &made, m.files...)
	}
	if code := refused(err); len(m.files) > 0 && (code == codeMissingPermissions || code == codeTooLarge) {
		m.files, m.Attachments = nil, []attachment{} // the text alone suffices
		err = p.api.call(ctx, http.MethodPost, path, m, &made)
	}
	if refused(err) == codeBadForm && m.Reference != nil {
		// That is also how Discord says that what is replied to is gone.
		if gone := p.api.call(ctx, http.MethodGet, path+"/"+replyTo, nil, nil); refused(gone) == codeUnknownMessage {
			return gone
		}
	}
	if err != nil {
		return err
	}
	p.record.Message = made.ID
	return p.keep(ctx)
}

// find looks for the message that an earlier attempt may have made.
func (p *post) find(ctx context.Context, channel, replyTo, content string) (string, error) {
	us, err := p.userID(ctx)
	if err != nil {
		return "", err
	}
	var page []message
	after := snowflakeAt(p.record.At.Add(-time.Minute)) // our clock may be fast
	err = p.api.call(ctx, http.MethodGet, "/channels/"+channel+"/messages?after="+after+"&limit=100", nil, &page)
	if isRefusal(err) {
		return "", nil // we may write here and not read; the nonce is left
	}
	if err != nil {
		return "", err
	}
	for _, m := range page {
		if m.Author == nil || m.Author.ID != us || m.Content != content {
			continue
		}
		if replyTo == "" || m.Reference != nil && m.Reference.MessageID == replyTo {
			return m.ID, nil
		}
	}
	return "", nil
}

// direct posts to the learner alone, in a direct message that says what it is
// about. A learner who takes none is told so below the note.
func (p *post) direct(ctx context.Context, m outgoing, r coach.Reply) error {
	if !p.record.NoDM {
		err := p.inDM(ctx, m, r)
		if code := refused(err); code != codeCannotDM && code != codeNoMutualServers {
			return err
		}
		p.record = posted{NoDM: true}
	}
	switch {
	case p.at.kind == byToken, p.note.message == "":
		p.log.Info("a reply reaches nobody: its interaction is over, and its learner takes no direct messages", "note", r.Note)
		return nil
	case r.Kind == coach.ReplyNotice, r.Kind == coach.ReplyQuestion:
		return p.open(ctx, m) // it holds nobody's results
	}
	said := say(wordsNoDM)
	if r.Kind == coach.ReplyCoaching {
		said.Components = m.Components // what they answer is for the learner alone
	}
	return p.open(ctx, said)
}

func (p *post) inDM(ctx context.Context, m outgoing, r coach.Reply) error {
	dm, err := p.dm(ctx)
	if err != nil {
		return err
	}
	if p.at.guild != "" && p.note.message != "" {
		about := wordsAbout + messageLink(p.at, p.note.message) + "\n"
		shown, _ := fit(r.Text, maxContent-length(about))
		m.Content = strings.TrimSpace(about + escape(shown))
	}
	return p.create(ctx, dm, "", m)
}

// messageLink leads to a message.
func messageLink(at where, message string) string {
	guild := at.guild
	if guild == "" {
		guild = "@me"
	}
	return "https://discord.com/channels/" + guild + "/" + at.channel + "/" + message
}

// dm returns the channel of direct messages with the learner.
func (p *post) dm(ctx context.Context) (string, error) {
	if c, ok := p.dms.get(p.user); ok {
		return c.ID, nil
	}
	var c channel
	err := p.api.call(ctx, http.MethodPost, "/users/@me/channels", struct {
		Recipient string `json:"recipient_id"`
	}{p.user}, &c)
	if err != nil {
		return "", err
	}
	p.dms.put(p.user, c)
	return c.ID, nil
}

// tellBusy tells a learner, once, that a note was not taken.
func (d *Discord) tellBusy(ctx context.Context, at where, n coach.VoiceNote, busy error) error {
	p, err := d.newPost(ctx, at, n.ID, n.Learner, "busy")
	if err != nil || p.record.Message != "" {
		return err
	}
	err = p.create(ctx, at.channel, p.note.message, say(d.desk.Words(busy)))
	if isRefusal(err) {
		d.log.Info("a learner could not be told to come back", "note", n.ID, "error", err)
		return nil
	}
	return err
}

// hint says, once in a channel that was set up for us, how a recording there
// reaches us though we can't see it.
func (d *Discord) hint(ctx context.Context, m message) {
	at, _, named, err := d.place(ctx, m)
	if err == nil && !named {
		return
	}
	var p *post
	if err == nil {
		p, err = d.newPost(ctx, at, messageNote(at.channel), learnerID(m.Author.ID), "hint")
	}
	if err == nil && p.record.Message == "" {
		err = p.create(ctx, at.channel, "", say(wordsHint))
	}
	if err != nil && ctx.Err() == nil {
		d.log.Warn("a channel was not told how recordings reach mynah", "channel", m.ChannelID, "error", err)
	}
}

// Working implements coach.Indicator: it shows that mynah is typing, where the
// reply is going to be.
func (d *Discord) Working(ctx context.Context, n coach.VoiceNote) error {
	at, err := parseThread(n.Thread)
	if err != nil || at.kind == byToken || strings.HasPrefix(string(n.ID), idPrefix+"i") {
		return err // an interaction shows it by itself
	}
	ctx = withPatience(ctx, 0)
	if err := d.api.call(ctx, http.MethodPost, "/channels/"+at.channel+"/typing", nil, nil); err != nil {
		return snoozed(err)
	}
	return nil
}
