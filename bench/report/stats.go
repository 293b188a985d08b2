package report

import (
	"math"
	"slices"
)

// Interval is a range that holds a value with a confidence of 95 %.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Tests of significance need at least this many values.
const minPairs = 2

// maxArrangements bounds the exact test; beyond it, the normal approximation is close.
const maxArrangements = 50_000

// median returns the middle of values, which must not be empty, of an even number the mean of the
// two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// spread is (largest - smallest) / median, 0 if the median is.
func spread(values []float64) float64 {
	middle := median(values)
	if middle == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / middle
}

// ratioInterval returns where the ratio of two servers lies, from the ratio of each round: of[i]
// and to[i] are measured one after the other, so what disturbs a whole round cancels out. The
// logarithms of the ratios are taken to be normally distributed. False means that there are too
// few rounds, or a value that has no logarithm.
func ratioInterval(of, to []float64) (Interval, bool) {
	if len(of) != len(to) || len(of) < minPairs {
		return Interval{}, false
	}
	logs := make([]float64, len(of))
	mean := 0.0
	for i := range of {
		if of[i] <= 0 || to[i] <= 0 {
			return Interval{}, false
		}
		logs[i] = math.Log(of[i] / to[i])
		mean += logs[i] / float64(len(of))
	}
	variance := 0.0
	for _, value := range logs {
		variance += (value - mean) * (value - mean) / float64(len(logs)-1)
	}
	half := studentT(len(logs)-1) * math.Sqrt(variance/float64(len(logs)))
	return Interval{Low: math.Exp(mean - half), High: math.Exp(mean + half)}, true
}

// studentT returns the 97.5 % quantile of Student's distribution, and the next larger one of the
// table for degrees of freedom that are not in it.
func studentT(freedom int) float64 {
	table := []float64{
		12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
	}
	return table[min(freedom, len(table))-1]
}

// mannWhitney returns how probable it is that two samples of one distribution differ at least as
// much as these do (the p-value of the two-sided U test). Three rounds each cannot give less than
// 0.1, four not less than 0.03. False means that a sample is too small to say anything.
func mannWhitney(left, right []float64) (float64, bool) {
	if len(left) < minPairs || len(right) < minPairs {
		return 0, false
	}
	ranks, ties := ranksOf(slices.Concat(left, right))
	observed := 0.0
	for _, rank := range ranks[:len(left)] {
		observed += rank
	}
	expected := float64(len(left)) * float64(len(ranks)+1) / 2
	distance := math.Abs(observed - expected)
	if distance == 0 {
		return 1, true
	}
	if arrangements(len(ranks), len(left)) > maxArrangements {
		return normalP(distance, len(left), len(right), ties), true
	}
	extreme, all := 0, 0
	choose(ranks, len(left), 0, func(sum float64) {
		all++
		if math.Abs(sum-expected) >= distance-1e-9 {
			extreme++
		}
	})
	return float64(extreme) / float64(all), true
}

// ranksOf returns the rank of each value from 1, equal ones sharing the mean of theirs, and the
// sum over groups of n equal values of n^3 - n.
func ranksOf(values []float64) (ranks []float64, ties float64) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	ranks = make([]float64, len(values))
	for first := 0; first < len(order); {
		limit := first + 1
		for limit < len(order) && values[order[limit]] == values[order[first]] {
			limit++
		}
		for _, at := range order[first:limit] {
			ranks[at] = float64(first+1+limit) / 2
		}
		equal := float64(limit - first)
		ties += equal*equal*equal - equal
		first = limit
	}
	return ranks, ties
}

// choose calls visit with the sum of every choice of count ranks, in addition to sum.
func choose(ranks []float64, count int, sum float64, visit func(float64)) {
	if count == 0 {
		visit(sum)
		return
	}
	for i := 0; i+count <= len(ranks); i++ {
		choose(ranks[i+1:], count-1, sum+ranks[i], visit)
	}
}

// arrangements is the number of ways to choose count of n.
func arrangements(n, count int) float64 {
	product := 1.0
	for i := range count {
		product *= float64(n-i) / float64(i+1)
	}
	return product
}

func normalP(distance float64, left, right int, ties float64) float64 {
	n := float64(left + right)
	variance := float64(left) * float64(right) / 12 * (n + 1 - ties/(n*(n-1)))
	if variance <= 0 {
		return 1
	}
	return math.Erfc(max(distance-0.5, 0) / math.Sqrt(variance) / math.Sqrt2)
}
