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
	v.check(natsName.MatchString(c.NATS.Prefix), "nats.prefix", "must be 1 to 32 letters, digits, - or _")

	if c.Playground.Enabled {
		v.addr("playground.addr", c.Playground.Addr)
	}
	for _, h := range c.Playground.AllowedHosts {
		v.check(h != "" && !strings.ContainsAny(h, "/ *"), "playground.allowed_hosts",
			"%q must be a host's name, without scheme or path", h)
	}

	v.oneOf("scorer.device", c.Scorer.Device, "auto", "cpu", "cuda")
	v.between("scorer.concurrency", c.Scorer.Concurrency, 0, 256)

	v.between("audio.max_seconds", c.Audio.MaxSeconds, 1, 180)
	v.check(c.Audio.MaxBytes >= 1<<10 && c.Audio.MaxBytes <= 1<<30, "audio.max_bytes", "must be from 1KiB to 1GiB")
	v.check(c.Audio.Timeout >= time.Second && c.Audio.Timeout <= 10*time.Minute, "audio.timeout", "must be from 1s to 10m")

	if c.LLM.URL != "" {
		v.url("llm.url", c.LLM.URL, "http", "https")
		u, err := url.Parse(c.LLM.URL)
		v.check(err != nil || u.User == nil, "llm.url", "must not hold a password; put the key in llm.api_key_file")
		v.check(c.LLM.Model != "", "llm.model", "must name the endpoint's model")
	}
	v.check(c.LLM.Timeout >= time.Second && c.LLM.Timeout <= 2*time.Minute, "llm.timeout", "must be from 1s to 2m")
	v.between("llm.max_tokens", c.LLM.MaxTokens, 64, 32768)

	v.between("limits.per_minute", c.Limits.PerMinute, 0, 1000)
	v.between("limits.per_day", c.Limits.PerDay, 0, 100000)

	v.between("retention.history_days", c.Retention.HistoryDays, 1, 3650)
	v.between("retention.history_lessons", c.Retention.HistoryLessons, 1, 1000)
	v.between("retention.known_days", c.Retention.KnownDays, 1, 365)

	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")

	if c.Metrics.Addr != "" {
		v.addr("metrics.addr", c.Metrics.Addr)
		v.check(!c.Playground.Enabled || c.Metrics.Addr != c.Playground.Addr, "metrics.addr",
			"is the playground's address; choose another port")
	}
	v.check(c.Metrics.Addr != "" || !c.Metrics.Pprof, "metrics.pprof", "is served at metrics.addr; set that too")
	return v.problems
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

// url checks an address without quoting it: it may hold a password.
func (v *validator) url(key, s string, schemes ...string) {
	u, err := url.Parse(s)
	v.check(err == nil && slices.Contains(schemes, u.Scheme) && u.Host != "", key,
		"must be a URL beginning with %s://", strings.Join(schemes, ":// or "))
}
