package memlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// waiting is an append that was accepted and not answered.
type waiting struct {
	done      func(protocol.LSN, error)
	last      protocol.LSN
	costBytes int64
}

// Replica is one Applier on a log. It is a bifrost.Log.
type Replica struct {
	log     *Log
	applier bifrost.Applier
	wake    chan struct{} // has room for one: there may be something to apply

	// The rest is guarded by log.mu.
	applied   protocol.LSN
	waiting   []waiting // ascending
	usedBytes int64
	limit     int64
	refuse    []error // the next appends fail with these
	loseNext  int     // so many next appends are answered ErrUnknown and never reach the log
	lost      []func(protocol.LSN, error)
	stopped   error
}

var _ bifrost.Log = (*Replica)(nil)

// Append implements bifrost.Log. The records are in the log when it returns nil, and applied by
// later Steps.
func (r *Replica) Append(done func(protocol.LSN, error), payloads ...[]byte) error {
	size := 0
	for _, p := range payloads {
		size += len(p)
	}
	cost := int64(size)
	r.log.mu.Lock()
	if err := r.acceptable(len(payloads), size); err != nil {
		r.log.mu.Unlock()
		return fmt.Errorf("append to log %s: %w", r.log.id, err)
	}
	if r.loseNext > 0 {
		r.loseNext--
		r.lost = append(r.lost, done)
		r.log.mu.Unlock()
		r.poke()
		return nil
	}
	r.usedBytes += cost
	e := r.log.append(payloads)
	r.waiting = append(r.waiting, waiting{done: done, last: e.last(), costBytes: cost})
	r.log.mu.Unlock()
	r.poke()
	return nil
}

// acceptable says why an append fails right away. Caller holds log.mu.
func (r *Replica) acceptable(records, sizeBytes int) error {
	switch {
	case r.stopped != nil:
		return r.stopped
	case r.log.leader != r:
		return bifrost.ErrNotLeader
	case records == 0:
		return errors.New("nothing to append: pass at least one payload")
	case records > bifrost.MaxAppendRecords || sizeBytes > bifrost.MaxAppendBytes:
		return bifrost.ErrTooLarge
	case len(r.refuse) > 0:
		err := r.refuse[0]
		r.refuse = r.refuse[1:]
		return err
	case r.usedBytes+int64(sizeBytes) > r.limit:
		return bifrost.ErrBusy
	}
	return nil
}

func (r *Replica) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Step applies up to n more entries in one Apply call and answers the appends of this replica among
// them. It returns how many entries it applied; 0 says that there is nothing to do.
func (r *Replica) Step(n int) (int, error) {
	r.answerLost()
	r.log.mu.Lock()
	if r.stopped != nil {
		err := r.stopped
		r.log.mu.Unlock()
		return 0, fmt.Errorf("apply log %s: %w", r.log.id, err)
	}
	from := r.log.after(uint64(r.applied) >> positionBits)
	entries := r.log.entries[from:min(from+n, len(r.log.entries))]
	var records []bifrost.Record
	for _, e := range entries {
		records = append(records, e.records...)
	}
	r.log.mu.Unlock()
	if len(records) == 0 {
		return 0, nil
	}
	if err := r.applier.Apply(records); err != nil {
		err = fmt.Errorf("apply records %v to %v of log %s: %w",
			records[0].LSN, records[len(records)-1].LSN, r.log.id, err)
		r.stop(fmt.Errorf("%w: %w", bifrost.ErrClosed, err))
		r.LoseAcknowledgements()
		return 0, err
	}
	r.answer(records[len(records)-1].LSN)
	return len(entries), nil
}

// answer moves the applied position and answers the appends up to it.
func (r *Replica) answer(applied protocol.LSN) {
	r.log.mu.Lock()
	r.applied = applied
	n := 0
	for n < len(r.waiting) && r.waiting[n].last <= applied {
		r.usedBytes -= r.waiting[n].costBytes
		n++
	}
	answered := r.waiting[:n:n]
	r.waiting = r.waiting[n:]
	r.log.mu.Unlock()
	for _, w := range answered {
		w.done(w.last, nil)
	}
}

