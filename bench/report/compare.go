package report

import (
	"strconv"
)

// comparison returns a heading and a row per case, figure and pair of servers: the medians with
// their noise, the ratio, where it lies, and how probable it is without a difference.
func (r *Report) comparison() [][]string {
	rows := [][]string{{
		"scenario", "figure", "clients", "servers", "left", "right", "ratio", "95 % interval", "p",
	}}
	for _, ratio := range r.Ratios {
		left, right := r.summaryOf(ratio.Case, ratio.Of), r.summaryOf(ratio.Case, ratio.To)
		for _, figure := range Figures {
			value, ok := ratio.Figures[figure.Key]
			if !ok || !figure.Compared {
				continue
			}
			rows = append(rows, []string{
				ratio.Case.Name(), figure.Title, dash(ratio.Case.Clients),
				ratio.Of + " / " + ratio.To, left.withNoise(figure), right.withNoise(figure),
				decimal(value, 2), ratio.interval(figure.Key), ratio.p(figure.Key),
			})
		}
	}
	return rows
}

func (r *Report) summaryOf(c Case, server string) Summary {
	for _, s := range r.Summaries {
		if s.Case == c && s.Server == server {
			return s
		}
	}
	return Summary{}
}

func (s Summary) withNoise(figure Figure) string {
	text := cell(s.Figures, figure.Key, figure.Decimals, "")
	if s.Rounds > 1 {
		text += " ±" + percent(s.Spread[figure.Key]/2, s.Rounds)
	}
	return text
}

func (x Ratio) interval(key string) string {
	interval, ok := x.Intervals[key]
	if !ok {
		return "-"
	}
	return decimal(interval.Low, 2) + " to " + decimal(interval.High, 2)
}

func (x Ratio) p(key string) string {
	p, ok := x.P[key]
	if !ok {
		return "-"
	}
	return decimal(p, 3)
}

func decimal(value float64, decimals int) string {
	return strconv.FormatFloat(value, 'f', decimals, 64)
}
