package discord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"code.dny.dev/ssrf"

	"github.com/mynah-coach/mynah/coach"
)

// cdnHosts are the only ones that recordings are fetched from.
var cdnHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

// idleLimit is how long a download may stand still.
const idleLimit = 20 * time.Second

var errNotCDN = errors.New("the recording's URL is not one of Discord's")

// downloads returns the client that fetches recordings: no proxy, no address
// that isn't public (looked at after the name was resolved), no redirect off the
// list.
func (c Config) downloads() (*http.Client, error) {
	to, err := c.standIn()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: ssrf.New(ssrf.WithPorts(443)).Safe}
	if to != nil {
		dialer.Control = nil // standIn allows this machine alone
	}
	transport := &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 15 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   8,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
	next := http.RoundTripper(transport)
	if to != nil {
		next = &elsewhere{next: transport, hosts: cdnHosts, to: to}
	}
	return &http.Client{
		Transport: next,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 || !onCDN(req.URL) {
				return errNotCDN
			}
			return nil
		},
	}, nil
}

// onCDN tells whether a URL is on the list, to the letter.
func onCDN(u *url.URL) bool {
	if u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return false
	}
	for _, h := range cdnHosts {
		if u.Host == h {
			return true
		}
	}
	return false
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
	link, err := url.Parse(rec.URL)
	if err == nil && rec.URL != "" && !expired(link, time.Now()) {
		r, err := d.fetch(ctx, link)
		if !isGone(err) || rec.Message == "" {
			return r, goneForGood(err)
		}
	}
	if rec.Message == "" {
		return nil, fmt.Errorf("discord: open: %w", coach.ErrAudioGone)
	}
	if link, err = d.link(ctx, rec); err != nil {
		return nil, err
	}
	r, err := d.fetch(ctx, link)
	return r, goneForGood(err)
}

// link reads the message again: its attachments' links are fresh then.
func (d *Discord) link(ctx context.Context, rec recording) (*url.URL, error) {
	var m message
	err := d.api.call(ctx, http.MethodGet, "/channels/"+rec.Channel+"/messages/"+rec.Message, nil, &m)
	if isRefusal(err) {
		return nil, fmt.Errorf("discord: open: %w (%w)", coach.ErrAudioGone, err)
	}
	if err != nil {
		return nil, snoozed(err)
	}
	for _, a := range m.Attachments {
		if a.ID != rec.File {
			continue
		}
		link, err := url.Parse(a.URL)
		if err != nil {
			return nil, fmt.Errorf("discord: open: %w", errNotCDN)
		}
		return link, nil
	}
	return nil, fmt.Errorf("discord: open: %w", coach.ErrAudioGone)
}

// expired tells whether a signed link is over, or about to be: ex is its end, in
// hexadecimal seconds.
// https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
func expired(u *url.URL, now time.Time) bool {
	ex, err := strconv.ParseInt(u.Query().Get("ex"), 16, 64)
	return err == nil && now.Add(30*time.Second).After(time.Unix(ex, 0))
}

// statusError is the CDN's refusal.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the recording's host answers %d", int(e)) }

// isGone tells whether a link leads nowhere any more.
func isGone(err error) bool {
	var s statusError
	if !errors.As(err, &s) {
		return false
	}
	switch int(s) {
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
func (d *Discord) fetch(ctx context.Context, link *url.URL) (io.ReadCloser, error) {
	if !onCDN(link) {
		return nil, fmt.Errorf("discord: open: %w", errNotCDN)
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.String(), nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("discord: open: %w", errNotCDN)
	}
	req.Header.Set("User-Agent", userAgent)
	res, err := d.cdn.Do(req)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("discord: open: %w", withoutURL(err))
	}
	refuse := func(err error) (io.ReadCloser, error) {
		cancel()
		return nil, errors.Join(fmt.Errorf("discord: open: %w", err), res.Body.Close())
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		after, ok := seconds(res.Header.Get("Retry-After"))
		if !ok {
			after = 5 * time.Second
		}
		return refuse(&coach.Snooze{For: after, Cause: statusError(res.StatusCode)})
	case res.StatusCode != http.StatusOK:
		return refuse(statusError(res.StatusCode))
	case res.ContentLength > d.cfg.MaxBytes:
		return refuse(coach.ErrTooLarge)
	}
	return &download{body: res.Body, left: d.cfg.MaxBytes, stop: cancel, idle: time.AfterFunc(idleLimit, cancel)}, nil
}

// download is a recording on its way. It ends when it stands still for too long,
// and is ErrTooLarge beyond the limit, whatever its header said.
type download struct {
	body io.ReadCloser
	left int64
	stop context.CancelFunc
	idle *time.Timer
}

func (r *download) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.body.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, fmt.Errorf("discord: open: %w", coach.ErrTooLarge)
	}
	if n > 0 {
		r.idle.Reset(idleLimit)
	}
	return n, err
}

func (r *download) Close() error {
	r.idle.Stop()
	r.stop()
	return r.body.Close()
}
