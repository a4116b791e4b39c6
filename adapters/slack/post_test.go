package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

// another is a second machine of the same service.
func (r *running) another(t *testing.T) *Slack {
	t.Helper()
	c := r.config()
	c.Ready = nil
	return r.adapter(c)
}

// shown are the replies to a note that its learner sees.
func (r *running) shown(t *testing.T, n coach.VoiceNote) []slacktest.Seen {
	t.Helper()
	id, err := parseNote(n.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all []slacktest.Seen
	for _, seen := range append(r.ada.See(r.channel, ""), r.ada.See(r.ada.Direct(), "")...) {
		if strings.Contains(string(seen.Message().Metadata), id.ts) {
			all = append(all, seen)
		}
	}
	return all
}

func (r *running) shownOne(t *testing.T, n coach.VoiceNote) slacktest.Seen {
	t.Helper()
	shown := r.shown(t, n)
	if len(shown) != 1 {
		t.Fatalf("the learner sees %d replies, want 1", len(shown))
	}
	return shown[0]
}

// die leaves a posting as a machine does that dies in the middle of it.
func (r *running) die(t *testing.T, reply coach.Reply, began time.Time) {
	t.Helper()
	b, err := json.Marshal(posting{State: postBegun, At: began, Began: began})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.shelf.Put(t.Context(), postKey(reply), b); err != nil {
		t.Fatal(err)
	}
}

var errDead = errors.New("dead")

// deadAfter is the shelf of a machine that dies when its message is posted.
type deadAfter struct {
	coach.Shelf
	posted func() bool
}

func (d *deadAfter) Put(ctx context.Context, key string, value []byte) error {
	if d.posted() {
		return errDead
	}
	return d.Shelf.Put(ctx, key, value)
}

// age makes a posting older.
func (r *running) age(t *testing.T, reply coach.Reply, by time.Duration) {
	t.Helper()
	err := r.shelf.Update(t.Context(), postKey(reply), func(old []byte) ([]byte, error) {
		var p posting
		if err := json.Unmarshal(old, &p); err != nil {
			return nil, err
		}
		if p.State != postBegun {
			t.Errorf("the dead left the state %q", p.State)
		}
		p.At, p.Began = p.At.Add(-by), p.Began.Add(-by)
		return json.Marshal(p)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPostWhileItCannotLook wants an answer that may be there not to be posted
// again as long as Slack does not say whether it is.
func TestPostWhileItCannotLook(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("one"))
	reply := answer(n, "Well read.")
	r.slack().Fail("chat.postMessage", true)
	if err := r.another(t).Post(r.ctx(t), n.Thread, reply); err == nil {
		t.Fatal("a lost answer is no error")
	}
	for _, code := range []string{"ratelimited", "fatal_error", "not_allowed_token_type"} {
		r.slack().Refuse("conversations.replies", code)
		if err := r.another(t).Post(r.ctx(t), n.Thread, reply); err == nil {
			t.Fatalf("%s: it posted without having looked", code)
		}
	}
	if err := r.another(t).Post(r.ctx(t), n.Thread, reply); err != nil {
		t.Fatal(err)
	}
	r.shownOne(t, n)
}

func TestPostAfterDeath(t *testing.T) {
	r := run(t)
	long := time.Now().Add(-2 * postWithin)
	t.Run("before it posted", func(t *testing.T) {
		_, n := r.post(t, r.clip("one"))
		r.die(t, answer(n, "Well read."), long)
		if err := r.another(t).Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
			t.Fatal(err)
		}
		r.shownOne(t, n)
	})
	for name, how := range map[string]struct{ private, kicked bool }{
		"after it posted": {}, "after it posted privately": {private: true}, "after it posted privately because it had to": {kicked: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t)
			_, n := r.post(t, r.clip(name))
			if how.kicked {
				r.channel.Kick()
			}
			reply := answer(n, "Well read.")
			reply.Private = how.private
			dead := &deadAfter{Shelf: r.shelf, posted: func() bool { return len(r.shown(t, n)) > 0 }}
			r.Slack.shelf = dead
			if err := r.Post(r.ctx(t), n.Thread, reply); !errors.Is(err, errDead) {
				t.Fatalf("%v, want the death", err)
			}
			r.Slack.shelf = r.shelf
			r.age(t, reply, 2*postWithin)
			if err := r.another(t).Post(r.ctx(t), n.Thread, reply); err != nil {
				t.Fatal(err)
			}
			r.shownOne(t, n)
		})
	}
	t.Run("another machine is at it", func(t *testing.T) {
		_, n := r.post(t, r.clip("busy"))
		r.die(t, answer(n, "Well read."), time.Now())
		var snooze *coach.Snooze
		if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); !errors.As(err, &snooze) || snooze.For > postWithin {
			t.Errorf("%v, want a snooze", err)
		}
	})
}

