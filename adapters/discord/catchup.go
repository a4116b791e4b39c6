package discord

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

const (
	pageSize = 100
	maxPages = 20 // of a channel: what is older than 2,000 messages is left
	maxDMs   = 500
)

// catchUp looks for the notes that were posted in a server while we were not
// there to see. Of a server that is new to us nothing older is looked at.
func (l *listening) catchUp(ctx context.Context, g guild) {
	now := snowflakeAt(time.Now())
	caughtUp := l.repeat(ctx, "notes posted while mynah was away may be missed", func() error {
		saved, err := l.marks.load(ctx, g.ID)
		if err != nil {
			return err
		}
		if saved == "" {
			return l.marks.found(ctx, g.ID, now)
		}
		if !l.cfg.MessageContent {
			return nil // others' recordings are not shown to us
		}
		if oldest := snowflakeAt(time.Now().Add(-l.cfg.CatchUp)); later(oldest, saved) {
			saved = oldest
		}
		rules, err := l.desk.Rules(ctx, placeID(g.ID))
		if err != nil {
			return fmt.Errorf("discord: rules: %w", err)
		}
		threads, err := l.archivedThreads(ctx, rules, g)
		if err != nil {
			return err
		}
		for _, c := range slices.Concat(g.Channels, g.Threads, threads) {
			if allowed, _ := listens(rules, c); !allowed || !c.hasMessages() || !later(c.LastMessageID, saved) {
				continue
			}
			if err := l.scan(ctx, g.ID, g.ID, c.ID, saved); err != nil {
				return err
			}
		}
		return nil
	})
	if caughtUp {
		l.marks.caughtUp(g.ID, now)
	}
}

// archiveAfter is when Discord archives a quiet thread of ours, and tells of it
// no more when a session begins.
const archiveAfter = time.Hour

// archivedThreads are the threads that may have been archived since the gateway
// was last heard.
func (l *listening) archivedThreads(ctx context.Context, rules coach.Rules, g guild) ([]channel, error) {
	l.mu.Lock()
	away := l.away
	l.mu.Unlock()
	if time.Since(away) < archiveAfter-5*time.Minute {
		return nil, nil
	}
	oldest := time.Now().Add(-l.cfg.CatchUp)
	if away.After(oldest) {
		oldest = away
	}
	var all []channel
	for _, c := range g.Channels {
		if allowed, _ := listens(rules, c); !allowed || c.Type != channelText && c.Type != channelAnnouncement {
			continue
		}
		path := "/channels/" + c.ID + "/threads/archived/public?limit=" + strconv.Itoa(pageSize)
		for before, pages := "", 0; pages < maxPages; pages++ {
			var page archived
			err := l.api.call(ctx, http.MethodGet, path+before, nil, &page)
			if err != nil && !isRefusal(err) {
				return nil, err
			}
			last := oldest
			for _, t := range page.Threads {
				if last = t.Metadata.At; last.After(oldest) {
					all = append(all, t.channel)
				}
			}
			if !page.More || !last.After(oldest) {
				break
			}
			before = "&before=" + url.QueryEscape(last.UTC().Format(time.RFC3339Nano))
		}
	}
	return all, nil
}

// catchUpDMs does the same for direct messages with learners who have sent notes
// in one before.
func (l *listening) catchUpDMs(ctx context.Context) {
	l.repeat(ctx, "notes sent in direct messages while mynah was away may be missed", func() error {
		known, err := l.shelf.List(ctx, markKey("dm-"))
		if err != nil {
			return fmt.Errorf("discord: mark: %w", err)
		}
		oldest := snowflakeAt(time.Now().Add(-l.cfg.CatchUp))
		looked := 0
		for key, b := range known {
			place := strings.TrimPrefix(key, markKey(""))
			saved, dm := string(b), strings.TrimPrefix(place, dmMark(""))
			if !isSnowflake(saved) || !isSnowflake(dm) {
				continue
			}
			if looked++; looked > maxDMs {
				l.log.Warn("more direct messages than are looked at", "known", len(known))
				break
			}
			now := snowflakeAt(time.Now())
			if later(oldest, saved) {
				saved = oldest
			}
			if _, err := l.marks.load(ctx, place); err != nil {
				return err
			}
			if err := l.scan(ctx, place, "", dm, saved); err != nil {
				return err
			}
			l.marks.caughtUp(place, now)
		}
		return nil
	})
}

// newDM gives a direct message's channel its mark, so that the next start looks
// there.
func (l *listening) newDM(ctx context.Context, place, message string) {
	l.repeat(ctx, "a direct message's mark was not written", func() error {
		saved, err := l.marks.load(ctx, place)
		if err == nil && saved == "" {
			err = l.marks.found(ctx, place, snowflakeAt(timeOf(message)))
		}
		if err == nil && saved == "" {
			l.marks.caughtUp(place, message)
		}
		return err
	})
}

// scan takes in the notes of a channel after a message, oldest first.
func (l *listening) scan(ctx context.Context, place, guild, id, after string) error {
	for range maxPages {
		var page []message
		err := l.api.call(ctx, http.MethodGet, fmt.Sprintf("/channels/%s/messages?after=%s&limit=%d", id, after, pageSize), nil, &page)
		if isRefusal(err) {
			return nil // gone, or not for us to see
		}
		if err != nil {
			return err
		}
		slices.SortFunc(page, func(a, b message) int {
			if later(b.ID, a.ID) {
				return -1
			}
			return 1
		})
		for _, m := range page {
			after = m.ID
			if _, _, ok := audioOf(m); !ok || !fromPerson(m) {
				continue
			}
			m.GuildID, m.ChannelID = guild, id
			l.marks.begin(place, m.ID)
			if !l.settle(ctx, m) {
				return ctx.Err()
			}
			l.marks.settle(place, m.ID)
		}
		if len(page) < pageSize {
			return nil
		}
	}
	l.log.Warn("a channel has more new messages than are looked at", "channel", id)
	return nil
}
