package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// onDiscord is a server of Discord's with a channel and a learner in it.
type onDiscord struct {
	*discordtest.Server
	channel string
	learner *discordtest.User
}

func newDiscord(t *testing.T) *onDiscord {
	d := &onDiscord{Server: discordtest.NewServer(t)}
	d.channel = d.AddChannel(d.AddGuild("English club"), "speaking")
	d.learner = d.AddUser("learner")
	d.Speed(20)
	return d
}

// program is one that serves Discord alone.
func (d *onDiscord) program(t *testing.T, args ...string) *program {
	p := newProgram(t, append([]string{"--set", "playground.enabled=false", "--set", "discord.token=" + discordtest.Token}, args...)...)
	p.DiscordURL = d.APIURL()
	return p
}

func (d *onDiscord) me() discordtest.Asker {
	return discordtest.Asker{User: d.learner, Channel: d.channel}
}

// connected waits until the bot is at the gateway and has registered its
// commands.
func (d *onDiscord) connected(t *testing.T) {
	t.Helper()
	eventually(t, "the bot is connected", func() bool {
		names, _ := d.Commands()
		return d.Sessions() > 0 && len(names) > 0
	})
}

// answers waits until the learner sees n answers to a message.
func (d *onDiscord) answers(t *testing.T, message string, n int) []discordtest.Message {
	t.Helper()
	var seen []discordtest.Message
	eventually(t, "there are answers", func() bool {
		seen = d.Answers(d.learner, d.channel, message)
		return len(seen) >= n
	})
	return seen
}

// scored waits for the coaching of a message.
func (d *onDiscord) scored(t *testing.T, message string) discordtest.Message {
	t.Helper()
	var reply discordtest.Message
	eventually(t, "the note is answered", func() bool {
		seen := d.Answers(d.learner, d.channel, message)
		i := slices.IndexFunc(seen, func(m discordtest.Message) bool { return hasButton(m, prompts.ButtonDetails) })
		if i >= 0 {
			reply = seen[i]
		}
		return i >= 0
	})
	return reply
}

// hasButton reports whether a message has a button of a label.
func hasButton(m discordtest.Message, label prompts.Button) bool {
	return slices.ContainsFunc(m.Buttons, func(c discordtest.Component) bool { return c.Label == string(label) })
}

// done waits for what the asker is shown to an interaction.
func done(t *testing.T, i *discordtest.Interaction, err error) ([]discordtest.Message, *discordtest.Modal) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	shown, form, err := i.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return shown, form
}

// give writes the sentence of a note that the learner was asked for.
func (d *onDiscord) give(t *testing.T, question discordtest.Message, sentence string) {
	t.Helper()
	at := discordtest.Asker{User: d.learner, Channel: question.Channel}
	i, err := d.Press(at, question.ID, string(prompts.ButtonSentence))
	_, form := done(t, i, err)
	if form == nil {
		t.Fatal("no form was opened")
	}
	i, err = d.Submit(at, form, sentence)
	done(t, i, err)
}

// soon runs a program that ends by itself.
func soon(t *testing.T, p *program) (code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	code = p.Run(ctx)
	if ctx.Err() != nil {
		t.Error("it did not end by itself")
	}
	return code
}

// noLeaks fails the test for goroutines that are left once all else of it that
// is begun after this has ended.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// eventually waits for what a service does by itself.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// asks reports whether a message asks for the sentence.
func asks(m discordtest.Message) bool { return hasButton(m, prompts.ButtonSentence) }

