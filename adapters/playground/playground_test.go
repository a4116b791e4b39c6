package playground

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func advise(err error) string { return "advice: " + string(coach.ReasonOf(err)) }

func forgetNothing(context.Context, coach.LearnerID) error { return nil }

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// service is a playground that listens, with what stands behind it.
type service struct {
	*Playground
	url   string
	hold  *memoryHold
	shelf *memoryShelf
	inbox *memoryInbox
	stop  func() error // ends Listen and returns what it returned; may be repeated
}

// serve starts one over the given stores, new ones where nil.
func serve(t *testing.T, cfg Config, from *service) *service {
	t.Helper()
	s := &service{inbox: newMemoryInbox(), hold: newMemoryHold(), shelf: newMemoryShelf()}
	if from != nil {
		s.inbox, s.hold, s.shelf = from.inbox, from.hold, from.shelf
	}
	return s.start(t, cfg, forgetNothing)
}

func (s *service) start(t *testing.T, cfg Config, forget func(context.Context, coach.LearnerID) error) *service {
	t.Helper()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	ready := make(chan string, 1)
	cfg.Ready = func(url string) { ready <- url }
	s.Playground = New(s.hold, s.shelf, advise, forget, discardLog(), cfg)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Listen(ctx, s.inbox) }()
	var result *error
	s.stop = func() error {
		cancel()
		if result == nil {
			err := <-ended
			result = &err
		}
		return *result
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("Listen: %v", err)
		}
	})
	select {
	case s.url = <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("Listen: %v", err)
	}
	return s
}

// ordinary is a form that is accepted.
func ordinary() form {
	return form{
		id: uuid.NewString(), text: "I think it is important.", audio: []byte("OggS and more"),
		name: "note.ogg", contentType: "audio/ogg",
	}
}

// The page's marks and the reply's words must not differ in what is sure.
func TestPageIsAsSureAsTheReply(t *testing.T) {
	b, err := pageFiles.ReadFile("page/marks.js")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("const SURE = %v;", coach.Sure); !strings.Contains(string(b), want) {
		t.Errorf("page/marks.js lacks %q", want)
	}
}
