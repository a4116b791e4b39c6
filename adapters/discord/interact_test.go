package discord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
)

// asker is ada, in a channel.
func (p *platform) asker(at string) discordtest.Asker {
	return discordtest.Asker{User: p.user("ada"), Channel: at}
}

func ogg() map[string]discordtest.File {
	return map[string]discordtest.File{optionAudio: {Name: "me.ogg", Type: "audio/ogg", Data: []byte("OggS me")}}
}

// awaited is the one message that an interaction came to.
func awaited(t *testing.T, i *discordtest.Interaction, err error) discordtest.Message {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	messages, _, err := i.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return messages[0]
}

// only waits for the inbox's one note.
func (l *listener) only() coach.VoiceNote {
	l.p.t.Helper()
	l.p.until("a note", func() bool { return len(l.inbox.all()) == 1 })
	return l.inbox.all()[0]
}

func TestAssessCommand(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	a := p.asker(p.channel("lesson"))
	i, err := p.s.Command(a, commandAssessTyped, map[string]string{optionSentence: "The cat sat."}, ogg())
	if err != nil {
		t.Fatal(err)
	}
	n := l.only()
	if n.Text != "The cat sat." || n.Learner != learnerID(a.User.ID) || n.Place != placeID(p.guild) || !strings.HasPrefix(string(n.ID), "discord-i") {
		t.Errorf("the note is %+v", n)
	}
	if r, err := d.Open(t.Context(), n); err != nil {
		t.Errorf("Open: %v", err)
	} else {
		_ = r.Close()
	}
	if !i.Acknowledged() {
		t.Error("the asker does not see that something is happening")
	}
	if err := d.Working(t.Context(), n); err != nil {
		t.Error(err)
	}
	notice, question := coaching(n, "This is what I store."), coaching(n, "Which sentence?")
	notice.Kind, question.Kind = coach.ReplyNotice, coach.ReplyQuestion
	for range 2 {
		p.post(d, n, notice)
		p.post(d, n, question)
		p.post(p.adapter(nil), n, coaching(n, "Well read."))
	}
	messages, _, err := i.Await(t.Context())
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v; want one", len(messages), err)
	}
	if m := messages[0]; m.Text != "This is what I store.\n\nWell read." || !m.Private || len(m.Buttons) != 1 {
		t.Errorf("the answer is %+v", m)
	}
}

func TestAssessCommandThatCannotGoOn(t *testing.T) {
	p := parallelPlatform(t)
	in := &inbox{}
	p.listen(p.adapter(nil), in)
	a := p.asker(p.channel("lesson"))
	picture := map[string]discordtest.File{optionAudio: {Name: "me.png", Type: "image/png", Data: []byte("png")}}
	i, err := p.s.Command(a, commandAssessTyped, nil, picture)
	if m := awaited(t, i, err); m.Text != wordsNotAudio || !m.Private {
		t.Errorf("a picture is answered %+v", m)
	}
	for err, want := range map[error]string{
		&coach.Busy{For: time.Minute, Cause: errors.New("many")}: "many people",
		errors.New("secret store error"):                         "went wrong",
	} {
		in.mu.Lock()
		in.refuse = func(coach.VoiceNote) error { return err }
		in.mu.Unlock()
		i, failed := p.s.Command(a, commandAssessTyped, nil, ogg())
		if m := awaited(t, i, failed); !strings.Contains(m.Text, want) || !m.Private || strings.Contains(m.Text, "secret") {
			t.Errorf("%v is answered %q", err, m.Text)
		}
	}
}

func TestInteractionIsOverBeforeItsAnswer(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	a := p.asker(p.channel("lesson"))
	if _, err := p.s.Command(a, commandAssessTyped, nil, ogg()); err != nil {
		t.Fatal(err)
	}
	n := l.only()
	p.s.Advance(16 * time.Minute)
	for range 2 {
		p.post(d, n, coaching(n, "Well read, if late."))
	}
	got := p.s.See(a.User, p.s.DM(a.User))
	if len(got) != 1 || !strings.Contains(got[0].Text, "if late") {
		t.Errorf("by direct message: %+v", got)
	}
}

