package prompts

// Button names one of the buttons that mynah shows.
type Button string

// The buttons. Each is at most 40 characters.
const (
	ButtonDetails  Button = "Details"
	ButtonAgain    Button = "Try again"
	ButtonHear     Button = "Hear it"
	ButtonDispute  Button = "That's wrong"
	ButtonSentence Button = "Write the sentence"
	ButtonYes      Button = "Yes, coach me"
	ButtonNo       Button = "No, thanks"
	ButtonPractice Button = "Give me a sentence"
	ButtonAnother  Button = "Another sentence"
	ButtonForget   Button = "Delete everything"
	ButtonKeep     Button = "Keep it"
	ButtonExport   Button = "Get a copy"
	ButtonPrivacy  Button = "What I keep"
	ButtonHelp     Button = "Help"
)

// maxButton is the most characters of a button's label.
const maxButton = 40

// ButtonOf is a button of a label of its own, cut to what fits.
func ButtonOf(label string) Button { return Button(cut(label, maxButton)) }

// NoPlace is said to who wants to set something up where there is nothing to:
// in a direct message.
func NoPlace() string {
	return "That belongs to a server or a workspace, and this is neither. Please ask me there."
}
