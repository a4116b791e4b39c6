package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// File is one that was uploaded: a clip, or what the bot shows.
type File struct {
	w        *Workspace
	ID       string
	Name     string
	Mimetype string
	Alt      string
	Data     []byte

	owner   string
	clip    bool
	connect bool // from another organisation
	deleted bool
	ready   bool // completed, and looked at by Slack
	shares  map[*Channel][]*Message
	// notReady is how many calls of files.info still say that there is nothing to
	// download, html how many downloads still bring a page, slow how many more
	// calls of files.info it takes until an uploaded picture was looked at.
	notReady, html, slow int
	elsewhere            string // a host that the file claims to be at
	redirect             string // where the download redirects to
}

// Clip is what a person records and posts.
type Clip struct {
	User    *User
	Channel *Channel
	Thread  string // the root's time stamp, "" for a message of its own
	Text    string // what is typed with it
	Mention bool   // ... after a mention of the bot
	Audio   []byte

	// Name and ContentType are what the file claims, audio_message.webm and
	// audio/webm where they are empty, as Slack's own clips have it though they
	// are AAC in MP4.
	Name, ContentType string
	// Upload says that it is an ordinary audio file and not a recorded clip.
	Upload bool
	// Connect says that the file comes from another organisation: events say only
	// that files.info has to be asked.
	Connect bool
	// NotReady, HTML: see File.
	NotReady, HTML int
	// Elsewhere is an address that the file claims to be at, and Redirect where
	// the true one redirects to.
	Elsewhere, Redirect string
}

// Post puts the clip into its channel, without telling the application.
func (s *Server) Post(c Clip) *Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := c.User.w
	f := &File{
		w: w, ID: s.id("F"), Name: c.Name, Mimetype: c.ContentType, Data: c.Audio, owner: c.User.ID, clip: !c.Upload,
		connect: c.Connect, notReady: c.NotReady, html: c.HTML, elsewhere: c.Elsewhere, redirect: c.Redirect, ready: true,
		shares: map[*Channel][]*Message{},
	}
	if f.Name == "" {
		f.Name, f.Mimetype = "audio_message.webm", "audio/webm"
	}
	s.files[f.ID] = f
	m := c.Channel.add(&Message{ThreadTS: c.Thread, User: c.User.ID, Files: []*File{f}, mention: c.Mention})
	m.Text, m.Blocks = typed(c.Text, w.BotUser, c.Mention)
	f.shares[c.Channel] = append(f.shares[c.Channel], m)
	return m
}

// typed is what Slack's composer makes of what somebody types.
func typed(text, bot string, mention bool) (string, json.RawMessage) {
	escaped := escape(text)
	var elements []map[string]any
	if mention {
		escaped = strings.TrimSpace("<@" + bot + "> " + escaped)
		elements = append(elements, map[string]any{"type": "user", "user_id": bot})
		text = " " + text
	}
	if strings.TrimSpace(text) != "" {
		elements = append(elements, map[string]any{"type": "text", "text": text})
	}
	if len(elements) == 0 {
		return "", nil
	}
	blocks, err := json.Marshal([]map[string]any{{
		"type": "rich_text", "block_id": "x1",
		"elements": []map[string]any{{"type": "rich_text_section", "elements": elements}},
	}})
	if err != nil {
		panic(err)
	}
	return escaped, blocks
}

// address is where the file is.
func (f *File) address() string {
	if f.elsewhere != "" {
		return f.elsewhere
	}
	return f.w.s.URL() + "/files-pri/" + f.w.ID + "-" + f.ID + "/" + "audio_message.mp4"
}

// inEvent is the file as an event has it.
func (f *File) inEvent() map[string]any {
	switch {
	case f.deleted:
		return map[string]any{"id": f.ID, "mode": "tombstone"}
	case f.connect:
		return map[string]any{"id": f.ID, "created": 0, "user": "", "mode": "file_access", "file_access": "check_file_info"}
	}
	return f.json()
}

// json is the whole file object.
func (f *File) json() map[string]any {
	out := map[string]any{
		"id": f.ID, "created": 1700000000, "name": f.Name, "title": f.Name, "mimetype": f.Mimetype,
		"filetype": strings.TrimPrefix(f.Mimetype, "audio/"), "size": len(f.Data), "mode": "hosted", "user": f.owner,
		"is_external": false, "file_access": "visible", "url_private": f.address(), "url_private_download": f.address(),
	}
	if f.notReady > 0 {
		delete(out, "url_private")
		delete(out, "url_private_download")
	}
	if f.clip {
		out["subtype"], out["media_display_type"], out["duration_ms"] = "slack_audio", "audio", 3177
		out["transcription"] = map[string]any{"status": "processing"}
		out["audio_wave_samples"] = []int{0, 12, 40, 100}
		if f.notReady == 0 {
			out["aac"] = f.address()
		}
	}
	shares := map[string]any{}
	for c, messages := range f.shares {
		var in []map[string]any
		for _, m := range messages {
			share := map[string]any{"ts": m.TS, "channel_name": c.Name, "team_id": f.w.ID}
			if m.ThreadTS != "" {
				share["thread_ts"] = m.ThreadTS
			}
			in = append(in, share)
		}
		shares[c.ID] = in
	}
	out["shares"] = map[string]any{"public": shares}
	return out
}

