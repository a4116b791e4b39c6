package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// MemoryShelf is a coach.Shelf that forgets all when the process ends. It passes
// the same suite as the real one and works in a synctest bubble.
type MemoryShelf struct {
	// TTL, where set, is how long a value is kept after it was put.
	TTL time.Duration
	// Fail, where set, is asked before every operation ("put", "get", "delete",
	// "list", "update"), which fails with the error that it returns.
	Fail func(op string) error

	mu     sync.Mutex
	values map[string]shelved
	writes int
}

type shelved struct {
	value    []byte
	at       time.Time
	revision int
}

var _ coach.Shelf = (*MemoryShelf)(nil)

// NewShelf returns an empty shelf whose values stay.
func NewShelf() *MemoryShelf {
	return &MemoryShelf{values: map[string]shelved{}}
}

var keys = regexp.MustCompile(`^[A-Za-z0-9_=/-]+(\.[A-Za-z0-9_=/-]+)*$`)

// begin checks an operation and its key, and locks.
func (s *MemoryShelf) begin(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("shelf: %s: %w", op, err)
	}
	if len(key) > 256 || !keys.MatchString(key) {
		return fmt.Errorf("shelf: bad key %q", key)
	}
	if s.Fail != nil {
		if err := s.Fail(op); err != nil {
			return fmt.Errorf("shelf: %s: %w", op, err)
		}
	}
	s.mu.Lock()
	return nil
}

// get returns a copy that is never nil of what is there, and its revision, 0 for
// none. s.mu is held.
func (s *MemoryShelf) get(key string) (value []byte, revision int) {
	v, found := s.values[key]
	if !found || s.TTL > 0 && time.Since(v.at) >= s.TTL {
		return nil, 0
	}
	return append([]byte{}, v.value...), v.revision
}

// put keeps a copy. s.mu is held.
func (s *MemoryShelf) put(key string, value []byte) {
	s.writes++
	s.values[key] = shelved{slices.Clone(value), time.Now(), s.writes}
}

// Put is coach.Shelf's.
func (s *MemoryShelf) Put(ctx context.Context, key string, value []byte) error {
	if err := s.begin(ctx, "put", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.put(key, value)
	return nil
}

// Get is coach.Shelf's.
func (s *MemoryShelf) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	if err := s.begin(ctx, "get", key); err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	value, revision := s.get(key)
	return value, revision > 0, nil
}

// Delete is coach.Shelf's.
func (s *MemoryShelf) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, "delete", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.values, key)
	return nil
}

// List is coach.Shelf's.
func (s *MemoryShelf) List(ctx context.Context, prefix string) (map[string][]byte, error) {
	whole := "any" // the part of the prefix that must be a key
	if i := strings.LastIndexByte(prefix, '.'); i >= 0 {
		whole = prefix[:i]
	}
	if err := s.begin(ctx, "list", whole); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	all := map[string][]byte{}
	for key := range s.values {
		if value, revision := s.get(key); revision > 0 && strings.HasPrefix(key, prefix) {
			all[key] = value
		}
	}
	return all, nil
}

// Update is coach.Shelf's.
func (s *MemoryShelf) Update(ctx context.Context, key string, change func(old []byte) ([]byte, error)) error {
	for {
		if err := s.begin(ctx, "update", key); err != nil {
			return err
		}
		old, revision := s.get(key)
		s.mu.Unlock()
		value, err := change(old)
		if err != nil {
			return fmt.Errorf("shelf: update: %w", err)
		}
		s.mu.Lock()
		_, now := s.get(key)
		if now == revision {
			if value == nil {
				delete(s.values, key)
			} else {
				s.put(key, value)
			}
		}
		s.mu.Unlock()
		if now == revision {
			return nil
		}
	}
}

