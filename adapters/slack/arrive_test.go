package slack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

func scopesWithout(names ...string) change {
	return func(r *running, _ *Config) {
		r.ws.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(s string) bool { return slices.Contains(names, s) })...)
	}
}

func TestTwinsAreOneNote(t *testing.T) {
	for name, tc := range map[string]struct {
		change  change
		mention bool
		text    string
	}{
		"message, mention and file":         {scopesWithout(), true, "I think it is."},
		"message and file":                  {scopesWithout(), false, "I think it is."},
		"mention and file, without history": {scopesWithout("channels:history", "groups:history"), true, "I think it is."},
		"file alone, without history":       {scopesWithout("channels:history", "groups:history"), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, tc.change)
			c := r.clip("I think it is.")
			c.Mention = tc.mention
			m, n := r.post(t, c)
			if n.Text != tc.text {
				t.Errorf("the sentence is %q, want %q", n.Text, tc.text)
			}
			if err := r.slack().Tell(r.ctx(t), m); err != nil { // all of it again
				t.Fatal(err)
			}
			r.inbox.one(t)
			if asked := r.desk.Asked(); len(asked) != 0 {
				t.Errorf("the desk was asked %+v", asked)
			}
		})
	}
}

// The news of a file may come long before the mention that says more.
func TestLateMentionCompletesTheNote(t *testing.T) {
	r := run(t, scopesWithout("channels:history", "groups:history"))
	c := r.clip("Sixty thick thistles.")
	c.Mention = true
	m := r.slack().Post(c)
	if err := r.slack().EventOnce(r.ctx(t), r.ws, m.FileEvent()); err != nil {
		t.Fatal(err)
	}
	n := r.inbox.one(t)
	if n.Text != "" {
		t.Fatalf("a file's news has the sentence %q", n.Text)
	}
	for range 2 {
		if err := r.slack().EventOnce(r.ctx(t), r.ws, m.MentionEvent()); err != nil {
			t.Fatal(err)
		}
	}
	r.inbox.one(t)
	asked := r.desk.Asked()
	if len(asked) != 1 || asked[0].Action != coach.ActSentence || asked[0].Note != n.ID || asked[0].Learner != n.Learner || asked[0].Values["sentence"] != "Sixty thick thistles." {
		t.Errorf("the desk was asked %+v, want the sentence of %s, once", asked, n.ID)
	}
}

func TestRedeliveredUntilAccepted(t *testing.T) {
	for name, mode := range map[string]change{"socket mode": func(*running, *Config) {}, "events API": overHTTP} {
		t.Run(name, func(t *testing.T) {
			refusals := 2
			r := run(t, mode, func(r *running, _ *Config) {
				r.inbox.before = func(coach.VoiceNote) error {
					r.inbox.mu.Lock()
					defer r.inbox.mu.Unlock()
					if refusals > 0 {
						refusals--
						return errFull
					}
					return nil
				}
			})
			r.slack().AckWithin = 300 * time.Millisecond
			m := r.slack().Post(r.clip("I think so."))
			if err := r.slack().Event(r.ctx(t), r.ws, m.MessageEvent()); err != nil {
				t.Fatalf("never acknowledged: %v", err)
			}
			r.inbox.one(t)
		})
	}
}

func TestWhatIsAClip(t *testing.T) {
	r := run(t)
	for name, tc := range map[string]struct {
		claims string
		upload bool
		want   bool
	}{
		"오디오 클립 (2026-08-04).m4a": {"audio/mp4", false, true},
		"audio_message.webm":      {"audio/webm", false, true},
		"audio_message.mp4":       {"video/mp4", false, true}, // Slack's own mistake
		"note.bin":                {"application/octet-stream", false, true},
		"reading.ogg":             {"audio/ogg", true, true},
		"audio_message.pdf":       {"application/pdf", true, false},
		"holiday.mp4":             {"video/mp4", true, false},
	} {
		before := len(r.inbox.accepted())
		c := r.clip("Hello there.")
		c.Name, c.ContentType, c.Upload = name, tc.claims, tc.upload
		if _, err := r.slack().PostClip(r.ctx(t), c); err != nil {
			t.Fatal(err)
		}
		if got := len(r.inbox.accepted()) > before; got != tc.want {
			t.Errorf("%s (%s): taken %t, want %t", name, tc.claims, got, tc.want)
		}
	}
	if (file{Subtype: "slack_video", MediaDisplayType: "video", AAC: "x"}).clip() {
		t.Error("a video is taken for a clip")
	}
}

