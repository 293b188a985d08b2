package check

import (
	"strings"
	"testing"
	"time"
)

// at is an answered operation in milliseconds; lost is one without an answer.
func at(client, start, end int) Span {
	return Span{Client: client, Start: time.Duration(start) * time.Millisecond,
		End: time.Duration(end) * time.Millisecond}
}

func lost(client, start int) Span {
	s := at(client, start, 0)
	s.Unknown = true
	return s
}

// judge says what a verdict should be: valid, or with a problem that has these words in it.
func judge(t *testing.T, name string, v Verdict, want string) {
	t.Helper()
	switch {
	case want == "" && !v.Valid():
		t.Errorf("%s: a correct server is blamed: %v", name, v.Problems)
	case want != "" && v.Valid():
		t.Errorf("%s: nothing was found, want %q", name, want)
	case want != "" && !strings.Contains(strings.Join(v.Problems, "\n"), want):
		t.Errorf("%s: found %v, want %q", name, v.Problems, want)
	}
}

func TestRegister(t *testing.T) {
	write := func(s Span, to int) RegisterOp { return RegisterOp{Span: s, Key: "r", Kind: Write, To: to} }
	read := func(s Span, got int) RegisterOp { return RegisterOp{Span: s, Key: "r", Kind: Read, Got: got} }
	swap := func(s Span, from, to int, ok bool) RegisterOp {
		return RegisterOp{Span: s, Key: "r", Kind: Swap, From: from, To: to, Swapped: ok}
	}
	for _, tt := range []struct {
		name string
		ops  []RegisterOp
		want string
	}{
		{"in turn", []RegisterOp{write(at(1, 0, 1), 5), read(at(2, 2, 3), 5), swap(at(1, 4, 5), 5, 6, true),
			swap(at(2, 6, 7), 5, 7, false), read(at(2, 8, 9), 6)}, ""},
		{"a lost answer took effect late", []RegisterOp{write(at(1, 0, 1), 5), write(lost(2, 2), 6),
			read(at(3, 3, 4), 5), read(at(3, 5, 6), 6)}, ""},
		{"a lost answer took no effect", []RegisterOp{write(lost(2, 2), 6), read(at(3, 3, 4), 0)}, ""},
		{"stale read", []RegisterOp{write(at(1, 0, 1), 5), write(at(1, 2, 3), 6), read(at(2, 4, 5), 5)},
			"not linearizable"},
		{"acknowledged write lost", []RegisterOp{write(at(1, 0, 1), 5), read(at(2, 2, 3), 0)}, "not linearizable"},
		{"two swaps from one value", []RegisterOp{swap(at(1, 0, 3), 0, 1, true), swap(at(2, 0, 3), 0, 2, true)},
			"not linearizable"},
		{"a write counts twice", []RegisterOp{write(at(1, 0, 1), 1), write(at(1, 2, 3), 2), read(at(1, 4, 5), 1),
			read(at(1, 6, 7), 2)}, "not linearizable"},
	} {
		v := Register("test", tt.ops)
		judge(t, tt.name, v, tt.want)
		if tt.want != "" && len(v.Picture) == 0 {
			t.Errorf("%s: there is no picture", tt.name)
		}
	}
}

func TestList(t *testing.T) {
	add := func(s Span, e, seen string) ListOp {
		return ListOp{Span: s, Key: "l", Append: e, Seen: strings.Fields(seen)}
	}
	read := func(s Span, seen string) ListOp { return add(s, "", seen) }
	for _, tt := range []struct {
		name string
		ops  []ListOp
		want string
	}{
		{"in turn", []ListOp{add(at(1, 0, 1), "a", "a"), add(at(2, 2, 3), "b", "a b"), read(at(3, 4, 5), "a b")}, ""},
		{"lost answer seen", []ListOp{add(lost(1, 0), "a", ""), read(at(2, 1, 2), ""), read(at(2, 3, 4), "a")}, ""},
		{"lost append", []ListOp{add(at(1, 0, 1), "a", "a"), add(at(1, 2, 3), "b", "b")}, "not linearizable"},
		{"append twice", []ListOp{add(at(1, 0, 1), "a", "a"), read(at(1, 2, 3), "a a")}, "not linearizable"},
		{"orders differ", []ListOp{add(lost(1, 0), "a", ""), add(lost(2, 0), "b", ""), read(at(3, 1, 2), "a b"),
			read(at(3, 3, 4), "b a")}, "not linearizable"},
	} {
		judge(t, tt.name, List("test", tt.ops), tt.want)
	}
}

func TestSet(t *testing.T) {
	add := func(s Span, e string) Add { return Add{Span: s, Key: "s", Element: e} }
	view := func(s Span, e string) View { return View{Span: s, Key: "s", Elements: strings.Fields(e)} }
	later := Add{Span: at(1, 0, 1), Key: "s", Element: "a", Later: true}
	for _, tt := range []struct {
		name  string
		adds  []Add
		views []View
		last  string
		want  string
	}{
		{"seen", []Add{add(at(1, 0, 1), "a"), add(lost(2, 0), "b")}, []View{view(at(3, 2, 3), "a")}, "a", ""},
		{"lost answer came late", []Add{add(lost(2, 0), "b")}, []View{view(at(3, 2, 3), "")}, "b", ""},
		{"sent, added later", []Add{later}, []View{view(at(3, 2, 3), "")}, "a", ""},
		{"sent and lost", []Add{later}, nil, "", "is lost"},
		{"acknowledged and lost", []Add{add(at(1, 0, 1), "a")}, nil, "", "is lost"},
		{"not seen in time", []Add{add(at(1, 0, 1), "a")}, []View{view(at(3, 2, 3), "")}, "a", "is missing"},
		{"seen, then gone for a while", []Add{add(lost(1, 0), "a")},
			[]View{view(at(2, 1, 2), "a"), view(at(2, 3, 4), "")}, "a", "is missing"},
		{"seen, then gone", []Add{add(lost(1, 0), "a")}, []View{view(at(2, 1, 2), "a")}, "", "is lost"},
		{"twice", []Add{add(at(1, 0, 1), "a")}, nil, "a a", "twice"},
		{"from nowhere", []Add{add(at(1, 0, 1), "a")}, nil, "a x", "never added"},
		{"seen before it was added", []Add{add(at(1, 5, 6), "a")}, []View{view(at(2, 1, 2), "a")}, "a", "before it was added"},
	} {
		judge(t, tt.name, Set("test", tt.adds, tt.views, map[string][]string{"s": strings.Fields(tt.last)}), tt.want)
	}
	judge(t, "no last read", Set("test", []Add{later}, nil, nil), "nobody could read")
}

