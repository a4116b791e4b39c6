package audio

import "math"

// The resampler's filter: a sinc of resampleZeros zero crossings on either
// side under a Kaiser window, its edge at resampleRolloff of the lower Nyquist
// frequency. Aliases stay below -90 dB.
const (
	resampleZeros   = 32
	resampleBeta    = 10
	resampleRolloff = 0.95
	resamplePhases  = 4000 // at most; plenty for every rate in use
)

// resample converts x from one rate to another, both in Hz and above 0. The
// first samples coincide in time; the result has ceil(len(x)*to/from) samples.
// It evaluates y(m) = sum over n of x(n) h(m*from/to - n) with one row of h for
// each phase of from/to. A rate that would need thousands of phases is taken
// for its neighbour, at most 1/resamplePhases away.
func resample(x []float32, from, to int) []float32 {
	if from == to {
		return x
	}
	up, down := ratio(to, from)
	// Cut-off and width in input samples: a lower output rate needs a longer filter.
	cut := resampleRolloff * math.Min(1, float64(to)/float64(from))
	half := int(math.Ceil(resampleZeros / cut))
	rows := make([][]float32, up)

	y := make([]float32, (len(x)*up+down-1)/down)
	for m := range y {
		at := m * down
		n, phase := at/up, at%up // output m lies phase/up after input n
		if rows[phase] == nil {
			rows[phase] = sincRow(half, cut, float64(phase)/float64(up))
		}
		row := rows[phase]
		lo, hi := max(0, n-half+1), min(len(x), n+half+1)
		var sum float32
		for k, v := range x[lo:hi] {
			sum += v * row[lo-(n-half+1)+k]
		}
		y[m] = sum
	}
	return y
}

// sincRow returns the 2*half weights of the inputs n-half+1 .. n+half for an
// output at n+frac. They add up to 1, so that every phase passes DC alike.
func sincRow(half int, cut, frac float64) []float32 {
	w := make([]float64, 2*half)
	total := 0.0
	for i := range w {
		t := float64(i-half+1) - frac
		w[i] = sinc(cut*t) * kaiser(t/float64(half), resampleBeta)
		total += w[i]
	}
	row := make([]float32, len(w))
	for i, v := range w {
		row[i] = float32(v / total)
	}
	return row
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x in [-1, 1], 0 outside.
func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(beta*math.Sqrt(1-x*x)) / bessel0(beta)
}

// bessel0 is the modified Bessel function of the first kind and order 0, by
// its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x / 2 / k * x / 2 / k
		sum += term
	}
	return sum
}

// ratio returns a/b in lowest terms, or the last convergent of its continued
// fraction with a numerator of at most resamplePhases.
func ratio(a, b int) (num, den int) {
	prevNum, prevDen := 0, 1
	num, den = 1, 0
	for b != 0 {
		q := a / b
		nextNum, nextDen := q*num+prevNum, q*den+prevDen
		if nextNum > resamplePhases {
			break
		}
		prevNum, prevDen, num, den = num, den, nextNum, nextDen
		a, b = b, a%b
	}
	return num, den
}