func TestMessageMenu(t *testing.T) {
	p := parallelPlatform(t)
	p.s.SetContentIntent(false)
	d := p.adapter(func(c *Config) { c.MessageContent = false })
	l := p.listen(d, &inbox{})
	at := p.channel("lesson")
	a := p.asker(at)
	prompt := p.s.Say(p.teacher, at, "The cat sat.")
	mine := p.s.Write(a.User, at, discordtest.Draft{Audio: []byte("OggS"), Voice: true, ReplyTo: prompt})
	theirs := p.s.Voice(p.user("bob"), at, []byte("OggS"))
	for message, want := range map[string]string{theirs: wordsNotYours, prompt: wordsNoRecording} {
		i, err := p.s.MessageCommand(a, commandAssess, message)
		if m := awaited(t, i, err); m.Text != want || !m.Private {
			t.Errorf("answered %+v, want %q", m, want)
		}
	}
	i, err := p.s.MessageCommand(a, commandAssess, mine)
	if err != nil {
		t.Fatal(err)
	}
	n := l.only()
	if n.ID != messageNote(mine) || n.Text != "The cat sat." {
		t.Errorf("the note is %+v", n)
	}
	if r, err := d.Open(t.Context(), n); err != nil {
		t.Errorf("Open: %v", err)
	} else {
		_ = r.Close()
	}
	p.post(d, n, coaching(n, "Well read."))
	if got := p.answers(a.User, at, mine); len(got) != 1 || !strings.Contains(got[0], "Well read.") {
		t.Errorf("below the message: %q", got)
	}
	if m := awaited(t, i, nil); !strings.Contains(m.Text, wordsBelow) || !m.Private {
		t.Errorf("the asker is told %+v", m)
	}
	i, err = p.s.MessageCommand(a, commandAssess, mine)
	if m := awaited(t, i, err); m.Text != wordsKnown {
		t.Errorf("once more: %q", m.Text)
	}
}

func TestMynahThatItsUserBroughtAlong(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	at := p.s.AddChannel(p.s.AddGuild("elsewhere"), "talk")
	p.s.Deny(at, discordtest.ViewChannel)
	a := discordtest.Asker{User: p.user("ada"), Channel: at, Outside: true, Admin: true}
	message := p.s.Voice(a.User, at, []byte("OggS"))
	i, err := p.s.MessageCommand(a, commandAssess, message)
	if err != nil {
		t.Fatal(err)
	}
	n := l.only()
	if n.Place != "" {
		t.Errorf("the place is %q, want none: nobody there has asked for mynah", n.Place)
	}
	p.post(d, n, coaching(n, "Well read."))
	m := awaited(t, i, nil)
	if !strings.Contains(m.Text, "Well read.") || !m.Private {
		t.Errorf("answered %+v", m)
	}
	a.Channel = m.Channel
	i, err = p.s.Press(a, m.ID, "Details")
	if got := awaited(t, i, err); got.ID == m.ID || !strings.Contains(got.Text, "Here you are.") {
		t.Errorf("details: %+v", got)
	}
	if c := p.desk.Asked(); len(c) != 1 || c[0].Admin || c[0].Place != "" {
		t.Errorf("the desk was asked %+v", c)
	}
}