func TestIgnored(t *testing.T) {
	r := run(t)
	m := r.slack().Post(r.clip("Hello there."))
	for name, edit := range map[string]func(e map[string]any){
		"a bot's":          func(e map[string]any) { e["bot_id"] = "B1" },
		"an edit":          func(e map[string]any) { e["subtype"] = "message_changed"; e["message"] = m.MessageEvent() },
		"a join":           func(e map[string]any) { e["subtype"] = "channel_join" },
		"without a user":   func(e map[string]any) { delete(e, "user") },
		"a hidden one":     func(e map[string]any) { e["hidden"] = true },
		"a strange time":   func(e map[string]any) { e["ts"] = "../../etc" },
		"a strange thread": func(e map[string]any) { e["thread_ts"] = "a.b.c" },
		"a strange user":   func(e map[string]any) { e["user"] = "U1.x" },
		"a new kind":       func(e map[string]any) { e["type"] = "message_of_2030" },
	} {
		e := m.MessageEvent()
		edit(e)
		if err := r.slack().EventOnce(r.ctx(t), r.ws, e); err != nil {
			t.Errorf("%s was not acknowledged: %v", name, err)
		}
		if n := len(r.inbox.accepted()); n != 0 {
			t.Fatalf("%s became a note", name)
		}
	}
	for name, event := range map[string]map[string]any{
		"mistyped":         {"type": "message", "ts": 17, "files": "none"},
		"a mistyped file":  {"type": "file_shared", "file_id": 5},
		"an unknown block": {"type": "message", "channel": r.channel.ID, "user": r.ada.ID, "ts": "1700000000.000001", "blocks": []any{map[string]any{"type": "hologram", "text": map[string]any{"x": 1}}}},
	} {
		if err := r.slack().EventOnce(r.ctx(t), r.ws, event); err != nil {
			t.Errorf("%s was not acknowledged: %v", name, err)
		}
	}
}

