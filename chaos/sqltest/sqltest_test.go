package main

import "testing"

// TestRecorded shows that this server answers the corpus as it did when it was compared with the
// reference server.
func TestRecorded(t *testing.T) {
	asked := 0
	err := run(t.Context(), options{dir: "testdata"}, func(q query, problem string) {
		asked++
		t.Run(q.text, func(t *testing.T) {
			if problem != "" {
				t.Error("the answer differs:\n" + problem)
			}
		})
	})
	if err != nil {
		t.Fatalf("the queries were not asked: %v", err)
	}
	if asked == 0 {
		t.Fatal("no query was asked")
	}
}

func TestJudge(t *testing.T) {
	rows := func(list ...string) answer { return answer{rows: list} }
	for _, c := range []struct {
		q         query
		want, got answer
		ok        bool
	}{
		{query{}, rows("a", "b"), rows("a", "b"), true},
		{query{}, rows("a"), rows("a", "b"), false},
		{query{}, rows("a", "b"), rows("b"), false},
		{query{}, rows("a"), answer{refused: true}, false},
		{query{}, answer{refused: true, text: "x"}, answer{refused: true, text: "y"}, true},
		{query{some: true}, rows("a"), rows("b"), true},
		{query{some: true}, rows("a"), rows(), false},
		{query{differs: "on purpose"}, rows("a"), rows("b"), true},
		{query{differs: "on purpose"}, rows("a"), rows("a"), false},
	} {
		if problem := c.q.judge(c.want, c.got); (problem == "") != c.ok {
			t.Errorf("%+v: %v and %v: %q", c.q, c.want, c.got, problem)
		}
	}
}
