package metadata

import (
	"maps"

	"github.com/perdure/perdure/protocol"
)

// entry is the current value of a key. The value is never written to.
type entry struct {
	version uint64 // from 1
	writer  requestID
	value   []byte
}

// machine is the state that the log builds: a function of the records alone.
type machine struct {
	applied protocol.LSN
	entries map[string]entry
}

func newMachine() *machine { return &machine{entries: map[string]entry{}} }

// clone is a copy that stays as it is.
func (m *machine) clone() *machine {
	return &machine{applied: m.applied, entries: maps.Clone(m.entries)}
}

// outcome says what became of a swap.
type outcome struct {
	changed bool
	version uint64 // the key's version now
	full    bool   // refused: the key is new and there are too many
}

// apply changes one value, or nothing. A repeated request is answered as the first time, as long
// as nobody has changed the key since.
func (m *machine) apply(lsn protocol.LSN, r record) outcome {
	m.applied = lsn
	if r.kind != recordSwap {
		return outcome{}
	}
	e, exists := m.entries[r.key]
	switch {
	case exists && e.writer == r.request:
		return outcome{changed: true, version: e.version}
	case e.version != r.expected:
		return outcome{version: e.version}
	case !exists && len(m.entries) >= MaxKeys:
		return outcome{full: true}
	}
	e = entry{version: e.version + 1, writer: r.request, value: r.value}
	m.entries[r.key] = e
	return outcome{changed: true, version: e.version}
}
