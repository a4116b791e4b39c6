package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mynah-coach/mynah/audio"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/scorer/ort"
	"github.com/mynah-coach/mynah/store"
)

type doctorCmd struct {
	JSON bool `help:"Print JSON."`
}

// Help is shown below the command's flags.
func (doctorCmd) Help() string {
	return "Exits with 1 when something is missing that scoring a voice note needs, or a platform that is set up can't be reached with its token."
}

// state is how it stands with one thing that mynah needs or can use.
type state string

const (
	stateOK      state = "ok"
	stateOff     state = "off"     // not asked for
	stateWarning state = "warning" // works, with less
	stateMissing state = "missing" // mynah can't do its job without
)

// finding is what doctor says about one thing.
type finding struct {
	Name   string `json:"name"`
	State  state  `json:"state"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do about it
}

// probeTimeout is the longest that doctor waits for one thing.
const probeTimeout = 5 * time.Second

func (c *doctorCmd) Run(ctx context.Context, r *run) error {
	findings := r.examine(ctx)
	ok := true
	for _, f := range findings {
		ok = ok && f.State != stateMissing
	}
	if err := c.print(r, ok, findings); err != nil {
		return err
	}
	if !ok {
		return exitCode(exitFailure)
	}
	return nil
}

func (c *doctorCmd) print(r *run, ok bool, findings []finding) error {
	if c.JSON {
		enc := json.NewEncoder(r.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(struct {
			OK       bool      `json:"ok"`
			Findings []finding `json:"findings"`
		}{ok, findings})
	}
	t := table{w: r.Stdout, colour: r.colours()}
	colours := map[state]string{stateOK: "34", stateWarning: "33", stateMissing: "31", stateOff: "2"}
	var b strings.Builder
	var rows [][]cell
	for _, f := range findings {
		rows = append(rows, []cell{{string(f.State), colours[f.State], false}, {text: f.Name}, {text: f.Detail}})
		if f.Fix != "" {
			rows = append(rows, []cell{{}, {}, {text: "→ " + f.Fix}})
		}
	}
	t.rows(&b, rows)
	if ok {
		b.WriteString("\nmynah can do its work here.\n")
	} else {
		b.WriteString("\nmynah can't do its work here until what is missing is there.\n")
	}
	_, err := fmt.Fprint(r.Stdout, b.String())
	return err
}

// examine looks at everything. Faults are findings, not errors.
func (r *run) examine(ctx context.Context) []finding {
	cfg, err := r.loadConfig()
	if err != nil {
		var findings []finding
		for line := range strings.SplitSeq(err.Error(), "\n") {
			findings = append(findings, finding{"settings", stateMissing, line, "mend it; `mynah config sample` documents every setting"})
		}
		return findings
	}
	findings := []finding{{Name: "settings", State: stateOK, Detail: "fine"}}
	findings = append(findings, probeRuntime(cfg)...)
	findings = append(findings, probeModel(cfg)) //nolint:contextcheck // loading the model is half a second that cannot be stopped
	findings = append(findings, r.probeDecoder(ctx, cfg)...)
	findings = append(findings,
		probeStore(ctx, cfg),
		probePlayground(ctx, cfg),
		probeEndpoint(ctx, cfg),
		probeVoice(ctx, cfg),
	)
	findings = append(findings, r.probeDiscord(ctx, cfg)...)
	findings = append(findings, r.probeSlack(ctx, cfg)...)
	return append(findings, probeSecrets(cfg)...)
}

func probeRuntime(cfg *config.Config) []finding {
	info, err := ort.Probe(cfg.Scorer.Runtime, ort.Device(cfg.Scorer.Device))
	if err != nil {
		return []finding{{"ONNX Runtime", stateMissing, oneLine(err),
			"`make runtime` fetches it; or name the library's path as scorer.runtime"}}
	}
	findings := []finding{{Name: "ONNX Runtime", State: stateOK, Detail: info.Version + ", " + info.Library}}
	device := finding{Name: "device", State: stateOK, Detail: string(info.Device)}
	if info.Fallback != "" && ort.Device(cfg.Scorer.Device) == ort.CUDA {
		device.State, device.Detail = stateWarning, "CUDA was asked for and can't be used, the CPU does its work: "+info.Fallback
		device.Fix = "`make runtime DEVICE=cuda` fetches the library for NVIDIA GPUs; or set scorer.device to cpu"
	}
	return append(findings, device)
}

func probeModel(cfg *config.Config) finding {
	m, err := openModel(cfg, slog.New(slog.DiscardHandler))
	if errors.Is(err, ort.ErrNoLibrary) {
		return finding{"model", stateWarning, "not tried without ONNX Runtime", ""}
	}
	if err != nil {
		return finding{"model", stateMissing, oneLine(err),
			"empty scorer.model to use the built-in one, or name a folder that training wrote"}
	}
	man := m.Manifest()
	detail := fmt.Sprintf("%s %s, %d phonemes", man.Name, man.Version, len(man.Phonemes))
	if err := m.Close(); err != nil {
		return finding{"model", stateWarning, detail + ", but closing it failed: " + oneLine(err), ""}
	}
	return finding{Name: "model", State: stateOK, Detail: detail}
}

// probeDecoder starts a child, which says what confines it and what it decodes
// with.
func (r *run) probeDecoder(ctx context.Context, cfg *config.Config) []finding {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	decoder, err := r.decoder(cfg)
	var walls audio.Confinement
	if err == nil {
		walls, err = decoder.Confinement(ctx)
	}
	if err != nil {
		return []finding{{"decoder", stateMissing, oneLine(err),
			"mynah starts itself again to decode; let it start programs, and make memory files"}}
	}
	child := finding{Name: "decoder", State: stateOK, Detail: "Ogg/Opus, WebM/Opus and WAV; confined by " + walls.String()}
	if !walls.Full() {
		child.State, child.Fix = stateWarning, "run it on a Linux of 5.13 or later that lets it use landlock and seccomp"
		if walls.Why != "" {
			child.Detail += " (" + walls.Why + ")"
		}
	}
	ffmpeg := finding{Name: "ffmpeg", State: stateOK, Detail: walls.FFmpeg}
	if walls.FFmpeg == "" {
		ffmpeg.State, ffmpeg.Detail = stateWarning, "not found: M4A, MP3, FLAC and others are refused"
		ffmpeg.Fix = "install ffmpeg (Debian: apt install ffmpeg), or name its path as audio.ffmpeg"
	}
	return []finding{child, ffmpeg}
}

func probeStore(ctx context.Context, cfg *config.Config) finding {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if cfg.NATS.URL != "" {
		return probeCluster(ctx, cfg)
	}
	dir := cfg.Data.Dir
	fix := "name a folder that this user can write to as data.dir"
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		parent := filepath.Dir(dir)
		if err := unix.Access(parent, unix.W_OK|unix.X_OK); err != nil {
			return finding{"data", stateMissing, dir + " can't be made: " + err.Error(), fix}
		}
		return finding{Name: "data", State: stateOK, Detail: dir + " will be made"}
	}
	s, err := store.Open(ctx, storeConfig(cfg, slog.New(slog.DiscardHandler)))
	if errors.Is(err, store.ErrInUse) {
		return finding{Name: "data", State: stateOK, Detail: oneLine(err)}
	}
	if err != nil {
		return finding{"data", stateMissing, oneLine(err), fix}
	}
	return pinged(ctx, s, dir, "make room on the disk of data.dir")
}

func probeCluster(ctx context.Context, cfg *config.Config) finding {
	s, err := store.Open(ctx, storeConfig(cfg, slog.New(slog.DiscardHandler)))
	fix := "nats.url must reach servers with JetStream on, and nats.credentials be allowed to make streams"
	if err != nil {
		return finding{"data", stateMissing, oneLine(err), fix}
	}
	return pinged(ctx, s, "NATS cluster", fix)
}

func pinged(ctx context.Context, s *store.Store, what, fix string) finding {
	err := s.Ping(ctx)
	depth := s.Depth()
	if err = errors.Join(err, s.Close()); err != nil {
		return finding{"data", stateMissing, oneLine(err), fix}
	}
	return finding{Name: "data", State: stateOK,
		Detail: fmt.Sprintf("%s: %d notes wait, %d dead letters", what, depth.Ready+depth.Later+depth.Claimed, depth.Dead)}
}

func probePlayground(ctx context.Context, cfg *config.Config) finding {
	if !cfg.Playground.Enabled {
		return finding{Name: "playground", State: stateOff, Detail: "playground.enabled is false"}
	}
	addr := cfg.Playground.Addr
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if isAddressTaken(err) {
		return finding{"playground", stateWarning, addr + " is in use, by a running mynah or another program",
			"stop that, or choose another port: playground.addr"}
	}
	if err != nil {
		return finding{"playground", stateMissing, oneLine(err), "choose an address of this machine: playground.addr"}
	}
	if err := l.Close(); err != nil {
		return finding{"playground", stateWarning, oneLine(err), ""}
	}
	if host, _, _ := net.SplitHostPort(addr); !loopback(host) {
		return finding{"playground", stateWarning, "http://" + addr + " can be reached from other machines, whose browsers give their microphone to https alone",
			"put a proxy that ends TLS before it"}
	}
	return finding{Name: "playground", State: stateOK, Detail: "http://" + addr}
}

// probeEndpoint asks the endpoint for its models.
func probeEndpoint(ctx context.Context, cfg *config.Config) finding {
	if cfg.LLM.URL == "" {
		return finding{Name: "endpoint", State: stateOff, Detail: "llm.url is not set: mynah words the replies itself"}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	endpoint, err := newEndpoint(cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		defer endpoint.Close()
		err = endpoint.Check(ctx)
	}
	if err != nil {
		return finding{"endpoint", stateWarning, oneLine(err) + "; until it answers, mynah words the replies itself",
			"check llm.url, llm.model and the key"}
	}
	return finding{Name: "endpoint", State: stateOK, Detail: cfg.LLM.URL + ", model " + cfg.LLM.Model}
}

// probeVoice has the endpoint read a word aloud.
func probeVoice(ctx context.Context, cfg *config.Config) finding {
	if cfg.Voice.URL == "" {
		return finding{Name: "voice", State: stateOff, Detail: "voice.url is not set: no \"Hear it\" button"}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Voice.Timeout)
	defer cancel()
	v, err := newVoice(cfg)
	kind := ""
	if err == nil {
		defer v.Close()
		kind, err = v.Check(ctx)
	}
	if err != nil {
		return finding{"voice", stateWarning, oneLine(err) + "; until it answers, \"Hear it\" says sorry", "check voice.url, voice.model, voice.name and the key"}
	}
	return finding{Name: "voice", State: stateOK, Detail: fmt.Sprintf("%s, model %s, voice %s, gives %s", cfg.Voice.URL, cfg.Voice.Model, cfg.Voice.Name, kind)}
}

// probeDiscord asks Discord about the bot.
func (r *run) probeDiscord(ctx context.Context, cfg *config.Config) []finding {
	if !cfg.Discord.Enabled() {
		return []finding{{Name: "discord", State: stateOff, Detail: "discord.token is not set; docs/discord.md shows the way"}}
	}
	var findings []finding
	for _, f := range r.discordConfig(cfg).Probe(ctx) {
		findings = append(findings, found(f.Name, f.Detail, f.Fix, f.OK))
	}
	return findings
}

// probeSlack asks Slack about the app.
func (r *run) probeSlack(ctx context.Context, cfg *config.Config) []finding {
	if !cfg.Slack.Enabled() {
		return []finding{{Name: "slack", State: stateOff, Detail: "slack.bot_token is not set; docs/slack.md shows the way"}}
	}
	conf := r.slackConfig(cfg)
	if conf.ClientID != "" {
		shelf, closeStore := installs(ctx, cfg)
		defer closeStore()
		conf.Installs = shelf
	}
	var findings []finding
	for _, f := range conf.Probe(ctx) {
		findings = append(findings, found(f.Name, f.Detail, f.Fix, f.OK))
	}
	return findings
}

// found is what a platform's own probe found. Without the token that was given
// nothing goes, and serve would not start.
func found(name, detail, fix string, ok bool) finding {
	s := stateOK
	switch {
	case ok:
	case strings.HasSuffix(name, " token"):
		s = stateMissing
	default:
		s = stateWarning
	}
	return finding{name, s, detail, fix}
}

// installs opens the shelf of the workspaces that have installed mynah; one that
// can't be read where that is not possible now.
func installs(ctx context.Context, cfg *config.Config) (shelf coach.Shelf, closeStore func()) {
	s, err := store.Open(ctx, storeConfig(cfg, slog.New(slog.DiscardHandler)))
	if err != nil {
		return closedShelf{}, func() {}
	}
	closeStore = func() { _ = s.Close() } // only read from
	shelf, err = s.Shelf(ctx, shelfInstalls, 0)
	if err != nil {
		return closedShelf{}, closeStore
	}
	return shelf, closeStore
}

// closedShelf is a shelf that a running mynah has to itself.
type closedShelf struct{ coach.Shelf }

func (closedShelf) List(context.Context, string) (map[string][]byte, error) {
	return nil, store.ErrInUse
}

// probeSecrets looks at who can read the secrets' files.
func probeSecrets(cfg *config.Config) []finding {
	var findings []finding
	for _, f := range cfg.SecretFiles() {
		info, err := os.Stat(f.Path)
		if err != nil {
			findings = append(findings, finding{f.Key, stateWarning, oneLine(err), "let this user read it"})
			continue
		}
		if mode := info.Mode().Perm(); mode&0o004 != 0 {
			findings = append(findings, finding{f.Key, stateWarning,
				fmt.Sprintf("every user of this machine can read it (mode %04o)", mode), "chmod 600 " + f.Path})
		}
	}
	return findings
}

// oneLine is an error as part of a line.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
