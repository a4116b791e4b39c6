package store

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// Config says where the store is and how much it keeps. Exactly one of Dir and
// URL is set; everything else has a useful zero value.
type Config struct {
	Dir string // data directory of the embedded server, created with mode 0700

	URL         string // an existing cluster: one NATS URL, or several with commas between
	Credentials string // path of a NATS credentials file
	CA          string // path of a PEM file with the authorities to trust, besides tls:// in URL
	Replicas    int    // of every stream in the cluster; 1 when 0

	Prefix string // of every stream and subject, [A-Za-z0-9_-]+; "mynah" when empty

	Lease     time.Duration // silence after which an owner's claims lapse; 5 s when 0
	MaxTasks  int           // unfinished notes, beyond which Accept is Busy; 10,000 when 0
	MaxAudio  int64         // bytes of one recording; 32 MiB when 0
	HoldAudio time.Duration // the longest that a recording is held; 24 h when 0
	Lessons   int           // kept for each learner; 50 when 0
	LessonAge time.Duration // the longest that a lesson is kept; 90 days when 0
	KnowFor   time.Duration // how long a finished note is known to Accept; 30 days when 0
	KeepDead  time.Duration // how long a dead letter is kept; 30 days when 0
	MaxBytes  int64         // all streams together; 2 GiB when 0
	Reserve   int64         // bytes of disk that must stay free to accept; 64 MiB when 0. Embedded only

	Log *slog.Logger // discarded when nil
}

const (
	mebi = 1 << 20
	day  = 24 * time.Hour
)

var prefixes = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// withDefaults returns the config with every zero value replaced, or what is
// wrong with it.
func (c Config) withDefaults() (Config, error) {
	if (c.Dir == "") == (c.URL == "") {
		return c, errors.New("exactly one of a data directory and a NATS URL must be set")
	}
	if c.Dir != "" && c.Replicas > 1 {
		return c, fmt.Errorf("%d replicas need a cluster: set a NATS URL", c.Replicas)
	}
	if c.Prefix == "" {
		c.Prefix = "mynah"
	}
	if !prefixes.MatchString(c.Prefix) {
		return c, fmt.Errorf("prefix %q has other characters than letters, digits, '_' and '-'", c.Prefix)
	}
	setDefault(&c.Replicas, 1)
	setDefault(&c.Lease, 5*time.Second)
	setDefault(&c.MaxTasks, 10_000)
	setDefault(&c.MaxAudio, 32*mebi)
	setDefault(&c.HoldAudio, day)
	setDefault(&c.Lessons, 50)
	setDefault(&c.LessonAge, 90*day)
	setDefault(&c.KnowFor, 30*day)
	setDefault(&c.KeepDead, 30*day)
	setDefault(&c.MaxBytes, 2048*mebi)
	setDefault(&c.Reserve, 64*mebi)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for what, d := range map[string]time.Duration{
		"hold audio": c.HoldAudio, "lesson age": c.LessonAge, "know for": c.KnowFor, "keep dead": c.KeepDead,
	} {
		if d < time.Second {
			return c, fmt.Errorf("%s: %s is shorter than a second", what, d)
		}
	}
	if c.Lease < 100*time.Millisecond {
		return c, fmt.Errorf("lease: %s is shorter than 100ms", c.Lease)
	}
	if c.Replicas < 0 || c.MaxTasks < 0 || c.MaxAudio < 0 || c.Lessons < 0 || c.MaxBytes < 16*mebi || c.Reserve < 0 {
		return c, errors.New("a limit is negative, or fewer than 16 MiB in all")
	}
	return c, nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Each stream's part of Config.MaxBytes. Shelves get a sixteenth each, so six of
// them fit.
func (c Config) tasksBytes() int64   { return c.MaxBytes / 8 }
func (c Config) audioBytes() int64   { return c.MaxBytes * 3 / 8 }
func (c Config) lessonsBytes() int64 { return c.MaxBytes / 8 }
func (c Config) shelfBytes() int64   { return c.MaxBytes / 16 }
