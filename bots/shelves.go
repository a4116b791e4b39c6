package bots

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// What the desk keeps stands on two shelves, as JSON. On the lasting one:
//
//	learner.<learner>                      record
//	place.<place>                          placeRecord
//	usage.<place>.<day>                    usageRecord
//	dispute.<place>.<learner>.<note>-<claim>  Dispute
//
// and on the passing one, whose values go by themselves:
//
//	note.<note>        visit
//	forgot.<learner>   the time of the learner's last /forget
//	left.<place>       the time at which mynah was removed from there
//
// <...> are hashes, so that any identifier fits a key and none can be read off
// one.

// hashed is an identifier as a part of a key.
func hashed[T ~string](id T) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

func learnerKey(id coach.LearnerID) string { return "learner." + hashed(id) }
func placeKey(id coach.PlaceID) string     { return "place." + hashed(id) }
func noteKey(id coach.NoteID) string       { return "note." + hashed(id) }
func forgotKey(id coach.LearnerID) string  { return "forgot." + hashed(id) }
func leftKey(id coach.PlaceID) string      { return "left." + hashed(id) }

// load returns the value of a key, the zero value where there is none.
func load[T any](ctx context.Context, shelf coach.Shelf, key string) (v T, err error) {
	b, found, err := shelf.Get(ctx, key)
	if err != nil || !found {
		return v, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("shelf: %s is unreadable: %w", kindOf(key), err)
	}
	return v, nil
}

// errSame is what a change returns that changes nothing.
var errSame = errors.New("nothing to change")

// change changes the value of a key as one step and returns it as it is then. f
// may be called several times, each time with the value as it is, or the zero
// value.
func change[T any](ctx context.Context, shelf coach.Shelf, key string, f func(v *T) error) (v T, err error) {
	err = shelf.Update(ctx, key, func(old []byte) ([]byte, error) {
		var fresh T
		if old != nil {
			if err := json.Unmarshal(old, &fresh); err != nil {
				return nil, fmt.Errorf("%s is unreadable: %w", kindOf(key), err)
			}
		}
		err := f(&fresh)
		v = fresh
		if err != nil {
			return nil, err
		}
		return json.Marshal(fresh)
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return v, err
}

// kindOf is the first part of a key, which says nothing about anybody.
func kindOf(key string) string {
	for i, r := range key {
		if r == '.' {
			return key[:i]
		}
	}
	return key
}

// since reports whether t lies at or before a time that a tombstone holds.
func (d *Desk) since(ctx context.Context, key string, t time.Time) (bool, error) {
	at, err := load[time.Time](ctx, d.passing, key)
	return err == nil && !at.IsZero() && !t.After(at), err
}
