package discord

// What this adapter says by itself. All else that learners read comes from the
// desk, or is in the reply.
const (
	wordsAbout       = "About your recording: "
	wordsNoDM        = "I have an answer for you alone, but you don't take direct messages from here. Allow them in this server's privacy settings, or let me answer in the thread: /settings."
	wordsBelow       = "I have answered below your recording: "
	wordsNoRecording = "There is no recording in that message. Choose one of your own voice messages or audio files."
	wordsNotYours    = "That is somebody else's recording. I only listen to it when the one who speaks asks me to."
	wordsNotAudio    = "I can't listen to that kind of file. Please give me a recording of your voice: OGG, MP3, M4A, WAV or FLAC."
	wordsKnown       = "I have that recording already. My answer is below it, or on its way."
	wordsStale       = "That took me too long, sorry. Please try once more."
	wordsUnknown     = "This button is from an earlier version of me. /help shows what I can do."
	wordsTooLarge    = "There is a file too, but it is too large for Discord. Please ask whoever runs me for it."
	wordsHint        = "I can't hear recordings in this channel by myself. Hold or right-click your message, then Apps, then “" + commandAssess + "”. Or use /assess, or send me your recording directly."
)
