package main

import (
	"fmt"
	"io"

	"github.com/mynah-coach/mynah/config"
)

type settingsCmd struct {
	Check  settingsCheckCmd  `cmd:"" help:"Read the settings and say what is wrong with them."`
	Show   settingsShowCmd   `cmd:"" help:"Print the settings in force and where each was set."`
	Sample settingsSampleCmd `cmd:"" help:"Print a documented settings file to start from."`
}

type settingsCheckCmd struct{}

func (settingsCheckCmd) Run(r *run) error {
	if _, err := r.config(); err != nil {
		return err
	}
	fmt.Fprintln(r.Stdout, "The settings are fine.")
	return nil
}

type settingsShowCmd struct{}

func (settingsShowCmd) Run(r *run) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	return c.Write(r.Stdout)
}

type settingsSampleCmd struct{}

func (settingsSampleCmd) Run(r *run) error {
	_, err := io.WriteString(r.Stdout, config.Sample())
	return err
}
