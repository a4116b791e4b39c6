package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Response is what a person is shown to something that they did.
type Response struct {
	Seen []Seen // in order; a modal is one
	// Errors are what a form says of its fields, when it stays.
	Errors map[string]string

	s    *Server
	user *User
}

// Form is the modal to fill in that was opened, false where none was.
func (r Response) Form() (Seen, bool) {
	for _, seen := range r.Seen {
		if seen.Input != "" {
			return seen, true
		}
	}
	return Seen{}, false
}

// Press presses a button of what was shown.
func (r Response) Press(ctx context.Context, label string) (Response, error) {
	for _, seen := range slices.Backward(r.Seen) {
		if slices.Contains(seen.Buttons, label) {
			return r.user.Press(ctx, seen, label)
		}
	}
	return Response{}, fmt.Errorf("slacktest: nothing shown has a button %q", label)
}

// Choose chooses from a menu of what was shown.
func (r Response) Choose(ctx context.Context, label string, options ...string) (Response, error) {
	for _, seen := range slices.Backward(r.Seen) {
		if slices.Contains(seen.Choices, label) {
			return r.user.Choose(ctx, seen, label, options...)
		}
	}
	return Response{}, fmt.Errorf("slacktest: nothing shown has a choice %q", label)
}

// Send fills in the form that was opened and sends it.
func (r Response) Send(ctx context.Context, text string) (Response, error) {
	form, ok := r.Form()
	if !ok {
		return Response{}, fmt.Errorf("slacktest: no form was opened")
	}
	return r.user.Send(ctx, form, text)
}

// responding does something, and returns what the person is shown to it, once
// there is something where they did it.
func (u *User) responding(ctx context.Context, in *Channel, a func() (attempt, error)) (Response, error) {
	s := u.w.s
	s.mu.Lock()
	from := len(s.shows)
	what, err := a()
	s.mu.Unlock()
	if err != nil {
		return Response{}, err
	}
	payload, err := s.deliver(ctx, what)
	if err != nil {
		return Response{}, err
	}
	r := Response{s: s, user: u}
	if len(payload) > 0 && string(payload) != "null" {
		return r.answered(payload, what)
	}
	err = s.wait(ctx, func() bool {
		r.Seen = nil
		done := false
		for _, w := range s.shows[min(from, len(s.shows)):] {
			if !u.sees(w) {
				continue
			}
			if w.view != nil {
				r.Seen = append(r.Seen, s.seenView(w.view))
			} else {
				r.Seen = append(r.Seen, s.seen(w.message))
			}
			done = done || w.answer || w.message != nil && (w.message.only != "" || w.message.Channel == in)
		}
		return done
	})
	if err != nil {
		return Response{}, fmt.Errorf("slacktest: nothing was shown: %w", err)
	}
	return r, nil
}

