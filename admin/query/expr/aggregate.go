package expr

import (
	"math"
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// State is an aggregate of some rows. States of the same aggregate over different rows can be
// merged, unless the order of the rows counts.
type State interface {
	// Add takes the arguments of one row.
	Add(args []table.Value)
	// Merge takes what another state has seen, which comes after what this one has, and which must not be
	// used any more. step is called now and then if that takes long.
	Merge(other State, step func())
	Result() table.Value
	// SizeBytes is about how much memory the state has.
	SizeBytes() int
	// Append appends the state, or a part of it that begins at a place, 0 at first, for Aggregate.Load
	// to read. It returns where the next part begins, 0 if there is none.
	Append(dst []byte, from int) ([]byte, int)

	load(l *loading, b []byte) error // into the state of no rows
}

// SortKey is one key of an order.
type SortKey struct {
	Expr       *Expr
	Desc       bool
	NullsFirst bool
}

// Compare orders two values of the key.
func (k *SortKey) Compare(a, b *table.Value) int {
	c := CompareNulls(a, b, k.NullsFirst != k.Desc)
	if k.Desc {
		return -c
	}
	return c
}

// CompareKeys orders the values of sort keys.
func CompareKeys(keys []SortKey, a, b []table.Value) int {
	for i := range keys {
		if c := keys[i].Compare(&a[i], &b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// Aggregate is one aggregate of a query.
type Aggregate struct {
	Name     string
	Type     table.Type
	Args     []*Expr
	Distinct bool
	OrderBy  []SortKey // of first_value, array_agg and their like
	Filter   *Expr     // nil: all rows
	Text     string

	make  func() State
	grows bool
}

// New makes the state of no rows.
func (a *Aggregate) New() State {
	if a.Distinct {
		return &distinct{inner: a.make(), seen: map[string]struct{}{}, width: len(a.Args) + len(a.OrderBy)}
	}
	return a.make()
}

// Grows reports whether states take more memory the more rows they have seen.
func (a *Aggregate) Grows() bool { return a.Distinct || a.grows }

// IsAggregate reports whether a function is one.
func IsAggregate(name string) bool { return aggregates[name] != nil }

// aggregate says how one is made.
type aggregate struct {
	min, max int
	make     func(a *Aggregate) error
}

var aggregates map[string]*aggregate

func init() {
	aggregates = map[string]*aggregate{
		"count": {0, 1, makeCount}, "sum": {1, 1, makeSum}, "avg": {1, 1, makeAvg},
		"mean": {1, 1, makeAvg},
		"min":  {1, 1, makeExtreme}, "max": {1, 1, makeExtreme},
		"first_value": {1, 1, makeEdge}, "last_value": {1, 1, makeEdge},
		"any_value": {1, 1, makeEdge},
		"array_agg": {1, 1, makeCollect}, "string_agg": {2, 2, makeCollect},
		"bool_and": {1, 1, makeLogical}, "bool_or": {1, 1, makeLogical}, "every": {1, 1, makeLogical},
		"approx_distinct": {1, 1, makeApproxDistinct},
		"median":          {1, 1, makeQuantile}, "approx_median": {1, 1, makeQuantile},
		"approx_percentile_cont": {1, 3, makeQuantile}, "percentile_cont": {1, 2, makeQuantile},
		"quantile_cont": {1, 2, makeQuantile},
		"stddev":        {1, 1, makeDeviation}, "stddev_samp": {1, 1, makeDeviation},
		"stddev_pop": {1, 1, makeDeviation}, "var": {1, 1, makeDeviation},
		"var_samp": {1, 1, makeDeviation}, "var_pop": {1, 1, makeDeviation},
		"variance": {1, 1, makeDeviation}, "bit_and": {1, 1, makeBits}, "bit_or": {1, 1, makeBits},
		"bit_xor": {1, 1, makeBits},
	}
}

// NewAggregate finishes a: it checks the arguments and settles the type.
func NewAggregate(a *Aggregate, pos int) error {
	kind := aggregates[a.Name]
	if kind == nil {
		return sql.Errorf(sql.StateUndefinedFunc, pos, "there is no aggregate %s", a.Name)
	}
	if len(a.Args) < kind.min || len(a.Args) > kind.max {
		return sql.Errorf(sql.StateUndefinedFunc, pos, "aggregate %s cannot be called with %d arguments",
			a.Name, len(a.Args))
	}
	if err := kind.make(a); err != nil {
		if e, ok := err.(*sql.Error); ok {
			e.Position = pos
		}
		return err
	}
	return nil
}

func needNumber(a *Aggregate) error {
	t := a.Args[0].Type
	if t.Number() || t == table.Duration || t == table.Null {
		return nil
	}
	if t == table.Bool {
		return sql.Errorf(sql.StateType, -1, "%s takes numbers, not %s", a.Name, t).
			With("use CASE WHEN x THEN 1 ELSE 0 END")
	}
	return sql.Errorf(sql.StateType, -1, "%s takes numbers, not %s", a.Name, t).
		With("cast it to a number")
}

// distinct lets each value pass once.
type distinct struct {
	inner State
	seen  map[string]struct{}
	width int           // of the arguments of one row
	list  []table.Value // those that have passed, one row after the other
	key   []byte
	bytes int
}

func (d *distinct) Add(args []table.Value) {
	d.key = d.key[:0]
	for i := range args {
		d.key = AppendKey(d.key, &args[i])
	}
	if _, known := d.seen[string(d.key)]; known {
		return
	}
	d.seen[string(d.key)] = struct{}{}
	d.list, d.bytes = append(d.list, args...), d.bytes+len(d.key)+64+sizeOf(args)
	d.inner.Add(args)
}

func (d *distinct) Merge(other State, step func()) {
	o := other.(*distinct)
	if len(d.seen) == 0 {
		*d = *o
		return
	}
	for list := o.list; len(list) > 0; list = list[d.width:] {
		step()
		d.Add(list[:d.width])
	}
}

func (d *distinct) Result() table.Value { return d.inner.Result() }

func (d *distinct) SizeBytes() int { return d.bytes + d.inner.SizeBytes() }

func sizeOf(list []table.Value) (n int) {
	for i := range list {
		n += list[i].SizeBytes()
	}
	return n
}

type count struct{ n int64 }

func makeCount(a *Aggregate) error {
	a.Type, a.make = table.Int64, func() State { return &count{} }
	return nil
}

func (c *count) Add(args []table.Value) {
	if len(args) == 0 || args[0].Type != table.Null {
		c.n++
	}
}

func (c *count) Merge(other State, _ func()) { c.n += other.(*count).n }
func (c *count) Result() table.Value         { return table.Integer(c.n) }
func (c *count) SizeBytes() int              { return 16 }

// sum adds integers exactly, or else floats; durations are integers.
type sum struct {
	t    table.Type
	n    int64
	f    float64
	any  bool
	rows int64
	avg  bool
}

func makeSum(a *Aggregate) error {
	if err := needNumber(a); err != nil {
		return err
	}
	a.Type = a.Args[0].Type
	switch a.Type {
	case table.Uint32:
		a.Type = table.Uint64
	case table.Null:
		a.Type = table.Int64
	}
	t := a.Type
	a.make = func() State { return &sum{t: t} }
	return nil
}

func makeAvg(a *Aggregate) error {
	if err := needNumber(a); err != nil {
		return err
	}
	a.Type = table.Float64
	if a.Args[0].Type == table.Duration {
		a.Type = table.Duration
	}
	t := a.Type
	a.make = func() State { return &sum{t: t, avg: true} }
	return nil
}

func (s *sum) Add(args []table.Value) {
	v := &args[0]
	if v.Type == table.Null {
		return
	}
	s.any = true
	s.rows++
	if s.t == table.Float64 {
		s.f += Number(v)
		return
	}
	s.addInt(v.Int)
}

func (s *sum) addInt(n int64) {
	before := s.n
	s.n += n
	over := (s.n > before) != (n > 0) && n != 0
	if s.t == table.Uint64 {
		over = uint64(s.n) < uint64(before)
	}
	if over {
		fail(sql.StateRange, "a sum is out of the range of %s", s.t)
	}
}

func (s *sum) Merge(other State, _ func()) {
	o := other.(*sum)
	if !o.any {
		return
	}
	s.any, s.rows, s.f = true, s.rows+o.rows, s.f+o.f
	if s.t != table.Float64 {
		s.addInt(o.n)
	}
}

func (s *sum) Result() table.Value {
	switch {
	case !s.any:
		return table.Value{}
	case s.avg && s.t == table.Duration:
		return table.Value{Type: s.t, Int: s.n / s.rows}
	case s.avg:
		return table.Real(s.f / float64(s.rows))
	case s.t == table.Float64:
		return table.Real(s.f)
	}
	return table.Value{Type: s.t, Int: s.n}
}

func (s *sum) SizeBytes() int { return 48 }

// extreme is the least or the greatest value.
type extreme struct {
	sign int
	v    table.Value
}

func makeExtreme(a *Aggregate) error {
	sign := 1
	if a.Name == "min" {
		sign = -1
	}
	a.Type, a.make = a.Args[0].Type, func() State { return &extreme{sign: sign} }
	return nil
}

func (e *extreme) Add(args []table.Value) {
	if v := &args[0]; v.Type != table.Null && (e.v.Type == table.Null || Compare(v, &e.v)*e.sign > 0) {
		e.v = *v
	}
}

func (e *extreme) Merge(other State, _ func()) { e.Add([]table.Value{other.(*extreme).v}) }
func (e *extreme) Result() table.Value         { return e.v }
func (e *extreme) SizeBytes() int              { return e.v.SizeBytes() }

// edge is the first or last value in an order; without one, of the rows as they come.
type edge struct {
	keys []SortKey
	last bool
	any  bool
	v    table.Value
	at   []table.Value
}

func makeEdge(a *Aggregate) error {
	last, keys := a.Name == "last_value", a.OrderBy
	a.Type, a.make = a.Args[0].Type, func() State { return &edge{keys: keys, last: last} }
	return nil
}

// Add takes the value, and the keys of the order behind it.
func (e *edge) Add(args []table.Value) {
	if e.any && !e.before(args[1:]) {
		return
	}
	e.any, e.v, e.at = true, args[0], slices.Clone(args[1:])
}

func (e *edge) before(at []table.Value) bool {
	c := CompareKeys(e.keys, at, e.at)
	if e.last {
		return c >= 0
	}
	return c < 0
}

func (e *edge) Merge(other State, _ func()) {
	if o := other.(*edge); o.any {
		e.Add(append([]table.Value{o.v}, o.at...))
	}
}

func (e *edge) Result() table.Value { return e.v }
func (e *edge) SizeBytes() int      { return e.v.SizeBytes() + sizeOf(e.at) }

// collect gathers values, in an order if there is one.
type collect struct {
	a     *Aggregate
	rows  [][]table.Value
	bytes int
}

func makeCollect(a *Aggregate) error {
	a.Type = table.List | a.Args[0].Type
	if a.Name == "string_agg" {
		a.Type = table.String
	}
	a.grows, a.make = true, func() State { return &collect{a: a} }
	return nil
}

func (c *collect) Add(args []table.Value) {
	if c.a.Name == "string_agg" && args[0].Type == table.Null {
		return
	}
	c.rows = append(c.rows, slices.Clone(args))
	c.bytes += sizeOf(args) + 24
}

func (c *collect) Merge(other State, _ func()) {
	o := other.(*collect)
	c.rows, c.bytes = append(c.rows, o.rows...), c.bytes+o.bytes
}

func (c *collect) Result() table.Value {
	if len(c.rows) == 0 {
		return table.Value{}
	}
	n := len(c.a.Args)
	slices.SortStableFunc(c.rows, func(x, y []table.Value) int {
		return CompareKeys(c.a.OrderBy, x[n:], y[n:])
	})
	if c.a.Name != "string_agg" {
		v := table.Value{Type: c.a.Type}
		for _, r := range c.rows {
			v.List = append(v.List, r[0])
		}
		return v
	}
	var b strings.Builder
	for i, r := range c.rows {
		if i > 0 {
			b.WriteString(Text(&r[1]))
		}
		b.WriteString(Text(&r[0]))
	}
	return table.Text(limited(b.String()))
}

func (c *collect) SizeBytes() int { return c.bytes }

type logical struct {
	and bool
	v   table.Value
}

func makeLogical(a *Aggregate) error {
	and := a.Name != "bool_or"
	a.Type, a.make = table.Bool, func() State { return &logical{and: and} }
	return nil
}

func (l *logical) Add(args []table.Value) {
	v := args[0]
	if v.Type == table.Null {
		return
	}
	if l.v.Type == table.Null || (v.Int == 0) == l.and {
		l.v = v
	}
}

func (l *logical) Merge(other State, _ func()) { l.Add([]table.Value{other.(*logical).v}) }
func (l *logical) Result() table.Value         { return l.v }
func (l *logical) SizeBytes() int              { return 64 }

// makeApproxDistinct counts exactly: budgets bound what that takes.
func makeApproxDistinct(a *Aggregate) error {
	a.Distinct = true
	a.Type, a.make = table.Uint64, func() State { return &unsignedCount{} }
	return nil
}

type unsignedCount struct{ count }

func (c *unsignedCount) Merge(other State, _ func()) { c.n += other.(*unsignedCount).n }
func (c *unsignedCount) Result() table.Value {
	return table.Value{Type: table.Uint64, Int: c.n}
}

// quantile interpolates between the values around a part of them.
type quantile struct {
	a  *Aggregate
	at float64
	v  []float64
}

func makeQuantile(a *Aggregate) error {
	at := 0.5
	if len(a.Args) > 1 {
		if a.Args[1].Op != Const {
			return sql.Errorf(sql.StateInvalidValue, -1, "%s takes a constant from 0 to 1", a.Name)
		}
		at = Number(&a.Args[1].Value)
	} else if len(a.OrderBy) == 1 && a.Args[0].Op == Const { // WITHIN GROUP (ORDER BY x)
		at = Number(&a.Args[0].Value)
		a.Args, a.OrderBy = []*Expr{a.OrderBy[0].Expr}, nil
	}
	if at < 0 || at > 1 {
		return sql.Errorf(sql.StateInvalidValue, -1, "%s takes a constant from 0 to 1, not %g", a.Name, at)
	}
	a.Args = a.Args[:1]
	if err := needNumber(a); err != nil {
		return err
	}
	a.Type = table.Float64
	if a.Args[0].Type == table.Duration {
		a.Type = table.Duration
	}
	a.grows, a.make = true, func() State { return &quantile{a: a, at: at} }
	return nil
}

func (q *quantile) Add(args []table.Value) {
	if args[0].Type != table.Null {
		q.v = append(q.v, Number(&args[0]))
	}
}

func (q *quantile) Merge(other State, _ func()) { q.v = append(q.v, other.(*quantile).v...) }

func (q *quantile) Result() table.Value {
	if len(q.v) == 0 {
		return table.Value{}
	}
	slices.Sort(q.v)
	place := q.at * float64(len(q.v)-1)
	below := int(place)
	f := q.v[below]
	if below+1 < len(q.v) {
		f += (q.v[below+1] - f) * (place - float64(below))
	}
	if q.a.Type == table.Duration {
		return table.Value{Type: table.Duration, Int: int64(f)}
	}
	return table.Real(f)
}

func (q *quantile) SizeBytes() int { return 8*cap(q.v) + 48 }

// deviation keeps count, mean and the sum of squares around it.
type deviation struct {
	name    string
	n, m, s float64
}

func makeDeviation(a *Aggregate) error {
	if err := needNumber(a); err != nil {
		return err
	}
	name := a.Name
	a.Type, a.make = table.Float64, func() State { return &deviation{name: name} }
	return nil
}

func (d *deviation) Add(args []table.Value) {
	if args[0].Type == table.Null {
		return
	}
	x := Number(&args[0])
	d.n++
	delta := x - d.m
	d.m += delta / d.n
	d.s += delta * (x - d.m)
}

func (d *deviation) Merge(other State, _ func()) {
	o := other.(*deviation)
	n := d.n + o.n
	if n == 0 {
		return
	}
	delta := o.m - d.m
	d.s += o.s + delta*delta*d.n*o.n/n
	d.m += delta * o.n / n
	d.n = n
}

func (d *deviation) Result() table.Value {
	n := d.n - 1
	if strings.HasSuffix(d.name, "_pop") {
		n = d.n
	}
	if n <= 0 {
		return table.Value{}
	}
	f := d.s / n
	if strings.HasPrefix(d.name, "stddev") {
		f = math.Sqrt(f)
	}
	return table.Real(f)
}

func (d *deviation) SizeBytes() int { return 64 }

type bits struct {
	name string
	v    table.Value
}

func makeBits(a *Aggregate) error {
	if t := a.Args[0].Type; !t.Number() || t == table.Float64 {
		return sql.Errorf(sql.StateType, -1, "%s takes integers, not %s", a.Name, t)
	}
	name := a.Name
	a.Type, a.make = a.Args[0].Type, func() State { return &bits{name: name} }
	return nil
}

func (b *bits) Add(args []table.Value) {
	v := args[0]
	switch {
	case v.Type == table.Null:
	case b.v.Type == table.Null:
		b.v = v
	case b.name == "bit_and":
		b.v.Int &= v.Int
	case b.name == "bit_or":
		b.v.Int |= v.Int
	default:
		b.v.Int ^= v.Int
	}
}

func (b *bits) Merge(other State, _ func()) { b.Add([]table.Value{other.(*bits).v}) }
func (b *bits) Result() table.Value         { return b.v }
func (b *bits) SizeBytes() int              { return 64 }
