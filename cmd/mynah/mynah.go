package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mynah-coach/mynah/config"
)

// What the program exits with.
const (
	exitOK      = 0
	exitFailure = 1 // something here failed
	exitUsage   = 2 // the command line or the settings are wrong
	exitRefused = 3 // a recording was refused: the learner can mend it
)

const description = `Coaches spoken English: learners send voice notes, mynah answers with what was clear and how to mend the one or two sounds that matter.

Settings come from the file of --config, then the environment (llm.url is MYNAH_LLM_URL), then --set; "mynah config sample" documents them all.

Exit codes: 0 done; 1 something failed; 2 the command line or the settings are wrong; 3 a recording was refused.`

// Main is the program. Tests start the same one as the shell does.
type Main struct {
	Args   []string // without the program's name
	Env    []string // "NAME=value"
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	// Executable is the program that is started to decode recordings; empty is
	// the running one.
	Executable string
	// DiscordURL and SlackURL are of stand-ins on this machine, for tests; empty
	// are Discord and Slack themselves.
	DiscordURL, SlackURL string
	// Serving is called with the playground's address once all that serve
	// starts is up; "" where the playground is off.
	Serving func(url string)
}

// NewMain returns the program for one run.
func NewMain(args, env []string, stdin io.Reader, stdout, stderr io.Writer) *Main {
	return &Main{Args: args, Env: env, Stdin: stdin, Stdout: stdout, Stderr: stderr}
}

// cli is the command line.
type cli struct {
	Config string   `placeholder:"FILE" help:"Settings file (or MYNAH_CONFIG)."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"One setting, over the file and the environment. Repeatable."`

	Serve    serveCmd    `cmd:"" help:"Answer voice notes, until a signal."`
	Assess   assessCmd   `cmd:"" help:"Score recordings."`
	Settings settingsCmd `cmd:"" name:"config" help:"Check, show or begin a settings file."`
	Doctor   doctorCmd   `cmd:"" help:"Say what is found, what is missing and how to get it."`
	Eval     evalCmd     `cmd:"" help:"Measure the labels against experts'."`
	Discord  discordCmd  `cmd:"" help:"Add mynah to a Discord server."`
	Slack    slackCmd    `cmd:"" help:"Make the Slack app."`
	Queue    queueCmd    `cmd:"" help:"Look after voice notes that wait or were given up."`
	Disputes disputesCmd `cmd:"" help:"List what learners said is wrong."`
	Version  versionCmd  `cmd:"" help:"Say what this is built from and runs on."`
}

// exitCode is an error that only ends the program, all that is to be said
// having been said.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a fault of the command line or the settings.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Run runs the command in m.Args and returns what the program exits with. It
// ends within five seconds of ctx.
func (m *Main) Run(ctx context.Context) (code int) {
	var c cli
	parser, err := m.parser(&c)
	if err != nil {
		return m.exit(err)
	}
	defer func() { // kong ends the program from within for --help
		if r := recover(); r != nil {
			early, ok := r.(exitCode)
			if !ok {
				panic(r)
			}
			code = int(early)
		}
	}()
	command, err := parser.Parse(m.Args)
	if err != nil {
		var parse *kong.ParseError
		if errors.As(err, &parse) {
			fmt.Fprintf(m.Stderr, "mynah: %v\n\n`%s --help` explains.\n", err, strings.TrimSpace(commandPath(parse)))
			return exitUsage
		}
		return m.exit(err)
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return m.exit(command.Run(&run{Main: m, cli: &c}))
}

func (m *Main) parser(c *cli) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("mynah"),
		kong.Description(description),
		kong.Writers(m.Stdout, m.Stderr),
		kong.Exit(func(code int) { panic(exitCode(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, NoExpandSubcommands: true}),
	)
}

// commandPath names the command that a fault of the command line is in.
func commandPath(err *kong.ParseError) string {
	path := "mynah"
	if err.Context != nil {
		for _, step := range err.Context.Path {
			if step.Command != nil {
				path += " " + step.Command.Name
			}
		}
	}
	return path
}

// exit says what went wrong and returns the exit code for it.
func (m *Main) exit(err error) int {
	var code exitCode
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(m.Stderr, "mynah: interrupted")
		return exitFailure
	case errors.As(err, &usage):
		fmt.Fprintf(m.Stderr, "mynah: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(m.Stderr, "mynah: %v\n", err)
		return exitFailure
	}
}

// run is one run of a command: the program and its parsed command line.
type run struct {
	*Main
	cli *cli
}

// getenv returns a variable of the environment, "" where it isn't set.
func (m *Main) getenv(name string) string {
	value := ""
	for _, e := range m.Env { // the last one counts, as for a shell
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// config loads the settings. An error is the usage's.
func (r *run) config() (*config.Config, error) {
	c, err := r.loadConfig()
	if err != nil {
		return nil, usageError{fmt.Errorf("the settings are wrong:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))}
	}
	return c, nil
}

func (r *run) loadConfig() (*config.Config, error) {
	path := r.cli.Config
	if path == "" {
		path = r.getenv(config.EnvFile)
	}
	return config.Load(path, r.Env, r.cli.Set)
}

// logger returns the log that the settings ask for, on standard error.
func (r *run) logger(c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // config knows only slog's names
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would have bare nanoseconds
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(r.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(r.Stderr, options))
}

// executable returns the program to start for decoding.
func (m *Main) executable() (string, error) {
	if m.Executable != "" {
		return m.Executable, nil
	}
	return os.Executable()
}
