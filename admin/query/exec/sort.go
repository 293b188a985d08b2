package exec

import (
	"container/heap"
	"slices"
	"sync"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// sorted is a row with the values it is ordered by.
type sorted struct {
	keys []table.Value // the row itself if the ordering is plain
	row  expr.Row
}

// ordering orders rows.
type ordering struct {
	keys    []expr.SortKey
	plain   bool // all keys are columns, which are compared where they are
	scratch []table.Value
}

func newOrdering(keys []expr.SortKey) ordering {
	plain := !slices.ContainsFunc(keys, func(k expr.SortKey) bool { return k.Expr.Op != expr.Column })
	return ordering{keys: keys, plain: plain, scratch: make([]table.Value, len(keys))}
}

// keysOf are the values that a row is ordered by, valid until the next are asked for.
func (o *ordering) keysOf(row expr.Row) []table.Value {
	if o.plain {
		return row
	}
	for i := range o.keys {
		o.scratch[i] = o.keys[i].Expr.Eval(row)
	}
	return o.scratch
}

// sorted makes a row, which can be kept, one that can be ordered.
func (o *ordering) sorted(row expr.Row, kept *slab) sorted {
	if o.plain {
		return sorted{row, row}
	}
	return sorted{kept.copy(o.keysOf(row)), row}
}

// compare compares what keysOf gave, by the keys from first up to end.
func (o *ordering) compare(a, b []table.Value, first, end int) int {
	for i := first; i < end; i++ {
		at, k := i, &o.keys[i]
		if o.plain {
			at = k.Expr.Index
		}
		if c := k.Compare(&a[at], &b[at]); c != 0 {
			return c
		}
	}
	return 0
}

func (o *ordering) compareAll(a, b []table.Value) int { return o.compare(a, b, 0, len(o.keys)) }

// sort orders rows. If only the first ones are wanted, each goroutine that reads keeps its own.
func (r *Runner) sort(n *plan.Sort, out emit) error {
	if n.Limit == 0 {
		return nil
	}
	var list []sorted
	var err error
	order := newOrdering(n.Keys)
	if n.Limit > 0 && n.Limit <= maxTop {
		list, err = r.top(n)
	} else {
		kept := slab{claim: claim{memory: r.cfg.Memory}}
		defer kept.release()
		err = r.collect(n.In, &kept, func(row expr.Row) bool {
			list = append(list, order.sorted(row, &kept))
			return true
		})
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b sorted) int {
		r.turn.step()
		return order.compareAll(a.keys, b.keys)
	})
	for i := range list {
		r.turn.step()
		if n.Limit > 0 && i >= n.Limit || !out(list[i].row) {
			break
		}
	}
	return nil
}

// maxTop is up to how many rows the first ones are kept in a heap; more are all sorted.
const maxTop = 100_000

// top finds the first rows, in no order.
func (r *Runner) top(n *plan.Sort) ([]sorted, error) {
	all := newTop(n, r.cfg.Memory)
	f := fragmentOf(n.In)
	if f == nil {
		err := r.run(n.In, all.take)
		return all.list, err
	}
	f.others = r.delegate(n, f)
	var mu sync.Mutex
	err := r.each(f, func(turn *Turn) *worker {
		part := newTop(n, r.cfg.Memory)
		return &worker{
			take:    part.take,
			flush:   func() bool { return true },
			bound:   part.bound,
			partial: part,
			claim:   part.claim.take,
			done: func() error {
				return turn.inOrder(&mu, func() {
					for _, s := range part.list {
						turn.step()
						all.keep(s)
					}
					part.release()
				})
			},
		}
	})
	return all.list, err
}

// top is a heap of the first rows seen so far, the last of them on top.
type top struct {
	claim
	order  ordering
	limit  int
	list   []sorted
	column int             // of the table, that rows are ordered by first; -1: it is none
	worst  table.Condition // see bound
	// Rows of other nodes, and for them.
	fields   []plan.Field
	incoming expr.Row
	sent     int // up to which row of the list
}

func newTop(n *plan.Sort, m *Memory) *top {
	t := &top{
		claim: claim{memory: m}, order: newOrdering(n.Keys), limit: n.Limit, column: -1, fields: n.In.Fields(),
	}
	if t.order.plain && fragmentOf(n.In) != nil {
		t.column = columnOf(n.In, n.Keys[0].Expr.Index)
	}
	return t
}

func (t *top) Len() int { return len(t.list) }
func (t *top) Less(i, j int) bool {
	return t.order.compareAll(t.list[i].keys, t.list[j].keys) > 0
}
func (t *top) Swap(i, j int) { t.list[i], t.list[j] = t.list[j], t.list[i] }
func (t *top) Push(x any)    { t.list = append(t.list, x.(sorted)) }
func (t *top) Pop() any {
	last := t.list[len(t.list)-1]
	t.list = t.list[:len(t.list)-1]
	return last
}

func (t *top) take(row expr.Row) bool {
	keys := t.order.keysOf(row)
	if len(t.list) >= t.limit && t.order.compareAll(keys, t.list[0].keys) >= 0 {
		return true
	}
	row = slices.Clone(row)
	if t.order.plain {
		t.keep(sorted{row, row})
	} else {
		t.keep(sorted{slices.Clone(keys), row})
	}
	return true
}

// bound is what a row has to be to be among the first, once there are as many as are wanted: what comes
// after the last of them need not be read.
func (t *top) bound() *table.Condition {
	if t.column < 0 || len(t.list) < t.limit {
		return nil
	}
	key := &t.order.keys[0]
	last := t.list[0].keys[key.Expr.Index]
	switch last.Type {
	case table.Timestamp, table.Int64, table.Uint32, table.Uint64, table.String, table.Duration:
	default: // NULL, or what tables order otherwise
		return nil
	}
	t.worst = table.Condition{Column: t.column, Op: table.AtMost, Values: append(t.worst.Values[:0], last)}
	if key.Desc {
		t.worst.Op = table.AtLeast
	}
	return &t.worst
}

func (t *top) size(s sorted) int64 {
	if t.order.plain {
		return sizeOf(s.row)
	}
	return sizeOf(s.keys) + sizeOf(s.row)
}

func (t *top) keep(s sorted) {
	if len(t.list) < t.limit {
		t.claim.take(t.size(s))
		heap.Push(t, s)
		return
	}
	if t.order.compareAll(s.keys, t.list[0].keys) >= 0 {
		return
	}
	t.claim.take(max(0, t.size(s)-t.size(t.list[0])))
	t.list[0] = s
	heap.Fix(t, 0)
}
