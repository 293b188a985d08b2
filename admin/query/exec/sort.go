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
	keys []table.Value
	row  expr.Row
}

// sort orders rows. If only the first ones are wanted, each goroutine that reads keeps its own.
func (r *Runner) sort(n *plan.Sort, out emit) error {
	if n.Limit == 0 {
		return nil
	}
	var list []sorted
	var err error
	if n.Limit > 0 && n.Limit <= maxTop {
		list, err = r.top(n)
	} else {
		kept := slab{claim: claim{memory: r.cfg.Memory}}
		defer kept.release()
		keys := make([]table.Value, len(n.Keys))
		err = r.run(n.In, func(row expr.Row) bool {
			list = append(list, sorted{kept.copy(evalKeys(n.Keys, row, keys)), kept.copy(row)})
			return true
		})
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b sorted) int {
		r.turn.step()
		return expr.CompareKeys(n.Keys, a.keys, b.keys)
	})
	for i := range list {
		r.turn.step()
		if n.Limit > 0 && i >= n.Limit || !out(list[i].row) {
			break
		}
	}
	return nil
}

func evalKeys(keys []expr.SortKey, row expr.Row, into []table.Value) []table.Value {
	for i := range keys {
		into[i] = keys[i].Expr.Eval(row)
	}
	return into
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
	var mu sync.Mutex
	err := r.each(f, func(turn *Turn) *worker {
		part := newTop(n, r.cfg.Memory)
		return &worker{
			take:  part.take,
			flush: func() bool { return true },
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
	n    *plan.Sort
	list []sorted
	keys []table.Value
}

func newTop(n *plan.Sort, m *Memory) *top {
	return &top{claim: claim{memory: m}, n: n, keys: make([]table.Value, len(n.Keys))}
}

func (t *top) Len() int { return len(t.list) }
func (t *top) Less(i, j int) bool {
	return expr.CompareKeys(t.n.Keys, t.list[i].keys, t.list[j].keys) > 0
}
func (t *top) Swap(i, j int) { t.list[i], t.list[j] = t.list[j], t.list[i] }
func (t *top) Push(x any)    { t.list = append(t.list, x.(sorted)) }
func (t *top) Pop() any {
	last := t.list[len(t.list)-1]
	t.list = t.list[:len(t.list)-1]
	return last
}

func (t *top) take(row expr.Row) bool {
	keys := evalKeys(t.n.Keys, row, t.keys)
	if len(t.list) >= t.n.Limit && expr.CompareKeys(t.n.Keys, keys, t.list[0].keys) >= 0 {
		return true
	}
	t.keep(sorted{slices.Clone(keys), slices.Clone(row)})
	return true
}

func (t *top) keep(s sorted) {
	if len(t.list) < t.n.Limit {
		t.claim.take(sizeOf(s.keys) + sizeOf(s.row))
		heap.Push(t, s)
		return
	}
	if expr.CompareKeys(t.n.Keys, s.keys, t.list[0].keys) >= 0 {
		return
	}
	t.claim.take(max(0, sizeOf(s.keys)+sizeOf(s.row)-sizeOf(t.list[0].keys)-sizeOf(t.list[0].row)))
	t.list[0] = s
	heap.Fix(t, 0)
}
