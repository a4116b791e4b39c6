package slack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

func text(s string) coach.Answer { return coach.Answer{Sections: []coach.Section{{Text: s}}} }

// settings is an answer with a menu of each kind, and buttons.
func settings(c coach.Command) (coach.Answer, error) {
	now := "short"
	if v := c.Values["explanations"]; v != "" {
		now = v
	}
	a := text("Explanations are " + now + ". Channels: " + c.Values["channels"])
	a.Choices = []coach.Choice{
		{Action: coach.ActSettings, Name: "explanations", Label: "Explanations", Value: now, Options: []coach.Option{{Value: "short", Label: "Short"}, {Value: "full", Label: "Full"}}},
		{Action: coach.ActSettings, Name: "channels", Label: "Channels", Value: c.Values["channels"], Channels: true},
	}
	a.Buttons = []coach.Button{{Label: "Practise", Action: coach.ActPractice, Style: coach.StylePrimary}, {Label: "Forget me", Action: coach.ActForget, Style: coach.StyleDanger}}
	return a, nil
}

func TestResponseURLIsOver(t *testing.T) {
	r := run(t)
	r.desk.Answer(settings)
	first, err := r.ada.Command(r.ctx(t), r.channel, "settings")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("it is over", func(t *testing.T) {
		// What was given out is over by the time that the answer comes.
		r.desk.Answer(func(c coach.Command) (coach.Answer, error) {
			r.slack().ExpireResponses()
			return settings(c)
		})
		got, err := first.Choose(r.ctx(t), "Explanations", "Full")
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Seen) != 1 || !got.Seen[0].Private || !strings.Contains(got.Seen[0].Text, "Explanations are full.") {
			t.Errorf("shown %+v", got.Seen)
		}
		if r.slack().Calls("chat.postEphemeral") != 1 {
			t.Error("no ephemeral message took its place")
		}
	})
	t.Run("and we are not in the channel either", func(t *testing.T) {
		r.channel.Kick()
		c := r.ada.Direct()
		soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := r.ada.Choose(soon, r.ada.See(r.channel, "")[0], "Explanations", "Full"); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the channel shows something: %v", err)
		}
		if seen := r.ada.See(c, ""); len(seen) != 1 || !strings.Contains(seen[0].Text, "Explanations are full.") {
			t.Errorf("in the direct message Ada sees %+v", seen)
		}
	})
}

func TestNotInTheChannel(t *testing.T) {
	r := run(t)
	r.channel.Kick()
	r.desk.Answer(func(coach.Command) (coach.Answer, error) {
		a := text("Read this.")
		a.Public, a.Sentence = true, "Read this."
		return a, nil
	})
	got, err := r.ada.Command(r.ctx(t), r.channel, "practice")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Seen) != 1 || got.Seen[0].Text != "Read this." || !got.Seen[0].Private {
		t.Errorf("shown %+v", got.Seen)
	}
}

