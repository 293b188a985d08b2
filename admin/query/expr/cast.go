package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// typeNames are the names of types in CAST, arrow_cast among them.
var typeNames = map[string]table.Type{
	"bool": table.Bool, "boolean": table.Bool,
	"tinyint": table.Int64, "smallint": table.Int64, "int": table.Int64, "int2": table.Int64,
	"int4": table.Int64, "int8": table.Int64, "integer": table.Int64, "bigint": table.Int64,
	"int16": table.Int64, "int32": table.Int64, "int64": table.Int64, "oid": table.Int64,
	"int unsigned": table.Uint32, "uint32": table.Uint32, "uint8": table.Uint32,
	"uint16": table.Uint32, "bigint unsigned": table.Uint64, "uint64": table.Uint64,
	"float": table.Float64, "float4": table.Float64, "float8": table.Float64, "real": table.Float64,
	"float32": table.Float64, "float64": table.Float64, "double": table.Float64,
	"double precision": table.Float64, "numeric": table.Float64, "decimal": table.Float64,
	"string": table.String, "text": table.String, "varchar": table.String, "char": table.String,
	"bpchar": table.String, "name": table.String, "utf8": table.String, "largeutf8": table.String,
	"utf8view": table.String, "regclass": table.String, "regtype": table.String,
	"regnamespace": table.String, "regproc": table.String, "uuid": table.String,
	"json": table.String, "jsonb": table.String, "xid": table.Int64, "regrole": table.String,
	"regprocedure": table.String, "sql_identifier": table.String, "character_data": table.String,
	"cardinal_number": table.Int64, "yes_or_no": table.String, "aclitem": table.String,
	"bytea": table.Binary, "binary": table.Binary, "largebinary": table.Binary,
	"blob": table.Binary, "varbinary": table.Binary,
	"timestamp": table.Timestamp, "timestamptz": table.Timestamp, "datetime": table.Timestamp,
	"date": table.Date, "date32": table.Date,
	"interval": table.Interval, "duration": table.Duration,
}

// TypeNamed finds a type by the name that CAST gives it.
func TypeNamed(name string) (t table.Type, ok bool) {
	elem, list := strings.CutSuffix(strings.ToLower(name), "[]")
	if i := strings.IndexByte(elem, '('); i >= 0 { // Timestamp(Millisecond, None)
		elem = elem[:i]
	}
	if t, ok = typeNames[elem]; ok && list {
		t |= table.List
	}
	return t, ok
}

// Cast makes e of another type. With try, what cannot be turned into it is NULL instead of an
// error. ok is false if no value of e's type can ever be.
func Cast(e *Expr, t table.Type, try bool) (c *Expr, ok bool) {
	switch {
	case e.Type == t:
		return e, true
	case e.Type == table.Null:
		null := *e
		null.Type = t
		if null.Op == Const {
			return &null, true
		}
		return &Expr{Op: Coalesce, Type: t, Args: []*Expr{e}, Text: e.Text, Pos: e.Pos}, true
	case !castable(e.Type, t):
		return nil, false
	}
	from := e.Type
	c = Unary(t, e.Text, func(v *table.Value) table.Value {
		out, ok := convert(v, t)
		if ok {
			return out
		}
		if try {
			return table.Value{}
		}
		panic(sql.Errorf(sql.StateInvalidValue, e.Pos, "cannot cast %q of type %s to %s", short(Text(v)),
			from, t))
	}, e)
	if e.Op == Const && !try {
		if _, ok := convert(&e.Value, t); !ok && e.Value.Type != table.Null {
			return c, true // fails when it is evaluated, if it is
		}
	}
	return c.Fold1(), true
}

// Fold1 folds a cast of a constant that succeeds.
func (e *Expr) Fold1() (folded *Expr) {
	if e.Args[0].Op != Const {
		return e
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(*sql.Error); !ok {
				panic(r)
			}
			folded = e
		}
	}()
	return e.Fold()
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

func castable(from, to table.Type) bool {
	fe, fl := from.Elem()
	te, tl := to.Elem()
	if fl && tl {
		return fe == te || fe == table.Null || castable(fe, te)
	}
	if to == table.String || from == table.String && tl {
		return true
	}
	if fl || tl {
		return false
	}
	if from == table.String {
		return to != table.Record
	}
	times := func(t table.Type) bool { return t == table.Timestamp || t == table.Date }
	spans := func(t table.Type) bool { return t == table.Duration || t == table.Interval }
	switch {
	case from.Number() || from == table.Bool:
		return to.Number() || to == table.Bool || from != table.Bool && (times(to) || spans(to))
	case times(from):
		return times(to) || to == table.Int64
	case spans(from):
		return spans(to) || to.Number()
	}
	return false
}

// convert turns a value that is not NULL into another type.
func convert(v *table.Value, t table.Type) (out table.Value, ok bool) {
	out.Type = t
	if elem, isList := t.Elem(); isList {
		if v.Type == table.String {
			return parseList(v.Str, elem)
		}
		for i := range v.List {
			x := v.List[i]
			if x.Type != table.Null && x.Type != elem {
				if x, ok = convert(&x, elem); !ok {
					return out, false
				}
			}
			out.List = append(out.List, x)
		}
		return out, true
	}
	switch t {
	case table.String:
		out.Str = Text(v)
		return out, true
	case table.Binary:
		out.Str = v.Str
		return out, true
	case table.Bool:
		return convertBool(v)
	case table.Int64, table.Uint32, table.Uint64, table.Float64:
		return convertNumber(v, t)
	}
	return convertTime(v, t)
}

