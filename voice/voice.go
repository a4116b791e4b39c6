// Package voice reads sentences aloud, with the voice of an OpenAI-compatible
// endpoint (POST /audio/speech): what a learner listens to before another try.
package voice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sashabaranov/go-openai"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/endpoint"
)

// Config is the endpoint. Zero values but URL's have defaults.
type Config struct {
	URL      string        // base URL: http://localhost:8880/v1
	Model    string        // "tts-1"
	Name     string        // of one of the model's voices: "alloy"
	APIKey   string        // none: no Authorization header is sent
	Timeout  time.Duration // for all tries of one sentence; 10 s
	MaxBytes int           // of one sentence's audio; 4 MiB
	Cache    int           // bytes of recent sentences' audio that are kept in memory; 16 MiB
	Failures int           // sentences failing one after another until it is left alone; 5
	Rest     time.Duration // how long it is left alone then; 30 s
}

// maxText is the longest sentence that is read, in characters. The scorer takes
// none that is longer.
const maxText = 1000

// ErrTooLong says that a sentence is longer than what is read aloud.
var ErrTooLong = errors.New("voice: the sentence is too long to read aloud")

// Voice reads aloud. It is safe for concurrent use.
type Voice struct {
	endpoint *endpoint.Endpoint[coach.File]
	model    string
	name     string
	timeout  time.Duration
	maxBytes int
	recent   *cache
}

// New makes a Voice. It doesn't connect: see Check.
func New(cfg Config) (*Voice, error) {
	if cfg.Model == "" {
		cfg.Model = "tts-1"
	}
	if cfg.Name == "" {
		cfg.Name = "alloy"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 4 << 20
	}
	if cfg.Cache <= 0 {
		cfg.Cache = 16 << 20
	}
	e, err := endpoint.New[coach.File](endpoint.Config{
		Name: "voice", URL: cfg.URL, APIKey: cfg.APIKey, MaxBody: int64(cfg.MaxBytes),
		Media: isAudio, Failures: cfg.Failures, Rest: cfg.Rest,
	})
	if err != nil {
		return nil, err
	}
	return &Voice{
		endpoint: e, model: cfg.Model, name: cfg.Name, timeout: cfg.Timeout, maxBytes: cfg.MaxBytes,
		recent: newCache(cfg.Cache),
	}, nil
}

// isAudio lets through what servers call their audio, some of them wrongly: the
// bytes decide in the end.
func isAudio(mediaType string) bool {
	return strings.HasPrefix(mediaType, "audio/") || mediaType == "application/octet-stream" || mediaType == "application/ogg"
}

// Close drops idle connections. The Voice can still be used.
func (v *Voice) Close() { v.endpoint.Close() }

// Speak returns a sentence read aloud, as MP3 where the endpoint gives what it is
// asked for, else as Ogg or WAV. The endpoint gets the sentence and nothing else.
// Speak returns within Config.Timeout; the same sentence again costs nothing
// while it is remembered.
func (v *Voice) Speak(ctx context.Context, text string) (coach.File, error) {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > maxText {
		return coach.File{}, ErrTooLong
	}
	if text == "" {
		return coach.File{}, errors.New("voice: there is nothing to read aloud")
	}
	if f, ok := v.recent.get(text); ok {
		return f, nil
	}
	f, err := v.ask(ctx, text)
	if err != nil {
		return coach.File{}, fmt.Errorf("voice: %w", err)
	}
	v.recent.put(text, f)
	return f, nil
}

func (v *Voice) ask(ctx context.Context, text string) (coach.File, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	return v.endpoint.Ask(ctx, func(ctx context.Context) (coach.File, error) {
		audio, err := v.endpoint.API.CreateSpeech(ctx, openai.CreateSpeechRequest{
			Model: openai.SpeechModel(v.model), Voice: openai.SpeechVoice(v.name), Input: text,
			ResponseFormat: openai.SpeechResponseFormatMp3, // Discord and Slack play it where it stands
		})
		if err != nil {
			return coach.File{}, endpoint.Cause(ctx, err)
		}
		b, err := io.ReadAll(audio)
		if err := errors.Join(endpoint.Cause(ctx, err), audio.Close()); err != nil {
			return coach.File{}, err
		}
		return file(b)
	})
}

// Check reads a word aloud, past what is remembered, for an operator. It says
// what kind of audio comes.
func (v *Voice) Check(ctx context.Context) (contentType string, err error) {
	f, err := v.ask(ctx, "Hello.")
	if err != nil {
		return "", fmt.Errorf("voice: %w", err)
	}
	return f.ContentType, nil
}

// file names audio by what it is, whatever the endpoint calls it.
func file(b []byte) (coach.File, error) {
	named := func(name, contentType string) (coach.File, error) {
		return coach.File{Name: name, ContentType: contentType, Data: b}, nil
	}
	switch {
	case len(b) < 12:
	case bytes.HasPrefix(b, []byte("ID3")), b[0] == 0xff && b[1]&0xe6 == 0xe2: // a tag, or a frame of layer III
		return named("sentence.mp3", "audio/mpeg")
	case bytes.HasPrefix(b, []byte("OggS")):
		return named("sentence.ogg", "audio/ogg")
	case bytes.HasPrefix(b, []byte("RIFF")) && string(b[8:12]) == "WAVE":
		return named("sentence.wav", "audio/wav")
	}
	return coach.File{}, endpoint.ErrGarbage
}
