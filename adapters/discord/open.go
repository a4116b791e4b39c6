package discord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/download"
)

// cdnHosts are the only ones that recordings are fetched from.
var cdnHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

// downloads returns the client that fetches recordings. No credentials go with
// it: the links are signed.
func (c Config) downloads() (*download.Client, error) {
	to, err := c.standIn()
	if err != nil {
		return nil, err
	}
	from := download.Config{Hosts: cdnHosts, MaxBytes: c.MaxBytes, StandIn: to}
	if to != nil {
		from.Wrap = func(next http.RoundTripper) http.RoundTripper {
			return &elsewhere{next: next, hosts: cdnHosts, to: to}
		}
	}
	return download.New(from), nil
}

// Open implements coach.Adapter. The link that came with the note is used as
// long as it holds; after that the message is read again for another. A message
// that was deleted has no recording.
func (d *Discord) Open(ctx context.Context, n coach.VoiceNote) (io.ReadCloser, error) {
	rec, err := parseRecording(n.Audio.Ref)
	if err != nil {
		return nil, fmt.Errorf("discord: open: %w", err)
	}
	if n.Audio.Size > d.cfg.MaxBytes {
		return nil, fmt.Errorf("discord: open: %w", coach.ErrTooLarge)
	}
	if rec.URL != "" && !expired(rec.URL, time.Now()) {
		r, err := d.fetch(ctx, rec.URL)
		if !isGone(err) || rec.Message == "" {
			return r, goneForGood(err)
		}
	}
	if rec.Message == "" {
		return nil, fmt.Errorf("discord: open: %w", coach.ErrAudioGone)
	}
	link, err := d.link(ctx, rec)
	if err != nil {
		return nil, err
	}
	r, err := d.fetch(ctx, link)
	return r, goneForGood(err)
}

// link reads the message again: its attachments' links are fresh then.
func (d *Discord) link(ctx context.Context, rec recording) (string, error) {
	var m message
	err := d.api.call(ctx, http.MethodGet, "/channels/"+rec.Channel+"/messages/"+rec.Message, nil, &m)
	if isRefusal(err) {
		return "", fmt.Errorf("discord: open: %w (%w)", coach.ErrAudioGone, err)
	}
	if err != nil {
		return "", snoozed(err)
	}
	for _, a := range m.Attachments {
		if a.ID == rec.File {
			return a.URL, nil
		}
	}
	return "", fmt.Errorf("discord: open: %w", coach.ErrAudioGone)
}

// expired tells whether a signed link is over, or about to be: ex is its end, in
// hexadecimal seconds.
// https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
func expired(link string, now time.Time) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	ex, err := strconv.ParseInt(u.Query().Get("ex"), 16, 64)
	return err == nil && now.Add(30*time.Second).After(time.Unix(ex, 0))
}

// isGone tells whether a link leads nowhere any more.
func isGone(err error) bool {
	var s *download.StatusError
	if !errors.As(err, &s) {
		return false
	}
	switch s.Code {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// goneForGood makes ErrAudioGone of a link that leads nowhere.
func goneForGood(err error) error {
	if isGone(err) {
		return fmt.Errorf("discord: open: %w (%w)", coach.ErrAudioGone, err)
	}
	return err
}

// fetch opens a recording's bytes.
func (d *Discord) fetch(ctx context.Context, link string) (io.ReadCloser, error) {
	r, err := d.cdn.Get(ctx, link, http.Header{"User-Agent": {userAgent}})
	if err == nil {
		return r, nil
	}
	var s *download.StatusError
	switch {
	case errors.As(err, &s) && s.Code == http.StatusTooManyRequests:
		err = &coach.Snooze{For: cmp.Or(s.RetryAfter, 5*time.Second), Cause: err}
	case errors.Is(err, download.ErrPage): // somebody called their page a recording
		err = fmt.Errorf("%w (%w)", coach.ErrUnsupportedAudio, err)
	}
	return nil, fmt.Errorf("discord: open: %w", err)
}