func TestSlowDeskIsWaitedFor(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	a := p.asker(p.channel("lesson"))
	form := false
	p.desk.Answer(func(c coach.Command) (coach.Answer, error) {
		if c.Action != coach.ActHear {
			time.Sleep(ackLimit + 500*time.Millisecond)
		}
		if form {
			return coach.Answer{Form: &coach.Form{Action: coach.ActSentence, Title: "t", Name: "n", Label: "l", MaxLength: 9}}, nil
		}
		return coach.Answer{
			Public: true, Sentence: "S.", Sections: []coach.Section{{Text: "Here it is at last."}},
			Files: []coach.File{{Name: "../voice 1.ogg", ContentType: "audio/ogg", Data: []byte("OggS")}},
		}, nil
	})
	i, err := p.s.Command(a, "practice", nil, nil)
	if m := awaited(t, i, err); !strings.Contains(m.Text, "at last") || !m.Private || len(m.Files) != 1 || m.Files[0].Name != "voice_1.ogg" {
		t.Errorf("answered %+v", m)
	}
	form = true
	i, err = p.s.Command(a, "help", nil, nil)
	if m := awaited(t, i, err); m.Text != wordsStale {
		t.Errorf("a form that comes too late: %q", m.Text)
	}
}

func TestInteractionsAreCarriedOutOnce(t *testing.T) {
	p := parallelPlatform(t)
	first := p.listen(p.adapter(nil), &inbox{})
	second := p.start(p.adapter(nil), &inbox{}) // on another machine
	p.until("both sessions", func() bool { return p.s.Sessions() == 2 })
	i, err := p.s.Command(p.asker(p.channel("lesson")), "help", nil, nil)
	i.Again()
	awaited(t, i, err)
	if err := errors.Join(first.stop(), second.stop()); err != nil {
		t.Error(err)
	}
	if n := len(p.desk.Asked()); n != 1 {
		t.Errorf("the desk was asked %d times", n)
	}
}

func TestPanickingDeskApologises(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	p.desk.Answer(func(coach.Command) (coach.Answer, error) { panic("desk") })
	i, err := p.s.Command(p.asker(p.channel("lesson")), "help", nil, nil)
	if m := awaited(t, i, err); !strings.Contains(m.Text, "went wrong") || !m.Private {
		t.Errorf("answered %+v", m)
	}
}

func TestCallbacksSurviveDiscordsErrors(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	const callback = "POST /interactions/{interaction}/{token}/callback"
	for name, f := range map[string]discordtest.Fault{
		"out of order":        {Status: 503},
		"broken off":          {Status: -1},
		"done all the same":   {Status: 500, After: true},
		"broken off and done": {Status: -1, After: true},
	} {
		p.s.Fail(callback, f)
		i, err := p.s.Command(p.asker(p.channel("lesson")), "help", nil, nil)
		if m := awaited(t, i, err); !strings.Contains(m.Text, "Here you are.") {
			t.Errorf("%s: answered %+v", name, m)
		}
	}
}

func TestAnswersOfManyParts(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	a := p.asker(p.channel("lesson"))
	a.Admin = true
	channels := []string{p.channel("lesson"), p.channel("other")}
	p.desk.Answer(func(c coach.Command) (coach.Answer, error) {
		answer := coach.Answer{Sections: []coach.Section{{Heading: "Setup", Text: "Choose."}}}
		answer.Choices = append(answer.Choices, coach.Choice{Action: coach.ActSetup, Name: "channels", Label: "Channels", Channels: true, Value: channels[0]})
		for k := range 6 {
			answer.Choices = append(answer.Choices, coach.Choice{
				Action: coach.ActSetup, Name: fmt.Sprint("n", k), Label: fmt.Sprint("Number ", k), Value: "a",
				Options: []coach.Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}},
			})
		}
		for k := range 7 {
			answer.Buttons = append(answer.Buttons, coach.Button{Label: fmt.Sprint("B", k), Action: coach.ActSetup, Name: "b", Value: fmt.Sprint(k)})
		}
		return answer, nil
	})
	i, err := p.s.Command(a, "setup", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.until("two messages", func() bool { return len(p.s.See(a.User, a.Channel)) == 2 })
	messages, _, err := i.Await(t.Context())
	if err != nil || len(messages) != 2 || len(messages[0].Menus) != 5 || len(messages[1].Menus) != 2 || len(messages[1].Buttons) != 7 {
		t.Fatalf("%v, %+v", err, messages)
	}
	if got := messages[0].Menus[0].Chosen; !slices.Equal(got, channels[:1]) {
		t.Errorf("chosen are %q", got)
	}
	for _, chosen := range [][]string{channels, {}} {
		i, err = p.s.Choose(a, messages[0].ID, "Channels", chosen...)
		awaited(t, i, err)
		asked := p.desk.Asked()
		if c := asked[len(asked)-1]; c.Values["channels"] != strings.Join(chosen, ",") || !c.Admin {
			t.Errorf("the desk was asked %+v", c)
		}
	}
	var long strings.Builder
	for k := range 1500 {
		fmt.Fprintf(&long, "word %d *is* fine. ", k)
	}
	p.desk.Answer(func(coach.Command) (coach.Answer, error) {
		return coach.Answer{Sections: []coach.Section{{Heading: "Details", Text: long.String()}}}, nil
	})
	i, err = p.s.Command(a, "help", nil, nil)
	m := awaited(t, i, err)
	if len(m.Files) != 1 || !strings.Contains(string(m.Files[0].Data), "word 1499") || !strings.Contains(m.Text, "word 10 *is* fine.") {
		t.Errorf("a very long answer has %d files and the text %.80q", len(m.Files), m.Text)
	}
}

