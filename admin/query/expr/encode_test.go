package expr

import (
	"errors"
	"reflect"
	"testing"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// encoded are aggregates of every kind, with the rows that they are tried with.
func encoded(t testing.TB) (list []*Aggregate) {
	t.Helper()
	number := func() *Expr { return Ref(0, table.Int64, "n") }
	text := func() *Expr { return Ref(1, table.String, "s") }
	order := func() []SortKey { return []SortKey{{Expr: number(), Desc: true}} }
	for name := range aggregates {
		a := &Aggregate{Name: name, Args: []*Expr{number()}, Text: name}
		switch name {
		case "string_agg":
			a.Args = []*Expr{text(), Constant(table.Text(","), "','")}
		case "bool_and", "bool_or", "every":
			a.Args = []*Expr{Ref(3, table.Bool, "b")}
		case "max", "first_value":
			a.Args = []*Expr{text()}
		}
		list = append(list, a)
	}
	list = append(list,
		&Aggregate{Name: "count"},
		&Aggregate{Name: "array_agg", Args: []*Expr{text()}, OrderBy: order()},
		&Aggregate{Name: "last_value", Args: []*Expr{Ref(2, table.ListString, "l")}, OrderBy: order()},
		&Aggregate{Name: "count", Args: []*Expr{Ref(2, table.ListString, "l")}, Distinct: true},
		&Aggregate{Name: "array_agg", Args: []*Expr{number()}, OrderBy: order(), Distinct: true},
		&Aggregate{Name: "sum", Args: []*Expr{Ref(4, table.Float64, "f")}},
		&Aggregate{Name: "sum", Args: []*Expr{Ref(5, table.Duration, "d")}},
		&Aggregate{Name: "avg", Args: []*Expr{Ref(5, table.Duration, "d")}},
		&Aggregate{Name: "median", Args: []*Expr{Ref(5, table.Duration, "d")}},
		&Aggregate{Name: "min", Args: []*Expr{Ref(6, table.Interval, "i")}},
	)
	for _, a := range list {
		if err := NewAggregate(a, -1); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func encodedRow(n int) Row {
	text := table.Text(string(rune('a' + n%26)))
	row := Row{
		table.Integer(int64(n % 5000)), text, {Type: table.ListString, List: []table.Value{text, {}}},
		table.Truth(n%3 == 0), table.Real(float64(n) / 4), {Type: table.Duration, Int: int64(n)},
		{Type: table.Interval, Months: int32(n), Int: 5},
	}
	row[n%len(row)] = table.Value{} // NULL
	return row
}

func seen(a *Aggregate, first, count int) State {
	s := a.New()
	for n := first; n < first+count; n++ {
		var args []table.Value
		for _, e := range a.Args {
			args = append(args, e.Eval(encodedRow(n)))
		}
		for i := range a.OrderBy {
			args = append(args, a.OrderBy[i].Expr.Eval(encodedRow(n)))
		}
		s.Add(args)
	}
	return s
}

func parts(s State) (list [][]byte) {
	for at := 0; ; {
		var b []byte
		b, at = s.Append(nil, at)
		if list = append(list, b); at == 0 {
			return list
		}
	}
}

// TestStatesTravel: states that were sent make what those would have made that were not.
func TestStatesTravel(t *testing.T) {
	const longest = partBytes + 1000
	for _, a := range encoded(t) {
		for _, count := range []int{0, 1, 10, 9000} {
			want, got := seen(a, 100, 3), seen(a, 100, 3)
			want.Merge(seen(a, 0, count), func() {})
			list := parts(seen(a, 0, count))
			if count == 0 && (len(list) != 1 || len(list[0]) != 0) {
				t.Errorf("%s of no rows is %x", a.Name, list)
			}
			for _, b := range list {
				taken := int64(0)
				s, err := a.Load(b, func(n int64) { taken += n })
				if err != nil {
					t.Fatalf("%s of %d rows: %v", a.Name, count, err)
				}
				if len(b) > longest || a.Grows() && int64(s.SizeBytes()) > taken+200 {
					t.Errorf("%s of %d rows: a part has %d bytes; it takes %d and says %d", a.Name, count,
						len(b), s.SizeBytes(), taken)
				}
				got.Merge(s, func() {})
			}
			if !reflect.DeepEqual(got.Result(), want.Result()) {
				t.Errorf("%s of %d rows is %+v, not %+v", a.Name, count, got.Result(), want.Result())
			}
		}
	}
}

// FuzzLoad: damaged states are refused, or are states.
func FuzzLoad(f *testing.F) {
	list := encoded(f)
	for _, a := range list {
		f.Add(parts(seen(a, 0, 3))[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range list {
			tryLoad(t, a, b)
		}
	})
}

func tryLoad(t *testing.T, a *Aggregate, b []byte) {
	t.Helper()
	defer func() { // a sum may be out of range
		if r := recover(); r != nil {
			if err, ok := r.(error); !ok || !errors.As(err, new(*sql.Error)) {
				t.Fatalf("%s: %v", a.Name, r)
			}
		}
	}()
	taken := int64(0)
	s, err := a.Load(b, func(n int64) { taken += n })
	if taken > 1000*int64(len(b)) {
		t.Errorf("%s takes %d bytes for %d", a.Name, taken, len(b))
	}
	if err != nil {
		return
	}
	into := seen(a, 0, 2)
	into.Merge(s, func() {})
	if v := into.Result(); !v.Fits(a.Type) {
		t.Errorf("%s is a %s, not a %s", a.Name, v.Type, a.Type)
	}
}
