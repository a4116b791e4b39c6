// Package slack is the adapter for Slack workspaces: a colleague records an
// audio clip where mynah is, and is coached in the thread below it, or alone
// where they or their workspace prefer that.
//
// Events come over Socket Mode, for which no public address is needed, or over
// HTTP (the Events API). Either way an event is acknowledged only after what it
// says is durable; Slack sends it again otherwise, and every message, however
// often and under whatever name it comes (message, app_mention, file_shared), is
// one note.
//
// What the adapter keeps is on a coach.Shelf: which reply was posted where, which
// message is a practice prompt, which file belongs to which note. Nothing of it
// is a recording or a transcript.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/download"
)

// Config holds the tokens and the options.
type Config struct {
	// BotToken (xoxb-) is of the one workspace that mynah serves. Empty where
	// workspaces install mynah themselves, by ClientID and ClientSecret.
	BotToken string
	// AppToken (xapp-, with connections:write) opens Socket Mode.
	AppToken string
	// Addr to listen on for the Events API over HTTP, behind a proxy that speaks
	// https. Empty is Socket Mode.
	Addr string
	// SigningSecret proves that what comes over HTTP is Slack's.
	SigningSecret string

	// ClientID and ClientSecret let workspaces install mynah: at /slack/install.
	ClientID     string
	ClientSecret string
	// PublicURL is where Slack and browsers reach Addr or InstallAddr by https.
	PublicURL string
	// InstallAddr serves the pages of the installation in Socket Mode. Over HTTP
	// they are served at Addr.
	InstallAddr string
	// Installs keeps the tokens of workspaces that installed mynah. Its values
	// must not go by themselves. It is needed with ClientID.
	Installs coach.Shelf

	// MaxBytes of a recording, 25 MiB where 0.
	MaxBytes int64
	// APIURL is Slack's, "https://slack.com/api/", where empty. Files are fetched
	// from Slack's file hosts alone, and from this URL's host where it is set.
	APIURL string
	// Ready is called with the address of the HTTP server, once it listens.
	Ready func(addr string)
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = 25 << 20
	}
	return c
}

func (c Config) apiURL() string {
	if c.APIURL == "" {
		return "https://slack.com/api/"
	}
	return c.APIURL
}

// overHTTP reports whether events come to Addr.
func (c Config) overHTTP() bool { return c.Addr != "" }

// installable reports whether workspaces install mynah themselves.
func (c Config) installable() bool { return c.ClientID != "" }

func (c Config) validate() error {
	switch {
	case c.BotToken == "" && !c.installable():
		return errors.New("slack: a bot token is needed, or a client ID and client secret")
	case c.installable() && c.ClientSecret == "":
		return errors.New("slack: the client ID needs its client secret")
	case c.installable() && c.Installs == nil:
		return errors.New("slack: installations need a shelf that keeps them")
	case c.installable() && c.PublicURL == "":
		return errors.New("slack: installations need the public URL, to which browsers are sent back")
	case c.overHTTP() && c.SigningSecret == "":
		return errors.New("slack: the Events API needs the signing secret")
	case !c.overHTTP() && c.AppToken == "":
		return errors.New("slack: Socket Mode needs an app-level token")
	}
	return nil
}

// Slack is the adapter. Make one with New.
type Slack struct {
	cfg   Config
	desk  coach.Desk
	shelf coach.Shelf
	card  func(coach.Reply) (*coach.Picture, error)
	log   *slog.Logger

	http    *http.Client // Slack's API
	files   *download.Client
	standIn *url.URL // Config.standIn's
	gates   *gates
	admins  *memo[bool]

	mu       sync.Mutex
	sessions map[string]*session // by team
	lacking  map[string]time.Time
}

var (
	_ coach.Adapter   = (*Slack)(nil)
	_ coach.Indicator = (*Slack)(nil)
)

