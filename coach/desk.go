package coach

import (
	"context"
	"strings"
)

// Desk answers what learners and owners ask for beside posting voice notes, and
// keeps what they have set. There is one for all platforms: an adapter turns its
// own commands, buttons and forms into a Command, and shows the Answer in its
// platform's manner. Safe for concurrent use.
type Desk interface {
	// Do carries a command out. What the asker can mend (a level that does not
	// exist, nothing to show yet, somebody else's button) is an Answer in kind
	// words, not an error. It takes well under a second, but for ActHear.
	Do(ctx context.Context, c Command) (Answer, error)

	// Menu lists the commands that learners and owners type, for adapters to
	// register with their platform in its manner. It never changes.
	Menu() []Entry

	// Words is what a learner is told of an error: advice for a learner's error,
	// when to come back for a *Busy, an apology for any other.
	Words(err error) string

	// Prompt returns the sentence of the learner's open practice prompt, "" where
	// none is open.
	Prompt(ctx context.Context, learner LearnerID) (string, error)

	// Rules returns what holds in a place: what its owner set, over the service's
	// own settings. It is cheap enough to ask for every message.
	Rules(ctx context.Context, place PlaceID) (Rules, error)

	// Withdraw says that a note was deleted on its platform: it is not answered,
	// and its audio is dropped. It may come again, and before its note.
	Withdraw(ctx context.Context, id NoteID) error

	// Leave says that mynah was removed from a place: what is known of it and of
	// its learners there is dropped. It may come again.
	Leave(ctx context.Context, place PlaceID) error
}

// Action names something that can be asked for.
type Action string

// What learners ask for. Values that an action takes are named beside it.
const (
	ActPractice Action = "practice" // level, sound: a sentence to read aloud
	ActProgress Action = "progress"
	ActHome     Action = "home"     // progress, next practice and settings on one page
	ActSettings Action = "settings" // one of the Choices of its answer, by name; none shows them
	ActPrivacy  Action = "privacy"
	ActConsent  Action = "consent" // answer: "yes" or "no", to the question at first contact
	ActForget   Action = "forget"  // confirm: "yes"; none asks
	ActExport   Action = "export"
	ActHelp     Action = "help"
	ActSentence Action = "sentence" // sentence: what was read in Note; none answers with the form
	ActDetails  Action = "details"  // of Note
	ActAgain    Action = "again"    // another try at Note's sentence
	ActHear     Action = "hear"     // Note's sentence in the model voice
	ActDispute  Action = "dispute"  // claim: the ID of a claim of Note's rationale, or "other"; none asks which
)

// What only who manages a place may ask for (Command.Admin).
const (
	ActSetup Action = "setup" // one of the Choices of its answer, by name; none shows them
	ActUsage Action = "usage" // how much mynah is used, without anyone's results
)

// Entry is a command that is typed.
type Entry struct {
	Action      Action
	Description string // at most 100 characters
	Admin       bool
	Parameters  []Parameter
}

// Parameter is a Value that a typed command may have. All are optional.
type Parameter struct {
	Name        string
	Description string   // at most 100 characters
	Options     []Option // at most 25; none takes any text
}

// Command is something that somebody asked for.
type Command struct {
	Action  Action
	Learner LearnerID // who asks
	Place   PlaceID
	Thread  ThreadID // where the answer goes
	Admin   bool     // the platform says that they may manage the place
	Note    NoteID   // of a button under a reply
	Values  map[string]string
}

// Answer is what is shown to a command. Its texts are plain text: adapters escape
// what their platform would act upon.
type Answer struct {
	Public   bool      // others may see it; else it is for the asker alone
	Sections []Section // complete by themselves: all that must be read
	Sentence string    // of a practice prompt: what is to be read aloud; it is in Sections too
	Picture  *Picture
	Files    []File
	Choices  []Choice
	Buttons  []Button
	Form     *Form // open this; the rest is empty
}

// Section is a part of an answer, under a heading where it has one.
type Section struct {
	Heading string
	Text    string // paragraphs and list items on lines of their own
}

// Text is the whole answer as one text.
func (a Answer) Text() string {
	var parts []string
	for _, s := range a.Sections {
		if s.Heading != "" {
			parts = append(parts, s.Heading+"\n"+s.Text)
		} else {
			parts = append(parts, s.Text)
		}
	}
	return strings.Join(parts, "\n\n")
}

// Picture is a PNG with the text that says the same to who can't see it.
type Picture struct {
	PNG []byte
	Alt string // at most 1,000 characters
}

// File is something to download or to listen to.
type File struct {
	Name        string
	ContentType string
	Data        []byte
}

// ButtonStyle is how much a button asks to be pressed.
type ButtonStyle string

// The styles of buttons.
const (
	StylePlain   ButtonStyle = ""
	StylePrimary ButtonStyle = "primary"
	StyleDanger  ButtonStyle = "danger" // what can't be undone
)

// Button asks for an action when it is pressed.
type Button struct {
	Label  string      `json:"label"` // at most 40 characters
	Action Action      `json:"action"`
	Note   NoteID      `json:"note,omitempty"`
	Name   string      `json:"name,omitempty"`  // with Value, an entry of Command.Values
	Value  string      `json:"value,omitempty"` // at most 24 of [a-z0-9_-]
	Style  ButtonStyle `json:"style,omitempty"`
}

// Choice is one setting. Changing it asks for its action with Name and the
// chosen Value in Command.Values.
type Choice struct {
	Action   Action
	Name     string
	Label    string // at most 80 characters
	Value    string // what is chosen now
	Options  []Option
	Channels bool // instead of Options: the place's channels; values are the adapter's channel identifiers, with commas between them
}

// Option is one of a choice's values.
type Option struct {
	Value string // at most 24 of [a-z0-9_-]
	Label string // at most 70 characters
}

// Form asks for one text. Sending it asks for Action with Name and the text in
// Command.Values.
type Form struct {
	Action      Action
	Note        NoteID
	Title       string // at most 24 characters
	Name        string
	Label       string // at most 45 characters
	Placeholder string // at most 100 characters
	MaxLength   int    // characters
}

// Consent is what has to happen before a learner's first note is scored.
type Consent string

// The kinds of consent that an owner can ask for.
const (
	ConsentNotice Consent = "notice" // learners are told what is stored, once
	ConsentOptIn  Consent = "opt_in" // nothing is scored until the learner says yes
)

// Rules are what a place's owner has set.
type Rules struct {
	Channels      []string `json:"channels,omitempty"` // where notes are answered, in the adapter's identifiers; none: wherever mynah sees them
	Consent       Consent  `json:"consent,omitempty"`
	MinimumAge    int      `json:"minimum_age,omitempty"`    // years, said at first contact; 0 says nothing
	RetentionDays int      `json:"retention_days,omitempty"` // of lessons
	PerMinute     int      `json:"per_minute,omitempty"`     // notes of one learner
	PerDay        int      `json:"per_day,omitempty"`
	Private       bool     `json:"private,omitempty"` // replies go to their learner alone, unless the learner chose otherwise
}
