package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol/wire"
)

// PiecesVersion is that of what Partial hands on, and of the states of aggregates in it. Nodes that
// differ in it do not compute for each other.
const PiecesVersion = 1

// pieceBytes is about how long a piece is: single values may be longer.
const pieceBytes = 64 << 10

// partial is what becomes of the rows of a fragment, partition by partition.
type partial interface {
	row(row expr.Row) bool
	// piece appends some of what there is, and begins after that the next time; false: it was the last.
	piece(dst []byte, step func()) (_ []byte, more bool)
	// absorb adds a piece of what another node has found.
	absorb(b []byte, step func()) error
}

// delegation is what other nodes are asked to compute of the partitions that they have.
type delegation struct {
	to   table.Delegating
	work table.Work
	// refused: one could not, and none is asked any more.
	refused atomic.Bool
}

// delegate finds out whether other nodes can compute a node of the plan, which stands on a fragment;
// nil if not.
func (r *Runner) delegate(n plan.Node, f *fragment) *delegation {
	to, ok := f.scan.Source.(table.Delegating)
	if !ok || r.nested || r.cfg.Statement == nil {
		return nil
	}
	part, ok := plan.PartOf(n)
	if !ok {
		return nil
	}
	return &delegation{to: to, work: table.Work{Statement: r.cfg.Statement, Part: part.Sum}}
}

// elsewhere has another node compute its part of a partition, and adds that to what w has. It reports
// whether that was done; otherwise the rows have to be read.
func (r *Runner) elsewhere(ctx context.Context, d *delegation, partition uint16, w *worker) (
	done bool, err error,
) {
	if d == nil || d.refused.Load() {
		return false, nil
	}
	held := r.turn.Give()
	pieces, err := d.to.Delegate(ctx, partition, &d.work)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.Is(err, table.ErrCannot):
		d.refused.Store(true)
		return false, r.turn.resume(held)
	case err != nil:
		return false, err
	case pieces == nil:
		return false, r.turn.resume(held)
	}
	defer func() {
		if closed := pieces.Close(); err == nil {
			err = closed
		}
	}()
	for {
		piece, err := pieces.Next(w.claim)
		switch {
		case err == io.EOF:
			r.delegated.Add(1)
			return true, r.turn.resume(held)
		case err != nil && ctx.Err() != nil:
			return false, context.Cause(ctx)
		case err != nil:
			return false, err
		}
		if err := r.absorb(w, piece); err != nil {
			return false, err
		}
	}
}

// absorb adds a piece in the worker's turn.
func (r *Runner) absorb(w *worker, piece []byte) error {
	if err := r.turn.Take(); err != nil {
		return err
	}
	defer r.turn.Give()
	if err := w.partial.absorb(piece, r.turn.step); err != nil {
		return fmt.Errorf("read what another node has computed: %w", err)
	}
	return nil
}

// UnreadError says that a partition could not be opened: it may have become another node's.
type UnreadError struct{ Err error }

// Error says why.
func (e *UnreadError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *UnreadError) Unwrap() error { return e.Err }

// Partial computes a part of a plan for the rows that a source has of one partition, and hands what
// came of it to send, piece by piece, which must not keep them. Nothing is sent before all is computed.
func (r *Runner) Partial(p plan.Part, from table.Source, partition uint16, send func([]byte) error) (err error) {
	defer Caught(&err)
	defer r.turn.Give()
	w := &worker{flush: func() bool { return true }}
	var in plan.Node
	switch n := p.Node.(type) {
	case *plan.Aggregate:
		g := newGroups(n, r.cfg.Memory)
		defer g.release()
		w.partial, in = g, n.In
	case *plan.Sort:
		t := newTop(n, r.cfg.Memory)
		defer t.release()
		w.partial, w.bound, in = t, t.bound, n.In
	default:
		return table.ErrCannot
	}
	f := fragmentOf(in)
	scan := *f.scan
	scan.Source = opening{from}
	f.scan = &scan
	if q, ok := f.request(); ok {
		asked := false
		w.take = w.partial.row
		if err := r.readAll(r.ctx, f, q, w, func() (uint16, bool) {
			first := !asked
			asked = true
			return partition, first
		}); err != nil {
			return err
		}
	}
	buffer := claim{memory: r.cfg.Memory}
	defer buffer.release()
	var piece []byte
	for more := true; more; {
		if err := r.turn.Take(); err != nil {
			return err
		}
		before := cap(piece)
		piece, more = w.partial.piece(piece[:0], r.turn.step)
		buffer.take(int64(cap(piece) - before))
		r.turn.Give()
		if len(piece) == 0 {
			continue
		}
		if err := send(piece); err != nil {
			return err
		}
	}
	return nil
}

// opening tells the errors of a source that are about a partition from others.
type opening struct{ table.Source }

// Open implements table.Source.
func (o opening) Open(ctx context.Context, partition uint16, q *table.Scan) (table.Reader, error) {
	r, err := o.Source.Open(ctx, partition, q)
	if err != nil {
		return nil, &UnreadError{err}
	}
	return r, nil
}

// place is where the next piece of groups begins.
type place struct {
	group int
	parts []int // of the states of the group: where the next part of each begins; negative: there is none
}

