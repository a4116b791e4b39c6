package scorer

import (
	"math"

	"github.com/mynah-coach/mynah/coach"
)

const (
	pauseSeconds = .25 // shorter silences between words are no pause
	gapSeconds   = .06 // shorter ones do not separate words
	leadSeconds  = .15 // the most that the first phone begins before its state
	trailSeconds = .35 // the most that the last phone lasts after its state
)

// timing places an alignment in time. A CTC state marks where a phone is most
// itself, not where it begins and ends: neighbours meet half way between their
// states, and words end where the voice does.
type timing struct {
	segments []segment
	filled   []bool // for each frame, whether something else was said there
	levels   levels
	frame    float64 // seconds
	end      float64 // of the audio, seconds
}

// place returns each segment's span, which do not overlap and follow each
// other in time, and the pauses between words. Pause.After counts tokens.
func (t timing) place() ([]coach.Span, []coach.Pause) {
	n := len(t.segments)
	spans := make([]coach.Span, n)
	var pauses []coach.Pause
	quiet := t.levels.quiet()
	for i, s := range t.segments {
		if i == 0 {
			spans[i].Start = t.seconds(t.reach(s.first, -1, leadSeconds, quiet))
		}
		if i == n-1 {
			spans[i].End = t.seconds(t.reach(s.last, +1, trailSeconds, quiet) + 1)
			break
		}
		next := t.segments[i+1]
		from, to := s.last+1, next.first
		half := float64(from+to) / 2
		end, start := half, half
		if s.token != next.token {
			var pause coach.Span
			end, start, pause = t.gap(from, to, quiet)
			if pause.End > 0 {
				pauses = append(pauses, coach.Pause{After: s.token, Span: pause})
			}
		}
		spans[i].End, spans[i+1].Start = t.seconds(end), t.seconds(start)
	}
	return spans, pauses
}

// gap looks at the frames [from, to) between two words: where the first ends
// and the second starts, in frames, and the longest pause, if there is one.
func (t timing) gap(from, to int, quiet float64) (end, start float64, pause coach.Span) {
	frames := func(seconds float64) int { return int(math.Ceil(seconds / t.frame)) }
	half := float64(from+to) / 2
	end, start = half, half

	// What was said besides the sentence belongs to neither word.
	left, right := to, from
	for f := from; f < to && f < len(t.filled); f++ {
		if t.filled[f] {
			left, right = min(left, f), f+1
		}
	}
	if left < right {
		end, start = float64(left), float64(right)
	}

	runs := t.levels.silences(quiet, from, to, frames(gapSeconds))
	if len(runs) == 0 {
		return end, start, pause
	}
	end, start = min(end, float64(runs[0][0])), max(start, float64(runs[len(runs)-1][1]))
	longest := runs[0]
	for _, r := range runs {
		if r[1]-r[0] > longest[1]-longest[0] {
			longest = r
		}
	}
	if longest[1]-longest[0] >= frames(pauseSeconds) {
		pause = coach.Span{Start: t.seconds(float64(longest[0])), End: t.seconds(float64(longest[1]))}
	}
	return end, start, pause
}

// reach goes from a frame on in a direction while there is sound that belongs
// to the sentence, at most so many seconds, and returns the last such frame.
func (t timing) reach(f, direction int, most, quiet float64) float64 {
	for steps := int(most / t.frame); steps > 0; steps-- {
		next := f + direction
		if next < 0 || next >= len(t.levels) || float64(t.levels[next]) < quiet || next < len(t.filled) && t.filled[next] {
			break
		}
		f = next
	}
	return float64(f)
}

// seconds is the time at which a frame begins, to the millisecond and within
// the audio.
func (t timing) seconds(frame float64) float64 {
	return math.Round(min(max(frame*t.frame, 0), t.end)*1000) / 1000
}
