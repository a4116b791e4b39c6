package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// onSlack is a workspace with a channel and a learner in it.
type onSlack struct {
	*slacktest.Server
	workspace *slacktest.Workspace
	channel   *slacktest.Channel
	learner   *slacktest.User
	boss      *slacktest.User
}

func newSlack(t *testing.T) *onSlack {
	s := &onSlack{Server: slacktest.NewServer(t)}
	s.EnableSockets()
	s.workspace = s.AddWorkspace("school")
	s.learner, s.boss = s.workspace.AddUser("learner"), s.workspace.AddUser("boss")
	s.boss.SetAdmin(true)
	s.channel = s.workspace.AddChannel("speaking", s.learner, s.boss)
	return s
}

// program is one that serves Slack alone, in socket mode where args don't say
// otherwise.
func (s *onSlack) program(t *testing.T, args ...string) *program {
	p := newProgram(t, append([]string{"--set", "playground.enabled=false", "--set", "slack.bot_token=" + s.workspace.Token,
		"--set", "slack.app_token=" + slacktest.AppToken}, args...)...)
	p.SlackURL = s.APIURL()
	return p
}

func (s *onSlack) connected(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Listening(ctx); err != nil {
		t.Fatal(err)
	}
}

// answers waits until somebody sees n answers in a message's thread.
func (s *onSlack) answers(t *testing.T, m *slacktest.Message, n int) []slacktest.Seen {
	t.Helper()
	var seen []slacktest.Seen
	eventually(t, "there are answers", func() bool {
		seen = s.learner.See(s.channel, m.TS)
		return len(seen) >= n
	})
	return seen
}