// Shelf runs the suite that every coach.Shelf passes on an empty one.
func Shelf(t *testing.T, h coach.Shelf) {
	ctx := t.Context()
	put := func(t *testing.T, kv ...string) {
		t.Helper()
		for i := 0; i < len(kv); i += 2 {
			if err := h.Put(ctx, kv[i], []byte(kv[i+1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	has := func(t *testing.T, key, want string) {
		t.Helper()
		if v, found, err := h.Get(ctx, key); err != nil || !found || string(v) != want {
			t.Errorf("%s: %q, %v, %v; want %q", key, v, found, err, want)
		}
	}
	lacks := func(t *testing.T, key string) {
		t.Helper()
		if v, found, err := h.Get(ctx, key); err != nil || found {
			t.Errorf("%s: %q, %v, %v; want none", key, v, found, err)
		}
	}
	t.Run("what was put last is got, until it is deleted", func(t *testing.T) {
		put(t, "a.b", "1", "a.b", "2", "a.c", "")
		has(t, "a.b", "2")
		has(t, "a.c", "")
		for range 2 {
			if err := h.Delete(ctx, "a.b"); err != nil {
				t.Error(err)
			}
		}
		if err := h.Delete(ctx, "never.there"); err != nil {
			t.Error(err)
		}
		lacks(t, "a.b")
	})
	t.Run("a list holds what is under its prefix", func(t *testing.T) {
		put(t, "p.1.note", "n1", "p.1.reply", "r1", "p.12.note", "n12", "q.1.note", "other")
		for prefix, want := range map[string]map[string]string{
			"p.1.":   {"p.1.note": "n1", "p.1.reply": "r1"},
			"p.1":    {"p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12"},
			"p.":     {"p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12"},
			"q":      {"q.1.note": "other"},
			"nobody": {},
			"":       {"a.c": "", "p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12", "q.1.note": "other"},
		} {
			all, err := h.List(ctx, prefix)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for k, v := range all {
				got[k] = string(v)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%q (-want +got):\n%s", prefix, d)
			}
		}
	})
	t.Run("an update makes, changes and deletes", func(t *testing.T) {
		update := func(value []byte, wantOld *string) {
			t.Helper()
			err := h.Update(ctx, "u.1", func(old []byte) ([]byte, error) {
				if (wantOld == nil) != (old == nil) || wantOld != nil && *wantOld != string(old) {
					t.Errorf("changes %q, nil %v", old, old == nil)
				}
				return value, nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		one, empty := "one", ""
		update(nil, nil)
		lacks(t, "u.1")
		update([]byte(one), nil)
		has(t, "u.1", one)
		update([]byte{}, &one)
		has(t, "u.1", empty)
		update(nil, &empty) // there, and empty
		lacks(t, "u.1")
		update([]byte(one), nil) // where a deletion has left its trace
		has(t, "u.1", one)
	})
	t.Run("an update that fails changes nothing", func(t *testing.T) {
		refused := errors.New("refused")
		for _, key := range []string{"u.1", "u.none"} {
			err := h.Update(ctx, key, func([]byte) ([]byte, error) { return []byte("wrong"), refused })
			if !errors.Is(err, refused) {
				t.Errorf("update: %v, want the change's error", err)
			}
		}
		has(t, "u.1", "one")
		lacks(t, "u.none")
	})
	t.Run("no update is lost among many", func(t *testing.T) {
		const hands, times = 4, 10
		var wg sync.WaitGroup
		for range hands {
			wg.Go(func() {
				for range times {
					err := h.Update(ctx, "u.count", func(old []byte) ([]byte, error) {
						n := 0
						if old != nil {
							var err error
							if n, err = strconv.Atoi(string(old)); err != nil {
								return nil, err
							}
						}
						return strconv.AppendInt(nil, int64(n+1), 10), nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		has(t, "u.count", strconv.Itoa(hands*times))
	})
	t.Run("an update under an ended context changes nothing", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		err := h.Update(ended, "u.1", func([]byte) ([]byte, error) { return []byte("wrong"), nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("update: %v", err)
		}
		has(t, "u.1", "one")
	})
	t.Run("wrong keys are refused", func(t *testing.T) {
		for _, key := range []string{"", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "ä", string(make([]byte, 300))} {
			ops := map[string]func() error{
				"put":    func() error { return h.Put(ctx, key, nil) },
				"get":    func() error { _, _, err := h.Get(ctx, key); return err },
				"delete": func() error { return h.Delete(ctx, key) },
				"update": func() error {
					return h.Update(ctx, key, func([]byte) ([]byte, error) { return []byte{}, nil })
				},
			}
			for _, op := range slices.Sorted(maps.Keys(ops)) {
				if ops[op]() == nil {
					t.Errorf("%s of %q", op, key)
				}
			}
		}
		if _, err := h.List(ctx, "a.*.b"); err == nil {
			t.Error("a wildcard was listed")
		}
	})
}
