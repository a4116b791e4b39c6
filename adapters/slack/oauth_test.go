package slack

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

// installable lets workspaces install mynah, over HTTP.
func installable(at *string) change {
	http := withAddress(at)
	return func(r *running, c *Config) {
		http(r, c)
		c.BotToken, c.ClientID, c.ClientSecret = "", slacktest.ClientID, slacktest.ClientSecret
		c.PublicURL = "https://mynah.example"
		if c.Installs == nil {
			c.Installs = storetest.NewShelf()
		}
	}
}

// browser follows the installation's pages, whose public address is the
// adapter's.
type browser struct {
	t  *testing.T
	c  *http.Client
	at string
}

func newBrowser(t *testing.T, at string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: plainJar{jar}, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, at}
}

// plainJar keeps cookies that are for https alone, which the proxy would speak.
type plainJar struct{ *cookiejar.Jar }

func (j plainJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		c.Secure = false
	}
	j.Jar.SetCookies(u, cookies)
}

func (b *browser) get(address string) (status int, location, body string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, strings.Replace(address, "https://mynah.example", b.at, 1), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.c.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), string(text)
}

// install goes through the pages, and returns the last one's text and the
// address that it was at.
func (b *browser) install(w *slacktest.Workspace) (body, back string) {
	b.t.Helper()
	_, toSlack, _ := b.get(b.at + "/slack/install")
	_, back, _ = b.get(toSlack + "&team=" + w.ID)
	_, _, body = b.get(back)
	return strings.TrimSpace(body), back
}

func TestInstallation(t *testing.T) {
	var at string
	r := run(t, installable(&at))
	r.ws.SetScopes("chat:write")
	b := newBrowser(t, at)
	body, back := b.install(r.ws)
	if body != wordsInstalled {
		t.Fatalf("the page says %q", body)
	}
	if len(r.ws.Scopes) != len(slacktest.AllScopes()) {
		t.Errorf("asked for the scopes %v", r.ws.Scopes)
	}
	r.post(t, r.clip("Installed."))

	t.Run("a second workspace in the same process", func(t *testing.T) {
		two := r.slack().AddWorkspace("two")
		eve := two.AddUser("eve")
		if body, _ := newBrowser(t, at).install(two); body != wordsInstalled {
			t.Fatalf("the page says %q", body)
		}
		c := slacktest.Clip{User: eve, Channel: two.AddChannel("english", eve), Text: "Two.", Audio: []byte("x")}
		_, n := r.post(t, c)
		if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
			t.Fatal(err)
		}
		if seen := eve.See(c.Channel, ""); len(seen) != 1 || n.Place != coach.PlaceID("slack-"+two.ID) {
			t.Errorf("Eve sees %+v of place %s", seen, n.Place)
		}
	})
	t.Run("a code with a state that is used, made up, or another browser's", func(t *testing.T) {
		if _, _, body := b.get(back); strings.TrimSpace(body) != wordsInstallState {
			t.Errorf("used: %q", body)
		}
		if _, _, body := b.get(at + "/slack/oauth?code=" + r.slack().Code(r.ws) + "&state=AAAA"); strings.TrimSpace(body) != wordsInstallState {
			t.Errorf("made up: %q", body)
		}
		_, toSlack, _ := b.get(at + "/slack/install")
		_, stolen, _ := b.get(toSlack)
		if _, _, body := newBrowser(t, at).get(stolen); strings.TrimSpace(body) != wordsInstallState {
			t.Errorf("another browser's: %q", body)
		}
	})
	t.Run("declined, and a wrong code", func(t *testing.T) {
		if _, _, body := b.get(at + "/slack/oauth?error=access_denied"); strings.TrimSpace(body) != wordsInstallDeclined {
			t.Errorf("declined: %q", body)
		}
		_, toSlack, _ := b.get(at + "/slack/install")
		u, err := url.Parse(toSlack)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, body := b.get(at + "/slack/oauth?code=wrong&state=" + u.Query().Get("state")); strings.TrimSpace(body) != wordsInstallFailed {
			t.Errorf("a wrong code: %q", body)
		}
	})
	r.stop(t)
	noSecrets(t, r.log.String())
}

