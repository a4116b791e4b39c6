package playground

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// FuzzPostNote sends any body: it is accepted whole or refused as the client's
// fault, and what is refused is not kept.
func FuzzPostNote(f *testing.F) {
	contentType, whole := ordinary().encode()
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	whole = bytes.ReplaceAll(whole, []byte(boundary), []byte("b"))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(whole[:len(whole)-3])
	f.Add(bytes.ReplaceAll(whole, []byte("name=\"audio\""), []byte("name*=utf-8''audio")))
	f.Add(bytes.ReplaceAll(whole, []byte("\r\n"), []byte("\n")))
	f.Add([]byte("--b--\r\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		inbox, hold := newMemoryInbox(), newMemoryHold()
		p := New(hold, newMemoryShelf(), advise, forgetNothing, discardLog(), Config{MaxBytes: 4096, MaxText: 100})
		s, err := newServer(t.Context(), p, inbox)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://localhost/api/notes", bytes.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, r)
		switch notes := inbox.all(); w.Code {
		case http.StatusAccepted:
			if len(notes) != 1 || len(hold.held[notes[0].ID]) == 0 || notes[0].Text == "" || len(notes[0].Audio.Name) > 200 {
				t.Errorf("accepted %+v", notes)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if len(notes) != 0 || hold.len() != 0 {
				t.Errorf("answered %d, and %d notes and %d recordings were kept", w.Code, len(notes), hold.len())
			}
		default:
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
	})
}

// FuzzNoteID parses any ID: what is taken is spelled in exactly one way, and
// safe as a key.
func FuzzNoteID(f *testing.F) {
	f.Add("playground-0123456789abcdef0123456789abcdef-01234567-89ab-4def-8123-456789abcdef")
	f.Add("playground-0123456789abcdef0123456789abcdef-{01234567-89ab-4def-8123-456789abcdef}")
	f.Add("playground-../../../../../../../etc/passwd-01234567-89ab-4def-8123-456789abcdef")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseNoteID(coach.NoteID(text))
		if err != nil {
			return
		}
		if string(id.note()) != text {
			t.Errorf("%q is taken for %q", text, id.note())
		}
		if strings.Trim(id.replyKey(), "0123456789abcdef-.rply") != "" {
			t.Errorf("%q has the key %q", text, id.replyKey())
		}
		if got, ok := id.person.noteOfKey(id.replyKey()); !ok || got != id {
			t.Errorf("the key of %q is taken for %v", text, got)
		}
	})
}
