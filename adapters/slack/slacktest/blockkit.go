package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of Block Kit as Slack documents them.
const (
	surfaceMessage = "message"
	surfaceModal   = "modal"
	surfaceHome    = "home"

	limitSectionText = 3000
	limitHeader      = 150
	limitActions     = 25
	limitContext     = 10
	limitButtonText  = 75
	limitButtonValue = 2000
	limitID          = 255
	limitOptions     = 100
	limitOptionText  = 75
	limitOptionValue = 150
	limitPlaceholder = 150
	limitAlt         = 2000
	limitInputLabel  = 2000
	limitTitle       = 24
	limitMetadata    = 3000
)

// blocks that each surface takes.
func allowed(surface string) []string {
	common := []string{"actions", "context", "divider", "header", "image", "input", "rich_text", "section"}
	if surface == surfaceMessage {
		return append(common, "markdown", "table", "video", "file", "context_actions")
	}
	return common
}

// check collects what is wrong.
type check struct {
	s     *Server
	w     *Workspace
	wrong []string
	ids   map[string]bool // block_ids
	acts  map[string]bool // action_ids of the block
}

func (k *check) bad(format string, args ...any) {
	k.wrong = append(k.wrong, fmt.Sprintf(format, args...))
}

// checkBlocks returns what Slack would say is wrong with blocks.
func (s *Server) checkBlocks(w *Workspace, raw json.RawMessage, surface string) []string {
	k := &check{s: s, w: w, ids: map[string]bool{}}
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return []string{"blocks are not an array of objects"}
	}
	most := 50
	if surface != surfaceMessage {
		most = 100
	}
	if len(blocks) == 0 || len(blocks) > most {
		k.bad("%d blocks, want 1 to %d", len(blocks), most)
	}
	for i, b := range blocks {
		kind, _ := b["type"].(string)
		if !slices.Contains(allowed(surface), kind) {
			k.bad("block %d: %q is none of a %s's", i, kind, surface)
			continue
		}
		if id, ok := b["block_id"].(string); ok {
			if n := utf8.RuneCountInString(id); n > limitID {
				k.bad("block %d: block_id of %d characters", i, n)
			}
			if k.ids[id] {
				k.bad("block %d: block_id %q twice", i, id)
			}
			k.ids[id] = true
		}
		k.acts = map[string]bool{}
		k.block(fmt.Sprintf("block %d (%s)", i, kind), kind, b)
	}
	return k.wrong
}

func (k *check) block(at, kind string, b map[string]any) {
	switch kind {
	case "section":
		fields, _ := b["fields"].([]any)
		if b["text"] == nil && len(fields) == 0 {
			k.bad("%s: neither text nor fields", at)
		}
		if b["text"] != nil {
			k.text(at, b["text"], limitSectionText, "plain_text", "mrkdwn")
		}
		if len(fields) > 10 {
			k.bad("%s: %d fields", at, len(fields))
		}
		for _, f := range fields {
			k.text(at, f, 2000, "plain_text", "mrkdwn")
		}
		if b["accessory"] != nil {
			k.element(at, b["accessory"])
		}
	case "header":
		k.text(at, b["text"], limitHeader, "plain_text")
	case "actions":
		elements, _ := b["elements"].([]any)
		if len(elements) == 0 || len(elements) > limitActions {
			k.bad("%s: %d elements", at, len(elements))
		}
		for _, e := range elements {
			k.element(at, e)
		}
	case "context":
		elements, _ := b["elements"].([]any)
		if len(elements) == 0 || len(elements) > limitContext {
			k.bad("%s: %d elements", at, len(elements))
		}
	case "image":
		k.image(at, b)
	case "input":
		k.text(at, b["label"], limitInputLabel, "plain_text")
		k.element(at, b["element"])
	case "rich_text":
		k.rich(at, b)
	}
}

