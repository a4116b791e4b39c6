package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validate checks every option by itself and against the others, without
// touching files or the network. The error joins a *Problem for each fault.
func (c *Config) Validate() error { return errors.Join(c.validate()...) }

// natsName is what JetStream allows in the names of streams and buckets.
var natsName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func (c *Config) validate() []error {
	v := validator{origins: c.origins}

	v.check(c.Data.Dir != "", "data.dir", "must name a folder")

	for u := range strings.SplitSeq(c.NATS.URL, ",") {
		if c.NATS.URL != "" {
			v.url("nats.url", strings.TrimSpace(u), "nats", "tls", "ws", "wss")
		}
	}
	v.oneOf("nats.replicas", strconv.Itoa(c.NATS.Replicas), "1", "3", "5")
	v.check(c.NATS.URL != "" || c.NATS.Replicas == 1, "nats.replicas", "more than 1 needs a cluster; set nats.url")
	v.check(c.NATS.URL != "" || c.NATS.Credentials == "", "nats.credentials", "is for a cluster; set nats.url")
	v.check(c.NATS.URL != "" || c.NATS.CA == "", "nats.ca", "is for a cluster; set nats.url")
	v.check(natsName.MatchString(c.NATS.Prefix), "nats.prefix", "must be 1 to 32 letters, digits, - or _")

	if c.Playground.Enabled {
		v.addr("playground.addr", c.Playground.Addr)
	}
	for _, h := range c.Playground.AllowedHosts {
		v.check(h != "" && !strings.ContainsAny(h, "/ *"), "playground.allowed_hosts",
			"%q must be a host's name, without scheme or path", h)
	}

	c.validateDiscord(&v)
	c.validateSlack(&v)

	v.oneOf("scorer.device", c.Scorer.Device, "auto", "cpu", "cuda")
	v.between("scorer.concurrency", c.Scorer.Concurrency, 0, 256)

	v.between("audio.max_seconds", c.Audio.MaxSeconds, 1, 180)
	v.check(c.Audio.MaxBytes >= 1<<10 && c.Audio.MaxBytes <= 1<<30, "audio.max_bytes", "must be from 1KiB to 1GiB")
	v.check(c.Audio.Timeout >= time.Second && c.Audio.Timeout <= 10*time.Minute, "audio.timeout", "must be from 1s to 10m")

	if c.LLM.URL != "" {
		v.endpoint("llm.url", c.LLM.URL)
		v.check(c.LLM.Model != "", "llm.model", "must name the endpoint's model")
	}
	v.check(c.LLM.Timeout >= time.Second && c.LLM.Timeout <= 2*time.Minute, "llm.timeout", "must be from 1s to 2m")
	v.between("llm.max_tokens", c.LLM.MaxTokens, 64, 32768)

	if c.Voice.URL != "" {
		v.endpoint("voice.url", c.Voice.URL)
		v.check(c.Voice.Model != "", "voice.model", "must name the endpoint's model")
		v.check(c.Voice.Name != "", "voice.name", "must name one of the model's voices")
	}
	v.check(c.Voice.Timeout >= time.Second && c.Voice.Timeout <= time.Minute, "voice.timeout", "must be from 1s to 1m")

	v.oneOf("privacy.consent", c.Privacy.Consent, "notice", "opt_in")
	v.between("privacy.minimum_age", c.Privacy.MinimumAge, 0, 21)

	v.between("limits.per_minute", c.Limits.PerMinute, 0, 1000)
	v.between("limits.per_day", c.Limits.PerDay, 0, 100000)

	v.between("retention.history_days", c.Retention.HistoryDays, 1, 3650)
	v.between("retention.history_lessons", c.Retention.HistoryLessons, 1, 1000)
	v.between("retention.known_days", c.Retention.KnownDays, 1, 365)

	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")

	if c.Metrics.Addr != "" {
		v.addr("metrics.addr", c.Metrics.Addr)
	}
	c.validateAddresses(&v)
	v.check(c.Metrics.Addr != "" || !c.Metrics.Pprof, "metrics.pprof", "is served at metrics.addr; set that too")
	return v.problems
}

func (c *Config) validateDiscord(v *validator) {
	token := c.Discord.Token.Reveal()
	if token == "" {
		return
	}
	v.check(!strings.ContainsAny(token, " \t\r\n"), "discord.token", "must be the token alone, without spaces or a word before it")
	v.check(strings.Count(token, ".") == 2, "discord.token",
		"is not a bot's token, which has three parts with dots between; copy it from the Bot page of the application, not the client secret or the public key")
}

