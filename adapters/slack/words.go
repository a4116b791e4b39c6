package slack

// The adapter's own words, of what only Slack has. Everything else that learners
// read comes from the desk.
const (
	productName = "mynah"

	wordsSent        = "I've sent it to you in a direct message."
	wordsYour        = "Your recording"
	wordsPress       = "That took too long for Slack. Please press the button again."
	wordsAgain       = "That took too long for Slack. Please try it again."
	wordsListening   = "I'm listening. My answer comes in the thread of your recording."
	wordsNoClip      = "There is no audio clip in that message that I could listen to."
	wordsNotYours    = "I assess a recording only for the person who made it."
	wordsInvite      = "I can't open that recording from here. Please invite me to the conversation first: /invite @mynah"
	wordsNoFiles     = "I can't send files in this workspace: I was not given the right to. Its admins can change that; please ask them for files:write."
	wordsHow         = "In Slack, type /mynah and then one of these words, or mention me with it in a thread. To have a clip of your own assessed that I didn't answer, choose Assess pronunciation from its menu."
	wordsClose       = "Close"
	wordsSend        = "Send"
	wordsChannels    = "All channels I'm in"
	wordsChoose      = "Choose"
	statusListening  = "is listening…"
	reactionWorking  = "ear"
	reactionAnswered = "white_check_mark"

	wordsInstalled       = "mynah is installed. In Slack, invite it to a channel with /invite @mynah and record an audio clip there, or send it a direct message."
	wordsInstallDeclined = "mynah was not installed: the request was declined in Slack. Nothing has been stored."
	wordsInstallState    = "This installation was begun elsewhere, or too long ago. Please begin again at /slack/install."
	wordsInstallFailed   = "Slack did not let mynah in. Please try again at /slack/install; the service's log says more."
	wordsInstallLater    = "mynah can't take an installation just now. Please try again in a minute."
)
