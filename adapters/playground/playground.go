// Package playground is the adapter for a web page on this machine: a learner
// picks a sentence, records it, and reads the reply in a thread on the page.
//
// The page is plain HTML, CSS and JavaScript, embedded, and asks for nothing
// but this server. Its API:
//
//	POST   /api/notes       multipart fields id, text, audio, in this order: 202 {"note": ID}
//	GET    /api/notes/{id}  {"id", "text", "received", "state": "queued"|"done", "reply"}
//	GET    /api/events      server-sent events "reply" for ?note=ID&note=ID, then "end"
//	GET    /api/thread      {"notes": [...]}, the learner's latest, newest first
//	DELETE /api/thread      forgets the learner: 204, and another cookie
//	GET    /api/settings    the limits that the page keeps to
//	GET    /healthz         "ok" while the server serves
//
// The field id is a UUID of the client's making: sending it again is harmless,
// so a client repeats a POST until it is answered. A refusal is JSON with a
// reason, and a message for the learner where the learner can mend it.
//
// A learner is a random cookie; nobody sees another's notes. What the server
// remembers of a note is its sentence and its reply, on a Shelf; recordings go
// to the coach.AudioHold, are never served again, and stay there only until
// their note is answered (the page plays from the browser's own copy).
package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Config holds the options; the zero value serves the page on loopback.
type Config struct {
	// Addr to listen on, "127.0.0.1:8080" where empty. Port 0 takes a free one.
	Addr string
	// AllowedHosts are names and addresses, without port, that browsers may call
	// this server by, beside localhost, the loopback addresses and Addr's own.
	// Others are refused: a hostile page must not reach us by rebinding its DNS
	// name to our address.
	AllowedHosts []string
	// HTTPS says that browsers reach the page by https, through a proxy; the
	// learner's cookie is then kept to https.
	HTTPS bool
	// MaxBytes of a recording, 10 MiB where 0.
	MaxBytes int64
	// MaxText is the longest sentence taken, in characters; 600 where 0.
	MaxText int
	// MaxSeconds is when the page stops a recording, 60 where 0. The decoder
	// has its own limit.
	MaxSeconds int
	// WordsElsewhere says that replies are worded by a language model that runs
	// on another machine: the page's word on privacy goes by it.
	WordsElsewhere bool
	// Ready is called with the page's address once Listen accepts connections.
	Ready func(url string)
}

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 10 << 20
	}
	if c.MaxText == 0 {
		c.MaxText = 600
	}
	if c.MaxSeconds == 0 {
		c.MaxSeconds = 60
	}
	return c
}

// Playground is the adapter. Make one with New.
type Playground struct {
	cfg    Config
	hold   coach.AudioHold
	shelf  Shelf
	advice func(error) string
	forget func(context.Context, coach.LearnerID) error
	log    *slog.Logger
}

// New returns the adapter. Recordings go to hold; what the page shows is kept
// on shelf; advice words a learner's error (coach.ReasonOf); forget deletes
// what the rest of the service remembers of a learner, and is repeated when it
// fails.
func New(hold coach.AudioHold, shelf Shelf, advice func(error) string,
	forget func(context.Context, coach.LearnerID) error, log *slog.Logger, cfg Config,
) *Playground {
	return &Playground{
		cfg:    cfg.withDefaults(),
		hold:   hold,
		shelf:  shelf,
		advice: advice,
		forget: forget,
		log:    log.With("platform", coach.Playground),
	}
}

// Platform implements coach.Adapter.
func (p *Playground) Platform() coach.Platform { return coach.Playground }

// Open implements coach.Adapter: the recording comes from the hold, where it
// was put before its note was accepted.
func (p *Playground) Open(ctx context.Context, note coach.VoiceNote) (io.ReadCloser, error) {
	r, err := p.hold.Held(ctx, note.ID)
	if errors.Is(err, coach.ErrNotHeld) {
		return nil, fmt.Errorf("playground: %w", coach.ErrAudioGone)
	}
	if err != nil {
		return nil, fmt.Errorf("playground: open: %w", err)
	}
	return r, nil
}

// Post implements coach.Adapter: the reply is put on the shelf, from where
// every machine that serves this learner's page shows it. A reply to a learner
// who has been forgotten is dropped.
func (p *Playground) Post(ctx context.Context, thread coach.ThreadID, r coach.Reply) error {
	id, err := parseNoteID(r.Note)
	if err != nil {
		return fmt.Errorf("playground: post: %w", err)
	}
	if id.person.thread() != thread {
		return errors.New("playground: post: the note is not of this thread")
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("playground: post: %w", err)
	}
	if err := p.shelf.Put(ctx, id.replyKey(), b); err != nil {
		return fmt.Errorf("playground: post: %w", err)
	}
	// Looking only after the Put leaves no gap: a forgetting that missed the
	// reply has left its mark before.
	return p.dropIfForgotten(ctx, id.person, id.replyKey())
}

// dropIfForgotten deletes what was put under key when its owner was forgotten
// meanwhile.
func (p *Playground) dropIfForgotten(ctx context.Context, who person, key string) error {
	gone, err := p.forgotten(ctx, who)
	if err == nil && gone {
		err = p.shelf.Delete(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("playground: shelf: %w", err)
	}
	return nil
}

func (p *Playground) forgotten(ctx context.Context, who person) (bool, error) {
	_, found, err := p.shelf.Get(ctx, who.forgottenKey())
	return found, err
}

// forgetLearner deletes all that is known of a learner, everywhere. It may be
// repeated, and must be when it fails.
func (p *Playground) forgetLearner(ctx context.Context, who person) error {
	mark, err := time.Now().UTC().MarshalText()
	if err != nil {
		return err
	}
	if err := p.shelf.Put(ctx, who.forgottenKey(), mark); err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	if err := p.forget(ctx, who.learner()); err != nil {
		return fmt.Errorf("lessons: %w", err)
	}
	kept, err := p.shelf.List(ctx, who.prefix())
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	for key := range kept {
		if id, ok := who.noteOfKey(key); ok {
			if err := p.hold.Release(ctx, id.note()); err != nil {
				return fmt.Errorf("recording: %w", err)
			}
		}
		if err := p.shelf.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	return nil
}
