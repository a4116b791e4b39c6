package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/coach"
)

func TestPostNote(t *testing.T) {
	t.Run("the note holds what was sent", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		f := ordinary()
		f.text = "  “It’s 5 %,” he said. \n"
		id := c.accept(t, f)
		n := s.inbox.all()[0]
		want := coach.VoiceNote{
			ID: id, Platform: coach.Playground, Thread: n.Thread, Learner: n.Learner, Received: n.Received,
			Text:  "“It’s 5 %,” he said.",
			Audio: coach.Attachment{Ref: string(id), Name: "note.ogg", ContentType: "audio/ogg", Size: int64(len(f.audio))},
		}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("note (-want +got):\n%s", diff)
		}
		if !strings.HasSuffix(string(id), f.id) {
			t.Errorf("the note's ID %s does not end in the UUID that was sent", id)
		}
	})
	t.Run("a twin is answered alike and does not replace the recording", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		f := ordinary()
		first := c.accept(t, f)
		again := f
		again.audio = []byte("another recording")
		if second := c.accept(t, again); second != first {
			t.Errorf("the twin became %s, want %s", second, first)
		}
		if got := s.hold.held[first]; !bytes.Equal(got, f.audio) {
			t.Errorf("held %q, want the first recording", got)
		}
	})
	t.Run("a twin of an answered note does not put its recording back", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		f := ordinary()
		id := c.accept(t, f)
		n := s.inbox.all()[0]
		if err := s.Post(t.Context(), n.Thread, coach.Reply{Note: id, Kind: coach.ReplyApology}); err != nil {
			t.Fatal(err)
		}
		if err := s.hold.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		c.accept(t, f)
		// The same where the note's record was lost after it had been accepted.
		key, _ := parseNoteID(id)
		if err := s.shelf.Delete(t.Context(), key.noteKey()); err != nil {
			t.Fatal(err)
		}
		c.accept(t, f)
		if n := s.hold.len(); n != 0 {
			t.Errorf("%d recordings are held", n)
		}
	})
	t.Run("another learner's note with the same UUID is another note", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		mine, theirs := mustClient(t, s.url), mustClient(t, s.url)
		f := ordinary()
		first := mine.accept(t, f)
		f.audio = []byte("theirs")
		if second := theirs.accept(t, f); second == first {
			t.Error("two learners share a note")
		}
		if got := string(s.hold.held[first]); got != string(ordinary().audio) {
			t.Errorf("the first learner's recording is now %q", got)
		}
	})
	t.Run("a client without a cookie gets one with its answer", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		contentType, body := ordinary().encode()
		res, err := http.Post(s.url+"api/notes", contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if res.StatusCode != http.StatusAccepted || len(res.Cookies()) != 1 {
			t.Fatalf("answered %s with %d cookies", res.Status, len(res.Cookies()))
		}
		c := res.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge < 86400 || c.Secure {
			t.Errorf("the cookie is %s", c)
		}
	})
}