// Behind is how many entries of the log this replica has not applied.
func (r *Replica) Behind() int {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return len(r.log.entries) - r.log.after(uint64(r.applied)>>positionBits)
}

// LoseAcknowledgements answers every waiting append of this replica with bifrost.ErrUnknown. Their
// records stay in the log.
func (r *Replica) LoseAcknowledgements() {
	r.log.mu.Lock()
	lost := r.waiting
	r.waiting, r.usedBytes = nil, 0
	r.log.mu.Unlock()
	for _, w := range lost {
		w.done(0, bifrost.ErrUnknown)
	}
	r.answerLost()
}

// answerLost answers what LoseAppends swallowed.
func (r *Replica) answerLost() {
	r.log.mu.Lock()
	lost := r.lost
	r.lost = nil
	r.log.mu.Unlock()
	for _, done := range lost {
		done(0, bifrost.ErrUnknown)
	}
}

// LoseAppends makes the next n accepted appends end with bifrost.ErrUnknown without ever reaching
// the log: the other half of what ErrUnknown may mean. The next Step answers them.
func (r *Replica) LoseAppends(n int) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.loseNext += n
}

// Refuse makes the next append fail with err, which should be one that bifrost.Log documents.
func (r *Replica) Refuse(err error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.refuse = append(r.refuse, err)
}

// SetMaxBytesInFlight sets from how many accepted and unanswered bytes on appends fail with
// bifrost.ErrBusy.
func (r *Replica) SetMaxBytesInFlight(n int64) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.limit = n
}

// Crash ends the replica as a power cut would: nothing is answered any more, the Applier is neither
// synced nor closed, the leadership is vacant. Open the log again with what the Applier had made
// durable.
func (r *Replica) Crash() {
	r.log.mu.Lock()
	r.waiting, r.lost = nil, nil
	r.log.mu.Unlock()
	r.stop(bifrost.ErrClosed)
}

// Close ends the replica: waiting appends end with bifrost.ErrUnknown, the Applier is closed. No
// Step may run meanwhile.
func (r *Replica) Close() error {
	r.stop(bifrost.ErrClosed)
	r.LoseAcknowledgements()
	if err := r.applier.Close(); err != nil {
		return fmt.Errorf("close the state of log %s: %w", r.log.id, err)
	}
	return nil
}

// stop refuses everything from now on and gives up the leadership.
func (r *Replica) stop(err error) {
	r.log.mu.Lock()
	if r.stopped == nil {
		r.stopped = err
	}
	if r.log.leader == r {
		r.log.leader = nil
	}
	r.log.mu.Unlock()
}

// Read implements bifrost.Log.
func (r *Replica) Read(ctx context.Context, first protocol.LSN, limitBytes int) (
	[]bifrost.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read log %s from %v: %w", r.log.id, first, context.Cause(ctx))
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.stopped != nil {
		return nil, fmt.Errorf("read log %s from %v: %w", r.log.id, first, r.stopped)
	}
	return r.log.read(first, r.applied, limitBytes)
}

// Tail implements bifrost.Log.
func (r *Replica) Tail() protocol.LSN {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.applied
}

// Trim implements bifrost.Log. It syncs the Applier, as the replicated log does, and must not run
// beside Step.
func (r *Replica) Trim(_ context.Context, through protocol.LSN) error {
	r.log.mu.Lock()
	stopped := r.stopped
	through = min(through, r.applied)
	r.log.mu.Unlock()
	if stopped != nil {
		return fmt.Errorf("trim log %s through %v: %w", r.log.id, through, stopped)
	}
	if err := r.applier.Sync(); err != nil {
		return fmt.Errorf("trim log %s through %v: %w", r.log.id, through, err)
	}
	r.log.trim(through)
	return nil
}

// Leader implements bifrost.Log.
func (r *Replica) Leader() (bool, uint64) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.log.leader == r, r.log.term
}
