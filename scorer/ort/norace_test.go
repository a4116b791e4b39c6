//go:build !race

package ort

const underRace = false
