package sql

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestRefusals: what cannot be parsed is told where, and why.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		text, state string
		at          int
	}{
		{"select", "", -1},
		{"select 1 2", StateSyntax, 9},
		{"select 'a", StateSyntax, 7},
		{"select \"\"", StateSyntax, 7},
		{"select /* /* */ 1", StateSyntax, 7},
		{"select 1; select 2", StateSyntax, 10},
		{"insert into t values (1)", StateReadOnly, 0},
		{"DROP TABLE state", StateReadOnly, 0},
		{"with recursive x as (select 1) select * from x", StateNotSupported, 5},
		{"select (1, 2)", StateNotSupported, 7},
		{"select * from t where", StateSyntax, 21},
		{"select case end", StateSyntax, 12},
		{"select a from b join c", StateSyntax, 22},
		{"select $0", StateSyntax, 7},
		{"select ?", StateSyntax, 7},
		{"select a like b escape 'xy'", StateInvalidValue, 23},
	} {
		_, err := Parse(c.text)
		var e *Error
		switch {
		case c.state == "":
			if err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
		case !errors.As(err, &e):
			t.Errorf("%s: no error", c.text)
		case e.State != c.state || c.at >= 0 && e.Position != c.at:
			t.Errorf("%s: %s at %d: %v; want %s at %d", c.text, e.State, e.Position, err, c.state, c.at)
		}
	}
}

// TestPrecedence looks at the trees of expressions.
func TestPrecedence(t *testing.T) {
	for _, c := range [][2]string{
		{"a or b and not c = 1 + 2 * 3", "a or (b and (not (c = (1 + (2 * 3)))))"},
		{"a || b like c || d", "(a || b) like (c || d)"},
		{"- a ^ 2", "(- a) ^ 2"},
		{"a::int + 1", "a::int + 1"},
		{"not a is null", "not (a is null)"},
		{"a between 1 and 2 and b", "(a between 1 and 2) and b"},
		{"a = b is true", "(a = b) is true"},
	} {
		if a, b := shape(t, c[0]), shape(t, c[1]); a != b {
			t.Errorf("%s is\n%s, not\n%s", c[0], a, b)
		}
	}
}

// shape is the tree without positions.
func shape(t *testing.T, expr string) string {
	t.Helper()
	s, err := Parse("select " + expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	drop(v)
	b, _ = json.Marshal(v)
	return string(b)
}

func drop(v any) {
	switch x := v.(type) {
	case map[string]any:
		delete(x, "At")
		delete(x, "Pos")
		for _, y := range x {
			drop(y)
		}
	case []any:
		for _, y := range x {
			drop(y)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"select a, b.* from t b left join (select 1) x on a = 1 where a in (1,2) order by 1 limit 3",
		"with x as (values (1, 'a')) select count(*) filter (where a > 1) over (partition by b) from x",
		"select case a when 1 then 2 end, cast(a as double), a::int[], extract(day from b)",
		"explain select 1;", "show tables", "select * from t where a ~ 'x' and b not like 'y' escape '!'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse(text)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Position > len(text)) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
