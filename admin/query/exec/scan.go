package exec

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// fragment is a scan with what is done to its rows one by one.
type fragment struct {
	scan  *plan.Scan
	steps []step // outermost first
	// others compute for the partitions that they have; nil: they do not.
	others *delegation
}

// fragmentOf finds a fragment at a node; nil if there is none.
func fragmentOf(n plan.Node) *fragment {
	f := &fragment{}
	for {
		if s, ok := n.(*plan.Scan); ok {
			f.scan = s
			if s.Filter != nil {
				f.steps = append(f.steps, filterStep(s.Filter))
			}
			return f
		}
		s := stepOf(n)
		if s == nil {
			return nil
		}
		f.steps = append(f.steps, s)
		n = n.Inputs()[0]
	}
}

// columnOf is the column of a table that a column of a fragment's rows is, -1 if it is none.
func columnOf(n plan.Node, at int) int {
	for {
		switch from := n.(type) {
		case *plan.Scan:
			return from.Columns[at]
		case *plan.Filter:
		case *plan.Project:
			e := from.Exprs[at]
			if e.Op != expr.Column {
				return -1
			}
			at = e.Index
		default:
			return -1
		}
		n = n.Inputs()[0]
	}
}

// pipe makes what takes the rows of the scan, for one goroutine.
func (f *fragment) pipe(out emit) emit {
	for _, s := range f.steps {
		out = s(out)
	}
	return out
}

// request is what the tables are asked for; ok is false if no row can meet the conditions.
func (f *fragment) request() (q *table.Scan, ok bool) {
	s := f.scan
	q = &table.Scan{Table: s.Table, Columns: s.Columns, Limit: s.Limit}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		found := table.Condition{Column: c.Column, Op: c.Op}
		want := s.Table.Columns[c.Column].Type
		if c.Sub != nil {
			for _, v := range c.Sub.Sub.Values() {
				if v.Type == want {
					found.Values = append(found.Values, v)
				}
			}
		}
		for _, e := range c.Values {
			if v := e.Eval(nil); v.Type == want {
				found.Values = append(found.Values, v)
			}
		}
		switch c.Op {
		case table.In:
			if len(found.Values) == 0 {
				return nil, false // equal to nothing, or to NULL
			}
		case table.AtLeast, table.AtMost, table.HasPrefix:
			if len(found.Values) == 0 {
				return nil, false
			}
		}
		q.Conditions = append(q.Conditions, found)
	}
	return q, true
}

// worker takes the rows of some partitions.
type worker struct {
	take emit
	// flush is called after each batch, without the turn; false: no more rows are wanted.
	flush func() bool
	// done is called when there are no more, without the turn; nil: there is nothing to do.
	done func() error
	// bound is what rows have to meet from now on, see table.Batch; nil: nothing.
	bound func() *table.Condition
	// partial takes what others have computed, and claim the memory for that, if they are asked to.
	partial partial
	claim   func(bytes int64)
}

// each reads all partitions of a fragment; make gives each goroutine that reads
// a worker, and has the turn of it.
func (r *Runner) each(f *fragment, make func(*Turn) *worker) error {
	q, ok := f.request()
	if !ok {
		return nil
	}
	partitions := f.scan.Source.Partitions(q)
	n := min(r.cfg.Parallel, len(partitions))
	if r.nested || n <= 1 {
		return r.readAll(r.ctx, f, q, make(r.turn), func() (uint16, bool) {
			if len(partitions) == 0 {
				return 0, false
			}
			p := partitions[0]
			partitions = partitions[1:]
			return p, true
		})
	}
	held := r.turn.Give()
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	var next atomic.Int32
	var group sync.WaitGroup
	var first atomic.Pointer[error]
	for range n {
		inner := *r
		inner.turn = r.turn.Beside(ctx)
		w := make(inner.turn)
		group.Go(func() {
			if err := inner.readSome(ctx, f, q, w, func() (uint16, bool) {
				at := int(next.Add(1)) - 1
				if at >= len(partitions) {
					return 0, false
				}
				return partitions[at], true
			}); err != nil {
				first.CompareAndSwap(nil, &err)
				cancel(err)
			}
		})
	}
	group.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return r.turn.resume(held)
}

// readSome is readAll in a goroutine of its own.
func (r *Runner) readSome(ctx context.Context, f *fragment, q *table.Scan, w *worker,
	next func() (uint16, bool),
) (err error) {
	defer Caught(&err)
	defer r.turn.Give()
	return r.readAll(ctx, f, q, w, next)
}

