package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"golang.org/x/sync/semaphore"

	"github.com/mynah-coach/mynah/coach"
)

// listening is what one Listen knows.
type listening struct {
	*Discord
	in    coach.Inbox
	marks *marks
	gone  *departed
	saved time.Time // heard, as it was saved

	slots *semaphore.Weighted // of what runs at once
	start func(what string, f func(ctx context.Context))

	mu      sync.Mutex
	ended   bool      // nothing is started any more
	heard   time.Time // when the gateway was last heard
	away    time.Time // when it was last heard before this session; zero for never
	running sync.WaitGroup
}

const (
	maxRunning   = 2_000
	saveInterval = 15 * time.Second
	endLimit     = 3 * time.Second
)

// Listen implements coach.Adapter: it registers our commands, and holds a
// session with the gateway. Its error is the operator's: a token that is
// refused, a bot in too many servers.
func (d *Discord) Listen(ctx context.Context, in coach.Inbox) error {
	if err := d.prepare(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	l := &listening{Discord: d, in: in, marks: newMarks(d.shelf), gone: &departed{}, slots: semaphore.NewWeighted(maxRunning)}
	work, stop := context.WithCancel(ctx)
	defer stop()
	l.start = func(what string, f func(context.Context)) { l.run(work, what, f) }
	l.heard = l.lastHeard(ctx)
	l.saved = l.heard
	l.start("save", l.saveMarks)

	intents := discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentDirectMessages
	if d.cfg.MessageContent {
		intents |= discordgo.IntentMessageContent
	}
	g := &gateway{
		token: d.cfg.Token, http: d.api.http, intents: intents, times: d.gateway,
		event: l.event, log: d.log,
	}
	err := g.run(ctx)
	stop()
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.running.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(endLimit):
		return errors.Join(err, errors.New("discord: something that was told to stop did not"))
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := l.save(last); err != nil {
		d.log.Warn("the marks were not saved", "error", err) // more is looked at again
	}
	return err
}

// prepare finds out who we are and registers our commands, over and over while
// Discord can't be reached.
func (d *Discord) prepare(ctx context.Context) error {
	wait := time.Second
	for ctx.Err() == nil {
		_, err := d.userID(ctx)
		if err == nil {
			err = d.register(ctx)
		}
		if err == nil {
			break
		}
		if api := (*apiError)(nil); errors.As(err, &api) && api.Status == http.StatusUnauthorized {
			return errors.New("discord: the bot token was refused")
		}
		if isRefusal(err) {
			d.log.Error("Discord does not take our commands", "error", err)
			break
		}
		if ctx.Err() == nil {
			d.log.Warn("Discord can't be reached", "error", err, "again in", wait)
		}
		pause(ctx, wait)
		wait = min(2*wait, time.Minute)
	}
	return nil
}

// run starts f, whose panic costs no more than itself.
func (l *listening) run(ctx context.Context, what string, f func(context.Context)) {
	if l.slots.Acquire(ctx, 1) != nil {
		return // ending
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		l.slots.Release(1)
		return
	}
	l.running.Go(func() {
		defer l.slots.Release(1)
		defer func() {
			if p := recover(); p != nil {
				l.log.Error("an event's handler panicked", "event", what, "stack", string(debug.Stack()))
			}
		}()
		f(ctx)
	})
}

func (l *listening) saveMarks(ctx context.Context) {
	for sleep(ctx, saveInterval) == nil {
		if err := l.save(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("the marks were not saved", "error", err)
		}
	}
}

const aliveKey = "alive"

// save writes down how far we are.
func (l *listening) save(ctx context.Context) error {
	l.mu.Lock()
	heard := l.heard
	l.mu.Unlock()
	if heard.After(l.saved.Add(time.Minute)) {
		b, err := heard.UTC().MarshalText()
		if err == nil {
			err = l.shelf.Put(ctx, aliveKey, b)
		}
		if err != nil {
			return fmt.Errorf("discord: mark: %w", err)
		}
		l.saved = heard
	}
	return l.marks.save(ctx)
}

// lastHeard is when whoever ran before us last heard the gateway.
func (l *listening) lastHeard(ctx context.Context) (heard time.Time) {
	b, found, err := l.shelf.Get(ctx, aliveKey)
	if err != nil || !found || heard.UnmarshalText(b) != nil {
		return time.Time{} // long ago, as far as we know
	}
	return heard
}

// event takes an event of the gateway. What it is to us is read here, from the
// raw payload; all that takes time is started.
func (l *listening) event(e *discordgo.Event) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("an event could not be read", "event", e.Type, "stack", string(debug.Stack()))
		}
	}()
	l.hear(e.Type == "READY")
	switch e.Type {
	case "READY":
		// A new session: what happened before it was not told.
		l.marks.lost()
		l.start(e.Type, l.catchUpDMs)
		if r, ok := read[ready](l, e); ok && r.Guilds != nil {
			l.start(e.Type, func(ctx context.Context) { l.leaveOthers(ctx, r.Guilds) })
		}
	case "GUILD_CREATE":
		if g, ok := read[guild](l, e); ok && isSnowflake(g.ID) && !g.Unavailable {
			l.start(e.Type, func(ctx context.Context) { l.catchUp(ctx, g) })
		}
	case "GUILD_DELETE":
		if g, ok := read[guild](l, e); ok && isSnowflake(g.ID) && !g.Unavailable {
			l.start(e.Type, func(ctx context.Context) { l.leave(ctx, g.ID) })
		}
	case "MESSAGE_CREATE":
		if m, ok := read[message](l, e); ok {
			l.message(m)
		}
	case "MESSAGE_DELETE":
		if m, ok := read[message](l, e); ok {
			l.deleted(m.ID)
		}
	case "MESSAGE_DELETE_BULK":
		if m, ok := read[struct {
			IDs []string `json:"ids"`
		}](l, e); ok {
			l.deleted(m.IDs...)
		}
	case "CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_UPDATE", "THREAD_DELETE":
		if c, ok := read[channel](l, e); ok {
			l.channels.drop(c.ID)
		}
	case "INTERACTION_CREATE":
		if i, ok := read[interaction](l, e); ok {
			came := time.Now()
			l.start(e.Type, func(ctx context.Context) { l.interact(ctx, l.in, i, came) })
		}
	}
}

