package main

import (
	"testing"
	"time"
)

func TestLongest(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for _, c := range []struct {
		times []int
		want  int
	}{
		{nil, 100},
		{[]int{10, 90}, 80},
		{[]int{-50, 10, 20, 30}, 70},
		{[]int{60, 70, 80, 90, 150}, 60},
		{[]int{25, 50, 75}, 25},
	} {
		var times []time.Time
		for _, ms := range c.times {
			times = append(times, at(ms))
		}
		if got := longest(times, at(0), at(100)); got != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%v: %v, want %d ms", c.times, got, c.want)
		}
	}
}
