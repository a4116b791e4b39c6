package slack

import (
	"cmp"
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
	"github.com/mynah-coach/mynah/internal/download"
)

const (
	// notReadyWait is how soon a file is asked for again that Slack is still
	// making.
	notReadyWait = 3 * time.Second
	// notReadyFor is how long after its note a file may take to be there. What is
	// not there then is an error of ours, and repeated as such.
	notReadyFor = 2 * time.Minute
)

// fileHosts are the only ones that recordings are fetched from, and their token
// is sent to.
var fileHosts = []string{"files.slack.com", "files.slack-gov.com"}

// standIn parses APIURL, nil where it is Slack itself. A stand-in's files are
// where it is.
func (c Config) standIn() (*url.URL, error) {
	u, err := url.Parse(c.apiURL())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Path, "/") {
		return nil, errors.New("slack: the API's URL must be absolute and end in a slash")
	}
	if u.Hostname() == "slack.com" || u.Hostname() == "slack-gov.com" {
		return nil, nil
	}
	return u, nil
}

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
	switch {
	case err == nil:
		return r, nil
	case signIn(err):
		return nil, notReady(n, err)
	}
	return nil, fmt.Errorf("slack: open: %w", err)
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

// download begins to fetch a file. The token goes to Slack's file hosts alone.
func (s *Slack) download(ctx context.Context, ses *session, address string) (io.ReadCloser, error) {
	r, err := s.files.Get(ctx, address, http.Header{"Authorization": {"Bearer " + ses.Token}})
	var status *download.StatusError
	if errors.As(err, &status) {
		switch status.Code {
		case http.StatusNotFound, http.StatusGone:
			err = fmt.Errorf("%w (%w)", coach.ErrAudioGone, err)
		case http.StatusTooManyRequests:
			err = &coach.Snooze{For: cmp.Or(status.RetryAfter, 30*time.Second), Cause: err}
		}
	}
	return r, err
}

// signIn reports whether Slack sent the page where people sign in, or the way to
// it, in place of the file: it does so while the file is being made, and where
// the token may not read it.
func signIn(err error) bool {
	var status *download.StatusError
	return errors.Is(err, download.ErrPage) || errors.As(err, &status) && status.Code >= 300 && status.Code < 400
}
