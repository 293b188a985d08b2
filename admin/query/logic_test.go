package query

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query/table"
)

// truth is one of the three values.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func (t truth) String() string { return [...]string{"false", "NULL", "true"}[t] }

// condition is a random condition on the columns a, b and c, in SQL, and what it is worth.
type condition struct {
	text  string
	value func(row [3]truth) truth
}

func randomCondition(r *rand.Rand, depth int) condition {
	if depth == 0 {
		if r.IntN(4) == 0 {
			v := truth(r.IntN(3))
			return condition{v.String(), func([3]truth) truth { return v }}
		}
		i := r.IntN(3)
		return condition{string(rune('a' + i)), func(row [3]truth) truth { return row[i] }}
	}
	x, y := randomCondition(r, r.IntN(depth)), randomCondition(r, r.IntN(depth))
	both := func(format string, f func(a, b truth) truth) condition {
		return condition{
			fmt.Sprintf(format, x.text, y.text),
			func(row [3]truth) truth { return f(x.value(row), y.value(row)) },
		}
	}
	one := func(format string, f func(a truth) truth) condition {
		return condition{fmt.Sprintf(format, x.text), func(row [3]truth) truth { return f(x.value(row)) }}
	}
	is := func(want truth, not bool) func(truth) truth {
		return func(a truth) truth {
			if (a == want) != not {
				return yes
			}
			return no
		}
	}
	equal := func(a, b truth) truth {
		switch {
		case a == unknown || b == unknown:
			return unknown
		case a == b:
			return yes
		}
		return no
	}
	negate := func(a truth) truth { return yes - a }
	switch r.IntN(13) {
	case 0, 1:
		return both("(%s AND %s)", func(a, b truth) truth { return min(a, b) })
	case 2, 3:
		return both("(%s OR %s)", func(a, b truth) truth { return max(a, b) })
	case 4:
		return one("(NOT %s)", negate)
	case 5:
		return both("(%s = %s)", equal)
	case 6:
		return both("(%s <> %s)", func(a, b truth) truth { return negate(equal(a, b)) })
	case 7:
		return one("(%s IS NULL)", is(unknown, false))
	case 8:
		return one("(%s IS NOT TRUE)", is(yes, true))
	case 9:
		return both("(%s IS DISTINCT FROM %s)", func(a, b truth) truth {
			if a != b {
				return yes
			}
			return no
		})
	case 10: // IN is a chain of ORs
		return both("(%s IN (%s, false))", func(a, b truth) truth { return max(equal(a, b), equal(a, no)) })
	case 11: // NOT IN a chain of ANDs
		return both("(%s NOT IN (true, %s))", func(a, b truth) truth {
			return negate(max(equal(a, yes), equal(a, b)))
		})
	}
	return both("CASE WHEN %s THEN %s END", func(a, b truth) truth {
		if a == yes {
			return b
		}
		return unknown
	})
}

// TestThreeValuedLogic: random conditions give what the truth tables say, as columns and as filters,
// however they are moved about.
func TestThreeValuedLogic(t *testing.T) {
	m := &memory{rows: map[string][][]table.Value{}, hints: true}
	truths := &table.Table{Name: "truths", Partitioned: true, Columns: []table.Column{
		{Name: "id", Type: table.Int64}, {Name: "a", Type: table.Bool}, {Name: "b", Type: table.Bool},
		{Name: "c", Type: table.Bool},
	}}
	m.tables = []*table.Table{truths}
	values := map[truth]table.Value{no: table.Truth(false), unknown: {}, yes: table.Truth(true)}
	var all [][3]truth
	for i := range 27 {
		row := [3]truth{truth(i % 3), truth(i / 3 % 3), truth(i / 9)}
		all = append(all, row)
		m.rows["truths"] = append(m.rows["truths"],
			[]table.Value{table.Integer(int64(i)), values[row[0]], values[row[1]], values[row[2]]})
	}
	e := New(Config{Tables: m})
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 150 {
		c := randomCondition(r, 4)
		var passing, computed []string
		for i, row := range all {
			v := c.value(row)
			computed = append(computed, v.String())
			if v == yes {
				passing = append(passing, fmt.Sprint(i))
			}
		}
		for query, want := range map[string][]string{
			"SELECT " + c.text + " AS v FROM truths ORDER BY id":                                                  computed,
			"SELECT id FROM truths WHERE " + c.text + " ORDER BY id":                                              passing,
			"SELECT id FROM (SELECT id, " + c.text + " AS v FROM truths) WHERE v ORDER BY id":                     passing,
			"SELECT t.id FROM truths t JOIN truths u ON u.id = t.id WHERE " + prefixed(c.text) + " ORDER BY t.id": passing,
		} {
			rows, err := collect(t.Context(), e, query)
			if err != nil || strings.Join(rows, " ") != strings.Join(want, " ") {
				t.Fatalf("seed %d: %s: %v\ngives %v\nwant  %v", seed, query, err, rows, want)
			}
		}
	}
}

// prefixed puts the columns of a condition on the table u.
func prefixed(text string) string {
	for _, c := range []string{"a", "b", "c"} {
		for _, before := range []string{" ", "("} {
			for _, after := range []string{" ", ")", ","} {
				text = strings.ReplaceAll(text, before+c+after, before+"u."+c+after)
				text = strings.ReplaceAll(text, before+c+after, before+"u."+c+after)
			}
		}
	}
	if len(text) == 1 {
		return "u." + text
	}
	return text
}
