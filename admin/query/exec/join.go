package exec

import (
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// maxNarrow is up to how many rows of the left side the right side is asked for their keys only.
const maxNarrow = 4096

// join joins rows: those of the right side stand in memory, those of the left pass by. The right
// side is read once the first rows of the left one are known: if these are all, only rows with
// their keys are asked for.
type join struct {
	r       *Runner
	n       *plan.Join
	out     emit
	waiting []expr.Row // the first rows of the left side
	kept    slab
	right   *built
	row     expr.Row
	width   int // of the left side
	more    bool
}

// built is the right side in memory.
type built struct {
	rows  []builtRow
	byKey map[string][]int // nil: there are no keys to compare
	key   []byte
}

type builtRow struct {
	row     expr.Row
	matched bool
}

func (r *Runner) join(n *plan.Join, out emit) (err error) {
	j := &join{
		r: r, n: n, out: out, kept: slab{claim: claim{memory: r.cfg.Memory}}, more: true,
		width: len(n.Left.Fields()),
	}
	defer func() { j.kept.release() }()
	j.row = make(expr.Row, j.width+len(n.Right.Fields()))
	var failed error
	err = r.run(n.Left, func(row expr.Row) bool {
		if j.right == nil && len(j.waiting) < maxNarrow {
			j.waiting = append(j.waiting, j.kept.copy(row))
			return true
		}
		if j.right == nil {
			if failed = j.build(n.Right); failed != nil || !j.flush() {
				return false
			}
		}
		j.more = j.probe(row)
		return j.more
	})
	if err == nil {
		err = failed
	}
	if err != nil || !j.more {
		return err
	}
	if j.right == nil {
		if len(j.waiting) == 0 && n.Kind != "right" && n.Kind != "full" {
			return nil
		}
		if err := j.build(j.narrowed()); err != nil || !j.flush() {
			return err
		}
	}
	if n.Kind == "right" || n.Kind == "full" {
		j.unmatched()
	}
	return nil
}

// flush probes the rows that have waited.
func (j *join) flush() bool {
	for i := 0; i < len(j.waiting) && j.more; i++ {
		j.r.turn.step()
		j.more = j.probe(j.waiting[i])
	}
	j.waiting = nil
	return j.more
}

// narrowed is the right side, asked for the keys of the left one only, if that can be.
func (j *join) narrowed() plan.Node {
	if j.n.Kind == "right" || j.n.Kind == "full" {
		return j.n.Right
	}
	for i, key := range j.n.RightKeys {
		var values []table.Value
		for _, row := range j.waiting {
			if v := j.n.LeftKeys[i].Eval(row); v.Type != table.Null {
				values = append(values, v)
			}
		}
		if n, ok := plan.Narrow(j.n.Right, key, expr.NewSet(values)); ok {
			return n
		}
	}
	return j.n.Right
}

func (j *join) build(n plan.Node) error {
	j.right = &built{}
	if len(j.n.RightKeys) > 0 {
		j.right.byKey = map[string][]int{}
	}
	return j.r.collect(n, &j.kept, func(row expr.Row) bool {
		if len(j.n.RightKeys) > 0 {
			key, ok := j.right.keyOf(row, j.n.RightKeys)
			if !ok && (j.n.Kind != "right" && j.n.Kind != "full") {
				return true // NULL is equal to nothing
			}
			if ok {
				j.kept.take(int64(len(key)) + mapEntryBytes)
				j.right.byKey[string(key)] = append(j.right.byKey[string(key)], len(j.right.rows))
			}
		}
		j.right.rows = append(j.right.rows, builtRow{row: row})
		return true
	})
}

// keyOf makes the key of a row; ok is false if a part of it is NULL.
func (b *built) keyOf(row expr.Row, keys []*expr.Expr) (key []byte, ok bool) {
	b.key = b.key[:0]
	for _, e := range keys {
		v := e.Eval(row)
		if v.Type == table.Null {
			return nil, false
		}
		b.key = expr.AppendKey(b.key, &v)
	}
	return b.key, true
}

// probe finds the rows that go with one of the left side, and hands on what comes of it.
func (j *join) probe(left expr.Row) bool {
	copy(j.row, left)
	matched := false
	visit := func(at int) bool {
		candidate := &j.right.rows[at]
		copy(j.row[j.width:], candidate.row)
		if j.n.Cond != nil && !j.n.Cond.True(j.row) {
			return true
		}
		matched, candidate.matched = true, true
		switch j.n.Kind {
		case "semi", "anti":
			return false
		}
		j.more = j.out(j.row)
		return j.more
	}
	j.each(left, visit)
	if !j.more {
		return false
	}
	switch {
	case j.n.Kind == "semi" && matched, j.n.Kind == "anti" && !matched:
		return j.out(j.row[:j.width])
	case (j.n.Kind == "left" || j.n.Kind == "full") && !matched:
		clear(j.row[j.width:])
		return j.out(j.row)
	}
	return true
}

// each visits the rows of the right side whose keys are those of a row of the left one.
func (j *join) each(left expr.Row, visit func(at int) bool) {
	if j.right.byKey == nil {
		for at := range j.right.rows {
			j.r.turn.step()
			if !visit(at) {
				return
			}
		}
		return
	}
	key, ok := j.right.keyOf(left, j.n.LeftKeys)
	if !ok {
		return
	}
	for _, at := range j.right.byKey[string(key)] {
		j.r.turn.step()
		if !visit(at) {
			return
		}
	}
}

// unmatched hands on the rows of the right side that go with none of the left.
func (j *join) unmatched() {
	clear(j.row[:j.width])
	for i := range j.right.rows {
		j.r.turn.step()
		if !j.right.rows[i].matched {
			copy(j.row[j.width:], j.right.rows[i].row)
			if !j.out(j.row) {
				return
			}
		}
	}
}