func TestRemoval(t *testing.T) {
	for name, revokedFirst := range map[string]bool{"uninstalled, then revoked": false, "revoked, then uninstalled": true} {
		t.Run(name, func(t *testing.T) {
			var at string
			r := run(t, installable(&at))
			newBrowser(t, at).install(r.ws)
			_, n := r.post(t, r.clip("Installed."))
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // Slack's times are whole seconds
			if err := r.slack().Uninstall(r.ctx(t), r.ws, revokedFirst); err != nil {
				t.Fatal(err)
			}
			left := r.desk.Left()
			if len(left) == 0 || slices.ContainsFunc(left, func(p coach.PlaceID) bool { return p != n.Place }) {
				t.Errorf("the desk was told of leaving %v, want %s", left, n.Place)
			}
			if all, err := r.cfg.Installs.List(t.Context(), "install."); err != nil || len(all) != 0 {
				t.Errorf("%d tokens are kept (%v)", len(all), err)
			}
			// What still comes is acknowledged, and in vain.
			if err := r.slack().EventOnce(r.ctx(t), r.ws, r.slack().Post(slacktest.Clip{User: r.ada, Channel: r.channel, Connect: true}).MessageEvent()); err != nil {
				t.Error(err)
			}
			if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err == nil {
				t.Error("a reply was posted without a token")
			}
			// Installed again, it is answered, and late news of the removal change nothing.
			if body, _ := newBrowser(t, at).install(r.ws); body != wordsInstalled {
				t.Fatalf("the page says %q", body)
			}
			late := map[string]any{
				"type": "event_callback", "team_id": r.ws.ID, "event_time": time.Now().Add(-time.Hour).Unix(), "event": map[string]any{"type": "app_uninstalled"},
			}
			js, err := json.Marshal(late)
			if err != nil {
				t.Fatal(err)
			}
			if status, _ := send(t, at+"/slack/events", js, slacktest.Sign(js, time.Now())); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
				t.Errorf("after a new installation: %v", err)
			}
		})
	}
}

func TestWholeOrganisation(t *testing.T) {
	var at string
	r := run(t, installable(&at))
	r.ws.Join("E0ORG", true)
	newBrowser(t, at).install(r.ws)
	_, n := r.post(t, r.clip("In an organisation."))
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
		t.Fatal(err)
	}
	r.shownOne(t, n)
	if i, found, err := r.loadInstall(t.Context(), "E0ORG"); err != nil || !found || i.Team != "" {
		t.Errorf("the organisation's installation: %+v, %t, %v", i, found, err)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	if err := r.slack().Uninstall(r.ctx(t), r.ws, false); err != nil {
		t.Fatal(err)
	}
	if left := r.desk.Left(); len(left) == 0 || left[0] != n.Place {
		t.Errorf("left %v", left)
	}
}

// rotating makes tokens that are near their end from the first.
func rotating(r *running, _ *Config) { r.ws.Rotate, r.ws.ExpiresIn = true, 60 }

func TestTokenRotation(t *testing.T) {
	var at string
	r := run(t, installable(&at), rotating)
	newBrowser(t, at).install(r.ws)
	before := r.ws.Token
	r.ws.ExpiresIn = 12 * 3600
	_, n := r.post(t, r.clip("Rotated."))
	machines := []*Slack{r.Slack}
	for range 3 {
		c := r.cfg
		c.Ready = nil
		s, err := New(c, r.desk, r.shelf, nil, discardLog())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.http.CloseIdleConnections)
		machines = append(machines, s)
	}
	errs := make(chan error, len(machines))
	for _, m := range machines {
		go func() { errs <- m.Working(context.WithoutCancel(t.Context()), n) }()
	}
	for range machines {
		if err := <-errs; err != nil {
			// Who read the old token just before it was exchanged is refused once.
			if codeOf(err) != "token_expired" {
				t.Error(err)
			}
		}
	}
	if r.ws.Token == before || r.slack().Calls("oauth.v2.access") != 2 {
		t.Errorf("the token was exchanged %d times, want once after the installation", r.slack().Calls("oauth.v2.access")-1)
	}
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
		t.Fatal(err)
	}
	r.shownOne(t, n)
	if i, _, err := r.loadInstall(t.Context(), r.ws.ID); err != nil || i.Token != r.ws.Token || time.Until(i.Expires) < 11*time.Hour {
		t.Errorf("kept until %s, %v", i.Expires, err)
	}
}

func TestInstallPagesBesideSocketMode(t *testing.T) {
	ready := make(chan string, 1)
	r := run(t, func(_ *running, c *Config) {
		if c.APIURL == "" {
			return
		}
		c.BotToken, c.ClientID, c.ClientSecret, c.Installs = "", slacktest.ClientID, slacktest.ClientSecret, storetest.NewShelf()
		c.PublicURL, c.InstallAddr = "https://mynah.example", "127.0.0.1:0"
		c.Ready = func(addr string) { ready <- "http://" + addr }
	})
	at := <-ready
	if body, _ := newBrowser(t, at).install(r.ws); body != wordsInstalled {
		t.Fatalf("the page says %q", body)
	}
	r.post(t, r.clip("Installed."))
	if status, _ := send(t, at+"/slack/events", nil, slacktest.Sign(nil, time.Now())); status != http.StatusNotFound {
		t.Errorf("events are taken over HTTP, too: status %d", status)
	}
}
