package bots

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// placeRecord is what a place's owner has set: the chosen value of each of the
// choices of setup, by name. What is missing is the service's own.
type placeRecord struct {
	ID  coach.PlaceID     `json:"id"`
	Set map[string]string `json:"set,omitempty"`
}

// The choices of setup.
const (
	setChannels  = "channels"
	setConsent   = "consent"
	setAge       = "minimum_age"
	setRetention = "retention"
	setPerMinute = "per_minute"
	setPerDay    = "per_day"
	setReplies   = "replies"
)

// rulesFor is how long a place's rules are taken from memory. Another machine's
// change shows after that time.
const rulesFor = 5 * time.Second

// defaultRetention is for how many days lessons are kept where nothing else is
// said.
const defaultRetention = 90

// mostCached bounds the memory that rules take.
const mostCached = 10_000

type cachedRules struct {
	rules coach.Rules
	until time.Time
}

// Rules is coach.Desk's. An owner can ask for less than the service's own
// settings (Defaults) allow, never for more.
func (d *Desk) Rules(ctx context.Context, place coach.PlaceID) (coach.Rules, error) {
	now := time.Now()
	d.mu.Lock()
	cached, ok := d.rules[place]
	d.mu.Unlock()
	if ok && now.Before(cached.until) {
		return cached.rules, nil
	}
	if place == "" {
		return d.defaults(), nil
	}
	p, err := load[placeRecord](ctx, d.lasting, placeKey(place))
	if err != nil {
		return coach.Rules{}, err
	}
	return d.cache(place, p), nil
}

// cache works out a place's rules and keeps them for a while.
func (d *Desk) cache(place coach.PlaceID, p placeRecord) coach.Rules {
	rules := p.over(d.defaults())
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.rules) >= mostCached {
		clear(d.rules)
	}
	d.rules[place] = cachedRules{rules, time.Now().Add(rulesFor)}
	return rules
}

// defaults are the service's own rules, every one of them set.
func (d *Desk) defaults() coach.Rules {
	r := d.Defaults
	if r.Consent == "" {
		r.Consent = coach.ConsentNotice
	}
	r.RetentionDays = orDefault(r.RetentionDays, defaultRetention)
	r.PerMinute = orDefault(r.PerMinute, defaultPerMinute)
	r.PerDay = orDefault(r.PerDay, defaultPerDay)
	return r
}

// over is what the owner has set, over the service's rules.
func (p placeRecord) over(r coach.Rules) coach.Rules {
	for name, value := range p.Set {
		n, err := strconv.Atoi(value)
		number := err == nil && n >= 0
		switch name {
		case setChannels:
			r.Channels = channels(value)
		case setConsent:
			if c := coach.Consent(value); c == coach.ConsentOptIn { // an owner can't ask for less care than the service
				r.Consent = c
			}
		case setAge:
			if number {
				r.MinimumAge = max(r.MinimumAge, n)
			}
		case setRetention:
			if number {
				r.RetentionDays = lower(r.RetentionDays, n)
			}
		case setPerMinute:
			if number {
				r.PerMinute = lower(r.PerMinute, n)
			}
		case setPerDay:
			if number {
				r.PerDay = lower(r.PerDay, n)
			}
		case setReplies:
			r.Private = value == "private"
		}
	}
	return r
}

// lower is the smaller of a service's limit, of which a negative one is none,
// and an owner's, of which 0 is none.
func lower(service, owner int) int {
	switch {
	case owner <= 0:
		return service
	case service < 0:
		return owner
	}
	return min(service, owner)
}

// channels reads a list of channels, with commas between them.
func channels(value string) []string {
	var list []string
	for c := range strings.SplitSeq(value, ",") {
		if c = strings.TrimSpace(c); c != "" {
			list = append(list, c)
		}
	}
	return list
}
