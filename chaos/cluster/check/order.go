package check

import (
	"maps"
	"slices"
	"time"
)

// Sequence is what a receiver got from one sender, in the order of arrival. The sender numbers its
// messages from 1.
type Sequence struct {
	Sender, Receiver string
	Got              []int
	Sent             int // the number of the last message
}

// Order checks that messages of one sender arrive in order, each once, none left out.
func Order(subject string, sequences []Sequence) Verdict {
	v := Verdict{Checker: "order", Subject: subject}
	for _, s := range sequences {
		v.Checked += len(s.Got)
		want := 1
		for _, n := range s.Got {
			if n != want {
				v.problem("%s to %s: message %d arrived where %d was next", s.Sender, s.Receiver, n, want)
				want = n // what follows from here is judged by itself
			}
			want++
		}
		if want <= s.Sent {
			v.problem("%s to %s: messages from %d to %d never arrived", s.Sender, s.Receiver, want, s.Sent)
		}
	}
	return v
}

// Hold is when somebody held what one may hold at a time.
type Hold struct {
	Key, Holder string
	From, To    int64 // nanoseconds of one clock
}

// Exclusive checks that no two held the same at the same time.
func Exclusive(subject string, holds []Hold) Verdict {
	v := Verdict{Checker: "exclusive", Subject: subject, Checked: len(holds)}
	byKey := map[string][]Hold{}
	for _, h := range holds {
		byKey[h.Key] = append(byKey[h.Key], h)
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		all := byKey[key]
		slices.SortFunc(all, func(a, b Hold) int { return int(a.From - b.From) })
		for i := 1; i < len(all); i++ {
			before, after := all[i-1], all[i]
			if after.From < before.To {
				v.problem("%s: %s held it for another %v when %s got it", key, before.Holder,
					time.Duration(before.To-after.From), after.Holder)
			}
			if before.To > after.To {
				all[i] = before // it overlaps with what follows, too
			}
		}
	}
	return v
}

// Alarm is a delayed send.
type Alarm struct {
	ID       string
	Accepted bool
	// Due is the earliest time at which it may ring, Rang when it did.
	Due  int64
	Rang []int64
}

// Alarms checks that delayed sends are never early, never lost, never repeated. How late they are is
// for others to judge.
func Alarms(subject string, alarms []Alarm) Verdict {
	v := Verdict{Checker: "delayed", Subject: subject, Checked: len(alarms)}
	for _, a := range alarms {
		switch {
		case len(a.Rang) > 1:
			v.problem("%s rang %d times", a.ID, len(a.Rang))
		case len(a.Rang) == 0 && a.Accepted:
			v.problem("%s was accepted and never rang", a.ID)
		case len(a.Rang) == 1 && a.Rang[0] < a.Due:
			v.problem("%s rang %v early", a.ID, time.Duration(a.Due-a.Rang[0]))
		}
	}
	return v
}
