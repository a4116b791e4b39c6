package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// install is what a workspace, or an Enterprise Grid organisation as a whole,
// gave mynah.
type install struct {
	Team       string    `json:"team,omitempty"` // empty for a whole organisation
	Enterprise string    `json:"enterprise,omitempty"`
	Token      string    `json:"token"`
	Refresh    string    `json:"refresh,omitempty"` // of tokens that are rotated
	Expires    time.Time `json:"expires,omitzero"`
	Refreshing time.Time `json:"refreshing,omitzero"` // until when another machine is at it
	BotUser    string    `json:"bot_user,omitempty"`
	Bot        string    `json:"bot,omitempty"`
	URL        string    `json:"url,omitempty"` // of the workspace
	Scopes     []string  `json:"scopes,omitempty"`
	Installed  time.Time `json:"installed,omitzero"`
}

// key is where an install is kept: under its workspace, or its organisation.
func (i install) key() string {
	if i.Team == "" {
		return "install." + i.Enterprise
	}
	return "install." + i.Team
}

// expired reports whether a rotated token must be renewed: some time before it
// ends, so that nobody waits for it.
func (i install) expired(before time.Duration) bool {
	return i.Refresh != "" && time.Until(i.Expires) < before
}

// session is the right to speak in a workspace.
type session struct {
	install
	key    string // of its gates
	api    *slack.Client
	loaded time.Time
}

// hears reports whether the messages of a conversation come as events, so that
// nothing else has to be listened for there.
func (i install) hears(channel string) bool {
	need := []string{"channels:history", "groups:history"} // both kinds may begin with C
	if isDirect(channel) {
		need = []string{"im:history"}
	}
	for _, scope := range need {
		if !slices.Contains(i.Scopes, scope) {
			return false
		}
	}
	return true
}

// errNotInstalled says that mynah has no token for a workspace (any more).
var errNotInstalled = errors.New("slack: mynah is not installed in this workspace")

// sessionLife is how long a token of the shelf is used before the shelf is asked
// again: another machine may have renewed or dropped it.
const sessionLife = 30 * time.Second

// session returns the right to speak in a workspace: its own installation, its
// organisation's, or the configured token.
func (s *Slack) session(ctx context.Context, team string) (*session, error) {
	s.mu.Lock()
	ses := s.sessions[team]
	s.mu.Unlock()
	if ses != nil && (ses.key == configured || time.Since(ses.loaded) < sessionLife) && !ses.expired(0) {
		return ses, nil
	}
	i, found, err := s.findInstall(ctx, team)
	switch {
	case err != nil:
		return nil, err
	case found && i.expired(renewBefore):
		if i, err = s.renew(ctx, i); err != nil {
			return nil, err
		}
		ses = s.newSession(i, i.key())
	case found:
		ses = s.newSession(i, i.key())
	case s.cfg.BotToken != "":
		if i, err = s.introduce(ctx, install{Token: s.cfg.BotToken}); err != nil {
			return nil, err
		}
		ses = s.newSession(i, configured)
	default:
		return nil, errNotInstalled
	}
	s.mu.Lock()
	s.sessions[team] = ses
	s.mu.Unlock()
	return ses, nil
}

// configured names the session of Config.BotToken.
const configured = "configured"

func (s *Slack) newSession(i install, key string) *session {
	return &session{install: i, key: key, api: s.client(i.Token), loaded: time.Now()}
}

func (s *Slack) client(token string) *slack.Client {
	return slack.New(token, slack.OptionHTTPClient(s.http), slack.OptionAPIURL(s.cfg.apiURL()))
}

// distrust forgets a session whose token Slack refused; the next call loads it
// anew, and renews it where that is how it goes on.
func (s *Slack) distrust(ses *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for team, known := range s.sessions {
		if known == ses {
			delete(s.sessions, team)
		}
	}
}

// introduce asks Slack whose token it is.
func (s *Slack) introduce(ctx context.Context, i install) (install, error) {
	me, err := s.client(i.Token).AuthTestContext(ctx)
	if err != nil {
		return i, fmt.Errorf("slack: auth.test: %w", bare(err))
	}
	i.Team, i.Enterprise, i.BotUser, i.Bot, i.URL = me.TeamID, me.EnterpriseID, me.UserID, me.BotID, me.URL
	i.Scopes = splitScopes(me.Header.Get("X-Oauth-Scopes"))
	return i, nil
}

