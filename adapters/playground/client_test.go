package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// client is a learner's browser, as far as the API goes.
type client struct {
	http *http.Client
	url  string // ends in "/"
}

// newClient visits the page, so that it has its cookie.
func newClient(ctx context.Context, url string) (*client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &client{http: &http.Client{Jar: jar, Transport: &http.Transport{}}, url: url}
	res, err := c.do(ctx, "GET", "", "", nil)
	if err != nil {
		return nil, err
	}
	return c, res.expect(http.StatusOK)
}

func mustClient(t *testing.T, url string) *client {
	t.Helper()
	c, err := newClient(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// response is one that has been read.
type response struct {
	*http.Response
	body []byte
}

func (r response) expect(status int) error {
	if r.StatusCode != status {
		return fmt.Errorf("answered %s: %s", r.Status, r.body)
	}
	return nil
}

func (r response) refusal(t *testing.T) refusal {
	t.Helper()
	var f refusal
	if err := json.Unmarshal(r.body, &f); err != nil {
		t.Fatalf("answered %s with %q: %v", r.Status, r.body, err)
	}
	return f
}

func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader) (response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return response{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return response{res, b}, err
}

func (c *client) get(t *testing.T, path string) response {
	t.Helper()
	res, err := c.do(t.Context(), "GET", path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// form is a voice note's, part by part.
type form struct {
	id, text          string
	audio             []byte
	name, contentType string
}

func (f form) encode() (contentType string, body []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("id", f.id)
	_ = w.WriteField("text", f.text)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition("audio", f.name))
	h.Set("Content-Type", f.contentType)
	part, _ := w.CreatePart(h)
	_, _ = part.Write(f.audio)
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func (c *client) postForm(ctx context.Context, f form) (response, error) {
	contentType, body := f.encode()
	return c.do(ctx, "POST", "api/notes", contentType, bytes.NewReader(body))
}

func (c *client) post(t *testing.T, f form) response {
	t.Helper()
	res, err := c.postForm(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// accept posts a form that must be accepted, and returns the note's ID.
func (c *client) accept(t *testing.T, f form) coach.NoteID {
	t.Helper()
	res := c.post(t, f)
	if err := res.expect(http.StatusAccepted); err != nil {
		t.Fatal(err)
	}
	var a struct{ Note coach.NoteID }
	if err := json.Unmarshal(res.body, &a); err != nil {
		t.Fatal(err)
	}
	return a.Note
}

func (c *client) thread(ctx context.Context) ([]item, error) {
	res, err := c.do(ctx, "GET", "api/thread", "", nil)
	if err != nil {
		return nil, err
	}
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	var a struct{ Notes []item }
	err = json.Unmarshal(res.body, &a)
	return a.Notes, err
}
