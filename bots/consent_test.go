package bots_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// optIn asks for consent everywhere, and fails the test when anything is
// fetched without it.
func optIn(t *testing.T, c *chat) (consented *bool) {
	c.alone = true // so that the notes come in their order
	c.desk.Defaults.Consent = coach.ConsentOptIn
	consented = new(bool)
	var mu sync.Mutex
	c.on = func(_ context.Context, op string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == "open" && !*consented {
			t.Error("a recording was fetched without consent")
		}
		return nil
	}
	return consented
}

func TestOptIn(t *testing.T) {
	t.Run("asked once, and answered after a yes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			consented := optIn(t, c)
			first, second := chatNote(0), chatNote(3)
			live(t, c, []coach.VoiceNote{first, second}, func() {
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				wantKinds(t, c, first, coach.ReplyNotice)
				wantKinds(t, c, second)
				if b := c.replies[first.ID][0].Buttons; len(b) < 2 || b[0].Action != coach.ActConsent || b[0].Note != first.ID || b[0].Value != "yes" || b[1].Value != "no" {
					t.Errorf("buttons: %+v", b)
				}
				if a := c.do(t, coach.Command{Action: coach.ActConsent, Learner: "another", Note: first.ID, Values: map[string]string{"answer": "yes"}}); a.Text() != prompts.NotYours() {
					t.Errorf("somebody else's yes: %q", a.Text())
				}
				*consented = true
				c.do(t, answers(first, "yes"))
				time.Sleep(time.Second) // woken, not looked at by and by
			})
			wantKinds(t, c, first, coach.ReplyNotice, coach.ReplyCoaching)
			wantKinds(t, c, second, coach.ReplyCoaching)
			wantOver(t, c, first, second)
			for _, f := range c.Finished() {
				if f.Attempt != 1 || f.Began().Sub(f.Note.Received) < 3*time.Hour {
					t.Errorf("%s took %d attempts and began %s after its receipt", f.Note.ID, f.Attempt, f.Began().Sub(f.Note.Received))
				}
			}
		})
	})
	t.Run("dropped unheard after a no, and so is what comes later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			optIn(t, c)
			first, second, later := chatNote(0), chatNote(3), chatNote(6)
			live(t, c, []coach.VoiceNote{first, second}, func() {
				c.do(t, answers(first, "no"))
				synctest.Wait()
				if err := c.Accept(t.Context(), later); err != nil {
					t.Error(err)
				}
			})
			wantKinds(t, c, first, coach.ReplyNotice)
			wantKinds(t, c, second)
			wantKinds(t, c, later)
			wantOver(t, c, first, second, later)
		})
	})
	t.Run("dropped unheard after a week without an answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			optIn(t, c)
			n, later := chatNote(0), chatNote(3)
			live(t, c, []coach.VoiceNote{n}, func() {
				time.Sleep(bots.Wait - time.Minute)
				if len(c.Waiting()) != 1 {
					t.Error("dropped too soon")
				}
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				wantOver(t, c, n)
				later.Received = time.Now()
				if err := c.Accept(t.Context(), later); err != nil {
					t.Error(err)
				}
			})
			wantKinds(t, c, n, coach.ReplyNotice)
			wantKinds(t, c, later, coach.ReplyNotice) // asked anew
		})
	})
	t.Run("asked below the next note when the first is deleted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			optIn(t, c)
			first, second := chatNote(0), chatNote(3)
			live(t, c, []coach.VoiceNote{first, second}, func() {
				if err := c.desk.Withdraw(t.Context(), first.ID); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			})
			wantKinds(t, c, second, coach.ReplyNotice)
			if w := c.Waiting(); len(w) != 1 || w[0].Note.ID != second.ID {
				t.Errorf("%d wait", len(w))
			}
		})
	})
	t.Run("in a place whose owner wants it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			c.do(t, coach.Command{Action: coach.ActSetup, Admin: true, Learner: "owner", Values: map[string]string{"consent": "opt_in"}})
			n, elsewhere := chatNote(0), chatNote(1)
			elsewhere.Place = "discord.guild.2"
			live(t, c, []coach.VoiceNote{n, elsewhere}, nil)
			wantKinds(t, c, n, coach.ReplyNotice)
			wantKinds(t, c, elsewhere, coach.ReplyNotice, coach.ReplyCoaching)
			if c.calls["open"] != 1 {
				t.Errorf("%d recordings were fetched, want the one of elsewhere", c.calls["open"])
			}
		})
	})
}