// hear notes that the gateway was heard.
func (l *listening) hear(anew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if anew {
		l.away = l.heard
	}
	l.heard = time.Now()
}

// read is what an event's payload is to us; not ok where it is something else.
func read[T any](l *listening, e *discordgo.Event) (v T, ok bool) {
	if err := json.Unmarshal(e.RawData, &v); err != nil {
		l.log.Warn("an event is not what Discord documents", "event", e.Type)
		return v, false
	}
	return v, true
}

// markOf names the mark that a message counts for.
func markOf(m message) string {
	if m.GuildID == "" {
		return dmMark(m.ChannelID)
	}
	return m.GuildID
}

// message takes a new message.
func (l *listening) message(m message) {
	if !isSnowflake(m.ID) {
		return
	}
	if _, _, ok := audioOf(m); !ok || !fromPerson(m) {
		if m.GuildID != "" {
			l.marks.heard(m.GuildID, m.ID)
		}
		if m.Flags&flagVoice != 0 && len(m.Attachments) == 0 && m.GuildID != "" && fromPerson(m) {
			l.start("MESSAGE_CREATE", func(ctx context.Context) { l.hint(ctx, m) })
		}
		return
	}
	place := markOf(m)
	l.marks.begin(place, m.ID)
	l.start("MESSAGE_CREATE", func(ctx context.Context) {
		if m.GuildID == "" {
			l.newDM(ctx, place, m.ID)
		}
		if l.settle(ctx, m) {
			l.marks.settle(place, m.ID)
		}
	})
}

// settle brings a message to its end, over and over while that fails; false when
// ctx ended first.
func (l *listening) settle(ctx context.Context, m message) bool {
	wait := time.Second
	for {
		err := l.arrive(ctx, l.in, l.gone, m)
		l.settled(m.ID, err)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.log.Error("a voice note was not taken in", "message", m.ID, "error", err, "again in", wait)
		if sleep(ctx, wait) != nil {
			return false
		}
		wait = min(2*wait, 30*time.Second)
	}
}

// deleted withdraws the notes that deleted messages were.
func (l *listening) deleted(messages ...string) {
	for _, m := range messages {
		if !isSnowflake(m) {
			continue
		}
		l.gone.add(m)
		l.start("MESSAGE_DELETE", func(ctx context.Context) {
			id := messageNote(m)
			l.repeat(ctx, "a deleted note was not withdrawn", func() error {
				known, err := l.accepted(ctx, id)
				if err != nil || !known {
					return err
				}
				return l.withdraw(ctx, id)
			})
		})
	}
}

// leave drops a server that we were removed from.
func (l *listening) leave(ctx context.Context, guild string) {
	l.repeat(ctx, "a server was not left", func() error {
		if err := l.desk.Leave(ctx, placeID(guild)); err != nil {
			return fmt.Errorf("discord: leave: %w", err)
		}
		return l.marks.forget(ctx, guild)
	})
}

// leaveOthers drops the servers that we were removed from while we were away.
// That they are missing from the session's list is not enough to forget people:
// Discord is asked about each.
func (l *listening) leaveOthers(ctx context.Context, in []guild) {
	known, err := l.shelf.List(ctx, markKey(""))
	if err != nil {
		l.log.Warn("the marks can't be listed", "error", err)
		return
	}
	for key := range known {
		id := strings.TrimPrefix(key, markKey(""))
		if !isSnowflake(id) || slices.ContainsFunc(in, func(g guild) bool { return g.ID == id }) {
			continue
		}
		err := l.api.call(ctx, http.MethodGet, "/guilds/"+id, nil, nil)
		if code := refused(err); code == codeUnknownGuild || code == codeMissingAccess {
			l.leave(ctx, id)
		}
	}
}

// repeat does f until it succeeds, a few times.
func (l *listening) repeat(ctx context.Context, failure string, f func() error) bool {
	wait := time.Second
	for attempt := 1; ; attempt++ {
		err := f()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if attempt == 6 {
			l.log.Error("given up for now", "what", failure, "error", err)
			return false
		}
		if sleep(ctx, wait) != nil {
			return false
		}
		wait *= 2
	}
}
