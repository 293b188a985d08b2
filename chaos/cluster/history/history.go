package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Outcome is what is known about an operation.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"  // it had no effect
	Unknown Outcome = "unknown" // it may have had an effect, or have it still
)

// Operation is one thing that a client did. Times count from the beginning of the run.
type Operation struct {
	Workload string        `json:"workload"`
	Kind     string        `json:"kind"`
	Key      string        `json:"key,omitempty"`
	Client   int           `json:"client"`
	Node     string        `json:"node"` // that was asked; the last one, if there were several
	Input    string        `json:"input,omitempty"`
	Output   string        `json:"output,omitempty"`
	Start    time.Duration `json:"start"`
	End      time.Duration `json:"end"`
	Outcome  Outcome       `json:"outcome"`
	Error    string        `json:"error,omitempty"`
	Tries    int           `json:"tries,omitempty"` // more than one: it was repeated until it succeeded
}

// Fault is something that was done to the cluster. End is 0 while it lasts.
type Fault struct {
	Name   string        `json:"name"`
	Detail string        `json:"detail"`
	Start  time.Duration `json:"start"`
	End    time.Duration `json:"end"`
}

// Mark is a moment worth seeing in the timeline.
type Mark struct {
	At   time.Duration `json:"at"`
	Text string        `json:"text"`
}

// History is everything that was recorded, in order of time.
type History struct {
	Operations []Operation
	Faults     []Fault
	Marks      []Mark
	Length     time.Duration
}

// Recorder collects a history.
type Recorder struct {
	began time.Time

	mu   sync.Mutex
	hist History // guarded by mu
}

// NewRecorder begins a history now.
func NewRecorder() *Recorder { return &Recorder{began: time.Now()} }

// Now is the time since the beginning.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

// Add records an operation that has ended.
func (r *Recorder) Add(o Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hist.Operations = append(r.hist.Operations, o)
}

// Mark records a moment.
func (r *Recorder) Mark(format string, args ...any) {
	at := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hist.Marks = append(r.hist.Marks, Mark{at, fmt.Sprintf(format, args...)})
}

// Fault records that a fault begins.
func (r *Recorder) Fault(name string) *Ongoing {
	at := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hist.Faults = append(r.hist.Faults, Fault{Name: name, Start: at})
	return &Ongoing{r, len(r.hist.Faults) - 1}
}

// Ongoing is a fault that lasts.
type Ongoing struct {
	r  *Recorder
	at int
}

// Describe says to whom it was done.
func (o *Ongoing) Describe(detail string) {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	o.r.hist.Faults[o.at].Detail = detail
}

// End records that it is over.
func (o *Ongoing) End() {
	at := o.r.Now()
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	o.r.hist.Faults[o.at].End = at
}

// History returns what was recorded until now.
func (r *Recorder) History() History {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	h := History{
		Operations: slices.Clone(r.hist.Operations), Faults: slices.Clone(r.hist.Faults),
		Marks: slices.Clone(r.hist.Marks), Length: now,
	}
	slices.SortStableFunc(h.Operations, func(a, b Operation) int { return int(a.Start - b.Start) })
	for i := range h.Faults {
		if h.Faults[i].End == 0 {
			h.Faults[i].End = now
		}
	}
	return h
}

// format is the version of the file; a reader refuses others.
const format = 1

type header struct {
	Format int           `json:"format"`
	Length time.Duration `json:"length"`
}

type line struct {
	Operation *Operation `json:"operation,omitempty"`
	Fault     *Fault     `json:"fault,omitempty"`
	Mark      *Mark      `json:"mark,omitempty"`
}

// Write writes the history as lines of JSON.
func (h History) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	err := e.Encode(header{format, h.Length})
	put := func(l line) {
		if err == nil {
			err = e.Encode(l)
		}
	}
	for i := range h.Faults {
		put(line{Fault: &h.Faults[i]})
	}
	for i := range h.Marks {
		put(line{Mark: &h.Marks[i]})
	}
	for i := range h.Operations {
		put(line{Operation: &h.Operations[i]})
	}
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// Read reads what Write wrote.
func Read(r io.Reader) (h History, err error) {
	d := json.NewDecoder(r)
	var head header
	if err := d.Decode(&head); err != nil {
		return h, fmt.Errorf("read the history: %w", err)
	}
	if head.Format != format {
		return h, fmt.Errorf("read the history: it has format %d, this program reads %d", head.Format, format)
	}
	h.Length = head.Length
	for d.More() {
		var l line
		if err := d.Decode(&l); err != nil {
			return h, fmt.Errorf("read the history: %w", err)
		}
		switch {
		case l.Operation != nil:
			h.Operations = append(h.Operations, *l.Operation)
		case l.Fault != nil:
			h.Faults = append(h.Faults, *l.Fault)
		case l.Mark != nil:
			h.Marks = append(h.Marks, *l.Mark)
		}
	}
	return h, nil
}
