package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestFull(t *testing.T) {
	ctx := t.Context()
	busy := func(t *testing.T, err error) {
		t.Helper()
		var b *coach.Busy
		if !errors.As(err, &b) || !errors.Is(err, store.ErrFull) || b.For <= 0 {
			t.Errorf("accept: %v, want Busy because of ErrFull", err)
		}
	}
	t.Run("a queue is busy until a note is finished", func(t *testing.T) {
		s := open(t, store.Config{Dir: t.TempDir(), MaxTasks: 2})
		for _, n := range []int{1, 2} {
			if err := s.Accept(ctx, storetest.Note(n)); err != nil {
				t.Fatal(err)
			}
		}
		busy(t, s.Accept(ctx, storetest.Note(3)))
		if err := s.Accept(ctx, storetest.Note(1)); err != nil {
			t.Errorf("accept of a twin: %v", err)
		}
		task, err := s.Claim(ctx)
		if err != nil {
			t.Fatal(err)
		}
		busy(t, s.Accept(ctx, storetest.Note(3)))
		if err := s.Finish(ctx, task); err != nil {
			t.Fatal(err)
		}
		if err := s.Accept(ctx, storetest.Note(3)); err != nil {
			t.Error(err)
		}
		busy(t, s.Accept(ctx, storetest.Note(4)))
		if err := s.Accept(ctx, storetest.Note(1)); err != nil {
			t.Errorf("accept of a finished note's twin: %v", err)
		}
	})
	t.Run("a disk without its reserve takes no note in", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, store.Config{Dir: dir})
		if err := s.Accept(ctx, storetest.Note(1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, store.Config{Dir: dir, Reserve: 1 << 60})
		busy(t, s.Accept(ctx, storetest.Note(2)))
		if err := s.Accept(ctx, storetest.Note(1)); err != nil {
			t.Errorf("accept of a twin: %v", err)
		}
		if s.Ping(ctx) == nil {
			t.Error("ping finds nothing wrong")
		}
		if task, err := s.Claim(ctx); err != nil || s.Finish(ctx, task) != nil {
			t.Errorf("what was accepted can't get through: %v", err)
		}
	})
	t.Run("too large a recording is its sender's fault", func(t *testing.T) {
		s := open(t, store.Config{Dir: t.TempDir(), MaxAudio: 1000})
		err := s.Hold(ctx, "a", bytes.NewReader(make([]byte, 1001)))
		if !errors.Is(err, coach.ErrTooLarge) {
			t.Errorf("hold: %v", err)
		}
		if err := s.Hold(ctx, "a", bytes.NewReader(make([]byte, 1000))); err != nil {
			t.Error(err)
		}
	})
	t.Run("a task over the server's limit is refused, not lost", func(t *testing.T) {
		s := open(t, store.Config{Dir: t.TempDir()})
		if err := s.Accept(ctx, storetest.Note(1)); err != nil {
			t.Fatal(err)
		}
		task, err := s.Claim(ctx)
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, 9<<20)
		if _, err := io.ReadFull(newNoise(), noise); err != nil {
			t.Fatal(err)
		}
		task.LastError = base64.StdEncoding.EncodeToString(noise)
		if s.Save(ctx, task) == nil {
			t.Error("saved")
		}
		task.LastError = ""
		if err := s.Finish(ctx, task); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskFull fills the disk under a store that has no reserve: nothing is
// acknowledged that is not kept, and all goes on once there is room.
func TestDiskFull(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk can't be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	conf := store.Config{Dir: filepath.Join(disk, "data"), Reserve: 1, MaxBytes: 16 << 20}
	s := open(t, conf)
	accepted := 0
	accept := func() error {
		n := storetest.Note(accepted)
		n.Text = strings.Repeat(string(rune('a'+accepted%26)), 100)
		err := s.Accept(ctx, n)
		if err == nil {
			accepted++
		}
		return err
	}
	for range 5 {
		if err := accept(); err != nil {
			t.Fatal(err)
		}
	}
	shelf, err := s.Shelf(ctx, "page", 0)
	if err != nil {
		t.Fatal(err)
	}
	watching, stopWatch := context.WithCancel(ctx)
	seen, watched := make(chan string, 1), make(chan error, 1)
	go func() { watched <- shelf.Watch(watching, "", func(key string, _ []byte) { seen <- key }) }()
	held, err := s.Claim(ctx)
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, newNoise()); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk was not filled: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 200 { // a page that is begun still has room
		if accept() != nil {
			if refused++; refused == 3 {
				break
			}
		}
	}
	if refused < 3 {
		t.Fatal("all was accepted on a full disk")
	}
	if err := s.Hold(ctx, "a", bytes.NewReader(make([]byte, 1<<20))); err == nil {
		t.Error("a recording was held on a full disk")
	}
	noise := make([]byte, 1<<20)
	if _, err := io.ReadFull(newNoise(), noise); err != nil {
		t.Fatal(err)
	}
	held.LastError = string(noise)
	if err := s.Save(ctx, held); err == nil {
		t.Error("progress was saved on a full disk")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	held.LastError = "saved"
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := s.Save(ctx, held)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("save with room again: %v", err)
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := accept()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("accept with room again: %v", err)
		}
	}
	for end := time.Now().Add(time.Minute); ; {
		err := s.Hold(ctx, "a", strings.NewReader("audio"))
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("hold with room again: %v", err)
		}
	}
	if err := shelf.Put(ctx, "after", nil); err != nil {
		t.Errorf("put with room again: %v", err)
	}
	select {
	case <-seen:
	case <-time.After(time.Minute):
		t.Error("a watch from before sees nothing any more")
	}
	stopWatch()
	if err := <-watched; err != nil {
		t.Errorf("watch: %v", err)
	}
	if err := s.Finish(ctx, held); err != nil {
		t.Fatal(err)
	}
	half := accepted / 2
	for range half - 1 {
		task, err := s.Claim(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(ctx, task); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, conf)
	if d := s.Depth(); d.Ready+d.Claimed != accepted-half {
		t.Errorf("%+v after %d notes were accepted and %d finished", d, accepted, half)
	}
	for n := half; n < accepted; n++ {
		task, err := s.Claim(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if task.Note.ID != storetest.Note(n).ID {
			t.Errorf("claimed %s, want %s", task.Note.ID, storetest.Note(n).ID)
		}
	}
}
