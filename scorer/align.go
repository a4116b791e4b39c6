package scorer

import (
	"context"
	"math"
	"slices"
)

// detours are the costs, as log likelihoods (<= 0), of what is said besides or
// instead of the sentence.
type detours struct {
	skipStart   float32 // not saying a token
	skipPhone   float32 // and for each phone of the shortest way to say it
	insertStart float32 // beginning to say something else between tokens
	insertFrame float32 // each frame of it in which a phone, not blank, is likeliest
}

// noDetours allows only the sentence itself.
func noDetours() detours {
	return detours{skipStart: never, skipPhone: never, insertStart: never, insertFrame: never}
}

// never is the log likelihood of what can't be; what adds to it is at most it.
const never = -math.MaxFloat32

// path is the best way through a lattice.
type path struct {
	score   float32 // log likelihood
	states  []int32 // one a frame
	skipped []bool  // one a token
}

// skipStep marks the step from one boundary to the next in the same frame.
const skipStep = 255

// align finds the likeliest path (Viterbi) of the frames through the lattice.
// All transitions weigh the same; a path begins with the first boundary or the
// first sounds and ends with the last ones. Of equally likely predecessors the
// state itself is taken first, then the blank before, then the sound before
// that; sums are float32, in the order of the frames: so does training. ok is
// false where the frames are too few for any path; the only error is ctx's. The
// frames hold finite numbers.
//
// It takes one byte for each frame and state.
func (l *lattice) align(ctx context.Context, f Frames, d detours) (_ path, ok bool, err error) {
	states, fillers, width := l.states(), int(l.fillers), f.Classes
	back := make([]uint8, f.T*states)
	now, then := make([]float32, states), make([]float32, states)
	for s := range then {
		then[s] = never
	}
	allowed := d != noDetours()

	for t := range f.T {
		if t%256 == 0 && ctx.Err() != nil {
			return path{}, false, context.Cause(ctx)
		}
		emit := f.LogPost[t*width : (t+1)*width]
		steps := back[t*states : (t+1)*states]
		for s := range fillers {
			best, step := then[s], 0
			for i, p := range l.before[l.at[s]:l.at[s+1]] {
				if v := then[p]; v > best {
					best, step = v, i+1
				}
			}
			now[s], steps[s] = best+emit[l.class[s]], uint8(step)
		}
		if t == 0 {
			// Nothing came before: the first boundary, and the sounds that can
			// follow it, begin.
			first := l.boundaries[0]
			for s := range fillers {
				if int32(s) == first || l.class[s] != 0 && l.before[l.at[s]] == first {
					now[s] = emit[l.class[s]]
				}
			}
		}
		if allowed {
			anything := fillerScore(emit, d.insertFrame)
			for i, b := range l.boundaries {
				s := fillers + i
				best, step := then[s], uint8(0)
				if v := then[b] + d.insertStart; v > best {
					best, step = v, 1
				}
				if t == 0 && i == 0 {
					best = d.insertStart
				}
				now[s], steps[s] = best+anything, step
			}
			for i, b := range l.boundaries[1:] {
				if v := now[l.boundaries[i]] + d.skipStart + d.skipPhone*float32(l.least[i]); v > now[b] {
					now[b], steps[b] = v, skipStep
				}
			}
		} else {
			for s := fillers; s < states; s++ {
				now[s] = never
			}
		}
		now, then = then, now
	}

	end := l.ends[0]
	for _, s := range l.ends[1:] {
		if then[s] > then[end] {
			end = s
		}
	}
	if then[end] <= never {
		return path{}, false, nil
	}
	return l.trace(back, f.T, end, then[end]), true, nil
}

// fillerScore is the log likelihood of a frame in a filler.
func fillerScore(emit []float32, insertFrame float32) float32 {
	return max(emit[0], slices.Max(emit)+insertFrame)
}

// trace follows the steps back from the end.
func (l *lattice) trace(back []uint8, frames int, end int32, score float32) path {
	p := path{score: score, states: make([]int32, frames), skipped: make([]bool, len(l.usual))}
	states := l.states()
	s := end
	for t := frames - 1; t >= 0; t-- {
		for back[t*states+int(s)] == skipStep {
			token := l.boundaryIndex(s) - 1
			p.skipped[token] = true
			s = l.boundaries[token]
		}
		p.states[t] = s
		switch step := back[t*states+int(s)]; {
		case step == 0:
		case s >= l.fillers:
			s = l.boundaries[s-l.fillers]
		default:
			s = l.before[int(l.at[s])+int(step)-1]
		}
	}
	return p
}

// boundaryIndex returns which boundary the state s is.
func (l *lattice) boundaryIndex(s int32) int {
	for i, b := range l.boundaries {
		if b == s {
			return i
		}
	}
	return none
}

// segment is one expected sound and the frames of its state in a path.
type segment struct {
	latticeSound
	first, last int
}

// segments lists the sounds that the path went through, in order.
func (l *lattice) segments(p path) []segment {
	var out []segment
	previous := int32(none)
	for t, s := range p.states {
		sound := int32(none)
		if s < l.fillers {
			sound = l.sound[s]
		}
		switch sound {
		case none:
		case previous:
			out[len(out)-1].last = t
		default:
			out = append(out, segment{latticeSound: l.sounds[sound], first: t, last: t})
		}
		previous = sound
	}
	return out
}

// filled reports for each frame whether the path was in a filler there.
func (l *lattice) filled(p path) []bool {
	out := make([]bool, len(p.states))
	for t, s := range p.states {
		out[t] = s >= l.fillers
	}
	return out
}
