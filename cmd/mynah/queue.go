package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/store"
)

type queueCmd struct {
	Show queueShowCmd `cmd:"" default:"1" help:"Say how many voice notes wait."`
	Dead deadCmd      `cmd:"" help:"Look after those that were given up."`
}

type deadCmd struct {
	List  deadListCmd  `cmd:"" default:"1" help:"List them, oldest first."`
	Retry deadRetryCmd `cmd:"" help:"Try them again."`
	Drop  deadDropCmd  `cmd:"" help:"Forget them and their recordings."`
}

// operator is what an operator can ask of what is stored, in this process or in the
// one that serves.
type operator interface {
	Depth(ctx context.Context) (depth, error)
	Dead(ctx context.Context) ([]deadLetter, error)
	Retry(ctx context.Context, id coach.NoteID) error
	Drop(ctx context.Context, id coach.NoteID) error
	Disputes(ctx context.Context) ([]bots.Dispute, error)
	Close() error
}

// depth counts the voice notes by what they wait for.
type depth struct {
	Ready   int `json:"ready"`   // for a worker
	Later   int `json:"later"`   // for the time of their next try
	Claimed int `json:"claimed"` // being worked on
	Dead    int `json:"dead"`    // given up
}

// deadLetter is a voice note that was given up, without what its learner said.
type deadLetter struct {
	ID       coach.NoteID   `json:"id"`
	Platform coach.Platform `json:"platform"`
	Received time.Time      `json:"received"`
	GivenUp  time.Time      `json:"given_up"`
	Attempts int            `json:"attempts"`
	Answered bool           `json:"answered"` // with an apology: it can't be tried again
	Error    string         `json:"error"`
}

type queueShowCmd struct {
	JSON bool `help:"Print JSON."`
}

func (c *queueShowCmd) Run(ctx context.Context, r *run) error {
	return r.withOperator(ctx, func(op operator) error {
		d, err := op.Depth(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(r.Stdout).Encode(d)
		}
		fmt.Fprintf(r.Stdout, "%5d ready\n%5d wait for their next try, or their learner\n%5d being worked on\n%5d given up (`mynah queue dead`)\n",
			d.Ready, d.Later, d.Claimed, d.Dead)
		return nil
	})
}

type deadListCmd struct {
	JSON bool `help:"Print one JSON object a line."`
}

func (c *deadListCmd) Run(ctx context.Context, r *run) error {
	return r.withOperator(ctx, func(op operator) error {
		letters, err := op.Dead(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(r.Stdout)
			for _, l := range letters {
				if err := enc.Encode(l); err != nil {
					return err
				}
			}
			return nil
		}
		if len(letters) == 0 {
			fmt.Fprintln(r.Stdout, "None was given up.")
			return nil
		}
		for _, l := range letters {
			answered := "not answered"
			if l.Answered {
				answered = "answered with an apology"
			}
			fmt.Fprintf(r.Stdout, "%s\n  received %s, given up %s after %d attempts, %s\n  %s\n", l.ID,
				l.Received.Local().Format(time.DateTime), l.GivenUp.Local().Format(time.DateTime), l.Attempts, answered, l.Error)
		}
		return nil
	})
}

// chosen are the dead letters that a command is about.
type chosen struct {
	ID  []string `arg:"" optional:"" help:"IDs, as listed."`
	All bool     `help:"All of them."`
}

// each calls do for every one chosen, and says how many were done.
func (c *chosen) each(ctx context.Context, r *run, done string, skip func(deadLetter) bool, do func(operator, coach.NoteID) error) error {
	if c.All == (len(c.ID) > 0) {
		return usageError{errors.New("give IDs, as `mynah queue dead` lists them, or --all")}
	}
	return r.withOperator(ctx, func(op operator) error {
		var ids []coach.NoteID
		for _, id := range c.ID {
			ids = append(ids, coach.NoteID(id))
		}
		if c.All {
			letters, err := op.Dead(ctx)
			if err != nil {
				return err
			}
			for _, l := range letters {
				if !skip(l) {
					ids = append(ids, l.ID)
				}
			}
		}
		var failures []error
		for _, id := range ids {
			if err := do(op, id); err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", id, err))
			}
		}
		fmt.Fprintf(r.Stdout, "%d %s\n", len(ids)-len(failures), done)
		return errors.Join(failures...)
	})
}

type deadRetryCmd struct {
	chosen `embed:""`
}

// Help is shown below the command's flags.
func (deadRetryCmd) Help() string {
	return "A note that was answered with an apology has had its one reply and is not tried again."
}

func (c *deadRetryCmd) Run(ctx context.Context, r *run) error {
	return c.each(ctx, r, "will be tried again", func(l deadLetter) bool { return l.Answered },
		func(op operator, id coach.NoteID) error { return op.Retry(ctx, id) })
}

type deadDropCmd struct {
	chosen `embed:""`
}

func (c *deadDropCmd) Run(ctx context.Context, r *run) error {
	return c.each(ctx, r, "dropped", func(deadLetter) bool { return false },
		func(op operator, id coach.NoteID) error { return op.Drop(ctx, id) })
}

// withOperator calls do with what is stored: by the mynah that serves from the
// data directory, else opened here.
func (r *run) withOperator(ctx context.Context, do func(operator) error) (err error) {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, storeConfig(cfg, slog.New(slog.DiscardHandler)))
	var op operator = &direct{cfg, s}
	switch {
	case errors.Is(err, store.ErrInUse):
		op = newRemote(controlPath(cfg))
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, op.Close()) }()
	return do(op)
}

// direct is the operator of a store in this process.
type direct struct {
	config *config.Config
	*store.Store
}

func (d *direct) Depth(context.Context) (depth, error) { return depth(d.Store.Depth()), nil }

func (d *direct) Dead(ctx context.Context) ([]deadLetter, error) {
	letters, err := d.DeadLetters(ctx)
	list := make([]deadLetter, len(letters))
	for i, l := range letters {
		list[i] = deadLetter{
			ID: l.Task.Note.ID, Platform: l.Task.Note.Platform, Received: l.Task.Note.Received,
			GivenUp: l.At, Attempts: l.Task.Attempt, Answered: l.Task.Posted, Error: l.Task.LastError,
		}
	}
	return list, err
}

func (d *direct) Retry(ctx context.Context, id coach.NoteID) error { return d.Revive(ctx, id) }

func (d *direct) Disputes(ctx context.Context) ([]bots.Dispute, error) {
	desk, err := deskOf(ctx, d.config, d.Store, parts{queue: d.Store, hold: d.Store, history: d.Store})
	if err != nil {
		return nil, err
	}
	return desk.Disputes(ctx, "")
}