// parseList reads {1,2} and {"a b",NULL}, as PostgreSQL writes lists.
func parseList(s string, elem table.Type) (out table.Value, ok bool) {
	out.Type = table.List | elem
	s = strings.TrimSpace(s)
	inner, ok := strings.CutPrefix(s, "{")
	if inner, ok2 := strings.CutSuffix(inner, "}"); ok && ok2 && strings.TrimSpace(inner) == "" {
		return out, true
	}
	for i := 1; ok; i++ {
		text, quoted := "", false
		if text, quoted, i, ok = listItem(s, i); !ok {
			return out, false
		}
		x := table.Value{}
		if quoted || !strings.EqualFold(text, "null") {
			if x, ok = convert(&table.Value{Type: table.String, Str: text}, elem); !ok {
				return out, false
			}
		}
		out.List = append(out.List, x)
		if s[i] == '}' {
			return out, i == len(s)-1
		}
	}
	return out, false
}

// listItem reads an item of a list up to the comma or brace behind it.
func listItem(s string, i int) (text string, quoted bool, next int, ok bool) {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	var b strings.Builder
	if quoted = i < len(s) && s[i] == '"'; quoted {
		for i++; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
			if i < len(s) {
				b.WriteByte(s[i])
			}
		}
		for i++; i < len(s) && s[i] == ' '; i++ {
			continue
		}
		return b.String(), true, i, i < len(s) && (s[i] == ',' || s[i] == '}')
	}
	end := i
	for end < len(s) && s[end] != ',' && s[end] != '}' {
		if s[end] == '{' || s[end] == '"' {
			return "", false, end, false // lists of lists are none of ours
		}
		end++
	}
	text = strings.TrimSpace(s[i:end])
	return text, false, end, end < len(s) && text != ""
}

func convertBool(v *table.Value) (out table.Value, ok bool) {
	if v.Type != table.String {
		return table.Truth(Number(v) != 0), true
	}
	switch strings.ToLower(strings.TrimSpace(v.Str)) {
	case "true", "t", "1", "yes", "y", "on":
		return table.Truth(true), true
	case "false", "f", "0", "no", "n", "off":
		return table.Truth(false), true
	}
	return out, false
}

func convertNumber(v *table.Value, t table.Type) (out table.Value, ok bool) {
	out.Type = t
	switch {
	case v.Type == table.String:
		return parseNumber(strings.TrimSpace(v.Str), t)
	case v.Type == table.Date && t == table.Int64:
		out.Int = v.Int
		return out, true
	case t == table.Float64:
		return table.Real(Number(v)), true
	case v.Type == table.Float64:
		f := math.Trunc(v.Float())
		if t == table.Uint64 && f >= 1<<63 && f < 1<<64 {
			out.Int = int64(uint64(f))
			return out, true
		}
		if math.IsNaN(f) || f < -(1<<63) || f >= 1<<63 {
			return out, false
		}
		out.Int = int64(f)
	case v.Type == table.Uint64 && t != table.Uint64 && v.Int < 0:
		return out, false
	default:
		out.Int = v.Int
	}
	return out, v.Type == table.Uint64 && t == table.Uint64 || inRange(out.Int, t)
}

func inRange(n int64, t table.Type) bool {
	switch t {
	case table.Uint32:
		return n >= 0 && n <= math.MaxUint32
	case table.Uint64:
		return n >= 0
	}
	return true
}

func parseNumber(s string, t table.Type) (out table.Value, ok bool) {
	switch t {
	case table.Float64:
		f, err := strconv.ParseFloat(s, 64)
		return table.Real(f), err == nil
	case table.Uint64:
		n, err := strconv.ParseUint(s, 10, 64)
		return table.Value{Type: t, Int: int64(n)}, err == nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return table.Value{Type: t, Int: n}, err == nil && inRange(n, t)
}

func convertTime(v *table.Value, t table.Type) (out table.Value, ok bool) {
	out.Type = t
	switch t {
	case table.Timestamp, table.Date:
		switch v.Type {
		case table.String:
			if out.Int, ok = ParseTime(v.Str); !ok {
				return out, false
			}
		case table.Date:
			out.Int = v.Int * dayMillis
		case table.Timestamp:
			out.Int = v.Int
		default:
			out.Int = int64(Number(v))
		}
		if t == table.Date {
			out.Int = floorDiv(out.Int, dayMillis)
		}
	case table.Duration:
		if v.Type == table.String {
			out.Int, ok = parseDuration(v.Str)
			return out, ok
		}
		out.Int = int64(Number(v)) + int64(v.Months)*monthMillis
	case table.Interval:
		if v.Type == table.String {
			return ParseInterval(v.Str)
		}
		out.Int = int64(Number(v))
	default:
		return out, false
	}
	return out, true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