// New returns the adapter. It keeps its books on shelf, which all machines of
// the service share; card draws the picture of a reply, nil draws none.
func New(cfg Config, desk coach.Desk, shelf coach.Shelf, card func(coach.Reply) (*coach.Picture, error), log *slog.Logger) (*Slack, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	standIn, err := cfg.standIn()
	if err != nil {
		return nil, err
	}
	return &Slack{
		cfg:      cfg,
		desk:     desk,
		shelf:    shelf,
		card:     card,
		log:      log.With("platform", coach.Slack),
		http:     &http.Client{Transport: newAPITransport(), Timeout: apiTimeout},
		files:    download.New(download.Config{Hosts: fileHosts, MaxBytes: cfg.MaxBytes, StandIn: standIn}),
		standIn:  standIn,
		gates:    newGates(),
		admins:   newMemo[bool](10 * time.Minute),
		sessions: map[string]*session{},
		lacking:  map[string]time.Time{},
	}, nil
}

// apiTimeout bounds one call of Slack's API.
const apiTimeout = 20 * time.Second

// newAPITransport is the default one with connections enough for a busy
// workspace, which would otherwise be opened anew for nearly every call.
func newAPITransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = apiTimeout
	return t
}

// Platform implements coach.Adapter.
func (s *Slack) Platform() coach.Platform { return coach.Slack }

// Listen implements coach.Adapter: by Socket Mode, or by HTTP where Addr is set.
func (s *Slack) Listen(ctx context.Context, in coach.Inbox) error {
	if s.cfg.BotToken != "" {
		if err := s.greet(ctx); err != nil {
			return err
		}
	}
	l := &listener{Slack: s, in: in, room: make(chan struct{}, maxConcurrent)}
	defer s.files.CloseIdleConnections()
	defer s.http.CloseIdleConnections()
	defer l.work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.cfg.overHTTP() {
		return l.serve(ctx, s.cfg.Addr, l.routes(ctx))
	}
	if s.cfg.InstallAddr == "" {
		return l.socket(ctx)
	}
	pages := make(chan error, 1)
	go func() {
		defer cancel()
		pages <- l.serve(ctx, s.cfg.InstallAddr, l.installRoutes())
	}()
	err := l.socket(ctx)
	cancel()
	return errors.Join(err, <-pages)
}

// greet learns who mynah is in its one workspace, so that a wrong token ends
// Listen with a word on it instead of failing every event. A Slack that can't be
// reached now is no reason to end.
func (s *Slack) greet(ctx context.Context) error {
	me, err := s.introduce(ctx, install{Token: s.cfg.BotToken})
	if badToken(err) {
		return fmt.Errorf("slack: the bot token is refused: %w", err)
	}
	if err != nil {
		s.log.Warn("slack can't be reached yet", "error", err)
	} else {
		s.log.Info("connected to the workspace", "team", me.Team, "enterprise", me.Enterprise, "bot_user", me.BotUser)
	}
	return nil
}

// maxConcurrent is how many deliveries are worked on at a time; more wait for
// Slack's own retries or their turn.
const maxConcurrent = 64

// listener is one Listen: where its notes go, and what is at work for it.
type listener struct {
	*Slack
	in   coach.Inbox
	room chan struct{}
	work sync.WaitGroup
}

// start runs f by itself under ctx, when there is room. It returns false when
// wait ended before there was. Listen waits for what was started.
func (l *listener) start(wait, ctx context.Context, f func(ctx context.Context)) bool {
	if !l.enter(wait) {
		return false
	}
	l.work.Go(func() { l.inside(ctx, f) })
	return true
}

// enter takes room, unless wait ends before there is any.
func (l *listener) enter(wait context.Context) bool {
	select {
	case l.room <- struct{}{}:
		return true
	case <-wait.Done():
		return false
	}
}

// inside runs f and gives the room back.
func (l *listener) inside(ctx context.Context, f func(ctx context.Context)) {
	defer func() { <-l.room }()
	defer func() {
		if r := recover(); r != nil {
			l.log.Error("a delivery made us panic", "panic", fmt.Sprintf("%T", r))
		}
	}()
	f(ctx)
}
