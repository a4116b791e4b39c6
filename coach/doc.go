// Package coach is mynah's vocabulary: the types, interfaces and errors that
// every other package talks about. It imports the standard library only and
// does no I/O, so it can be read first and by itself.
//
// A voice note arrives on a platform (VoiceNote), is accepted (Inbox) and kept
// as a Task (Queue) until it has been decoded (Audio), paired with its sentence
// (Utterance), scored (Scorer: Assessment), explained (Explainer: Rationale)
// and posted (Adapter: Reply).
//
// # Units
//
// Times in audio are float64 seconds from its first sample. Scores are on
// speechocean762's scales: 0-10 for sentences and words, 0-2 for phones.
// Confidences are probabilities, 0-1. Samples are float32 in [-1, 1], mono, at
// SampleRate.
package coach
