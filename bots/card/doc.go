// Package card draws the pictures that go with replies: a card of one reply, and
// a learner's progress. They say nothing that the text beside them does not say,
// and each comes with a text that says the same.
//
// A picture is laid out as a list of shapes, which is then painted: tests look at
// the shapes, which do not change with how edges are smoothed. Nothing is random
// or depends on the time, so the same reply always gives the same picture.
package card
