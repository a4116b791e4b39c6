package store_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestMain(m *testing.M) {
	runChild() // of the crash tests; does not return in one
	goleak.VerifyTestMain(m)
}

// open opens an embedded store that is closed with the test.
func open(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if c.Log == nil {
		c.Log = testLog(t)
	}
	s, err := store.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testLog writes warnings and errors into the test's output.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func TestEmbedded(t *testing.T) {
	t.Run("queue", func(t *testing.T) {
		storetest.Queue(t, storetest.Backend{
			New: func(t *testing.T) func() storetest.Process {
				dir := t.TempDir()
				return func() storetest.Process {
					s := open(t, store.Config{Dir: dir})
					return storetest.Process{Queue: s, Crash: func() { s.Close() }}
				}
			},
		})
	})
	t.Run("audio hold", func(t *testing.T) {
		storetest.AudioHold(t, open(t, store.Config{Dir: t.TempDir()}))
	})
	t.Run("history", func(t *testing.T) {
		storetest.History(t, open(t, store.Config{Dir: t.TempDir(), Lessons: 12}), 12)
	})
}

// newNoise returns endless bytes that can't be compressed.
func newNoise() io.Reader { return rand.NewChaCha8([32]byte{1}) }
