package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/coach"
)

// The recordings of audio/testdata, and the sentences read in them.
const (
	clearNote, clearText = "adult-clear.ogg", "I'm so lucky to live in such a beautiful place"
	longNote, longText   = "adult-long.ogg", "But again he has made a very clear statement. We have others who can do the same thing"
	childNote, childText = "child.ogg", "Mark lived in New York"
)

// recording reads one of audio/testdata.
func recording(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../audio/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// learner is a learner's browser, as far as the playground's API goes.
type learner struct {
	http *http.Client
	url  string
}

// newLearner visits the page, so that it has its cookie.
func newLearner(t testing.TB, url string) *learner {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{&http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: 30 * time.Second}, url}
	t.Cleanup(l.http.CloseIdleConnections)
	if status, body, err := l.do(t.Context(), http.MethodGet, "/", "", nil); err != nil || status != http.StatusOK {
		t.Fatalf("the page: %d, %v, %.200s", status, err, body)
	}
	return l
}

func (l *learner) do(ctx context.Context, method, path, contentType string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, body)
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := l.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// send posts a recording under an ID of its own making. An error may mean that
// it was taken nevertheless.
func (l *learner) send(ctx context.Context, id uuid.UUID, text string, audio []byte) (coach.NoteID, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("id", id.String())
	_ = w.WriteField("text", text)
	part, _ := w.CreateFormFile("audio", "note.ogg")
	_, _ = part.Write(audio)
	_ = w.Close()
	status, body, err := l.do(ctx, http.MethodPost, "/api/notes", w.FormDataContentType(), &form)
	if err != nil {
		return "", err
	}
	if status != http.StatusAccepted {
		return "", fmt.Errorf("status %d: %s", status, body)
	}
	var accepted struct{ Note coach.NoteID }
	return accepted.Note, json.Unmarshal(body, &accepted)
}

// reply waits for the note's reply.
func (l *learner) reply(ctx context.Context, note coach.NoteID) (*coach.Reply, error) {
	for {
		status, body, err := l.do(ctx, http.MethodGet, "/api/notes/"+string(note), "", nil)
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("status %d: %s", status, body)
		}
		var item struct {
			State string
			Reply *coach.Reply
		}
		if err := json.Unmarshal(body, &item); err != nil {
			return nil, err
		}
		if item.State == "done" {
			return item.Reply, nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("no reply: %w", ctx.Err())
		}
	}
}

// thread returns the replies of the learner's notes, nil for one without.
func (l *learner) thread(ctx context.Context) (map[coach.NoteID]*coach.Reply, error) {
	status, body, err := l.do(ctx, http.MethodGet, "/api/thread", "", nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", status, body)
	}
	var thread struct {
		Notes []struct {
			ID    coach.NoteID
			Reply *coach.Reply
		}
	}
	if err := json.Unmarshal(body, &thread); err != nil {
		return nil, err
	}
	replies := make(map[coach.NoteID]*coach.Reply)
	for _, n := range thread.Notes {
		if _, twice := replies[n.ID]; twice {
			return nil, fmt.Errorf("note %s is in the thread twice", n.ID)
		}
		replies[n.ID] = n.Reply
	}
	return replies, nil
}
