package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// tokenRecord is a note's interaction, on the shelf while it can be answered.
type tokenRecord struct {
	Application string    `json:"application,omitempty"`
	Token       string    `json:"token,omitempty"`
	Until       time.Time `json:"until,omitzero"`
}

// token returns the interaction that the note came by, if it still lives.
func (d *Discord) token(ctx context.Context, id coach.NoteID) (t tokenRecord, alive bool, err error) {
	b, found, err := d.shelf.Get(ctx, noteKey(id))
	if err != nil {
		return t, false, fmt.Errorf("discord: note: %w", err)
	}
	if found {
		if json.Unmarshal(b, &t) != nil {
			t = tokenRecord{} // as good as over
		}
	}
	return t, t.Token != "" && time.Now().Before(t.Until), nil
}

// assess takes the recording in that /assess was given.
func (r *responder) assess(ctx context.Context, in coach.Inbox, data commandData) error {
	var audio attached
	text := ""
	for _, o := range data.Options {
		switch o.Name {
		case optionAudio:
			audio = data.Resolved.Attachments[plainValue(o.Value)]
		case optionSentence:
			text = strings.TrimSpace(plainValue(o.Value))
		}
	}
	if !isSnowflake(audio.ID) {
		return r.tell(ctx, wordsNoRecording)
	}
	if !isAudio(audio) && !strings.HasPrefix(audio.ContentType, "video/") {
		return r.tell(ctx, wordsNotAudio)
	}
	return r.take(ctx, in, coach.VoiceNote{
		ID: interactionNote(r.i.ID), Text: text,
		Audio: coach.Attachment{
			Ref:  recording{File: audio.ID, URL: audio.URL}.ref(),
			Name: audio.Filename, ContentType: audio.ContentType, Size: audio.Size,
		},
	}, message{})
}

// assessMessage takes the recording in of the message whose menu was used.
func (r *responder) assessMessage(ctx context.Context, in coach.Inbox, data commandData) error {
	m, ok := data.Resolved.Messages[data.TargetID]
	if !ok || !isSnowflake(m.ID) {
		return r.tell(ctx, wordsNoRecording)
	}
	audio, _, ok := audioOf(m)
	if !ok {
		return r.tell(ctx, wordsNoRecording)
	}
	if m.Author == nil || m.Author.ID != r.i.asker() {
		return r.tell(ctx, wordsNotYours)
	}
	id := messageNote(m.ID)
	known, err := r.accepted(ctx, id)
	if err != nil {
		return errors.Join(err, r.tell(ctx, r.desk.Words(err)))
	}
	if known {
		return r.tell(ctx, wordsKnown)
	}
	return r.take(ctx, in, coach.VoiceNote{
		ID: id,
		Audio: coach.Attachment{
			Ref:  recording{Channel: r.i.ChannelID, Message: m.ID, File: audio.ID, URL: audio.URL}.ref(),
			Name: audio.Filename, ContentType: audio.ContentType, Size: audio.Size,
		},
	}, m)
}

// take accepts a note that came by an interaction. Discord shows at once that
// mynah is at it; the note's reply takes the place of that.
func (r *responder) take(ctx context.Context, in coach.Inbox, n coach.VoiceNote, m message) error {
	if err := r.callback(ctx, callback{Type: callbackDefer, Data: flags{flagEphemeral}}); err != nil {
		return err
	}
	at := r.i.where()
	n.Platform, n.Thread, n.Place = coach.Discord, at.id(), r.i.place()
	n.Learner, n.Received = learnerID(r.i.asker()), time.Now()
	err := func() error {
		if n.Text == "" {
			text, err := r.sentence(ctx, n.Learner, at, m)
			if err != nil {
				return err
			}
			if n.Text = text; text == "" {
				n.Text = plain(m.Content)
			}
		}
		record, err := json.Marshal(tokenRecord{r.i.ApplicationID, r.i.Token, r.came.Add(tokenLife)})
		if err != nil {
			return err
		}
		// Before the note is in, for its reply may be quick.
		if err := r.shelf.Put(ctx, noteKey(n.ID), record); err != nil {
			return fmt.Errorf("discord: note: %w", err)
		}
		if err := in.Accept(ctx, n); err != nil {
			return errors.Join(err, r.shelf.Delete(ctx, noteKey(n.ID)))
		}
		return nil
	}()
	r.settled(r.i.ID, err)
	if err == nil {
		return nil
	}
	if busy := (*coach.Busy)(nil); !errors.As(err, &busy) {
		r.log.Error("a voice note was not taken in", "interaction", r.i.ID, "error", err)
	}
	return r.edit(ctx, say(r.desk.Words(err)))
}

// interaction answers a note by the interaction that it came by; not done where
// that is over. An interaction has one message, which each reply takes the place
// of, so that repeating one is harmless. What a notice said stays above it.
func (p *post) interaction(ctx context.Context, t tokenRecord, m outgoing, r coach.Reply) (done bool, err error) {
	notice := ""
	if r.Kind != coach.ReplyNotice {
		n, err := p.newPost(ctx, p.at, r.Note, r.Learner, string(coach.ReplyNotice))
		if err != nil {
			return false, err
		}
		notice = n.record.Notice
	}
	if notice != "" {
		shown, _ := fit(r.Text, max(maxContent/2, maxContent-length(escape(notice))-2))
		above, _ := fit(notice, maxContent-length(escape(shown))-2)
		m.Content = escape(above) + "\n\n" + escape(shown)
	}
	var made message
	err = p.api.call(ctx, http.MethodPatch, originalPath(t.Application, t.Token), m, &made, m.files...)
	switch refused(err) {
	case codeUnknownWebhook, codeInvalidToken, codeUnknownMessage, codeUnknownChannel:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.record = posted{Channel: toInteraction, At: time.Now(), Message: made.ID}
	if r.Kind == coach.ReplyNotice {
		p.record.Notice = r.Text
	}
	return true, p.keep(ctx)
}

// pointTo says in the interaction where the answer is.
func (p *post) pointTo(ctx context.Context, t tokenRecord) {
	at := p.at
	if p.record.Channel != "" {
		at.channel = p.record.Channel
	}
	m := say("")
	m.Content = wordsBelow + messageLink(at, p.record.Message)
	if err := p.api.call(ctx, http.MethodPatch, originalPath(t.Application, t.Token), m, nil); err != nil {
		p.log.Info("an interaction was not told where its answer is", "error", err)
	}
}
