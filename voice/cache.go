package voice

import (
	"container/list"
	"sync"

	"github.com/mynah-coach/mynah/coach"
)

// cache keeps the audio of the sentences asked for last, up to a number of
// bytes. Safe for concurrent use.
type cache struct {
	max int

	mu    sync.Mutex
	size  int
	byKey map[string]*list.Element // of cached
	order *list.List               // the latest first
}

type cached struct {
	key  string
	file coach.File
}

func newCache(max int) *cache {
	return &cache{max: max, byKey: map[string]*list.Element{}, order: list.New()}
}

// get returns what is kept. Its bytes are shared: nobody may change them.
func (c *cache) get(key string) (coach.File, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return coach.File{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).file, true
}

func (c *cache) put(key string, f coach.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.drop(e)
	}
	c.byKey[key] = c.order.PushFront(cached{key, f})
	for c.size += len(f.Data); c.size > c.max; {
		c.drop(c.order.Back())
	}
}

// drop forgets one. c.mu is held.
func (c *cache) drop(e *list.Element) {
	old := c.order.Remove(e).(cached)
	delete(c.byKey, old.key)
	c.size -= len(old.file.Data)
}
