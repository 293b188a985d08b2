package machine

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// holdsLock reports whether an invocation of t holds its object's lock from its start to its end.
// A workflow's run does too: it keeps changes of the state from outside waiting.
func holdsLock(t protocol.Target) bool {
	return t.Locks() || t.Kind == protocol.KindWorkflow && t.HandlerKind == protocol.HandlerWorkflow
}

// lockOrQueue takes the object's lock for st, or puts st into the object's inbox.
func (s *step) lockOrQueue(st *store.Status) (free bool, err error) {
	object := store.ObjectOf(st.Target)
	lock, held, err := s.tx.GetLock(object)
	if err != nil {
		return false, err
	}
	if !held || lock.Holder == st.ID {
		lock.Holder = st.ID
		return true, s.tx.PutLock(object, lock)
	}
	q := store.Queued{Object: object, Invocation: st.ID}
	if st.InboxSequence, err = s.enqueue(lock, q); err != nil {
		return false, err
	}
	st.State, st.InboxedAt, st.ModifiedAt = store.Inboxed, s.now, s.now
	return false, s.tx.PutStatus(*st)
}

// enqueue appends to the inbox of a locked object.
func (s *step) enqueue(lock store.Lock, q store.Queued) (sequence uint64, err error) {
	s.tx.Vars.LastInbox++
	q.Sequence = s.tx.Vars.LastInbox
	if lock.Queued == 0 {
		lock.First = q.Sequence
	}
	lock.Queued++
	if err := s.tx.PutQueued(q); err != nil {
		return 0, err
	}
	return q.Sequence, s.tx.PutLock(q.Object, lock)
}

// dequeue takes an invocation that shall not start after all out of its inbox.
func (s *step) dequeue(st *store.Status) error {
	object := store.ObjectOf(st.Target)
	lock, held, err := s.tx.GetLock(object)
	if err != nil {
		return err
	}
	if !held || lock.Queued == 0 {
		return fmt.Errorf("take %s out of the inbox of %s, which is empty: %w",
			st.ID, object, store.ErrCorrupt)
	}
	lock.Queued--
	if err := s.tx.DeleteQueued(object, st.InboxSequence); err != nil {
		return err
	}
	return s.tx.PutLock(object, lock)
}

// release passes an object's lock on: changes of the state at the head of the inbox are made, then
// the next invocation starts. If nobody waits the object is free.
func (s *step) release(t protocol.Target) error {
	object := store.ObjectOf(t)
	lock, held, err := s.tx.GetLock(object)
	if err != nil || !held {
		return err
	}
	for lock.Queued > 0 {
		q, ok, err := s.tx.FirstQueued(object, lock.First)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%d wait for %s but its inbox is empty: %w",
				lock.Queued, object, store.ErrCorrupt)
		}
		if err := s.tx.DeleteQueued(object, q.Sequence); err != nil {
			return err
		}
		lock.Queued--
		lock.First = q.Sequence + 1
		if q.Mutation == nil {
			return s.passLock(object, lock, q.Invocation)
		}
		if err := s.replaceState(object, q.Mutation); err != nil {
			return err
		}
	}
	return s.tx.DeleteLock(object)
}

func (s *step) passLock(object store.Object, lock store.Lock, to protocol.InvocationID) error {
	st, ok, err := s.tx.GetStatus(to)
	if err != nil {
		return err
	}
	if !ok || st.State != store.Inboxed {
		return fmt.Errorf("%s stands in the inbox of %s but does not wait: %w",
			to, object, store.ErrCorrupt)
	}
	lock.Holder = to
	if err := s.tx.PutLock(object, lock); err != nil {
		return err
	}
	return s.start(&st)
}