func TestCounter(t *testing.T) {
	inc := func(s Span, got int) Increment { return Increment{Span: s, Key: "c", Got: got} }
	for _, tt := range []struct {
		name string
		ops  []Increment
		last int
		want string
	}{
		{"in turn", []Increment{inc(at(1, 0, 1), 1), inc(at(2, 2, 3), 2)}, 2, ""},
		{"together", []Increment{inc(at(1, 0, 5), 2), inc(at(2, 0, 5), 1)}, 2, ""},
		{"a lost answer counted", []Increment{inc(at(1, 0, 1), 1), inc(lost(2, 0), 0)}, 2, ""},
		{"a lost answer did not count", []Increment{inc(at(1, 0, 1), 1), inc(lost(2, 0), 0)}, 1, ""},
		{"lost", []Increment{inc(at(1, 0, 1), 1), inc(at(2, 2, 3), 2)}, 1, "acknowledged increments"},
		{"doubled", []Increment{inc(at(1, 0, 1), 1), inc(at(2, 2, 3), 3)}, 3, "may have counted"},
		{"same value", []Increment{inc(at(1, 0, 1), 1), inc(at(2, 2, 3), 1)}, 2, "both told 1"},
		{"back in time", []Increment{inc(at(1, 0, 1), 2), inc(at(2, 2, 3), 1)}, 2, "after"},
		{"the end is behind", []Increment{inc(at(1, 0, 1), 3), inc(lost(1, 0), 0), inc(lost(1, 0), 0)}, 2, "was told 3"},
	} {
		judge(t, tt.name, Counter("test", tt.ops, map[string]int{"c": tt.last}), tt.want)
	}
	judge(t, "no last read", Counter("test", []Increment{inc(at(1, 0, 1), 1)}, nil), "nobody could read")
}

func TestOnceAndAgree(t *testing.T) {
	judge(t, "once", Once("test", []Effect{{"a", true, 1, "x"}, {"b", false, 0, "x"}, {"c", false, 1, "x"}}), "")
	judge(t, "never", Once("test", []Effect{{"a", true, 0, "x"}}), "never happened")
	judge(t, "twice", Once("test", []Effect{{"a", false, 2, "x"}}), "2 times")
	judge(t, "same", Agree("test", []Answers{{"a", []string{"1", "1"}, "1"}, {"b", nil, ""}}), "")
	judge(t, "differ", Agree("test", []Answers{{"a", []string{"1", "2"}, ""}}), "another 2")
	judge(t, "wrong", Agree("test", []Answers{{"a", []string{"2"}, "1"}}), "want 1")
}

func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  []int
		want string
	}{
		{"in order", []int{1, 2, 3}, ""},
		{"swapped", []int{1, 3, 2}, "3 arrived where 2"},
		{"repeated", []int{1, 2, 2, 3}, "2 arrived where 3"},
		{"left out", []int{1, 3}, "3 arrived where 2"},
		{"cut off", []int{1, 2}, "from 3 to 3 never arrived"},
	} {
		judge(t, tt.name, Order("test", []Sequence{{"s", "r", tt.got, 3}}), tt.want)
	}
}

func TestExclusive(t *testing.T) {
	judge(t, "in turn", Exclusive("test", []Hold{{"k", "b", 10, 20}, {"k", "a", 0, 10}, {"j", "c", 5, 8}}), "")
	judge(t, "overlap", Exclusive("test", []Hold{{"k", "a", 0, 10}, {"k", "b", 9, 20}}), "a held it for another 1ns")
	judge(t, "inside", Exclusive("test", []Hold{{"k", "a", 0, 10}, {"k", "b", 1, 2}, {"k", "c", 8, 9}}), "when c got it")
}

func TestAlarms(t *testing.T) {
	judge(t, "on time", Alarms("test", []Alarm{{"a", true, 10, []int64{11}}, {"b", false, 10, nil}}), "")
	judge(t, "early", Alarms("test", []Alarm{{"a", true, 10, []int64{8}}}), "2ns early")
	judge(t, "lost", Alarms("test", []Alarm{{"a", true, 10, nil}}), "never rang")
	judge(t, "twice", Alarms("test", []Alarm{{"a", true, 10, []int64{11, 12}}}), "2 times")
}

func TestVerdictsListTheFirstProblemsOnly(t *testing.T) {
	v := Once("test", make([]Effect, 0))
	for range maxProblems + 5 {
		v.Problem("again")
	}
	if len(v.Problems) != maxProblems || v.More != 5 || !strings.Contains(v.String(), "INVALID (25)") {
		t.Errorf("%d problems and %d more: %s", len(v.Problems), v.More, v)
	}
}
