// Package bots is what happens to a voice note between its arrival and its
// answer, and to whatever else learners and owners ask for.
//
// Intake decides what is taken in. Worker claims accepted notes and takes each
// through
//
//	admit    the desk lets it go on, or it waits for its learner, or it is dropped
//	hold     the recording's bytes, downloaded unless they are held already
//	decode   bytes to samples
//	score    samples and sentence to an assessment      (saved)
//	explain  assessment and earlier lessons to a reply  (saved)
//	post     the reply, in the note's thread            (saved)
//	remember the lesson, for the learner's next time
//	release  the recording
//	finish
//
// and starts, after a crash or an error, at the first that is missing.
//
// A learner's error (coach.ReasonOf) is answered with advice. A *coach.Snooze
// is waited for. Every other error is ours: tried again with growing delays,
// and in the end answered with one apology, and kept as a dead letter.
//
// Desk is the coach.Desk of every chat platform: practice, progress, details,
// disputes, settings, consent, export, forgetting, an owner's rules. A note of
// such a platform passes its gate (docs/desk.md).
package bots
