package exec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Config is what a run may use.
type Config struct {
	// Parallel is how many partitions are read at a time.
	Parallel int
	// Pace has the turns that are taken while rows are read and computed.
	Pace   *Pace
	Memory *Memory
	// Statement is what other nodes have to know to prepare the statement, see table.Work; nil: they are
	// not asked to.
	Statement []byte
}

// Runner runs the plans of one query.
type Runner struct {
	ctx    context.Context
	cfg    Config
	turn   *Turn // of the goroutine that runs the query
	nested bool  // inside another plan's expression: in any goroutine, which has its turn
	// delegated is how many partitions others have computed; shared by all goroutines of the query.
	delegated *atomic.Int64
}

// New makes a runner. It stops when ctx ends, with the context's cause.
func New(ctx context.Context, cfg Config) *Runner {
	return &Runner{ctx: ctx, cfg: cfg, turn: cfg.Pace.Turn(ctx), delegated: new(atomic.Int64)}
}

// Delegated is how many times other nodes have computed a part of the plan for a partition.
func (r *Runner) Delegated() int { return int(r.delegated.Load()) }

// cause is why the query has to stop.
func (r *Runner) cause() error { return context.Cause(r.ctx) }

// emit takes a row, which is valid during the call; false: no more are wanted.
type emit = func(expr.Row) bool

// Run hands the rows of a plan to take, which must not keep them, until it returns false.
func (r *Runner) Run(n plan.Node, take func(expr.Row) bool) (err error) {
	defer Caught(&err)
	out := newOutlet(r.turn, r.cfg.Memory, take)
	defer func() {
		r.turn.idle = nil
		r.turn.Give()
	}()
	if err := r.turn.Take(); err != nil {
		return err
	}
	if err := r.run(n, out.add); err != nil {
		return err
	}
	r.turn.Give()
	out.flush() // of a query that gave its turn back before
	return nil
}

// Subquery gives the rows of a plan that stands in an expression.
func (r *Runner) Subquery(n any, limit int) (rows []expr.Row) {
	inner := *r
	inner.nested = true
	inner.turn = r.turn.Within(r.ctx)
	kept := slab{claim: claim{memory: r.cfg.Memory}}
	err := inner.run(n.(plan.Node), func(row expr.Row) bool {
		rows = append(rows, kept.copy(row))
		return limit == 0 || len(rows) < limit
	})
	if err != nil {
		panic(failure{err})
	}
	return rows
}

// failure carries an error out of an expression.
type failure struct{ err error }

// Caught turns what expressions panic with into an error; it is to be deferred.
func Caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case *sql.Error:
		*err = r
	case failure:
		*err = r.err
	case runtime.Error:
		*err = &PanicError{fmt.Sprint(r)}
	default:
		panic(r)
	}
}

// PanicError is a mistake in the engine. It ends the query and not the server.
type PanicError struct{ what string }

// Error says what happened.
func (e *PanicError) Error() string { return "the query made the engine fail: " + e.what }

// run runs any node.
func (r *Runner) run(n plan.Node, out emit) error {
	switch n := n.(type) {
	case *plan.Rows:
		return r.rows(n, out)
	case *plan.Aggregate:
		return r.aggregate(n, out)
	case *plan.Sort:
		return r.sort(n, out)
	case *plan.Limit:
		return r.limit(n, out)
	case *plan.Distinct:
		return r.distinct(n, out)
	case *plan.Join:
		return r.join(n, out)
	case *plan.SetOp:
		return r.setOp(n, out)
	case *plan.Window:
		return r.window(n, out)
	}
	if f := fragmentOf(n); f != nil {
		return r.stream(f, nil, out)
	}
	if step := stepOf(n); step != nil {
		return r.run(n.Inputs()[0], step(out))
	}
	return errors.New("the plan has a node that cannot be run")
}

// rows computes rows that are written in the query.
func (r *Runner) rows(n *plan.Rows, out emit) error {
	row := make(expr.Row, len(n.Names))
	for _, list := range n.Values {
		for i, e := range list {
			row[i] = e.Eval(nil)
		}
		if !out(row) {
			break
		}
	}
	return nil
}

// step makes of what takes rows that come out something that takes rows that go in.
type step func(out emit) emit

