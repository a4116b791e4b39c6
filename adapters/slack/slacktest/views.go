package slacktest

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// trigger is the right to open a view, for three seconds and once.
type trigger struct {
	user string
	w    *Workspace
	made time.Time
	used bool
}

func (s *Server) newTrigger(w *Workspace, user string) string {
	id := s.id("G")
	s.triggers[id] = &trigger{user: user, w: w, made: time.Now()}
	return id
}

// ExpireTriggers ends all triggers that were given out, and those that will be
// until the returned function is called.
func (s *Server) ExpireTriggers() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits["triggers"] = time.Now().Add(time.Hour)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.limits, "triggers")
	}
}

// view is a modal or an App Home.
type view struct {
	w        *Workspace
	id       string
	user     string
	kind     string
	title    string
	callback string
	metadata string
	blocks   json.RawMessage
	below    *view
	closed   bool
}

// read checks a view and reads it.
func (s *Server) readView(w *Workspace, raw string, kind string) (*view, error) {
	var v struct {
		Type            string          `json:"type"`
		Title           map[string]any  `json:"title"`
		Submit          map[string]any  `json:"submit"`
		Close           map[string]any  `json:"close"`
		CallbackID      string          `json:"callback_id"`
		PrivateMetadata string          `json:"private_metadata"`
		Blocks          json.RawMessage `json:"blocks"`
	}
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return nil, no("invalid_arguments")
	}
	k := &check{s: s, w: w}
	if v.Type != kind {
		k.bad("a view of type %q, want %q", v.Type, kind)
	}
	title := ""
	if kind == surfaceModal {
		k.text("title", v.Title, limitTitle, "plain_text")
		title, _ = v.Title["text"].(string)
		for name, o := range map[string]map[string]any{"submit": v.Submit, "close": v.Close} {
			if o != nil {
				k.text(name, o, limitTitle, "plain_text")
			}
		}
		inputs := false
		walk(parse(v.Blocks), func(o map[string]any) { inputs = inputs || o["type"] == "input" })
		if inputs && v.Submit == nil {
			k.bad("a view with an input has no submit")
		}
	}
	if n := utf8.RuneCountInString(v.PrivateMetadata); n > limitMetadata {
		k.bad("private_metadata of %d characters", n)
	}
	if n := utf8.RuneCountInString(v.CallbackID); n > limitID {
		k.bad("callback_id of %d characters", n)
	}
	k.wrong = append(k.wrong, s.checkBlocks(w, v.Blocks, kind)...)
	if len(k.wrong) > 0 {
		for _, wrong := range k.wrong {
			s.problem("invalid view: %s", wrong)
		}
		return nil, &refused{code: "invalid_arguments", messages: k.wrong}
	}
	return &view{w: w, id: s.id("V"), kind: kind, title: title, callback: v.CallbackID, metadata: v.PrivateMetadata, blocks: v.Blocks}, nil
}

func (s *Server) viewsOpen(c call) (map[string]any, error) {
	t := s.triggers[c.args.Get("trigger_id")]
	switch {
	case t == nil || t.w != c.w:
		return nil, no("invalid_trigger_id")
	case time.Since(t.made) > triggerIn, time.Until(s.limits["triggers"]) > 0:
		return nil, no("expired_trigger_id")
	case t.used:
		return nil, no("exchanged_trigger_id")
	}
	v, err := s.readView(c.w, c.args.Get("view"), surfaceModal)
	if err != nil {
		return nil, err
	}
	t.used = true
	v.user = t.user
	if c.method == "views.push" {
		depth := 0
		for _, other := range s.views {
			if other.user == v.user && !other.closed {
				v.below = other
				depth++
			}
		}
		if depth == 0 {
			return nil, no("not_found")
		}
		if depth >= 3 {
			return nil, no("push_limit_reached")
		}
	}
	s.views[v.id] = v
	s.showView(v)
	return map[string]any{"view": map[string]any{"id": v.id}}, nil
}

func (s *Server) viewsUpdate(c call) (map[string]any, error) {
	old := s.views[c.args.Get("view_id")]
	if old == nil || old.w != c.w || old.closed {
		return nil, no("not_found")
	}
	v, err := s.readView(c.w, c.args.Get("view"), surfaceModal)
	if err != nil {
		return nil, err
	}
	v.id, v.user, v.below = old.id, old.user, old.below
	s.views[v.id] = v
	s.showView(v)
	return map[string]any{"view": map[string]any{"id": v.id}}, nil
}

func (s *Server) viewsPublish(c call) (map[string]any, error) {
	u := c.w.user(c.args.Get("user_id"))
	if u == nil {
		return nil, no("user_not_found")
	}
	v, err := s.readView(c.w, c.args.Get("view"), surfaceHome)
	if err != nil {
		return nil, err
	}
	v.user = u.ID
	s.homes[u.ID] = v
	s.showView(v)
	return map[string]any{"view": map[string]any{"id": v.id}}, nil
}
