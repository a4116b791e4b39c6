package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// known is what the shelf keeps of a file: the notes that it became, one for
// each message that it is in.
type known struct {
	Notes []knownNote `json:"notes"`
}

type knownNote struct {
	Note coach.NoteID `json:"note"`
	Bare bool         `json:"bare,omitempty"` // only the file's news came so far: no text
}

func fileKey(team, id string) string { return "file." + team + "." + id }

// arrive makes notes of a message's clips.
func (l *listener) arrive(ctx context.Context, team string, m message, clips []file) error {
	ok, err := l.allowed(ctx, team, m.Channel)
	if err != nil || !ok {
		return err
	}
	for _, f := range clips {
		if !slackIDs.MatchString(f.ID) {
			continue
		}
		if f.checkFirst() {
			ses, err := l.session(ctx, team)
			if err != nil {
				return l.without(err, team)
			}
			f, err = l.fileInfo(ctx, ses, f.ID)
			if errors.Is(err, coach.ErrAudioGone) {
				continue
			}
			if err != nil {
				return err
			}
			if !f.clip() && !f.checkFirst() {
				continue
			}
		}
		if err := l.takeOrTell(ctx, team, m, f, true); err != nil {
			return err
		}
	}
	return nil
}

// without drops what came for a workspace that has removed mynah: it would come
// again in vain.
func (l *listener) without(err error, team string) error {
	if errors.Is(err, errNotInstalled) {
		l.log.Warn("an event came from a workspace that mynah has no token of", "team", team)
		return nil
	}
	return err
}

// allowed reports whether notes are answered in a conversation. In a direct
// message they always are: nobody else is there to mind.
func (l *listener) allowed(ctx context.Context, team, channel string) (bool, error) {
	if isDirect(channel) {
		return true, nil
	}
	rules, err := l.desk.Rules(ctx, placeID(team))
	if err != nil {
		return false, fmt.Errorf("slack: rules: %w", err)
	}
	return len(rules.Channels) == 0 || slices.Contains(rules.Channels, channel), nil
}

// takeOrTell takes a clip, or tells its learner that there were too many: the
// event is done with either way.
func (l *listener) takeOrTell(ctx context.Context, team string, m message, f file, full bool) error {
	err := l.take(ctx, team, m, f, full)
	var busy *coach.Busy
	if errors.As(err, &busy) {
		return l.busy(ctx, note{team, m.Channel, m.TS, f.ID}, m, busy)
	}
	return err
}

// take accepts one clip. full is false where only the news of the file came:
// what was written with it is not known then.
func (l *listener) take(ctx context.Context, team string, m message, f file, full bool) error {
	n := note{team, m.Channel, m.TS, f.ID}
	text, err := l.sentence(ctx, team, m)
	if err != nil {
		return err
	}
	v := coach.VoiceNote{
		ID:       n.id(),
		Platform: coach.Slack,
		Thread:   thread{team, m.Channel, m.root()}.id(),
		Learner:  learnerID(team, m.User),
		Place:    placeID(team),
		Text:     text,
		Audio:    f.attachment(),
		Received: time.Now().UTC(),
	}
	if err := l.in.Accept(ctx, v); err != nil {
		return fmt.Errorf("slack: accept: %w", err)
	}
	if text == "" {
		return l.remember(ctx, n, !full)
	}
	if err := l.complete(ctx, v, n); err != nil {
		return err
	}
	return l.remember(ctx, n, false)
}

// complete gives a note its sentence that was accepted without one, because its
// file's news came before its message.
func (l *listener) complete(ctx context.Context, v coach.VoiceNote, n note) error {
	bare, err := l.bare(ctx, n)
	if err != nil || !bare {
		return err
	}
	_, err = l.desk.Do(ctx, coach.Command{
		Action: coach.ActSentence, Learner: v.Learner, Place: v.Place, Thread: v.Thread, Note: v.ID,
		Values: map[string]string{"sentence": v.Text},
	})
	if err != nil {
		return fmt.Errorf("slack: sentence: %w", err)
	}
	return nil
}

// bare reports whether the note was accepted before, by the file's news alone.
func (l *listener) bare(ctx context.Context, n note) (bool, error) {
	k, err := l.knownOf(ctx, n.team, n.file)
	if err != nil {
		return false, err
	}
	return slices.Contains(k.Notes, knownNote{Note: n.id(), Bare: true}), nil
}

func (l *listener) knownOf(ctx context.Context, team, id string) (k known, err error) {
	b, found, err := l.shelf.Get(ctx, fileKey(team, id))
	if err == nil && found {
		err = json.Unmarshal(b, &k)
	}
	if err != nil {
		return known{}, fmt.Errorf("slack: shelf: %w", err)
	}
	return k, nil
}

