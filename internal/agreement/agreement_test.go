package agreement_test

import (
	"math"
	"slices"
	"testing"

	"github.com/mynah-coach/mynah/internal/agreement"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The expected values were worked out by hand.
func TestAgreement(t *testing.T) {
	near(t, "PCC", agreement.PCC([]float64{1, 2, 3, 4}, []float64{2, 1, 4, 3}), .6)
	near(t, "PCC of opposites", agreement.PCC([]float64{1, 2, 3}, []float64{3, 2, 1}), -1)
	if v := agreement.PCC([]float64{1}, []float64{1}); !math.IsNaN(v) {
		t.Errorf("PCC of one pair is %v", v)
	}
	near(t, "RMSE", agreement.RMSE([]float64{0, 0}, []float64{3, 4}), math.Sqrt(12.5))

	truth, predicted := []int{0, 0, 1, 1, 2, 2}, []int{0, 1, 1, 1, 2, 0}
	c := agreement.NewConfusion(3, truth, predicted)
	// Weighted disagreement 1 + 4; by chance, with rows 2, 2, 2 and columns
	// 2, 3, 1: 2 x ((3+4) + (2+1) + (8+3)) / 6.
	near(t, "QWK", c.QWK(), 1-5./7)
	// Correct 4 of 6: (24 - 12)/sqrt((36-14)(36-12)).
	near(t, "MCC", c.MCC(), 12/math.Sqrt(22*24))

	same := agreement.NewConfusion(3, truth, truth)
	near(t, "QWK of equals", same.QWK(), 1)
	near(t, "MCC of equals", same.MCC(), 1)
}

func TestECE(t *testing.T) {
	// Bin .9: sure 1.8 of 2, right 1; bin .1: sure .1, right 0.
	bins := agreement.Reliability([]float64{.9, .9, .1}, []bool{true, false, false})
	if want := []agreement.Bin{{Confidence: .1, Right: 0, Count: 1}, {Confidence: .9, Right: .5, Count: 2}}; !slices.Equal(bins, want) {
		t.Errorf("bins %+v, want %+v", bins, want)
	}
	near(t, "ECE", agreement.ECE(bins), (.8+.1)/3)
	near(t, "ECE at the ends", agreement.ECE(agreement.Reliability([]float64{1, 0}, []bool{true, false})), 0)
	if v := agreement.ECE(nil); !math.IsNaN(v) {
		t.Errorf("ECE of nothing is %v", v)
	}
}

func TestBestF1(t *testing.T) {
	score, positive := []float64{.9, .8, .8, .1}, []bool{true, false, true, true}
	f1, p := agreement.BestF1(score, positive, .3, .5, 1)
	near(t, "F1", f1, 6./7) // all taken: precision 3/4, recall 1
	near(t, "precision at recall .3", p[0], 1)
	near(t, "precision at recall .5", p[1], .75) // equals are taken together: 2 of 3, then 3 of 4
	near(t, "precision at recall 1", p[2], .75)
}

func TestBootstrap(t *testing.T) {
	mean := func(draw []int) float64 {
		var s float64
		for _, d := range draw {
			s += float64(d)
		}
		return s / float64(len(draw))
	}
	low, high := agreement.Bootstrap(100, 500, mean)
	if low >= 49.5 || high <= 49.5 || high-low > 15 || high-low < 7 {
		t.Errorf("interval of the mean of 0..99 is %v to %v", low, high)
	}
	again, _ := agreement.Bootstrap(100, 500, mean)
	near(t, "a second run", again, low)
	if low, high := agreement.Bootstrap(3, 10, func([]int) float64 { return math.NaN() }); !math.IsNaN(low) || !math.IsNaN(high) {
		t.Error("an interval of nothing is a number")
	}
}
