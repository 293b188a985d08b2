package exec

import (
	"sync/atomic"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Memory is an amount of memory that is shared out. It is used by many goroutines.
type Memory struct {
	limit int64
	used  atomic.Int64
	whole *Memory // of which this one is a part; nil: none
	what  string  // for errors
}

// NewMemory makes an amount of memory; what says whose it is.
func NewMemory(limitBytes int64, what string) *Memory {
	return &Memory{limit: limitBytes, what: what}
}

// Part makes a part of the memory that is bounded by itself.
func (m *Memory) Part(limitBytes int64, what string) *Memory {
	return &Memory{limit: limitBytes, whole: m, what: what}
}

// take fails if there is not enough left.
func (m *Memory) take(n int64) {
	for p := m; p != nil; p = p.whole {
		if p.used.Add(n) <= p.limit {
			continue
		}
		for q := m; ; q = q.whole {
			q.used.Add(-n)
			if q == p {
				break
			}
		}
		panic(sql.Errorf(sql.StateMemory, -1, "the query needs more memory than %s, %d bytes", p.what, p.limit).
			With("select fewer rows or columns before they are sorted, grouped or joined"))
	}
}

func (m *Memory) give(n int64) {
	for p := m; p != nil; p = p.whole {
		p.used.Add(-n)
	}
}

// Used is how much is taken.
func (m *Memory) Used() int64 { return m.used.Load() }

// Release gives back all that is taken.
func (m *Memory) Release() { m.give(m.used.Load()) }

const (
	valueBytes = 56 // a Value without what it points to
	rowBytes   = 48 // a row in a list, without its values
)

// sizeOf is about how much memory a copy of a row takes.
func sizeOf(row expr.Row) int64 {
	n := rowBytes + valueBytes*len(row)
	for i := range row {
		n += len(row[i].Str)
		for j := range row[i].List {
			n += row[i].List[j].SizeBytes()
		}
	}
	return int64(n)
}

// claim takes memory in larger steps than rows, for one goroutine.
type claim struct {
	memory *Memory
	left   int64
	total  int64
}

const claimStep = 64 << 10

func (c *claim) take(n int64) {
	if c.left -= n; c.left < 0 {
		step := claimStep - c.left
		c.memory.take(step)
		c.left, c.total = c.left+step, c.total+step
	}
}

// give has room again for what was taken and is not needed any more. It stays with the claim.
func (c *claim) give(n int64) { c.left += n }

// release gives back all.
func (c *claim) release() {
	c.memory.give(c.total)
	c.left, c.total = 0, 0
}

// slab has room for copies of rows, many of which share one piece of memory.
type slab struct {
	claim
	block []table.Value // the last piece
	room  []table.Value // what is left of it
}

// Values in the first piece of a slab, and in each of many.
const (
	firstValues = 32
	slabValues  = 512
)

func (s *slab) copy(row expr.Row) expr.Row {
	s.take(sizeOf(row))
	if len(row) > len(s.room) {
		s.block = make([]table.Value, max(min(2*len(s.block), slabValues), firstValues, len(row)))
		s.room = s.block
	}
	c := s.room[:len(row):len(row)]
	s.room = s.room[len(row):]
	copy(c, row)
	return c
}

// cut returns what the copies made so far take, for those who go on with them.
func (s *slab) cut() claim {
	c := s.claim
	s.claim = claim{memory: c.memory}
	return c
}

// reuse is release, after which the copies made so far must not be looked at any more: their room is used
// again.
func (s *slab) reuse() {
	s.release()
	clear(s.block)
	s.room = s.block
}
