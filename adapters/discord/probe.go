package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Permission is one that mynah asks a server for.
type Permission struct {
	Name string // as Discord's settings call it
	Bit  uint64
	Why  string
}

// Permissions are the least that work, in the order of Discord's settings.
func Permissions() []Permission {
	return []Permission{
		{"View Channels", 1 << 10, "to see voice messages"},
		{"Send Messages", 1 << 11, "to answer in the channel where there can be no thread"},
		{"Send Messages in Threads", 1 << 38, "to answer in the thread"},
		{"Create Public Threads", 1 << 35, "to open the thread on a voice message"},
		{"Attach Files", 1 << 15, "to show the card"},
		{"Read Message History", 1 << 16, "to find what was posted while mynah was away, and to answer once"},
	}
}

func permissionBits() (bits uint64) {
	for _, p := range Permissions() {
		bits |= p.Bit
	}
	return bits
}

// InviteURL is the link by which somebody who manages a server adds mynah to it,
// with the least permissions.
func InviteURL(applicationID string) string {
	q := url.Values{}
	q.Set("client_id", applicationID)
	q.Set("scope", "bot applications.commands")
	q.Set("permissions", strconv.FormatUint(permissionBits(), 10))
	return "https://discord.com/oauth2/authorize?" + q.Encode()
}

// ApplicationID asks Discord for the identifier of the token's application.
func (c Config) ApplicationID(ctx context.Context) (string, error) {
	api, err := c.withDefaults().client()
	if err != nil {
		return "", err
	}
	defer api.http.CloseIdleConnections()
	var app application
	if err := api.call(ctx, http.MethodGet, "/applications/@me", nil, &app); err != nil {
		return "", err
	}
	return app.ID, nil
}

type application struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Flags    uint64         `json:"flags"`
	Installs map[string]any `json:"integration_types_config"` // "0" in servers, "1" for oneself
}

// The application's flags that say whether the message-content intent is on.
const (
	flagContent        = 1 << 18
	flagContentLimited = 1 << 19
)

// Finding is what Probe found of one thing.
type Finding struct {
	Name   string // of what was looked at
	Detail string // what was found
	Fix    string // what to do about it; "" where OK
	OK     bool
}

// Probe looks at whether the bot can work: its token, its intents, its
// permissions in each server. It changes nothing.
func (c Config) Probe(ctx context.Context) []Finding {
	c = c.withDefaults()
	api, err := c.client()
	if err != nil {
		return []Finding{{Name: "discord token", Detail: err.Error(), Fix: "set discord.token or discord.token_file"}}
	}
	defer api.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var app application
	if err := api.call(ctx, http.MethodGet, "/applications/@me", nil, &app); err != nil {
		f := Finding{Name: "discord token", Detail: err.Error(), Fix: "see that discord.com can be reached from here"}
		if e := (*apiError)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
			f.Detail, f.Fix = "Discord refuses the token", "reset it in the developer portal, under Bot, and set the new one"
		}
		return []Finding{f}
	}
	found := []Finding{{Name: "discord token", Detail: "the bot is " + strconv.Quote(app.Name) + ", application " + app.ID, OK: true}}
	found = append(found, c.probeContent(app))
	return append(found, probeGuilds(ctx, api, app.ID)...)
}

func (c Config) probeContent(app application) Finding {
	f := Finding{Name: "discord message-content intent", OK: true}
	on := app.Flags&(flagContent|flagContentLimited) != 0
	switch {
	case c.MessageContent && on:
		f.Detail = "on: voice messages in channels are heard"
	case c.MessageContent:
		f.OK = false
		f.Detail = "discord.message_content is set, but the intent is off: recordings come by /assess, by the message menu, and by direct message only"
		f.Fix = "switch on Message Content Intent in the developer portal, under Bot, or set discord.message_content to false"
	case on:
		f.Detail = "on, but discord.message_content is false: recordings come by /assess, by the message menu, and by direct message only"
	default:
		f.Detail = "off: recordings come by /assess, by the message menu, and by direct message"
	}
	return f
}

// probeGuilds looks at the servers, the first two hundred.
func probeGuilds(ctx context.Context, api *client, app string) []Finding {
	var guilds []struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		Permissions string `json:"permissions"`
	}
	if err := api.call(ctx, http.MethodGet, "/users/@me/guilds?limit=200", nil, &guilds); err != nil {
		return []Finding{{Name: "discord servers", Detail: err.Error(), Fix: "try again later"}}
	}
	if len(guilds) == 0 {
		return []Finding{{
			Name: "discord servers", Detail: "the bot is in no server; direct messages and the app that people install for themselves work",
			Fix: "open " + InviteURL(app), OK: true,
		}}
	}
	var found []Finding
	for _, g := range guilds {
		f := Finding{Name: "discord server " + strconv.Quote(g.Name), Detail: "all permissions are there", OK: true}
		bits, err := strconv.ParseUint(g.Permissions, 10, 64)
		if err != nil {
			continue
		}
		var missing []string
		for _, p := range Permissions() {
			if bits&p.Bit == 0 && bits&permissionAdministrator == 0 {
				missing = append(missing, p.Name+" ("+p.Why+")")
			}
		}
		if len(missing) > 0 {
			f.OK = false
			f.Detail = "missing: " + strings.Join(missing, ", ")
			f.Fix = fmt.Sprintf("give the bot's role these, or open %s and choose the server again", InviteURL(app))
		}
		found = append(found, f)
	}
	return found
}