// remember puts the note beside its file.
func (l *listener) remember(ctx context.Context, n note, bare bool) error {
	err := l.shelf.Update(ctx, fileKey(n.team, n.file), func(old []byte) ([]byte, error) {
		var k known
		if old != nil {
			if err := json.Unmarshal(old, &k); err != nil {
				return nil, err
			}
		}
		i := slices.IndexFunc(k.Notes, func(kn knownNote) bool { return kn.Note == n.id() })
		switch {
		case i < 0:
			k.Notes = append(k.Notes, knownNote{n.id(), bare})
		case bare || !k.Notes[i].Bare:
			return old, nil
		default:
			k.Notes[i].Bare = false
		}
		return json.Marshal(k)
	})
	if err != nil {
		return fmt.Errorf("slack: shelf: %w", err)
	}
	return nil
}

// sentence finds what was meant to be read: what is written with the clip, the
// learner's open practice prompt, or the prompt that the thread begins with.
func (l *listener) sentence(ctx context.Context, team string, m message) (string, error) {
	if text := said(m); text != "" {
		return text, nil
	}
	text, err := l.desk.Prompt(ctx, learnerID(team, m.User))
	if err != nil {
		return "", fmt.Errorf("slack: prompt: %w", err)
	}
	if text != "" || m.ThreadTS == "" {
		return text, nil
	}
	prompt, _, err := l.shelf.Get(ctx, promptKey(thread{team, m.Channel, m.ThreadTS}))
	if err != nil {
		return "", fmt.Errorf("slack: shelf: %w", err)
	}
	return string(prompt), nil
}

// promptKey is where the sentence of a prompt is kept, under its message.
func promptKey(t thread) string { return "prompt." + t.team + "." + t.channel + "." + t.ts }

// busy tells a learner, once, that there were too many.
func (l *listener) busy(ctx context.Context, n note, m message, cause *coach.Busy) error {
	first, err := l.once(ctx, "busy."+string(n.id()))
	if err != nil || !first {
		return err
	}
	sf := surface{team: n.team, user: m.User, thread: thread{n.team, m.Channel, m.root()}}
	if err := l.tell(ctx, sf, l.desk.Words(cause)); err != nil {
		l.log.Warn("who sent too many could not be told", "note", n.id(), "error", err)
	}
	return nil
}

// once reports whether it is the first to ask for a key, on any machine.
func (s *Slack) once(ctx context.Context, key string) (bool, error) {
	first := false
	err := s.shelf.Update(ctx, key, func(old []byte) ([]byte, error) {
		if first = old == nil; first {
			return []byte(strconv.FormatInt(time.Now().Unix(), 10)), nil
		}
		return old, nil
	})
	if err != nil {
		return false, fmt.Errorf("slack: shelf: %w", err)
	}
	return first, nil
}

// twinWait is how long the news of a file waits for its message, which comes at
// about the same time and says more.
const twinWait = 1200 * time.Millisecond

// fileShared takes the news of a file. Where mynah may read a conversation the
// message comes too, and the news adds nothing; elsewhere it is all there is.
func (l *listener) fileShared(ctx context.Context, team string, raw json.RawMessage) error {
	var e struct {
		FileID    string `json:"file_id"`
		ChannelID string `json:"channel_id"`
		UserID    string `json:"user_id"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return unreadable(err)
	}
	if !slackIDs.MatchString(e.FileID) || !slackIDs.MatchString(e.ChannelID) || !slackIDs.MatchString(e.UserID) {
		return nil
	}
	if ok, err := l.allowed(ctx, team, e.ChannelID); err != nil || !ok {
		return err
	}
	ses, err := l.session(ctx, team)
	if err != nil {
		return l.without(err, team)
	}
	if e.UserID == ses.BotUser || ses.hears(e.ChannelID) {
		return nil
	}
	select {
	case <-time.After(twinWait):
	case <-ctx.Done():
		return ctx.Err()
	}
	inChannel := "-" + e.ChannelID + "-"
	k, err := l.knownOf(ctx, team, e.FileID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(k.Notes, func(n knownNote) bool { return strings.Contains(string(n.Note), inChannel) }) {
		return nil
	}
	f, err := l.fileInfo(ctx, ses, e.FileID)
	if errors.Is(err, coach.ErrAudioGone) || codeIs(err, "missing_scope", "access_denied", "not_visible") {
		return nil
	}
	if err != nil {
		return err
	}
	shares := f.in(e.ChannelID)
	if !f.clip() || len(shares) == 0 {
		return nil
	}
	last := shares[len(shares)-1]
	m := message{Channel: e.ChannelID, User: e.UserID, TS: last.TS, ThreadTS: last.ThreadTS}
	if !timeStamps.MatchString(m.root()) || !timeStamps.MatchString(m.TS) {
		return nil
	}
	return l.takeOrTell(ctx, team, m, f, false)
}

// fileDeleted withdraws the notes of a file that is no more.
func (l *listener) fileDeleted(ctx context.Context, team string, raw json.RawMessage) error {
	var e struct {
		FileID string `json:"file_id"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return unreadable(err)
	}
	if !slackIDs.MatchString(e.FileID) {
		return nil
	}
	k, err := l.knownOf(ctx, team, e.FileID)
	if err != nil {
		return err
	}
	for _, n := range k.Notes {
		if err := l.desk.Withdraw(ctx, n.Note); err != nil {
			return fmt.Errorf("slack: withdraw: %w", err)
		}
	}
	return nil
}
