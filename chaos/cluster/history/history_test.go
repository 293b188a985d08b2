package history

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

func ended(key string, end time.Duration) Operation {
	return Operation{Key: key, Start: end - ms, End: end, Outcome: OK}
}

func TestHistorySurvivesTheFile(t *testing.T) {
	r := NewRecorder()
	kill := r.Fault("kill")
	kill.Describe("n1")
	r.Add(Operation{Workload: "set", Kind: "add", Start: 5, End: 7, Outcome: Unknown, Error: "cut"})
	r.Add(Operation{Workload: "set", Kind: "read", Start: 3, End: 4, Outcome: OK, Output: "[1]"})
	r.Mark("healed")
	kill.End()
	h := r.History()
	if h.Operations[0].Kind != "read" {
		t.Error("operations are not in order of their start")
	}
	var file bytes.Buffer
	if err := h.Write(&file); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, h) {
		t.Errorf("read %+v, wrote %+v", got, h)
	}
	if _, err := Read(strings.NewReader(`{"format":99}`)); err == nil {
		t.Error("a file of another format was read")
	}
}

func TestGaps(t *testing.T) {
	h := History{Operations: []Operation{
		ended("a", 10*ms), ended("b", 12*ms), ended("a", 20*ms), ended("b", 300*ms),
		ended("a", 250*ms), ended("a", 310*ms), ended("b", 320*ms),
		{Key: "b", End: 100 * ms, Outcome: Unknown}, // ends no gap
	}}
	if g := h.LongestGap(15*ms, 300*ms); g.From != 20*ms || g.To != 250*ms {
		t.Errorf("gap of all: %+v", g)
	}
	// That of b is longer, and begins before the time that is looked at.
	if g := h.LongestKeyGap(15*ms, 300*ms); g.Key != "b" || g.From != 12*ms || g.To != 300*ms {
		t.Errorf("gap of a key: %+v", g)
	}
	if g := h.LongestGap(311*ms, 312*ms); g.Length() != 10*ms {
		t.Errorf("gap around a moment: %+v", g)
	}
	// A key that nobody used afterwards tells nothing.
	h.Operations = append(h.Operations, ended("c", 11*ms))
	if g := h.LongestKeyGap(15*ms, 300*ms); g.Key != "b" {
		t.Errorf("gap of a key: %+v", g)
	}
}