func TestSentenceIsAskedFor(t *testing.T) {
	const sentence = "Could you pass me the salt, please?"
	t.Run("once, with the recording safe, and the answer is scored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			n := wordless(0)
			live(t, c, []coach.VoiceNote{n}, func() {
				time.Sleep(2 * 24 * time.Hour)
				synctest.Wait()
				wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion)
				if c.posts != 2 {
					t.Errorf("notice and question were posted %d times", c.posts)
				}
				if c.calls["open"] != 1 || c.calls["decode"] != 0 {
					t.Errorf("calls: %v, want the recording fetched and nothing else", c.calls)
				}
				if a := c.do(t, reads(n, "")); a.Form == nil || a.Form.Action != coach.ActSentence || a.Form.Note != n.ID || a.Form.Name != "sentence" {
					t.Errorf("form: %+v", a.Form)
				}
				theirs := reads(n, "I am somebody else.")
				theirs.Learner = "another"
				c.do(t, theirs)
				c.do(t, reads(n, "  Could you pass me\nthe salt,   please?\x00\xff "))
				c.do(t, reads(n, "A second thought."))
				time.Sleep(time.Second)
			})
			wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching)
			if got := c.replies[n.ID][2].Assessment.Text; got != "Could you pass me the salt, please?\x00\uFFFD" {
				t.Errorf("scored: %q", got)
			}
			wantOver(t, c, n)
			if c.calls["open"] != 1 {
				t.Errorf("fetched %d times", c.calls["open"])
			}
		})
	})
	t.Run("and is the open prompt for a while", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			n := wordless(0)
			live(t, c, []coach.VoiceNote{n}, func() { c.do(t, reads(n, sentence)) })
			if got, err := c.desk.Prompt(t.Context(), n.Learner); err != nil || got != sentence {
				t.Errorf("prompt %q, %v", got, err)
			}
			time.Sleep(time.Hour)
			if got, err := c.desk.Prompt(t.Context(), n.Learner); err != nil || got != "" {
				t.Errorf("an hour later: prompt %q, %v", got, err)
			}
		})
	})
	t.Run("an answer that comes while the note is claimed is not lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			n := wordless(0)
			c.shown = func(r coach.Reply) {
				if r.Kind == coach.ReplyQuestion {
					c.do(t, reads(n, sentence))
				}
			}
			live(t, c, []coach.VoiceNote{n}, func() { time.Sleep(time.Second) })
			wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching)
		})
	})
	t.Run("an answer that could not wake the note does so when it is given again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			n := wordless(0)
			asleep := false
			c.Fail = func(op string) error {
				if op == "wake" && asleep {
					return errOurs
				}
				return nil
			}
			live(t, c, []coach.VoiceNote{n}, func() {
				asleep = true
				if _, err := c.desk.Do(t.Context(), reads(n, sentence)); err == nil {
					t.Error("it seems to have been woken")
				}
				asleep = false
				theirs := reads(n, "I am somebody else.")
				theirs.Learner = "another"
				if a := c.do(t, theirs); a.Text() != prompts.NotYours() {
					t.Errorf("somebody else is told %q", a.Text())
				}
				if a := c.do(t, reads(n, "")); a.Form != nil || a.Text() != prompts.SentenceTaken() {
					t.Errorf("given again: %+v", a)
				}
				time.Sleep(time.Second)
				if a := c.do(t, reads(n, "")); a.Text() != prompts.SentenceLate() {
					t.Errorf("after the answer: %q", a.Text())
				}
			})
			wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching)
			if got := c.replies[n.ID][2].Assessment.Text; got != sentence {
				t.Errorf("scored: %q", got)
			}
		})
	})
	t.Run("no answer for a week drops the note and its recording", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			n := wordless(0)
			live(t, c, []coach.VoiceNote{n}, func() {
				time.Sleep(bots.Wait + 20*time.Minute)
				synctest.Wait()
				a := c.do(t, reads(n, sentence))
				if a.Form != nil || a.Text() == "" {
					t.Errorf("too late, and told %+v", a)
				}
			})
			wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion)
			wantOver(t, c, n)
		})
	})
	t.Run("a recording that is gone is told of at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			c.on = func(_ context.Context, op string) error {
				if op == "open" {
					return fmt.Errorf("link: %w", coach.ErrAudioGone)
				}
				return nil
			}
			n := wordless(0)
			live(t, c, []coach.VoiceNote{n}, nil)
			wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyAdvice)
			wantOver(t, c, n)
		})
	})
}
