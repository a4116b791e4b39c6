// Package discord is the adapter for Discord: a learner posts a voice message
// where mynah listens, or gives it a recording by command, and is answered in a
// thread on that message, in the channel where there can be no thread, or alone.
//
// The gateway is discordgo's, watched from outside (gateway.go); what comes out
// of it is read here from the raw events, for a payload that a library does not
// expect must cost one event at most. Requests go through one client of our own
// (client.go) over one transport that knows Discord's rate limits (limits.go),
// which discordgo uses too.
//
// Discord acknowledges nothing: what a message was to us is settled when its
// note is accepted, and until then the low-water mark of its server stays below
// it (mark.go), so that the next start, or the next session, finds it again.
//
// What is kept on the shelf, all of it of use for days at most:
//
//	seen.<guild>, seen.dm-<channel>   the low-water mark: older messages are settled
//	alive                             when the gateway was last heard
//	note.<note>                       that a message became a note; an interaction's token, while it lives
//	post.<note>.<kind>                where a reply was meant to go, and the message that it became
//	prompt.<message>                  the sentence that a message of ours, or a note, is about, and whose that is
//	asked.<interaction>               that somebody is answering it
package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/download"
)

// Config holds what an operator sets.
type Config struct {
	// Token of the bot, without "Bot " before it.
	Token string
	// APIURL is where a stand-in of Discord on this machine answers, for tests:
	// API and recordings are taken from there. Empty is Discord itself.
	APIURL string
	// MessageContent says that the bot has the privileged message-content intent.
	// Without it recordings come by command, message menu and direct message.
	MessageContent bool
	// MaxBytes of a recording; 32 MiB where 0.
	MaxBytes int64
	// CatchUp is how old a note may be that was posted while mynah was away and is
	// answered at its start; 3 days where 0.
	CatchUp time.Duration
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = 32 << 20
	}
	if c.CatchUp == 0 {
		c.CatchUp = 3 * 24 * time.Hour
	}
	c.Token = strings.TrimPrefix(strings.TrimSpace(c.Token), "Bot ")
	return c
}

// Discord is the adapter. Make one with New.
type Discord struct {
	cfg   Config
	desk  coach.Desk
	shelf coach.Shelf
	card  func(coach.Reply) (*coach.Picture, error)
	log   *slog.Logger

	api *client
	cdn *download.Client

	self     self
	channels places // channels looked up
	dms      places // direct messages opened, by user

	gateway gatewayTimes
	// settled is called when a message's handling has ended, with the error that
	// leaves it unsettled; tests wait for it.
	settled func(message string, err error)
}

var (
	_ coach.Adapter   = (*Discord)(nil)
	_ coach.Indicator = (*Discord)(nil)
)

// New returns the adapter. Commands, buttons and forms go to desk; what the
// adapter must remember is kept on shelf; card draws a reply's picture (nil:
// there are none). It asks nothing of Discord yet.
func New(cfg Config, desk coach.Desk, shelf coach.Shelf,
	card func(coach.Reply) (*coach.Picture, error), log *slog.Logger,
) (*Discord, error) {
	cfg = cfg.withDefaults()
	api, err := cfg.client()
	if err != nil {
		return nil, err
	}
	cdn, err := cfg.downloads()
	if err != nil {
		return nil, err
	}
	return &Discord{
		cfg: cfg, desk: desk, shelf: shelf, card: card, log: log.With("platform", coach.Discord),
		api: api, cdn: cdn,
		gateway: defaultGatewayTimes(),
		settled: func(string, error) {},
	}, nil
}

// Platform implements coach.Adapter.
func (d *Discord) Platform() coach.Platform { return coach.Discord }

// errToken says what is wrong without a token.
var errToken = errors.New("discord: there is no bot token; the page docs/discord.md says where to get one")

// standIn parses APIURL, nil where it is Discord itself. Only this machine can
// be a stand-in: a token must not go elsewhere by a slip of the pen.
func (c Config) standIn() (*url.URL, error) {
	if c.APIURL == "" {
		return nil, nil
	}
	u, err := url.Parse(c.APIURL)
	if err != nil {
		return nil, errors.New("discord: the API's URL can't be read")
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("discord: the API's URL names %q; only a stand-in on this machine can take Discord's place", u.Hostname())
	}
	return u, nil
}

// self is who we are on Discord, asked for once.
type self struct {
	mu   sync.Mutex
	user string
}

// userID is the bot's own user.
func (d *Discord) userID(ctx context.Context) (string, error) {
	d.self.mu.Lock()
	defer d.self.mu.Unlock()
	if d.self.user == "" {
		var me user
		if err := d.api.call(ctx, http.MethodGet, "/users/@me", nil, &me); err != nil {
			return "", err
		}
		if me.ID == "" {
			return "", errors.New("discord: no answer to who we are")
		}
		d.self.user = me.ID
	}
	return d.self.user, nil
}
