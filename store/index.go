package store

import (
	"container/heap"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// index is one process's picture of all unfinished notes, for choosing what to
// claim. It may lag behind the stream: whoever acts on it does so with a
// conditional write. Safe for concurrent use.
type index struct {
	lapsed func(owner string) bool // whether an owner's claims are free

	mu      sync.Mutex
	entries map[coach.NoteID]entry
	claims  map[coach.NoteID]struct{} // the entries in state claimed
	busy    map[coach.NoteID]struct{} // held, or being taken, by this process
	ready   queue                     // stale items are skipped as they surface
	later   queue
	seen    uint64 // the watch has come this far
	depth   Depth
	changed chan struct{} // closed at the next change
}

func newIndex(lapsed func(owner string) bool) *index {
	return &index{
		lapsed:  lapsed,
		entries: map[coach.NoteID]entry{},
		claims:  map[coach.NoteID]struct{}{},
		busy:    map[coach.NoteID]struct{}{},
		changed: make(chan struct{}),
	}
}

// set takes in a note's entry, unless a newer one is known. Watched says that
// the watch delivered it.
//
// A finished note is kept until the watch has come to its end too, lest the
// watch, being behind, bring the note back; and of a note that is not kept,
// nothing is taken from before the watch's place, lest a slow reader do so.
func (x *index) set(e entry, watched bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, ok := x.entries[e.id]
	if !ok && !watched && e.seq <= x.seen {
		return
	}
	if watched {
		x.seen = max(x.seen, e.seq)
	}
	if ok && (old.seq > e.seq || old.seq == e.seq && (!watched || e.state != done)) {
		return
	}
	if ok {
		x.count(old.state, -1)
	}
	delete(x.claims, e.id)
	if e.state == done && watched {
		delete(x.entries, e.id)
	} else {
		x.entries[e.id] = e
		x.count(e.state, 1)
	}
	x.enqueue(e)
	x.announce()
}

// remove drops a note that the stream no longer has.
func (x *index) remove(id coach.NoteID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.entries[id]; ok {
		x.count(e.state, -1)
		delete(x.entries, id)
		delete(x.claims, id)
	}
}

// pick returns the note to claim next and marks it busy; the caller ends that
// with free. With none it returns how long until one may be due by itself, and
// a channel that is closed when anything changes.
//
// First come claims that lapsed, then the notes whose time has come, in the
// order of that time.
func (x *index) pick(now time.Time) (e entry, ok bool, wait time.Duration, changed <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	wait = time.Minute
	for id := range x.claims {
		c := x.entries[id]
		if _, mine := x.busy[id]; mine || !x.lapsed(c.owner) {
			continue
		}
		if !ok || before(c, e) {
			e, ok = c, true
		}
	}
	if ok {
		x.busy[e.id] = struct{}{}
		return e, true, 0, nil
	}
	for {
		item, any := x.first(&x.later)
		if !any {
			break
		}
		if d := item.at.Sub(now); d > 0 {
			wait = min(wait, d)
			break
		}
		heap.Push(&x.ready, heap.Pop(&x.later))
	}
	if item, any := x.first(&x.ready); any {
		heap.Pop(&x.ready)
		x.busy[item.id] = struct{}{}
		return item, true, 0, nil
	}
	return entry{}, false, wait, x.changed
}

// free ends what pick began: the note is claimable again if its entry says so.
func (x *index) free(id coach.NoteID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, id)
	if e, ok := x.entries[id]; ok {
		x.enqueue(e)
		x.announce()
	}
}

// wake makes every waiting pick look again: an owner may have lapsed.
func (x *index) wake() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.claims) > 0 {
		x.announce()
	}
}

// get returns a note's entry.
func (x *index) get(id coach.NoteID) (entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.entries[id]
	return e, ok
}

// in returns the notes in a state, in no order.
func (x *index) in(s state) []entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []entry
	for _, e := range x.entries {
		if e.state == s {
			all = append(all, e)
		}
	}
	return all
}

func (x *index) depths() Depth {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.depth
}

// first returns a queue's first item that is still true, dropping those before
// it that are not. x.mu is held.
func (x *index) first(q *queue) (entry, bool) {
	for q.Len() > 0 {
		item := (*q)[0]
		_, busy := x.busy[item.id]
		if e, ok := x.entries[item.id]; ok && e.seq == item.seq && !busy {
			return item, true
		}
		heap.Pop(q)
	}
	return entry{}, false
}

// enqueue puts a claimable entry where pick finds it. x.mu is held.
func (x *index) enqueue(e entry) {
	switch e.state {
	case ready:
		heap.Push(&x.ready, e)
	case later:
		heap.Push(&x.later, e)
	case claimed:
		x.claims[e.id] = struct{}{}
	}
}

func (x *index) announce() {
	close(x.changed)
	x.changed = make(chan struct{})
}

func (x *index) count(s state, n int) {
	switch s {
	case ready:
		x.depth.Ready += n
	case later:
		x.depth.Later += n
	case claimed:
		x.depth.Claimed += n
	case dead:
		x.depth.Dead += n
	}
}

// before is the order of claiming: by time, and by arrival at the same time.
func before(a, b entry) bool {
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}
	return a.seq < b.seq
}

// queue is a heap of entries, the first to claim on top.
type queue []entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return before(q[i], q[j]) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(v any)        { *q = append(*q, v.(entry)) }
func (q *queue) Pop() any {
	old := *q
	last := len(old) - 1
	e := old[last]
	old[last] = entry{}
	*q = old[:last]
	return e
}