// A learner's whole way: a first voice message, the notice and the question that
// it gets, the answer, its buttons, every command, and being forgotten.
func TestDiscord(t *testing.T) {
	needModel(t)
	noLeaks(t)
	d := newDiscord(t)
	addr := freeAddr(t)
	p := d.program(t, "--set", "log.level=debug", "--set", "metrics.addr="+addr, "--set", "privacy.minimum_age=13")
	s := serve(t, p)
	d.connected(t)

	note := d.Voice(d.learner, d.channel, recording(t, clearNote))
	seen := d.answers(t, note, 2)
	notice, question := seen[0], seen[1]
	if !strings.Contains(notice.Text, "13") || asks(notice) {
		t.Errorf("the notice is %q", notice.Text)
	}
	if !asks(question) {
		t.Fatalf("the question is %q", question.Text)
	}
	d.give(t, question, clearText)
	reply := d.scored(t, note)
	if len(strings.Fields(reply.Text)) < 5 || reply.Private {
		t.Errorf("answered with %q, private %t", reply.Text, reply.Private)
	}
	if len(reply.Files) != 1 || !bytes.HasPrefix(reply.Files[0].Data, []byte("\x89PNG")) || !strings.Contains(reply.Files[0].Alt, "beautiful") {
		t.Errorf("%d files with the answer", len(reply.Files))
	}
	if hasButton(reply, prompts.ButtonHear) {
		t.Error("there is a button for a voice that there is not")
	}

	in := discordtest.Asker{User: d.learner, Channel: reply.Channel}
	t.Run("another try is at the same sentence, and not greeted again", func(t *testing.T) {
		again := d.Voice(d.learner, d.channel, recording(t, clearNote))
		d.scored(t, again)
		other := d.Voice(d.learner, d.channel, recording(t, childNote))
		if a := d.answers(t, other, 1); a[0].Text != prompts.Advice(coach.ErrTextMismatch) {
			t.Errorf("what is not that sentence is answered with %q", a[0].Text)
		}
		for _, note := range []string{again, other} {
			if n := len(d.Answers(d.learner, d.channel, note)); n != 1 {
				t.Errorf("%d answers to a later note", n)
			}
		}
	})
	t.Run("details are the learner's alone", func(t *testing.T) {
		i, err := d.Press(in, reply.ID, string(prompts.ButtonDetails))
		shown, _ := done(t, i, err)
		if len(shown) == 0 || !shown[0].Private || !strings.Contains(shown[0].Text, "beautiful") {
			t.Errorf("shown %+v", shown)
		}
		other := discordtest.Asker{User: d.AddUser("other"), Channel: reply.Channel}
		i, err = d.Press(other, reply.ID, string(prompts.ButtonDetails))
		if shown, _ := done(t, i, err); len(shown) == 0 || strings.Contains(shown[0].Text, "beautiful") {
			t.Errorf("another learner is shown %+v", shown)
		}
	})
	t.Run("that it is wrong reaches the operator", func(t *testing.T) {
		i, err := d.Press(in, reply.ID, string(prompts.ButtonDispute))
		shown, _ := done(t, i, err)
		if len(shown) > 0 && len(shown[0].Buttons) > 0 { // of which claim
			i, err = d.Press(in, shown[0].ID, shown[0].Buttons[0].Label)
			done(t, i, err)
		}
		var out, stderr buffer
		if code := NewMain([]string{"disputes", "--json"}, p.Env, nil, &out, &stderr).Run(t.Context()); code != exitOK {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		var v struct{ Note, Claim, Model string }
		if err := json.Unmarshal([]byte(out.String()), &v); err != nil || v.Note == "" || v.Claim == "" {
			t.Errorf("disputes %q, %v", out.String(), err)
		}
		if strings.Contains(out.String(), d.learner.ID) {
			t.Error("the dispute says whose it is")
		}
		out = buffer{}
		if code := NewMain([]string{"disputes"}, p.Env, nil, &out, &stderr).Run(t.Context()); code != exitOK || !strings.Contains(out.String(), v.Note) {
			t.Errorf("exit code %d: %s", code, out.String())
		}
	})
	t.Run("every command is answered", func(t *testing.T) {
		for _, e := range prompts.Menu() {
			asker := d.me()
			asker.Admin = e.Admin
			i, err := d.Command(asker, string(e.Action), nil, nil)
			shown, _ := done(t, i, err)
			if len(shown) == 0 || shown[0].Text == "" || strings.Contains(shown[0].Text, "went wrong") {
				t.Errorf("/%s: shown %+v", e.Action, shown)
			}
			if e.Action != coach.ActPractice && !shown[0].Private {
				t.Errorf("/%s is answered to everybody", e.Action)
			}
			if e.Action == coach.ActExport && (len(shown[0].Files) != 1 || !json.Valid(shown[0].Files[0].Data)) {
				t.Errorf("/export brings %d files", len(shown[0].Files))
			}
		}
	})
	t.Run("a practice prompt is read by replying to it", func(t *testing.T) {
		i, err := d.Command(d.me(), string(coach.ActPractice), nil, nil)
		done(t, i, err)
		note := d.Voice(d.learner, d.channel, recording(t, clearNote))
		if a := d.answers(t, note, 1)[0]; asks(a) { // it is scored against the open prompt
			t.Errorf("asked for the sentence: %q", a.Text)
		}
	})
	t.Run("the forgotten are strangers", func(t *testing.T) {
		i, err := d.Command(d.me(), string(coach.ActForget), nil, nil)
		shown, _ := done(t, i, err)
		i, err = d.Press(d.me(), shown[0].ID, string(prompts.ButtonForget))
		done(t, i, err)
		note := d.Voice(d.learner, d.channel, recording(t, childNote))
		if seen := d.answers(t, note, 2); asks(seen[0]) || !asks(seen[1]) {
			t.Errorf("greeted with %q", seen[0].Text)
		}
	})
	t.Run("counted", func(t *testing.T) {
		body := metricsOf(t, addr)
		for _, line := range []string{
			`mynah_notes_total{platform="discord",result="accepted"} `,
			`mynah_commands_total{action="details",platform="discord",result="done"} 2`,
			`mynah_step_seconds_count{platform="discord",result="done",step="ask"} `,
			`mynah_queue_notes{state="dead"} 0`,
		} {
			if !strings.Contains(body, line) {
				t.Errorf("metrics lack %s:\n%s", line, body)
			}
		}
		noSecrets(t, "the metrics", body, discordtest.Token, d.learner.ID)
	})
	if code, took := s.stop(); code != exitOK || took > 5*time.Second {
		t.Errorf("ended with %d after %s", code, took)
	}
	noSecrets(t, "the log", p.stderr.String()+p.stdout.String(), discordtest.Token, "lucky", "beautiful", "elephants", "Mark lived")
}

// noSecrets looks for what must not be in a text.
func noSecrets(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s holds %q", where, s)
		}
	}
}

