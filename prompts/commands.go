package prompts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// MaxAnswer is the most characters that an answer's text has: Discord's 2,000,
// less what adapters add to escape what the platform would act upon.
const MaxAnswer = 1700

// Menu lists the commands that learners and owners type, with what they do.
func Menu() []coach.Entry {
	return []coach.Entry{
		{
			Action: coach.ActPractice, Description: "Get a sentence to read aloud, chosen for the sounds that you miss",
			Parameters: []coach.Parameter{
				{Name: "level", Description: "How hard the sentence is", Options: Levels()},
				{Name: "sound", Description: "The sound to practise", Options: PracticeSounds()},
			},
		},
		{Action: coach.ActProgress, Description: "See how your latest voice notes went; only you see it"},
		{Action: coach.ActSettings, Description: "Choose how I answer you"},
		{Action: coach.ActPrivacy, Description: "What is kept about you, for how long, and how to remove it"},
		{Action: coach.ActExport, Description: "Get everything that is kept about you, as a file"},
		{Action: coach.ActForget, Description: "Delete everything that is kept about you"},
		{Action: coach.ActHelp, Description: "How to practise with me"},
		{Action: coach.ActSetup, Description: "Set where and how I work here", Admin: true},
		{Action: coach.ActUsage, Description: "How much I am used here, without anyone's results", Admin: true},
	}
}

// Help says what mynah does and lists the commands of a menu, with those of
// owners only for an owner.
func Help(menu []coach.Entry, admin bool) []coach.Section {
	var learners, owners []string
	for _, e := range menu {
		line := "• " + string(e.Action) + ": " + e.Description
		if e.Admin {
			owners = append(owners, line)
		} else {
			learners = append(learners, line)
		}
	}
	all := []coach.Section{
		{Text: "I listen to you reading one English sentence aloud and tell you what was clear, and one or two things to work on."},
		{Heading: "How to practise", Text: "1. Ask me for a sentence with practice, or choose your own.\n" +
			"2. Read it aloud in a voice message. Under a sentence of mine, just answer it.\n" +
			"3. Read my answer, and try the sentence again."},
		{Heading: "How to read my marks", Text: marksLine(coach.Marks()) + ". I can be wrong: press That's wrong under my answer, and I'll note it."},
		{Heading: "Commands", Text: strings.Join(learners, "\n")},
	}
	if admin && len(owners) > 0 {
		all = append(all, coach.Section{Heading: "For who manages this place", Text: strings.Join(owners, "\n")})
	}
	return all
}

// marksLine says what marks stand for.
func marksLine(marks []coach.Mark) string {
	parts := make([]string, len(marks))
	for i, m := range marks {
		parts[i] = m.Sign() + " " + string(m)
	}
	return strings.Join(parts, ", ")
}

// Practice asks a learner to read a sentence. sounds are those that it was
// chosen for, the most wanted first; the first two that the sentence has are
// named. own says that they come from the learner's own notes.
func Practice(s Sentence, sounds []coach.Phoneme, own bool) []coach.Section {
	var named []string
	for _, p := range sounds {
		if sound, ok := SoundOf(p); ok && s.Count(p) > 0 && len(named) < 2 {
			named = append(named, sound.ref())
		}
	}
	lead := "Read this sentence aloud in a voice message:"
	why := "Take your time, and read all of it."
	switch {
	case len(named) > 0 && own:
		why = "I chose it for " + strings.Join(named, " and ") + ", because you can gain most there. Take your time."
	case len(named) > 0:
		why = "It is good practice for " + strings.Join(named, " and ") + ". Take your time."
	}
	return []coach.Section{{Text: lead + "\n\n" + s.Text}, {Text: why}}
}

// ref names a sound apart from any word: “th” /θ/ as in “think”.
func (s Sound) ref() string { return s.Name + " /" + s.IPA + "/ as in “" + s.Key + "”" }

// NoSuchPractice is said of a level or a sound that there is none of.
func NoSuchPractice() string {
	var levels []string
	for _, l := range Levels() {
		levels = append(levels, strings.ToUpper(l.Value))
	}
	return "I don't know that level or sound. Levels are " + enumerate(levels) + "; choose a sound from the menu, or leave both out."
}

// Again asks for another try at a note's sentence.
func Again(sentence string) []coach.Section {
	return []coach.Section{{Text: "Read it once more in a voice message:\n\n" + shown(sentence)}, {Text: "I'll compare it with this time."}}
}

// SentenceQuestion asks what was read in a note that came without a sentence.
func SentenceQuestion() string {
	return "I have your recording. Which sentence did you read? Press the button and write it down, and I'll listen to it right away. I keep the recording for up to seven days until then."
}

// SentenceForm is the form that asks for it.
func SentenceForm(note coach.NoteID) *coach.Form {
	return &coach.Form{
		Action: coach.ActSentence, Note: note, Title: "What did you read?", Name: "sentence",
		Label: "The sentence, word for word", Placeholder: "I think it is going to rain this afternoon.", MaxLength: 500,
	}
}

// SentenceTaken thanks for the sentence.
func SentenceTaken() string { return "Thank you. I'm listening to it now." }

// SentenceLate is said when the question has been answered already, or the
// recording is gone.
func SentenceLate() string {
	return "I don't have that recording any more, or it has its answer already. Please send it again with its sentence."
}

// Hear goes with a sentence in the model voice.
func Hear(sentence string) string {
	return "This is one clear way to say it. Listen once, then say it along:\n\n" + shown(sentence)
}

// NoVoice is said where there is no model voice, or it can't be had now.
func NoVoice() string {
	return "I can't play the sentence right now. An online dictionary has most words spoken by people."
}

