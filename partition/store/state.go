package store

import (
	"bytes"
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

func decodePayloadRow(key, b []byte) (p protocol.Payload, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		if d.Field() == 1 {
			p = decode(d, command.DecodePayload)
		}
	})
	if err != nil {
		return p, corrupt(key, "decode payload: %v", err)
	}
	return p, nil
}

// GetState reads one state value.
func (r Reader) GetState(o Object, stateName []byte) (p protocol.Payload, ok bool, err error) {
	key := stateKey(nil, o, stateName)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return p, false, err
	}
	p, err = decodePayloadRow(key, b)
	return p, err == nil, err
}

// State reads an object's state in key order, until keys and values together pass limitBytes;
// partial then says that there is more. A limit of 0 is no limit.
func (r Reader) State(
	o Object, limitBytes int,
) (all []command.StateEntry, partial bool, err error) {
	sizeBytes := 0
	for entry, err := range r.scanState(prefixBounds(objectKey(nil, KindState, o))) {
		if err != nil {
			return nil, false, err
		}
		sizeBytes += len(entry.Key) + entry.Value.Len()
		if limitBytes > 0 && sizeBytes > limitBytes {
			return all, true, nil
		}
		all = append(all, entry.StateEntry)
	}
	return all, false, nil
}

// ObjectState is one row of ScanState.
type ObjectState struct {
	Object Object
	command.StateEntry
}

// ScanState walks over all state values whose partition keys lie in keys.
func (r Reader) ScanState(keys protocol.KeyRange) iter.Seq2[ObjectState, error] {
	return r.scanState(keyRange(KindState, keys))
}

func (r Reader) scanState(b bounds) iter.Seq2[ObjectState, error] {
	return scan(r, b, func(key, value []byte) (s ObjectState, err error) {
		var rest []byte
		if s.Object, rest, err = objectOf(key); err != nil {
			return s, err
		}
		s.Key = bytes.Clone(rest)
		s.Value, err = decodePayloadRow(key, value)
		return s, err
	})
}

// PutState writes one state value.
func (tx *Tx) PutState(o Object, stateName []byte, value protocol.Payload) error {
	e := newRow(value.Len() + 16)
	e.payload(1, value)
	return tx.put(stateKey(tx.keyBuffer(), o, stateName), e.b)
}

// DeleteState removes one state value; it does nothing if there is none.
func (tx *Tx) DeleteState(o Object, stateName []byte) error {
	return tx.deleteIfPresent(stateKey(tx.keyBuffer(), o, stateName))
}

// ClearState removes all state of an object.
func (tx *Tx) ClearState(o Object) error {
	return tx.deleteAll(prefixBounds(objectKey(nil, KindState, o)))
}