func TestDiscordSaysWhatIsWrong(t *testing.T) {
	needModel(t)
	t.Run("with the token", func(t *testing.T) {
		d := newDiscord(t)
		p := d.program(t)
		p.Args = []string{"serve", "--set", "playground.enabled=false", "--set", "discord.token=MTAw.wrong.hunter2"}
		if code := soon(t, p); code != exitFailure || !strings.Contains(p.stderr.String(), "mynah: discord: the bot token was refused; `mynah doctor`") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		noSecrets(t, "the error", p.stderr.String(), "hunter2")
	})
	for name, content := range map[string]string{"with an intent that is not granted": "true", "without the intent": "false"} {
		t.Run(name+" it goes on by commands", func(t *testing.T) {
			d := newDiscord(t)
			d.SetContentIntent(false)
			p := d.program(t, "--set", "discord.message_content="+content)
			serve(t, p)
			d.connected(t)
			i, err := d.Command(d.me(), "assess", map[string]string{"sentence": childText},
				map[string]discordtest.File{"audio": {Name: "note.ogg", Type: "audio/ogg", Data: recording(t, childNote)}})
			done(t, i, err)
			eventually(t, "the answer is there", func() bool {
				return slices.ContainsFunc(d.See(d.learner, d.channel), func(m discordtest.Message) bool { return hasButton(m, prompts.ButtonDetails) })
			})
			if said := strings.Contains(p.stderr.String(), "message-content intent is not switched on"); said != (content == "true") {
				t.Errorf("the log: %s", p.stderr.String())
			}
		})
	}
}

// A sentence can be heard where there is a voice, and a learner is told where the
// voice fails.
func TestHearIt(t *testing.T) {
	needModel(t)
	mp3 := append([]byte("ID3"), make([]byte, 1000)...)
	var broken atomic.Bool
	var said atomic.Value
	speech := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		said.Store(string(b))
		if broken.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write(mp3)
	}))
	defer speech.Close()
	d := newDiscord(t)
	p := d.program(t, "--set", "voice.url="+speech.URL+"/v1")
	serve(t, p)
	d.connected(t)
	i, err := d.Command(d.me(), "assess", map[string]string{"sentence": childText},
		map[string]discordtest.File{"audio": {Name: "note.ogg", Type: "audio/ogg", Data: recording(t, childNote)}})
	done(t, i, err)
	var reply discordtest.Message
	eventually(t, "the answer is there", func() bool {
		seen := d.See(d.learner, d.channel)
		i := slices.IndexFunc(seen, func(m discordtest.Message) bool { return hasButton(m, prompts.ButtonHear) })
		if i >= 0 {
			reply = seen[i]
		}
		return i >= 0
	})
	settled(t, t.Context(), p.getenv("MYNAH_DATA_DIR")) // it is remembered once it is posted
	hear := func() []discordtest.Message {
		i, err := d.Press(d.me(), reply.ID, string(prompts.ButtonHear))
		shown, _ := done(t, i, err)
		return shown
	}
	if got := hear(); len(got) == 0 || len(got[0].Files) != 1 || !bytes.Equal(got[0].Files[0].Data, mp3) || !got[0].Private {
		t.Errorf("shown %+v", got)
	}
	if s, _ := said.Load().(string); !strings.Contains(s, childText) || strings.Contains(s, d.learner.ID) {
		t.Errorf("the endpoint was asked %s", s)
	}
	broken.Store(true)
	if got := hear(); len(got) == 0 || len(got[0].Files) != 1 {
		t.Errorf("what was heard before is not remembered: %+v", got)
	}
}

