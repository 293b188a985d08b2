package exec

import (
	"slices"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// window computes window functions: all rows stand in memory.
func (r *Runner) window(n *plan.Window, out emit) error {
	kept := slab{claim: claim{memory: r.cfg.Memory}}
	defer kept.release()
	width := len(n.In.Fields())
	wide := make(expr.Row, width+len(n.Calls))
	var rows []expr.Row
	err := r.run(n.In, func(row expr.Row) bool {
		copy(wide, row)
		rows = append(rows, kept.copy(wide))
		return true
	})
	if err != nil {
		return err
	}
	for i, c := range n.Calls {
		w := &windower{r: r, c: c, at: width + i, kept: &kept}
		w.all(rows)
	}
	for _, row := range rows {
		r.turn.step()
		if !out(row) {
			break
		}
	}
	return nil
}

// windower computes one function for all rows.
type windower struct {
	r    *Runner
	c    *plan.WindowCall
	at   int // where the value goes
	kept *slab

	order ordering // by what makes partitions, then within them
	part  []sorted // the rows of one partition, in order
	peer  []int    // for each of them, the first row that is equal to it in order
}

func (w *windower) all(rows []expr.Row) {
	keys := make([]expr.SortKey, 0, len(w.c.PartitionBy)+len(w.c.OrderBy))
	for _, e := range w.c.PartitionBy {
		keys = append(keys, expr.SortKey{Expr: e})
	}
	keys = append(keys, w.c.OrderBy...)
	w.order = newOrdering(keys)
	list := make([]sorted, len(rows))
	for i, row := range rows {
		w.r.turn.step()
		list[i] = w.order.sorted(row, w.kept)
	}
	slices.SortStableFunc(list, func(a, b sorted) int {
		w.r.turn.step()
		return w.order.compareAll(a.keys, b.keys)
	})
	by := len(w.c.PartitionBy)
	for first := 0; first < len(list); {
		end := first + 1
		for end < len(list) && w.order.compare(list[first].keys, list[end].keys, 0, by) == 0 {
			w.r.turn.step()
			end++
		}
		w.partition(list[first:end], by)
		first = end
	}
}

func (w *windower) partition(part []sorted, by int) {
	w.part = part
	w.peer = slices.Grow(w.peer[:0], len(part))
	for i := range part {
		w.r.turn.step()
		if i > 0 && w.order.compare(part[i-1].keys, part[i].keys, by, len(w.order.keys)) == 0 {
			w.peer = append(w.peer, w.peer[i-1])
			continue
		}
		w.peer = append(w.peer, i)
	}
	switch w.c.Name {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile":
		w.ranks()
	case "lag", "lead":
		w.offset()
	default:
		w.frames()
	}
}

// peersEnd is behind the last row that is equal in order to row i.
func (w *windower) peersEnd(i int) int {
	end := i + 1
	for end < len(w.part) && w.peer[end] == w.peer[i] {
		end++
	}
	return end
}

func (w *windower) set(i int, v table.Value) { w.part[i].row[w.at] = v }

func unsigned(n int) table.Value { return table.Value{Type: table.Uint64, Int: int64(n)} }

func (w *windower) ranks() {
	n := len(w.part)
	dense, end := 0, 0
	buckets := 1
	if w.c.Name == "ntile" {
		v := w.c.Args[0].Eval(w.part[0].row)
		if buckets = int(v.Int); v.IsNull() || buckets < 1 {
			panic(sql.Errorf(sql.StateInvalidValue, -1, "ntile takes a number greater than 0"))
		}
	}
	for i := range n {
		w.r.turn.step()
		if w.peer[i] == i {
			dense++
			end = w.peersEnd(i)
		}
		switch w.c.Name {
		case "row_number":
			w.set(i, unsigned(i+1))
		case "rank":
			w.set(i, unsigned(w.peer[i]+1))
		case "dense_rank":
			w.set(i, unsigned(dense))
		case "percent_rank":
			w.set(i, table.Real(float64(w.peer[i])/float64(max(n-1, 1))))
		case "cume_dist":
			w.set(i, table.Real(float64(end)/float64(n)))
		default:
			w.set(i, unsigned(bucket(i, n, buckets)))
		}
	}
}

// bucket is where row i of n goes when they are shared out evenly, from 1; the first ones get more.
func bucket(i, n, buckets int) int {
	size, rest := n/buckets, n%buckets
	if i < rest*(size+1) {
		return i/(size+1) + 1
	}
	return (i-rest*(size+1))/size + rest + 1
}

// offset is lag and lead: the value some rows before or behind, or a default.
func (w *windower) offset() {
	for i := range w.part {
		w.r.turn.step()
		row := w.part[i].row
		by := 1
		if len(w.c.Args) > 1 {
			v := w.c.Args[1].Eval(row)
			by = int(v.Int)
		}
		if w.c.Name == "lag" {
			by = -by
		}
		at := i + by
		switch {
		case at >= 0 && at < len(w.part):
			w.set(i, w.c.Args[0].Eval(w.part[at].row))
		case len(w.c.Args) > 2:
			w.set(i, w.c.Args[2].Eval(row))
		default:
			w.set(i, table.Value{})
		}
	}
}

// frame are the rows from first up to end that count for row i.
func (w *windower) frame(i int) (first, end int) {
	f := w.c.Frame
	if f == nil {
		if len(w.c.OrderBy) == 0 {
			return 0, len(w.part)
		}
		return 0, w.peersEnd(i)
	}
	first, end = w.bound(i, &f.Start, 0, false), w.bound(i, &f.End, 1, true)
	return max(first, 0), min(end, len(w.part))
}

func (w *windower) bound(i int, b *sql.Bound, which int, end bool) int {
	plus := 0
	if end {
		plus = 1
	}
	by := 0
	if e := w.c.Offsets[which]; e != nil {
		by = int(e.Value.Int)
	}
	switch b.Kind {
	case "unbounded preceding":
		return 0
	case "unbounded following":
		return len(w.part)
	case "preceding":
		return i - by + plus
	case "following":
		return i + by + plus
	}
	switch {
	case w.c.Frame.Unit == "rows":
		return i + plus
	case end:
		return w.peersEnd(i)
	}
	return w.peer[i]
}

// frames computes what depends on the rows of a frame.
func (w *windower) frames() {
	s := &frameState{w: w}
	for i := range w.part {
		first, end := w.frame(i)
		switch {
		case w.c.Agg != nil && w.c.Name != "first_value" && w.c.Name != "last_value":
			w.set(i, s.aggregate(first, end))
		default:
			w.set(i, w.pick(first, end))
		}
	}
}

// pick is first_value, last_value and nth_value.
func (w *windower) pick(first, end int) table.Value {
	var values []table.Value
	want := 1
	if w.c.Name == "nth_value" && len(w.c.Args) > 1 {
		v := w.c.Args[1].Eval(w.part[0].row)
		want = int(v.Int)
	}
	step, at := 1, first
	if w.c.Name == "last_value" {
		step, at = -1, end-1
	}
	for ; at >= first && at < end; at += step {
		w.r.turn.step()
		v := w.c.Args[0].Eval(w.part[at].row)
		if w.c.IgnoreNulls && v.IsNull() {
			continue
		}
		if values = append(values, v); len(values) == want {
			return v
		}
	}
	return table.Value{}
}

// frameState is an aggregate over a frame. A frame that only grows is not computed anew.
type frameState struct {
	w          *windower
	state      expr.State
	first, end int
	args       []table.Value
}

func (s *frameState) aggregate(first, end int) table.Value {
	a := s.w.c.Agg
	if s.state == nil || first != s.first || end < s.end {
		s.state, s.first, s.end = a.New(), first, first
	}
	for ; s.end < end; s.end++ {
		s.w.r.turn.step()
		row := s.w.part[s.end].row
		if a.Filter != nil && !a.Filter.True(row) {
			continue
		}
		s.args = s.args[:0]
		for _, e := range a.Args {
			s.args = append(s.args, e.Eval(row))
		}
		for _, k := range a.OrderBy {
			s.args = append(s.args, k.Expr.Eval(row))
		}
		s.state.Add(s.args)
	}
	return s.state.Result()
}
