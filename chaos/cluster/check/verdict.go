package check

import (
	"fmt"
	"time"
)

// maxProblems bounds what a verdict lists: the first ones tell most.
const maxProblems = 20

// Verdict is what a checker says.
type Verdict struct {
	Checker string `json:"checker"`
	Subject string `json:"subject"`           // the workload
	Checked int    `json:"checked"`           // how many things it looked at
	Unclear int    `json:"unclear,omitempty"` // keys that could not be decided in time
	// Problems are what no correct server does; none means that the history is valid.
	Problems []string `json:"problems,omitempty"`
	More     int      `json:"more,omitempty"` // problems beyond those that are listed
	// Picture is a page that shows the first problem, if the checker can draw it.
	Picture []byte `json:"-"`
}

// Valid tells whether the checker found nothing.
func (v Verdict) Valid() bool { return len(v.Problems) == 0 }

// String is the verdict in a line.
func (v Verdict) String() string {
	text := fmt.Sprintf("%-10s %-12s %6d checked  ", v.Subject, v.Checker, v.Checked)
	switch {
	case !v.Valid():
		text += fmt.Sprintf("INVALID (%d): %s", len(v.Problems)+v.More, v.Problems[0])
	case v.Unclear > 0:
		text += fmt.Sprintf("valid, %d keys undecided", v.Unclear)
	default:
		text += "valid"
	}
	return text
}

func (v *Verdict) problem(format string, args ...any) {
	if len(v.Problems) >= maxProblems {
		v.More++
		return
	}
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// Problem makes a verdict of a checker that is not in this package.
func (v *Verdict) Problem(format string, args ...any) { v.problem(format, args...) }

// Span is when an operation ran, and whether its answer arrived. One that surely had no effect is
// not handed to a checker at all.
type Span struct {
	Client     int
	Start, End time.Duration
	Unknown    bool // there was no answer; End says nothing
}

func (s Span) String() string {
	if s.Unknown {
		return fmt.Sprintf("[%v, ?]", s.Start.Round(time.Millisecond))
	}
	return fmt.Sprintf("[%v, %v]", s.Start.Round(time.Millisecond), s.End.Round(time.Millisecond))
}
