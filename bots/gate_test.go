package bots_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

// chat is a world with a desk: a chat platform.
type chat struct {
	world
	desk             *bots.Desk
	lasting, passing *storetest.MemoryShelf
	alone            bool // its worker works on one note at a time
}

const here coach.PlaceID = "discord.guild.1"

func newChat() *chat {
	c := &chat{lasting: storetest.NewShelf(), passing: storetest.NewShelf()}
	c.platform = coach.Discord
	c.desk = bots.NewDesk(c, c, c, c.lasting, c.passing)
	return c
}

func (c *chat) worker() *bots.Worker {
	w := c.world.worker()
	w.Desk = c.desk
	return w
}

// chatNote is a note of the chat, by learner n%3.
func chatNote(n int) coach.VoiceNote {
	v := note(n)
	v.Platform, v.Place = coach.Discord, here
	return v
}

// wordless is a note that came without its sentence.
func wordless(n int) coach.VoiceNote {
	v := chatNote(n)
	v.Text = ""
	return v
}

// do asks the desk, which must not fail.
func (c *chat) do(t *testing.T, cmd coach.Command) coach.Answer {
	t.Helper()
	if cmd.Place == "" {
		cmd.Place = here
	}
	a, err := c.desk.Do(t.Context(), cmd)
	if err != nil {
		t.Errorf("%s: %v", cmd.Action, err)
	}
	return a
}

func answers(n coach.VoiceNote, yesOrNo string) coach.Command {
	return coach.Command{Action: coach.ActConsent, Learner: n.Learner, Place: n.Place, Note: n.ID, Values: map[string]string{"answer": yesOrNo}}
}

func reads(n coach.VoiceNote, sentence string) coach.Command {
	return coach.Command{Action: coach.ActSentence, Learner: n.Learner, Place: n.Place, Note: n.ID, Values: map[string]string{"sentence": sentence}}
}

// live accepts the notes, starts a worker, and then lets the script run.
func live(t *testing.T, c *chat, notes []coach.VoiceNote, script func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	for _, n := range notes {
		if err := c.Accept(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	worker := c.worker()
	if c.alone {
		worker.Concurrency, worker.Notes = 1, 1
	}
	go func() { done <- worker.Run(ctx) }()
	synctest.Wait()
	if script != nil {
		script()
	}
	synctest.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// wantKinds checks which replies a note got.
func wantKinds(t *testing.T, c *chat, n coach.VoiceNote, want ...coach.ReplyKind) {
	t.Helper()
	if d := cmp.Diff(want, c.kinds(n.ID)); d != "" {
		t.Errorf("replies to %s (-want +got):\n%s", n.ID, d)
	}
}

// wantOver checks that nothing waits and nothing is held.
func wantOver(t *testing.T, c *chat, notes ...coach.VoiceNote) {
	t.Helper()
	if w := c.Waiting(); len(w) != 0 {
		t.Errorf("%d notes still wait", len(w))
	}
	if b := c.Buried(); len(b) != 0 {
		t.Errorf("%d notes were buried", len(b))
	}
	for _, n := range notes {
		absent(t, &c.world, n.ID)
	}
}

func TestLearnerIsToldOnceAndFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		notes := []coach.VoiceNote{chatNote(0), chatNote(3), chatNote(6)} // of one learner
		c.on = func(_ context.Context, op string) error {
			if told := len(c.kinds(notes[0].ID)) + len(c.kinds(notes[1].ID)) + len(c.kinds(notes[2].ID)); op == "open" && told == 0 {
				t.Error("a recording was fetched before its learner was told")
			}
			return nil
		}
		live(t, c, notes, func() { time.Sleep(10 * time.Second) })
		notices := 0
		for _, n := range notes {
			kinds := c.kinds(n.ID)
			if kinds[0] == coach.ReplyNotice {
				notices++
			}
			if kinds[len(kinds)-1] != coach.ReplyCoaching {
				t.Errorf("%s got %v", n.ID, kinds)
			}
		}
		if notices != 1 {
			t.Errorf("%d notices", notices)
		}
		wantOver(t, c, notes...)
		later := chatNote(9)
		live(t, c, []coach.VoiceNote{later}, nil)
		wantKinds(t, c, later, coach.ReplyCoaching)
		other := chatNote(1)
		live(t, c, []coach.VoiceNote{other}, nil)
		wantKinds(t, c, other, coach.ReplyNotice, coach.ReplyCoaching)
	})
}

