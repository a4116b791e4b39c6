package discordtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Limits of interactions.
const (
	firstAnswer = 3 * time.Second
	tokenLife   = 15 * time.Minute
)

// Interaction is what somebody asked of the bot, by a command, a component or a
// form.
type Interaction struct {
	ID, Token string

	s       *Server
	user    *User
	channel *channel
	outside bool // the bot is not in the server: its user brought it along
	on      *message
	began   time.Time
	event   map[string]any

	answered bool
	deferred bool // and not filled in yet
	original *message
	modal    *Modal
	followed []*message
}

// interaction reads the token of a path.
func (s *Server) byToken(token string) (*Interaction, *refusal) {
	i := s.interactions[token]
	if i == nil {
		return nil, unknownWebhook()
	}
	if s.now().Sub(i.began) > tokenLife {
		return nil, refuse(401, 50027, "Invalid Webhook Token")
	}
	return i, nil
}

func (s *Server) postCallback(r *request) (any, *refusal) {
	i := s.interactions[r.PathValue("token")]
	if i == nil || i.ID != r.PathValue("interaction") {
		return nil, refuse(404, 10062, "Unknown interaction")
	}
	if s.now().Sub(i.began) > firstAnswer {
		s.violate("an interaction was answered after %s", s.now().Sub(i.began))
		return nil, refuse(404, 10062, "Unknown interaction")
	}
	if i.answered {
		return nil, refuse(400, 40060, "Interaction has already been acknowledged.")
	}
	var in struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := strict(r.body, &in); err != nil {
		return nil, badForm(err.Error())
	}
	switch in.Type {
	case 4, 7:
		m, err := checkMessage(in.Data, r.files, suppressEmbeds|ephemeral|silent)
		if err != nil {
			return nil, form(err)
		}
		if in.Type == 4 {
			i.original = i.post(m)
			break
		}
		if i.on == nil {
			return nil, badForm("an update without a message")
		}
		i.edit(i.on, m)
		i.original = i.on
	case 5:
		var data struct {
			Flags int `json:"flags"`
		}
		if len(in.Data) > 0 {
			if err := strict(in.Data, &data); err != nil {
				return nil, badForm(err.Error())
			}
		}
		if data.Flags&^ephemeral != 0 {
			return nil, badForm("flags of a deferred answer")
		}
		i.original = i.post(&sent{Flags: data.Flags})
		i.deferred = true
	case 6:
		if i.on == nil {
			return nil, badForm("a deferred update without a message")
		}
		i.original = i.on
	case 9:
		m, err := checkModal(in.Data)
		if err != nil {
			return nil, badForm(err.Error())
		}
		i.modal = m
	default:
		return nil, badForm(fmt.Sprint("a callback of type ", in.Type))
	}
	i.answered = true
	return nil, nil
}

// post makes a message of an interaction's.
func (i *Interaction) post(in *sent) *message {
	s := i.s
	m := &message{
		id: s.nextID(), channel: i.channel.id, guild: i.channel.guild, author: s.bot, flags: in.Flags,
		components: in.components, attachments: s.kept(i.channel.id, in.files), webhook: s.app, token: i.Token,
	}
	if in.Content != nil {
		m.content = *in.Content
	}
	if in.Flags&ephemeral != 0 {
		m.for_ = i.user.ID
	}
	i.channel.messages = append(i.channel.messages, m)
	return m
}

// edit changes a message.
func (i *Interaction) edit(m *message, in *sent) {
	if in.Content != nil {
		m.content = *in.Content
	}
	if in.Components != nil {
		m.components = in.components
	}
	if in.Attachments != nil {
		m.attachments = i.s.kept(i.channel.id, in.files)
	}
}

func (s *Server) postFollowup(r *request) (any, *refusal) {
	i, no := s.byToken(r.PathValue("token"))
	if no != nil {
		return nil, no
	}
	if !i.answered {
		return nil, unknownWebhook()
	}
	in, err := checkMessage(r.body, r.files, suppressEmbeds|ephemeral|silent)
	if err != nil {
		return nil, form(err)
	}
	if i.outside && len(i.followed) == 5 {
		return nil, refuse(400, 40094, "This interaction has reached the maximum number of follow up messages.")
	}
	if i.deferred {
		s.violate("a follow-up in place of the deferred answer")
	}
	m := i.post(in)
	i.followed = append(i.followed, m)
	return s.messageJSON(m, true), nil
}

// answerOf is the message of a path: the first answer, or a follow-up.
func (s *Server) answerOf(r *request) (*Interaction, *message, *refusal) {
	i, no := s.byToken(r.PathValue("token"))
	if no != nil {
		return nil, nil, no
	}
	if !i.answered {
		return nil, nil, unknownWebhook()
	}
	id := r.PathValue("message")
	if id == "@original" && i.original != nil && !i.original.gone {
		return i, i.original, nil
	}
	for _, m := range i.followed {
		if m.id == id && !m.gone {
			return i, m, nil
		}
	}
	return nil, nil, unknownMessage()
}

func (s *Server) getWebhookMessage(r *request) (any, *refusal) {
	_, m, no := s.answerOf(r)
	if no != nil {
		return nil, no
	}
	return s.messageJSON(m, true), nil
}

func (s *Server) patchWebhookMessage(r *request) (any, *refusal) {
	i, m, no := s.answerOf(r)
	if no != nil {
		return nil, no
	}
	in, err := checkMessage(r.body, r.files, suppressEmbeds)
	if err != nil {
		return nil, form(err)
	}
	i.edit(m, in)
	if m == i.original {
		i.deferred = false
	}
	return s.messageJSON(m, true), nil
}

// Await waits until the interaction was answered for good: with messages, in
// which case they are returned, or a form.
func (i *Interaction) Await(ctx context.Context) ([]Message, *Modal, error) {
	for {
		i.s.mu.Lock()
		changed := i.s.changed
		if i.answered && !i.deferred {
			defer i.s.mu.Unlock()
			if i.modal != nil {
				return nil, i.modal, nil
			}
			all := []Message{i.s.show(i.original)}
			for _, m := range i.followed {
				all = append(all, i.s.show(m))
			}
			return all, nil, nil
		}
		i.s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, errors.Join(errors.New("the interaction was not answered"), ctx.Err())
		}
	}
}

// Acknowledged tells whether the interaction has had its first answer.
func (i *Interaction) Acknowledged() bool {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.answered
}
