//go:build !faults

package main

import "github.com/mynah-coach/mynah/coach"

// faults does nothing. Built with the tag "faults" it ends the process between
// two steps, for the kill test.
type faults struct{}

func (*Main) faults() *faults                         { return nil }
func (*faults) parts(p parts) parts                   { return p }
func (*faults) adapter(a coach.Adapter) coach.Adapter { return a }
