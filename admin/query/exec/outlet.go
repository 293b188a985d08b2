package exec

import "github.com/perdure/perdure/admin/query/expr"

// How many rows are kept before they are handed on, and how much memory they take.
const (
	outletRows  = 512
	outletBytes = 256 << 10
)

// outlet hands the rows of a query on without its turn: whoever takes them may wait for a client.
type outlet struct {
	turn  *Turn
	take  emit
	kept  slab
	rows  []expr.Row
	bytes int64
	ended bool // no more are wanted
}

func newOutlet(turn *Turn, memory *Memory, take emit) *outlet {
	o := &outlet{turn: turn, take: take, kept: slab{claim: claim{memory: memory}}}
	turn.idle = o.flush
	return o
}

func (o *outlet) add(row expr.Row) bool {
	if o.ended {
		return false
	}
	o.rows = append(o.rows, o.kept.copy(row))
	if o.bytes += sizeOf(row); len(o.rows) < outletRows && o.bytes < outletBytes {
		return true
	}
	if err := o.turn.resume(o.turn.Give()); err != nil {
		panic(failure{err})
	}
	return !o.ended
}

// flush hands on what there is; the turn must not be held.
func (o *outlet) flush() {
	rows := o.rows
	for i := 0; i < len(rows) && !o.ended; i++ {
		o.ended = !o.take(rows[i])
	}
	clear(rows)
	o.rows, o.bytes = rows[:0], 0
	o.kept.reuse()
}