func TestPostNoteRefuses(t *testing.T) {
	const maxBytes, maxText = 1000, 40
	bad := func(change func(*form)) form {
		f := ordinary()
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		form   form
		status int
		reason coach.Reason
	}{
		"an empty sentence":          {bad(func(f *form) { f.text = " \n\t" }), 400, coach.ErrNoText.Reason},
		"a long sentence":            {bad(func(f *form) { f.text = strings.Repeat("é", maxText+1) }), 400, coach.ErrTextTooLong.Reason},
		"a sentence of a megabyte":   {bad(func(f *form) { f.text = strings.Repeat("a", 1<<20) }), 413, coach.ErrTooLarge.Reason},
		"a sentence of 5,000":        {bad(func(f *form) { f.text = strings.Repeat("a ", 2500) }), 400, coach.ErrTextTooLong.Reason},
		"a sentence not in UTF-8":    {bad(func(f *form) { f.text = "caf\xe9" }), 400, coach.ErrUnsupportedText.Reason},
		"an empty recording":         {bad(func(f *form) { f.audio = nil }), 400, coach.ErrUnsupportedAudio.Reason},
		"a byte too many":            {bad(func(f *form) { f.audio = make([]byte, maxBytes+1) }), 413, coach.ErrTooLarge.Reason},
		"a recording of a megabyte":  {bad(func(f *form) { f.audio = make([]byte, 1<<20) }), 413, coach.ErrTooLarge.Reason},
		"an ID that is no UUID":      {bad(func(f *form) { f.id = "../../etc/passwd" }), 400, reasonMalformed},
		"a UUID in another spelling": {bad(func(f *form) { f.id = strings.ToUpper("a" + f.id[1:]) }), 400, reasonMalformed},
		"an ID of a kilobyte":        {bad(func(f *form) { f.id = strings.Repeat("a", 1000) }), 400, reasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Config{MaxBytes: maxBytes, MaxText: maxText}, nil)
			res := mustClient(t, s.url).post(t, c.form)
			got := res.refusal(t)
			if res.StatusCode != c.status || got.Reason != c.reason {
				t.Errorf("answered %d %s, want %d %s", res.StatusCode, got.Reason, c.status, c.reason)
			}
			if c.reason != reasonMalformed && got.Message != "advice: "+string(c.reason) {
				t.Errorf("the learner is told %q", got.Message)
			}
			if len(s.inbox.all()) != 0 || s.hold.len() != 0 {
				t.Error("something of it was kept")
			}
		})
	}
	t.Run("but takes what is just within the limits", func(t *testing.T) {
		s := serve(t, Config{MaxBytes: maxBytes, MaxText: maxText}, nil)
		mustClient(t, s.url).accept(t, bad(func(f *form) {
			f.text, f.audio = strings.Repeat("é", maxText), make([]byte, maxBytes)
		}))
	})
}

