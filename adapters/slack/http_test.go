package slack

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

// address is where the adapter listens.
func withAddress(at *string) change {
	return func(r *running, c *Config) {
		r.platform.http = true
		if ready := c.Ready; ready != nil {
			c.Ready = func(addr string) { *at = "http://" + addr; ready(addr) }
		}
	}
}

func send(t *testing.T, url string, body []byte, h http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestSignatures(t *testing.T) {
	var at string
	r := run(t, withAddress(&at))
	body := []byte(`{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}`)
	now := time.Now()
	for name, tc := range map[string]struct {
		h    http.Header
		body []byte
		want int
	}{
		"signed":                {slacktest.Sign(body, now), body, http.StatusOK},
		"298 seconds ago":       {slacktest.Sign(body, now.Add(-298*time.Second)), body, http.StatusOK},
		"302 seconds ago":       {slacktest.Sign(body, now.Add(-302*time.Second)), body, http.StatusUnauthorized},
		"298 seconds ahead":     {slacktest.Sign(body, now.Add(298*time.Second)), body, http.StatusOK},
		"305 seconds ahead":     {slacktest.Sign(body, now.Add(305*time.Second)), body, http.StatusUnauthorized},
		"not signed":            {http.Header{}, body, http.StatusUnauthorized},
		"another body":          {slacktest.Sign(body, now), []byte(`{"type":"url_verification","challenge":"x"}`), http.StatusUnauthorized},
		"a space more":          {slacktest.Sign(body, now), append([]byte(" "), body...), http.StatusUnauthorized},
		"a broken time":         {http.Header{"X-Slack-Request-Timestamp": {"soon"}, "X-Slack-Signature": {"v0=" + strings.Repeat("0", 64)}}, body, http.StatusUnauthorized},
		"half a signature":      {http.Header{"X-Slack-Request-Timestamp": slacktest.Sign(body, now)["X-Slack-Request-Timestamp"], "X-Slack-Signature": {"v0=00"}}, body, http.StatusUnauthorized},
		"larger than any event": {slacktest.Sign(make([]byte, maxRequest+1), now), make([]byte, maxRequest+1), http.StatusBadRequest},
		"signed, and no JSON":   {slacktest.Sign([]byte("hello"), now), []byte("hello"), http.StatusBadRequest},
	} {
		for _, path := range []string{"/slack/events", "/slack/commands", "/slack/interactions"} {
			if path != "/slack/events" && tc.want != http.StatusUnauthorized {
				continue
			}
			status, got := send(t, at+path, tc.body, tc.h.Clone())
			if status != tc.want {
				t.Errorf("%s at %s: status %d, want %d", name, path, status, tc.want)
			}
			if tc.want == http.StatusOK && got != "3eZbrw1aBm2rZgRNFdxV" {
				t.Errorf("%s: the challenge is answered with %q", name, got)
			}
		}
	}
	r.stop(t)
	noSecrets(t, r.log.String())
}

// Slack waits three seconds. An inbox that takes longer gets its note all the
// same, and the event that comes again is acknowledged.
func TestSlowInboxIsNotAcknowledgedLate(t *testing.T) {
	var at string
	hold := make(chan struct{})
	r := run(t, withAddress(&at), func(r *running, _ *Config) {
		r.inbox.before = func(coach.VoiceNote) error { <-hold; return nil }
	})
	m := r.slack().Post(r.clip("one"))
	began := time.Now()
	err := r.slack().EventOnce(r.ctx(t), r.ws, m.MessageEvent())
	if err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("after %s: %v, want a refusal within three seconds", time.Since(began), err)
	}
	close(hold)
	if err := r.slack().Event(r.ctx(t), r.ws, m.MessageEvent()); err != nil {
		t.Fatal(err)
	}
	r.inbox.one(t)
}

func TestUnreadableRequests(t *testing.T) {
	var at string
	r := run(t, withAddress(&at))
	for path, body := range map[string]string{"/slack/interactions": "payload=%7Bnope", "/slack/commands": "%zz"} {
		if status, _ := send(t, at+path, []byte(body), slacktest.Sign([]byte(body), time.Now())); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, status)
		}
	}
	for name, payload := range map[string]any{
		"nothing":           map[string]any{},
		"an unknown kind":   map[string]any{"type": "hologram", "team": map[string]any{"id": "T1"}, "user": map[string]any{"id": "U1"}},
		"a strange user":    map[string]any{"type": "block_actions", "team": map[string]any{"id": "T1"}, "user": map[string]any{"id": "../x"}, "actions": []any{}},
		"a strange action":  map[string]any{"type": "block_actions", "team": map[string]any{"id": r.ws.ID}, "user": map[string]any{"id": r.ada.ID}, "actions": []any{map[string]any{"action_id": "press/x", "value": "{"}}},
		"a form of no form": map[string]any{"type": "view_submission", "team": map[string]any{"id": r.ws.ID}, "user": map[string]any{"id": r.ada.ID}, "view": map[string]any{"id": "V1", "callback_id": "other"}},
	} {
		js, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte("payload=" + string(js))
		if status, got := send(t, at+"/slack/interactions", body, slacktest.Sign(body, time.Now())); status != http.StatusOK || got != "" {
			t.Errorf("%s: status %d, %q", name, status, got)
		}
	}
	if asked := r.desk.Asked(); len(asked) != 0 {
		t.Errorf("the desk was asked %+v", asked)
	}
}
