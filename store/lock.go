package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrInUse says that another process has the data directory.
var ErrInUse = errors.New("the data directory is in use by another process")

// lock takes a data directory for this process alone, or returns ErrInUse with
// what the holder wrote about itself. JetStream has no lock of its own: two
// servers on one directory both run, and damage it.
func lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, "lock")
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !ok {
		holder, _ := os.ReadFile(path) // only a courtesy
		if who := strings.TrimSpace(string(holder)); who != "" {
			return nil, fmt.Errorf("%w: %s: %s", ErrInUse, dir, who)
		}
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	who := fmt.Sprintf("%s, process %d, since %s\n", filepath.Base(os.Args[0]), os.Getpid(), time.Now().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(who), 0o600); err != nil {
		_ = l.Unlock()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return l, nil
}
