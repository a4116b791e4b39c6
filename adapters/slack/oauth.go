package slack

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// The installation's pages: /slack/install sends the browser to Slack, which
// sends it back to /slack/oauth with a code for the workspace's token.

const (
	// stateLife is how long somebody may take to read what they agree to.
	stateLife   = 15 * time.Minute
	stateCookie = "mynah_slack_state"
)

func (l *listener) installRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	if l.cfg.installable() {
		mux.HandleFunc("GET /slack/install", l.beginInstall)
		mux.HandleFunc("GET /slack/oauth", l.endInstall)
	}
	return mux
}

func (s *Slack) redirectURL() string {
	return strings.TrimSuffix(s.cfg.PublicURL, "/") + "/slack/oauth"
}

// authorizeURL is where Slack asks whether mynah may come.
func (s *Slack) authorizeURL(state string) string {
	u := "https://slack.com/oauth/v2/authorize"
	if s.cfg.APIURL != "" {
		u = strings.TrimSuffix(strings.TrimSuffix(s.cfg.APIURL, "/"), "/api") + "/oauth/v2/authorize"
	}
	return u + "?" + url.Values{
		"client_id":    {s.cfg.ClientID},
		"scope":        {strings.Join(botScopes(), ",")},
		"redirect_uri": {s.redirectURL()},
		"state":        {state},
	}.Encode()
}

// beginInstall makes a state that only this browser can bring back: a cookie
// holds it, and the shelf, so that any machine can take it.
func (l *listener) beginInstall(w http.ResponseWriter, r *http.Request) {
	state := rand.Text()
	if err := l.cfg.Installs.Put(r.Context(), "state."+state, []byte(time.Now().Add(stateLife).UTC().Format(time.RFC3339))); err != nil {
		l.log.Error("an installation could not begin", "error", err)
		page(w, http.StatusServiceUnavailable, wordsInstallLater)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: stateCookie, Value: state, Path: "/slack/", MaxAge: int(stateLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(l.cfg.PublicURL, "https:"),
	})
	http.Redirect(w, r, l.authorizeURL(state), http.StatusFound)
}

func (l *listener) endInstall(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("error") != "" {
		page(w, http.StatusOK, wordsInstallDeclined)
		return
	}
	state := q.Get("state")
	cookie, err := r.Cookie(stateCookie)
	if err != nil || state == "" || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(state)) != 1 || !l.takeState(r.Context(), state) {
		page(w, http.StatusForbidden, wordsInstallState)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: stateCookie, Path: "/slack/", MaxAge: -1, HttpOnly: true})
	if err := l.install(r.Context(), q.Get("code")); err != nil {
		l.log.Error("an installation failed", "error", err)
		page(w, http.StatusBadGateway, wordsInstallFailed)
		return
	}
	page(w, http.StatusOK, wordsInstalled)
}

// takeState reports whether the state was given out lately, once.
func (s *Slack) takeState(ctx context.Context, state string) bool {
	if strings.ContainsFunc(state, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') }) {
		return false
	}
	fresh := false
	err := s.cfg.Installs.Update(ctx, "state."+state, func(old []byte) ([]byte, error) {
		until, err := time.Parse(time.RFC3339, string(old))
		fresh = err == nil && time.Now().Before(until)
		return nil, nil
	})
	return err == nil && fresh
}

// install exchanges the code for the token and keeps it.
func (s *Slack) install(ctx context.Context, code string) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	got, err := slack.GetOAuthV2ResponseContext(ctx, s.http, s.cfg.ClientID, s.cfg.ClientSecret, code, s.redirectURL(), slack.OAuthOptionAPIURL(s.cfg.apiURL()))
	if err != nil {
		return bare(err)
	}
	if got.AccessToken == "" {
		return errors.New("slack gave no bot token")
	}
	i, err := s.introduce(ctx, install{Token: got.AccessToken})
	if err != nil {
		return err
	}
	i.Team, i.Enterprise = got.Team.ID, got.Enterprise.ID
	if got.IsEnterpriseInstall {
		i.Team = ""
	}
	if i.Team == "" && i.Enterprise == "" {
		return errors.New("slack named neither a workspace nor an organisation")
	}
	if len(i.Scopes) == 0 {
		i.Scopes = splitScopes(got.Scope)
	}
	i.Installed = time.Now().Truncate(time.Second)
	if got.RefreshToken != "" {
		i.Refresh, i.Expires = got.RefreshToken, time.Now().Add(time.Duration(got.ExpiresIn)*time.Second)
	}
	if err := s.keepInstall(ctx, i); err != nil {
		return err
	}
	s.mu.Lock()
	clear(s.sessions)
	s.mu.Unlock()
	s.log.Info("installed", "team", i.Team, "enterprise", i.Enterprise)
	if lack := slices.DeleteFunc(botScopes(), func(scope string) bool { return slices.Contains(i.Scopes, scope) }); len(lack) > 0 {
		s.log.Warn("installed without some scopes", "team", i.Team, "lacking", lack)
	}
	return nil
}

// page answers a browser with one sentence.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
