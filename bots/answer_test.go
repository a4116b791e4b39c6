package bots_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
)

// TestEveryAnswerFits asks for everything, and checks what platforms can show.
func TestEveryAnswerFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.desk.Voice = &speaker{}
		l := lisper(t, c, 8)[0]
		for _, e := range c.desk.Menu() {
			cmd := of(e.Action, l.Note)
			cmd.Admin = true
			fits(t, cmd, c.do(t, cmd))
		}
		for _, a := range []coach.Action{coach.ActHome, coach.ActDetails, coach.ActAgain, coach.ActHear, coach.ActDispute, coach.ActSentence, coach.ActConsent, "", "nonsense"} {
			fits(t, of(a, l.Note), c.do(t, of(a, l.Note)))
		}
	})
}

// fits checks an answer against what coach promises of it.
func fits(t *testing.T, cmd coach.Command, a coach.Answer) {
	t.Helper()
	at := func(what string, n, most int) {
		if n > most {
			t.Errorf("%+v: %s has %d characters, at most %d", cmd, what, n, most)
		}
	}
	runes := utf8.RuneCountInString
	text := a.Text()
	at("the text", runes(text), 2000)
	if text == "" && a.Form == nil {
		t.Errorf("%+v: no answer at all", cmd)
	}
	if !utf8.ValidString(text) {
		t.Errorf("%+v: not UTF-8", cmd)
	}
	if f := a.Form; f != nil {
		at("the form's title", runes(f.Title), 24)
		at("the form's label", runes(f.Label), 45)
		at("the form's placeholder", runes(f.Placeholder), 100)
		if text != "" || len(a.Buttons)+len(a.Choices)+len(a.Files) > 0 {
			t.Errorf("%+v: a form and more", cmd)
		}
	}
	value := func(v string) {
		at("a value", len(v), 24)
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			t.Errorf("%+v: the value %q", cmd, v)
		}
	}
	if len(a.Buttons) > 5 {
		t.Errorf("%+v: %d buttons", cmd, len(a.Buttons))
	}
	for _, b := range a.Buttons {
		at("a button", runes(b.Label), 40)
		value(b.Value)
		if b.Label == "" || b.Action == "" || (b.Name == "") != (b.Value == "") {
			t.Errorf("%+v: button %+v", cmd, b)
		}
	}
	for _, ch := range a.Choices {
		at("a choice", runes(ch.Label), 80)
		for _, o := range ch.Options {
			at("an option", runes(o.Label), 70)
			value(o.Value)
		}
	}
}

// TestDeskOutOfOrder fails every operation of the store in turn: the desk says
// so, and no answer is half of one.
func TestDeskOutOfOrder(t *testing.T) {
	commands := []coach.Command{
		asks(coach.ActPractice), asks(coach.ActProgress), asks(coach.ActHome), asks(coach.ActSettings, "replies", "me"),
		asks(coach.ActConsent, "answer", "yes"), asks(coach.ActForget, "confirm", "yes"), asks(coach.ActForget), asks(coach.ActExport),
		of(coach.ActDetails, "discord.0"), of(coach.ActAgain, "discord.0"), of(coach.ActDispute, "discord.0", "claim", "other"),
		of(coach.ActSentence, "discord.9", "sentence", "x"),
		{Action: coach.ActSetup, Learner: ada, Place: here, Admin: true, Values: map[string]string{"retention": "7"}},
		{Action: coach.ActUsage, Learner: ada, Place: here, Admin: true},
	}
	for _, cmd := range commands {
		t.Run(string(cmd.Action), func(t *testing.T) {
			for at := 1; ; at++ {
				ops := 0
				synctest.Test(t, func(t *testing.T) {
					c := newChat()
					lisper(t, c, 1)
					c.do(t, asks(coach.ActSettings, "level", "a2"))
					fail := func(string) error {
						if ops++; ops == at {
							return errOurs
						}
						return nil
					}
					c.Fail, c.lasting.Fail, c.passing.Fail = fail, fail, fail
					a, err := c.desk.Do(t.Context(), cmd)
					if at <= ops && !errors.Is(err, errOurs) {
						t.Errorf("operation %d fails, and the desk says %v, %q", at, err, a.Text())
					}
					if err != nil && strings.Contains(err.Error(), string(ada)) {
						t.Errorf("the error names the learner: %v", err)
					}
				})
				if ops < at {
					if at == 1 {
						t.Error("no operation at all")
					}
					return
				}
			}
		})
	}
}

// FuzzDesk asks for anything with any values.
func FuzzDesk(f *testing.F) {
	for _, a := range []coach.Action{
		coach.ActPractice, coach.ActSettings, coach.ActConsent, coach.ActForget, coach.ActSentence, coach.ActDetails,
		coach.ActDispute, coach.ActSetup, coach.ActHear, coach.ActExport,
	} {
		f.Add(string(a), "discord.0", "level", "a2", "claim", "c1", true)
		f.Add(string(a), "", "sentence", "\xff\x00 <@1> @everyone", "channels", "1,2", false)
		f.Add(string(a), "discord.9", "of", "x", "answer", "yes", true)
	}
	f.Fuzz(func(t *testing.T, action, note, name, value, name2, value2 string, admin bool) {
		synctest.Test(t, func(t *testing.T) {
			c := newChat()
			c.desk.Voice = &speaker{}
			lisper(t, c, 1)
			cmd := of(coach.Action(action), coach.NoteID(note), name, value, name2, value2)
			cmd.Admin = admin
			fits(t, cmd, c.do(t, cmd))
		})
	})
}
