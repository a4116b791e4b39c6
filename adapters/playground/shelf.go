package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Shelf is a coach.Shelf that can be watched.
type Shelf interface {
	coach.Shelf
	// Watch calls changed, one call at a time, for everything that is there under
	// the prefix and then for everything that is put, until ctx ends; it then
	// returns nil. Deletions are not reported.
	Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error
}

// What is on the shelf, under a learner's prefix:
//
//	<person>.<uuid>.note   noteRecord, once the note is accepted
//	<person>.<uuid>.reply  coach.Reply
//
// and under forgotten.<person> the time at which the learner was forgotten.
const (
	noteSuffix  = ".note"
	replySuffix = ".reply"
)

func (w person) prefix() string         { return string(w) + "." }
func (w person) forgottenKey() string   { return "forgotten." + string(w) }
func (n noteID) noteKey() string        { return n.person.prefix() + n.uuid + noteSuffix }
func (n noteID) replyKey() string       { return n.person.prefix() + n.uuid + replySuffix }
func (w person) noteID(u string) noteID { return noteID{person: w, uuid: u} }

// noteOfKey tells which of the person's notes a key belongs to.
func (w person) noteOfKey(key string) (noteID, bool) {
	rest, ok := strings.CutPrefix(key, w.prefix())
	if !ok {
		return noteID{}, false
	}
	u, _, _ := strings.Cut(rest, ".")
	return w.noteID(u), isUUID(u)
}

// noteRecord is what the shelf keeps of a note.
type noteRecord struct {
	Text     string    `json:"text"`
	Received time.Time `json:"received"`
}

// State is how far a note has come, for the page.
type state string

const (
	stateQueued state = "queued"
	stateDone   state = "done"
)

// item is one note of a thread, as the API shows it.
type item struct {
	ID       coach.NoteID `json:"id"`
	Text     string       `json:"text"`
	Received time.Time    `json:"received"`
	State    state        `json:"state"`
	Reply    *coach.Reply `json:"reply"`
}

// item reads one note from the shelf; found is false for a note that was never
// accepted.
func (p *Playground) item(ctx context.Context, id noteID) (it item, found bool, err error) {
	note, found, err := p.shelf.Get(ctx, id.noteKey())
	if err != nil || !found {
		return item{}, false, err
	}
	reply, _, err := p.shelf.Get(ctx, id.replyKey())
	if err != nil {
		return item{}, false, err
	}
	it, err = newItem(id, note, reply)
	return it, err == nil, err
}

// newItem puts an item together; reply is nil where there is none yet.
func newItem(id noteID, note, reply []byte) (item, error) {
	var rec noteRecord
	if err := json.Unmarshal(note, &rec); err != nil {
		return item{}, fmt.Errorf("note record: %w", err)
	}
	it := item{ID: id.note(), Text: rec.Text, Received: rec.Received, State: stateQueued}
	if reply != nil {
		it.Reply = new(coach.Reply)
		if err := json.Unmarshal(reply, it.Reply); err != nil {
			return item{}, fmt.Errorf("reply record: %w", err)
		}
		it.State = stateDone
	}
	return it, nil
}

// thread returns the learner's latest notes, newest first, at most n. A record
// that can't be read is left out: it must not hide the others.
func (p *Playground) thread(ctx context.Context, who person, n int) ([]item, error) {
	kept, err := p.shelf.List(ctx, who.prefix())
	if err != nil {
		return nil, err
	}
	items := []item{}
	for key, value := range kept {
		id, ok := who.noteOfKey(key)
		if !ok || key != id.noteKey() {
			continue
		}
		it, err := newItem(id, value, kept[id.replyKey()])
		if err != nil {
			p.log.Error("unreadable record on the shelf", "note", id.note(), "error", err)
			continue
		}
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b item) int {
		if c := b.Received.Compare(a.Received); c != 0 {
			return c
		}
		return strings.Compare(string(b.ID), string(a.ID))
	})
	return items[:min(n, len(items))], nil
}
