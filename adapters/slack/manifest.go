package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/slack-go/slack"
)

// scope is a permission and what mynah needs it for. docs/slack.md explains the
// same ones; a test compares.
type scope struct {
	name     string
	why      string
	optional bool // mynah works without it, less well
}

func scopes() []scope {
	return []scope{
		{"app_mentions:read", "hears a clip that mentions it, and commands said to it", false},
		{"chat:write", "answers", false},
		{"commands", "offers /mynah and the message shortcut", false},
		{"files:read", "fetches the clip that somebody sends it", false},
		{"im:history", "hears clips in its own direct messages, and finds its reply there again", false},
		{"im:write", "opens a direct message for answers that are for one person", false},
		{"users:read", "asks whether who changes the workspace's settings is an admin", false},
		{"channels:history", "hears clips in the public channels it was invited to", true},
		{"groups:history", "hears clips in the private channels it was invited to", true},
		{"files:write", "shows the picture of a reply, sends an export or a spoken sentence", true},
		{"reactions:write", "shows with a reaction that it is listening, or has answered privately", true},
	}
}

// botScopes are the names of all scopes.
func botScopes() []string {
	var names []string
	for _, s := range scopes() {
		names = append(names, s.name)
	}
	return names
}

func botEvents() []string {
	return []string{
		"app_home_opened", "app_mention", "app_uninstalled", "file_deleted", "file_shared",
		"message.channels", "message.groups", "message.im", "tokens_revoked",
	}
}

const longDescription = "Record an audio clip of an English sentence, and mynah listens to every word and sound of it. " +
	"It tells you in the thread, or just to you, what was clear, which one or two sounds to work on, and how to move your mouth for them. " +
	"Ask for a sentence to practise with /mynah practice, see how your sounds develop with /mynah progress, and decide with /mynah privacy " +
	"and /mynah forget what is kept of you. Recordings are scored on your organisation's own machine and deleted once they are answered."

// Manifest returns the app manifest, JSON, that is pasted at
// https://api.slack.com/apps once. publicURL is where Slack reaches the service
// by https: needed without Socket Mode, and for workspaces that install mynah
// themselves.
func Manifest(socketMode bool, publicURL string) ([]byte, error) {
	publicURL = strings.TrimSuffix(publicURL, "/")
	if publicURL == "" && !socketMode {
		return nil, errors.New("slack: without Socket Mode the manifest needs the public URL of the service")
	}
	if publicURL != "" {
		if u, err := url.Parse(publicURL); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("slack: the public URL %q must be an https address without a query", publicURL)
		}
	}
	at := func(path string) string {
		if socketMode {
			return ""
		}
		return publicURL + path
	}
	m := slack.Manifest{
		Metadata: slack.ManifestMetadata{MajorVersion: 1, MinorVersion: 1},
		Display: slack.Display{
			Name:            productName,
			Description:     "A spoken-English coach for your channels",
			LongDescription: longDescription,
			BackgroundColor: "#1f3a4d",
		},
		Features: slack.Features{
			AppHome: slack.AppHome{HomeTabEnabled: true, MessagesTabEnabled: true},
			BotUser: slack.BotUser{DisplayName: productName, AlwaysOnline: true},
			Shortcuts: []slack.Shortcut{{
				Name: "Assess pronunciation", CallbackID: shortcutCallback, Type: slack.MessageShortcut,
				Description: "Hear how clear your own audio clip is",
			}},
			SlashCommands: []slack.ManifestSlashCommand{{
				Command: "/" + productName, Url: at("/slack/commands"),
				Description: "Practise, see your progress, change settings",
				UsageHint:   "practice | progress | settings | privacy | forget | export | help",
			}},
		},
		OAuthConfig: slack.OAuthConfig{Scopes: slack.OAuthScopes{Bot: botScopes()}},
		Settings: slack.Settings{
			EventSubscriptions: &slack.EventSubscriptions{RequestUrl: at("/slack/events"), BotEvents: botEvents()},
			Interactivity:      &slack.Interactivity{IsEnabled: true, RequestUrl: at("/slack/interactions")},
			OrgDeployEnabled:   true,
			SocketModeEnabled:  socketMode,
		},
	}
	if publicURL != "" {
		m.OAuthConfig.RedirectUrls = []string{publicURL + "/slack/oauth"}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("slack: manifest: %w", err)
	}
	return b.Bytes(), nil
}

// shortcutCallback names the message shortcut.
const shortcutCallback = "mynah_assess"