func TestMachinesPostOnce(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("one"))
	machines := []*Slack{r.Slack, r.another(t), r.another(t), r.another(t)}
	var all sync.WaitGroup
	for range 4 {
		for _, m := range machines {
			all.Go(func() {
				err := m.Post(r.ctx(t), n.Thread, answer(n, "Well read."))
				var snooze *coach.Snooze
				if err != nil && !errors.As(err, &snooze) {
					t.Errorf("Post: %v", err)
				}
			})
		}
	}
	all.Wait()
	r.shownOne(t, n)
}

// A long thread is looked through to its end.
func TestLostAnswerIsFoundInALongThread(t *testing.T) {
	r := run(t)
	m, n := r.post(t, r.clip("one"))
	for range 450 {
		r.slack().Post(slacktest.Clip{User: r.bob, Channel: r.channel, Thread: m.TS, Text: "talk"})
	}
	r.slack().Fail("chat.postMessage", true)
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err == nil {
		t.Fatal("the lost answer was not noticed")
	}
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
		t.Fatal(err)
	}
	r.shownOne(t, n)
	if calls := r.slack().Calls("conversations.replies"); calls != 3 {
		t.Errorf("%d pages were read, want 3", calls)
	}
}

func TestPostWhereWeCantSpeak(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("one"))
	r.channel.Kick()
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
		t.Fatal(err)
	}
	seen := r.shownOne(t, n)
	if !seen.Private || !strings.Contains(seen.Text, "Well read.") || !strings.Contains(seen.Text, wordsYour) || len(seen.Active) > 0 {
		t.Errorf("Ada sees %+v", seen)
	}
	if !strings.Contains(string(seen.Blocks()), "https://acme.slack.com/archives/"+r.channel.ID+"/p") {
		t.Errorf("no way back to the recording: %s", seen.Blocks())
	}
}

func TestPrivateReplyLeavesOnlyAReaction(t *testing.T) {
	r := run(t)
	r.desk.SetRules(coach.Rules{Private: true})
	m, n := r.post(t, r.clip("one"))
	if err := r.Working(r.ctx(t), n); err != nil {
		t.Fatal(err)
	}
	if m.Status() != "" || strings.Join(m.Reactions(), " ") != reactionWorking {
		t.Errorf("while working others see the status %q and the reactions %q", m.Status(), m.Reactions())
	}
	reply := answer(n, "Well read.")
	reply.Private = true
	if err := r.Post(r.ctx(t), n.Thread, reply); err != nil {
		t.Fatal(err)
	}
	if got := r.bob.See(r.channel, ""); len(got) != 0 || strings.Join(m.Reactions(), " ") != reactionAnswered {
		t.Errorf("others see %+v and the reactions %q", got, m.Reactions())
	}
	r.shownOne(t, n)
}

func TestWorking(t *testing.T) {
	for name, tc := range map[string]struct {
		change   change
		status   string
		reaction string
	}{
		"by a status":        {func(*running, *Config) {}, statusListening, ""},
		"else by a reaction": {func(r *running, _ *Config) { r.ws.NoStatus = true }, "", reactionWorking},
		"else not at all":    {func(r *running, c *Config) { r.ws.NoStatus = true; scopesWithout("reactions:write")(r, c) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, tc.change)
			m, n := r.post(t, r.clip("one"))
			for range 2 {
				if err := r.Working(r.ctx(t), n); err != nil {
					t.Fatal(err)
				}
			}
			if m.Status() != tc.status || strings.Join(m.Reactions(), " ") != tc.reaction {
				t.Errorf("status %q and reactions %q", m.Status(), m.Reactions())
			}
			if err := r.another(t).Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
				t.Fatal(err)
			}
			if m.Status() != "" || len(m.Reactions()) != 0 {
				t.Errorf("after the answer: status %q and reactions %q", m.Status(), m.Reactions())
			}
		})
	}
}

// withCard makes the adapter draw a card.
func withCard(r *running, _ *Config) {
	r.draw = func(coach.Reply) (*coach.Picture, error) {
		var b bytes.Buffer
		err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 20)))
		return &coach.Picture{PNG: b.Bytes(), Alt: "think: clear"}, err
	}
}

