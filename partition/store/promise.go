package store

import (
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Promise is a durable promise of a workflow: either it has a result or it has waiters.
type Promise struct {
	Result  *protocol.Result
	Waiters []command.Waiter // get-promise commands that wait for the result
}

func (p *Promise) encode() []byte {
	e := newRow(64)
	e.result(1, p.Result)
	e.waiters(2, p.Waiters)
	return e.b
}

func decodePromise(key, b []byte) (p Promise, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			r := decode(d, command.DecodeResult)
			p.Result = &r
		case 2:
			p.Waiters = append(p.Waiters, decode(d, command.DecodeWaiter))
		}
	})
	if err != nil {
		return p, corrupt(key, "decode promise: %v", err)
	}
	return p, nil
}

// GetPromise reads a promise; the zero Promise stands for one that nobody has used.
func (r Reader) GetPromise(o Object, name string) (p Promise, err error) {
	key := promiseKey(nil, o, name)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return p, err
	}
	return decodePromise(key, b)
}

// NamedPromise is one row of ScanPromises.
type NamedPromise struct {
	Object Object
	Name   string
	Promise
}

// ScanPromises walks over the promises whose partition keys lie in keys.
func (r Reader) ScanPromises(keys protocol.KeyRange) iter.Seq2[NamedPromise, error] {
	return scan(r, keyRange(KindPromise, keys), func(key, value []byte) (p NamedPromise, err error) {
		var rest []byte
		if p.Object, rest, err = objectOf(key); err != nil {
			return p, err
		}
		p.Name = string(rest)
		p.Promise, err = decodePromise(key, value)
		return p, err
	})
}

// PromiseWaiters are those who wait for any promise of a workflow key, in the order of the names.
func (r Reader) PromiseWaiters(o Object) (waiters []command.Waiter, err error) {
	rows := scan(r, prefixBounds(objectKey(nil, KindPromise, o)), decodePromise)
	for p, err := range rows {
		if err != nil {
			return nil, err
		}
		waiters = append(waiters, p.Waiters...)
	}
	return waiters, nil
}

// PutPromise writes a promise.
func (tx *Tx) PutPromise(o Object, name string, p Promise) error {
	return tx.put(promiseKey(tx.keyBuffer(), o, name), p.encode())
}

// ClearPromises removes all promises of a workflow key.
func (tx *Tx) ClearPromises(o Object) error {
	return tx.deleteAll(prefixBounds(objectKey(nil, KindPromise, o)))
}