// piece implements partial. A group whose states have several parts comes several times.
func (g *groups) piece(dst []byte, step func()) ([]byte, bool) {
	for g.at.group < len(g.list) {
		if len(dst) >= pieceBytes {
			return dst, true
		}
		step()
		var more bool
		if dst, more = g.appendGroup(dst, g.list[g.at.group]); !more {
			g.at.group++
			clear(g.at.parts)
		}
	}
	return dst, false
}

// appendGroup appends a group as field 1: its values, and then for each aggregate the next part of its
// state, nothing if there is none. It reports whether more parts are left.
func (g *groups) appendGroup(dst []byte, from *group) (_ []byte, more bool) {
	dst, mark := wire.Begin(dst, 1, 0)
	for i := range from.values {
		dst = table.AppendField(dst, 1, &from.values[i])
	}
	if g.at.parts == nil {
		g.at.parts = make([]int, len(from.states))
	}
	for i, s := range from.states {
		var inner wire.Mark
		dst, inner = wire.Begin(dst, 2, 0)
		if next := &g.at.parts[i]; *next >= 0 {
			if dst, *next = s.Append(dst, *next); *next > 0 {
				more = true
			} else {
				*next = -1
			}
		}
		dst = wire.End(dst, inner)
	}
	return wire.End(dst, mark), more
}

// absorb implements partial.
func (g *groups) absorb(b []byte, step func()) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		step()
		if d.Field() == 1 {
			d.Fail(g.absorbGroup(d.Bytes(), step))
		}
	}
	return d.Err()
}

func (g *groups) absorbGroup(b []byte, step func()) error {
	taken := int64(0)
	take := func(n int64) {
		g.take(n)
		taken += n
	}
	defer func() { g.give(taken) }()
	values, states := 0, 0
	var to *group
	d := wire.NewDecoder(b)
	for d.Next() {
		switch {
		case d.Field() == 1 && values < len(g.values) && to == nil:
			v, err := table.DecodeValue(d.Bytes(), take)
			d.Fail(err)
			if !v.Fits(g.n.Groups[values].Type) {
				return fmt.Errorf("a group has a %s, not a %s", v.Type, g.n.Groups[values].Type)
			}
			g.values[values] = v
			values++
		case d.Field() == 2 && values == len(g.values) && states < len(g.n.Aggs):
			if to == nil {
				to = g.known()
			}
			if err := g.absorbState(to, states, d.Bytes(), take, step); err != nil {
				return err
			}
			states++
		default:
			return fmt.Errorf("field %d stands where a group has none", d.Field())
		}
	}
	if err := d.Err(); err != nil {
		return err
	}
	if values != len(g.values) || states != len(g.n.Aggs) {
		return fmt.Errorf("a group has %d values and %d states, not %d and %d", values, states,
			len(g.values), len(g.n.Aggs))
	}
	if to == nil { // there are no aggregates
		g.known()
	}
	return nil
}

// known is the group of the values in g.values.
func (g *groups) known() *group {
	g.key = g.key[:0]
	for i := range g.values {
		g.key = expr.AppendKey(g.key, &g.values[i])
	}
	if found := g.byKey[string(g.key)]; found != nil {
		return found
	}
	return g.add(g.key)
}

func (g *groups) absorbState(to *group, at int, b []byte, take func(int64), step func()) error {
	if len(b) == 0 {
		return nil
	}
	a := g.n.Aggs[at]
	s, err := a.Load(b, take)
	if err != nil {
		return err
	}
	g.feed(a, to.states[at], func(of expr.State) { of.Merge(s, step) })
	return nil
}

// row implements partial.
func (t *top) row(row expr.Row) bool { return t.take(row) }

// piece implements partial: each row is a field 1, and its values are.
func (t *top) piece(dst []byte, step func()) ([]byte, bool) {
	for ; t.sent < len(t.list); t.sent++ {
		if len(dst) >= pieceBytes {
			return dst, true
		}
		step()
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 1, 0)
		row := t.list[t.sent].row
		for i := range row {
			dst = table.AppendField(dst, 1, &row[i])
		}
		dst = wire.End(dst, mark)
	}
	return dst, false
}

// absorb implements partial.
func (t *top) absorb(b []byte, step func()) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		step()
		if d.Field() == 1 {
			d.Fail(t.absorbRow(d.Bytes()))
		}
	}
	return d.Err()
}

func (t *top) absorbRow(b []byte) error {
	taken := int64(0)
	defer func() { t.claim.give(taken) }()
	if t.incoming == nil {
		t.incoming = make(expr.Row, len(t.fields))
	}
	n := 0
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() != 1 || n == len(t.fields) {
			return fmt.Errorf("field %d stands where a row has none", d.Field())
		}
		v, err := table.DecodeValue(d.Bytes(), func(bytes int64) {
			t.claim.take(bytes)
			taken += bytes
		})
		d.Fail(err)
		if !v.Fits(t.fields[n].Type) {
			return fmt.Errorf("value %d of a row is a %s, not a %s", n, v.Type, t.fields[n].Type)
		}
		t.incoming[n] = v
		n++
	}
	if err := d.Err(); err != nil {
		return err
	}
	if n != len(t.fields) {
		return fmt.Errorf("a row has %d values, not %d", n, len(t.fields))
	}
	t.take(t.incoming)
	return nil
}
