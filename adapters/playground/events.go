package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

const (
	heartbeat      = 15 * time.Second
	maxEventNotes  = 64 // notes of one event stream
	eventWriteTime = 10 * time.Second
)

// getEvents streams the replies to the notes that the request names, those
// that are there at once and the others as they are posted, and ends after the
// last with an event "end". It needs no memory of what a client has seen: one
// that was cut off asks again by the same address.
func (s *server) getEvents(w http.ResponseWriter, r *http.Request) {
	names := r.URL.Query()["note"]
	if len(names) == 0 || len(names) > maxEventNotes {
		refuse(w, http.StatusBadRequest, reasonMalformed, fmt.Sprintf("want 1 to %d note parameters", maxEventNotes))
		return
	}
	waiting := map[string]bool{} // keys of the replies that are still to come
	var who person
	for _, name := range names {
		id, ok := ownNote(w, r, name)
		if !ok {
			return
		}
		waiting[id.replyKey()] = true
		who = id.person
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		retryAfter(w, 5*time.Second)
		refuse(w, http.StatusServiceUnavailable, reasonBusy, "")
		return
	}

	ctx, cancel := context.WithCancel(r.Context())
	replies := make(chan shelved)
	watched := make(chan error, 1)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()
	watcher.Go(func() {
		watched <- s.shelf.Watch(ctx, who.prefix(), func(key string, value []byte) {
			select {
			case replies <- shelved{key, value}:
			case <-ctx.Done():
			}
		})
	})

	out := stream{w: w, c: http.NewResponseController(w)}
	out.start()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for len(waiting) > 0 && out.err == nil {
		select {
		case e := <-replies:
			if !waiting[e.key] {
				continue
			}
			delete(waiting, e.key)
			s.sendReply(ctx, &out, who, e)
		case <-tick.C:
			out.write(": still here\n\n")
		case err := <-watched:
			if err != nil {
				s.log.Error("watch replies", "error", err)
			}
			return // the client asks again
		case <-s.closing:
			return
		case <-ctx.Done():
			return
		}
	}
	out.write("event: end\ndata: {}\n\n")
}

// shelved is a key of the shelf and its value.
type shelved struct {
	key   string
	value []byte
}

func (s *server) sendReply(ctx context.Context, out *stream, who person, e shelved) {
	id, _ := who.noteOfKey(e.key)
	it, found, err := s.item(ctx, id)
	if err == nil && !found {
		// The reply overtook the note's own record, or that was lost.
		it = item{ID: id.note(), State: stateDone, Reply: new(coach.Reply)}
		err = json.Unmarshal(e.value, it.Reply)
	}
	if err == nil {
		var b []byte
		if b, err = json.Marshal(it); err == nil {
			out.write(fmt.Sprintf("event: reply\nid: %s\ndata: %s\n\n", id.note(), b))
			return
		}
	}
	out.err = err
	s.log.Error("send reply", "note", id.note(), "error", err)
}

// stream writes server-sent events and remembers the first error.
type stream struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	err error
}

func (e *stream) start() {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass it on at once
	// The server's deadlines are for ordinary requests.
	e.err = e.c.SetReadDeadline(time.Time{})
	e.write("retry: 1000\n\n")
}

func (e *stream) write(text string) {
	if e.err == nil {
		e.err = e.c.SetWriteDeadline(time.Now().Add(eventWriteTime))
	}
	if e.err == nil {
		_, e.err = e.w.Write([]byte(text))
	}
	if e.err == nil {
		e.err = e.c.Flush()
	}
}