func TestSentence(t *testing.T) {
	r := run(t)
	for posted, want := range map[string]string{
		"  “It's <b>five</b> o'clock” & that's *it*  ": "“It's <b>five</b> o'clock” & that's *it*",
		"one\ntwo\t three": "one two three",
	} {
		for _, mention := range []bool{false, true} {
			c := r.clip(posted)
			c.Mention = mention
			if _, n := r.post(t, c); n.Text != want {
				t.Errorf("%q (mention %t) is read as %q, want %q", posted, mention, n.Text, want)
			}
		}
	}
	// Without blocks the text has Slack's markup.
	for text, want := range map[string]string{
		"<@U111> 5 &lt; 6 &amp; <https://example.com|a link> <!here> <#C1|general> <https://example.com>": "5 < 6 & a link https://example.com",
		"&amp;lt;": "&lt;",
	} {
		if got := said(message{Text: text}); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	t.Run("of the prompt that the thread begins with", func(t *testing.T) {
		r.desk.Answer(func(coach.Command) (coach.Answer, error) {
			return coach.Answer{Public: true, Sentence: "Read this.", Sections: []coach.Section{{Text: "Read this."}}}, nil
		})
		if _, err := r.ada.Command(r.ctx(t), r.channel, "practice"); err != nil {
			t.Fatal(err)
		}
		prompts := r.bob.See(r.channel, "")
		ctx := r.ctx(t)
		for known := map[string][]byte{}; len(known) == 0; { // it is remembered once it is there to be seen
			err := ctx.Err()
			if err == nil {
				known, err = r.shelf.List(ctx, "prompt.")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c := r.clip("")
		c.Thread = prompts[len(prompts)-1].TS()
		if _, n := r.post(t, c); n.Text != "Read this." {
			t.Errorf("the sentence is %q, want the prompt's", n.Text)
		}
		c.Text = "My own."
		if _, n := r.post(t, c); n.Text != "My own." {
			t.Errorf("the sentence is %q, want what was typed", n.Text)
		}
	})
}

func TestSlackConnectFile(t *testing.T) {
	r := run(t)
	c := r.clip("From elsewhere.")
	c.Connect = true
	_, n := r.post(t, c)
	if n.Audio.ContentType != "audio/webm" || r.slack().Calls("files.info") == 0 {
		t.Errorf("the file was not asked for: %+v", n.Audio)
	}
}

func TestDeletionsWithdraw(t *testing.T) {
	r := run(t)
	first, n1 := r.post(t, r.clip("one"))
	second, n2 := r.post(t, r.clip("two"))
	third, n3 := r.post(t, r.clip("three"))
	if err := r.slack().Delete(r.ctx(t), first); err != nil {
		t.Fatal(err)
	}
	if err := r.slack().DeleteFile(r.ctx(t), second); err != nil {
		t.Fatal(err)
	}
	tombstone := map[string]any{
		"type": "message", "subtype": "message_changed", "channel": r.channel.ID, "ts": "1700000000.000009", "hidden": true,
		"message": map[string]any{"subtype": "tombstone", "ts": third.TS}, "previous_message": third.MessageEvent(),
	}
	if err := r.slack().Event(r.ctx(t), r.ws, tombstone); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.desk.Withdrawn())
	if want := fmt.Sprint([]coach.NoteID{n1.ID, n2.ID, n3.ID}); got != want {
		t.Errorf("withdrawn %s, want %s", got, want)
	}
}

func TestDirectMessage(t *testing.T) {
	r := run(t)
	r.desk.SetRules(coach.Rules{Channels: []string{"C0ELSEWHERE"}})
	c := r.clip("Only to you.")
	c.Channel = r.ada.Direct()
	m, n := r.post(t, c)
	private := answer(n, "Well read.")
	private.Private = true
	if err := r.Post(r.ctx(t), n.Thread, private); err != nil {
		t.Fatal(err)
	}
	seen := r.ada.See(c.Channel, m.TS)
	if len(seen) != 1 || seen[0].Text != "Well read." || !seen[0].Private {
		t.Errorf("in the thread of a direct message Ada sees %+v", seen)
	}
	// Elsewhere it is not for us.
	if _, err := r.slack().PostClip(r.ctx(t), r.clip("Not here.")); err != nil {
		t.Fatal(err)
	}
	r.inbox.one(t)
}

func TestEnterpriseGrid(t *testing.T) {
	r := run(t)
	other := r.slack().AddWorkspace("acme-two")
	for _, w := range []*slacktest.Workspace{r.ws, other} {
		w.Join("E0ORG", false)
	}
	_, n := r.post(t, r.clip("In an organisation."))
	if n.Place != coach.PlaceID("slack-"+r.ws.ID) || n.Learner != coach.LearnerID("slack-"+r.ws.ID+"-"+r.ada.ID) {
		t.Errorf("place %s, learner %s", n.Place, n.Learner)
	}
	// A member of the organisation whose identifier begins with W.
	e := r.slack().Post(r.clip("By a member.")).MessageEvent()
	e["user"] = "W012A3CDE"
	if err := r.slack().EventOnce(r.ctx(t), r.ws, e); err != nil {
		t.Fatal(err)
	}
	notes := r.inbox.accepted()
	if got := notes[len(notes)-1].Learner; got != coach.LearnerID("slack-"+r.ws.ID+"-W012A3CDE") {
		t.Errorf("learner %s", got)
	}
}

func TestCommandsSaidInThreads(t *testing.T) {
	r := run(t)
	root := r.slack().Post(r.clip("A thread."))
	m, err := r.slack().Say(r.ctx(t), r.ada, r.channel, root.TS, "progress", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.slack().Tell(r.ctx(t), m); err != nil {
		t.Fatal(err)
	}
	asked := r.desk.Asked()
	if len(asked) != 1 || asked[0].Action != coach.ActProgress || asked[0].Thread != coach.ThreadID("slack-"+r.ws.ID+"-"+r.channel.ID+"-"+root.TS) {
		t.Fatalf("the desk was asked %+v", asked)
	}
	if got := r.ada.See(r.channel, root.TS); len(got) != 1 || !got[0].Private {
		t.Errorf("Ada sees %+v", got)
	}
	if got := r.bob.See(r.channel, ""); len(got) != 0 {
		t.Errorf("Bob sees %+v", got)
	}
	// In a direct message any text is a command, and what is none asks for help.
	if _, err := r.slack().Say(r.ctx(t), r.ada, r.ada.Direct(), "", "what can you do?", false); err != nil {
		t.Fatal(err)
	}
	if asked = r.desk.Asked(); asked[len(asked)-1].Action != coach.ActHelp {
		t.Errorf("the desk was asked %+v", asked[len(asked)-1])
	}
	// Talk among people is not for us.
	before := len(asked)
	if _, err := r.slack().Say(r.ctx(t), r.ada, r.channel, "", "progress", false); err != nil {
		t.Fatal(err)
	}
	if asked = r.desk.Asked(); len(asked) != before {
		t.Errorf("the desk was asked %+v", asked[before:])
	}
}
