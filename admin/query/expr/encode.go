package expr

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol/wire"
)

// States go from node to node: those of no rows are no bytes, and those that grow go in parts, so that
// nobody needs room for all of one. A part is a state of its own, of some of the rows.

// partBytes is about how long a part is.
const partBytes = 16 << 10

// maxRows is more rows than any state has seen.
const maxRows = 1 << 48

// Load makes a state of what State.Append has written for the same aggregate. take hears how much memory
// is wanted before it is used, and may panic.
func (a *Aggregate) Load(b []byte, take func(bytes int64)) (State, error) {
	s := a.New()
	if err := s.load(&loading{a, take}, b); err != nil {
		return nil, fmt.Errorf("read what %s of some rows is: %w", a.Name, err)
	}
	return s, nil
}

// loading is what a state is loaded with.
type loading struct {
	a    *Aggregate
	take func(bytes int64)
}

// rowTypes are those of what a row adds: the arguments, and then the keys of the order.
func (a *Aggregate) rowTypes() []table.Type {
	types := make([]table.Type, 0, len(a.Args)+len(a.OrderBy))
	for _, e := range a.Args {
		types = append(types, e.Type)
	}
	for i := range a.OrderBy {
		types = append(types, a.OrderBy[i].Expr.Type)
	}
	return types
}

// rows reads values that were appended as field 1, row after row.
func (l *loading) rows(b []byte, types []table.Type) (list []table.Value, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() != 1 {
			continue
		}
		v, err := table.DecodeValue(d.Bytes(), l.take)
		d.Fail(err)
		if len(types) == 0 || !v.Fits(types[len(list)%len(types)]) {
			return nil, fmt.Errorf("value %d is of type %s, which is not what it should be", len(list), v.Type)
		}
		l.take(int64(v.SizeBytes() - len(v.Str)))
		list = append(list, v)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	if len(types) > 0 && len(list)%len(types) != 0 {
		return nil, fmt.Errorf("%d values are no rows of %d", len(list), len(types))
	}
	return list, nil
}

// one reads a value, NULL if there is none.
func (l *loading) one(b []byte, t table.Type) (table.Value, error) {
	list, err := l.rows(b, []table.Type{t})
	switch {
	case err != nil || len(list) == 0:
		return table.Value{}, err
	case len(list) > 1:
		return table.Value{}, fmt.Errorf("there are %d values, not one", len(list))
	}
	return list[0], nil
}

func appendOne(dst []byte, v *table.Value) []byte {
	if v.Type == table.Null {
		return dst
	}
	return table.AppendField(dst, 1, v)
}

// Append implements State.
func (d *distinct) Append(dst []byte, from int) ([]byte, int) {
	for begin := len(dst); from < len(d.list); from++ {
		if len(dst)-begin >= partBytes && from%d.width == 0 {
			return dst, from
		}
		dst = table.AppendField(dst, 1, &d.list[from])
	}
	return dst, 0
}

func (d *distinct) load(l *loading, b []byte) error {
	list, err := l.rows(b, l.a.rowTypes())
	if err != nil {
		return err
	}
	for ; len(list) > 0; list = list[d.width:] {
		before := d.SizeBytes()
		d.Add(list[:d.width])
		l.take(int64(d.SizeBytes() - before))
	}
	return nil
}

// Append implements State.
func (c *count) Append(dst []byte, _ int) ([]byte, int) {
	return wire.AppendUvarint(dst, 1, uint64(c.n)), 0
}

func (c *count) load(_ *loading, b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			c.n = int64(d.Uint64())
		}
	}
	if c.n < 0 || c.n > maxRows {
		return fmt.Errorf("it has counted %d rows", c.n)
	}
	return d.Err()
}

// Append implements State.
func (s *sum) Append(dst []byte, _ int) ([]byte, int) {
	dst = wire.AppendUvarint(dst, 1, uint64(s.rows))
	dst = wire.AppendFixed64(dst, 2, uint64(s.n))
	return wire.AppendFixed64(dst, 3, math.Float64bits(s.f)), 0
}

func (s *sum) load(_ *loading, b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			s.rows = int64(d.Uint64())
		case 2:
			s.n = int64(d.Fixed64())
		case 3:
			s.f = math.Float64frombits(d.Fixed64())
		}
	}
	if s.rows < 0 || s.rows > maxRows {
		return fmt.Errorf("it has seen %d rows", s.rows)
	}
	s.any = s.rows > 0
	return d.Err()
}