// stepOf is what a node does with single rows; nil if it is more than that.
func stepOf(n plan.Node) step {
	switch n := n.(type) {
	case *plan.Filter:
		return filterStep(n.Cond)
	case *plan.Project:
		return func(out emit) emit {
			row := make(expr.Row, len(n.Exprs))
			return func(in expr.Row) bool {
				for i, e := range n.Exprs {
					row[i] = e.Eval(in)
				}
				return out(row)
			}
		}
	case *plan.Unnest:
		return func(out emit) emit {
			return func(in expr.Row) bool {
				last := len(in) - 1
				list := in[last].List
				for i := range list {
					if in[last] = list[i]; !out(in) {
						return false
					}
				}
				return true
			}
		}
	}
	return nil
}

func filterStep(cond *expr.Expr) step {
	return func(out emit) emit {
		return func(in expr.Row) bool { return !cond.True(in) || out(in) }
	}
}

// limit leaves out the first rows, and stops after some.
func (r *Runner) limit(n *plan.Limit, out emit) error {
	skip, left := n.Offset, n.Limit
	if left == 0 {
		return nil
	}
	return r.run(n.In, func(row expr.Row) bool {
		if skip > 0 {
			skip--
			return true
		}
		if !out(row) {
			return false
		}
		left--
		return left != 0 // negative: no limit
	})
}

// distinct lets the first of equal rows pass.
func (r *Runner) distinct(n *plan.Distinct, out emit) error {
	seen := newKeySet(r.cfg.Memory)
	defer seen.release()
	return r.run(n.In, func(row expr.Row) bool {
		return !seen.add(row, n.On) || out(row)
	})
}

// keySet has the keys of rows.
type keySet struct {
	claim
	counts map[string]int
	buffer []byte
}

func newKeySet(m *Memory) *keySet {
	return &keySet{claim: claim{memory: m}, counts: map[string]int{}}
}

func (s *keySet) key(row expr.Row, on []*expr.Expr) []byte {
	s.buffer = s.buffer[:0]
	if on == nil {
		for i := range row {
			s.buffer = expr.AppendKey(s.buffer, &row[i])
		}
		return s.buffer
	}
	for _, e := range on {
		v := e.Eval(row)
		s.buffer = expr.AppendKey(s.buffer, &v)
	}
	return s.buffer
}

// add counts a row, and reports whether it is the first of its key.
func (s *keySet) add(row expr.Row, on []*expr.Expr) bool {
	key := s.key(row, on)
	if n, known := s.counts[string(key)]; known {
		s.counts[string(key)] = n + 1
		return false
	}
	s.take(int64(len(key)) + mapEntryBytes)
	s.counts[string(key)] = 1
	return true
}

// mapEntryBytes is about what an entry of a map takes beside the bytes of its key.
const mapEntryBytes = 64

// setOp combines two sets of rows.
func (r *Runner) setOp(n *plan.SetOp, out emit) error {
	if n.Op == "union" {
		return r.union(n, out)
	}
	other := newKeySet(r.cfg.Memory)
	defer other.release()
	if err := r.run(n.Right, func(row expr.Row) bool { other.add(row, nil); return true }); err != nil {
		return err
	}
	seen := newKeySet(r.cfg.Memory)
	defer seen.release()
	return r.run(n.Left, func(row expr.Row) bool {
		key := other.key(row, nil)
		count := other.counts[string(key)]
		pass := (count > 0) == (n.Op == "intersect")
		if n.All && count > 0 {
			other.counts[string(key)] = count - 1
		}
		if !pass || !n.All && !seen.add(row, nil) {
			return true
		}
		return out(row)
	})
}

func (r *Runner) union(n *plan.SetOp, out emit) error {
	more := true
	take := func(row expr.Row) bool {
		more = out(row)
		return more
	}
	if !n.All {
		seen := newKeySet(r.cfg.Memory)
		defer seen.release()
		all := take
		take = func(row expr.Row) bool { return !seen.add(row, nil) || all(row) }
	}
	if err := r.run(n.Left, take); err != nil || !more {
		return err
	}
	return r.run(n.Right, take)
}

// valuesOf are the rows of a batch's columns, one after the other in one row.
func valuesOf(b *table.Batch, at int, row expr.Row) {
	for i := range b.Columns {
		row[i] = b.Columns[i].Value(at)
	}
}
