package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/store"
)

func TestDirectory(t *testing.T) {
	t.Run("is one process's alone", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, store.Config{Dir: dir})
		_, err := store.Open(t.Context(), store.Config{Dir: dir})
		if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("second open: %v, want ErrInUse with this process's number", err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("the first one suffered: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, store.Config{Dir: dir})
	})
	t.Run("is for its user's eyes only", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		open(t, store.Config{Dir: dir})
		fi, err := os.Stat(dir)
		if err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, %v", fi.Mode(), err)
		}
	})
	t.Run("that can't be made is an error", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(file, "data")}); err == nil {
			t.Error("opened inside of a file")
		}
	})
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]store.Config{
		"neither directory nor URL":   {},
		"both":                        {Dir: "d", URL: "nats://localhost"},
		"replicas without a cluster":  {Dir: "d", Replicas: 3},
		"a prefix that isn't a token": {Dir: "d", Prefix: "a.b"},
		"a wildcard as prefix":        {Dir: "d", Prefix: "*"},
		"a lease too short":           {Dir: "d", Lease: 1},
		"a retention too short":       {Dir: "d", LessonAge: 1},
		"a negative limit":            {Dir: "d", MaxTasks: -1},
		"hardly any disk":             {Dir: "d", MaxBytes: 1},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if c.Dir != "" {
				c.Dir = t.TempDir()
			}
			if s, err := store.Open(t.Context(), c); err == nil {
				s.Close()
				t.Error("opened")
			}
		})
	}
}