// TestGoneAnywhere deletes the note, forgets its learner or leaves its place
// before and during every operation on it: it gets no answer unless that was on
// its way already, and nothing is kept of the learner or the recording.
func TestGoneAnywhere(t *testing.T) {
	for what, vanish := range map[string]func(t *testing.T, c *chat, n coach.VoiceNote) error{
		"withdrawn": func(t *testing.T, c *chat, n coach.VoiceNote) error { return c.desk.Withdraw(t.Context(), n.ID) },
		"forgotten": func(t *testing.T, c *chat, n coach.VoiceNote) error {
			_, err := c.desk.Do(t.Context(), coach.Command{Action: coach.ActForget, Learner: n.Learner, Place: n.Place, Values: map[string]string{"confirm": "yes"}})
			return err
		},
		"left": func(t *testing.T, c *chat, n coach.VoiceNote) error { return c.desk.Leave(t.Context(), n.Place) },
	} {
		t.Run(what, func(t *testing.T) {
			for at := 0; ; at++ {
				ops := 0
				synctest.Test(t, func(t *testing.T) {
					c := newChat()
					n := chatNote(0)
					gone := func() {
						if err := vanish(t, c, n); err != nil {
							t.Error(err)
						}
					}
					if at == 0 {
						gone()
					}
					late := false // the answer was on its way
					c.on = func(_ context.Context, op string) error {
						if ops++; ops == at {
							late = op == "post" && len(c.kinds(n.ID)) == 1
							gone()
						}
						return nil
					}
					live(t, c, []coach.VoiceNote{n}, func() { time.Sleep(time.Minute) })
					want := []coach.ReplyKind{coach.ReplyNotice, coach.ReplyCoaching}
					switch {
					case at == 0:
						want = nil
					case at <= ops && !late:
						want = want[:1]
					}
					if got := c.kinds(n.ID); !slices.Equal(got, want) {
						t.Errorf("at %d of %d: replies %v, want %v", at, ops, got, want)
					}
					wantOver(t, c, n)
					lessons, err := c.Earlier(t.Context(), n.Learner, -1)
					if keep := at > ops || late && what == "withdrawn"; err != nil || (len(lessons) == 1) != keep {
						t.Errorf("at %d of %d: %d lessons are kept, %v", at, ops, len(lessons), err)
					}
				})
				if ops == at-1 {
					if at < 8 {
						t.Errorf("a note has only %d operations", ops)
					}
					break
				}
			}
		})
	}
}