func TestCard(t *testing.T) {
	t.Run("is in the reply, once Slack has looked at it", func(t *testing.T) {
		r := run(t, withCard)
		_, n := r.post(t, r.clip("one"))
		r.slack().Fail("chat.postMessage", false)
		if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err == nil {
			t.Fatal("a failure was not noticed")
		}
		if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
			t.Fatal(err)
		}
		if seen := r.shownOne(t, n); strings.Join(seen.Alts, " ") != "think: clear" || seen.Text != "Well read." {
			t.Errorf("Ada sees %+v", seen)
		}
		if calls := r.slack().Calls("files.completeUploadExternal"); calls != 1 {
			t.Errorf("%d uploads, want 1", calls)
		}
	})
	for name, c := range map[string]change{
		"is left out without the scope": scopesWithout("files:write"),
		"is left out when it can't be":  func(r *running, _ *Config) { r.slack().Fail("files.getUploadURLExternal", false) },
		"is left out when it is not drawn": func(r *running, _ *Config) {
			r.draw = func(coach.Reply) (*coach.Picture, error) { return nil, errFull }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, withCard, c)
			_, n := r.post(t, r.clip("one"))
			if err := r.Post(r.ctx(t), n.Thread, answer(n, "Well read.")); err != nil {
				t.Fatal(err)
			}
			if seen := r.shownOne(t, n); len(seen.Alts) != 0 || seen.Text != "Well read." {
				t.Errorf("Ada sees %+v", seen)
			}
		})
	}
}

func TestBlocksThatSlackRefuses(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("one"))
	r.slack().Refuse("chat.postMessage", "msg_blocks_too_long")
	if err := r.Post(r.ctx(t), n.Thread, answer(n, "*Well* read & <!channel>.")); err != nil {
		t.Fatal(err)
	}
	seen := r.shownOne(t, n)
	if len(seen.Blocks()) != 0 || seen.Text != "*Well* read & <!channel>." || len(seen.Active) > 0 {
		t.Errorf("Ada sees %+v", seen)
	}
}

// A limit in one channel holds nobody else up, and is kept without asking Slack
// again.
func TestRateLimitsAreApart(t *testing.T) {
	r := run(t)
	_, here := r.post(t, r.clip("here"))
	other := r.ws.AddChannel("other", r.ada)
	c := r.clip("there")
	c.Channel = other
	_, there := r.post(t, c)
	r.slack().Limit("chat.postMessage", r.channel.ID, time.Minute)
	for range 3 {
		var snooze *coach.Snooze
		if err := r.Post(r.ctx(t), here.Thread, answer(here, "Well read.")); !errors.As(err, &snooze) || snooze.For < 55*time.Second || snooze.For > time.Minute {
			t.Fatalf("%v, want a snooze of a minute", err)
		}
	}
	if calls := r.slack().Calls("chat.postMessage"); calls != 1 {
		t.Errorf("Slack was asked %d times under its limit, want 1", calls)
	}
	began := time.Now()
	if err := r.Post(r.ctx(t), there.Thread, answer(there, "Well read.")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("another channel waited %s", took)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("A secret sentence."))
	for _, fail := range []func(){
		func() { r.slack().Fail("chat.postMessage", false) },
		func() { r.slack().Refuse("chat.postMessage", "token_revoked") },
		func() { r.slack().Fail("conversations.replies", false) },
	} {
		fail()
		err := r.Post(r.ctx(t), n.Thread, answer(n, "A secret answer."))
		if err == nil {
			continue
		}
		noSecrets(t, err.Error(), "secret")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Open(ctx, n); err == nil {
		t.Error("an ended context opened a file")
	} else {
		noSecrets(t, err.Error(), "secret")
	}
	r.stop(t)
	noSecrets(t, r.log.String(), "secret")
}

func TestPostRefusesStrangeNotes(t *testing.T) {
	r := run(t)
	_, n := r.post(t, r.clip("one"))
	for name, reply := range map[string]coach.Reply{
		"another platform's": {Note: "discord-1-2-3", Kind: coach.ReplyAdvice, Text: "x"},
		"another thread's":   {Note: "slack-T1-C1-1.1-F1", Kind: coach.ReplyAdvice, Text: "x"},
		"a broken one":       {Note: "slack-T1-C1", Kind: coach.ReplyAdvice, Text: "x"},
	} {
		if err := r.Post(r.ctx(t), n.Thread, reply); err == nil {
			t.Errorf("%s note was answered", name)
		}
	}
}
