package slack

import (
	"bytes"
	"context"

	"github.com/slack-go/slack"
)

// upload sends a file to Slack in its three steps and returns its identifier. It
// is shared in channel, in the thread there, or with nobody yet where channel is
// empty: a message then shows it. It needs files:write.
func (s *Slack) upload(ctx context.Context, ses *session, name string, data []byte, alt, channel, ts string) (string, error) {
	var to *slack.GetUploadURLExternalResponse
	err := s.call(ses, "files.getUploadURLExternal", "", func(api *slack.Client) error {
		var err error
		to, err = api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
			AltTxt: shorten(clean(alt), 1000), FileName: name, FileSize: len(data),
		})
		return err
	})
	if err == nil {
		err = s.call(ses, "files upload", "", func(api *slack.Client) error {
			return api.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Reader: bytes.NewReader(data), Filename: name})
		})
	}
	if err == nil {
		err = s.call(ses, "files.completeUploadExternal", "", func(api *slack.Client) error {
			_, err := api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
				Files: []slack.FileSummary{{ID: to.FileID, Title: name}}, Channel: channel, ThreadTimestamp: ts,
			})
			return err
		})
	}
	if codeIs(err, "missing_scope", "not_allowed_token_type") {
		s.lacks(ses, "files:write")
	}
	if err != nil {
		return "", err
	}
	return to.FileID, nil
}
