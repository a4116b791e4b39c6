package discord

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// Our own commands, beside the desk's menu.
const (
	commandAssessTyped = "assess"
	commandAssess      = "Assess pronunciation" // in a message's menu
	optionAudio        = "audio"
	optionSentence     = "sentence"
	maxSentence        = 600
)

// command is one that is registered with Discord. What is not here is Discord's
// own, or its default.
type command struct {
	Name        string          `json:"name"`
	Type        int             `json:"type"`
	Description string          `json:"description"`
	Options     []commandOption `json:"options,omitempty"`
	// Members are the permissions that Discord asks of whoever it shows the
	// command to, as a decimal; nil is nothing.
	Members *string `json:"default_member_permissions"`
	Types   []int   `json:"integration_types"` // 0 for a server, 1 for oneself
	Where   []int   `json:"contexts"`          // 0 servers, 1 direct messages with us, 2 elsewhere
}

type commandOption struct {
	Name        string          `json:"name"`
	Type        int             `json:"type"`
	Description string          `json:"description"`
	Required    bool            `json:"required,omitempty"`
	Choices     []commandChoice `json:"choices,omitempty"`
	MaxLength   int             `json:"max_length,omitempty"`
}

type commandChoice struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	optionString     = 3
	optionAttachment = 11
)

// commands are all that are registered: the desk's menu, and ours.
// People can install us for themselves only where the portal says so.
func commands(menu []coach.Entry, forOneself bool) []command {
	everywhere := func(c command) command {
		c.Types, c.Where = []int{0}, []int{0, 1}
		if forOneself {
			c.Types, c.Where = []int{0, 1}, []int{0, 1, 2}
		}
		return c
	}
	all := []command{
		everywhere(command{
			Name: commandAssessTyped, Type: commandTyped, Description: "Score a recording of your voice",
			Options: []commandOption{
				{Name: optionAudio, Type: optionAttachment, Description: "The recording", Required: true},
				{Name: optionSentence, Type: optionString, Description: "What you read aloud", MaxLength: maxSentence},
			},
		}),
		everywhere(command{Name: commandAssess, Type: commandMessage}),
	}
	for _, e := range menu {
		c := command{Name: string(e.Action), Type: commandTyped, Description: label(e.Description, 100)}
		for _, p := range e.Parameters {
			o := commandOption{Name: p.Name, Type: optionString, Description: label(p.Description, 100)}
			for _, v := range p.Options[:min(len(p.Options), maxOptions)] {
				o.Choices = append(o.Choices, commandChoice{Name: label(v.Label, 100), Value: v.Value})
			}
			c.Options = append(c.Options, o)
		}
		if e.Admin {
			manage := strconv.Itoa(permissionManageGuild)
			c.Members, c.Types, c.Where = &manage, []int{0}, []int{0}
		} else {
			c = everywhere(c)
		}
		all = append(all, c)
	}
	byName(all)
	return all
}

func byName(all []command) {
	slices.SortFunc(all, func(a, b command) int {
		if a.Type != b.Type {
			return a.Type - b.Type
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// register tells Discord our commands, if they are not what it knows already.
func (d *Discord) register(ctx context.Context) error {
	var app application
	if err := d.api.call(ctx, http.MethodGet, "/applications/@me", nil, &app); err != nil {
		return err
	}
	if !isSnowflake(app.ID) {
		return errors.New("discord: no answer to which application we are")
	}
	var known []command
	path := "/applications/" + app.ID + "/commands"
	if err := d.api.call(ctx, http.MethodGet, path, nil, &known); err != nil {
		return err
	}
	for i := range known {
		slices.Sort(known[i].Types)
		slices.Sort(known[i].Where)
	}
	byName(known)
	_, forOneself := app.Installs["1"]
	ours := commands(d.desk.Menu(), forOneself || app.Installs == nil)
	if reflect.DeepEqual(known, ours) {
		return nil
	}
	d.log.Info("registering commands", "commands", len(ours))
	return d.api.call(ctx, http.MethodPut, path, ours, nil)
}
