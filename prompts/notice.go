package prompts

import (
	"fmt"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// PrivacyFacts are what a service does with what it learns, as it is set up.
type PrivacyFacts struct {
	Consent         coach.Consent
	MinimumAge      int    // 0: says nothing
	RetentionDays   int    // of sentences, marks and answers
	WaitDays        int    // for which a recording is kept that waits for its learner's answer
	DeadLetterDays  int    // for which a note is kept that could not be answered
	DisputeDays     int    // for which disputes are kept
	UsageDays       int    // for which is kept who was active on a day
	WordsElsewhere  bool   // answers are worded by a language model on another machine
	SpeechElsewhere bool   // the model voice is made on another machine
	Contact         string // whom to ask; "" where the owner has said nothing
}

// kept says what is remembered, and for how long.
func (f PrivacyFacts) kept() string {
	return "the sentence, my marks and my answer, for " + count(f.RetentionDays, "day")
}

// Privacy says what is kept and what is not, in plain words.
func Privacy(f PrivacyFacts) []coach.Section {
	recording := "Your recording is deleted as soon as it has its answer."
	if f.WaitDays > 0 {
		recording += fmt.Sprintf(" While I wait for an answer of yours, I keep it for %s at most.", count(f.WaitDays, "day"))
	}
	if f.Consent == coach.ConsentOptIn {
		recording = "I don't download a recording before you have said yes. " + recording
	}
	keeps := []string{
		"• Of each voice note: " + f.kept() + ". With them I can tell you what got better.",
		"• Your settings, and your answer to my first question.",
	}
	if f.DeadLetterDays > 0 {
		keeps = append(keeps, "• A note that I failed to answer: "+count(f.DeadLetterDays, "day")+", its sound for "+count(f.WaitDays+1, "day")+" at most.")
	}
	if f.DisputeDays > 0 {
		keeps = append(keeps, "• What you told me is wrong, without your name: "+count(f.DisputeDays, "day")+".")
	}
	if f.UsageDays > 0 {
		keeps = append(keeps, "• On which days you used me, to count how many people do: "+count(f.UsageDays, "day")+".")
	}
	goes := "Nothing. Your voice is listened to on the machine that I run on."
	switch {
	case f.WordsElsewhere && f.SpeechElsewhere:
		goes = "The sentence and its marks go to a language model that words my answer, and the sentence to a speech service that reads it out. Never your voice, and never who you are."
	case f.WordsElsewhere:
		goes = "The sentence and its marks go to a language model that words my answer. Never your voice, and never who you are."
	case f.SpeechElsewhere:
		goes = "The sentence goes to a speech service that reads it out. Never your voice, and never who you are."
	}
	all := []coach.Section{
		{Heading: "Your voice", Text: recording + " It is never used to recognise you, and never to train anything."},
		{Heading: "What I keep", Text: strings.Join(keeps, "\n")},
		{Heading: "What leaves this machine", Text: goes},
		{Heading: "What you can do", Text: "• export: get all of it as a file\n• forget: delete all of it, at once\n• Delete a voice note before I have answered, and I drop it too.\nYour messages stay with this platform until you delete them there."},
	}
	if f.MinimumAge > 0 {
		all = append(all, coach.Section{Text: age(f.MinimumAge)})
	}
	if f.Contact != "" {
		all = append(all, coach.Section{Heading: "Questions", Text: shownShort(f.Contact)})
	}
	return all
}

// age says who may use mynah.
func age(years int) string { return fmt.Sprintf("You have to be %d or older to use me here.", years) }

func shownShort(text string) string { return cut(strings.Join(strings.Fields(text), " "), 200) }

// FirstNotice is what learners read at first contact where they are told.
func FirstNotice(f PrivacyFacts) string {
	text := "Hello, and welcome. Before my first answer, in short: I listen to your recording and then delete it. I keep " + f.kept() + ", to show you what gets better."
	if f.WordsElsewhere {
		text += " A language model on another machine words my answers; it gets the sentence and the marks, never your voice or your name."
	}
	if f.MinimumAge > 0 {
		text += " " + age(f.MinimumAge)
	}
	return text + " You don't have to do anything. The command privacy tells you more; with settings you can have me leave your notes alone, and with forget you delete everything."
}

// FirstQuestion is what they read where they are asked.
func FirstQuestion(f PrivacyFacts) string {
	text := "Hello, and welcome. May I listen to your voice notes and coach you? I would delete each recording once it is answered, and keep " + f.kept() + "."
	if f.WordsElsewhere {
		text += " A language model on another machine would word my answers; it gets the sentence and the marks, never your voice or your name."
	}
	if f.MinimumAge > 0 {
		text += " " + age(f.MinimumAge)
	}
	return text + " Nothing is downloaded before you say yes, and you can change your mind at any time with forget."
}

// Consented answers a yes to FirstQuestion, waiting says that a note is there.
func Consented(waiting bool) string {
	if waiting {
		return "Thank you. I'm listening to your recording now."
	}
	return "Thank you. Send me a voice note whenever you like."
}

// Declined answers a no.
func Declined() string {
	return "That's fine. I haven't listened to your recording, and I won't listen to others you send here. If you change your mind, use settings."
}

// ForgetQuestion asks before everything is deleted.
func ForgetQuestion(notes int) string {
	what := "everything that I keep about you"
	if notes > 0 {
		what += ", including the results of your last " + count(notes, "voice note")
		if notes == 1 {
			what = strings.Replace(what, "results of your last 1 voice note", "result of your last voice note", 1)
		}
	}
	return "This deletes " + what + ". It can't be undone. Recordings that wait for an answer go too. If you'd like a copy first, use export."
}

// Forgotten says that it is done.
func Forgotten() string {
	return "Done. I have deleted everything that I kept about you. Messages that I posted here stay until you or the owners delete them. If you send me a voice note again, we start anew."
}

// ForgetKept is said when the learner chose not to.
func ForgetKept() string { return "Nothing was deleted." }
