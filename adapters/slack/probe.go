package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// Finding is one thing that Probe looked at.
type Finding struct {
	Name   string
	Detail string
	Fix    string // what to do about it, "" where nothing is needed
	OK     bool
}

// Probe looks whether the tokens work and what is missing, without changing
// anything.
func (c Config) Probe(ctx context.Context) []Finding {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return []Finding{{Name: "slack settings", Detail: strings.TrimPrefix(err.Error(), "slack: "), Fix: "complete the slack settings; docs/slack.md walks through them"}}
	}
	found := []Finding{{Name: "slack settings", Detail: c.mode(), OK: true}}
	if c.BotToken != "" {
		found = append(found, c.probeBot(ctx)...)
	}
	if !c.overHTTP() {
		found = append(found, c.probeApp(ctx))
	}
	if c.installable() {
		found = append(found, c.probeInstalls(ctx))
	}
	return found
}

func (c Config) mode() string {
	if c.overHTTP() {
		return "events over HTTP at " + c.Addr
	}
	return "events over Socket Mode"
}

func (c Config) probeBot(ctx context.Context) []Finding {
	const name = "slack bot token"
	api := slack.New(c.BotToken, slack.OptionAPIURL(c.apiURL()), slack.OptionHTTPClient(&http.Client{Timeout: apiTimeout}))
	me, err := api.AuthTestContext(ctx)
	if err != nil {
		return []Finding{{Name: name, Detail: explain(err), Fix: "copy the Bot User OAuth Token (xoxb-) of OAuth & Permissions, and install the app to the workspace if it was removed"}}
	}
	f := Finding{Name: name, Detail: fmt.Sprintf("workspace %s (%s), bot user %s", me.Team, me.TeamID, me.UserID), OK: true}
	if me.BotID == "" {
		f = Finding{Name: name, Detail: "this is a person's token, not a bot's", Fix: "use the Bot User OAuth Token (xoxb-)"}
	}
	found := []Finding{f}
	given := splitScopes(me.Header.Get("X-Oauth-Scopes"))
	if len(given) == 0 {
		return append(found, Finding{Name: "slack scopes", Detail: "Slack did not name them", OK: true})
	}
	return append(found, scopeFindings(given)...)
}

// scopeFindings says which scopes are missing, and which were given in vain.
func scopeFindings(given []string) []Finding {
	var found []Finding
	known := []string{}
	for _, s := range scopes() {
		known = append(known, s.name)
		if slices.Contains(given, s.name) {
			continue
		}
		f := Finding{Name: "slack scope " + s.name, Detail: "missing: with it mynah " + s.why, OK: s.optional}
		if !s.optional {
			f.Fix = "paste the manifest (mynah slack manifest) again and reinstall the app to the workspace"
		}
		found = append(found, f)
	}
	var vain []string
	for _, s := range given {
		if !slices.Contains(known, s) {
			vain = append(vain, s)
		}
	}
	if len(vain) > 0 {
		found = append(found, Finding{Name: "slack scopes", Detail: "given, and never used: " + strings.Join(vain, ", "), Fix: "take them away, mynah does not need them", OK: true})
	}
	if len(found) == 0 {
		found = append(found, Finding{Name: "slack scopes", Detail: "all given", OK: true})
	}
	return found
}

func (c Config) probeApp(ctx context.Context) Finding {
	const name = "slack app-level token"
	api := slack.New("", slack.OptionAppLevelToken(c.AppToken), slack.OptionAPIURL(c.apiURL()), slack.OptionHTTPClient(&http.Client{Timeout: apiTimeout}))
	if _, _, err := api.StartSocketModeContext(ctx); err != nil {
		return Finding{Name: name, Detail: explain(err), Fix: "make an app-level token (xapp-) with connections:write at Basic Information, and turn Socket Mode on"}
	}
	return Finding{Name: name, Detail: "opens Socket Mode", OK: true}
}

func (c Config) probeInstalls(ctx context.Context) Finding {
	const name = "slack installations"
	all, err := c.Installs.List(ctx, "install.")
	if err != nil {
		return Finding{Name: name, Detail: "the shelf of installations can't be read", Fix: "look at the store's findings"}
	}
	return Finding{Name: name, Detail: fmt.Sprintf("%d; workspaces install at %s/slack/install", len(all), strings.TrimSuffix(c.PublicURL, "/")), OK: true}
}

// explain words an error without anything of the tokens in it.
func explain(err error) string {
	var status slack.StatusCodeError
	switch code := codeOf(err); {
	case code != "":
		return "Slack refuses it: " + code
	case errors.As(err, &status):
		return "Slack answers " + status.Status
	}
	return "Slack can't be reached: " + bare(err).Error()
}