func (k *check) rich(at string, b map[string]any) {
	elements, _ := b["elements"].([]any)
	if len(elements) == 0 {
		k.bad("%s: no elements", at)
	}
	for _, e := range elements {
		part, _ := e.(map[string]any)
		kind, _ := part["type"].(string)
		if !slices.Contains([]string{"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}, kind) {
			k.bad("%s: element %q", at, kind)
		}
		inner, _ := part["elements"].([]any)
		if len(inner) == 0 {
			k.bad("%s: an empty %s", at, kind)
		}
		for _, i := range inner {
			leaf, _ := i.(map[string]any)
			if leaf["type"] == "text" {
				if text, ok := leaf["text"].(string); !ok || text == "" {
					k.bad("%s: a text element without text", at)
				}
			}
		}
	}
}

func (k *check) image(at string, b map[string]any) {
	alt, _ := b["alt_text"].(string)
	if n := utf8.RuneCountInString(alt); n == 0 || n > limitAlt {
		k.bad("%s: alt_text of %d characters", at, n)
	}
	url, _ := b["image_url"].(string)
	file, _ := b["slack_file"].(map[string]any)
	if (url == "") == (file == nil) {
		k.bad("%s: want image_url or slack_file, and not both", at)
	}
	if file != nil {
		id, _ := file["id"].(string)
		if f := k.s.files[id]; f == nil || f.w != k.w || !f.visible() {
			k.bad("%s: no such slack_file", at)
		} else if f.ready && !slices.Contains([]string{"image/png", "image/jpeg", "image/gif"}, f.Mimetype) {
			k.bad("%s: the slack_file is %s", at, f.Mimetype)
		}
	}
}

// text checks a text object.
func (k *check) text(at string, v any, most int, kinds ...string) {
	o, ok := v.(map[string]any)
	if !ok {
		k.bad("%s: a text object is missing", at)
		return
	}
	kind, _ := o["type"].(string)
	if !slices.Contains(kinds, kind) {
		k.bad("%s: text of type %q, want %s", at, kind, strings.Join(kinds, " or "))
	}
	text, _ := o["text"].(string)
	if n := utf8.RuneCountInString(text); n == 0 || n > most {
		k.bad("%s: text of %d characters, want 1 to %d", at, n, most)
	}
	if kind == "mrkdwn" && o["emoji"] != nil {
		k.bad("%s: emoji is of plain_text alone", at)
	}
}

func (k *check) element(at string, v any) {
	e, _ := v.(map[string]any)
	kind, _ := e["type"].(string)
	at += ", " + kind
	id, _ := e["action_id"].(string)
	if utf8.RuneCountInString(id) > limitID {
		k.bad("%s: action_id of %d characters", at, utf8.RuneCountInString(id))
	}
	if id == "" || k.acts[id] {
		k.bad("%s: action_id %q missing or twice", at, id)
	}
	k.acts[id] = true
	switch kind {
	case "button":
		k.text(at, e["text"], limitButtonText, "plain_text")
		if value, _ := e["value"].(string); utf8.RuneCountInString(value) > limitButtonValue {
			k.bad("%s: value of %d characters", at, utf8.RuneCountInString(value))
		}
		if style, has := e["style"]; has && style != "primary" && style != "danger" {
			k.bad("%s: style %v", at, style)
		}
	case "static_select":
		k.placeholder(at, e)
		k.options(at, e)
	case "multi_conversations_select":
		k.placeholder(at, e)
		for _, c := range strs(e["initial_conversations"]) {
			if k.s.channels[c] == nil {
				k.bad("%s: initial conversation %q is unknown", at, c)
			}
		}
	case "plain_text_input":
		k.placeholder(at, e)
		if n, ok := e["max_length"].(float64); ok && (n < 1 || n > 3000) {
			k.bad("%s: max_length %v", at, n)
		}
	default:
		k.bad("%s: unknown element", at)
	}
}

func strs(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		if text, ok := x.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

func (k *check) placeholder(at string, e map[string]any) {
	if e["placeholder"] != nil {
		k.text(at, e["placeholder"], limitPlaceholder, "plain_text")
	}
}

func (k *check) options(at string, e map[string]any) {
	list, _ := e["options"].([]any)
	if len(list) == 0 || len(list) > limitOptions {
		k.bad("%s: %d options", at, len(list))
	}
	var values []string
	for _, v := range list {
		o, _ := v.(map[string]any)
		k.text(at, o["text"], limitOptionText, "plain_text")
		value, _ := o["value"].(string)
		if n := utf8.RuneCountInString(value); n == 0 || n > limitOptionValue {
			k.bad("%s: option value of %d characters", at, n)
		}
		if slices.Contains(values, value) {
			k.bad("%s: option value %q twice", at, value)
		}
		values = append(values, value)
	}
	if initial, ok := e["initial_option"].(map[string]any); ok {
		if value, _ := initial["value"].(string); !slices.Contains(values, value) {
			k.bad("%s: the initial option is none of the options", at)
		}
	}
}

// walk visits every object in JSON.
func walk(v any, visit func(o map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}

func parse(raw json.RawMessage) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}

// textLength is the length of all texts of blocks.
func textLength(raw json.RawMessage) int {
	n := 0
	walk(parse(raw), func(o map[string]any) {
		if text, ok := o["text"].(string); ok {
			n += utf8.RuneCountInString(text)
		}
	})
	return n
}

// pictures are the uploaded ones that blocks show.
func (s *Server) pictures(raw json.RawMessage) []*File {
	var files []*File
	walk(parse(raw), func(o map[string]any) {
		if ref, ok := o["slack_file"].(map[string]any); ok {
			if id, _ := ref["id"].(string); s.files[id] != nil {
				files = append(files, s.files[id])
			}
		}
	})
	return files
}

// unreadyPictures reports whether one of them was not looked at yet.
func (s *Server) unreadyPictures(w *Workspace, raw json.RawMessage) bool {
	return slices.ContainsFunc(s.pictures(raw), func(f *File) bool { return f.w == w && !f.ready })
}

func (s *Server) sharePictures(ch *Channel, m *Message) {
	for _, f := range s.pictures(m.Blocks) {
		f.shares[ch] = append(f.shares[ch], m)
	}
}

// CheckBlocks returns what Slack would say is wrong with blocks, on the surface
// "message", "modal" or "home".
func (w *Workspace) CheckBlocks(surface string, blocks json.RawMessage) []string {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.checkBlocks(w, blocks, surface)
}
