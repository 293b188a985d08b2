package expr

import (
	"math"
	"regexp"
	"strings"
	"sync"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Logic makes AND or OR of conditions, flattened.
func Logic(op Op, text string, args ...*Expr) *Expr {
	e := &Expr{Op: op, Type: table.Bool, Text: text, Pos: args[0].Pos}
	for _, a := range args {
		if a.Op == op {
			e.Args = append(e.Args, a.Args...)
		} else {
			e.Args = append(e.Args, a)
		}
	}
	return e
}

// Negate makes NOT.
func Negate(a *Expr, text string) *Expr {
	return &Expr{Op: Not, Type: table.Bool, Args: []*Expr{a}, Text: text, Pos: a.Pos}
}

// Operate makes an operator of two arguments; types are made to fit.
func Operate(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	switch op {
	case "=", "!=", "<", "<=", ">", ">=", "is distinct from", "is not distinct from":
		return comparison(op, a, b, text, pos)
	case "+", "-", "*", "/", "%":
		return arithmetic(op, a, b, text, pos)
	case "^":
		return Build("power", []*Expr{a, b}, text, pos)
	case "||":
		return concat(a, b, text), nil
	case "~", "~*", "!~", "!~*":
		return regexMatch(op, a, b, text, pos)
	case "&", "|", "#", "<<", ">>":
		return bitwise(op, a, b, text, pos)
	case "@>":
		return Build("array_has_all", []*Expr{a, b}, text, pos)
	case "<@":
		return Build("array_has_all", []*Expr{b, a}, text, pos)
	case "->", "->>":
		return Build("json_get_str", []*Expr{a, b}, text, pos)
	}
	return nil, sql.Errorf(sql.StateNotSupported, pos, "not supported: the operator %s", op)
}

// Quantify makes x op ANY (list) or ALL (list) of any operator.
func Quantify(op string, all bool, x, list *Expr, text string, pos int) (*Expr, error) {
	elem, ok := list.Type.Elem()
	if !ok {
		return nil, sql.Errorf(sql.StateType, pos, "ANY and ALL take a list, not %s", list.Type)
	}
	one, err := Operate(op, Ref(0, x.Type, x.Text), Ref(1, elem, list.Text), text, pos)
	if err != nil {
		return nil, err
	}
	if one.Type != table.Bool {
		return nil, sql.Errorf(sql.StateType, pos, "ANY and ALL compare, which %s does not", op)
	}
	decisive := int64(1) // one that is true decides ANY, one that is false ALL
	if all {
		decisive = 0
	}
	return &Expr{Op: CallN, Type: table.Bool, Args: []*Expr{x, list}, Text: text, Pos: pos,
		fnN: func(v []table.Value) table.Value {
			if v[1].Type == table.Null {
				return v[1]
			}
			answer := table.Truth(decisive == 0)
			for i := range v[1].List {
				got := one.Eval(Row{v[0], v[1].List[i]})
				switch {
				case got.Type == table.Null:
					answer = got
				case got.Int == decisive:
					return got
				}
			}
			return answer
		}}, nil
}

// Unify makes both arguments comparable: of one type, or numbers, or times.
func Unify(a, b *Expr, pos int) (*Expr, *Expr, error) {
	ta, tb := a.Type, b.Type
	switch {
	case ta == tb, ta == table.Null, tb == table.Null, ta.Number() && tb.Number(), related(ta, tb):
		return a, b, nil
	case ta == table.String && tb == table.Binary, ta == table.Binary && tb == table.String:
		return a, b, nil
	case ta == table.String:
		if c, ok := literalAs(a, tb); ok {
			return c, b, nil
		}
		b2, err := castTo(b, table.String, pos)
		return a, b2, err
	case tb == table.String:
		b2, a2, err := Unify(b, a, pos)
		return a2, b2, err
	}
	if c, ok := Cast(b, ta, false); ok && ta != table.Bool {
		return a, c, nil
	}
	return nil, nil, sql.Errorf(sql.StateType, pos,
		"cannot compare values of type %s and %s", ta, tb).With("cast one of them")
}

// literalAs reads text as a value of another type: constants if they are one, columns not at all,
// except where text means times.
func literalAs(e *Expr, t table.Type) (*Expr, bool) {
	times := t == table.Timestamp || t == table.Date || t == table.Duration || t == table.Interval
	if e.Op != Const && !times {
		return nil, false
	}
	if e.Op == Const && e.Value.Type != table.Null {
		if _, ok := convert(&e.Value, t); !ok && !times {
			return nil, false
		}
	}
	return Cast(e, t, false)
}

func related(a, b table.Type) bool {
	times := func(t table.Type) bool { return t == table.Timestamp || t == table.Date }
	spans := func(t table.Type) bool { return t == table.Duration || t == table.Interval }
	return times(a) && times(b) || spans(a) && spans(b)
}

func castTo(e *Expr, t table.Type, pos int) (*Expr, error) {
	c, ok := Cast(e, t, false)
	if !ok {
		return nil, sql.Errorf(sql.StateType, pos, "cannot cast a value of type %s to %s", e.Type, t)
	}
	return c, nil
}

func comparison(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	a, b, err := Unify(a, b, pos)
	if err != nil {
		return nil, err
	}
	var test func(c int) bool
	switch op {
	case "=":
		test = func(c int) bool { return c == 0 }
	case "!=":
		test = func(c int) bool { return c != 0 }
	case "<":
		test = func(c int) bool { return c < 0 }
	case "<=":
		test = func(c int) bool { return c <= 0 }
	case ">":
		test = func(c int) bool { return c > 0 }
	case ">=":
		test = func(c int) bool { return c >= 0 }
	default:
		distinct := op == "is distinct from"
		return &Expr{Op: CallN, Type: table.Bool, Args: []*Expr{a, b}, Text: text, Pos: pos,
			fnN: func(v []table.Value) table.Value {
				return table.Truth((CompareNulls(&v[0], &v[1], false) != 0) == distinct)
			}}, nil
	}
	e := Binary(table.Bool, text, func(x, y *table.Value) table.Value {
		return table.Truth(test(Compare(x, y)))
	}, a, b)
	e.Pos, e.Operator = pos, op
	return e, nil
}

// arithmetic computes with numbers, times and spans of time.
func arithmetic(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	if a.Type == table.Null && b.Type == table.Null {
		return Constant(table.Value{}, text), nil
	}
	if e, err := timeArithmetic(op, a, b, text, pos); e != nil || err != nil {
		return e, err
	}
	for _, x := range []**Expr{&a, &b} {
		if (*x).Type == table.String || (*x).Type == table.Null {
			t := table.Int64
			if (*x).Op == Const && strings.ContainsAny((*x).Value.Str, ".eE") {
				t = table.Float64
			}
			c, err := castTo(*x, t, pos)
			if err != nil {
				return nil, err
			}
			*x = c
		}
	}
	if !a.Type.Number() || !b.Type.Number() {
		return nil, sql.Errorf(sql.StateType, pos, "cannot compute %s %s %s", a.Type, op, b.Type)
	}
	if a.Type == table.Float64 || b.Type == table.Float64 {
		return Binary(table.Float64, text, floatOperation(op), a, b), nil
	}
	t := table.Int64
	if (a.Type == table.Uint64 || b.Type == table.Uint64) && unsigned(a) && unsigned(b) {
		t = table.Uint64
	}
	return Binary(t, text, integerOperation(op, t), a, b), nil
}

// unsigned: a constant that is not negative can be either.
func unsigned(e *Expr) bool {
	return e.Type == table.Uint64 || e.Type == table.Uint32 || e.Op == Const && e.Value.Int >= 0
}

func floatOperation(op string) func(a, b *table.Value) table.Value {
	return func(a, b *table.Value) table.Value {
		x, y := Number(a), Number(b)
		switch op {
		case "+":
			x += y
		case "-":
			x -= y
		case "*":
			x *= y
		case "/":
			x /= y
		default:
			x = math.Mod(x, y)
		}
		return table.Real(x)
	}
}

func integerOperation(op string, t table.Type) func(a, b *table.Value) table.Value {
	return func(a, b *table.Value) table.Value {
		if (op == "/" || op == "%") && b.Int == 0 {
			fail(sql.StateDivision, "division by zero")
		}
		var n int64
		ok := true
		if t == table.Uint64 {
			n, ok = unsignedOperation(op, uint64(a.Int), uint64(b.Int))
		} else {
			n, ok = signedOperation(op, a.Int, b.Int)
		}
		if !ok {
			fail(sql.StateRange, "%s %s %s is out of the range of %s", Text(a), op, Text(b), t)
		}
		return table.Value{Type: t, Int: n}
	}
}

func signedOperation(op string, x, y int64) (n int64, ok bool) {
	switch op {
	case "+":
		n = x + y
		return n, (n > x) == (y > 0)
	case "-":
		n = x - y
		return n, (n < x) == (y > 0)
	case "*":
		n = x * y
		return n, x == 0 || n/x == y && !(x == -1 && y == math.MinInt64)
	case "/":
		return x / y, !(x == math.MinInt64 && y == -1)
	}
	if y == -1 {
		return 0, true
	}
	return x % y, true
}

func unsignedOperation(op string, x, y uint64) (n int64, ok bool) {
	switch op {
	case "+":
		return int64(x + y), x+y >= x
	case "-":
		return int64(x - y), x >= y
	case "*":
		return int64(x * y), x == 0 || x*y/x == y
	case "/":
		return int64(x / y), true
	}
	return int64(x % y), true
}

// timeArithmetic computes with times and spans; nil without an error: neither argument is one.
func timeArithmetic(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	times := func(t table.Type) bool { return t == table.Timestamp || t == table.Date }
	spans := func(t table.Type) bool { return t == table.Duration || t == table.Interval }
	if times(a.Type) && b.Type == table.String {
		if c, ok := literalAs(b, table.Interval); ok && op != "-" {
			b = c
		} else if c, ok := literalAs(b, a.Type); ok {
			b = c
		}
	}
	ta, tb := a.Type, b.Type
	switch {
	case times(ta) && times(tb) && op == "-":
		return Binary(table.Duration, text, func(x, y *table.Value) table.Value {
			return table.Value{Type: table.Duration, Int: instant(x) - instant(y)}
		}, a, b), nil
	case times(ta) && spans(tb) && (op == "+" || op == "-"):
		return Binary(table.Timestamp, text, shift(op), a, b), nil
	case spans(ta) && times(tb) && op == "+":
		return Binary(table.Timestamp, text, shift(op), b, a), nil
	case spans(ta) && spans(tb) && (op == "+" || op == "-"):
		t := table.Duration
		if ta == table.Interval && tb == table.Interval {
			t = table.Interval
		}
		return Binary(t, text, addSpans(op, t), a, b), nil
	case spans(ta) && tb.Number() && (op == "*" || op == "/"):
		return Binary(ta, text, scale(op, ta), a, b), nil
	case ta.Number() && spans(tb) && op == "*":
		return Binary(tb, text, scale(op, tb), b, a), nil
	case times(ta) || times(tb) || spans(ta) || spans(tb):
		if ta == table.Null || tb == table.Null {
			return Constant(table.Value{}, text), nil
		}
		return nil, sql.Errorf(sql.StateType, pos, "cannot compute %s %s %s", ta, op, tb)
	}
	return nil, nil
}

// instant is a time in milliseconds.
func instant(v *table.Value) int64 {
	if v.Type == table.Date {
		return v.Int * dayMillis
	}
	return v.Int
}

func shift(op string) func(a, b *table.Value) table.Value {
	return func(a, b *table.Value) table.Value {
		months, millis := int(b.Months), b.Int
		if op == "-" {
			months, millis = -months, -millis
		}
		at := instant(a)
		if months != 0 {
			at = AddMonths(at, months)
		}
		return table.Value{Type: table.Timestamp, Int: at + millis}
	}
}

func addSpans(op string, t table.Type) func(a, b *table.Value) table.Value {
	return func(a, b *table.Value) table.Value {
		sign := int64(1)
		if op == "-" {
			sign = -1
		}
		v := table.Value{Type: t, Int: a.Int + sign*b.Int, Months: a.Months + int32(sign)*b.Months}
		if t == table.Duration {
			v.Int, v.Months = v.Int+int64(v.Months)*monthMillis, 0
		}
		return v
	}
}

func scale(op string, t table.Type) func(a, b *table.Value) table.Value {
	return func(a, b *table.Value) table.Value {
		f := Number(b)
		if op == "/" {
			if f == 0 {
				fail(sql.StateDivision, "division by zero")
			}
			f = 1 / f
		}
		return table.Value{Type: t, Int: int64(float64(a.Int) * f), Months: int32(float64(a.Months) * f)}
	}
}

func bitwise(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	if !a.Type.Number() || !b.Type.Number() || a.Type == table.Float64 || b.Type == table.Float64 {
		return nil, sql.Errorf(sql.StateType, pos, "cannot compute %s %s %s", a.Type, op, b.Type)
	}
	t := a.Type
	return Binary(t, text, func(x, y *table.Value) table.Value {
		v := table.Value{Type: t}
		switch op {
		case "&":
			v.Int = x.Int & y.Int
		case "|":
			v.Int = x.Int | y.Int
		case "#":
			v.Int = x.Int ^ y.Int
		case "<<":
			v.Int = x.Int << uint64(y.Int&63)
		default:
			v.Int = x.Int >> uint64(y.Int&63)
		}
		return v
	}, a, b), nil
}

// concat joins texts, or lists.
func concat(a, b *Expr, text string) *Expr {
	if _, isList := a.Type.Elem(); isList {
		return Binary(a.Type, text, func(x, y *table.Value) table.Value {
			listFits(len(x.List) + len(y.List))
			v := table.Value{Type: x.Type, List: append([]table.Value{}, x.List...)}
			if y.Type&table.List != 0 {
				v.List = append(v.List, y.List...)
			} else {
				v.List = append(v.List, *y)
			}
			return v
		}, a, b)
	}
	return Binary(table.String, text, func(x, y *table.Value) table.Value {
		return joined([]string{Text(x), Text(y)}, "")
	}, a, b)
}

// maxList bounds lists that are put together.
const maxList = 1 << 20

func listFits(n int) {
	if n > maxList {
		fail(sql.StateMemory, "a list would have more than %d values", maxList)
	}
}

// LikePattern makes LIKE, ILIKE or SIMILAR TO.
func LikePattern(op string, x, pattern *Expr, escape byte, text string, pos int) (*Expr, error) {
	x, err := textual(x, pos)
	if err != nil {
		return nil, err
	}
	if pattern, err = textual(pattern, pos); err != nil {
		return nil, err
	}
	var match cached[*regexp.Regexp]
	compile := func(p string) *regexp.Regexp {
		source, fold := likeRegexp(p, escape, op == "similar to"), ""
		if op == "ilike" {
			fold = "i"
		}
		re, err := regexp.Compile("(?s" + fold + ")^(?:" + source + ")$")
		if err != nil {
			fail(sql.StateInvalidValue, "the pattern %q is not one: %v", short(p), err)
		}
		return re
	}
	var e *Expr
	if fast := simpleLike(op, pattern, escape); fast != nil {
		e = Unary(table.Bool, text, func(v *table.Value) table.Value {
			return table.Truth(fast(v.Str))
		}, x)
	} else {
		e = Binary(table.Bool, text, func(v, p *table.Value) table.Value {
			return table.Truth(match.get(p.Str, compile).MatchString(v.Str))
		}, x, pattern)
	}
	if op == "like" && pattern.Op == Const && pattern.Type == table.String {
		e.Operator = op
		e.Prefix, e.PrefixOnly = likePrefix(pattern.Value.Str, escape)
	}
	return e, nil
}

// likePrefix is the part of a pattern before its first wildcard; only is true if nothing but % follows.
func likePrefix(p string, escape byte) (prefix string, only bool) {
	end := strings.IndexAny(p, "%_"+string(rune(escape)))
	if end < 0 {
		return p, false
	}
	return p[:end], strings.Trim(p[end:], "%") == ""
}

// simpleLike finds patterns that need no automaton: a prefix, a suffix, a part, or the whole.
func simpleLike(op string, pattern *Expr, escape byte) func(string) bool {
	if op != "like" || pattern.Op != Const || pattern.Value.Type != table.String {
		return nil
	}
	p := pattern.Value.Str
	body := strings.Trim(p, "%")
	if strings.ContainsAny(body, "%_") || strings.IndexByte(p, escape) >= 0 {
		return nil
	}
	switch before, after := strings.HasPrefix(p, "%"), strings.HasSuffix(p, "%"); {
	case before && after:
		return func(s string) bool { return strings.Contains(s, body) }
	case before:
		return func(s string) bool { return strings.HasSuffix(s, body) }
	case after:
		return func(s string) bool { return strings.HasPrefix(s, body) }
	}
	return func(s string) bool { return s == body }
}

func likeRegexp(p string, escape byte, similar bool) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == escape && i+1 < len(p):
			i++
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteByte('.')
		case similar:
			b.WriteByte(c)
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	return b.String()
}

