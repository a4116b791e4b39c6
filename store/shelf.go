package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mynah-coach/mynah/coach"
)

// Shelf is a coach.Shelf that can be watched.
type Shelf struct {
	kv jetstream.KeyValue
}

var _ coach.Shelf = (*Shelf)(nil)

var (
	shelfNames = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	shelfKeys  = regexp.MustCompile(`^[A-Za-z0-9_=/-]+(\.[A-Za-z0-9_=/-]+)*$`)
)

// Shelf opens the shelf of a name, made when it is missing. Each value goes ttl
// after it was put; never when ttl is 0. A shelf holds a sixteenth of
// Config.MaxBytes.
func (s *Store) Shelf(ctx context.Context, name string, ttl time.Duration) (*Shelf, error) {
	if !shelfNames.MatchString(name) {
		return nil, fmt.Errorf("shelf: bad name %q", name)
	}
	bucket := s.config.Prefix + "-shelf-" + name
	if err := s.makeShelf(ctx, jetstream.KeyValueConfig{
		Bucket:      bucket,
		Description: "mynah: state of " + name,
		TTL:         ttl,
		MaxBytes:    s.config.shelfBytes(),
		Replicas:    s.config.Replicas,
	}); err != nil {
		return nil, fmt.Errorf("shelf %s: %w", name, err)
	}
	kv, err := s.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("shelf %s: %w", name, err)
	}
	return &Shelf{kv}, nil
}

// makeShelf makes or adapts a bucket, without the direct reads that buckets
// come with: a replica that lags would answer those.
func (s *Store) makeShelf(ctx context.Context, c jetstream.KeyValueConfig) error {
	name := "KV_" + c.Bucket
	stream, err := s.js.Stream(ctx, name)
	if err == nil {
		is := stream.CachedInfo().Config
		if !is.AllowDirect && is.MaxAge == c.TTL && is.MaxBytes == c.MaxBytes && is.Replicas == c.Replicas {
			return nil
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if _, err := s.js.CreateOrUpdateKeyValue(ctx, c); err != nil {
		return err
	}
	if stream, err = s.js.Stream(ctx, name); err != nil {
		return err
	}
	is := stream.CachedInfo().Config
	is.AllowDirect = false
	_, err = s.js.UpdateStream(ctx, is)
	return err
}

// Put keeps a value, in place of the key's former one.
func (h *Shelf) Put(ctx context.Context, key string, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if _, err := h.kv.Put(ctx, key, value); err != nil {
		return fmt.Errorf("shelf: put: %w", err)
	}
	return nil
}

// Get returns a key's value, and whether there is one.
func (h *Shelf) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	e, err := h.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("shelf: get: %w", err)
	}
	return e.Value(), true, nil
}

// Delete drops a key and what was kept of it; none is not an error.
func (h *Shelf) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := h.kv.Purge(ctx, key); err != nil {
		return fmt.Errorf("shelf: delete: %w", err)
	}
	return nil
}

// Update puts what change makes of the key's value; see coach.Shelf. Where a
// write was left unanswered its error is returned, and it may have been done.
func (h *Shelf) Update(ctx context.Context, key string, change func(old []byte) ([]byte, error)) error {
	if err := checkKey(key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		err := h.tryUpdate(ctx, key, change)
		if err == nil {
			return nil
		}
		if isConflict(err) || errors.Is(err, jetstream.ErrKeyExists) {
			err = pause(ctx, rand.N(10*time.Millisecond), nil) // lest two writers keep step
		}
		if err != nil {
			return fmt.Errorf("shelf: update: %w", err)
		}
	}
}

func (h *Shelf) tryUpdate(ctx context.Context, key string, change func(old []byte) ([]byte, error)) error {
	var old []byte
	e, err := h.kv.Get(ctx, key)
	found := err == nil
	if found {
		old = append([]byte{}, e.Value()...) // nil says that there is none
	} else if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return err
	}
	value, err := change(old)
	switch {
	case err != nil:
		return err
	case value == nil && !found:
		return nil
	case value == nil:
		return h.kv.Purge(ctx, key, jetstream.LastRevision(e.Revision()))
	case found:
		_, err = h.kv.Update(ctx, key, value, e.Revision())
	default:
		_, err = h.kv.Create(ctx, key, value)
	}
	return err
}

// List returns all keys that begin with prefix, with their values.
func (h *Shelf) List(ctx context.Context, prefix string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := h.follow(ctx, prefix, func(e jetstream.KeyValueEntry) (more bool) {
		if e != nil {
			all[e.Key()] = e.Value()
		}
		return e != nil
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("shelf: list: %w", err)
	}
	return all, nil
}

// Watch calls changed, one call at a time, for everything that is there under
// prefix, oldest first, and then for everything that is put, by this process or
// another, until ctx ends; then it returns nil. Deletions are not reported. A
// value may come twice.
func (h *Shelf) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	err := h.follow(ctx, prefix, func(e jetstream.KeyValueEntry) (more bool) {
		if e != nil {
			changed(e.Key(), e.Value())
		}
		return true
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("shelf: watch: %w", err)
	}
	return nil
}

// follow hands each every value under prefix, then nil, then every change,
// until each has enough or ctx ends.
func (h *Shelf) follow(ctx context.Context, prefix string, each func(jetstream.KeyValueEntry) (more bool)) error {
	pattern := ">" // whole parts are left to the server; what they don't tell apart is sorted out here
	if i := strings.LastIndexByte(prefix, '.'); i >= 0 {
		if err := checkKey(prefix[:i]); err != nil {
			return err
		}
		pattern = prefix[:i] + ".>"
	}
	w, err := h.kv.Watch(ctx, pattern, jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Updates():
			if !ok {
				if ctx.Err() != nil {
					return nil
				}
				return errors.New("the connection was closed")
			}
			if e != nil && !strings.HasPrefix(e.Key(), prefix) {
				continue
			}
			if !each(e) {
				return nil
			}
		}
	}
}

func checkKey(key string) error {
	if len(key) > 256 || !shelfKeys.MatchString(key) {
		return fmt.Errorf("shelf: bad key %q", key)
	}
	return nil
}
