package slack

import (
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// file is Slack's file object, as far as we need it. slack-go's lacks the
// subtype, by which a clip is known.
type file struct {
	ID                 string `json:"id"`
	Name               string `json:"name"`
	Mimetype           string `json:"mimetype"`
	Filetype           string `json:"filetype"`
	Mode               string `json:"mode"`
	Subtype            string `json:"subtype"`
	MediaDisplayType   string `json:"media_display_type"`
	AAC                string `json:"aac"`
	FileAccess         string `json:"file_access"`
	Size               int64  `json:"size"`
	User               string `json:"user"`
	IsExternal         bool   `json:"is_external"`
	URLPrivate         string `json:"url_private"`
	URLPrivateDownload string `json:"url_private_download"`
	AudioWaveSamples   []int  `json:"audio_wave_samples"`
	Shares             struct {
		Public  map[string][]share `json:"public"`
		Private map[string][]share `json:"private"`
	} `json:"shares"`
}

// share is a message that a file is in.
type share struct {
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts"`
}

// checkFirst reports whether the event has only the file's name: one from
// another organisation (Slack Connect), of which files.info has to be asked.
func (f file) checkFirst() bool {
	return f.FileAccess == "check_file_info" || f.Mode == "file_access"
}

// gone reports whether the file was deleted.
func (f file) gone() bool { return f.Mode == "tombstone" || f.Mode == "hidden_by_limit" }

// clip reports whether the file is sound to listen to. What it is called says
// nothing: names are translated, and a clip that calls itself audio/webm or even
// video/mp4 is AAC in MP4. Clips are known by their subtype and how Slack shows
// them; uploads by the type that they claim, which the decoder checks.
func (f file) clip() bool {
	switch {
	case f.gone():
		return false
	case f.Subtype == "slack_video", f.MediaDisplayType == "video":
		return false
	case f.Subtype == "slack_audio", f.MediaDisplayType == "audio", f.AAC != "", len(f.AudioWaveSamples) > 0:
		return true
	}
	return strings.HasPrefix(f.Mimetype, "audio/")
}

// download is the address of the sound.
func (f file) download() string {
	for _, u := range []string{f.URLPrivateDownload, f.URLPrivate, f.AAC} {
		if u != "" {
			return u
		}
	}
	return ""
}

// in returns the messages of a conversation that the file is in.
func (f file) in(channel string) []share {
	return append(append([]share(nil), f.Shares.Public[channel]...), f.Shares.Private[channel]...)
}

// attachment is the file as a note has it: its address is asked for when it is
// opened, because it may not be there yet.
func (f file) attachment() coach.Attachment {
	return coach.Attachment{Ref: f.ID, Name: f.Name, ContentType: f.Mimetype, Size: f.Size}
}
