package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord"
	"github.com/mynah-coach/mynah/adapters/slack"
	"github.com/mynah-coach/mynah/config"
)

type discordCmd struct {
	Invite discordInviteCmd `cmd:"" help:"Print the link that adds mynah to a server."`
}

type discordInviteCmd struct {
	Application string `placeholder:"ID" help:"The application's ID, from General Information in the developer portal; else Discord is asked with the token of the settings."`
}

// Help is shown below the command's flags.
func (discordInviteCmd) Help() string {
	perms := "The link asks for these permissions, and no more:\n"
	for _, p := range discord.Permissions() {
		perms += fmt.Sprintf("\n  * %s: %s", p.Name, p.Why)
	}
	return perms + "\n\nOpen it as somebody who may manage the server. docs/discord.md shows the whole way."
}

func (c *discordInviteCmd) Run(ctx context.Context, r *run) error {
	id := c.Application
	if id == "" {
		cfg, err := r.config()
		if err != nil {
			return err
		}
		if !cfg.Discord.Enabled() {
			return usageError{errors.New("there is no token to find the application by: set discord.token_file, or give --application ID")}
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if id, err = r.discordConfig(cfg).ApplicationID(ctx); err != nil {
			return fmt.Errorf("%w; check discord.token, or give --application ID", err)
		}
	}
	if !isSnowflake(id) {
		return usageError{errors.New("an application's ID is a number of 17 to 20 digits")}
	}
	fmt.Fprintln(r.Stdout, discord.InviteURL(id))
	return nil
}

// isSnowflake reports whether s looks like an ID of Discord's.
func isSnowflake(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) >= 17 && len(s) <= 20
}

type slackCmd struct {
	Manifest slackManifestCmd `cmd:"" help:"Print the manifest to make the Slack app from."`
}

type slackManifestCmd struct {
	HTTP bool   `name:"http" help:"For an app that Slack calls over HTTP, instead of Socket Mode. As slack.mode says when left out."`
	URL  string `name:"url" placeholder:"URL" help:"Where Slack reaches mynah by https; as slack.public_url says when left out."`
}

// Help is shown below the command's flags.
func (slackManifestCmd) Help() string {
	return "Paste it at https://api.slack.com/apps, under Create New App, From a manifest. docs/slack.md shows the whole way and explains each scope."
}

func (c *slackManifestCmd) Run(r *run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	if c.URL == "" {
		c.URL = cfg.Slack.PublicURL
	}
	manifest, err := slack.Manifest(!c.HTTP && cfg.Slack.Mode == config.SlackSocket, c.URL)
	if err != nil {
		return usageError{fmt.Errorf("%w; give --url, or set slack.public_url", err)}
	}
	_, err = r.Stdout.Write(manifest)
	return err
}