func TestFilesThatAreTooLargeAreSpokenOf(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	p.desk.Answer(func(coach.Command) (coach.Answer, error) {
		file := coach.File{Name: "a.json", ContentType: "application/json", Data: make([]byte, 5<<20)}
		return coach.Answer{Sections: []coach.Section{{Text: "Here."}}, Files: []coach.File{file, file}}, nil
	})
	i, err := p.s.Command(p.asker(p.channel("lesson")), "export", nil, nil)
	if m := awaited(t, i, err); len(m.Files) != 1 {
		t.Errorf("%d files", len(m.Files))
	}
	p.until("the word on it", func() bool {
		seen := p.s.See(p.user("ada"), p.channel("lesson"))
		return len(seen) == 2 && seen[1].Text == wordsTooLarge && seen[1].Private
	})
}

func TestLargeFilesComeAfterTheFirstAnswer(t *testing.T) {
	p := parallelPlatform(t)
	p.listen(p.adapter(nil), &inbox{})
	a := p.asker(p.channel("lesson"))
	p.desk.Answer(func(c coach.Command) (coach.Answer, error) {
		answer := coach.Answer{Sections: []coach.Section{{Text: "Here " + c.Values["b"]}}, Buttons: []coach.Button{{Label: "More", Action: coach.ActExport, Name: "b", Value: "more"}}}
		answer.Files = []coach.File{{Name: "a.json", ContentType: "application/json", Data: make([]byte, maxQuick+1)}}
		return answer, nil
	})
	i, err := p.s.Command(a, "export", nil, nil)
	m := awaited(t, i, err)
	if len(m.Files) != 1 || !m.Private {
		t.Fatalf("%d files, private %t", len(m.Files), m.Private)
	}
	if _, err = p.s.Press(a, m.ID, "More"); err != nil {
		t.Fatal(err)
	}
	p.until("the message to change", func() bool {
		seen := p.s.See(a.User, a.Channel)
		return len(seen) == 1 && seen[0].Text == "Here more" && len(seen[0].Files) == 1
	})
}