func TestSettingsReplaceTheirMessage(t *testing.T) {
	r := run(t)
	r.desk.Answer(settings)
	got, err := r.ada.Command(r.ctx(t), r.channel, "settings")
	for _, option := range []string{"Full", "Short", "Full"} {
		if err == nil {
			got, err = got.Choose(r.ctx(t), "Explanations", option)
		}
	}
	if err == nil {
		_, err = got.Choose(r.ctx(t), "Channels", r.channel.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	if seen := r.ada.See(r.channel, ""); len(seen) != 1 || !strings.Contains(seen[0].Text, "Channels: "+r.channel.ID) {
		t.Errorf("Ada sees %+v, want the latest settings alone", seen)
	}
	asked := r.desk.Asked()
	if last := asked[len(asked)-1]; last.Action != coach.ActSettings || last.Values["channels"] != r.channel.ID {
		t.Errorf("the desk was asked %+v", last)
	}
}

func form(coach.Command) (coach.Answer, error) {
	return coach.Answer{Form: &coach.Form{Action: coach.ActSentence, Note: "slack-T1-C1-1.1-F1", Title: "Your sentence", Name: "sentence", Label: "What did you read?", MaxLength: 300}}, nil
}

func TestTriggerIsOver(t *testing.T) {
	r := run(t)
	r.desk.Answer(form)
	restore := r.slack().ExpireTriggers()
	got, err := r.ada.Command(r.ctx(t), r.channel, "practice")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Seen) != 1 || got.Seen[0].Text != wordsPress {
		t.Errorf("shown %+v", got.Seen)
	}
	restore()
	if got, err = r.ada.Command(r.ctx(t), r.channel, "practice"); err != nil {
		t.Fatal(err)
	}
	if _, ok := got.Form(); !ok {
		t.Errorf("shown %+v, want the form", got.Seen)
	}
}

// What was typed into a form is not lost when it can't be taken.
func TestFormStaysWhenItFails(t *testing.T) {
	for name, mode := range map[string]change{"socket mode": func(*running, *Config) {}, "events API": overHTTP} {
		t.Run(name, func(t *testing.T) {
			r := run(t, mode)
			r.desk.Answer(form)
			opened, err := r.ada.Command(r.ctx(t), r.channel, "practice")
			if err != nil {
				t.Fatal(err)
			}
			r.desk.Answer(func(coach.Command) (coach.Answer, error) { return coach.Answer{}, errors.New("shelf: secret") })
			got, err := opened.Send(r.ctx(t), "It is five.")
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Errors) != 1 || got.Errors[formBlock] != r.desk.Words(errFull) {
				t.Errorf("the form says %v", got.Errors)
			}
			r.desk.Answer(func(coach.Command) (coach.Answer, error) { return text("Thank you."), nil })
			if got, err = opened.Send(r.ctx(t), "It is five."); err != nil {
				t.Fatal(err)
			}
			if len(got.Seen) != 1 || got.Seen[0].Text != "Thank you." {
				t.Errorf("shown %+v", got.Seen)
			}
			asked := r.desk.Asked()
			if c := asked[len(asked)-1]; c.Values["sentence"] != "It is five." || c.Note != "slack-T1-C1-1.1-F1" || c.Thread != coach.ThreadID("slack-"+r.ws.ID+"-"+r.channel.ID) {
				t.Errorf("the desk was asked %+v", c)
			}
		})
	}
}

