package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
)

// flaky is an adapter that ends by itself, after a time each.
type flaky struct {
	coach.Adapter
	lives []time.Duration // the last one is its for ever
	began int
}

var errFlaky = errors.New("the token was taken back")

func (a *flaky) Platform() coach.Platform { return "flaky" }

func (a *flaky) Listen(ctx context.Context, _ coach.Inbox) error {
	life := a.lives[min(a.began, len(a.lives)-1)]
	a.began++
	select {
	case <-time.After(life):
		return errFlaky
	case <-ctx.Done():
		return nil
	}
}

func TestListen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lives []time.Duration
		until time.Duration
		began int
		fails bool
	}{
		{"an adapter that can't begin ends at once", []time.Duration{time.Second}, time.Hour, 1, true},
		{"one that could is tried again", []time.Duration{2 * time.Minute, time.Second, 2 * time.Hour}, time.Hour, 3, false},
		{"ever more seldom", []time.Duration{2 * time.Minute, 0}, time.Hour, 11, false}, // after 10 s, 20 s, ... 10 min
		{"one that runs is left alone", []time.Duration{100 * time.Hour}, 10 * time.Hour, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.until)
				defer cancel()
				a := &flaky{lives: tt.lives}
				err := listen(ctx, a, nil, slog.New(slog.DiscardHandler))
				if a.began != tt.began || (err != nil) != tt.fails || tt.fails && !errors.Is(err, errFlaky) {
					t.Errorf("began %d times, %v; want %d", a.began, err, tt.began)
				}
				if !tt.fails && ctx.Err() == nil {
					t.Error("ended before it was told to")
				}
			})
		})
	}
}

type sweeper func() error

func (f sweeper) Sweep(context.Context) error { return f() }

func TestSweepGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour+time.Minute)
		defer cancel()
		n := 0
		var log buffer
		err := sweep(ctx, sweeper(func() error {
			if n++; n == 2 {
				return errors.New("the shelf failed")
			}
			return nil
		}), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || n != 6 {
			t.Errorf("swept %d times in five hours, %v", n, err)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestElsewhere(t *testing.T) {
	for url, want := range map[string]bool{
		"": false, "http://127.0.0.1:8000/v1": false, "http://localhost/v1": false, "http://[::1]:1/v1": false,
		"https://api.example/v1": true, "http://10.0.0.2:8000/v1": true, "http://localhost.example/": true,
	} {
		if got := elsewhere(url); got != want {
			t.Errorf("%q: %v", url, got)
		}
	}
}

func TestSlackConfig(t *testing.T) {
	m := &Main{}
	for _, tt := range []struct {
		name               string
		set                []string
		addr, installsAddr string
	}{
		{"socket mode listens nowhere", []string{"slack.bot_token=xoxb-1", "slack.app_token=xapp-1"}, "", ""},
		{"http mode listens for events", []string{"slack.bot_token=xoxb-1", "slack.mode=http", "slack.signing_secret=s"}, "127.0.0.1:8081", ""},
		{"installations need a page in socket mode", []string{"slack.client_id=1", "slack.client_secret=s", "slack.app_token=xapp-1", "slack.public_url=https://m.example"}, "", "127.0.0.1:8081"},
		{"and share that of events", []string{"slack.client_id=1", "slack.client_secret=s", "slack.mode=http", "slack.signing_secret=s", "slack.public_url=https://m.example"}, "127.0.0.1:8081", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Load("", nil, tt.set)
			if err != nil {
				t.Fatal(err)
			}
			c := m.slackConfig(cfg)
			if c.Addr != tt.addr || c.InstallAddr != tt.installsAddr {
				t.Errorf("events at %q, installations at %q", c.Addr, c.InstallAddr)
			}
		})
	}
}