func TestForgettingTakesSentencesAlong(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	at := p.channel("lesson")
	n, mine := p.posted(l, at)
	p.post(d, n, coaching(n, "Well read."))
	theirs := p.s.Voice(p.user("bob"), at, []byte("OggS"))
	other := l.note(theirs)
	other.Text = "The dog ran."
	p.post(d, other, coaching(other, "Well read."))
	p.desk.Answer(func(coach.Command) (coach.Answer, error) {
		return coach.Answer{
			Sections: []coach.Section{{Text: "Sure?"}},
			Buttons:  []coach.Button{{Label: "Yes", Action: coach.ActForget, Name: "confirm", Value: "yes", Style: coach.StyleDanger}},
		}, nil
	})
	a := p.asker(at)
	known := func(message string) string {
		s, err := d.about(t.Context(), message)
		if err != nil {
			t.Error(err)
		}
		return s
	}
	i, err := p.s.Command(a, "forget", nil, nil)
	m := awaited(t, i, err)
	if known(mine) == "" {
		t.Error("forgotten before that was confirmed")
	}
	i, err = p.s.Press(a, m.ID, "Yes")
	awaited(t, i, err)
	if s := known(mine); s != "" {
		t.Errorf("still known is %q", s)
	}
	if known(theirs) == "" {
		t.Error("another learner's sentence is forgotten")
	}
}

func TestOldButtons(t *testing.T) {
	p := parallelPlatform(t)
	d := p.adapter(nil)
	l := p.listen(d, &inbox{})
	n, message := p.posted(l, p.channel("lesson"))
	p.post(d, n, coaching(n, "Well read."))
	before := len(p.desk.Asked())
	for _, id := range []string{"old", "a|", "a|details|x|n|v", "a||1||"} {
		if _, ok := parseCustomID(id); ok {
			t.Errorf("%q was understood", id)
		}
	}
	m := p.s.Answers(p.user("ada"), p.channel("lesson"), message)[0]
	a := discordtest.Asker{User: p.user("ada"), Channel: m.Channel}
	i, err := p.s.PressID(a, m.ID, "version0:details")
	if got := awaited(t, i, err); got.Text != wordsUnknown {
		t.Errorf("answered %q", got.Text)
	}
	if len(p.desk.Asked()) != before {
		t.Error("the desk was asked")
	}
}

func TestCommandsAreRegisteredWhenTheyChange(t *testing.T) {
	p := parallelPlatform(t)
	for range 2 {
		l := p.listen(p.adapter(nil), &inbox{})
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	}
	names, registered := p.s.Commands()
	if registered != 1 {
		t.Errorf("registered %d times, want once", registered)
	}
	for _, want := range []string{"practice", "progress", "settings", "privacy", "forget", "export", "help", "setup", "usage", commandAssessTyped, commandAssess} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing in %q", want, names)
		}
	}
}

func TestCommandsAreForServersAloneWhereThePortalSaysSo(t *testing.T) {
	p := parallelPlatform(t)
	p.s.DenyUserInstall()
	p.listen(p.adapter(nil), &inbox{})
	a := p.asker(p.channel("lesson"))
	i, err := p.s.Command(a, "help", nil, nil)
	awaited(t, i, err)
	a.Outside = true
	if _, err := p.s.Command(a, "help", nil, nil); err == nil {
		t.Error("a command is offered where the bot can't be")
	}
}

func TestCustomIDsHoldTheirLimit(t *testing.T) {
	for _, b := range []asked{
		{asksAction, coach.ActDispute, "discord-18446744073709551615", "claim", strings.Repeat("x", 24)},
		{asksInPlace, coach.ActSentence, "discord-i18446744073709551615", "sentence", ""},
		{asksChoice, coach.ActSettings, "", "explanations", ""},
		{asksText, coach.ActSentence, "discord-1", "sentence", ""},
	} {
		id, err := b.customID()
		if err != nil {
			t.Errorf("%+v: %v", b, err)
			continue
		}
		if got, ok := parseCustomID(id); !ok || got != b {
			t.Errorf("%q reads %+v, want %+v", id, got, b)
		}
	}
	for _, b := range []asked{
		{asksAction, coach.ActDispute, "", "a|b", ""},
		{asksAction, coach.ActDispute, "", "claim", strings.Repeat("x", 100)},
	} {
		if id, err := b.customID(); err == nil {
			t.Errorf("%+v is named %q", b, id)
		}
	}
}
