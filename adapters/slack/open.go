package slack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

const (
	// notReadyWait is how soon a file is asked for again that Slack is still
	// making.
	notReadyWait = 3 * time.Second
	// notReadyFor is how long after its note a file may take to be there. What is
	// not there then is an error of ours, and repeated as such.
	notReadyFor = 2 * time.Minute
)

// Open implements coach.Adapter. A file that Slack is still making is a
// *coach.Snooze, one that was deleted coach.ErrAudioGone, one over the limit
// coach.ErrTooLarge, here or from Read.
func (s *Slack) Open(ctx context.Context, n coach.VoiceNote) (io.ReadCloser, error) {
	id, err := parseNote(n.ID)
	if err != nil {
		return nil, err
	}
	ses, err := s.session(ctx, id.team)
	if err != nil {
		return nil, err
	}
	f, err := s.fileInfo(ctx, ses, id.file)
	if err != nil {
		return nil, err
	}
	switch {
	case f.gone():
		return nil, fmt.Errorf("slack: open: %w", coach.ErrAudioGone)
	case f.Size > s.cfg.MaxBytes:
		return nil, fmt.Errorf("slack: open: %w", coach.ErrTooLarge)
	case f.IsExternal:
		return nil, fmt.Errorf("slack: open: a file elsewhere: %w", coach.ErrUnsupportedAudio)
	case f.download() == "", f.checkFirst():
		return nil, notReady(n, errors.New("the file is not ready"))
	}
	r, err := s.download(ctx, ses, f.download())
	if errors.Is(err, errNotAudio) {
		return nil, notReady(n, err)
	}
	return r, err
}

// notReady asks for a later try while the note is young.
func notReady(n coach.VoiceNote, cause error) error {
	if time.Since(n.Received) < notReadyFor {
		cause = &coach.Snooze{For: notReadyWait, Cause: cause}
	}
	return fmt.Errorf("slack: open: %w", cause)
}

// fileInfo asks Slack what it knows of a file. slack-go reads the answer into
// its own File, which has no subtype.
func (s *Slack) fileInfo(ctx context.Context, ses *session, id string) (file, error) {
	var answer struct {
		slack.SlackResponse
		File file `json:"file"`
	}
	err := s.call(ses, "files.info", "", func(*slack.Client) error {
		return s.ask(ctx, ses, "files.info", url.Values{"file": {id}}, &answer)
	})
	if codeIs(err, "file_not_found", "file_deleted") {
		return file{}, fmt.Errorf("%w: %w", err, coach.ErrAudioGone)
	}
	return answer.File, err
}

// ask calls a method of which slack-go leaves out what we need.
func (s *Slack) ask(ctx context.Context, ses *session, method string, values url.Values, answer interface{ Err() error }) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.apiURL()+method, strings.NewReader(values.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+ses.Token)
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusTooManyRequests {
		wait, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s")
		if err != nil {
			wait = 30 * time.Second
		}
		return &slack.RateLimitedError{RetryAfter: wait}
	}
	if resp.StatusCode != http.StatusOK {
		return slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(answer); err != nil {
		return err
	}
	return answer.Err()
}

// errNotAudio says that Slack sent a page in place of the file: it does so while
// the file is being made, and where the token may not read it.
var errNotAudio = errors.New("a page came in place of the file")

// download begins to fetch a file. The token goes to Slack's file hosts alone.
func (s *Slack) download(ctx context.Context, ses *session, address string) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil || !s.hosts.allow(u) {
		return nil, errors.New("slack: open: the file is not at one of Slack's file hosts")
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel()
		return nil, errors.New("slack: open: bad address")
	}
	req.Header.Set("Authorization", "Bearer "+ses.Token)
	resp, err := s.files.Do(req) //nolint:bodyclose // by the body that is returned
	if err != nil {
		cancel()
		return nil, fmt.Errorf("slack: open: %w", bare(err))
	}
	body := newBody(resp.Body, s.cfg.MaxBytes, cancel)
	if err := s.judge(resp, body); err != nil {
		_ = body.Close()
		return nil, fmt.Errorf("slack: open: %w", err)
	}
	return body, nil
}

// judge decides whether a response is the file.
func (s *Slack) judge(resp *http.Response, body *body) error {
	switch c := resp.StatusCode; {
	case c == http.StatusOK:
	case c == http.StatusNotFound, c == http.StatusGone:
		return fmt.Errorf("status %d: %w", c, coach.ErrAudioGone)
	case c == http.StatusTooManyRequests:
		wait, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s")
		if err != nil {
			wait = 30 * time.Second
		}
		return &coach.Snooze{For: wait, Cause: errors.New("rate limited")}
	case c >= 300 && c < 400: // to the page where people sign in
		return errNotAudio
	default:
		return fmt.Errorf("status %d", c)
	}
	if resp.ContentLength > s.cfg.MaxBytes {
		return fmt.Errorf("%d bytes: %w", resp.ContentLength, coach.ErrTooLarge)
	}
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", bare(err))
	}
	if isPage(resp.Header.Get("Content-Type"), head) {
		return errNotAudio
	}
	return nil
}

func isPage(contentType string, head []byte) bool {
	head = bytes.ToLower(bytes.TrimLeft(head, "\ufeff \t\r\n"))
	return strings.HasPrefix(contentType, "text/html") ||
		bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// stall is how long a download may stand still.
const stall = 30 * time.Second

// body reads a download: no more than the limit, and never standing still.
type body struct {
	*bufio.Reader
	from   io.Closer
	idle   *time.Timer
	cancel context.CancelFunc
}

func newBody(from io.ReadCloser, limit int64, cancel context.CancelFunc) *body {
	b := &body{from: from, cancel: cancel, idle: time.AfterFunc(stall, cancel)}
	b.Reader = bufio.NewReader(&limited{from: from, left: limit, read: func() { b.idle.Reset(stall) }})
	return b
}

// Close ends the download.
func (b *body) Close() error {
	b.idle.Stop()
	b.cancel()
	return b.from.Close()
}

// limited is an io.LimitedReader that says so when there is more.
type limited struct {
	from io.Reader
	left int64
	read func()
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	l.read()
	if int64(n) > l.left {
		n = int(l.left)
		err = coach.ErrTooLarge
	}
	l.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, coach.ErrTooLarge) {
		err = fmt.Errorf("slack: download: %w", bare(err))
	}
	return n, err
}
