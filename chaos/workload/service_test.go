package workload

import "testing"

func TestStepOrderIsChecked(t *testing.T) {
	for _, tt := range []struct {
		ran []int
		ok  bool
	}{
		{[]int{0, 1, 2}, true},
		{[]int{0, 0, 1, 2, 2}, true},
		{[]int{0, 1, 0, 1, 2}, false},
		{[]int{0, 1}, false},
		{[]int{0, 2}, false},
	} {
		s := NewService()
		s.ran["w"] = tt.ran
		if err := s.verify("w"); (err == nil) != tt.ok {
			t.Errorf("steps %v: error %v, want ok %v", tt.ran, err, tt.ok)
		}
	}
}
