// Package config reads mynah's settings: defaults, then a YAML file, then the
// environment, then the command line, each over the one before.
//
// Every option has a key ("llm.url"), which is also its place in the file, and
// a variable of the environment ("MYNAH_LLM_URL"). mynah.sample.yaml documents
// them all.
package config

import (
	_ "embed"
	"fmt"
	"time"
)

// Config holds every option, grouped as in the file.
type Config struct {
	Data       Data       `koanf:"data"`
	NATS       NATS       `koanf:"nats"`
	Playground Playground `koanf:"playground"`
	Discord    Discord    `koanf:"discord"`
	Slack      Slack      `koanf:"slack"`
	Scorer     Scorer     `koanf:"scorer"`
	Audio      Audio      `koanf:"audio"`
	LLM        LLM        `koanf:"llm"`
	Voice      Voice      `koanf:"voice"`
	Privacy    Privacy    `koanf:"privacy"`
	Limits     Limits     `koanf:"limits"`
	Retention  Retention  `koanf:"retention"`
	Log        Log        `koanf:"log"`
	Metrics    Metrics    `koanf:"metrics"`

	origins map[string]string // by key, of what isn't the default
}

// Data says where mynah keeps its own files.
type Data struct {
	Dir string `koanf:"dir"` // created with mode 0700; one mynah at a time
}

// NATS names an existing cluster to keep queue, audio and history in, instead
// of the embedded server in Data.Dir.
type NATS struct {
	URL         string `koanf:"url"`         // one or several, comma-separated; "" is the embedded server
	Credentials string `koanf:"credentials"` // path of a .creds file
	CA          string `koanf:"ca"`          // path of a PEM file with the authorities to trust
	Replicas    int    `koanf:"replicas"`    // 1, 3 or 5
	Prefix      string `koanf:"prefix"`      // of every stream and bucket
}

// Playground is the web page.
type Playground struct {
	Enabled      bool     `koanf:"enabled"`
	Addr         string   `koanf:"addr"`          // host:port
	AllowedHosts []string `koanf:"allowed_hosts"` // names it may be reached by, besides Addr's and loopback's
	HTTPS        bool     `koanf:"https"`         // browsers reach it by https, through a proxy
}

// Discord is the bot on Discord servers, on where there is a token.
type Discord struct {
	Token          Secret `koanf:"token"`
	TokenFile      string `koanf:"token_file"`      // read into Token
	MessageContent bool   `koanf:"message_content"` // the privileged intent of that name is granted to it
}

// Enabled reports whether Discord is served.
func (d Discord) Enabled() bool { return d.Token != "" }

// Slack is the app in Slack workspaces: in one of them, with BotToken, or in any
// that installs it, with ClientID and ClientSecret.
type Slack struct {
	BotToken          Secret `koanf:"bot_token"`
	BotTokenFile      string `koanf:"bot_token_file"`
	Mode              string `koanf:"mode"` // socket or http
	AppToken          Secret `koanf:"app_token"`
	AppTokenFile      string `koanf:"app_token_file"`
	SigningSecret     Secret `koanf:"signing_secret"`
	SigningSecretFile string `koanf:"signing_secret_file"`
	Addr              string `koanf:"addr"`       // host:port that Slack's events, or installations, come to
	PublicURL         string `koanf:"public_url"` // where the proxy before Addr is reached by https
	ClientID          string `koanf:"client_id"`
	ClientSecret      Secret `koanf:"client_secret"`
	ClientSecretFile  string `koanf:"client_secret_file"`
}

// The ways in which Slack's events come.
const (
	SlackSocket = "socket" // over a connection that mynah opens
	SlackHTTP   = "http"   // to Slack.Addr
)

// Enabled reports whether Slack is served.
func (s Slack) Enabled() bool { return s.BotToken != "" || s.ClientID != "" }

// Listens reports whether something comes to Addr.
func (s Slack) Listens() bool { return s.Enabled() && (s.Mode == SlackHTTP || s.ClientID != "") }

// Scorer is the model and what runs it.
type Scorer struct {
	Model       string `koanf:"model"`       // folder with manifest.json; "" is the built-in model
	Runtime     string `koanf:"runtime"`     // path of libonnxruntime; "" looks for it
	Device      string `koanf:"device"`      // auto, cpu or cuda
	Concurrency int    `koanf:"concurrency"` // voice notes worked on at once; 0 is one for each core
}

// Audio limits what is decoded.
type Audio struct {
	MaxSeconds int           `koanf:"max_seconds"` // 1 to 180
	MaxBytes   Bytes         `koanf:"max_bytes"`
	Timeout    time.Duration `koanf:"timeout"` // for decoding one recording
	FFmpeg     string        `koanf:"ffmpeg"`  // path; "" looks for it
}

