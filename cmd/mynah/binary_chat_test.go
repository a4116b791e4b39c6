package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/prompts"
)

// killed starts the binary to die at a step, and again once it did. The learner
// goes on meanwhile: talk is called over and over until it is true.
func killed(t *testing.T, step string, env []string, begin func(), talk func() bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	first := start(t, dir, append(env, "MYNAH_FAULT="+step)...)
	died := make(chan error, 1)
	go func() { died <- first.cmd.Wait() }()
	begin()
	var second *server
	for end := time.Now().Add(90 * time.Second); second == nil || !talk(); time.Sleep(50 * time.Millisecond) {
		if second == nil {
			select {
			case <-died:
				if status := first.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
					t.Fatalf("ended with %v, not killed; standard error:\n%s", status, first.stderr.String())
				}
				second = start(t, dir, env...)
			default:
				talk()
			}
		}
		if time.Now().After(end) {
			t.Fatalf("restarted %t, and the learner waits in vain; standard error:\n%s", second != nil, first.stderr.String())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	settled(t, ctx, dir)
	interrupt(t, second)
	for _, s := range []*server{first, second} {
		noSecrets(t, "the log", s.stderr.String(), discordtest.Token, slacktest.AppToken, "lucky", "beautiful")
	}
}

// A note without its sentence is greeted, asked about, given its sentence and
// answered, each exactly once, whatever step the process dies at.
func TestKilledAtAnyStepADiscordNoteIsAnsweredOnce(t *testing.T) {
	needModel(t)
	if testing.Short() {
		t.Skip("two starts for each of many steps")
	}
	for _, step := range []string{
		"before:accept", "after:accept", "after:claim",
		"before:post", "after:post", // the notice
		"after:hold", "before:post#2", "after:post#2", // the question
		"before:retry", "after:retry", "before:wake", "after:wake",
		"after:claim#2", "after:score", "before:post#3", "after:post#3", "after:remember", "before:finish",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			d := newDiscord(t)
			var note string
			given := false
			count := func() (notices, questions, answers int) {
				for _, m := range d.Answers(d.learner, d.channel, note) {
					switch {
					case hasButton(m, prompts.ButtonDetails):
						answers++
					case asks(m):
						questions++
					case m.Text == prompts.SentenceTaken(), m.Text == prompts.SentenceLate():
					default:
						notices++
					}
				}
				return notices, questions, answers
			}
			killed(t, step, []string{"MYNAH_DISCORD_TOKEN=" + discordtest.Token, "MYNAH_TEST_DISCORD=" + d.APIURL()}, func() {
				d.connected(t)
				note = d.Voice(d.learner, d.channel, recording(t, clearNote))
			}, func() bool {
				seen := d.Answers(d.learner, d.channel, note)
				if i := slices.IndexFunc(seen, asks); i >= 0 && !given && d.Sessions() > 0 {
					given = d.tryGive(t, seen[i], clearText)
				}
				_, _, answers := count()
				return answers > 0
			})
			if notices, questions, answers := count(); notices != 1 || questions != 1 || answers != 1 {
				var texts []string
				for _, m := range d.Answers(d.learner, d.channel, note) {
					texts = append(texts, m.Text)
				}
				t.Errorf("%d notices, %d questions, %d answers:\n%s", notices, questions, answers, strings.Join(texts, "\n---\n"))
			}
		})
	}
}

// tryGive is give while the bot may be dead. It reports whether the bot said that
// it has the sentence.
func (d *onDiscord) tryGive(t *testing.T, question discordtest.Message, sentence string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	at := discordtest.Asker{User: d.learner, Channel: question.Channel}
	i, err := d.Press(at, question.ID, string(prompts.ButtonSentence))
	if err != nil {
		t.Error(err)
		return false
	}
	shown, form, err := i.Await(ctx)
	if err != nil || form == nil {
		return err == nil && len(shown) > 0 && shown[0].Text == prompts.SentenceTaken() // it was, before the crash
	}
	if i, err = d.Submit(at, form, sentence); err != nil {
		t.Error(err)
		return false
	}
	shown, _, err = i.Await(ctx)
	return err == nil && len(shown) > 0 && shown[0].Text == prompts.SentenceTaken()
}

func TestKilledAtAnyStepASlackClipIsAnsweredOnce(t *testing.T) {
	needModel(t)
	if testing.Short() {
		t.Skip("two starts for each of many steps")
	}
	for _, step := range []string{
		"before:accept", "after:accept", "after:claim", "before:post", "after:post", "after:hold", "before:post#2", "after:post#2", "before:finish",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newSlack(t)
			w.RetryAfter = []time.Duration{time.Second, 4 * time.Second, 10 * time.Second}
			var note *slacktest.Message
			told, acknowledged := make(chan error, 1), false
			env := []string{
				"MYNAH_SLACK_BOT_TOKEN=" + w.workspace.Token, "MYNAH_SLACK_APP_TOKEN=" + slacktest.AppToken, "MYNAH_TEST_SLACK=" + w.APIURL(),
			}
			answers := func() (n int) {
				for _, s := range w.learner.See(w.channel, note.TS) {
					if slices.Contains(s.Buttons, string(prompts.ButtonDetails)) {
						n++
					}
				}
				return n
			}
			killed(t, step, env, func() {
				w.connected(t)
				note = w.Post(slacktest.Clip{User: w.learner, Channel: w.channel, Text: clearText, Audio: recording(t, clearNote)})
				go func() { told <- w.Tell(t.Context(), note) }()
			}, func() bool {
				select {
				case err := <-told: // delivered again, where it has to be
					if acknowledged = err == nil; !acknowledged {
						t.Errorf("the clip was not acknowledged: %v", err)
					}
				default:
				}
				return acknowledged && answers() > 0
			})
			if seen := w.learner.See(w.channel, note.TS); len(seen) != 2 || answers() != 1 {
				t.Errorf("%d answers among %d messages", answers(), len(seen))
			}
		})
	}
}