// Append implements State.
func (e *extreme) Append(dst []byte, _ int) ([]byte, int) { return appendOne(dst, &e.v), 0 }

func (e *extreme) load(l *loading, b []byte) (err error) {
	e.v, err = l.one(b, l.a.Type)
	return err
}

// Append implements State.
func (e *edge) Append(dst []byte, _ int) ([]byte, int) {
	if !e.any {
		return dst, 0
	}
	dst = table.AppendField(dst, 1, &e.v)
	for i := range e.at {
		dst = table.AppendField(dst, 1, &e.at[i])
	}
	return dst, 0
}

func (e *edge) load(l *loading, b []byte) error {
	types := l.a.rowTypes()
	list, err := l.rows(b, types)
	switch {
	case err != nil || len(list) == 0:
		return err
	case len(list) > len(types):
		return fmt.Errorf("there are %d values, not %d", len(list), len(types))
	}
	e.any, e.v, e.at = true, list[0], list[1:]
	return nil
}

// Append implements State.
func (c *collect) Append(dst []byte, from int) ([]byte, int) {
	for begin := len(dst); from < len(c.rows); from++ {
		if len(dst)-begin >= partBytes {
			return dst, from
		}
		for i := range c.rows[from] {
			dst = table.AppendField(dst, 1, &c.rows[from][i])
		}
	}
	return dst, 0
}

func (c *collect) load(l *loading, b []byte) error {
	types := l.a.rowTypes()
	list, err := l.rows(b, types)
	if err != nil {
		return err
	}
	for width := len(types); len(list) > 0; list = list[width:] {
		row := list[:width:width]
		c.rows = append(c.rows, row)
		c.bytes += sizeOf(row) + 24
		l.take(24)
	}
	return nil
}

// Append implements State.
func (l *logical) Append(dst []byte, _ int) ([]byte, int) { return appendOne(dst, &l.v), 0 }

func (l *logical) load(from *loading, b []byte) (err error) {
	l.v, err = from.one(b, table.Bool)
	return err
}

// Append implements State.
func (q *quantile) Append(dst []byte, from int) ([]byte, int) {
	if from >= len(q.v) {
		return dst, 0
	}
	end := min(from+partBytes/8, len(q.v))
	dst, mark := wire.Begin(dst, 1, 8*(end-from))
	for _, f := range q.v[from:end] {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	}
	if dst = wire.End(dst, mark); end < len(q.v) {
		return dst, end
	}
	return dst, 0
}

func (q *quantile) load(l *loading, b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() != 1 {
			continue
		}
		raw := d.Bytes()
		if len(raw)%8 != 0 {
			return fmt.Errorf("%d bytes are no numbers of 8", len(raw))
		}
		l.take(int64(2 * len(raw))) // a list that grows is copied
		for ; len(raw) > 0; raw = raw[8:] {
			q.v = append(q.v, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	}
	return d.Err()
}

// Append implements State.
func (d *deviation) Append(dst []byte, _ int) ([]byte, int) {
	dst = wire.AppendFixed64(dst, 1, math.Float64bits(d.n))
	dst = wire.AppendFixed64(dst, 2, math.Float64bits(d.m))
	return wire.AppendFixed64(dst, 3, math.Float64bits(d.s)), 0
}

func (d *deviation) load(_ *loading, b []byte) error {
	r := wire.NewDecoder(b)
	for r.Next() {
		switch r.Field() {
		case 1:
			d.n = math.Float64frombits(r.Fixed64())
		case 2:
			d.m = math.Float64frombits(r.Fixed64())
		case 3:
			d.s = math.Float64frombits(r.Fixed64())
		}
	}
	if !(d.n >= 0 && d.n <= maxRows) {
		return fmt.Errorf("it has seen %g rows", d.n)
	}
	return r.Err()
}

// Append implements State.
func (b *bits) Append(dst []byte, _ int) ([]byte, int) { return appendOne(dst, &b.v), 0 }

func (b *bits) load(l *loading, from []byte) (err error) {
	b.v, err = l.one(from, l.a.Type)
	return err
}
