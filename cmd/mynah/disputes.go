package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/bots"
)

type disputesCmd struct {
	JSON bool `help:"Print one JSON object a line."`
}

// Help is shown below the command's flags.
func (disputesCmd) Help() string {
	return "Each is a learner's press of \"That's wrong\": what was claimed, of which sound or aspect, how sure the model was. Who said it is not in it. They show where the model errs."
}

func (c *disputesCmd) Run(ctx context.Context, r *run) error {
	return r.withOperator(ctx, func(op operator) error {
		list, err := op.Disputes(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(r.Stdout)
			for _, d := range list {
				if err := enc.Encode(d); err != nil {
					return err
				}
			}
			return nil
		}
		if len(list) == 0 {
			fmt.Fprintln(r.Stdout, "Nobody has said that something was wrong.")
			return nil
		}
		for _, d := range list {
			fmt.Fprintf(r.Stdout, "%s  %s\n  %s\n", d.At.Local().Format(time.DateTime), d.Note, disputed(d))
		}
		return nil
	})
}

// disputed says in a line what a dispute is about.
func disputed(d bots.Dispute) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if d.Kind == "" {
		add("something else than a claim")
	} else {
		add("a %s", d.Kind)
	}
	if d.Aspect != "" {
		add("of %s", d.Aspect)
	}
	if d.Expected != "" {
		add("/%s/", d.Expected)
	}
	if d.Heard != "" {
		add("heard as %s", d.Heard)
	}
	if s := d.Label.String(); s != "" {
		add("called %s (%.0f%% sure)", s, 100*d.Confidence)
	}
	if d.Model != "" {
		add("by %s", d.Model)
	}
	return strings.Join(parts, ", ")
}
