package audio

// sink collects decoded samples up to a limit. It lets a decoder run over the
// limit by what can still be trimmed off its end, never by more.
type sink struct {
	limit   int // samples that the result may have
	slack   int // samples over limit that may be trimmed later
	samples []float32
}

// put appends samples in [-1, 1]; what is beyond is clipped, what is no number
// is silence. It returns coach.ErrTooLong once the limit can't be met any more.
func (s *sink) put(samples []float32) error {
	if len(s.samples)+len(samples) > s.limit+s.slack {
		return tooLong(s.limit)
	}
	for _, v := range samples {
		s.samples = append(s.samples, clip(v))
	}
	return nil
}

// trim shortens what was put since from to n samples.
func (s *sink) trim(from, n int) {
	if n = max(n, 0); from+n < len(s.samples) {
		s.samples = s.samples[:from+n]
	}
}

// result returns the samples, coach.ErrTooLong when there are too many and
// coach.ErrUnsupportedAudio when there is none.
func (s *sink) result() ([]float32, error) {
	if len(s.samples) > s.limit {
		return nil, tooLong(s.limit)
	}
	if len(s.samples) == 0 {
		return nil, unsupported("no samples")
	}
	return s.samples, nil
}

func clip(v float32) float32 {
	if v != v {
		return 0
	}
	return max(-1, min(1, v))
}
