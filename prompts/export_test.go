package prompts

import "github.com/mynah-coach/mynah/coach"

// HighContrasts are the contrasts whose loss costs English most.
func HighContrasts() [][2]coach.Phoneme {
	var out [][2]coach.Phoneme
	for _, c := range contrasts {
		if c.load >= 80 {
			out = append(out, [2]coach.Phoneme{c.a, c.b})
		}
	}
	return out
}
