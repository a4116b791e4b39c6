package discord

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// marks are the low-water marks: for each server, the message before which all
// are settled. Identifiers are ordered by time across channels, so that one mark
// does for all channels of a server; a direct message has its own. Only what a
// mark has on the shelf outlives us.
type marks struct {
	shelf coach.Shelf

	mu sync.Mutex
	of map[string]*mark // by guild, or dmMark of a channel
}

// mark is one of them.
type mark struct {
	saved  string         // as on the shelf; "" while that was not looked at
	latest string         // the latest message that was heard of
	open   map[string]int // messages that are not settled yet
	// behind says that messages may have been missed that have not been looked
	// for: the mark stays where it is.
	behind bool
}

// slack is how much later than a younger message an older one may reach us.
const slack = 30 * time.Second

func dmMark(channel string) string { return "dm-" + channel }

func newMarks(shelf coach.Shelf) *marks {
	return &marks{shelf: shelf, of: map[string]*mark{}}
}

func markKey(place string) string { return "seen." + place }

// at returns the place's mark, a new one that is behind where there is none.
// m.mu is held.
func (m *marks) at(place string) *mark {
	k, ok := m.of[place]
	if !ok {
		k = &mark{open: map[string]int{}, behind: true}
		m.of[place] = k
	}
	return k
}

// heard notes a message that is of no concern.
func (m *marks) heard(place, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.at(place); later(message, k.latest) {
		k.latest = message
	}
}

// begin keeps the mark below the message until it is settled.
func (m *marks) begin(place, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.at(place)
	k.open[message]++
	if later(message, k.latest) {
		k.latest = message
	}
}

// settle ends what begin began. A message that could not be settled keeps the
// mark below it for as long as we run.
func (m *marks) settle(place, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.at(place)
	if k.open[message]--; k.open[message] <= 0 {
		delete(k.open, message)
	}
}

// lost says that messages may have been missed everywhere.
func (m *marks) lost() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.of {
		k.behind = true
	}
}

// load returns the place's saved mark, "" where there is none.
func (m *marks) load(ctx context.Context, place string) (string, error) {
	b, found, err := m.shelf.Get(ctx, markKey(place))
	if err != nil {
		return "", fmt.Errorf("discord: mark: %w", err)
	}
	saved := ""
	if found && isSnowflake(string(b)) {
		saved = string(b)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.at(place); later(saved, k.saved) {
		k.saved = saved
	}
	return saved, nil
}

// found writes a place's first mark.
func (m *marks) found(ctx context.Context, place, message string) error {
	if err := m.shelf.Put(ctx, markKey(place), []byte(message)); err != nil {
		return fmt.Errorf("discord: mark: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.at(place); later(message, k.saved) {
		k.saved = message
	}
	return nil
}

// caughtUp says that all messages up to this one have been looked at.
func (m *marks) caughtUp(place, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.at(place)
	k.behind = false
	if later(message, k.latest) {
		k.latest = message
	}
}

// forget drops the place's mark.
func (m *marks) forget(ctx context.Context, place string) error {
	m.mu.Lock()
	delete(m.of, place)
	m.mu.Unlock()
	if err := m.shelf.Delete(ctx, markKey(place)); err != nil {
		return fmt.Errorf("discord: mark: %w", err)
	}
	return nil
}

// position is up to where the place is settled, "" where that is not known.
func (k *mark) position(now time.Time) string {
	if k.behind {
		return ""
	}
	p := k.latest
	if limit := snowflakeAt(now.Add(-slack)); later(p, limit) {
		p = limit
	}
	for message := range k.open {
		if before := snowflakeAt(timeOf(message)); !later(before, p) {
			p = before // smaller than the message: the next look includes it
		}
	}
	return p
}

// save writes all marks that have moved.
func (m *marks) save(ctx context.Context) error {
	moved := map[string]string{}
	m.mu.Lock()
	now := time.Now()
	for place, k := range m.of {
		if p := k.position(now); later(p, k.saved) {
			moved[place] = p
		}
	}
	m.mu.Unlock()
	for place, p := range moved {
		if err := m.shelf.Put(ctx, markKey(place), []byte(p)); err != nil {
			return fmt.Errorf("discord: mark: %w", err)
		}
		m.mu.Lock()
		if k, ok := m.of[place]; ok && later(p, k.saved) {
			k.saved = p
		}
		m.mu.Unlock()
	}
	return nil
}
