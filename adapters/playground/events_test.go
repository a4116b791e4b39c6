package playground

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

// event is one server-sent event.
type event struct{ name, id, data string }

// events opens a stream and returns its events as they come; the channel is
// closed when the stream ends.
func (c *client) events(t *testing.T, ids ...coach.NoteID) <-chan event {
	t.Helper()
	query := ""
	for _, id := range ids {
		query += "&note=" + string(id)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"api/events?"+strings.TrimPrefix(query, "&"), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answered %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	out := make(chan event, 100)
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = res.Body.Close()
	})
	go func() {
		defer close(ended)
		defer close(out)
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data += value
			case "":
				if e.name != "" {
					out <- e
				}
				e = event{}
			}
		}
	}()
	return out
}

func TestEvents(t *testing.T) {
	t.Run("bring replies as they are posted, by any machine, then end", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		elsewhere := New(s.hold, s.shelf, advise, forgetNothing, discardLog(), Config{})
		c := mustClient(t, s.url)
		first, second, third := c.accept(t, ordinary()), c.accept(t, ordinary()), c.accept(t, ordinary())
		notes := s.inbox.all()
		post := func(n coach.VoiceNote) {
			if err := elsewhere.Post(t.Context(), n.Thread, coaching(n)); err != nil {
				t.Fatal(err)
			}
		}
		post(notes[0])
		events := c.events(t, first, second)
		post(notes[2]) // nobody asked for the third
		for i, id := range []coach.NoteID{first, second} {
			e := <-events
			var it item
			if err := json.Unmarshal([]byte(e.data), &it); err != nil {
				t.Fatalf("event %q: %v", e.data, err)
			}
			want := coaching(notes[i])
			if e.name != "reply" || e.id != string(id) || it.ID != id || it.State != stateDone || it.Text != notes[i].Text {
				t.Errorf("event %s %s: %+v", e.name, e.id, it)
			}
			if diff := cmp.Diff(&want, it.Reply); diff != "" {
				t.Errorf("reply (-posted +sent):\n%s", diff)
			}
			if i == 0 {
				post(notes[1])
			}
		}
		if e := <-events; e.name != "end" {
			t.Errorf("after the last reply came %+v", e)
		}
		if e, more := <-events; more {
			t.Errorf("after the end came %+v", e)
		}
		_ = third
	})
	t.Run("come again to a client that was cut off", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		id := c.accept(t, ordinary())
		n := s.inbox.all()[0]
		if err := s.Post(t.Context(), n.Thread, coaching(n)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if e := <-c.events(t, id); e.name != "reply" || e.id != string(id) {
				t.Errorf("came %+v", e)
			}
		}
	})
	t.Run("bring a reply whose note's record is lost", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		id := c.accept(t, ordinary())
		n := s.inbox.all()[0]
		key, _ := parseNoteID(id)
		if err := s.shelf.Delete(t.Context(), key.noteKey()); err != nil {
			t.Fatal(err)
		}
		if err := s.Post(t.Context(), n.Thread, coaching(n)); err != nil {
			t.Fatal(err)
		}
		if e := <-c.events(t, id); e.name != "reply" || !strings.Contains(e.data, `"done"`) {
			t.Errorf("came %+v", e)
		}
	})
	t.Run("end when the server does", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		events := c.events(t, c.accept(t, ordinary()))
		began := time.Now()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > shutdownTimeout {
			t.Errorf("an open stream kept Listen for %s", took)
		}
		if e, more := <-events; more {
			t.Errorf("came %+v", e)
		}
	})
	t.Run("are for the learner's own notes only, and some at a time", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		mine, theirs := mustClient(t, s.url), mustClient(t, s.url)
		id := mine.accept(t, ordinary())
		for path, want := range map[string]int{
			"api/events?note=" + string(id): http.StatusNotFound,
			"api/notes/" + string(id):       http.StatusNotFound,
			"api/events?note=x":             http.StatusNotFound,
			"api/events":                    http.StatusBadRequest,
			"api/events?" + strings.Repeat("note="+string(id)+"&", 1+maxEventNotes): http.StatusBadRequest,
		} {
			if res := theirs.get(t, path); res.StatusCode != want {
				t.Errorf("GET %.60s answered %s, want %d", path, res.Status, want)
			}
		}
	})
	t.Run("are limited in number", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		id := c.accept(t, ordinary())
		for range maxStreams {
			c.events(t, id)
		}
		if res := c.get(t, "api/events?note="+string(id)); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("one more was answered %s", res.Status)
		}
	})
}

func TestListenFailsOnATakenAddress(t *testing.T) {
	s := serve(t, Config{}, nil)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/")
	p := New(s.hold, s.shelf, advise, forgetNothing, discardLog(), Config{Addr: addr})
	if err := p.Listen(t.Context(), s.inbox); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("Listen on a taken address: %v, want an error that names %s", err, addr)
	}
}

func ExampleConfig() {
	p := New(nil, nil, nil, nil, discardLog(), Config{})
	fmt.Println(p.cfg.Addr, p.cfg.MaxBytes, p.cfg.MaxText, p.cfg.MaxSeconds)
	// Output: 127.0.0.1:8080 10485760 600 60
}
