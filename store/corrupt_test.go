package store_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

// TestDamagedFiles flips a byte of the notes' file, and does worse, as a failing
// disk does: no note is lost, and none that was finished comes back.
func TestDamagedFiles(t *testing.T) {
	// 10 finished, 10 buried, 10 saved and held, 5 parked, 5 parked and woken, 10
	// that nobody has claimed yet.
	const notes = 50
	flip := func(at float64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[int(float64(len(b)-3)*at)+2] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(t *testing.T, path string) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	const stream = "jetstream/*/streams/mynah-tasks"
	cases := map[string]map[string]func(*testing.T, string){
		"the journal is gone":                             {"journal": remove},
		"a byte of the journal is flipped":                {"journal": flip(.5)},
		"the stream's file is gone":                       {stream + "/msgs/*.blk": remove},
		"the stream is gone, as in an interrupted repair": {stream: remove},
	}
	for _, at := range []float64{0, .3, .7, .99} {
		cases[fmt.Sprintf("a byte at %v of the notes' file is flipped", at)] = map[string]func(*testing.T, string){
			stream + "/msgs/*.blk": flip(at),
		}
		cases[fmt.Sprintf("a byte at %v of the notes' file is flipped, and its index gone", at)] = map[string]func(*testing.T, string){
			stream + "/msgs/*.blk": flip(at), stream + "/msgs/index.db": remove,
		}
	}
	for name, damages := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			conf := store.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
			s := open(t, conf)
			for n := range notes {
				must(s.Accept(ctx, storetest.Note(n)))
			}
			for n := range 40 {
				task, err := s.Claim(ctx)
				must(err)
				task.LastError = "saved"
				must(s.Save(ctx, task))
				switch n / 10 {
				case 0:
					must(s.Finish(ctx, task))
				case 1:
					must(s.Bury(ctx, task))
				case 3:
					must(s.Retry(ctx, task, time.Hour, false))
				}
			}
			for n := 35; n < 40; n++ {
				must(s.Wake(ctx, storetest.Note(n).ID))
			}
			must(s.Close())
			for pattern, damage := range damages {
				paths, err := filepath.Glob(filepath.Join(conf.Dir, filepath.FromSlash(pattern)))
				if err != nil || len(paths) != 1 {
					t.Fatalf("%s: %v, %v", pattern, paths, err)
				}
				damage(t, paths[0])
			}
			for range 2 { // the second time, all is well
				s = open(t, conf)
				if got, want := s.Depth(), (store.Depth{Ready: 15, Later: 5, Claimed: 10, Dead: 10}); got != want {
					t.Errorf("depth %+v, want %+v", got, want)
				}
				for n := range notes {
					must(s.Accept(ctx, storetest.Note(n)))
				}
				if got, want := s.Depth(), (store.Depth{Ready: 15, Later: 5, Claimed: 10, Dead: 10}); got != want {
					t.Errorf("depth %+v after all notes came again, want %+v", got, want)
				}
				must(s.Close())
			}
			s = open(t, conf)
			letters, err := s.DeadLetters(ctx)
			must(err)
			if len(letters) != 10 {
				t.Errorf("%d dead letters", len(letters))
			}
			left := map[coach.NoteID]*coach.Task{}
			for range 25 {
				task, err := s.Claim(ctx)
				must(err)
				left[task.Note.ID] = task
				must(s.Finish(ctx, task))
			}
			for n := 20; n < notes; n++ {
				task := left[storetest.Note(n).ID]
				if parked := n/5 == 6; (task == nil) != parked {
					t.Errorf("%s: claimed %v, parked %v", storetest.Note(n).ID, task != nil, parked)
				}
				if task == nil {
					continue
				}
				saved, attempt := n < 40, 1
				if n < 30 {
					attempt = 2 // the first one ended with its process
				}
				if (task.LastError == "saved") != saved || task.Attempt != attempt {
					t.Errorf("%s: attempt %d, last error %q", task.Note.ID, task.Attempt, task.LastError)
				}
			}
		})
	}
}

// TestDeadLetterEndsInTime holds a restored dead letter against the time that
// it had left.
func TestDeadLetterEndsInTime(t *testing.T) {
	ctx := t.Context()
	conf := store.Config{Dir: t.TempDir(), KeepDead: 5 * time.Second, Log: slog.New(slog.DiscardHandler)}
	s := open(t, conf)
	if err := s.Accept(ctx, storetest.Note(1)); err != nil {
		t.Fatal(err)
	}
	task, err := s.Claim(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bury(ctx, task); err != nil {
		t.Fatal(err)
	}
	buried := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(conf.Dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	conf.KeepDead = time.Hour // of those that are buried from now on
	s = open(t, conf)
	for {
		letters, err := s.DeadLetters(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(letters) == 0 {
			break
		}
		if time.Since(buried) > time.Minute {
			t.Fatal("a restored dead letter lives for ever")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