func TestHome(t *testing.T) {
	r := run(t)
	r.desk.Answer(settings)
	home, err := r.ada.OpenHome(r.ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(home.Text, "Explanations are short.") || len(home.Choices) != 2 || len(home.Buttons) != 2 {
		t.Errorf("the home shows %+v", home)
	}
	got, err := r.ada.Choose(r.ctx(t), home, "Explanations", "Full")
	if err != nil {
		t.Fatal(err)
	}
	asked := r.desk.Asked()
	if c := asked[len(asked)-2]; c.Action != coach.ActSettings || c.Values["explanations"] != "full" {
		t.Errorf("the desk was asked %+v", c)
	}
	if len(got.Seen) != 1 || asked[len(asked)-1].Action != coach.ActHome {
		t.Errorf("after a setting the home was not drawn again: %+v", got.Seen)
	}
	// A button's answer opens over the home, and goes on there.
	r.desk.Answer(func(c coach.Command) (coach.Answer, error) {
		if c.Values["confirm"] == "yes" {
			return text("Forgotten."), nil
		}
		a := text("Really?")
		a.Buttons = []coach.Button{{Label: "Yes", Action: coach.ActForget, Name: "confirm", Value: "yes", Style: coach.StyleDanger}}
		return a, nil
	})
	if got, err = r.ada.Press(r.ctx(t), home, "Forget me"); err == nil {
		got, err = got.Press(r.ctx(t), "Yes")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Seen) != 1 || got.Seen[0].Text != "Forgotten." || got.Seen[0].Title != productName {
		t.Errorf("shown %+v", got.Seen)
	}
	if other, seen := r.bob.Home(); seen {
		t.Errorf("Bob's home shows %+v", other)
	}
	// The same in an organisation as a whole, whose payloads name no workspace.
	r.desk.Answer(settings)
	r.ws.Join("E0ORG", true)
	if _, err := r.ada.Choose(r.ctx(t), home, "Explanations", "Full"); err != nil {
		t.Error(err)
	}
}

func TestShortcut(t *testing.T) {
	r := run(t)
	mine := r.slack().Post(r.clip("It is five."))
	for name, tc := range map[string]struct {
		by   func() (string, error)
		want string
	}{
		"on one's own clip": {func() (string, error) { return shownText(r.ada.Shortcut(r.ctx(t), mine)) }, wordsListening},
		"on another's":      {func() (string, error) { return shownText(r.bob.Shortcut(r.ctx(t), mine)) }, wordsNotYours},
		"on a text": {func() (string, error) {
			m, err := r.slack().Say(r.ctx(t), r.ada, r.channel, "", "hello", false)
			if err != nil {
				return "", err
			}
			return shownText(r.ada.Shortcut(r.ctx(t), m))
		}, wordsNoClip},
		"where we are not": {func() (string, error) {
			c := r.clip("Elsewhere.")
			c.Channel = r.ws.AddChannel("elsewhere", r.ada)
			c.Channel.Kick()
			return shownText(r.ada.Shortcut(r.ctx(t), r.slack().Post(c)))
		}, wordsInvite},
	} {
		got, err := tc.by()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got != tc.want {
			t.Errorf("%s: shown %q, want %q", name, got, tc.want)
		}
	}
	if n := r.inbox.one(t); n.Text != "It is five." {
		t.Errorf("the note's sentence is %q", n.Text)
	}
}

func TestCommandsAreReadKindly(t *testing.T) {
	r := run(t)
	for typed, want := range map[string]struct {
		action coach.Action
		values string
	}{
		"":                                 {coach.ActHelp, ""},
		"  HELP  ":                         {coach.ActHelp, ""},
		"dance":                            {coach.ActHelp, ""},
		"p":                                {coach.ActHelp, ""},
		"pr":                               {coach.ActHelp, ""}, // practice, progress or privacy
		"prac":                             {coach.ActPractice, ""},
		"/practice":                        {coach.ActPractice, ""},
		"Practice Advanced TH":             {coach.ActPractice, "level=advanced sound=th"},
		"practice level=advanced sound=th": {coach.ActPractice, "level=advanced sound=th"},
		"practice level: advanced":         {coach.ActPractice, "level=advanced"},
		"practice sound th level beginner": {coach.ActPractice, "level=beginner sound=th"},
		"practice wizard":                  {coach.ActPractice, "level=wizard"},
		"practice level":                   {coach.ActPractice, ""},
		"setup":                            {coach.ActSetup, ""},
	} {
		action, values := r.Slack.read(typed)
		var got []string
		for _, name := range []string{"level", "sound"} {
			if v := values[name]; v != "" {
				got = append(got, name+"="+v)
			}
		}
		if action != want.action || strings.Join(got, " ") != want.values {
			t.Errorf("%q is read as %s %v, want %s %s", typed, action, values, want.action, want.values)
		}
	}
}

func TestAdminNeedsTheScope(t *testing.T) {
	r := run(t, scopesWithout("users:read"))
	r.ada.SetAdmin(true)
	if _, err := r.ada.Command(r.ctx(t), r.channel, "setup"); err != nil {
		t.Fatal(err)
	}
	if asked := r.desk.Asked(); len(asked) != 1 || asked[0].Admin {
		t.Errorf("the desk was asked %+v", asked)
	}
}

// A picture that can't be shown is left out, and its words are where they belong.
func TestPictureNeedsTheScope(t *testing.T) {
	r := run(t, scopesWithout("files:write"))
	r.desk.Answer(func(coach.Command) (coach.Answer, error) {
		a := text("Two sounds are clearer.")
		a.Picture = &coach.Picture{PNG: []byte("\x89PNG"), Alt: "the same"}
		return a, nil
	})
	for range 2 {
		got, err := r.ada.Command(r.ctx(t), r.channel, "progress")
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Seen) != 1 || !got.Seen[0].Private || got.Seen[0].Text != "Two sounds are clearer." {
			t.Errorf("shown %+v", got.Seen)
		}
	}
	if n := r.slack().Calls("files.getUploadURLExternal"); n != 1 {
		t.Errorf("an upload was tried %d times, want once", n)
	}
}

// An export that can't be sent says so instead of nothing.
func TestFilesNeedTheScope(t *testing.T) {
	r := run(t, scopesWithout("files:write"))
	r.desk.Answer(func(coach.Command) (coach.Answer, error) {
		a := text("Here is everything.")
		a.Files = []coach.File{{Name: "mynah.json", ContentType: "application/json", Data: []byte("{}")}}
		return a, nil
	})
	got, err := shownText(r.ada.Command(r.ctx(t), r.channel, "export"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, wordsNoFiles) {
		t.Errorf("shown %q", got)
	}
}