func regexMatch(op string, a, b *Expr, text string, pos int) (*Expr, error) {
	a, err := textual(a, pos)
	if err != nil {
		return nil, err
	}
	var compiled cached[*regexp.Regexp]
	not, fold := op[0] == '!', strings.HasSuffix(op, "*")
	return Binary(table.Bool, text, func(x, p *table.Value) table.Value {
		re := compiled.get(p.Str, func(p string) *regexp.Regexp { return compileRegexp(p, fold) })
		return table.Truth(re.MatchString(x.Str) != not)
	}, a, b), nil
}

func compileRegexp(p string, fold bool) *regexp.Regexp {
	if fold {
		p = "(?i)" + p
	}
	re, err := regexp.Compile(p)
	if err != nil {
		fail(sql.StateInvalidValue, "the regular expression %q is not one: %v", short(p), err)
	}
	return re
}

// textual takes bytes for text as they are, and casts everything else.
func textual(e *Expr, pos int) (*Expr, error) {
	if e.Type == table.String || e.Type == table.Binary {
		return e, nil
	}
	return castTo(e, table.String, pos)
}

// cached remembers what was made for the last key: patterns are mostly constants.
type cached[T any] struct {
	mu    sync.Mutex
	known map[string]T
}

const maxPatterns = 256

func (c *cached[T]) get(key string, compile func(string) T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.known[key]; ok {
		return v
	}
	v := compile(key)
	if c.known == nil || len(c.known) >= maxPatterns {
		c.known = map[string]T{}
	}
	c.known[key] = v
	return v
}
