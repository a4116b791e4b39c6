//go:build race

package ort

// underRace: the race detector is on, whose own memory makes totals meaningless.
const underRace = true
