package check

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Add puts an element into a set.
type Add struct {
	Span
	Key, Element string
	// Later: the answer says that it will be added, not that it was.
	Later bool
}

// View is what a read of a set saw.
type View struct {
	Span
	Key      string
	Elements []string
}

// Set checks sets: an element that was added is in every read that begins later, no read has one
// twice or one that nobody added, and what was once seen stays. Last are reads after everything has
// come to rest, one for each key: they have also what was to be added later.
func Set(subject string, adds []Add, views []View, last map[string][]string) Verdict {
	v := Verdict{Checker: "set-full", Subject: subject, Checked: len(adds)}
	byKey := map[string]*setOf{}
	of := func(key string) *setOf {
		if byKey[key] == nil {
			byKey[key] = &setOf{adds: map[string]Add{}, seen: map[string]time.Duration{}}
		}
		return byKey[key]
	}
	for _, a := range adds {
		of(a.Key).adds[a.Element] = a
	}
	for _, r := range views {
		if !r.Unknown {
			of(r.Key).views = append(of(r.Key).views, r)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		s := byKey[key]
		final, ok := last[key]
		if !ok {
			v.problem("set %s: nobody could read it at the end", key)
			continue
		}
		s.check(&v, key, final)
	}
	return v
}

type setOf struct {
	adds  map[string]Add
	views []View
	seen  map[string]time.Duration // when a read that saw the element had ended
}

func (s *setOf) check(v *Verdict, key string, final []string) {
	slices.SortFunc(s.views, func(a, b View) int { return int(a.End - b.End) })
	for _, r := range s.views {
		have := s.count(v, fmt.Sprintf("set %s, read %v", key, r.Span), r.Elements)
		for e := range have {
			if at, ok := s.seen[e]; !ok || r.End < at {
				s.seen[e] = r.End
			}
			if a := s.adds[e]; a.Start > r.End {
				v.problem("set %s: read %v saw %s before it was added %v", key, r.Span, e, a.Span)
			}
		}
	}
	// Who begins after an element was confirmed or seen must see it.
	for _, r := range s.views {
		have := map[string]bool{}
		for _, e := range r.Elements {
			have[e] = true
		}
		for _, e := range slices.Sorted(maps.Keys(s.adds)) {
			a := s.adds[e]
			seen, was := s.seen[e]
			confirmed := !a.Unknown && !a.Later && a.End < r.Start
			if !have[e] && (confirmed || was && seen < r.Start) {
				v.problem("set %s: %s, added %v, is missing in read %v", key, e, a.Span, r.Span)
			}
		}
	}
	have := s.count(v, fmt.Sprintf("set %s at the end", key), final)
	for _, e := range slices.Sorted(maps.Keys(s.adds)) {
		a := s.adds[e]
		_, was := s.seen[e]
		if have[e] == 0 && (!a.Unknown || was) {
			v.problem("set %s: %s, acknowledged %v, is lost", key, e, a.Span)
		}
	}
}

// count counts elements and complains about those that are there twice or come from nobody.
func (s *setOf) count(v *Verdict, where string, elements []string) map[string]int {
	have := map[string]int{}
	for _, e := range elements {
		have[e]++
		if _, ok := s.adds[e]; !ok && have[e] == 1 {
			v.problem("%s: %s was never added", where, e)
		}
		if have[e] == 2 {
			v.problem("%s: %s is there twice", where, e)
		}
	}
	return have
}
