package check

import (
	"maps"
	"slices"
)

// Increment adds one to a counter and is told the new value.
type Increment struct {
	Span
	Key string
	Got int
}

// Counter checks counters that only increments change: each is told a value of its own, one that
// begins after another was told something is told more, and the end is neither less than what was
// acknowledged nor more than what was asked for.
func Counter(subject string, ops []Increment, last map[string]int) Verdict {
	v := Verdict{Checker: "counter", Subject: subject, Checked: len(ops)}
	byKey := map[string][]Increment{}
	for _, o := range ops {
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		var told []Increment
		unknown := 0
		for _, o := range byKey[key] {
			if o.Unknown {
				unknown++
			} else {
				told = append(told, o)
			}
		}
		slices.SortFunc(told, func(a, b Increment) int { return a.Got - b.Got })
		for i, o := range told {
			if i > 0 && told[i-1].Got == o.Got {
				v.problem("counter %s: %v and %v were both told %d", key, told[i-1].Span, o.Span, o.Got)
			}
		}
		checkRise(&v, key, told)
		final, ok := last[key]
		switch {
		case !ok:
			v.problem("counter %s: nobody could read it at the end", key)
		case final < len(told):
			v.problem("counter %s is %d after %d acknowledged increments", key, final, len(told))
		case final > len(told)+unknown:
			v.problem("counter %s is %d after %d increments, of which %d may have counted",
				key, final, len(told)+unknown, unknown)
		case len(told) > 0 && told[len(told)-1].Got > final:
			v.problem("counter %s is %d, but %v was told %d", key, final,
				told[len(told)-1].Span, told[len(told)-1].Got)
		}
	}
	return v
}

// checkRise looks for an increment that was told less than one that had ended before it began. The
// increments come in order of what they were told.
func checkRise(v *Verdict, key string, told []Increment) {
	// From the highest down: the earliest end of those that were told more.
	var first Increment
	for i := len(told) - 1; i >= 0; i-- {
		o := told[i]
		if first.End > 0 && first.End < o.Start && first.Got > o.Got {
			v.problem("counter %s: %v was told %d after %v had been told %d", key,
				o.Span, o.Got, first.Span, first.Got)
		}
		if first.End == 0 || o.End < first.End {
			first = o
		}
	}
}

// Effect is something that has to happen, and how often it was seen.
type Effect struct {
	ID string
	// Accepted: the server has said that it will happen. Otherwise it may or may not.
	Accepted bool
	Times    int
	// Where is where it was looked for.
	Where string
}

// Once checks that what was accepted happened, and nothing happened twice.
func Once(subject string, effects []Effect) Verdict {
	v := Verdict{Checker: "exactly-once", Subject: subject, Checked: len(effects)}
	for _, e := range effects {
		switch {
		case e.Times > 1:
			v.problem("%s happened %d times in %s", e.ID, e.Times, e.Where)
		case e.Times == 0 && e.Accepted:
			v.problem("%s was accepted and never happened in %s", e.ID, e.Where)
		}
	}
	return v
}

// Answers are what different requests were told about one and the same thing.
type Answers struct {
	ID   string
	Told []string // one for each request that was answered
	Want string   // what it must be; "" if that is not known beforehand
}

// Agree checks that everybody is told the same.
func Agree(subject string, all []Answers) Verdict {
	v := Verdict{Checker: "agreement", Subject: subject, Checked: len(all)}
	for _, a := range all {
		for i, told := range a.Told {
			switch {
			case a.Want != "" && told != a.Want:
				v.problem("%s: answer %d is %s, want %s", a.ID, i+1, told, a.Want)
			case told != a.Told[0]:
				v.problem("%s: one is told %s, another %s", a.ID, a.Told[0], told)
			}
		}
	}
	return v
}