// Under opt-in nothing of a learner's is fetched before they have said yes, on
// either of two platforms that are served at once.
func TestOptIn(t *testing.T) {
	needModel(t)
	d, w := newDiscord(t), newSlack(t)
	p := d.program(t, "--set", "playground.enabled=true", "--set", "privacy.consent=opt_in", "--set", "slack.bot_token="+w.workspace.Token, "--set", "slack.app_token="+slacktest.AppToken)
	p.SlackURL = w.APIURL()
	serve(t, p)
	d.connected(t)
	w.connected(t)

	note := d.Voice(d.learner, d.channel, recording(t, clearNote))
	question := d.answers(t, note, 1)[0]
	if !hasButton(question, prompts.ButtonYes) || !hasButton(question, prompts.ButtonNo) {
		t.Fatalf("asked %q with %+v", question.Text, question.Buttons)
	}
	clip := w.clip(t, clearNote, clearText)
	asked := w.answers(t, clip, 1)[0]
	if !slices.Contains(asked.Buttons, string(prompts.ButtonYes)) {
		t.Fatalf("asked %q with %q", asked.Text, asked.Buttons)
	}
	if n, m := d.Requests("CDN"), w.Calls("files.info"); n > 0 || m > 0 {
		t.Errorf("%d recordings were fetched, %d asked about", n, m)
	}

	at := discordtest.Asker{User: d.learner, Channel: question.Channel}
	i, err := d.Press(at, question.ID, string(prompts.ButtonYes))
	done(t, i, err)
	eventually(t, "the sentence is asked for", func() bool {
		return slices.ContainsFunc(d.Answers(d.learner, d.channel, note), asks)
	})
	seen := d.Answers(d.learner, d.channel, note)
	d.give(t, seen[slices.IndexFunc(seen, asks)], clearText)
	d.scored(t, note)

	r, err := w.learner.Press(t.Context(), asked, string(prompts.ButtonNo))
	shown(t, r, err)
	eventually(t, "the clip is dropped", func() bool {
		var out, stderr buffer
		code := NewMain([]string{"queue", "show", "--json"}, p.Env, nil, &out, &stderr).Run(t.Context())
		return code == exitOK && out.String() == `{"ready":0,"later":0,"claimed":0,"dead":0}`+"\n"
	})
	if seen := w.learner.See(w.channel, clip.TS); slices.ContainsFunc(seen, func(s slacktest.Seen) bool { return slices.Contains(s.Buttons, string(prompts.ButtonDetails)) }) {
		t.Error("a clip is scored though its learner has said no")
	}
}

func TestDiscordInvite(t *testing.T) {
	d := newDiscord(t)
	p := d.program(t)
	p.Args = []string{"discord", "invite", "--set", "discord.token=" + discordtest.Token}
	if code := p.run(t); code != exitOK || !strings.Contains(p.stdout.String(), "client_id="+d.ApplicationID()) {
		t.Errorf("exit code %d: %s%s", code, p.stdout.String(), p.stderr.String())
	}
	p = newProgram(t, "discord", "invite", "--application", "123456789012345678")
	if code := p.run(t); code != exitOK || !strings.Contains(p.stdout.String(), "https://discord.com/oauth2/authorize?client_id=123456789012345678&") {
		t.Errorf("exit code %d: %s%s", code, p.stdout.String(), p.stderr.String())
	}
	p = d.program(t)
	p.Args = []string{"discord", "invite", "--set", "discord.token=MTAw.wrong.hunter2"}
	if code := p.run(t); code != exitFailure || !strings.Contains(p.stderr.String(), "--application ID") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	noSecrets(t, "the error", p.stderr.String(), "hunter2")
}

func TestDoctorExaminesDiscord(t *testing.T) {
	needModel(t)
	d := newDiscord(t)
	look := func(args ...string) map[string]finding {
		p := d.program(t)
		return examinedBy(t, p, exitOK, append(args, "discord.token="+discordtest.Token)...)
	}
	found := look()
	found["discord token"].expect(t, stateOK, d.ApplicationID())
	found["discord message-content intent"].expect(t, stateOK, "on")
	d.SetContentIntent(false)
	look()["discord message-content intent"].expect(t, stateWarning, "/assess")
	look("discord.message_content=false")["discord message-content intent"].expect(t, stateOK, "off")
	examinedBy(t, d.program(t), exitFailure, "discord.token=MTAw.wrong.hunter2")["discord token"].expect(t, stateMissing, "refuses the token")
}
