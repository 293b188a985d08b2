package store

import (
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Lock says who holds an object and how many wait for it. A free object has no row.
type Lock struct {
	Holder protocol.InvocationID
	// Queued is the number of inbox rows; First is at most the sequence of the first of them, so
	// that finding it does not walk over the rows already taken.
	Queued uint32
	First  uint64
}

func (l Lock) encode() []byte {
	e := newRow(48)
	e.id(1, l.Holder)
	e.uint(2, uint64(l.Queued))
	e.uint(3, l.First)
	return e.b
}

func decodeLock(key, b []byte) (l Lock, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			l.Holder = decodeID(d)
		case 2:
			l.Queued = d.Uint32()
		case 3:
			l.First = d.Uint64()
		}
	})
	if err != nil {
		return l, corrupt(key, "decode lock: %v", err)
	}
	return l, nil
}

// GetLock reads an object's lock; ok is false if the object is free.
func (r Reader) GetLock(o Object) (l Lock, ok bool, err error) {
	key := lockKey(nil, o)
	b, ok, err := r.probe(key)
	if err != nil || !ok {
		return l, false, err
	}
	l, err = decodeLock(key, b)
	return l, err == nil, err
}

// HeldLock is one row of ScanLocks.
type HeldLock struct {
	Object Object
	Lock   Lock
}

// ScanLocks walks over the locked objects whose partition keys lie in keys.
func (r Reader) ScanLocks(keys protocol.KeyRange) iter.Seq2[HeldLock, error] {
	return scan(r, keyRange(KindLock, keys), func(key, value []byte) (h HeldLock, err error) {
		if h.Object, _, err = objectOf(key); err != nil {
			return h, err
		}
		h.Lock, err = decodeLock(key, value)
		return h, err
	})
}

// PutLock writes an object's lock.
func (tx *Tx) PutLock(o Object, l Lock) error {
	return tx.put(lockKey(tx.keyBuffer(), o), l.encode())
}

// DeleteLock frees an object.
func (tx *Tx) DeleteLock(o Object) error { return tx.delete(lockKey(tx.keyBuffer(), o)) }
