package source

import (
	"context"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/store"
)

// column is one column of a table whose rows are read as T.
type column[T any] struct {
	name string
	typ  table.Type
	// needs are the parts of a status that put looks at, where rows are invocations.
	needs store.StatusFields
	put   func(*table.Vector, *T)
}

// rows reads rows one after the other.
type rows[T any] interface {
	Next(*T) (bool, error)
	Close() error
}

// partitioned is a table that has rows in every partition.
type partitioned[T any] struct {
	table   *table.Table
	columns []column[T]
	narrow  func(*Source, *table.Table, *table.Scan) []uint16
	read    func(*opening) (rows[T], error)
}

// opening is a scan of one partition that is being opened.
type opening struct {
	source *Source
	view   View
	scan   *table.Scan
	needs  store.StatusFields
}

func newPartitioned[T any](name string, columns []column[T],
	narrow func(*Source, *table.Table, *table.Scan) []uint16, read func(*opening) (rows[T], error),
) *partitioned[T] {
	return &partitioned[T]{
		table: describe(name, columns, true), columns: columns, narrow: narrow, read: read,
	}
}

func describe[T any](name string, columns []column[T], partitioned bool) *table.Table {
	t := &table.Table{Name: name, Partitioned: partitioned}
	for _, c := range columns {
		t.Columns = append(t.Columns, table.Column{Name: c.name, Type: c.typ})
	}
	return t
}

func (p *partitioned[T]) describe() *table.Table { return p.table }

func (p *partitioned[T]) partitions(s *Source, q *table.Scan) []uint16 {
	if p.narrow != nil {
		if list := p.narrow(s, p.table, q); list != nil {
			return list
		}
	}
	return s.all()
}

func (p *partitioned[T]) open(ctx context.Context, s *Source, partition uint16, q *table.Scan) (
	table.Reader, error,
) {
	view, err := s.cfg.Partitions.View(partitionID(partition))
	if err != nil {
		return nil, err
	}
	o := &opening{source: s, view: view, scan: q}
	for _, c := range q.Columns {
		o.needs |= p.columns[c].needs
	}
	for i := range q.Conditions {
		o.needs |= p.columns[q.Conditions[i].Column].needs
	}
	from, err := p.read(o)
	if err != nil {
		view.Rows.Close()
		return nil, err
	}
	r := newReader(ctx, p.columns, q, from)
	r.view = view
	return r, nil
}

// reader makes batches of the rows that meet a scan's conditions.
type reader[T any] struct {
	ctx     context.Context
	columns []column[T]
	scan    *table.Scan
	from    rows[T]
	view    View
	row     T
	tests   []test[T]
	bound   test[T] // of the batch; its condition may be nil
	left    int     // rows that are still wanted; negative: no limit
	done    bool
}

// test is one condition with room for the value it looks at.
type test[T any] struct {
	condition *table.Condition
	set       map[string]bool // the strings of a long list
	put       func(*table.Vector, *T)
	vector    table.Vector
}

// longList is from how many values on a list of strings is looked up instead of walked.
const longList = 8

func newReader[T any](ctx context.Context, columns []column[T], q *table.Scan, from rows[T],
) *reader[T] {
	r := &reader[T]{ctx: ctx, columns: columns, scan: q, from: from, left: -1}
	if q.Limit > 0 {
		r.left = q.Limit
	}
	for i := range q.Conditions {
		c := &q.Conditions[i]
		t := test[T]{condition: c, put: columns[c.Column].put}
		t.vector.Type = columns[c.Column].typ
		if t.vector.Type == table.String && len(c.Values) >= longList {
			t.set = make(map[string]bool, len(c.Values))
			for _, v := range c.Values {
				t.set[v.Str] = true
			}
		}
		r.tests = append(r.tests, t)
	}
	return r
}

const (
	// looksBetweenRows is after how many rows the reader looks whether it is still wanted.
	looksBetweenRows = 512
	// minLooks is how many rows the reader looks at at least before it lets others have a turn; if the
	// batch has room for more, as many as that.
	minLooks = 64
)

// Next implements table.Reader.
func (r *reader[T]) Next(b *table.Batch) (bool, error) {
	b.Reset()
	if r.bound.condition = b.Bound; b.Bound != nil {
		r.bound.put, r.bound.vector.Type = r.columns[b.Bound.Column].put, r.columns[b.Bound.Column].typ
	}
	for seen := 0; !r.done && r.left != 0 && b.Rows < b.Cap() && seen < max(b.Cap(), minLooks); seen++ {
		if seen%looksBetweenRows == 0 && r.ctx.Err() != nil {
			return false, context.Cause(r.ctx)
		}
		ok, err := r.from.Next(&r.row)
		if err != nil {
			return false, err
		}
		if !ok {
			r.done = true
			break
		}
		if !r.wanted() {
			continue
		}
		for i, c := range r.scan.Columns {
			r.columns[c].put(&b.Columns[i], &r.row)
		}
		b.Rows++
		r.left--
	}
	return b.Rows > 0 || !r.done && r.left != 0, nil
}

func (r *reader[T]) wanted() bool {
	for i := range r.tests {
		t := &r.tests[i]
		t.vector.Reset()
		t.put(&t.vector, &r.row)
		if !t.holds() {
			return false
		}
	}
	if t := &r.bound; t.condition != nil {
		t.vector.Reset()
		t.put(&t.vector, &r.row)
		return t.vector.Null[0] || t.holds()
	}
	return true
}

// Close implements table.Reader.
func (r *reader[T]) Close() error {
	err := r.from.Close()
	if r.view.Rows != nil {
		if closed := r.view.Rows.Close(); err == nil {
			err = closed
		}
		r.view.Rows = nil
	}
	return err
}

// holds reports whether the value in the vector meets the condition. What it cannot tell it lets
// pass: conditions are hints, and the query looks at every row again.
func (t *test[T]) holds() bool {
	c, v := t.condition, &t.vector
	switch c.Op {
	case table.IsNull:
		return v.Null[0]
	case table.IsNotNull:
		return !v.Null[0]
	}
	if v.Null[0] {
		return false
	}
	switch c.Op {
	case table.In:
		return t.among()
	case table.NotIn:
		return !t.among()
	case table.AtLeast:
		return compare(v, &c.Values[0]) >= 0
	case table.AtMost:
		return compare(v, &c.Values[0]) <= 0
	case table.HasPrefix:
		p := c.Values[0].Str
		return len(v.Str[0]) >= len(p) && v.Str[0][:len(p)] == p
	}
	return true
}

func (t *test[T]) among() bool {
	if t.set != nil {
		return t.set[t.vector.Str[0]]
	}
	for i := range t.condition.Values {
		if compare(&t.vector, &t.condition.Values[i]) == 0 {
			return true
		}
	}
	return false
}

// compare orders a vector's only value and a value of the same type.
func compare(v *table.Vector, x *table.Value) int {
	switch v.Type {
	case table.String, table.Binary:
		return order(v.Str[0], x.Str)
	case table.Uint64:
		return order(uint64(v.Int[0]), uint64(x.Int))
	case table.ListString, table.ListUint32:
		return 0
	}
	return order(v.Int[0], x.Int)
}

func order[T int64 | uint64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
