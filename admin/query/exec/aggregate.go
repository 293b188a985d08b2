package exec

import (
	"sync"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// groups are partial aggregates by the values that rows are grouped by.
type groups struct {
	claim
	n      *plan.Aggregate
	byKey  map[string]*group
	list   []*group // in the order in which they were found
	key    []byte
	values expr.Row
	args   [][]table.Value // of each aggregate: arguments, then the keys of its order
	at     place           // up to which they have been appended to pieces
}

type group struct {
	values expr.Row
	states []expr.State
}

func newGroups(n *plan.Aggregate, m *Memory) *groups {
	g := &groups{
		claim: claim{memory: m}, n: n, byKey: map[string]*group{}, values: make(expr.Row, len(n.Groups)),
	}
	for _, a := range n.Aggs {
		g.args = append(g.args, make([]table.Value, len(a.Args)+len(a.OrderBy)))
	}
	if len(n.Groups) == 0 {
		g.add(nil) // there is a row even if there is nothing to aggregate
	}
	return g
}

// add makes a group of the values in g.values.
func (g *groups) add(key []byte) *group {
	made := &group{values: append(expr.Row{}, g.values...)}
	bytes := sizeOf(made.values) + int64(len(key)) + mapEntryBytes
	for _, a := range g.n.Aggs {
		s := a.New()
		bytes += int64(s.SizeBytes())
		made.states = append(made.states, s)
	}
	g.take(bytes)
	g.byKey[string(key)] = made
	g.list = append(g.list, made)
	return made
}

func (g *groups) find(row expr.Row) *group {
	if len(g.n.Groups) == 0 {
		return g.list[0]
	}
	g.key = g.key[:0]
	for i, e := range g.n.Groups {
		g.values[i] = e.Eval(row)
		g.key = expr.AppendKey(g.key, &g.values[i])
	}
	if found := g.byKey[string(g.key)]; found != nil {
		return found
	}
	return g.add(g.key)
}

func (g *groups) row(row expr.Row) bool {
	found := g.find(row)
	for i, a := range g.n.Aggs {
		if a.Filter != nil && !a.Filter.True(row) {
			continue
		}
		args := g.args[i]
		for j, e := range a.Args {
			args[j] = e.Eval(row)
		}
		for j := range a.OrderBy {
			args[len(a.Args)+j] = a.OrderBy[j].Expr.Eval(row)
		}
		g.feed(a, found.states[i], func(s expr.State) { s.Add(args) })
	}
	return true
}

// feed changes a state, and takes the memory by which it has grown if it may grow.
func (g *groups) feed(a *expr.Aggregate, s expr.State, change func(expr.State)) {
	if !a.Grows() {
		change(s)
		return
	}
	before := s.SizeBytes()
	change(s)
	if more := s.SizeBytes() - before; more > 0 {
		g.take(int64(more))
	}
}

// merge adds what others have found, and gives back what they took. step is called now and then.
func (g *groups) merge(o *groups, step func()) {
	for _, from := range o.list {
		step()
		g.key = g.key[:0]
		for i := range from.values {
			g.key = expr.AppendKey(g.key, &from.values[i])
		}
		to := g.byKey[string(g.key)]
		if to == nil {
			g.take(sizeOf(from.values) + int64(len(g.key)) + mapEntryBytes)
			g.byKey[string(g.key)] = from
			g.list = append(g.list, from)
			for i := range g.n.Aggs {
				g.take(int64(from.states[i].SizeBytes()))
			}
			continue
		}
		for i, a := range g.n.Aggs {
			g.feed(a, to.states[i], func(s expr.State) { s.Merge(from.states[i], step) })
		}
	}
	o.release()
}

// aggregate groups rows: those of a fragment where they are read.
func (r *Runner) aggregate(n *plan.Aggregate, out emit) error {
	all := newGroups(n, r.cfg.Memory)
	defer all.release()
	var err error
	if f := fragmentOf(n.In); f != nil {
		f.others = r.delegate(n, f)
		var mu sync.Mutex
		err = r.each(f, func(turn *Turn) *worker {
			part := newGroups(n, r.cfg.Memory)
			return &worker{
				take:    part.row,
				flush:   func() bool { return true },
				partial: part,
				claim:   part.take,
				done: func() error {
					return turn.inOrder(&mu, func() { all.merge(part, turn.step) })
				},
			}
		})
	} else {
		err = r.run(n.In, all.row)
	}
	if err != nil {
		return err
	}
	row := make(expr.Row, len(n.Groups)+len(n.Aggs))
	for _, g := range all.list {
		r.turn.step()
		copy(row, g.values)
		for i, s := range g.states {
			row[len(n.Groups)+i] = s.Result()
		}
		if !out(row) {
			break
		}
	}
	return nil
}
