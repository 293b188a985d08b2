package report

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: got %g, want %g within %g", what, got, want, within)
	}
}

func count(first, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(first + i)
	}
	return values
}

func TestMannWhitney(t *testing.T) {
	tests := []struct {
		name        string
		left, right []float64
		want        float64
		within      float64
	}{
		{"three apart", count(1, 3), count(10, 3), 2.0 / 20, 1e-12},
		{"four apart", count(10, 4), count(1, 4), 2.0 / 70, 1e-12},
		{"unequal numbers", count(1, 2), count(10, 5), 2.0 / 21, 1e-12},
		{"the same values", []float64{1, 2, 3}, []float64{3, 2, 1}, 1, 0},
		{"all equal", []float64{5, 5, 5}, []float64{5, 5, 5}, 1, 0},
		{"one crosses", []float64{1, 2, 4}, []float64{3, 5, 6}, 0.2, 1e-12},
		// Ranks 1 and 2.5 against 2.5, 4, 5: of 10 arrangements 3 are as extreme, 1 + either 2.5, 4 + 5.
		{"a tie", []float64{1, 2}, []float64{2, 3, 4}, 0.3, 1e-12},
		{"many, far apart", count(1, 20), count(100, 20), 0, 1e-6},
		{"many, interleaved", []float64{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23},
			[]float64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24}, 0.75, 0.05},
	}
	for _, test := range tests {
		got, ok := mannWhitney(test.left, test.right)
		if !ok {
			t.Errorf("%s: too few", test.name)
		}
		near(t, test.name, got, test.want, test.within)
	}
	if p, ok := mannWhitney([]float64{1}, count(1, 9)); ok {
		t.Errorf("one value says p = %g", p)
	}
}

// The approximation must agree with the exact test where it takes over.
func TestNormalApproximation(t *testing.T) {
	left := []float64{1, 2, 3, 5, 7, 9, 12, 14}
	right := []float64{4, 6, 8, 10, 11, 13, 15, 16}
	exact, ok := mannWhitney(left, right)
	if !ok {
		t.Fatal("too few")
	}
	near(t, "p", normalP(68-53, 8, 8, 0), exact, 0.01) // the ranks of left add up to 53
}

func TestRatioInterval(t *testing.T) {
	got, ok := ratioInterval([]float64{2, 20, 200}, []float64{1, 10, 100})
	if !ok {
		t.Fatal("no interval")
	}
	near(t, "low", got.Low, 2, 1e-9) // the rounds differ, their ratios do not
	near(t, "high", got.High, 2, 1e-9)
	got, ok = ratioInterval([]float64{1, 4}, []float64{1, 1})
	if !ok {
		t.Fatal("no interval")
	}
	// Logarithms 0 and ln 4: mean ln 2, standard error ln 2, t = 12.706.
	near(t, "low", got.Low, 2*math.Pow(2, -12.706), 1e-6)
	near(t, "high", got.High, 2*math.Pow(2, 12.706), 1e-2)
	for name, values := range map[string][2][]float64{
		"one round":    {{1}, {1}},
		"a zero":       {{1, 0}, {1, 1}},
		"unequal":      {{1, 2, 3}, {1, 2}},
		"no server to": {{1, 2}, nil},
	} {
		if got, ok := ratioInterval(values[0], values[1]); ok {
			t.Errorf("%s gave %+v", name, got)
		}
	}
}

func TestStudentT(t *testing.T) {
	near(t, "2 degrees", studentT(2), 4.303, 0)
	near(t, "1000 degrees", studentT(1000), 2.042, 0)
}

func TestMedianAndSpread(t *testing.T) {
	near(t, "odd", median([]float64{3, 1, 2}), 2, 0)
	near(t, "even", median([]float64{4, 1, 2, 100}), 3, 0)
	near(t, "spread", spread([]float64{4, 1, 2, 100}), 33, 0)
	near(t, "spread of zeros", spread([]float64{0, 0}), 0, 0)
}