// TestGateSurvivesAnything loses the claim, or fails the operation, at every
// single operation in turn, with a learner who answers at once or later: under
// opt-in, a note that came without its sentence gets one notice, one question
// and one answer.
func TestGateSurvivesAnything(t *testing.T) {
	const sentence = "Could you pass me the salt, please?"
	for _, trouble := range []string{"crash", "failure"} {
		for _, delay := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("%s, answered after %s", trouble, delay), func(t *testing.T) {
				for at := 1; ; at++ {
					var ops atomic.Int64
					synctest.Test(t, func(t *testing.T) {
						c := newChat()
						c.alone = true
						n := wordless(0)
						c.desk.Defaults.Consent = coach.ConsentOptIn
						var consented atomic.Bool
						var quiet atomic.Int32 // above 0, nothing goes wrong: it is a learner who asks, and would again; or the test
						do := func(op string) error {
							if op == "open" && !consented.Load() {
								t.Errorf("%s at %d: fetched without consent", trouble, at)
							}
							if op == "accept" || op == "claim" {
								return nil
							}
							if ops.Add(1) != int64(at) || quiet.Load() > 0 {
								return nil
							}
							if trouble == "failure" {
								return errOurs
							}
							c.Crash()
							return nil
						}
						c.Fail, c.lasting.Fail, c.passing.Fail = do, do, do
						c.on = func(_ context.Context, op string) error { return do(op) }
						c.shown = func(r coach.Reply) {
							reply := func() {
								time.Sleep(delay)
								quiet.Add(1)
								defer quiet.Add(-1)
								switch r.Kind {
								case coach.ReplyNotice:
									consented.Store(true)
									c.do(t, answers(n, "yes"))
								case coach.ReplyQuestion:
									c.do(t, reads(n, sentence))
								}
							}
							if delay > 0 {
								go reply()
							} else {
								reply()
							}
						}
						live(t, c, []coach.VoiceNote{n}, func() {
							for range 60 { // at the worst it is looked at again, twice
								if time.Sleep(time.Minute); len(c.Waiting()) == 0 {
									break
								}
							}
							time.Sleep(delay)
							quiet.Add(1)
						})
						kinds := c.kinds(n.ID)
						if !slices.Equal(kinds, []coach.ReplyKind{coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching}) {
							t.Errorf("%s at %d: replies %v", trouble, at, kinds)
						}
						wantOver(t, c, n)
						if f := c.Finished(); len(f) != 1 || f[0].Note.Text != sentence {
							t.Errorf("%s at %d: finished %+v", trouble, at, f)
						}
					})
					if n := ops.Load(); n < int64(at) {
						if n < 40 {
							t.Errorf("a note has only %d operations", n)
						}
						return
					}
				}
			})
		}
	}
}

// TestOnlySoManyWait sends notes that lack their sentence and answers nothing.
func TestOnlySoManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.alone = true
		var notes []coach.VoiceNote
		for i := range 25 {
			notes = append(notes, wordless(3*i))
		}
		live(t, c, notes, func() { time.Sleep(time.Minute) })
		var waiting []coach.NoteID
		for _, w := range c.Waiting() {
			waiting = append(waiting, w.Note.ID)
		}
		var want []coach.NoteID
		for _, n := range notes[5:] {
			want = append(want, n.ID)
		}
		if d := cmp.Diff(want, waiting); d != "" {
			t.Errorf("waiting (-want +got):\n%s", d)
		}
		for _, n := range notes[:5] {
			absent(t, &c.world, n.ID)
		}
	})
}

func TestLearnersManner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		n := chatNote(0)
		set := func(name, value string) {
			t.Helper()
			c.do(t, coach.Command{Action: coach.ActSettings, Learner: n.Learner, Values: map[string]string{name: value}})
		}
		set("replies", "me")
		live(t, c, []coach.VoiceNote{n}, nil)
		for _, r := range c.replies[n.ID] {
			if !r.Private {
				t.Errorf("the %s is for everyone", r.Kind)
			}
		}
		if r := c.replies[n.ID][1]; len(r.Buttons) != 3 || r.Buttons[0].Action != coach.ActDetails || r.Buttons[0].Note != n.ID {
			t.Errorf("buttons: %+v", r.Buttons)
		}
		set("replies", "thread")
		set("explanations", "short")
		before := c.calls["explain"]
		next := chatNote(3)
		live(t, c, []coach.VoiceNote{next}, nil)
		if r := c.replies[next.ID][0]; r.Private || c.calls["explain"] != before || r.Rationale == nil || r.Rationale.Source != coach.SourcePlain {
			t.Errorf("reply: %+v; want a short one for everyone", r)
		}
		c.do(t, coach.Command{Action: coach.ActSetup, Learner: "owner", Admin: true, Values: map[string]string{"replies": "private"}})
		other := chatNote(1)
		live(t, c, []coach.VoiceNote{other}, nil)
		if r := c.replies[other.ID][1]; !r.Private {
			t.Error("the owner wants replies to be private")
		}
		mine := chatNote(6)
		live(t, c, []coach.VoiceNote{mine}, nil)
		if r := c.replies[mine.ID][0]; r.Private {
			t.Error("the learner wants theirs in the thread, whatever the owner wants")
		}
	})
}

func TestPlaygroundHasNoGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.platform = coach.Playground
		c.desk.Defaults.Consent = coach.ConsentOptIn
		n := note(0)
		live(t, c, []coach.VoiceNote{n}, nil)
		wantKinds(t, c, n, coach.ReplyCoaching)
		if r := c.replies[n.ID][0]; len(r.Buttons) != 0 || r.Text != r.Rationale.Text {
			t.Errorf("reply: %+v", r)
		}
	})
}

// indicating is an adapter that shows what is being worked on.
type indicating struct {
	adapter
	working func(ctx context.Context, n coach.VoiceNote) error
}

func (i indicating) Working(ctx context.Context, n coach.VoiceNote) error { return i.working(ctx, n) }

func TestIndicator(t *testing.T) {
	for name, working := range map[string]func(ctx context.Context) error{
		"works":  func(context.Context) error { return nil },
		"fails":  func(context.Context) error { return errOurs },
		"panics": func(context.Context) error { panic("out of order") },
		"hangs":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChat()
				n := wordless(0)
				var shown []coach.NoteID
				worker := bots.NewWorker(c, c, c, decoder{&c.world}, scorer{&c.world}, explainer{&c.world},
					indicating{adapter{&c.world}, func(ctx context.Context, n coach.VoiceNote) error {
						shown = append(shown, n.ID)
						return working(ctx)
					}})
				worker.Desk = c.desk
				if err := c.Accept(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- worker.Run(ctx) }()
				time.Sleep(time.Second)
				if len(shown) != 0 {
					t.Error("a note that waits for its learner is not being worked on")
				}
				c.do(t, reads(n, "I think so."))
				time.Sleep(5 * time.Second)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching)
				if len(shown) != 1 {
					t.Errorf("shown %d times", len(shown))
				}
			})
		})
	}
}

func TestForgottenWhileItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.on = func(_ context.Context, op string) error {
			if op == "score" {
				return errOurs
			}
			return nil
		}
		n := chatNote(0)
		live(t, c, []coach.VoiceNote{n}, func() {
			time.Sleep(5 * time.Second)
			c.do(t, coach.Command{Action: coach.ActForget, Learner: n.Learner, Values: map[string]string{"confirm": "yes"}})
			time.Sleep(10 * time.Minute)
		})
		wantKinds(t, c, n, coach.ReplyNotice)
		wantOver(t, c, n)
	})
}

func TestSnoozeAfterALongWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		n := wordless(0)
		limited := true
		live(t, c, []coach.VoiceNote{n}, func() {
			time.Sleep(3 * 24 * time.Hour)
			c.on = func(_ context.Context, op string) error {
				if op == "post" && limited {
					limited = false
					return &coach.Snooze{For: time.Minute, Cause: errors.New("429")}
				}
				return nil
			}
			c.do(t, reads(n, "I think so."))
			time.Sleep(2 * time.Minute)
		})
		wantKinds(t, c, n, coach.ReplyNotice, coach.ReplyQuestion, coach.ReplyCoaching)
		if l, err := c.Earlier(t.Context(), n.Learner, -1); err != nil || len(l) != 1 { // it was not given up
			t.Errorf("%d lessons, %v", len(l), err)
		}
	})
}

// TestNoticeIsTakenOver lets the notice below a learner's first note fail.
func TestNoticeIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		first, second := chatNote(0), chatNote(3)
		c.refuse = first.ID
		live(t, c, []coach.VoiceNote{first}, func() {
			time.Sleep(time.Second)
			if err := c.Accept(t.Context(), second); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			wantKinds(t, c, second)
			time.Sleep(2 * time.Minute)
		})
		wantKinds(t, c, first)
		wantKinds(t, c, second, coach.ReplyNotice, coach.ReplyCoaching)
	})
}
