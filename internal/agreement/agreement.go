// Package agreement measures how well labels and scores agree with experts'. It
// is pure: numbers in, numbers out.
package agreement

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// PCC is Pearson's correlation coefficient, NaN where either side is constant
// or has fewer than two values.
func PCC(x, y []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return stat.Correlation(x, y, nil)
}

// RMSE is the root of the mean squared difference.
func RMSE(x, y []float64) float64 {
	var sum float64
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum / float64(len(x)))
}

// Confusion counts predicted classes (columns) against true ones (rows).
type Confusion [][]float64

// NewConfusion counts pairs of classes 0..n-1.
func NewConfusion(n int, truth, predicted []int) Confusion {
	c := make(Confusion, n)
	for i := range c {
		c[i] = make([]float64, n)
	}
	for i, t := range truth {
		c[t][predicted[i]]++
	}
	return c
}

// Counts are the pairs counted, whole numbers as they are.
func (c Confusion) Counts() [][]int {
	out := make([][]int, len(c))
	for i, row := range c {
		out[i] = make([]int, len(row))
		for j, n := range row {
			out[i][j] = int(n)
		}
	}
	return out
}

// margins are the sums of the rows, of the columns, and of all.
func (c Confusion) margins() (rows, columns []float64, total float64) {
	rows, columns = make([]float64, len(c)), make([]float64, len(c))
	for i, row := range c {
		for j, n := range row {
			rows[i] += n
			columns[j] += n
			total += n
		}
	}
	return rows, columns, total
}

// QWK is Cohen's kappa with quadratic weights (Cohen, 1968).
func (c Confusion) QWK() float64 {
	rows, columns, total := c.margins()
	var observed, expected float64
	for i, row := range c {
		for j, n := range row {
			w := float64((i - j) * (i - j))
			observed += w * n
			expected += w * rows[i] * columns[j] / total
		}
	}
	return 1 - observed/expected
}

// MCC is Matthews' correlation coefficient for several classes (Gorodkin, 2004).
func (c Confusion) MCC() float64 {
	rows, columns, total := c.margins()
	var correct, cross, rr, cc float64
	for i := range c {
		correct += c[i][i]
		cross += rows[i] * columns[i]
		rr += rows[i] * rows[i]
		cc += columns[i] * columns[i]
	}
	return (correct*total - cross) / math.Sqrt((total*total-cc)*(total*total-rr))
}

// Bin is the predictions that were about equally sure.
type Bin struct {
	Confidence float64 // their mean
	Right      float64 // the share that was right
	Count      int
}

// Reliability sorts predictions by how sure they were into ten bins of equal
// width. Empty bins are left out.
func Reliability(confidence []float64, right []bool) []Bin {
	const bins = 10
	var all [bins]Bin
	for i, p := range confidence {
		b := &all[min(max(int(p*bins), 0), bins-1)]
		b.Count++
		b.Confidence += p
		if right[i] {
			b.Right++
		}
	}
	var out []Bin
	for _, b := range all {
		if n := float64(b.Count); n > 0 {
			out = append(out, Bin{b.Confidence / n, b.Right / n, b.Count})
		}
	}
	return out
}

// ECE is the expected calibration error: the mean difference between how sure
// predictions were and how often they were right, over the bins (Guo et al.,
// 2017). NaN of none.
func ECE(bins []Bin) float64 {
	var e float64
	n := 0
	for _, b := range bins {
		e += float64(b.Count) * math.Abs(b.Confidence-b.Right)
		n += b.Count
	}
	return e / float64(n)
}

// BestF1 is the highest F1 over all thresholds on a score that is higher the
// likelier its positive, and the precision at the first threshold that reaches
// each of the recalls.
func BestF1(score []float64, positive []bool, recalls ...float64) (f1 float64, precision []float64) {
	order := make([]int, len(score))
	total := 0
	for i := range order {
		order[i] = i
		if positive[i] {
			total++
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return 0
	})
	precision = make([]float64, len(recalls))
	hits := 0
	for k, i := range order {
		if positive[i] {
			hits++
		}
		if k+1 < len(order) && score[order[k+1]] == score[i] {
			continue // a threshold can't part equals
		}
		p, r := float64(hits)/float64(k+1), float64(hits)/float64(total)
		if p+r > 0 {
			f1 = max(f1, 2*p*r/(p+r))
		}
		for j, want := range recalls {
			if r >= want {
				precision[j] = max(precision[j], p)
			}
		}
	}
	return f1, precision
}

// Bootstrap is the 95 % interval of a statistic when groups (speakers, not
// their utterances, since those are alike) are drawn again with replacement.
// The seed makes it repeatable.
func Bootstrap(groups, rounds int, statistic func(draw []int) float64) (low, high float64) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 0, rounds)
	draw := make([]int, groups)
	for range rounds {
		for i := range draw {
			draw[i] = r.IntN(groups)
		}
		if v := statistic(draw); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(values)
	return stat.Quantile(.025, stat.Empirical, values, nil), stat.Quantile(.975, stat.Empirical, values, nil)
}
