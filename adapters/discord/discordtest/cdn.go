package discordtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// blob is an attachment on the CDN.
type blob struct {
	id, channel, name, kind, alt string
	data                         []byte
	seconds                      float64 // of a voice message
	gone                         bool
	status                       int // answered in place of the bytes
	redirect                     string
}

// linkLife is how long a signed link holds.
const linkLife = 24 * time.Hour

func (s *Server) keep(channel string, b blob) *blob {
	b.id, b.channel = s.nextID(), channel
	s.blobs[b.id] = &b
	return &b
}

func sign(path, ex, is string) string {
	sum := sha256.Sum256([]byte("secret" + path + ex + is))
	return hex.EncodeToString(sum[:])
}

// link is a signed URL of Discord's CDN.
func (s *Server) link(b *blob) string {
	path := "/attachments/" + b.channel + "/" + b.id + "/" + b.name
	is := strconv.FormatInt(s.now().Unix(), 16)
	ex := strconv.FormatInt(s.now().Add(linkLife).Unix(), 16)
	return fmt.Sprintf("https://cdn.discordapp.com%s?ex=%s&is=%s&hm=%s&", path, ex, is, sign(path, ex, is))
}

func (s *Server) blobJSON(b *blob) map[string]any {
	link := s.link(b)
	j := map[string]any{
		"id": b.id, "filename": b.name, "size": len(b.data), "content_type": b.kind,
		"url": link, "proxy_url": strings.Replace(link, "cdn.discordapp.com", "media.discordapp.net", 1),
	}
	if b.alt != "" {
		j["description"] = b.alt
	}
	if b.seconds > 0 {
		j["duration_secs"], j["waveform"] = b.seconds, "AAAA"
	}
	return j
}

func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	q := r.URL.Query()
	s.mu.Lock()
	s.requests["CDN"]++
	var b *blob
	if len(parts) == 5 {
		b = s.blobs[parts[3]]
	}
	ex, err := strconv.ParseInt(q.Get("ex"), 16, 64)
	signed := q.Get("hm") == sign(r.URL.Path, q.Get("ex"), q.Get("is")) && err == nil && s.now().Before(time.Unix(ex, 0))
	if r.Header.Get("Authorization") != "" {
		s.violate("the token was sent to the CDN")
	}
	if h := r.Header.Get("X-Original-Host"); h != "cdn.discordapp.com" && h != "media.discordapp.net" {
		s.violate("a recording was fetched from %q", h)
	}
	var copied blob
	if b != nil {
		copied = *b
	}
	s.mu.Unlock()
	switch {
	case b == nil || copied.gone:
		http.Error(w, "", http.StatusNotFound)
	case !signed:
		http.Error(w, "This content is no longer available.", http.StatusNotFound)
	case copied.redirect != "":
		http.Redirect(w, r, copied.redirect, http.StatusFound)
	case copied.status != 0:
		http.Error(w, "", copied.status)
	default:
		w.Header().Set("Content-Type", copied.kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(copied.data)))
		_, _ = w.Write(copied.data) // the client went away
	}
}

// blobOf is the first attachment of a message.
func (s *Server) blobOf(id string) *blob {
	for _, c := range s.channels {
		for _, m := range c.messages {
			if m.id == id && len(m.attachments) > 0 {
				return m.attachments[0]
			}
		}
	}
	panic("discordtest: no attachment in message " + id)
}

// Lose makes the CDN lose a message's attachment.
func (s *Server) Lose(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobOf(message).gone = true
}

// Redirect makes the CDN send who asks for a message's attachment elsewhere.
func (s *Server) Redirect(message, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobOf(message).redirect = to
}

// Refuse makes the CDN answer with a status.
func (s *Server) Refuse(message string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobOf(message).status = status
}