// visible reports whether the bot may see the file.
func (f *File) visible() bool {
	if f.owner == f.w.BotUser {
		return true
	}
	for c := range f.shares {
		if c.members[f.w.BotUser] {
			return true
		}
	}
	return false
}

func (s *Server) filesInfo(c call) (map[string]any, error) {
	f := s.files[c.args.Get("file")]
	switch {
	case f == nil || f.w != c.w || !f.visible():
		return nil, no("file_not_found")
	case f.deleted:
		return nil, no("file_deleted")
	}
	if f.slow > 0 {
		if f.slow--; f.slow == 0 {
			f.ready = true
		}
	}
	out := f.json()
	if !f.ready {
		out["mimetype"] = ""
	}
	if f.notReady > 0 {
		f.notReady--
	}
	return map[string]any{"file": out}, nil
}

// download serves a file to who may see it; others are sent to sign in, which is
// a page with status 200.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, id, _ := strings.Cut(r.PathValue("id"), "-")
	f := s.files[id]
	ws := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	allowed := f != nil && ws != nil && ws == f.w && ws.Installed && f.visible()
	s.calls["download"]++
	page := false
	if allowed && f.html > 0 {
		f.html--
		page = true
	}
	s.mu.Unlock()
	switch {
	case f == nil || f.deleted:
		http.NotFound(w, r)
	case !allowed:
		http.Redirect(w, r, s.URL()+"/signin?redir="+r.URL.Path, http.StatusFound)
	case f.redirect != "":
		http.Redirect(w, r, f.redirect, http.StatusFound)
	case page:
		s.signIn(w, r)
	default:
		w.Header().Set("Content-Type", f.Mimetype)
		_, _ = w.Write(f.Data)
	}
}

func (s *Server) signIn(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><title>Sign in</title></html>")
}

func (s *Server) getUploadURL(c call) (map[string]any, error) {
	length := 0
	if _, err := fmt.Sscan(c.args.Get("length"), &length); err != nil || length <= 0 || c.args.Get("filename") == "" {
		return nil, no("invalid_arguments")
	}
	f := &File{w: c.w, ID: s.id("F"), Name: c.args.Get("filename"), Alt: c.args.Get("alt_txt"), owner: c.w.BotUser, shares: map[*Channel][]*Message{}}
	f.Data = make([]byte, 0, length)
	s.uploads[f.ID] = f
	return map[string]any{"upload_url": s.URL() + "/upload/" + f.ID, "file_id": f.ID}, nil
}

// upload takes the bytes, as a form's file or as they are.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	var data []byte
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		part, _, formErr := r.FormFile("file")
		if err = formErr; err == nil {
			data, err = io.ReadAll(part)
		}
	} else {
		data, err = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.uploads[r.PathValue("id")]
	if err != nil || f == nil || len(data) != cap(f.Data) {
		http.Error(w, "bad upload", http.StatusBadRequest)
		return
	}
	f.Data = data
	_, _ = io.WriteString(w, "OK")
}

// pictureSlow is how many looks an uploaded picture takes before it may be shown.
const pictureSlow = 2

func (s *Server) completeUpload(c call) (map[string]any, error) {
	var list []struct{ ID, Title string }
	if err := json.Unmarshal([]byte(c.args.Get("files")), &list); err != nil || len(list) == 0 {
		return nil, no("invalid_arguments")
	}
	var to *Channel
	if id := c.args.Get("channel_id"); id != "" {
		var err error
		if to, err = s.speak(c.w, id, c.args.Get("thread_ts")); err != nil {
			return nil, err
		}
	}
	var out []map[string]any
	var files []*File
	for _, l := range list {
		f := s.uploads[l.ID]
		if f == nil || f.w != c.w || len(f.Data) == 0 {
			return nil, no("file_not_found")
		}
		delete(s.uploads, l.ID)
		f.Mimetype = http.DetectContentType(f.Data)
		f.ready, f.slow = false, pictureSlow
		s.files[f.ID] = f
		files = append(files, f)
		out = append(out, map[string]any{"id": f.ID, "title": l.Title})
	}
	if to != nil {
		m := to.add(&Message{ThreadTS: c.args.Get("thread_ts"), Files: files, Text: escape(c.args.Get("initial_comment")), plain: true})
		for _, f := range files {
			f.shares[to] = append(f.shares[to], m)
		}
		s.show(m, "")
	}
	return map[string]any{"files": out}, nil
}

// DeleteFile deletes a message's file, and tells the application.
func (s *Server) DeleteFile(ctx context.Context, m *Message) error {
	s.mu.Lock()
	f := m.Files[0]
	f.deleted = true
	event := map[string]any{"type": "file_deleted", "file_id": f.ID, "event_ts": s.ts()}
	s.mu.Unlock()
	return s.Event(ctx, f.w, event)
}

// Lose makes Slack lose a message's file, without a word.
func (s *Server) Lose(m *Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Files[0].deleted = true
}

// Delete deletes a message, and tells the application.
func (s *Server) Delete(ctx context.Context, m *Message) error {
	s.mu.Lock()
	previous := m.json()
	m.deleted = true
	event := map[string]any{
		"type": "message", "subtype": "message_deleted", "hidden": true, "channel": m.Channel.ID, "channel_type": m.Channel.kind(),
		"ts": s.ts(), "deleted_ts": m.TS, "previous_message": previous,
	}
	s.mu.Unlock()
	return s.Event(ctx, m.Channel.w, event)
}
