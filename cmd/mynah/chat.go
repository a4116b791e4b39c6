package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord"
	"github.com/mynah-coach/mynah/adapters/slack"
	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/bots/card"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/voice"
)

// Shelves that hold what the desk and the adapters keep. What is on a passing
// one goes by itself.
const (
	shelfDesk        = "desk"
	shelfDeskPassing = "desk-passing"
	shelfInstalls    = "slack-installs"
)

const day = 24 * time.Hour

// deadLetterDays is for how long a note is kept that was given up.
const deadLetterDays = 30

// waitsFor is longer than any note waits for its learner.
const waitsFor = bots.Wait + day

// passing is for how long a passing shelf keeps what is on it: longer than a note
// may wait and is known afterwards.
func passing(cfg *config.Config) time.Duration {
	return time.Duration(cfg.Retention.KnownDays)*day + waitsFor
}

// deskOf returns the desk that keeps its books in s.
func deskOf(ctx context.Context, cfg *config.Config, s *store.Store, p parts) (*bots.Desk, error) {
	lasting, err := s.Shelf(ctx, shelfDesk, 0)
	if err != nil {
		return nil, err
	}
	soonGone, err := s.Shelf(ctx, shelfDeskPassing, passing(cfg))
	if err != nil {
		return nil, err
	}
	d := bots.NewDesk(p.queue, p.hold, p.history, lasting, soonGone)
	d.Defaults = coach.Rules{
		Consent: coach.Consent(cfg.Privacy.Consent), MinimumAge: cfg.Privacy.MinimumAge,
		RetentionDays: cfg.Retention.HistoryDays,
		PerMinute:     limit(cfg.Limits.PerMinute), PerDay: limit(cfg.Limits.PerDay),
	}
	d.Facts = prompts.PrivacyFacts{
		WordsElsewhere: elsewhere(cfg.LLM.URL), SpeechElsewhere: elsewhere(cfg.Voice.URL),
		DeadLetterDays: deadLetterDays, Contact: cfg.Privacy.Contact,
	}
	d.Picture = card.Progress
	d.Discard = func(ctx context.Context, id coach.NoteID) error {
		err := s.Drop(ctx, id)
		if errors.Is(err, store.ErrNoDeadLetter) {
			return nil
		}
		return err
	}
	return d, nil
}

// chat opens Discord and Slack, as far as they are set, and the desk that serves
// both; nil where neither is.
func (r *run) chat(ctx context.Context, cfg *config.Config, log *slog.Logger, s *service, p parts, watch *metrics) (*bots.Desk, []coach.Adapter, error) {
	if !cfg.Discord.Enabled() && !cfg.Slack.Enabled() {
		return nil, nil, nil
	}
	desk, err := deskOf(ctx, cfg, s.store, p)
	if err != nil {
		return nil, nil, err
	}
	desk.Log = log
	if cfg.Voice.URL != "" {
		v, err := newVoice(cfg)
		if err != nil {
			return nil, nil, err
		}
		s.onClose(v.Close)
		desk.Voice = watch.voice(v)
	}
	var adapters []coach.Adapter
	if cfg.Discord.Enabled() {
		shelf, err := s.store.Shelf(ctx, string(coach.Discord), passing(cfg))
		if err != nil {
			return nil, nil, err
		}
		a, err := discord.New(r.discordConfig(cfg), watch.desk(coach.Discord, desk), shelf, card.Reply, log)
		if err != nil {
			return nil, nil, err
		}
		adapters = append(adapters, a)
	}
	if cfg.Slack.Enabled() {
		shelf, err := s.store.Shelf(ctx, string(coach.Slack), passing(cfg))
		if err != nil {
			return nil, nil, err
		}
		conf := r.slackConfig(cfg)
		if conf.ClientID != "" {
			if conf.Installs, err = s.store.Shelf(ctx, shelfInstalls, 0); err != nil {
				return nil, nil, err
			}
		}
		a, err := slack.New(conf, watch.desk(coach.Slack, desk), shelf, card.Reply, log)
		if err != nil {
			return nil, nil, err
		}
		adapters = append(adapters, a)
	}
	return desk, adapters, nil
}

