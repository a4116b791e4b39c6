package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

func noSentence(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	c := clip("a")
	c.Text = ""
	if n := s.deliver(c); n.Text != "" || n.Place == "" {
		t.Errorf("the note has the text %q, want none, and the place %q, want one", n.Text, n.Place)
	}
}

func promptIsSentence(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	const sentence = "Open the window, please."
	h.Desk.Open(s.deliver(clip("a")).Learner, sentence)
	mine, theirs := clip("b"), clip("c")
	mine.Text, theirs.Text, theirs.Learner = "", "", "bob"
	for _, c := range []Clip{mine, theirs} {
		if err := h.Deliver(s.ctx(), c); err != nil {
			t.Fatalf("delivery of %s was not acknowledged: %v", c.Key, err)
		}
	}
	notes := s.inbox.accepted()
	if len(notes) != 3 {
		t.Fatalf("%d notes, want 3", len(notes))
	}
	for _, n := range notes[1:] {
		want := ""
		if n.Learner == notes[0].Learner {
			want = sentence
		}
		if n.Text != want {
			t.Errorf("the note of %s has the sentence %q, want %q", n.Learner, n.Text, want)
		}
	}
}

func practiceIsPublic(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	const sentence = "Could you open the window, please?"
	h.Desk.Answer(func(coach.Command) (coach.Answer, error) {
		return coach.Answer{Public: true, Sentence: sentence, Sections: []coach.Section{{Heading: "Read this aloud", Text: sentence}}}, nil
	})
	r := s.ask(Request{Action: coach.ActPractice, Learner: "ada", Thread: "lesson"})
	got := shownOne(t, r)
	if !strings.Contains(got.Text, sentence) || !strings.Contains(got.Text, "Read this aloud") || got.Private {
		t.Errorf("shown: %+v; want the prompt, for all to see", got)
	}
}

func onlyAllowedChannels(t *testing.T, h Harness) {
	if h.Channel == nil {
		t.Skip("all threads are in one channel")
	}
	s := listen(t, h, &inbox{})
	here, there := clip("a"), clip("b")
	there.Thread = "other lesson"
	h.Desk.SetRules(coach.Rules{Channels: []string{h.Channel(here.Thread)}})
	if err := h.Deliver(s.ctx(), there); err != nil {
		t.Errorf("a note elsewhere is not for us, and so acknowledged: %v", err)
	}
	s.deliver(here)
	if n := len(s.inbox.accepted()); n != 1 {
		t.Errorf("%d notes were taken, want the one in the allowed channel", n)
	}
}