// LLM is the OpenAI-compatible endpoint that words the replies; without URL
// the plain rationale does.
type LLM struct {
	URL        string        `koanf:"url"`
	Model      string        `koanf:"model"`
	APIKey     Secret        `koanf:"api_key"`
	APIKeyFile string        `koanf:"api_key_file"` // read into APIKey
	Timeout    time.Duration `koanf:"timeout"`      // for the whole answer; then the plain rationale
	MaxTokens  int           `koanf:"max_tokens"`
}

// Voice is the OpenAI-compatible endpoint that reads sentences aloud; without
// URL none is.
type Voice struct {
	URL        string        `koanf:"url"`
	Model      string        `koanf:"model"`
	Name       string        `koanf:"name"` // which of the model's voices
	APIKey     Secret        `koanf:"api_key"`
	APIKeyFile string        `koanf:"api_key_file"` // read into APIKey
	Timeout    time.Duration `koanf:"timeout"`
}

// Privacy is what holds until a place's owner sets it otherwise.
type Privacy struct {
	Consent    string `koanf:"consent"`     // notice or opt_in
	MinimumAge int    `koanf:"minimum_age"` // said at first contact; 0 says nothing
	Contact    string `koanf:"contact"`     // whom learners can ask
}

// Limits are each learner's; 0 is none.
type Limits struct {
	PerMinute int `koanf:"per_minute"`
	PerDay    int `koanf:"per_day"`
}

// Retention says how long things are kept.
type Retention struct {
	HistoryDays    int `koanf:"history_days"`
	HistoryLessons int `koanf:"history_lessons"` // for each learner
	KnownDays      int `koanf:"known_days"`      // how long a note's twin is recognised
}

// Log is written to standard error.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn or error
	Format string `koanf:"format"` // text or json
}

// Metrics are served for Prometheus.
type Metrics struct {
	Addr  string `koanf:"addr"`  // host:port; "" serves none
	Pprof bool   `koanf:"pprof"` // profiles too, at /debug/pprof/
}

// Default returns the settings of a mynah that was told nothing.
func Default() *Config {
	return &Config{
		Data:       Data{Dir: "data"},
		NATS:       NATS{Replicas: 1, Prefix: "mynah"},
		Playground: Playground{Enabled: true, Addr: "127.0.0.1:8080"},
		Discord:    Discord{MessageContent: true},
		Slack:      Slack{Mode: SlackSocket, Addr: "127.0.0.1:8081"},
		Scorer:     Scorer{Device: "auto"},
		Audio:      Audio{MaxSeconds: 60, MaxBytes: 25 << 20, Timeout: 20 * time.Second},
		LLM:        LLM{Model: "default", Timeout: 8 * time.Second, MaxTokens: 600},
		Voice:      Voice{Model: "tts-1", Name: "alloy", Timeout: 10 * time.Second},
		Privacy:    Privacy{Consent: "notice"},
		Limits:     Limits{PerMinute: 6, PerDay: 60},
		Retention:  Retention{HistoryDays: 90, HistoryLessons: 50, KnownDays: 30},
		Log:        Log{Level: "info", Format: "text"},
	}
}

//go:embed mynah.sample.yaml
var sample string

// Sample returns a documented file that sets every option to its default.
func Sample() string { return sample }

// SecretFile is a file that a secret was read from.
type SecretFile struct {
	Key  string // the option that names it
	Path string
}

// SecretFiles lists the files that secrets were read from.
func (c *Config) SecretFiles() []SecretFile {
	var files []SecretFile
	all := options(c)
	for _, o := range all {
		if _, secret := o.field.Interface().(Secret); !secret {
			continue
		}
		for _, f := range all {
			if path := f.field.String(); f.key == o.key+fileSuffix && path != "" {
				files = append(files, SecretFile{f.key, path})
			}
		}
	}
	if c.NATS.Credentials != "" {
		files = append(files, SecretFile{"nats.credentials", c.NATS.Credentials})
	}
	return files
}

// Problem is one thing wrong with the settings, worded for their owner. It
// never holds a secret's value.
type Problem struct {
	Key    string // the option, "" where none can be named
	Origin string // where it was set: "mynah.yaml:12", "MYNAH_LLM_URL", "--set"
	Text   string // what is wrong and what to do
}

func (p *Problem) Error() string {
	switch {
	case p.Key == "":
		return fmt.Sprintf("%s: %s", p.Origin, p.Text)
	case p.Origin == "":
		return fmt.Sprintf("%s: %s", p.Key, p.Text)
	}
	return fmt.Sprintf("%s: %s: %s", p.Origin, p.Key, p.Text)
}