func splitScopes(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// findInstall looks for a workspace's installation, and then for that of the
// organisation that the workspace is known to be in.
func (s *Slack) findInstall(ctx context.Context, team string) (install, bool, error) {
	if !s.cfg.installable() {
		return install{}, false, nil
	}
	i, found, err := s.loadInstall(ctx, team)
	if err != nil || found {
		return i, found, err
	}
	organisation, found, err := s.cfg.Installs.Get(ctx, "team."+team)
	if err != nil {
		return install{}, false, fmt.Errorf("slack: installs: %w", err)
	}
	if !found {
		return install{}, false, nil
	}
	return s.loadInstall(ctx, string(organisation))
}

func (s *Slack) loadInstall(ctx context.Context, id string) (i install, found bool, err error) {
	b, found, err := s.cfg.Installs.Get(ctx, "install."+id)
	if err == nil && found {
		err = json.Unmarshal(b, &i)
	}
	if err != nil {
		return install{}, false, fmt.Errorf("slack: installs: %w", err)
	}
	return i, found, nil
}

// belongs notes that a workspace is in an organisation, whose installation holds
// for it.
func (s *Slack) belongs(ctx context.Context, team, enterprise string) error {
	if !s.cfg.installable() || team == "" || enterprise == "" || team == enterprise {
		return nil
	}
	known, found, err := s.cfg.Installs.Get(ctx, "team."+team)
	if err == nil && (!found || string(known) != enterprise) {
		err = s.cfg.Installs.Put(ctx, "team."+team, []byte(enterprise))
	}
	if err != nil {
		return fmt.Errorf("slack: installs: %w", err)
	}
	return nil
}

func (s *Slack) keepInstall(ctx context.Context, i install) error {
	b, err := json.Marshal(i)
	if err == nil {
		err = s.cfg.Installs.Put(ctx, i.key(), b)
	}
	if err != nil {
		return fmt.Errorf("slack: installs: %w", err)
	}
	return nil
}

const (
	// renewBefore is how long before its end a rotated token is renewed.
	renewBefore = time.Hour
	// renewWithin bounds one renewal: another machine takes over after it.
	renewWithin = time.Minute
)

// renew exchanges a rotated token for the next. A refresh token works once, so
// only one machine does it; the others go on with the old one, which still
// works for a while.
func (s *Slack) renew(ctx context.Context, i install) (install, error) {
	mine := false
	err := s.cfg.Installs.Update(ctx, i.key(), func(old []byte) ([]byte, error) {
		mine = false
		if old == nil {
			return nil, errNotInstalled
		}
		i = install{}
		if err := json.Unmarshal(old, &i); err != nil {
			return nil, err
		}
		if !i.expired(renewBefore) || time.Now().Before(i.Refreshing) {
			return old, nil
		}
		mine = true
		i.Refreshing = time.Now().Add(renewWithin)
		return json.Marshal(i)
	})
	if err != nil {
		return i, fmt.Errorf("slack: renew the token: %w", err)
	}
	if !mine {
		if i.expired(0) {
			return i, fmt.Errorf("slack: renew the token: %w", &coach.Snooze{For: time.Second, Cause: errors.New("another machine is renewing it")})
		}
		return i, nil
	}
	ctx, cancel := context.WithTimeout(ctx, renewWithin/2)
	defer cancel()
	next, err := slack.RefreshOAuthV2TokenContext(ctx, s.http, s.cfg.ClientID, s.cfg.ClientSecret, i.Refresh, slack.OAuthOptionAPIURL(s.cfg.apiURL()))
	if err != nil {
		if !i.expired(0) {
			s.log.Warn("the token could not be renewed yet", "team", i.Team, "enterprise", i.Enterprise, "error", bare(err))
			return i, nil
		}
		return i, fmt.Errorf("slack: renew the token: %w", bare(err))
	}
	i.Token, i.Refresh, i.Refreshing = next.AccessToken, next.RefreshToken, time.Time{}
	i.Expires = time.Now().Add(time.Duration(next.ExpiresIn) * time.Second)
	s.log.Info("the token was renewed", "team", i.Team, "enterprise", i.Enterprise)
	return i, s.keepInstall(context.WithoutCancel(ctx), i)
}

// leave drops the token of a workspace or organisation that removed mynah, and
// what the desk knows there. Slack says it twice, in either order, and may say it
// late: an installation that is younger than the news stays.
func (s *Slack) leave(ctx context.Context, team, enterprise string, said time.Time) error {
	places, keys := []string{team}, []string{}
	if s.cfg.installable() {
		i, found, err := s.loadInstall(ctx, team)
		if err == nil && !found && enterprise != "" {
			i, found, err = s.loadInstall(ctx, enterprise)
		}
		if err != nil {
			return err
		}
		if found && i.Installed.After(said) {
			return nil
		}
		if found && i.Team == "" {
			under, err := s.workspaces(ctx, i.Enterprise)
			if err != nil {
				return err
			}
			places = append(places, under...)
		}
		if found {
			keys = append(keys, i.key())
		}
		for _, p := range places {
			keys = append(keys, "team."+p)
		}
	}
	// The token goes last: should we fail before that, the news comes again and
	// still finds what it is about.
	for _, p := range places {
		if err := s.desk.Leave(ctx, placeID(p)); err != nil {
			return fmt.Errorf("slack: leave: %w", err)
		}
	}
	for _, key := range keys {
		if err := s.cfg.Installs.Delete(ctx, key); err != nil {
			return fmt.Errorf("slack: installs: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		delete(s.sessions, p)
	}
	s.log.Info("removed from the workspace", "team", team, "enterprise", enterprise)
	return nil
}

// workspaces lists those of an organisation that mynah has met.
func (s *Slack) workspaces(ctx context.Context, enterprise string) ([]string, error) {
	all, err := s.cfg.Installs.List(ctx, "team.")
	if err != nil {
		return nil, fmt.Errorf("slack: installs: %w", err)
	}
	var teams []string
	for key, value := range all {
		if string(value) == enterprise {
			teams = append(teams, strings.TrimPrefix(key, "team."))
		}
	}
	return teams, nil
}