// NothingYet is said where a learner has no notes that could be shown.
func NothingYet() string {
	return "There is nothing to show yet. Ask me for a sentence with practice, read it aloud in a voice message, and it will be here."
}

// NotYours is said to who presses a button under somebody else's note.
func NotYours() string {
	return "That note is somebody else's, so only they can use its buttons. Send me one of your own, and you'll have yours."
}

// NoteGone is said of a note that mynah remembers no more.
func NoteGone() string {
	return "I don't remember that note any more: notes are forgotten after a while, and when you ask me to. Send me a new one."
}

// NotAllowed is said to who asks for what only an owner may do.
func NotAllowed() string {
	return "Only who manages this place can do that. Please ask them."
}

// NotUnderstood is said of a command or a value that does not exist.
func NotUnderstood() string {
	return "I didn't understand that. Use help to see what I can do."
}

// Busy tells a learner whose note came when many were waiting when to come back.
func Busy(wait time.Duration) string {
	return "I'm answering many voice notes right now and couldn't take this one. Please send it again in " + inWords(wait) + "."
}

// TooMany tells a learner who has sent more than they may when to come back.
func TooMany(wait time.Duration) string {
	return "You have sent me many voice notes in a short time, and I couldn't take this one. Please send it again in " + inWords(wait) + "."
}

// inWords says a time to wait, rounded up.
func inWords(d time.Duration) string {
	const most = 1000 * time.Hour
	d = min(max(d, 0), most)
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d <= 50*time.Second:
		return "a minute"
	case d <= 100*time.Minute:
		return count(up(time.Minute), "minute")
	case d <= 36*time.Hour:
		return count(up(time.Hour), "hour")
	}
	return count(up(24*time.Hour), "day")
}

// count says how many there are: 1 day, 2 days, 1,200 notes.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// number writes a count with its thousands parted.
func number(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// enumerate joins as in: a, b and c.
func enumerate(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// shown is a learner's text for an answer: on one line, and not without end.
func shown(text string) string { return cut(strings.Join(strings.Fields(text), " "), 800) }

// cut shortens a text to n characters.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

// DisputeQuestion asks which of the things said is wrong.
func DisputeQuestion() string { return "Thank you for telling me. What did I get wrong?" }

// DisputeThanks thanks for a dispute, and never argues.
func DisputeThanks() string {
	return "Thank you. I have noted it, without your name, so that I can get better at this. You know best what you said."
}

// DisputeOptions are what can be disputed of a rationale, by claim, and last
// what is none of it. There are at most n, which is 2 or more.
func DisputeOptions(r coach.Rationale, a coach.Assessment, n int) []coach.Option {
	const other = "other"
	var all []coach.Option
	for _, c := range r.Claims {
		label := disputeLabel(c, a)
		if label == "" || c.ID == "" || len(all) >= n-1 {
			continue
		}
		all = append(all, coach.Option{Value: c.ID, Label: cut(label, 70)})
	}
	return append(all, coach.Option{Value: other, Label: "Something else"})
}

// disputeLabel names what a claim says of the recording, "" where it says
// nothing of it.
func disputeLabel(c coach.Claim, a coach.Assessment) string {
	if c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext || c.Word != nil && (*c.Word < 0 || *c.Word >= len(a.Words)) {
		return ""
	}
	praise := c.Kind == coach.ClaimStrength || c.Kind == coach.ClaimChange
	switch p := phoneAt(c, a); {
	case c.Kind == coach.ClaimPause && c.Word != nil:
		return "The pause after " + wordRef(a, *c.Word)
	case p != nil:
		s, ok := soundOf(*p)
		if !ok {
			return "A sound in " + wordRef(a, *c.Word)
		}
		return "The " + s.Name + " /" + s.IPA + "/ in " + wordRef(a, *c.Word) + verdict(praise)
	case c.Word != nil && c.Heard == coach.Missing:
		return "The word " + wordRef(a, *c.Word) + ": I did say it"
	case c.Word != nil && c.Aspect == coach.Stress:
		return "The stress in " + wordRef(a, *c.Word) + verdict(praise)
	case c.Word != nil:
		return "The word " + wordRef(a, *c.Word) + verdict(praise)
	case c.Aspect != "":
		return "The " + string(c.Aspect) + " of the sentence" + verdict(praise)
	}
	return ""
}

func verdict(praise bool) string {
	if praise {
		return ": you called it clear"
	}
	return ": it was fine"
}

// Exported goes with the file of all that is kept.
func Exported() string {
	return "This file holds everything that is kept about you, as JSON. Only you can see this message."
}

// UsageOf says how much mynah was used in a number of days, without anyone's
// results.
func UsageOf(days, notes, refused, failed, disputes, learners int) coach.Section {
	heading := "The last " + count(days, "day")
	if days == 1 {
		heading = "Today"
	}
	if notes+refused+failed+disputes == 0 {
		return coach.Section{Heading: heading, Text: "No voice notes."}
	}
	lines := []string{
		fmt.Sprintf("• %s from %s", count(notes+refused+failed, "voice note"), count(learners, "learner")),
		fmt.Sprintf("• %s coached, %s sent back with advice (no speech, another sentence and the like)", number(notes), number(refused)),
	}
	if failed > 0 {
		lines = append(lines, fmt.Sprintf("• %s that I failed to answer; the log says why", number(failed)))
	}
	if disputes > 0 {
		lines = append(lines, fmt.Sprintf("• %s that learners said I was wrong", count(disputes, "time")))
	}
	return coach.Section{Heading: heading, Text: strings.Join(lines, "\n")}
}