// answered takes what a sent form was answered with.
func (r Response) answered(payload json.RawMessage, what attempt) (Response, error) {
	var p struct {
		ResponseAction string            `json:"response_action"`
		View           json.RawMessage   `json:"view"`
		Errors         map[string]string `json:"errors"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return r, fmt.Errorf("slacktest: a strange answer: %w", err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	body, _ := what.body.(map[string]any)
	sent, _ := body["view"].(map[string]any)
	id, _ := sent["id"].(string)
	old := r.s.views[id]
	switch p.ResponseAction {
	case "errors":
		for block := range p.Errors {
			known := false
			walk(parse(old.blocks), func(o map[string]any) { known = known || o["block_id"] == block })
			if !known {
				return r, fmt.Errorf("slacktest: an error of an unknown block %q", block)
			}
		}
		r.Errors = p.Errors
		return r, nil
	case "update", "push":
		v, err := r.s.readView(r.user.w, string(p.View), surfaceModal)
		if err != nil {
			return r, err
		}
		v.user = r.user.ID
		if p.ResponseAction == "update" {
			v.id, v.below = old.id, old.below
		}
		r.s.views[v.id] = v
		r.s.showView(v)
		r.Seen = []Seen{r.s.seenView(v)}
		return r, nil
	case "clear":
		old.closed = true
		return r, nil
	}
	return r, fmt.Errorf("slacktest: response_action %q", p.ResponseAction)
}

// Command types a slash command with the words after it.
func (u *User) Command(ctx context.Context, c *Channel, text string) (Response, error) {
	return u.responding(ctx, c, func() (attempt, error) {
		s, w := u.w.s, u.w
		body := map[string]any{
			"token": "verification", "team_id": w.ID, "team_domain": w.Name, "channel_id": c.ID, "channel_name": c.Name, "user_id": u.ID,
			"user_name": u.Name, "command": "/mynah", "text": text, "api_app_id": "A0TEST", "is_enterprise_install": fmt.Sprint(w.OrgWide),
			"response_url": s.newHook(w, u.ID, c, nil), "trigger_id": s.newTrigger(w, u.ID),
		}
		if w.Enterprise != "" {
			body["enterprise_id"], body["enterprise_name"] = w.Enterprise, "organisation"
		}
		return attempt{kind: "slash_commands", path: "/slack/commands", body: body}, nil
	})
}

// interaction is what all of them have.
func (u *User) interaction(kind string) map[string]any {
	w := u.w
	out := map[string]any{
		"type": kind, "api_app_id": "A0TEST", "token": "verification", "team": map[string]any{"id": w.ID, "domain": w.Name},
		"user": map[string]any{"id": u.ID, "username": u.Name, "team_id": w.ID}, "enterprise": nil, "is_enterprise_install": w.OrgWide,
		"trigger_id": w.s.newTrigger(w, u.ID),
	}
	if w.Enterprise != "" {
		out["enterprise"] = map[string]any{"id": w.Enterprise, "name": "organisation"}
	}
	return out
}

// acted is the payload of an element that was used.
func (u *User) acted(seen Seen, action map[string]any) attempt {
	s := u.w.s
	body := u.interaction("block_actions")
	body["actions"] = []map[string]any{action}
	if v := seen.view; v != nil {
		body["view"] = v.json()
		body["container"] = map[string]any{"type": "view", "view_id": v.id}
		if u.w.OrgWide {
			body["team"] = nil
		}
	} else {
		m := seen.message
		container := map[string]any{"type": "message", "message_ts": m.TS, "channel_id": m.Channel.ID, "is_ephemeral": m.only != ""}
		if m.ThreadTS != "" {
			container["thread_ts"] = m.ThreadTS
		}
		body["container"] = container
		body["channel"] = map[string]any{"id": m.Channel.ID, "name": m.Channel.Name}
		if m.only == "" {
			body["message"] = m.json()
		}
		body["response_url"] = s.newHook(u.w, u.ID, m.Channel, m)
	}
	return attempt{kind: "interactive", path: "/slack/interactions", body: body}
}

func (v *view) json() map[string]any {
	return map[string]any{
		"id": v.id, "team_id": v.w.ID, "type": v.kind, "blocks": v.blocks, "callback_id": v.callback, "private_metadata": v.metadata,
		"app_installed_team_id": v.w.ID, "hash": "1.abc", "bot_id": v.w.BotID,
	}
}

// where is the conversation that the person sees something in.
func (u *User) where(seen Seen) *Channel {
	if seen.message != nil {
		return seen.message.Channel
	}
	return nil
}

// Press presses a button of what the person sees.
func (u *User) Press(ctx context.Context, seen Seen, label string) (Response, error) {
	return u.responding(ctx, u.where(seen), func() (attempt, error) {
		var action map[string]any
		walk(parse(seen.Blocks()), func(o map[string]any) {
			text, _ := o["text"].(map[string]any)
			if o["type"] == "button" && text["text"] == label {
				action = map[string]any{"type": "button", "action_id": o["action_id"], "block_id": "b1", "value": o["value"], "text": text, "action_ts": "1.0"}
			}
		})
		if action == nil {
			return attempt{}, fmt.Errorf("slacktest: no button %q", label)
		}
		return u.acted(seen, action), nil
	})
}

// Choose chooses the options of these labels, or the conversations of these
// identifiers, under a menu's label.
func (u *User) Choose(ctx context.Context, seen Seen, label string, options ...string) (Response, error) {
	return u.responding(ctx, u.where(seen), func() (attempt, error) {
		var action map[string]any
		walk(parse(seen.Blocks()), func(o map[string]any) {
			text, _ := o["text"].(map[string]any)
			menu, _ := o["accessory"].(map[string]any)
			if o["type"] != "section" || text["text"] != label || menu == nil {
				return
			}
			if menu["type"] == "multi_conversations_select" {
				action = map[string]any{"type": menu["type"], "action_id": menu["action_id"], "selected_conversations": options}
				return
			}
			list, _ := menu["options"].([]any)
			for _, v := range list {
				option, _ := v.(map[string]any)
				if t, _ := option["text"].(map[string]any); len(options) == 1 && t["text"] == options[0] {
					action = map[string]any{"type": menu["type"], "action_id": menu["action_id"], "selected_option": option}
				}
			}
		})
		if action == nil {
			return attempt{}, fmt.Errorf("slacktest: no choice %q with %q", label, options)
		}
		return u.acted(seen, action), nil
	})
}

// Send fills in a form and sends it.
func (u *User) Send(ctx context.Context, form Seen, text string) (Response, error) {
	return u.responding(ctx, nil, func() (attempt, error) {
		values := map[string]any{}
		blocks, _ := parse(form.view.blocks).([]any)
		for _, v := range blocks {
			b, _ := v.(map[string]any)
			if e, ok := b["element"].(map[string]any); ok {
				block, _ := b["block_id"].(string)
				id, _ := e["action_id"].(string)
				values[block] = map[string]any{id: map[string]any{"type": e["type"], "value": text}}
			}
		}
		body := u.interaction("view_submission")
		view := form.view.json()
		view["state"] = map[string]any{"values": values}
		body["view"] = view
		if u.w.OrgWide {
			body["team"] = nil
		}
		return attempt{kind: "interactive", path: "/slack/interactions", body: body}, nil
	})
}

// Shortcut uses the message shortcut on a message.
func (u *User) Shortcut(ctx context.Context, m *Message) (Response, error) {
	return u.responding(ctx, m.Channel, func() (attempt, error) {
		body := u.interaction("message_action")
		body["callback_id"], body["message_ts"] = "mynah_assess", m.TS
		body["channel"] = map[string]any{"id": m.Channel.ID, "name": m.Channel.Name}
		body["message"] = m.json()
		body["response_url"] = u.w.s.newHook(u.w, u.ID, m.Channel, nil)
		return attempt{kind: "interactive", path: "/slack/interactions", body: body}, nil
	})
}

// OpenHome opens the App Home, and returns what the person sees there once it
// was drawn.
func (u *User) OpenHome(ctx context.Context) (Seen, error) {
	d := u.Direct()
	s := u.w.s
	err := s.Event(ctx, u.w, map[string]any{"type": "app_home_opened", "user": u.ID, "channel": d.ID, "tab": "home", "event_ts": "1.0"})
	if err != nil {
		return Seen{}, err
	}
	if err := s.wait(ctx, func() bool { return s.homes[u.ID] != nil }); err != nil {
		return Seen{}, err
	}
	seen, _ := u.Home()
	return seen, nil
}