func busyIsToldOnce(t *testing.T, h Harness) {
	var mu sync.Mutex
	var refused coach.VoiceNote
	s := listen(t, h, &inbox{before: func(_ context.Context, n coach.VoiceNote) error {
		mu.Lock()
		defer mu.Unlock()
		refused = n
		return &coach.Busy{For: time.Minute, Cause: errInbox}
	}})
	for range 3 { // the platform's redelivery
		if err := h.Deliver(s.ctx(), clip("a")); err != nil {
			t.Fatalf("a note that is refused as too many was not acknowledged: %v", err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := s.seenOne(refused); !strings.Contains(got.Text, busyWords) {
		t.Errorf("the learner sees %q, want %q", got.Text, busyWords)
	}
}

func threePostsEachOnce(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	replies := []coach.Reply{
		reply(n, coach.ReplyNotice, "This is what I store."),
		reply(n, coach.ReplyQuestion, "Which sentence did you read?"),
		reply(n, coach.ReplyCoaching, "Well read."),
	}
	for i, r := range replies {
		s.post(h.Adapter, n, r)
		for _, again := range replies[:i+1] {
			s.post(h.Adapter, n, again)
			s.post(h.Another, n, again)
		}
		shown := s.seen(n)
		if len(shown) != i+1 {
			t.Fatalf("after %d posts, some of them repeated, the learner sees %d replies", i+1, len(shown))
		}
		for k, r := range replies[:i+1] {
			if !strings.Contains(shown[k].Text, r.Text) {
				t.Errorf("reply %d is %q, want %q in it", k+1, shown[k].Text, r.Text)
			}
		}
	}
}

func privateReplyIsPrivate(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	other := clip("b")
	other.Learner = "bob" // in the same thread
	s.deliver(other)
	for _, kind := range []coach.ReplyKind{coach.ReplyNotice, coach.ReplyCoaching} {
		r := reply(n, kind, "The "+string(kind)+" is for Ada alone.")
		r.Private = true
		s.post(h.Adapter, n, r)
		s.post(h.Another, n, r)
	}
	mine, theirs := s.seenBy(n, "ada"), s.seenBy(n, "bob")
	if len(mine) != 2 || !mine[0].Private || !strings.Contains(mine[1].Text, "for Ada alone") {
		t.Errorf("the learner sees %+v, want notice and coaching", mine)
	}
	for _, got := range theirs {
		if strings.Contains(got.Text, "for Ada alone") {
			t.Errorf("another learner sees %q", got.Text)
		}
	}
}

func deletedIsWithdrawn(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	s.deliver(clip("b"))
	if err := h.Delete(s.ctx(), n); err != nil {
		t.Fatal(err)
	}
	h.Desk.wait(t, "for the deleted note to be withdrawn", func() bool { return len(h.Desk.Withdrawn()) > 0 })
	for _, id := range h.Desk.Withdrawn() {
		if id != n.ID {
			t.Errorf("%s was withdrawn, want %s alone", id, n.ID)
		}
	}
}

// posted delivers a clip and posts a reply with buttons to it.
func (s *session) posted(buttons ...coach.Button) coach.VoiceNote {
	s.t.Helper()
	n := s.deliver(clip("a"))
	r := reply(n, coach.ReplyCoaching, "Well read.")
	for _, b := range buttons {
		b.Note = n.ID
		r.Buttons = append(r.Buttons, b)
	}
	s.post(s.Adapter, n, r)
	return n
}

func buttonReachesDesk(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.posted(
		coach.Button{Label: "Details", Action: coach.ActDetails},
		coach.Button{Label: "Try again", Action: coach.ActAgain, Style: coach.StylePrimary},
		coach.Button{Label: "Hear it", Action: coach.ActHear},
		coach.Button{Label: "That's wrong", Action: coach.ActDispute},
	)
	if d := cmp.Diff([]string{"Details", "Try again", "Hear it", "That's wrong"}, s.seenOne(n).Buttons); d != "" {
		t.Errorf("buttons (-want +got):\n%s", d)
	}
	for learner, text := range map[string]string{"ada": "Every word, for Ada.", "bob": "This is somebody else's, Bob."} {
		h.Desk.Answer(func(coach.Command) (coach.Answer, error) { return say(text), nil })
		r, err := h.Press(s.ctx(), n, learner, "Details")
		if err != nil {
			t.Fatal(err)
		}
		if got := shownOne(t, r); !strings.Contains(got.Text, text) || !got.Private {
			t.Errorf("%s sees %+v, want %q, for them alone", learner, got, text)
		}
		c := s.askedLast()
		if c.Action != coach.ActDetails || c.Note != n.ID || (c.Learner == n.Learner) != (learner == "ada") || c.Learner == "" || c.Place != n.Place {
			t.Errorf("the desk was asked %+v by %s, want the details of %s", c, learner, n.ID)
		}
	}
	if got := s.seenBy(n, "bob"); len(got) > 2 {
		t.Errorf("another learner sees %d posts", len(got))
	}
}

func answersButtonReachesDesk(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.posted(coach.Button{Label: "That's wrong", Action: coach.ActDispute})
	h.Desk.Answer(func(c coach.Command) (coach.Answer, error) {
		if c.Values["claim"] != "" {
			return say("Thank you."), nil
		}
		a := say("Which one?")
		a.Buttons = []coach.Button{
			{Label: "The first", Action: coach.ActDispute, Note: n.ID, Name: "claim", Value: "c1"},
			{Label: "Something else", Action: coach.ActDispute, Note: n.ID, Name: "claim", Value: "other", Style: coach.StyleDanger},
		}
		return a, nil
	})
	r, err := h.Press(s.ctx(), n, "ada", "That's wrong")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"The first", "Something else"}, shownOne(t, r).Buttons); d != "" {
		t.Fatalf("buttons (-want +got):\n%s", d)
	}
	if r, err = r.Press(s.ctx(), "Something else"); err != nil {
		t.Fatal(err)
	}
	if got := shownOne(t, r); !strings.Contains(got.Text, "Thank you.") || !got.Private {
		t.Errorf("shown: %+v", got)
	}
	if c := s.askedLast(); c.Action != coach.ActDispute || c.Note != n.ID || c.Learner != n.Learner || c.Values["claim"] != "other" {
		t.Errorf("the desk was asked %+v", c)
	}
}

func commandReachesDesk(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	for _, e := range h.Desk.Menu() {
		text := "This is what " + string(e.Action) + " says."
		h.Desk.Answer(func(coach.Command) (coach.Answer, error) { return say(text), nil })
		want := Request{Action: e.Action, Learner: "ada", Thread: "lesson", Admin: e.Admin}
		if len(e.Parameters) > 0 {
			want.Values = map[string]string{"level": "advanced", "sound": "th"}
		}
		if got := shownOne(t, s.ask(want)); !strings.Contains(got.Text, text) || !got.Private {
			t.Errorf("%s: shown %+v, want %q, for the asker alone", e.Action, got, text)
		}
		c := s.askedLast()
		if c.Action != e.Action || c.Place != n.Place || c.Thread == "" || c.Admin != e.Admin {
			t.Errorf("the desk was asked %+v, want %s at %s", c, e.Action, n.Place)
		}
		if !e.Admin && c.Learner != n.Learner { // who manages may be somebody else
			t.Errorf("%s: asked by %q, want %q", e.Action, c.Learner, n.Learner)
		}
		for name, value := range want.Values {
			if c.Values[name] != value {
				t.Errorf("%s: %s is %q, want %q", e.Action, name, c.Values[name], value)
			}
		}
	}
}

func adminIsThePlatformsWord(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	for _, admin := range []bool{false, true} {
		before := len(h.Desk.Asked())
		_, err := h.Ask(s.ctx(), Request{Action: coach.ActSetup, Learner: "ada", Thread: "lesson", Admin: admin})
		asked := h.Desk.Asked()[before:]
		if err != nil || len(asked) == 0 {
			if admin {
				t.Errorf("who manages the place was not heard: %v", err)
			}
			continue // the platform may not even offer it to others
		}
		if asked[0].Admin != admin {
			t.Errorf("the desk was told Admin %t, want %t", asked[0].Admin, admin)
		}
	}
}

func choiceReachesDesk(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	h.Desk.Answer(func(c coach.Command) (coach.Answer, error) {
		full := "short"
		if c.Values["explanations"] != "" {
			full = c.Values["explanations"]
		}
		a := say("Explanations are " + full + ".")
		a.Choices = []coach.Choice{
			{Action: coach.ActSettings, Name: "explanations", Label: "Explanations", Value: full, Options: []coach.Option{{Value: "short", Label: "Short"}, {Value: "full", Label: "Full"}}},
			{Action: coach.ActSettings, Name: "replies", Label: "Replies", Value: "thread", Options: []coach.Option{{Value: "thread", Label: "In the thread"}, {Value: "me", Label: "Only to me"}}},
		}
		return a, nil
	})
	r := s.ask(Request{Action: coach.ActSettings, Learner: "ada", Thread: "lesson"})
	r, err := r.Choose(s.ctx(), "Explanations", "Full")
	if err != nil {
		t.Fatal(err)
	}
	if got := shownOne(t, r); !strings.Contains(got.Text, "Explanations are full.") || !got.Private {
		t.Errorf("shown: %+v", got)
	}
	if c := s.askedLast(); c.Action != coach.ActSettings || c.Values["explanations"] != "full" || c.Values["replies"] != "" {
		t.Errorf("the desk was asked %+v", c)
	}
}

func formOpensAndArrives(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	c := clip("a")
	c.Text = ""
	n := s.deliver(c)
	r := reply(n, coach.ReplyQuestion, "Which sentence did you read?")
	r.Buttons = []coach.Button{{Label: "Write the sentence", Action: coach.ActSentence, Note: n.ID, Style: coach.StylePrimary}}
	s.post(h.Adapter, n, r)
	h.Desk.Answer(func(c coach.Command) (coach.Answer, error) {
		if c.Values["sentence"] != "" {
			return say("Thank you, I'm listening now."), nil
		}
		return coach.Answer{Form: &coach.Form{
			Action: coach.ActSentence, Note: n.ID, Title: "Your sentence", Name: "sentence",
			Label: "What did you read?", Placeholder: "I think it's going to rain.", MaxLength: 300,
		}}, nil
	})
	opened, err := h.Press(s.ctx(), n, "ada", "Write the sentence")
	if err != nil {
		t.Fatal(err)
	}
	if opened.Form == nil || opened.Form.Title != "Your sentence" || !strings.Contains(opened.Form.Label, "What did you read?") {
		t.Fatalf("opened: %+v, want the form", opened)
	}
	text := "“It's five o'clock” & <b>that's</b> *all* @everyone"
	answer, err := opened.Form.Send(s.ctx(), text)
	if err != nil {
		t.Fatal(err)
	}
	if got := shownOne(t, answer); !strings.Contains(got.Text, "I'm listening now") || !got.Private {
		t.Errorf("shown: %+v", got)
	}
	if c := s.askedLast(); c.Action != coach.ActSentence || c.Note != n.ID || c.Learner != n.Learner || c.Values["sentence"] != text {
		t.Errorf("the desk was asked %+v", c)
	}
}

func picturesAndFiles(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	data := []byte(`{"schema": "mynah.export/1"}`)
	h.Desk.Answer(func(coach.Command) (coach.Answer, error) {
		a := say("Here is everything.")
		a.Picture = &coach.Picture{PNG: dot.Bytes(), Alt: "Two sounds are clearer than last week."}
		a.Files = []coach.File{{Name: "mynah.json", ContentType: "application/json", Data: data}}
		return a, nil
	})
	r := s.ask(Request{Action: coach.ActExport, Learner: "ada", Thread: "lesson"})
	var text string
	var alts []string
	var file []byte
	for _, shown := range r.Shown { // a platform may need a message for each
		if !shown.Private {
			t.Errorf("others see %+v", shown)
		}
		text += shown.Text
		alts = append(alts, shown.Alts...)
		file = append(file, shown.Files["mynah.json"]...)
	}
	if !strings.Contains(text, "Here is everything.") || !slices.Contains(alts, "Two sounds are clearer than last week.") || !bytes.Equal(file, data) {
		t.Errorf("shown: %q, pictures %q, file %q", text, alts, file)
	}
}

func hostileAnswerIsHarmless(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	check := func(name string, r Response) {
		t.Helper()
		for _, shown := range r.Shown {
			if len(shown.Active) > 0 {
				t.Errorf("%s: the platform would act upon %q", name, shown.Active)
			}
			if !utf8.ValidString(shown.Text) {
				t.Errorf("%s: what is shown is not UTF-8", name)
			}
		}
		if len(r.Shown) == 0 || !strings.Contains(r.Shown[0].Text, marker) {
			t.Errorf("%s: the harmless part can't be read in %+v", name, r.Shown)
		}
	}
	for name, text := range hostile {
		h.Desk.Answer(func(coach.Command) (coach.Answer, error) {
			return coach.Answer{
				Public: true, Sentence: text,
				Sections: []coach.Section{{Heading: text, Text: text}, {Text: text + "\n" + text}},
				Buttons:  []coach.Button{{Label: "Next", Action: coach.ActPractice}},
			}, nil
		})
		check(name, s.ask(Request{Action: coach.ActPractice, Learner: "ada", Thread: "lesson"}))
	}
	long := marker + strings.Repeat(" é", 4000)
	h.Desk.Answer(func(coach.Command) (coach.Answer, error) { return say(long), nil })
	check("very long text", s.ask(Request{Action: coach.ActHelp, Learner: "ada", Thread: "lesson"}))
}

func failingDeskApologises(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.posted(coach.Button{Label: "Details", Action: coach.ActDetails})
	h.Desk.Answer(func(coach.Command) (coach.Answer, error) {
		return coach.Answer{}, errors.New("shelf: secret detail")
	})
	r, err := h.Press(s.ctx(), n, "ada", "Details")
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []Shown{shownOne(t, r), shownOne(t, s.ask(Request{Action: coach.ActProgress, Learner: "ada", Thread: "lesson"}))} {
		if !strings.Contains(got.Text, apologyWords) || strings.Contains(got.Text, "secret") || !got.Private {
			t.Errorf("shown: %+v, want an apology", got)
		}
	}
}

// ask types a command and returns what is shown to it.
func (s *session) ask(r Request) Response {
	s.t.Helper()
	got, err := s.Ask(s.ctx(), r)
	if err != nil {
		s.t.Fatalf("ask for %s: %v", r.Action, err)
	}
	return got
}

// askedLast is what the desk was asked last.
func (s *session) askedLast() coach.Command {
	s.t.Helper()
	asked := s.Desk.Asked()
	if len(asked) == 0 {
		s.t.Fatal("the desk was not asked at all")
	}
	return asked[len(asked)-1]
}

func (s *session) seenBy(n coach.VoiceNote, learner string) []Shown {
	s.t.Helper()
	shown, err := s.SeenBy(s.ctx(), n, learner)
	if err != nil {
		s.t.Fatalf("look at the thread: %v", err)
	}
	return shown
}

// shownOne is what is shown where exactly one thing must be.
func shownOne(t *testing.T, r Response) Shown {
	t.Helper()
	if len(r.Shown) != 1 {
		t.Fatalf("the asker is shown %d things, want 1: %+v", len(r.Shown), r.Shown)
	}
	return r.Shown[0]
}
