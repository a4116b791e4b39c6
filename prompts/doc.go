// Package prompts holds every sentence that mynah says: advice for a learner's
// error, the claims of a rationale and the plain realiser that words them, and
// the prompt that lets a language model word the same claims.
//
// It is pure: no I/O, no clock, no randomness. The same assessment and the same
// earlier lessons always give the same claims and the same text, and earlier
// lessons make the text differ from the last one.
package prompts