// shown checks what a person is shown.
func shown(t *testing.T, r slacktest.Response, err error) slacktest.Response {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clip posts a clip, with the sentence typed beside it.
func (s *onSlack) clip(t *testing.T, name, text string) *slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := s.PostClip(ctx, slacktest.Clip{User: s.learner, Channel: s.channel, Text: text, Audio: asSlackHasIt(t, name)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asSlackHasIt is a recording as Slack gives its clips out: AAC in MP4, whatever
// they are called (here audio/webm). Without ffmpeg, which mynah then lacks too,
// it stays as it is.
func asSlackHasIt(t *testing.T, name string) []byte {
	t.Helper()
	tool, err := exec.LookPath("ffmpeg")
	if err != nil {
		return recording(t, name)
	}
	to := filepath.Join(t.TempDir(), "audio_message.mp4")
	from := filepath.Join("../../audio/testdata", name)
	if out, err := exec.Command(tool, "-nostdin", "-v", "error", "-i", from, "-c:a", "aac", "-b:a", "64k", to).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSlack(t *testing.T) {
	needModel(t)
	t.Run("by Socket Mode", func(t *testing.T) { onSlackFromFirstToLast(t, func(*onSlack) []string { return nil }) })
	t.Run("over HTTP", func(t *testing.T) {
		onSlackFromFirstToLast(t, func(s *onSlack) []string {
			addr := freeAddr(t)
			s.SendTo("http://" + addr)
			return []string{"--set", "slack.mode=http", "--set", "slack.addr=" + addr, "--set", "slack.signing_secret=" + slacktest.SigningSecret}
		})
	})
}

// onSlackFromFirstToLast is a learner's whole way: a first clip with its
// sentence, one without, the buttons, every command, App Home, and being
// forgotten.
func onSlackFromFirstToLast(t *testing.T, mode func(*onSlack) []string) {
	noLeaks(t)
	w := newSlack(t)
	p := w.program(t, append(mode(w), "--set", "log.level=debug")...)
	s := serve(t, p)
	w.connected(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	note := w.clip(t, clearNote, clearText)
	seen := w.answers(t, note, 2)
	reply := seen[1]
	if slices.Contains(seen[0].Buttons, string(prompts.ButtonDetails)) || !slices.Contains(reply.Buttons, string(prompts.ButtonDetails)) {
		t.Fatalf("answered %q %v, %q %v", seen[0].Text, seen[0].Buttons, reply.Text, reply.Buttons)
	}
	if !slices.ContainsFunc(reply.Alts, func(alt string) bool { return strings.Contains(alt, "beautiful") }) {
		t.Errorf("no picture goes with the answer: %q", reply.Alts)
	}
	t.Run("a clip without its sentence is asked for it", func(t *testing.T) {
		m := w.clip(t, childNote, "")
		question := w.answers(t, m, 1)[0]
		opened, err := w.learner.Press(ctx, question, string(prompts.ButtonSentence))
		r, err := shown(t, opened, err).Send(ctx, childText)
		shown(t, r, err)
		if last := w.answers(t, m, 2)[1]; !slices.Contains(last.Buttons, string(prompts.ButtonDetails)) {
			t.Errorf("answered %q", last.Text)
		}
	})
	t.Run("details are the learner's alone", func(t *testing.T) {
		r, err := w.learner.Press(ctx, reply, string(prompts.ButtonDetails))
		got := shown(t, r, err).Seen
		if len(got) == 0 || !got[0].Private || !strings.Contains(got[0].Text, "beautiful") {
			t.Errorf("shown %+v", got)
		}
		r, err = w.boss.Press(ctx, reply, string(prompts.ButtonDetails))
		if got := shown(t, r, err).Seen; len(got) == 0 || strings.Contains(got[0].Text, "beautiful") {
			t.Errorf("somebody else is shown %+v", got)
		}
	})
	t.Run("every command is answered", func(t *testing.T) {
		for _, e := range prompts.Menu() {
			who := w.learner
			if e.Admin {
				who = w.boss
			}
			r, err := who.Command(ctx, w.channel, string(e.Action))
			got := shown(t, r, err).Seen
			if len(got) == 0 || got[0].Text == "" && len(got[0].Files) == 0 {
				t.Errorf("/mynah %s: shown %+v", e.Action, got)
				continue
			}
			if e.Action != coach.ActPractice && !got[0].Private {
				t.Errorf("/mynah %s is answered to everybody", e.Action)
			}
			if e.Action == coach.ActExport {
				eventually(t, "the export is there", func() bool {
					return slices.ContainsFunc(w.learner.See(w.learner.Direct(), ""), func(s slacktest.Seen) bool {
						for _, b := range s.Files {
							return json.Valid(b)
						}
						return false
					})
				})
			}
		}
		r, err := w.learner.Command(ctx, w.channel, string(coach.ActSetup))
		if got := shown(t, r, err).Seen; len(got) == 0 || len(got[0].Choices) > 0 {
			t.Errorf("a learner may set the workspace up: %+v", got)
		}
	})
	t.Run("the App Home has something to say", func(t *testing.T) {
		home, err := w.learner.OpenHome(ctx)
		if err != nil || home.Text == "" {
			t.Errorf("home %+v, %v", home, err)
		}
	})
	t.Run("the forgotten are strangers", func(t *testing.T) {
		r, err := w.learner.Command(ctx, w.channel, string(coach.ActForget))
		r, err = shown(t, r, err).Press(ctx, string(prompts.ButtonForget))
		shown(t, r, err)
		m := w.clip(t, childNote, childText)
		if seen := w.answers(t, m, 2); slices.Contains(seen[0].Buttons, string(prompts.ButtonDetails)) {
			t.Errorf("greeted with %q", seen[0].Text)
		}
	})
	if code, took := s.stop(); code != exitOK || took > 5*time.Second {
		t.Errorf("ended with %d after %s", code, took)
	}
	noSecrets(t, "the log", p.stderr.String()+p.stdout.String(), w.workspace.Token, slacktest.AppToken, slacktest.SigningSecret,
		"lucky", "beautiful", "Mark lived")
}

func TestSlackSaysWhatIsWrong(t *testing.T) {
	needModel(t)
	for _, tt := range []struct{ name, set, says string }{
		{"with the bot token", "slack.bot_token=xoxb-hunter2", "bot token"},
		{"with the app token", "slack.app_token=xapp-hunter2", "app-level token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newSlack(t).program(t, "--set", tt.set)
			p.Args = append([]string{"serve"}, p.Args...)
			if code := soon(t, p); code != exitFailure || !strings.Contains(p.stderr.String(), tt.says) {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
			noSecrets(t, "the error", p.stderr.String(), "hunter2")
		})
	}
	t.Run("with its address", func(t *testing.T) {
		w := newSlack(t)
		addr := freeAddr(t)
		l := occupy(t, addr)
		defer l.Close()
		p := w.program(t, "--set", "slack.mode=http", "--set", "slack.addr="+addr, "--set", "slack.signing_secret=s")
		p.Args = append([]string{"serve"}, p.Args...)
		if code := soon(t, p); code != exitFailure || !strings.Contains(p.stderr.String(), "another address: slack.addr") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
}

func TestSlackManifest(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, `"socket_mode_enabled": true`},
		{[]string{"--http", "--url", "https://mynah.example"}, `"request_url": "https://mynah.example/slack/events"`},
		{[]string{"--set", "slack.mode=http", "--set", "slack.public_url=https://mynah.example"}, `"request_url": "https://mynah.example/slack/events"`},
	} {
		p := newProgram(t, append([]string{"slack", "manifest"}, tt.args...)...)
		if code := p.run(t); code != exitOK || !json.Valid([]byte(p.stdout.String())) || !strings.Contains(p.stdout.String(), tt.want) {
			t.Errorf("%v: exit code %d: %s%s", tt.args, code, p.stdout.String(), p.stderr.String())
		}
	}
}

func TestDoctorExaminesSlack(t *testing.T) {
	needModel(t)
	w := newSlack(t)
	tokens := []string{"slack.bot_token=" + w.workspace.Token, "slack.app_token=" + slacktest.AppToken}
	look := func(code int, set ...string) map[string]finding {
		p := newProgram(t)
		p.SlackURL = w.APIURL()
		return examinedBy(t, p, code, set...)
	}
	found := look(exitOK, tokens...)
	found["slack bot token"].expect(t, stateOK, "school")
	found["slack app-level token"].expect(t, stateOK, "Socket Mode")
	found["slack scopes"].expect(t, stateOK, "all given")
	w.workspace.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(s string) bool { return s == "files:read" || s == "files:write" })...)
	found = look(exitOK, tokens...)
	found["slack scope files:read"].expect(t, stateWarning, "missing")
	found["slack scope files:write"].expect(t, stateOK, "missing")
	look(exitFailure, tokens[1], "slack.bot_token=xoxb-hunter2")["slack bot token"].expect(t, stateMissing, "refuses")
	found = look(exitOK, "slack.client_id="+slacktest.ClientID, "slack.client_secret="+slacktest.ClientSecret,
		"slack.public_url=https://mynah.example", "slack.app_token="+slacktest.AppToken)
	found["slack installations"].expect(t, stateOK, "https://mynah.example/slack/install")
}
