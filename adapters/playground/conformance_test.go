package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
)

func TestConformance(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
			return newPlatform(t, newMemoryHold(), newMemoryShelf()).harness()
		})
	})
	t.Run("on the store", func(t *testing.T) {
		adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
			s, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(t.TempDir(), "data")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close the store: %v", err)
				}
			})
			shelf, err := s.Shelf(t.Context(), "playground", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return newPlatform(t, s, shelf).harness()
		})
	})
}

// platform is the playground as its learners meet it: over HTTP.
type platform struct {
	hold  coach.AudioHold
	shelf *failingShelf

	mu      sync.Mutex
	url     string
	up      chan struct{} // closed when url is known
	clients map[string]*client
}

func newPlatform(t *testing.T, hold coach.AudioHold, shelf Shelf) *platform {
	p := &platform{hold: hold, shelf: &failingShelf{Shelf: shelf}, up: make(chan struct{}), clients: map[string]*client{}}
	t.Cleanup(p.quiesce)
	return p
}

func (p *platform) harness() adaptertest.Harness {
	return adaptertest.Harness{
		Adapter:  p.adapter(Config{Addr: "127.0.0.1:0", Ready: p.ready}),
		Another:  p.adapter(Config{}),
		Deliver:  p.deliver,
		Seen:     p.seen,
		Expire:   func(ctx context.Context, n coach.VoiceNote) error { return p.hold.Release(ctx, n.ID) },
		FailPost: p.shelf.failReply,
		Quiesce:  p.quiesce,
	}
}

func (p *platform) adapter(cfg Config) *Playground {
	return New(p.hold, p.shelf, advise, forgetNothing, discardLog(), cfg)
}

// failingShelf is a Shelf whose next Put of a reply can be made to fail.
type failingShelf struct {
	Shelf
	mu          sync.Mutex
	fail, after bool
}

// failReply fails it before it has taken effect, or after.
func (s *failingShelf) failReply(after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.after = true, after
}

func (s *failingShelf) Put(ctx context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fail || !strings.HasSuffix(key, replySuffix) {
		return s.Shelf.Put(ctx, key, value)
	}
	s.fail = false
	if s.after {
		return errors.Join(errShelf, s.Shelf.Put(ctx, key, value))
	}
	return errShelf
}

func (p *platform) ready(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = url
	close(p.up)
}

// client returns the browser of a learner, the same for the same name.
func (p *platform) client(ctx context.Context, learner string) (*client, error) {
	select {
	case <-p.up:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.clients[learner]; ok {
		return c, nil
	}
	c, err := newClient(ctx, p.url)
	if err == nil {
		p.clients[learner] = c
	}
	return c, err
}

func (p *platform) deliver(ctx context.Context, clip adaptertest.Clip) error {
	c, err := p.client(ctx, clip.Learner)
	if err != nil {
		return err
	}
	res, err := c.postForm(ctx, form{
		id:   uuid.NewSHA1(uuid.NameSpaceURL, []byte(clip.Key)).String(),
		text: clip.Text, audio: clip.Audio, name: clip.Name, contentType: clip.ContentType,
	})
	if err != nil {
		return err
	}
	return res.expect(http.StatusAccepted)
}

// seen finds the learner by the note, as only the adapter can, and looks at
// the thread that the learner's browser is given. A browser acts upon text in
// JSON only if it takes it for markup.
func (p *platform) seen(ctx context.Context, note coach.VoiceNote) ([]adaptertest.Shown, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		res, err := c.do(ctx, "GET", "api/thread", "", nil)
		if err != nil {
			return nil, err
		}
		var thread struct{ Notes []item }
		if err := errors.Join(res.expect(http.StatusOK), json.Unmarshal(res.body, &thread)); err != nil {
			return nil, err
		}
		for _, it := range thread.Notes {
			if it.ID != note.ID {
				continue
			}
			if it.Reply == nil {
				return nil, nil
			}
			shown := adaptertest.Shown{Text: it.Reply.Text}
			if res.Header.Get("Content-Type") != "application/json" || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
				bytes.ContainsAny(res.body, "<>") {
				shown.Active = append(shown.Active, "markup")
			}
			return []adaptertest.Shown{shown}, nil
		}
	}
	return nil, errors.New("no browser shows the note")
}

func (p *platform) quiesce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.http.CloseIdleConnections()
	}
}
