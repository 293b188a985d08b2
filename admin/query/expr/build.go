package expr

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// function is one scalar function.
type function struct {
	min, max int // numbers of arguments; max -1: any
	// args are the types that arguments are cast to; the last one counts for all that follow.
	// anyType leaves an argument as it is.
	args []table.Type
	// result is the type; resultOf decides by the arguments if it is not nil.
	result   table.Type
	resultOf func(args []*Expr) table.Type
	// fn computes; strict functions are not called with NULL, which then is the result.
	fn       func(args []table.Value) table.Value
	nullable bool // not strict
	volatile bool
}

// AnyType is the type of arguments that are taken as they are.
const AnyType = anyType

const anyType table.Type = 0xff

// Function is a function of values that is not built in.
type Function struct {
	Min, Max int          // numbers of arguments; Max -1: any
	Args     []table.Type // arguments are cast to; the last one counts for all that follow
	Result   table.Type
	Nullable bool // it is called with NULLs too, which otherwise make the result NULL
	Volatile bool // it is called for each row, when the query runs
	Set      bool // of the values of the list that it makes each is a row, where it is selected
	Call     func(args []table.Value) table.Value
}

// Build makes a call of the function.
func (f Function) Build(name string, args []*Expr, text string, pos int) (*Expr, error) {
	own := function{
		min: f.Min, max: f.Max, args: f.Args, result: f.Result, nullable: f.Nullable,
		volatile: f.Volatile, fn: f.Call,
	}
	e, err := own.build(name, args, text, pos)
	if err == nil {
		e.Foreign = true
	}
	return e, err
}

var functions = map[string]*function{}

// register adds functions; names with a bar between them are the same.
func register(names string, f function) {
	for _, n := range strings.Split(names, "|") {
		functions[n] = &f
	}
}

// canonical are the functions that are called something else in the names of columns.
var canonical = map[string]string{"trim": "btrim", "substring": "substr", "array": "make_array"}

// Canonical is the name by which columns are called after a function.
func Canonical(name string) string {
	if c := canonical[name]; c != "" {
		return c
	}
	return name
}