func (c *Config) validateSlack(v *validator) {
	s := c.Slack
	v.oneOf("slack.mode", s.Mode, SlackSocket, SlackHTTP)
	v.prefix("slack.bot_token", s.BotToken, "xoxb-", "the Bot User OAuth Token, from OAuth & Permissions")
	v.prefix("slack.app_token", s.AppToken, "xapp-", "an app-level token with connections:write, from Basic Information")
	v.check(s.BotToken == "" || s.ClientID == "", "slack.client_id",
		"is for an app that workspaces install by themselves; leave out slack.bot_token, or this")
	v.check((s.ClientID == "") == (s.ClientSecret == ""), "slack.client_id", "and slack.client_secret belong together; set both or neither")
	if !s.Enabled() {
		for key, set := range map[string]bool{"slack.app_token": s.AppToken != "", "slack.signing_secret": s.SigningSecret != ""} {
			v.check(!set, key, "needs slack.bot_token beside it, or slack.client_id and slack.client_secret")
		}
		return
	}
	switch s.Mode {
	case SlackSocket:
		v.check(s.AppToken != "", "slack.app_token", "is needed in socket mode: an app-level token with connections:write, from Basic Information")
	case SlackHTTP:
		v.check(s.SigningSecret != "", "slack.signing_secret", "is needed in http mode, to know Slack's requests; it is in Basic Information")
	}
	if s.PublicURL != "" {
		v.url("slack.public_url", s.PublicURL, "https")
	}
	v.check(s.ClientID == "" || s.PublicURL != "", "slack.public_url", "is needed with slack.client_id: where browsers reach slack.addr by https")
	if s.Listens() {
		v.addr("slack.addr", s.Addr)
	}
}

// validateAddresses finds two listeners at one address.
func (c *Config) validateAddresses(v *validator) {
	taken := map[string]string{}
	for _, l := range []struct {
		key, what, addr string
		on              bool
	}{
		{"playground.addr", "the playground's", c.Playground.Addr, c.Playground.Enabled},
		{"slack.addr", "Slack's", c.Slack.Addr, c.Slack.Listens()},
		{"metrics.addr", "the metrics'", c.Metrics.Addr, c.Metrics.Addr != ""},
	} {
		if !l.on {
			continue
		}
		other, twice := taken[l.addr]
		free := strings.HasSuffix(l.addr, ":0") // any port
		v.check(!twice || free, l.key, "is %s address; choose another port", other)
		taken[l.addr] = l.what
	}
}

// validator collects problems.
type validator struct {
	origins  map[string]string
	problems []error
}

func (v *validator) check(ok bool, key, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, &Problem{key, v.origins[key], fmt.Sprintf(format, args...)})
	}
}

func (v *validator) between(key string, n, low, high int) {
	v.check(n >= low && n <= high, key, "must be from %d to %d, not %d", low, high, n)
}

func (v *validator) oneOf(key, s string, allowed ...string) {
	v.check(slices.Contains(allowed, s), key, "must be one of %s, not %q", strings.Join(allowed, ", "), s)
}

func (v *validator) addr(key, s string) {
	_, port, err := net.SplitHostPort(s)
	n, convErr := strconv.Atoi(port)
	v.check(err == nil && convErr == nil && n >= 0 && n <= 65535, key,
		"must be host:port such as 127.0.0.1:8080, not %q", s)
}

// prefix checks what a token begins with, without quoting it. A token that is
// rotated has "xoxe." before that.
func (v *validator) prefix(key string, token Secret, prefix, what string) {
	bare := strings.TrimPrefix(token.Reveal(), "xoxe.")
	v.check(token == "" || strings.HasPrefix(bare, prefix), key, "must begin with %s: %s", prefix, what)
}

// endpoint checks the address of an OpenAI-compatible endpoint, which comes
// before the key of the same section.
func (v *validator) endpoint(key, s string) {
	v.url(key, s, "http", "https")
	u, err := url.Parse(s)
	section, _, _ := strings.Cut(key, ".")
	v.check(err != nil || u.User == nil, key, "must not hold a password; put the key in %s.api_key_file", section)
}

// url checks an address without quoting it: it may hold a password.
func (v *validator) url(key, s string, schemes ...string) {
	u, err := url.Parse(s)
	v.check(err == nil && slices.Contains(schemes, u.Scheme) && u.Host != "", key,
		"must be a URL beginning with %s://", strings.Join(schemes, ":// or "))
}
