package discordtest

import (
	"errors"
	"strings"
	"time"
)

// nonceLife is how long Discord remembers a nonce: "the past few minutes".
const nonceLife = 3 * time.Minute

// kept makes attachments of a message's uploads.
func (s *Server) kept(channel string, files []blob) []*blob {
	var all []*blob
	for _, f := range files {
		all = append(all, s.keep(channel, f))
	}
	return all
}

// form is a refusal of a body.
func form(err error) *refusal {
	if errors.Is(err, errEmpty) {
		return refuse(400, 50006, err.Error())
	}
	return badForm(err.Error())
}

func (s *Server) postMessage(r *request) (any, *refusal) {
	c := s.channels[r.PathValue("channel")]
	permission := uint64(SendMessages)
	if c != nil && c.isThread() {
		permission = SendInThreads
	}
	c, no := s.open(r.PathValue("channel"), permission)
	if no != nil {
		return nil, no
	}
	in, err := checkMessage(r.body, r.files, suppressEmbeds|silent)
	if err != nil {
		return nil, form(err)
	}
	if in.nonce != "" && in.EnforceNonce {
		for _, m := range c.messages {
			if m.nonce == in.nonce && m.author == s.bot && s.now().Sub(m.nonceAt) < nonceLife {
				return s.messageJSON(m, true), nil
			}
		}
	}
	if c.locked {
		return nil, refuse(400, 160005, "This thread is locked")
	}
	if c.kind == kindDM && s.users[c.people[0]].NoDM {
		return nil, refuse(403, 50007, "Cannot send messages to this user")
	}
	if len(r.files) > 0 {
		if _, no := s.open(c.id, AttachFiles); no != nil {
			return nil, no
		}
	}
	m := &message{
		id: s.nextID(), channel: c.id, guild: c.guild, author: s.bot, flags: in.Flags,
		components: in.components, nonce: in.nonce, nonceAt: s.now(), attachments: s.kept(c.id, in.files),
	}
	if in.Content != nil {
		m.content = strings.TrimSpace(*in.Content)
	}
	if in.Reference != nil {
		if _, no := s.open(c.id, ReadHistory); no != nil {
			return nil, refuse(400, 160002, "Cannot reply without permission to read message history")
		}
		if s.find(c.id, in.Reference.MessageID) != nil {
			m.replyTo, m.kind = in.Reference.MessageID, 19
		} else if in.Reference.FailIfNotExists == nil || *in.Reference.FailIfNotExists {
			return nil, &refusal{400, 50035, "message_reference: Unknown message", true}
		}
	}
	if in.nonce == "" || !in.EnforceNonce {
		s.violate("a message without an enforced nonce")
	}
	c.archived = false
	c.messages = append(c.messages, m)
	s.announce(m)
	return s.messageJSON(m, true), nil
}