func TestPostNoteMalformed(t *testing.T) {
	contentType, whole := ordinary().encode()
	swapped := func() []byte {
		parts := bytes.SplitAfter(whole, []byte("\r\n--"))
		parts[0], parts[1] = parts[1], parts[0]
		return bytes.Join(parts, nil)
	}()
	for name, c := range map[string]struct {
		contentType string
		body        []byte
	}{
		"no form at all":          {"text/plain", []byte("hello")},
		"a form without boundary": {"multipart/form-data", whole},
		"an empty body":           {contentType, nil},
		"fields in another order": {contentType, swapped},
		"a body cut in its audio": {contentType, whole[:len(whole)-40]},
		"a body cut in its text":  {contentType, whole[:200]},
		"a URL-encoded form":      {"application/x-www-form-urlencoded", []byte("id=1&text=a&audio=b")},
		"JSON":                    {"application/json", []byte(`{"id":"1"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Config{}, nil)
			res, err := mustClient(t, s.url).do(t.Context(), "POST", "api/notes", c.contentType, bytes.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := res.refusal(t); res.StatusCode != http.StatusBadRequest || got.Reason != reasonMalformed {
				t.Errorf("answered %s %s", res.Status, got.Reason)
			}
			if len(s.inbox.all()) != 0 || s.hold.len() != 0 {
				t.Error("something of it was kept")
			}
		})
	}
}

func TestPostNoteNotDurable(t *testing.T) {
	failing := errors.New("the disk is full")
	for name, c := range map[string]struct {
		breakIt    func(s *service)
		status     int
		retryAfter string
		reason     coach.Reason
	}{
		"the hold fails":            {func(s *service) { s.hold.fail = failing }, 503, "2", reasonUnavailable},
		"the inbox fails":           {func(s *service) { s.inbox.refuseNext(failing) }, 503, "2", reasonUnavailable},
		"the learner sent too many": {func(s *service) { s.inbox.refuseNext(&coach.Busy{For: 90 * time.Second, Cause: failing}) }, 429, "90", reasonBusy},
		"the inbox asks to wait":    {func(s *service) { s.inbox.refuseNext(&coach.Snooze{For: 1500 * time.Millisecond, Cause: failing}) }, 429, "2", reasonBusy},
		"the record can't be put":   {func(s *service) { s.shelf.putError = failing }, 503, "2", reasonUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Config{}, nil)
			client := mustClient(t, s.url)
			c.breakIt(s)
			f := ordinary()
			res := client.post(t, f)
			if got := res.refusal(t); res.StatusCode != c.status || got.Reason != c.reason || res.Header.Get("Retry-After") != c.retryAfter {
				t.Errorf("answered %s %s, Retry-After %q", res.Status, got.Reason, res.Header.Get("Retry-After"))
			}
			if strings.Contains(string(res.body), "disk") {
				t.Errorf("the learner is shown %s", res.body)
			}
			id := client.accept(t, f)
			if got := s.inbox.all(); len(got) != 1 || got[0].ID != id {
				t.Errorf("sent again, %d notes were accepted", len(got))
			}
			if got := s.hold.held[id]; !bytes.Equal(got, f.audio) {
				t.Errorf("sent again, %q is held", got)
			}
		})
	}
	t.Run("what the inbox refuses for good is not held", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		s.inbox.refuseNext(fmt.Errorf("intake: %w", coach.ErrUnsupportedText))
		res := mustClient(t, s.url).post(t, ordinary())
		if got := res.refusal(t); res.StatusCode != http.StatusBadRequest || got.Message != "advice: unsupported_text" {
			t.Errorf("answered %s %+v", res.Status, got)
		}
		if n := s.hold.len(); n != 0 {
			t.Errorf("%d recordings are held", n)
		}
	})
}

func TestThread(t *testing.T) {
	t.Run("survives a restart, newest first, each with its reply", func(t *testing.T) {
		before := serve(t, Config{}, nil)
		c := mustClient(t, before.url)
		var ids []coach.NoteID
		for _, text := range []string{"First.", "Second.", "Third."} {
			f := ordinary()
			f.text = text
			ids = append(ids, c.accept(t, f))
			time.Sleep(2 * time.Millisecond) // times are kept to the millisecond
		}
		reply := coaching(before.inbox.all()[1])
		if err := before.Post(t.Context(), before.inbox.all()[1].Thread, reply); err != nil {
			t.Fatal(err)
		}
		if err := before.stop(); err != nil {
			t.Fatal(err)
		}
		after := serve(t, Config{Addr: strings.TrimSuffix(strings.TrimPrefix(before.url, "http://"), "/")}, before)
		c.url = after.url
		items, err := c.thread(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != 3 || items[0].ID != ids[2] || items[1].ID != ids[1] || items[2].ID != ids[0] {
			t.Fatalf("the thread is %+v", items)
		}
		if items[0].State != stateQueued || items[0].Reply != nil || items[1].State != stateDone {
			t.Errorf("states %s and %s, want queued and done", items[0].State, items[1].State)
		}
		if diff := cmp.Diff(&reply, items[1].Reply); diff != "" {
			t.Errorf("reply (-posted +shown):\n%s", diff)
		}
		var one item
		if err := json.Unmarshal(c.get(t, "api/notes/"+string(ids[1])).body, &one); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(items[1], one); diff != "" {
			t.Errorf("the note alone (-thread +note):\n%s", diff)
		}
	})
	t.Run("shows the latest notes only", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		for range threadLength + 3 {
			c.accept(t, ordinary())
		}
		items, err := c.thread(t.Context())
		if err != nil || len(items) != threadLength {
			t.Errorf("the thread has %d notes, %v; want %d", len(items), err, threadLength)
		}
	})
	t.Run("is not hidden by a record that can't be read", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		c.accept(t, ordinary())
		spoilt, _ := parseNoteID(c.accept(t, ordinary()))
		if err := s.shelf.Put(t.Context(), spoilt.noteKey(), []byte("{")); err != nil {
			t.Fatal(err)
		}
		if items, err := c.thread(t.Context()); err != nil || len(items) != 1 {
			t.Errorf("the thread has %d notes, %v; want the readable one", len(items), err)
		}
	})
	t.Run("of a visitor without a cookie is empty", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		c.http.Jar = nil
		if items, err := c.thread(t.Context()); err != nil || len(items) != 0 {
			t.Errorf("the thread has %d notes, %v", len(items), err)
		}
	})
}

func TestForget(t *testing.T) {
	t.Run("deletes everything, also what comes later", func(t *testing.T) {
		s := &service{inbox: newMemoryInbox(), hold: newMemoryHold(), shelf: newMemoryShelf()}
		var forgotten coach.LearnerID
		s.start(t, Config{}, func(_ context.Context, l coach.LearnerID) error { forgotten = l; return nil })
		c, other := mustClient(t, s.url), mustClient(t, s.url)
		c.accept(t, ordinary())
		c.accept(t, ordinary())
		kept := other.accept(t, ordinary())
		notes := s.inbox.all()
		if err := s.Post(t.Context(), notes[0].Thread, coaching(notes[0])); err != nil {
			t.Fatal(err)
		}
		res, err := c.do(t.Context(), "DELETE", "api/thread", "", nil)
		if err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("answered %s, %v", res.Status, err)
		}
		if forgotten != notes[0].Learner {
			t.Errorf("forgot %q, want %q", forgotten, notes[0].Learner)
		}
		// The second note was still being worked on.
		if err := s.Post(t.Context(), notes[1].Thread, coaching(notes[1])); err != nil {
			t.Errorf("Post to a forgotten learner: %v", err)
		}
		shelved, err := s.shelf.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for key := range shelved {
			if !strings.HasPrefix(key, "forgotten.") && !strings.Contains(key, string(kept[len("playground-"):][:personLen])) {
				t.Errorf("the shelf still holds %s", key)
			}
		}
		if _, ok := s.hold.held[kept]; s.hold.len() != 1 || !ok {
			t.Errorf("%d recordings are held, want the other learner's", s.hold.len())
		}
		if items, err := c.thread(t.Context()); err != nil || len(items) != 0 {
			t.Errorf("the thread has %d notes, %v", len(items), err)
		}
		c.accept(t, ordinary())
		if got := s.inbox.all(); got[len(got)-1].Learner == notes[0].Learner {
			t.Error("the learner is still the forgotten one")
		}
	})
	t.Run("may be repeated for the same learner when it fails", func(t *testing.T) {
		s := &service{inbox: newMemoryInbox(), hold: newMemoryHold(), shelf: newMemoryShelf()}
		fail := errors.New("no")
		s.start(t, Config{}, func(context.Context, coach.LearnerID) error { return fail })
		c := mustClient(t, s.url)
		c.accept(t, ordinary())
		for _, want := range []int{http.StatusServiceUnavailable, http.StatusNoContent} {
			res, err := c.do(t.Context(), "DELETE", "api/thread", "", nil)
			if err != nil || res.StatusCode != want {
				t.Fatalf("answered %s, %v; want %d", res.Status, err, want)
			}
			fail = nil
		}
		if n := s.hold.len(); n != 0 {
			t.Errorf("%d recordings are held", n)
		}
	})
	t.Run("an old cookie that is used again is another learner", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		c := mustClient(t, s.url)
		c.accept(t, ordinary())
		address, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		old := c.http.Jar.Cookies(address)
		if _, err := c.do(t.Context(), "DELETE", "api/thread", "", nil); err != nil {
			t.Fatal(err)
		}
		c.http.Jar.SetCookies(address, old)
		c.accept(t, ordinary())
		if notes := s.inbox.all(); notes[0].Learner == notes[1].Learner {
			t.Error("the learner is still the forgotten one")
		}
		if items, err := c.thread(t.Context()); err != nil || len(items) != 1 {
			t.Errorf("the thread has %d notes, %v; want the new one", len(items), err)
		}
	})
}

func TestNoteID(t *testing.T) {
	u := uuid.NewString()
	who := personOf("secret")
	id := who.noteID(u).note()
	if got, err := parseNoteID(id); err != nil || got != (noteID{who, u}) {
		t.Errorf("parseNoteID(%q) = %v, %v", id, got, err)
	}
	for _, bad := range []coach.NoteID{
		"", "playground-", "playground-" + coach.NoteID(u), "slack-" + id[len("playground-"):], id + "x", id[:len(id)-1],
		coach.NoteID(strings.ToUpper(string(id))), "playground-" + coach.NoteID(strings.Repeat("g", personLen)+"-"+u),
	} {
		if got, err := parseNoteID(bad); err == nil {
			t.Errorf("parseNoteID(%q) = %v, want an error", bad, got)
		}
	}
	if strings.Contains(string(id), "secret") {
		t.Error("the ID gives the cookie away")
	}
}