func (m *Main) discordConfig(cfg *config.Config) discord.Config {
	return discord.Config{
		Token: cfg.Discord.Token.Reveal(), MessageContent: cfg.Discord.MessageContent,
		MaxBytes: int64(cfg.Audio.MaxBytes), APIURL: m.DiscordURL,
	}
}

func (m *Main) slackConfig(cfg *config.Config) slack.Config {
	c := slack.Config{
		BotToken: cfg.Slack.BotToken.Reveal(), AppToken: cfg.Slack.AppToken.Reveal(), SigningSecret: cfg.Slack.SigningSecret.Reveal(),
		ClientID: cfg.Slack.ClientID, ClientSecret: cfg.Slack.ClientSecret.Reveal(), PublicURL: cfg.Slack.PublicURL,
		MaxBytes: int64(cfg.Audio.MaxBytes), APIURL: m.SlackURL,
	}
	switch {
	case cfg.Slack.Mode == config.SlackHTTP:
		c.Addr = cfg.Slack.Addr
	case cfg.Slack.Listens():
		c.InstallAddr = cfg.Slack.Addr
	}
	return c
}

func newVoice(cfg *config.Config) (*voice.Voice, error) {
	return voice.New(voice.Config{
		URL: cfg.Voice.URL, Model: cfg.Voice.Model, Name: cfg.Voice.Name,
		APIKey: cfg.Voice.APIKey.Reveal(), Timeout: cfg.Voice.Timeout,
	})
}

// elsewhere reports whether a URL is of another machine.
func elsewhere(s string) bool {
	u, err := url.Parse(s)
	return s != "" && (err != nil || !loopback(u.Hostname()))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Of a platform that can't go on.
const (
	settledAfter = time.Minute // it began well if it went on for as long
	retryFirst   = 10 * time.Second
	retryMost    = 10 * time.Minute
)

// listen runs a platform's adapter until ctx ends. One that can't begin is an
// error, for its owner to see at the start; one that once could is tried again,
// for what happens on one platform, such as a token that is taken back, must not
// end the others.
func listen(ctx context.Context, a coach.Adapter, in coach.Inbox, log *slog.Logger) error {
	for began, wait := false, retryFirst; ; wait = min(2*wait, retryMost) {
		start := time.Now()
		err := a.Listen(ctx, in)
		if ctx.Err() != nil {
			return err
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		if time.Since(start) >= settledAfter {
			began, wait = true, retryFirst
		}
		if !began {
			return err
		}
		log.Error("a platform can't go on; it is tried again", "platform", a.Platform(), "after", wait, "error", err)
		if !rest(ctx, wait) {
			return nil
		}
	}
}

// rest waits for d. It is false when ctx ended before.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sweepEvery is how often what has been kept for long enough is dropped.
const sweepEvery = time.Hour

// sweep has the desk do so until ctx ends.
func sweep(ctx context.Context, d interface{ Sweep(context.Context) error }, log *slog.Logger) error {
	for {
		begin := time.Now()
		if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("what was kept for long enough was not all dropped", "error", err)
		}
		log.Debug("swept", "took", time.Since(begin))
		if !rest(ctx, sweepEvery) {
			return nil
		}
	}
}

// explained adds to an adapter's error which setting can mend it, or what tells.
func explained(a coach.Adapter, err error) error {
	switch {
	case err == nil:
		return nil
	case !isAddressTaken(err) && a.Platform() == coach.Playground:
		return err
	case !isAddressTaken(err):
		return fmt.Errorf("%w; `mynah doctor` looks closer", err)
	}
	key := "playground.addr"
	if a.Platform() == coach.Slack {
		key = "slack.addr"
	}
	return fmt.Errorf("%w; stop what listens there, or choose another address: %s", err, key)
}