// Functions are the names of all scalar functions, sorted.
func Functions() []string {
	var names []string
	for n := range functions {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Build makes the call of a scalar function.
func Build(name string, args []*Expr, text string, pos int) (*Expr, error) {
	if e, err := special(name, args, text, pos); e != nil || err != nil {
		return e, err
	}
	f := functions[name]
	if f == nil {
		e := sql.Errorf(sql.StateUndefinedFunc, pos, "there is no function %s", name)
		if near := nearest(name); near != "" {
			return nil, e.With("did you mean %s?", near)
		}
		return nil, e
	}
	return f.build(name, args, text, pos)
}

// ArgType is the type that a function's argument is cast to, from 0; Null if it is not cast or there
// is no such function.
func ArgType(name string, arg int) table.Type {
	f := functions[name]
	if f == nil || len(f.args) == 0 {
		return table.Null
	}
	if t := f.args[min(arg, len(f.args)-1)]; t != anyType {
		return t
	}
	return table.Null
}

// build makes a call of the function.
func (f *function) build(name string, args []*Expr, text string, pos int) (*Expr, error) {
	if len(args) < f.min || f.max >= 0 && len(args) > f.max {
		return nil, sql.Errorf(sql.StateUndefinedFunc, pos, "function %s cannot be called with %d arguments",
			name, len(args)).With("it takes %s", arity(f))
	}
	cast := make([]*Expr, len(args))
	for i, a := range args {
		want := anyType
		if len(f.args) > 0 {
			want = f.args[min(i, len(f.args)-1)]
		}
		if cast[i] = a; want == anyType || a.Type == want {
			continue
		}
		c, ok := Cast(a, want, false)
		if !ok {
			return nil, sql.Errorf(sql.StateType, pos, "argument %d of %s is of type %s, want %s",
				i+1, name, a.Type, want)
		}
		cast[i] = c
	}
	e := &Expr{Op: CallN, Type: f.result, Args: cast, Text: text, Pos: pos, Volatile: f.volatile}
	if f.resultOf != nil {
		e.Type = f.resultOf(cast)
	}
	fn := f.fn
	e.fnN = fn
	if !f.nullable {
		e.fnN = func(v []table.Value) table.Value {
			for i := range v {
				if v[i].Type == table.Null {
					return table.Value{}
				}
			}
			return fn(v)
		}
	}
	return e, nil
}

func arity(f *function) string {
	switch {
	case f.max < 0:
		return plural(f.min) + " or more"
	case f.min == f.max:
		return plural(f.min)
	}
	return Text(ptr(table.Integer(int64(f.min)))) + " to " + plural(f.max)
}

func ptr(v table.Value) *table.Value { return &v }

func plural(n int) string {
	s := Text(ptr(table.Integer(int64(n)))) + " argument"
	if n != 1 {
		s += "s"
	}
	return s
}

// nearest finds a function whose name is much like another.
func nearest(name string) string {
	best, at := 3, ""
	names := Functions()
	sort.Strings(names)
	for _, n := range names {
		if d := Distance(name, n); d < best {
			best, at = d, n
		}
	}
	return at
}

// maxName is how long names are that are compared.
const maxName = 64

// Distance is how many letters have to change to make one word of the other.
func Distance(a, b string) int {
	if len(a) > maxName || len(b) > maxName {
		return maxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			keep := row[j+1]
			d := last
			if a[i] != b[j] {
				d = 1 + min(last, row[j], row[j+1])
			}
			row[j+1], last = d, keep
		}
	}
	return row[len(b)]
}

// special makes the calls that are more than functions of values.
func special(name string, args []*Expr, text string, pos int) (*Expr, error) {
	switch name {
	case "coalesce", "ifnull", "nvl":
		return conditional(Coalesce, args, text, pos)
	case "nullif":
		if len(args) != 2 {
			return nil, nil
		}
		same, err := Operate("=", args[0], args[1], text, pos)
		if err != nil {
			return nil, err
		}
		return CaseOf([]*Expr{same, Constant(table.Value{}, "NULL"), args[0]}, text, pos)
	case "nvl2":
		if len(args) != 3 {
			return nil, nil
		}
		missing := &Expr{Op: IsNull, Type: table.Bool, Args: args[:1], Pos: pos}
		return CaseOf([]*Expr{missing, args[2], args[1]}, text, pos)
	case "arrow_typeof", "pg_typeof":
		if len(args) != 1 {
			return nil, nil
		}
		return Constant(table.Text(args[0].Type.Arrow()), text), nil
	case "arrow_cast", "arrow_try_cast":
		return arrowCast(name, args, text, pos)
	}
	return nil, nil
}

func arrowCast(name string, args []*Expr, text string, pos int) (*Expr, error) {
	if len(args) != 2 || args[1].Op != Const || args[1].Type != table.String {
		return nil, sql.Errorf(sql.StateUndefinedFunc, pos, "%s takes a value and the name of a type", name)
	}
	t, ok := TypeNamed(args[1].Value.Str)
	if !ok {
		return nil, sql.Errorf(sql.StateType, pos, "there is no type %q", args[1].Value.Str)
	}
	c, ok := Cast(args[0], t, name == "arrow_try_cast")
	if !ok {
		return nil, sql.Errorf(sql.StateType, pos, "cannot cast %s to %s", args[0].Type, t)
	}
	named := *c
	named.Text = text
	return &named, nil
}

// conditional makes COALESCE: all arguments get one type.
func conditional(op Op, args []*Expr, text string, pos int) (*Expr, error) {
	if len(args) == 0 {
		return nil, sql.Errorf(sql.StateUndefinedFunc, pos, "COALESCE takes 1 argument or more")
	}
	args, t, err := Common(args, pos)
	if err != nil {
		return nil, err
	}
	return &Expr{Op: op, Type: t, Args: args, Text: text, Pos: pos}, nil
}

// CaseOf makes a CASE of conditions and values in turn, and the else value.
func CaseOf(args []*Expr, text string, pos int) (*Expr, error) {
	var values []*Expr
	for i := 1; i < len(args)-1; i += 2 {
		values = append(values, args[i])
	}
	values = append(values, args[len(args)-1])
	values, t, err := Common(values, pos)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(args)
	for i, v := range values {
		list[min(2*i+1, len(list)-1)] = v
	}
	return &Expr{Op: Case, Type: t, Args: list, Text: text, Pos: pos}, nil
}

// Common gives expressions one type.
func Common(args []*Expr, pos int) ([]*Expr, table.Type, error) {
	t := table.Null
	for _, a := range args {
		merged, ok := CommonType(t, a.Type)
		if !ok {
			return nil, t, sql.Errorf(sql.StateType, pos, "values of type %s and %s do not go together",
				t, a.Type).With("cast one of them")
		}
		t = merged
	}
	list := make([]*Expr, len(args))
	for i, a := range args {
		c, err := castTo(a, t, pos)
		if err != nil {
			return nil, t, err
		}
		list[i] = c
	}
	return list, t, nil
}

// CommonType is a type for values of both.
func CommonType(a, b table.Type) (table.Type, bool) {
	switch {
	case a == b, b == table.Null:
		return a, true
	case a == table.Null:
		return b, true
	case a == table.Float64 && b.Number(), b == table.Float64 && a.Number():
		return table.Float64, true
	case a.Number() && b.Number():
		if a != table.Int64 && b != table.Int64 {
			return table.Uint64, true
		}
		return table.Int64, true
	case a == table.String || b == table.String:
		_, la := a.Elem()
		_, lb := b.Elem()
		return table.String, !la && !lb
	case a == table.Date && b == table.Timestamp, a == table.Timestamp && b == table.Date:
		return table.Timestamp, true
	case a == table.Duration && b == table.Interval, a == table.Interval && b == table.Duration:
		return table.Duration, true
	}
	return a, false
}

// AddMonths moves an instant by months; a day that the month does not have becomes its last.
func AddMonths(millis int64, months int) int64 {
	t := time.UnixMilli(millis).UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(),
		t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1).UnixMilli()
}