// readAll reads partitions one after the other.
func (r *Runner) readAll(ctx context.Context, f *fragment, q *table.Scan, w *worker,
	next func() (uint16, bool),
) error {
	take, batch := f.pipe(w.take), table.NewBatch(q)
	batch.Begin(f.scan.Few)
	row := make(expr.Row, len(q.Columns))
	flush := w.flush
	if w.bound != nil {
		flush = func() bool {
			batch.Bound = w.bound()
			return w.flush()
		}
	}
	for p, ok := next(); ok; p, ok = next() {
		if done, err := r.elsewhere(ctx, f.others, p, w); err != nil {
			return err
		} else if done {
			continue
		}
		more, err := r.read(ctx, f.scan.Source, p, q, batch, func() bool {
			for i := range batch.Rows {
				valuesOf(batch, i, row)
				if !take(row) {
					return false
				}
			}
			return true
		}, flush)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if w.done == nil {
		return nil
	}
	held := r.turn.Give()
	if err := w.done(); err != nil {
		return err
	}
	return r.turn.resume(held)
}

// read reads one partition. Between batches it lets others have its turn.
func (r *Runner) read(ctx context.Context, from table.Source, partition uint16, q *table.Scan,
	batch *table.Batch, take, flush func() bool,
) (more bool, err error) {
	held := r.turn.Give()
	reader, err := from.Open(ctx, partition, q) // another node may have to be found
	if err != nil {
		return false, err
	}
	defer func() {
		if closed := reader.Close(); err == nil {
			err = closed
		}
	}()
	for {
		ok, wanted, err := r.slice(ctx, reader, batch, take)
		if err != nil || !ok {
			if err == nil {
				err = r.turn.resume(held)
			}
			return wanted, err
		}
		if !flush() || !wanted {
			return false, r.turn.resume(held)
		}
		runtime.Gosched()
	}
}

// slice reads and takes one batch, and has the turn meanwhile.
func (r *Runner) slice(ctx context.Context, reader table.Reader, batch *table.Batch, take func() bool,
) (ok, wanted bool, err error) {
	if _, distant := reader.(table.Distant); distant {
		if ok, err = r.next(ctx, reader, batch); err != nil || !ok {
			return false, true, err
		}
	}
	if err := r.turn.Take(); err != nil {
		return false, false, err
	}
	defer r.turn.Give()
	if !ok {
		if ok, err = r.next(ctx, reader, batch); err != nil || !ok {
			return false, true, err
		}
	}
	wanted = take()
	r.turn.Fit(batch)
	return true, wanted, nil
}

func (r *Runner) next(ctx context.Context, reader table.Reader, batch *table.Batch) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	ok, err := reader.Next(batch)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return ok, err
}

// collect hands rows to out that may be kept. kept has them, or at least the memory they take.
func (r *Runner) collect(n plan.Node, kept *slab, out emit) error {
	if f := fragmentOf(n); f != nil {
		return r.stream(f, kept, out)
	}
	return r.run(n, func(row expr.Row) bool { return out(kept.copy(row)) })
}

// stream hands the rows of all partitions to out, in the goroutine that runs the query. If kept is not nil
// they may be kept, see collect.
func (r *Runner) stream(f *fragment, kept *slab, out emit) error {
	q, ok := f.request()
	if !ok {
		return nil
	}
	if r.nested || r.cfg.Parallel <= 1 || len(f.scan.Source.Partitions(q)) <= 1 {
		if take := out; kept != nil {
			out = func(row expr.Row) bool { return take(kept.copy(row)) }
		}
		return r.inline(f, out)
	}
	held := r.turn.Give()
	ctx, cancel := context.WithCancelCause(r.ctx)
	inner := *r
	inner.ctx, inner.turn = ctx, r.turn.Beside(ctx)
	chunks := make(chan chunk, r.cfg.Parallel)
	defer func() { // nothing may look at the tables once the query has ended
		cancel(nil)
		for range chunks {
			continue
		}
	}()
	var failed error
	go func() {
		defer close(chunks)
		failed = inner.each(f, func(*Turn) *worker { return streamer(ctx, r.cfg.Memory, chunks) })
	}()
	stopped := false
	for c := range chunks {
		if !stopped && r.turn.Take() != nil {
			stopped = true
		}
		for i := 0; i < len(c.rows) && !stopped; i++ {
			if kept != nil {
				kept.take(sizeOf(c.rows[i]))
			}
			if !out(c.rows[i]) {
				stopped = true
				cancel(errStopped)
			}
			r.turn.step()
		}
		c.claim.release()
		r.turn.Give()
	}
	switch {
	case r.ctx.Err() != nil: // a goroutine could not send its rows, or this one had no turn
		return r.cause()
	case stopped || failed == nil:
		return r.turn.resume(held)
	}
	return failed
}

// inline reads without goroutines. What takes the rows may read other tables, so that they are copied
// and handed on after each batch.
func (r *Runner) inline(f *fragment, out emit) error {
	kept := slab{claim: claim{memory: r.cfg.Memory}}
	var rows []expr.Row
	return r.each(f, func(*Turn) *worker {
		return &worker{
			take: func(row expr.Row) bool { rows = append(rows, kept.copy(row)); return true },
			flush: func() bool {
				more := true
				if err := r.turn.Take(); err != nil {
					panic(failure{err})
				}
				defer r.turn.Give()
				for i := 0; i < len(rows) && more; i++ {
					more = out(rows[i])
					r.turn.step()
				}
				rows = rows[:0]
				kept.reuse()
				return more
			},
		}
	})
}

// chunk is some rows on their way, with the memory they take.
type chunk struct {
	rows  []expr.Row
	claim claim
}

// errStopped ends scans whose rows are no longer wanted.
var errStopped = context.Canceled

// streamer collects rows and sends them on after each batch.
func streamer(ctx context.Context, m *Memory, to chan<- chunk) *worker {
	kept := slab{claim: claim{memory: m}}
	var rows []expr.Row
	return &worker{
		take: func(row expr.Row) bool { rows = append(rows, kept.copy(row)); return true },
		flush: func() bool {
			if len(rows) == 0 {
				return true
			}
			select {
			case to <- chunk{rows, kept.claim}:
				kept.cut()
				rows = nil
				return true
			case <-ctx.Done():
				kept.release()
				return false
			}
		},
	}
}
